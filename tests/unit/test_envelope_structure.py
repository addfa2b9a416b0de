"""Whatever a decision says or leaves out, each event is of its JSON Schema."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Entry,
    Licence,
    Party,
    Penalty,
    Review,
)
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.cloud_events import parse, write
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.schemas import faults, tables

T = TypeVar("T")
CONFIG = read_receivers()
ENVELOPES = ReceiverEnvelopes(
    CONFIG, {"credit": ReceiverKeys.generate("credit").public}
)


def maybe(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


def a_code(*known: str) -> st.SearchStrategy[str]:
    """Give a code of a list, or one that is not in it."""
    return st.sampled_from([*known, "UNKNOWN", ""])


# Not only letters: blanks, controls, line ends, halves of characters, and long ones.
TEXT = st.one_of(
    st.text(max_size=30),
    st.text(alphabet=["\x00", "\n", " ", "\ud800", "罚", "\u2028", '"'], max_size=8),
    st.integers(1, 2000).map(lambda size: "案" * size),
)
DAY = st.dates()
FEN = st.integers(-1, 2**63 - 1)
WORDS = CONFIG.words
PARTIES = st.builds(
    Party,
    kind=a_code(*WORDS["party_kinds"]),
    name=TEXT,
    code=maybe(TEXT),
    registration_no=maybe(TEXT),
    id_kind=maybe(a_code(*WORDS["id_kinds"])),
    id_number=maybe(TEXT),
    representative=maybe(TEXT),
    representative_id_kind=maybe(a_code(*WORDS["id_kinds"])),
    representative_id_number=maybe(TEXT),
)
PENALTIES = st.builds(
    Penalty,
    kinds=st.lists(a_code(*WORDS["penalty_kinds"]), max_size=20).map(tuple),
    violation_type=maybe(TEXT),
    fine=maybe(FEN),
    confiscated=maybe(FEN),
    licence_affected=maybe(TEXT),
    procedure=maybe(a_code(*WORDS["procedures"])),
    valid_to=maybe(DAY),
    publicity_to=maybe(DAY),
    hearing=maybe(st.booleans()),
)
LICENCES = st.builds(
    Licence,
    kind=a_code(*WORDS["licence_kinds"]),
    certificate_name=maybe(TEXT),
    certificate_no=maybe(TEXT),
    valid_from=maybe(DAY),
    valid_to=maybe(DAY),
)
DECISIONS = st.builds(
    Decision,
    local_id=TEXT.filter(lambda text: "\ud800" not in text),
    act=st.sampled_from(Act),
    subject_code=TEXT.filter(lambda text: "\ud800" not in text),
    subject_name=maybe(TEXT),
    inspection_no=maybe(TEXT),
    matter_code=maybe(TEXT),
    document_no=TEXT,
    document_title=maybe(TEXT),
    decided_on=DAY,
    division=maybe(TEXT),
    title=maybe(TEXT),
    facts=maybe(TEXT),
    basis=maybe(TEXT),
    content=maybe(TEXT),
    party=PARTIES,
    officers=st.lists(TEXT, max_size=5).map(tuple),
    review=maybe(
        st.builds(
            Review,
            reference=TEXT,
            on=maybe(DAY),
            opinion=maybe(a_code(*WORDS["review_opinions"])),
        )
    ),
    collective=maybe(st.booleans()),
    penalty=maybe(PENALTIES),
    licence=maybe(LICENCES),
)
ENTRIES = st.builds(
    Entry,
    decision=DECISIONS,
    version=st.integers(1, 2**31 - 1),
    change=st.sampled_from(Change),
    at=st.integers(946_684_800, 4_102_444_800).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC)
    ),
    reason=TEXT,
    basis=TEXT,
    unit=TEXT,
    unit_name=TEXT,
    person=TEXT,
)


@settings(deadline=None, max_examples=300)
@given(entry=ENTRIES, follows_history=st.booleans())
def test_every_event_is_of_its_schema_whatever_the_decision_lacks(
    entry: Entry, *, follows_history: bool
) -> None:
    receivers = ENVELOPES.receivers(entry.decision.act)
    events = ENVELOPES.events(
        [whole(entry, name) for name in receivers], follows_history=follows_history
    )
    assert [event.receiver for event in events] == list(receivers)
    for event in events:
        read = parse(event.payload)
        table = tables()[read.table]
        errors = table.errors(read.row)
        assert [f"{list(e.path)} {e.validator}" for e in errors] == []
        assert event.schema == read.schema == table.urn
        assert len(event.payload) < 900 * 1024
        assert write(read) == event.payload


@settings(deadline=None, max_examples=300)
@given(decision=DECISIONS)
def test_what_is_found_beforehand_is_what_receivers_then_say(
    decision: Decision,
) -> None:
    """The same rules judge before and after, so nobody is told two things."""
    entry = Entry(
        decision=decision,
        version=1,
        change=Change.RECORDED,
        at=datetime.now(UTC),
        unit=decision.subject_code,
        unit_name=decision.subject_name or decision.subject_code,
        person="",
    )
    copies = [whole(entry, name) for name in ENVELOPES.receivers(decision.act)]
    said = [
        f"form-{event.receiver} {fault}"
        for event in ENVELOPES.events(copies, follows_history=False)
        for fault in faults(
            parse(event.payload).table, orjson.loads(event.payload)["data"]["row"]
        )
    ]
    found = [
        f"{one.check} {one.detail.zh.partition('：')[2]}"
        f" / {one.detail.en.partition(': ')[2]}"
        for one in ENVELOPES.shortcomings(copies)
        # What no dictionary has a text for is left out: no receiver sees that it lacks.
        if "GAP" not in one.detail.zh
    ]
    assert found == said


COMPLETE = {
    "CF_XDR_MC": "钱二",
    "CF_XDR_ZJLX": "身份证",
    "CF_XDR_ZJHM": "a.b.c.d.e",
    "CF_WSH": "安应急罚〔2026〕31号",
    "CF_WFXW": "安全生产教育培训",
    "CF_SY": "未培训",
    "CF_YJ": "安全生产法",
    "CF_CFLB": "警告，罚款",
    "CF_NR": "警告，罚款一千元",
    "CF_NR_FK": "0.100000",
    "CF_JDRQ": "2026-11-20",
    "CF_YXQ": "2099-12-31",
    "CF_CFJG": "安泽市应急管理局",
    "CF_CFJGDM": "11619900MB0004001B",
    "CF_SJLY": "安泽市应急管理局",
    "CF_SJLYDM": "11619900MB0004001B",
    "CF_ZT": "0",
}


def test_a_complete_row_is_accepted() -> None:
    assert faults("cf_zrr", COMPLETE) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"CF_ZT": "9"}, "CF_ZT: not so (enum)", id="no status there is"),
        pytest.param({"CF_ZT": 0}, "CF_ZT: not so (type)", id="a number for text"),
        pytest.param(
            {"CF_NR_FK": "1000"}, "CF_NR_FK: not so (pattern)", id="yuan, no decimals"
        ),
        pytest.param(
            {"CF_JDRQ": "2026/11/20"}, "CF_JDRQ: not so (pattern)", id="a slash"
        ),
        pytest.param({"CF_SY": ""}, "CF_SY: not so (minLength)", id="an empty text"),
        pytest.param(
            {"CF_XDR_MC": "钱" * 201}, "CF_XDR_MC: not so (maxLength)", id="too long"
        ),
        pytest.param(
            {"CF_XDR_ZJHM": "11010519491231002X"},
            "CF_XDR_ZJHM: not so (pattern)",
            id="an ID number that is not sealed",
        ),
        pytest.param(
            {"PHONE": "1"}, "row: not so (additionalProperties)", id="one column more"
        ),
        pytest.param(
            {"CF_CFJGDM": "11619900MB0004001A"},
            "CF_CFJGDM: no valid unified social credit code",
            id="a code with another check character",
        ),
        pytest.param(
            {"CF_CFLB": "警告、" * 13},
            "CF_CFLB: 36 characters at most, it has 39",
            id="too long for what must not be cut",
        ),
        pytest.param({"CF_ZT": None}, "CF_ZT: not so (type)", id="null"),
    ],
)
def test_a_row_that_is_not_so_is_named_by_its_column_alone(
    change: dict[str, object], said: str
) -> None:
    (fault,) = faults("cf_zrr", COMPLETE | change)
    assert fault.endswith(f" / {said}")
    for value in change.values():
        assert not isinstance(value, str) or len(value) < 2 or value not in fault


@pytest.mark.parametrize("column", ["CF_JDRQ", "CF_ZT", "CF_WSH", "CF_SY", "CF_NR_FK"])
def test_a_column_that_is_missing_is_named(column: str) -> None:
    row = {name: value for name, value in COMPLETE.items() if name != column}
    (fault,) = faults("cf_zrr", row)
    assert column in fault


@pytest.mark.parametrize(
    ("kinds", "due"),
    [
        pytest.param("罚款", {"CF_NR_FK"}, id="a fine"),
        pytest.param("没收违法所得", {"CF_NR_WFFF"}, id="gains"),
        pytest.param("警告、没收非法财物", {"CF_NR_WFFF"}, id="goods, after a warning"),
        pytest.param("吊销许可证件", {"CF_NR_ZKDX"}, id="a licence revoked"),
        pytest.param("暂扣许可证件;罚款", {"CF_NR_ZKDX", "CF_NR_FK"}, id="two at once"),
        pytest.param("警告", set(), id="a warning"),
        pytest.param("其他-不是罚款", set(), id="a word that has the other in it"),
    ],
)
def test_what_is_due_follows_the_kinds_of_penalty(kinds: str, due: set[str]) -> None:
    row = COMPLETE | {"CF_CFLB": kinds}
    del row["CF_NR_FK"]
    missing = {fault.split()[1] for fault in faults("cf_zrr", row)}
    assert missing == due


def test_nothing_is_submitted_before_it_was_decided() -> None:
    entry = Entry(
        decision=Decision(
            local_id="1",
            act=Act.PAYMENT,
            subject_code="11619900MB0004001B",
            subject_name="安泽市应急管理局",
            document_no="安应急付〔2026〕1号",
            decided_on=date(2026, 11, 23),
            title="救助",
            content="给付",
            party=Party(kind="NATURAL_PERSON", name="钱二"),
        ),
        version=1,
        change=Change.RECORDED,
        at=datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC),
        unit="11619900MB0004001B",
        person="周四",
    )
    (event,) = ENVELOPES.events([whole(entry, "provincial")], follows_history=False)
    row = parse(event.payload).row
    assert faults("payment", row) == (
        "报送时间不得早于决定日期 / it cannot be submitted before it was decided",
    )
    # One second later it is the day of the decision in Shanghai.
    assert faults("payment", row | {"submitted_at": "2026-11-23 00:00:00"}) == ()


def test_a_table_that_there_is_not_is_named() -> None:
    assert faults("cf_xx", {}) == ("没有 cf_xx 这张表 / there is no table cf_xx",)
