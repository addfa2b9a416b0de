"""What is told of a clock: once each, all of how it stands, and by the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.decisions import partition_key
from zhitong.rules.clock_events import Days, What, standing, turns, what
from zhitong.rules.clocks import State
from zhitong.streams.asyncapi_clocks import EXAMPLE
from zhitong.streams.clock_stream import source, write_clock

DUE = date(2026, 12, 1)
OPEN = Days(near_on=date(2026, 11, 27), due_on=DUE)
DONE = replace(OPEN, ended_on=DUE, ended_at=datetime(2026, 12, 1, 8, tzinfo=UTC))
LATE = replace(OPEN, ended_on=DUE + timedelta(days=1))


@pytest.mark.parametrize(
    ("days", "today", "state", "next_on"),
    [
        (OPEN, date(2026, 11, 26), State.RUNNING, date(2026, 11, 27)),
        (OPEN, date(2026, 11, 27), State.SOON, date(2026, 12, 2)),
        (OPEN, DUE, State.SOON, date(2026, 12, 2)),
        (OPEN, date(2026, 12, 2), State.LATE, None),
        (DONE, date(2027, 1, 1), State.DONE, None),
        (LATE, date(2027, 1, 1), State.DONE_LATE, None),
        (replace(DONE, lapsed=True), DUE, State.LAPSED, None),
        (replace(LATE, lapsed=True), DUE, State.LAPSED_LATE, None),
    ],
)
def test_how_it_stands_on_a_day_and_when_it_turns(
    days: Days, today: date, state: State, next_on: date | None
) -> None:
    assert standing(days, today).state is state
    assert turns(days, today) == next_on


@pytest.mark.parametrize(
    ("told", "days", "today", "said"),
    [
        (None, OPEN, date(2026, 11, 20), What.STARTED),
        (None, OPEN, date(2026, 11, 28), What.SOON),
        (None, OPEN, date(2026, 12, 5), What.LATE),
        (None, DONE, date(2026, 12, 5), What.DONE),
        ("RUNNING/2026-12-01/", OPEN, date(2026, 11, 20), None),
        ("RUNNING/2026-12-01/", OPEN, date(2026, 11, 27), What.SOON),
        ("SOON/2026-12-01/", OPEN, date(2026, 12, 2), What.LATE),
        # Another calendar: the same state by another day, or running once more.
        ("RUNNING/2026-11-30/", OPEN, date(2026, 11, 20), What.MOVED),
        ("SOON/2026-11-24/", OPEN, date(2026, 11, 20), What.MOVED),
        ("LATE/2026-11-18/", OPEN, date(2026, 11, 20), What.MOVED),
        ("LATE/2026-12-01/", DONE, date(2026, 12, 5), What.DONE),
        ("LATE/2026-12-01/", LATE, date(2026, 12, 5), What.DONE),
        ("DONE/2026-12-01/2026-12-01", OPEN, date(2026, 11, 28), What.REOPENED),
        ("SOON/2026-12-01/", replace(LATE, lapsed=True), DUE, What.LAPSED),
        # A receipt that came later says an earlier moment.
        ("DONE_LATE/2026-12-01/2026-12-02", DONE, date(2026, 12, 5), What.DONE),
    ],
)
def test_what_has_come_about(
    told: str | None, days: Days, today: date, said: What | None
) -> None:
    assert what(told, standing(days, today)) is said


MOMENTS = st.dates(date(2026, 11, 1), date(2026, 12, 31))


@given(MOMENTS, MOMENTS, st.lists(MOMENTS, min_size=1, max_size=6))
def test_each_turn_is_told_once_however_many_days_are_missed(
    near: date, due: date, looked: list[date]
) -> None:
    """Who looks on some days alone tells the same states, each once at most."""
    days = Days(near_on=min(near, due), due_on=due)
    told: str | None = None
    said: list[What] = []
    turn: date | None = date.min
    for day in sorted(looked):
        if turn is None or turn > day:
            assert what(told, standing(days, day)) is None
            continue
        stands = standing(days, day)
        came = what(told, stands)
        assert came is not None
        said.append(came)
        told, turn = stands.words, turns(days, day)
    assert said == sorted(set(said), key=[What.STARTED, What.SOON, What.LATE].index)


def test_an_event_says_all_of_it_and_nothing_of_the_decision() -> None:
    said = orjson.loads(write_clock(EXAMPLE, source("anze", "619900")))
    assert said["id"] == str(EXAMPLE.event_id)
    assert said["source"] == "/zhitong/anze/619900/clocks"
    assert said["partitionkey"] == partition_key(EXAMPLE.order)
    assert said["data"]["state"] == "DONE_LATE"
    assert said["data"]["ended_at"] == "2026-12-02T09:30:06+08:00"
    assert said["data"]["revision"] == EXAMPLE.seq
    still = replace(EXAMPLE, ended_on=None, ended_at=None, ended_by=None)
    open_ = orjson.loads(write_clock(still, "x"))["data"]
    assert not {"ended_on", "ended_at", "ended_by"} & open_.keys()
    # Told again it is the same; another revision, decision or duty is another.
    assert replace(EXAMPLE).event_id == EXAMPLE.event_id
    others = (
        replace(EXAMPLE, seq=4),
        replace(EXAMPLE, decision_id=uuid4()),
        replace(EXAMPLE, duty="credit-withdrawn"),
        replace(EXAMPLE, version=2),
    )
    assert len({one.event_id for one in (EXAMPLE, *others)}) == 5
