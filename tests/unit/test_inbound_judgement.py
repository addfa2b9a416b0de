"""Whatever the order and whatever comes twice: what stands in the end is the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from uuid import UUID, uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sending import came, told, wire

from zhitong.connectors.inbound_judgement import Judgement
from zhitong.inbound import Arrived, Fate, Told

EVENTS = (
    told("listing.entered"),
    told("listing.removed", 2),
    told("listing.entered", 7, reason="再次列入"),
    told("repair.granted"),
    told("repair.revoked", 2),
    told("objection.raised"),
    told("objection.resolved", 3),
)
ARRIVED = {each.event_id: came(wire(each)) for each in EVENTS}
STANDS = {
    ("LISTING", "L-1"): (7, "ENTERED"),
    ("REPAIR", "R-1"): (2, "REVOKED"),
    ("OBJECTION", "O-1"): (3, "REJECTED"),
}


def judgement() -> Judgement:
    return Judgement(claims={}, states={}, decisions={})


def judge(made: Judgement, arrived: Arrived) -> Fate:
    """Judge a message; give its own first verdict."""
    name, before = uuid4(), len(made.verdicts)
    made.judge(name, arrived, arrived.said)
    return next(each.fate for each in made.verdicts[before:] if each.message == name)


def stands(made: Judgement) -> dict[tuple[str, str], tuple[int, str]]:
    return {
        (key.kind.value, key.subject): (state.version, state.status)
        for key, state in made.states.items()
    }


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=4))
def test_what_stands_is_the_same_in_every_order_whatever_comes_twice(
    order: Sequence[Told], twice: Sequence[Told]
) -> None:
    made = judgement()
    for each in order:
        judge(made, ARRIVED[each.event_id])
    for each in twice:
        assert judge(made, ARRIVED[each.event_id]) is Fate.DUPLICATE
    assert stands(made) == STANDS
    assert made.waiting == []


def test_the_last_verdict_of_each_is_taken_or_stale() -> None:
    for order in itertools.permutations(EVENTS[:4]):
        made = judgement()
        for each in order:
            judge(made, ARRIVED[each.event_id])
        last = {each.message: each.fate for each in made.verdicts}
        assert set(last.values()) <= {Fate.ACCEPTED, Fate.STALE}
        assert len(last) == len(order)


def test_another_sender_s_listing_is_not_waited_for_and_its_number_is_not_taken() -> (
    None
):
    made = judgement()
    judge(made, ARRIVED[EVENTS[0].event_id])
    repair = told("repair.granted")
    foreign = msgspec.structs.replace(
        ARRIVED[EVENTS[3].event_id],
        told=msgspec.structs.replace(repair, sender="provincial"),
        sender="provincial",
    )
    assert judge(made, foreign) is Fate.QUARANTINED
    # Its own listing of the same number is another one.
    entered = msgspec.structs.replace(
        ARRIVED[EVENTS[0].event_id],
        told=msgspec.structs.replace(EVENTS[0], sender="provincial"),
        sender="provincial",
    )
    assert judge(made, entered) is Fate.ACCEPTED
    assert len(made.states) == 2
    assert all(isinstance(each.message, UUID) for each in made.verdicts)
