"""What happened to a decision, written and read: nothing of it is lost or made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiving import CONFIG

from zhitong.decisions import (
    Annotation,
    Arrival,
    Happened,
    Unreadable,
    annotation_id,
    partition_key,
)
from zhitong.exceptions import EventPoisonError
from zhitong.resolvers.annotating import GIVEN
from zhitong.rules.work import ERASED, TOLD
from zhitong.streams import examples, provincial
from zhitong.streams.annotations import (
    ANNOTATION,
    COLUMNS,
    read_annotation,
    table,
    told,
    write_annotation,
)
from zhitong.streams.cloud_events import parse
from zhitong.streams.conformance import judge
from zhitong.streams.group_reader import Message
from zhitong.streams.intake import Intake
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.notices import read_notice
from zhitong.streams.schemas import structure, tables

INTAKE = Intake(ReceiverKeys.generate("provincial"))
EXAMPLE = examples.annotation(CONFIG)
DAYS = st.dates().map(lambda day: day.isoformat())
TIMES = st.integers(10**15, 2 * 10**15).map(
    lambda since: datetime.fromtimestamp(since / 10**6, UTC)
)
TEXTS = st.text("安信修〔〕0123456789-", min_size=1, max_size=100)
SHOWN = st.fixed_dictionaries(
    {},
    optional={name: DAYS if name.endswith("On") else TEXTS for name in sorted(COLUMNS)},
)


@st.composite
def an_annotation(draw: st.DrawFn) -> Annotation:
    shown = draw(SHOWN)
    free = sorted(COLUMNS.keys() - shown.keys())
    hidden = draw(st.sets(st.sampled_from(free))) if free else set()
    return Annotation(
        receiver="provincial",
        happened=Happened(
            cause=draw(st.uuids()),
            what=draw(st.sampled_from(sorted(TOLD))),
            decision_id=draw(st.uuids()),
            version=draw(st.integers(1, 2**31 - 1)),
            order=draw(st.integers(-(2**63), 2**63 - 1)),
            at=draw(TIMES),
            history=frozenset(draw(st.sets(st.sampled_from(["provincial", "credit"])))),
        ),
        shown=shown,
        withheld=frozenset(hidden),
    )


def message(value: bytes) -> Message:
    return Message("zhitong.anze.provincial.v1", 3, 7, value, "")


def read(said: dict[str, Any]) -> Arrival | Unreadable:
    found = INTAKE.read(message(examples.value(said)))
    return found if isinstance(found, Unreadable) else found.arrival


@given(an_annotation())
def test_what_is_written_is_of_its_schema_and_read_as_it_was_meant(
    one: Annotation,
) -> None:
    said, happened = told(one, "/zhitong/anze/619900/provincial"), one.happened
    value = write_annotation(said)
    assert value == write_annotation(said)
    assert list(structure(table(), said.data)) == []
    found = read_annotation(value)
    assert found is not None
    assert found == said
    assert (found.event_id, found.key) == (
        happened.event_id,
        partition_key(happened.order),
    )
    assert found.follows_history == ("provincial" in happened.history)
    expected = "ERASE_OR_RESTRICT" if happened.what == ERASED else "NOTE"
    assert found.data["expected"] == expected
    assert found.data.get("withheld", []) == sorted(COLUMNS[n] for n in one.withheld)
    assert {n: found.data.get(COLUMNS[n]) for n in COLUMNS} == {
        n: one.shown.get(n) for n in COLUMNS
    }
    arrival = read(json.loads(value))
    assert isinstance(arrival, Arrival)
    assert (arrival.change, arrival.table, arrival.row) == (None, ANNOTATION, said.data)
    assert arrival.reasons == ()


def test_it_has_a_place_for_all_that_the_policy_can_give_and_no_more() -> None:
    assert COLUMNS.keys() == GIVEN
    assert set(COLUMNS.values()) | {
        "happened",
        "cause",
        "expected",
        "withheld",
    } == set(table().columns)
    words = table().columns["happened"]["enum"]
    assert isinstance(words, list)
    assert set(words) == TOLD
    # It is of no form, so no receiver's acts lead to it.
    assert ANNOTATION not in tables()


@given(st.uuids(), st.uuids(), st.sampled_from(sorted(TOLD)))
def test_its_id_is_of_decision_happening_and_cause(
    decision: UUID, cause: UUID, what: str
) -> None:
    name = annotation_id(decision, what, cause)
    assert name == annotation_id(decision, what, cause)
    others = TOLD - {what}
    assert name not in {annotation_id(decision, one, cause) for one in others}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        pytest.param({"id": EXAMPLE["subject"]}, "id", id="another id"),
        pytest.param({"subject": EXAMPLE["id"]}, "id", id="another decision"),
        pytest.param(
            {"data": {**EXAMPLE["data"], "happened": "OBJECTED"}}, "id", id="another"
        ),
        pytest.param(
            {"data": {**EXAMPLE["data"], "happened": ["x"]}}, "data", id="unknown"
        ),
        pytest.param({"data": {**EXAMPLE["data"], "cause": "x"}}, "data", id="cause"),
        pytest.param({"data": {}}, "data", id="nothing"),
    ],
)
def test_one_that_is_not_made_of_what_it_tells_is_set_aside(
    changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(EventPoisonError, match=place):
        read_annotation(examples.value({**EXAMPLE, **changes}))
    assert isinstance(read({**EXAMPLE, **changes}), Unreadable)


@pytest.mark.parametrize("name", sorted(EXAMPLE))
def test_one_that_lacks_an_attribute_is_set_aside(name: str) -> None:
    said = {key: value for key, value in EXAMPLE.items() if key != name}
    assert isinstance(read(said), Unreadable)


def test_one_for_another_receiver_is_set_aside() -> None:
    assert isinstance(read({**EXAMPLE, "receiver": "credit"}), Unreadable)


def test_one_of_another_structure_is_rejected_and_says_where() -> None:
    found = read({**EXAMPLE, "data": {**EXAMPLE["data"], "occurred_on": "x"}})
    assert isinstance(found, Arrival)
    assert found.row == {}
    (reason,) = found.reasons
    assert "occurred_on" in reason


def test_a_column_more_is_ignored() -> None:
    found = read({**EXAMPLE, "data": {**EXAMPLE["data"], "more": "x"}})
    assert isinstance(found, Arrival)
    assert (found.reasons, found.row) == ((), EXAMPLE["data"])


def test_it_is_neither_a_version_nor_a_notice() -> None:
    value = examples.value(EXAMPLE)
    assert read_notice(value) is None
    with pytest.raises(EventPoisonError):
        parse(value)
    event = examples.value(examples.notice(CONFIG))
    assert read_annotation(event) is None


def test_partners_are_told_whether_one_is_of_the_form() -> None:
    known = provincial.FORM
    assert judge(known, EXAMPLE).accepted
    wrong = {**EXAMPLE, "data": {**EXAMPLE["data"], "expected": "x"}}
    assert [one.column for one in judge(known, wrong).faults] == ["expected"]
