"""What is written for want of a number is none, and no key that decisions share."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from zhitong.decisions import Act, Decision, Party
from zhitong.infra.checks_file import read_checks
from zhitong.rules.placeholders import without_placeholders

NONE = read_checks(Path("infra/rules/checks.toml")).limits.placeholders
DECISION = Decision(
    local_id="A-1",
    act=Act.PENALTY,
    subject_code="11619900MB0004001B",
    document_no="（安）应急罚〔2026〕1号",
    decided_on=date(2026, 11, 20),
    party=Party(kind="INDIVIDUAL_BUSINESS", name="安泽孙三小吃店"),
)
WRITTEN = ["无", "/", "暂无", "-", " 无 ", "／", "－", "N/A", "Null", "——", "\\"]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_placeholder_is_no_number(written: str) -> None:
    party = replace(
        DECISION.party, code=written, registration_no=written, representative=written
    )
    said = replace(
        DECISION,
        case_source="emergency",
        case_no=written,
        inspection_no=written,
        matter_code=written,
        party=party,
    )
    found = without_placeholders(said, NONE)
    assert found == replace(DECISION, case_source="emergency")
    assert found.case_key == "11619900MB0004001B/A-1"


def test_numbers_and_texts_stay_as_they_are() -> None:
    said = replace(
        DECISION,
        case_no="无-1",
        matter_code="0001",
        facts="无",
        title="/",
        party=replace(DECISION.party, name="无", representative="吴"),
    )
    assert without_placeholders(said, NONE) is said
