"""What a rejection names: code and column, read out of the receiver's words."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.decisions import Answer, Receipt
from zhitong.rules.rejections import blame, reasons
from zhitong.streams.blaming import blamed, columns
from zhitong.streams.schemas import faults

COLUMNS = frozenset({"CF_WSH", "party_code", "result"})


@pytest.mark.parametrize(
    ("reason", "code", "field"),
    [
        pytest.param("1003 CF_WSH 文号重复", "1003", "CF_WSH", id="both"),
        pytest.param("res-12 文号重复", "res-12", "", id="a code alone"),
        pytest.param("缺少 CF_WSH 决定书文号：必填", "", "CF_WSH", id="our own words"),
        pytest.param("party_code：不合结构（pattern）", "", "party_code", id="shape"),
        pytest.param("document is wrong", "", "", id="words"),
        pytest.param("11010519491231002X 不符", "", "", id="a person's number"),
        pytest.param("1003", "1003", "", id="nothing but a code"),
        pytest.param("", "", "", id="nothing"),
        pytest.param("字段CF_WSH有误", "", "CF_WSH", id="without blanks"),
    ],
)
def test_code_and_column_are_read_out_of_a_reason(
    reason: str, code: str, field: str
) -> None:
    assert blame(reason, COLUMNS) == (code, field)


@given(
    st.from_regex(r"[A-Z]{0,3}-?[0-9]{1,5}", fullmatch=True),
    st.sampled_from(["", *sorted(COLUMNS)]),
    st.text(alphabet="重复有误：（）", min_size=1),
)
def test_what_was_written_as_code_and_field_is_read_as_such(
    code: str, field: str, text: str
) -> None:
    (written,) = reasons(code, field, text)
    assert blame(written, COLUMNS) == (code, field)


@given(st.text())
def test_any_words_are_read_and_a_number_of_a_person_is_no_code(text: str) -> None:
    code, field = blame(text, COLUMNS)
    assert len(code) <= 10
    assert not field or field in COLUMNS


def test_the_reasons_of_our_own_rules_name_their_columns() -> None:
    whole = {"CF_XDR_MC": "某公司", "CF_ZT": "0", "CF_JDRQ": "2026-11-20"}
    # What is not even of the structure is judged no further.
    found = (*faults("cf_fr", whole), *faults("cf_fr", {}))
    named = {blame(reason, columns())[1] for reason in found}
    assert {"CF_WSH", "CF_CFJGDM", "CF_JDRQ"} <= named
    assert "" not in named


def test_only_a_rejection_blames() -> None:
    said = Receipt(
        event_id=UUID(int=1),
        receiver="credit",
        answer=Answer.REJECTED,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        payload_hash="",
        reasons=("1003 CF_WSH 文号重复", "不符"),
    )
    assert blamed(said).blamed == (("1003", "CF_WSH"), ("", ""))
    waiting = Receipt(
        event_id=UUID(int=1),
        receiver="credit",
        answer=Answer.WAITING,
        at=said.at,
        payload_hash="",
        reasons=("等待第 2 版 waits for version 2",),
    )
    assert blamed(waiting) == waiting
