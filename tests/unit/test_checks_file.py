"""The file of checks: strict, every figure dated, every source honest."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from zhitong.decisions import Act, Severity
from zhitong.exceptions import ChecksError
from zhitong.infra.checks_file import CONFIGURED, read_checks
from zhitong.infra.settings import Settings
from zhitong.rules.admission import CODES
from zhitong.rules.check import Check
from zhitong.rules.checks import TESTS
from zhitong.schema.codes import (
    COUNTERPARTY_KIND,
    ID_KIND,
    LICENCE_KIND,
    PENALTY_KIND,
    PROCEDURE,
    REVIEW_OPINION,
)
from zhitong.schema.declare import UNRECOGNISED

IN_FORCE = Settings().checks

LIMITS = """
tenant = "*"
[limits]
officers = 3
amount = "1000"
[limits.texts]
local_id = 10
other = 20
"""
CHECK = """
[[checks]]
name = "two"
test = "officers-number"
acts = ["PENALTY"]
procedures = ["ORDINARY", "UNSTATED"]
at_least = 2
from = 2021-07-15
to = 2030-12-31
severity = "BREACH"
title = { zh = "两人", en = "two" }
text = { zh = "应 {needed}，实 {named}", en = "{needed} due, {named} named" }
source = "某法第1条"
read = true
"""


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "checks.toml"


def test_a_check_is_read_with_all_it_says(write: Path) -> None:
    write.write_text(LIMITS + CHECK, encoding="utf-8")
    read = read_checks(write)
    (check,) = read.checks
    assert check.acts == {Act.PENALTY}
    assert check.procedures == {"ORDINARY", "UNSTATED"}
    assert (check.valid_from, check.valid_to) == (date(2021, 7, 15), date(2030, 12, 31))
    assert (check.at_least, check.severity) == (2, Severity.BREACH)
    assert check.source == "某法第1条"
    assert read.limits.texts == {"local_id": 10, "other": 20}
    assert (read.limits.officers, read.limits.amount) == (3, 100_000)
    assert (read.limits.placeholders, read.limits.person_years) == (frozenset(), 0)


def test_placeholders_are_read_as_they_are_compared(write: Path) -> None:
    more = 'placeholders = ["无", " ／ ", "N/A"]\nperson_years = 14\n'
    limits = LIMITS.replace("[limits.texts]", f"{more}[limits.texts]")
    write.write_text(limits + CHECK, encoding="utf-8")
    read = read_checks(write).limits
    assert read.placeholders == {"无", "/", "n/a"}
    assert read.person_years == 14


def test_amounts_are_yuan_in_the_file_and_fen_inside(write: Path) -> None:
    check = CHECK.replace("officers-number", "fine-within").replace("at_least = 2", "")
    check = check.replace("{needed}", "{most}").replace("{named}", "{fine}")
    amounts = 'amounts = { LEGAL_PERSON = "3000", NATURAL_PERSON = "199.50" }\n'
    write.write_text(LIMITS + check + amounts, encoding="utf-8")
    assert read_checks(write).checks[0].amounts == {
        "LEGAL_PERSON": 300_000,
        "NATURAL_PERSON": 19_950,
    }


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("at_least = 2", "at_last = 2", "at_last", id="a misspelt key"),
        pytest.param(
            '"officers-number"',
            '"officers-count"',
            "two .*officers-count",
            id="no test",
        ),
        pytest.param('["PENALTY"]', '["FINE"]', "FINE", id="no such act"),
        pytest.param('["PENALTY"]', "[]", "acts", id="for no act"),
        pytest.param('"ORDINARY"', '"USUAL"', "two .*USUAL", id="no such procedure"),
        pytest.param('"BREACH"', '"UNVERIFIED"', "UNVERIFIED", id="no weight"),
        pytest.param("{named} named", "{name} named", "two .*name", id="no such word"),
        pytest.param("{named} named", "{named named", "two ", id="an open brace"),
        pytest.param("2021-07-15", "2031-01-01", "two .*after it ends", id="never"),
        pytest.param("2021-07-15", '"soon"', "date", id="no date"),
        pytest.param("read = true", "read = false", "two .*read", id="not honest"),
        pytest.param(
            "某法第1条", f"{CONFIGURED}：某法", "two .*read", id="read nothing"
        ),
        pytest.param("at_least = 2", "", "two .*at_least", id="how many"),
        pytest.param("at_least = 2", "at_least = 0", "at_least", id="none at least"),
        pytest.param('en = "two"', 'en = ""', "en", id="one language"),
        pytest.param('"1000"', '"1.005"', "limits .*amount", id="part of a fen"),
        pytest.param('"1000"', '"-1"', "limits .*amount", id="a negative limit"),
        pytest.param("other = 20", "", "limits.texts .*other", id="no usual limit"),
        pytest.param("other = 20", "other = 0", "texts", id="no text at all"),
        pytest.param(
            "at_least = 2",
            'at_least = 2\namounts = { FIRM = "1" }',
            "two .*FIRM",
            id="no such party",
        ),
        pytest.param(
            "at_least = 2",
            'at_least = 2\namounts = { LEGAL_PERSON = "1e3" }',
            "two .*1e3",
            id="no yuan",
        ),
        pytest.param(
            "at_least = 2", 'at_least = 2\nkinds = ["FEE"]', "two .*FEE", id="no kind"
        ),
        pytest.param("[[checks]]", "[[check]]", "check", id="another table"),
    ],
)
def test_a_mistake_names_the_file_and_the_check(
    write: Path, old: str, new: str, says: str
) -> None:
    text = LIMITS + CHECK
    assert old in text
    write.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ChecksError, match=says) as caught:
        read_checks(write)
    assert "checks.toml" in caught.value.label.zh
    assert "checks.toml" in caught.value.label.en


def test_a_name_that_stands_twice_is_refused(write: Path) -> None:
    write.write_text(LIMITS + CHECK + CHECK, encoding="utf-8")
    with pytest.raises(ChecksError, match="two stands there twice"):
        read_checks(write)


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ChecksError, match=r"none\.toml"):
        read_checks(tmp_path / "none.toml")


def test_every_test_is_used_by_a_check_in_force() -> None:
    assert {check.test for check in read_checks(IN_FORCE).checks} == set(TESTS)


def test_periods_of_the_same_rule_meet_without_a_gap() -> None:
    ends = {check.valid_to for check in read_checks(IN_FORCE).checks if check.valid_to}
    begins = {
        check.valid_from for check in read_checks(IN_FORCE).checks if check.valid_from
    }
    assert ends == {date(2021, 7, 14)}
    # What a bureau is to sign begins with a year, and nothing ends before it.
    assert begins == {date(2021, 7, 15), date(2027, 1, 1)}


def test_the_closed_lists_are_those_of_the_graph() -> None:
    for name, listed in (
        ("party.kind", COUNTERPARTY_KIND),
        ("party.id_kind", ID_KIND),
        ("party.representative_id_kind", ID_KIND),
        ("penalty.kinds", PENALTY_KIND),
        ("penalty.procedure", PROCEDURE),
        ("review.opinion", REVIEW_OPINION),
        ("licence.kind", LICENCE_KIND),
    ):
        assert CODES[name] == set(listed.values) - {UNRECOGNISED}


def test_the_document_lists_the_checks_in_force() -> None:
    page = Path("docs/checks.md").read_text("utf-8")
    table = page.rpartition("|---|---|---|---|---|---|\n")[2].splitlines()
    assert table == [in_the_document(check) for check in read_checks(IN_FORCE).checks]


def in_the_document(check: Check) -> str:
    acts = ", ".join(act.value for act in Act if act in check.acts)
    days = f"{check.valid_from or '…'} – {check.valid_to or '…'}"
    cells = (
        f"`{check.name}`",
        f"{check.title.zh} {check.title.en}",
        "全部 all" if check.acts == set(Act) else acts,
        days if check.valid_from or check.valid_to else "",
        check.severity,
        check.source,
    )
    return f"| {' | '.join(cells)} |"


def test_the_check_in_the_document_is_one_of_those_in_force(write: Path) -> None:
    page = Path("docs/checks.md").read_text("utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    write.write_text(LIMITS + example, encoding="utf-8")
    assert read_checks(write).checks[0] in read_checks(IN_FORCE).checks
