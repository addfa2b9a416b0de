"""Versions of decisions in any order, twice and with gaps: what is taken when."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from zhitong.connectors.succession import Succession
from zhitong.decisions import (
    NAMESPACE,
    Answer,
    Arrival,
    Change,
    annotation_id,
    event_id,
)

ONE = uuid5(NAMESPACE, "one")
TWO = uuid5(NAMESPACE, "two")
HELD, REJECTED, WAITING = Answer.HELD, Answer.REJECTED, Answer.WAITING


def arrival(
    version: int,
    *,
    decision: UUID = ONE,
    change: Change | None = None,
    history: bool = False,
    reasons: tuple[str, ...] = (),
) -> Arrival:
    change = change or (Change.RECORDED if version == 1 else Change.CORRECTED)
    return Arrival(
        event_id=event_id(decision, version, change),
        decision_id=decision,
        version=version,
        change=change,
        follows_history=history,
        table="cf_fr",
        row={"CF_WSH": str(version)},
        reasons=reasons,
        payload_hash="",
        topic="",
        partition=0,
        offset=0,
    )


class Database:
    """What a receiver's database keeps from batch to batch, without one."""

    def __init__(self, seen: int = 0) -> None:
        self.seen = {ONE: seen, TWO: 0}
        self.known: dict[UUID, Answer] = {}
        self.waiting: dict[UUID, Arrival] = {}
        self.effects: list[tuple[UUID, int]] = []
        self.again: set[UUID] = set()

    def take(self, *arrivals: Arrival) -> Sequence[Answer]:
        batch = Succession(
            known=dict(self.known),
            seen=dict(self.seen),
            waiting=list(self.waiting.values()),
        )
        answers = batch.judge(arrivals)
        self.again = batch.again
        for verdict in batch.arrived:
            assert verdict.arrival.event_id not in self.known
            if verdict.answer is WAITING:
                self.waiting[verdict.arrival.event_id] = verdict.arrival
        for verdict in batch.released:
            assert self.known[verdict.arrival.event_id] is WAITING
            del self.waiting[verdict.arrival.event_id]
        self.seen |= batch.seen
        self.known |= batch.known
        self.effects += [(d, a.version) for d, a in batch.effects.items()]
        return answers


def happened(cause: int, *, reasons: tuple[str, ...] = ()) -> Arrival:
    """Give what happened to the decision, and brings no version."""
    return replace(
        arrival(2, reasons=reasons),
        event_id=annotation_id(ONE, "REPAIRED", UUID(int=cause)),
        change=None,
        table="annotation",
    )


def test_what_brings_no_version_is_taken_at_once_and_moves_none() -> None:
    database = Database()
    assert database.take(happened(1), arrival(3)) == [HELD, WAITING]
    assert database.take(happened(1), happened(2, reasons=("x",))) == [HELD, REJECTED]
    assert database.seen[ONE] == 0
    assert database.effects == []
    assert database.take(arrival(1), happened(3), arrival(2)) == [HELD] * 3
    assert (database.seen[ONE], database.waiting) == (3, {})


@given(st.permutations([1, 2, 3, -1, -2, -3]), st.lists(st.booleans(), max_size=6))
def test_versions_are_taken_alike_whatever_happens_between(
    order: list[int], cuts: list[bool]
) -> None:
    with_it, without = Database(), Database()
    batch: list[Arrival] = []
    for place, number in enumerate(order):
        batch.append(arrival(number) if number > 0 else happened(-number))
        if place < len(cuts) and cuts[place]:
            with_it.take(*batch)
            batch = []
    with_it.take(*batch)
    without.take(*(arrival(number) for number in order if number > 0))
    assert with_it.seen == without.seen
    assert with_it.effects[-1] == without.effects[-1] == (ONE, 3)
    told = {happened(number).event_id for number in (1, 2, 3)}
    assert all(with_it.known[one] is HELD for one in told)


def test_versions_are_taken_in_order_and_only_the_last_one_is_written() -> None:
    database = Database()
    assert database.take(arrival(1), arrival(2), arrival(3)) == [HELD, HELD, HELD]
    assert database.effects == [(ONE, 3)]


def test_what_came_before_changes_nothing_and_keeps_its_answer() -> None:
    database = Database()
    database.take(arrival(1), arrival(2, reasons=("no",)))
    assert database.take(arrival(1), arrival(2)) == [HELD, REJECTED]
    assert database.again == {arrival(1).event_id, arrival(2).event_id}
    assert database.effects == [(ONE, 1)]


