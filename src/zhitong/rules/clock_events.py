"""What is told of a clock: how it stands, whenever that is not how it was told before.

- Each event says all of how the clock stands, and which revision that is: who keeps the
  highest has it right, whatever came twice or late.
- A day that goes by tells as well: due soon is the warning ahead, and then late. What
  was told late is not untold by a wall clock that is set back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from zhitong.rules.clocks import OPEN, State

_DAY = timedelta(days=1)
_APART = "/"


class What(StrEnum):
    """What an event says has come about."""

    STARTED = "STARTED"
    MOVED = "MOVED"
    """Another calendar or figure: its last day is another."""
    SOON = "SOON"
    """Its last day is near: the warning ahead."""
    LATE = "LATE"
    DONE = "DONE"
    LAPSED = "LAPSED"
    """Nothing is left to do."""
    REOPENED = "REOPENED"
    """What had ended it did not hold: it is open again."""
    GONE = "GONE"
    """There is no such clock any more: as where its duty is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a clock stands on a day."""

    state: State
    due_on: date
    ended: date | datetime | None = None

    @property
    def words(self) -> str:
        """Give it in words to be compared with what was told."""
        ended = self.ended.isoformat() if self.ended else ""
        return _APART.join((self.state.value, self.due_on.isoformat(), ended))


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days of a clock, and how it ended."""

    near_on: date
    due_on: date
    ended_on: date | None = None
    ended_at: datetime | None = None
    lapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEvent:
    """How a clock stands, to be told."""

    seq: int
    """The revision too: of one clock the higher is the later."""
    clock_id: str
    decision_id: UUID
    order: int
    """The hash its decision's events are kept in order by."""
    duty: str
    version: int
    unit: str
    what: str
    state: str
    started_on: date
    near_on: date
    due_on: date
    provisional: bool
    rule: str
    ended_on: date | None
    ended_at: datetime | None
    ended_by: str | None
    at: datetime

    @property
    def event_id(self) -> UUID:
        """The event's id, made of what it tells: told again, it is the same."""
        name = f"clock/{self.duty}/{self.version}/{self.seq}"
        return uuid5(self.decision_id, name)


def standing(days: Days, today: date) -> Standing:
    """Say how a clock stands *today*, a day in China."""
    ended = days.ended_at or days.ended_on
    if days.ended_on is None:
        if days.due_on < today:
            state = State.LATE
        else:
            state = State.SOON if days.near_on <= today else State.RUNNING
    elif days.lapsed:
        state = State.LAPSED_LATE if days.ended_on > days.due_on else State.LAPSED
    else:
        state = State.DONE_LATE if days.ended_on > days.due_on else State.DONE
    return Standing(state=state, due_on=days.due_on, ended=ended)


def turns(days: Days, today: date) -> date | None:
    """Say on which day it will stand otherwise by itself; None: on none."""
    if days.ended_on is not None or days.due_on < today:
        return None
    return days.near_on if today < days.near_on else days.due_on + _DAY


def what(told: str | None, stands: Standing) -> What | None:
    """Say what has come about since a clock was *told* to stand so; None: nothing."""
    if told == stands.words:
        return None
    is_open = stands.state in OPEN
    if told is None:
        return _of(stands)
    before, due, _ = told.split(_APART)
    if is_open and State(before) not in OPEN:
        return What.REOPENED
    if stands.state is State(before) and due != stands.due_on.isoformat():
        return What.MOVED
    return What.MOVED if stands.state is State.RUNNING else _of(stands)


_WHAT = {
    State.SOON: What.SOON,
    State.LATE: What.LATE,
    State.DONE: What.DONE,
    State.DONE_LATE: What.DONE,
    State.LAPSED: What.LAPSED,
    State.LAPSED_LATE: What.LAPSED,
}


def _of(stands: Standing) -> What:
    return _WHAT.get(stands.state, What.STARTED)