def test_an_event_twice_in_one_batch_is_taken_once() -> None:
    database = Database()
    assert database.take(arrival(1), arrival(1)) == [HELD, HELD]
    assert database.effects == [(ONE, 1)]
    assert database.again == set()


def test_a_version_waits_for_the_one_before_and_is_taken_with_it() -> None:
    database = Database()
    assert database.take(arrival(3)) == [WAITING]
    assert database.take(arrival(2)) == [WAITING]
    assert database.effects == []
    assert database.take(arrival(1)) == [HELD]
    assert database.known[arrival(3).event_id] is HELD
    assert database.waiting == {}
    assert database.effects == [(ONE, 3)]


def test_a_gap_closed_within_a_batch_leaves_nobody_waiting() -> None:
    assert Database().take(arrival(2), arrival(1)) == [HELD, HELD]


def test_a_gap_says_which_version_is_missing() -> None:
    batch = Succession(known={}, seen={ONE: 1})
    batch.judge([arrival(3)])
    assert batch.arrived[0].reasons == ("等待第 2 版 waits for version 2",)


def test_a_correction_can_follow_what_was_rejected() -> None:
    database = Database()
    assert database.take(arrival(1, reasons=("no amount",))) == [REJECTED]
    assert database.effects == []
    assert database.take(arrival(2)) == [HELD]
    assert database.effects == [(ONE, 2)]


def test_what_waited_is_rejected_for_its_own_reasons_when_its_turn_comes() -> None:
    database = Database()
    database.take(arrival(2, reasons=("no amount",)))
    database.take(arrival(1))
    assert database.known[arrival(2).event_id] is REJECTED
    assert database.effects == [(ONE, 1)]


def test_a_withdrawal_of_history_needs_no_earlier_event() -> None:
    database = Database()
    withdrawn = arrival(2, change=Change.WITHDRAWN, history=True)
    assert database.take(withdrawn) == [HELD]
    assert database.effects == [(ONE, 2)]


def test_history_helps_nothing_once_an_event_was_seen() -> None:
    database = Database(seen=1)
    assert database.take(arrival(3, history=True)) == [WAITING]


def test_another_event_of_a_version_that_was_seen_is_rejected() -> None:
    database = Database(seen=2)
    batch = Succession(known={}, seen={ONE: 2})
    withdrawn = arrival(2, change=Change.WITHDRAWN)
    assert database.take(withdrawn) == [REJECTED]
    assert batch.judge([withdrawn]) == [REJECTED]
    assert batch.arrived[0].reasons == (
        "已收到第 2 版 version 2 was received before this one",
    )


def test_two_that_wait_for_the_same_version_are_not_both_taken() -> None:
    database = Database()
    one, other = arrival(2), arrival(2, change=Change.WITHDRAWN)
    assert database.take(one, other) == [WAITING, WAITING]
    assert database.take(arrival(1)) == [HELD]
    assert database.known[one.event_id] is HELD
    assert database.known[other.event_id] is REJECTED
    assert database.waiting == {}


def test_decisions_do_not_wait_for_each_other() -> None:
    database = Database()
    answers = database.take(arrival(2), arrival(1, decision=TWO))
    assert answers == [WAITING, HELD]


@given(data=st.data())
def test_in_any_order_with_any_repetition_each_version_is_taken_once_and_in_order(
    data: st.DataObject,
) -> None:
    versions = [(d, v) for d in (ONE, TWO) for v in range(1, 6)]
    rejected = data.draw(st.sets(st.sampled_from(versions)))
    order = data.draw(st.permutations(versions))
    order += data.draw(st.lists(st.sampled_from(versions), max_size=8))
    database = Database()
    while order:
        size = data.draw(st.integers(1, len(order)))
        batch, order = order[:size], order[size:]
        database.take(
            *(
                arrival(v, decision=d, reasons=("no",) if (d, v) in rejected else ())
                for d, v in batch
            )
        )
    assert database.waiting == {}
    assert database.seen == {ONE: 5, TWO: 5}
    assert {
        event for event, answer in database.known.items() if answer is REJECTED
    } == {arrival(v, decision=d).event_id for d, v in rejected}
    for decision in (ONE, TWO):
        written = [v for d, v in database.effects if d == decision]
        held = [v for d, v in versions if d == decision and (d, v) not in rejected]
        assert written == sorted(set(written))
        assert set(written) <= set(held)
        assert written[-1:] == held[-1:]
