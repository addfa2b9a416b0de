"""Clocks 时钟: until when a duty is to be done, and whether it was, from what happened.

- A clock is a value of a duty, of what happened and of the calendar. What happened may
  come late, twice or in any order; the clock is the same, and nothing ticks meanwhile.
- Each event that starts a duty starts a clock: a decision that is changed twice has to
  be replaced twice. What is done for a later version is done for the one before it.
- It ends when it is done, or when there is nothing left to do. It is late if the day of
  that, in China, lies after its last day: also where that came to light afterwards.
- What is still open is late from the first moment after its last day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from zhitong.rules.due_days import DueDay, DueDays
from zhitong.rules.figures import Figure, Trigger
from zhitong.rules.working_days import DAY, Calendar, day_of
from zhitong.types import Label


class Milestone(StrEnum):
    """What can end a duty."""

    HELD = "HELD"
    """The duty's receiver holds the version, by its signed receipt."""
    WITHDRAWN = "WITHDRAWN"
    """The decision was withdrawn: there is nothing left to publish."""
    SHOWN = "SHOWN"
    """The figure's channel shows the version: people have released it there."""
    DECLINED = "DECLINED"
    """The review found that it is not to be shown in the figure's channel."""


class State(StrEnum):
    """How a clock stands."""

    RUNNING = "RUNNING"
    SOON = "SOON"
    """Its last day is near."""
    LATE = "LATE"
    """Its last day is over, and it is not done."""
    DONE = "DONE"
    DONE_LATE = "DONE_LATE"
    LAPSED = "LAPSED"
    """Nothing was left to do, before it was late."""
    LAPSED_LATE = "LAPSED_LATE"
    """Nothing was left to do, and it had been late by then."""


OPEN = frozenset({State.RUNNING, State.SOON, State.LATE})
"""What still has to be done."""
TOO_LATE = frozenset({State.LATE, State.DONE_LATE, State.LAPSED_LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What has to be done, from what on, until when and by what it is done."""

    name: str
    title: Label
    figure: Figure
    """The term, what starts it, and which acts and parties it is about."""
    receiver: str = ""
    """Who has to hold what is published; empty: nobody, a channel shows it."""
    done: Milestone
    lapses: frozenset[Milestone] = frozenset()
    """What leaves nothing to do."""
    ahead: int = 0
    """Working days before its last day from which on a clock is near its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to a decision."""

    what: Trigger | Milestone
    at: datetime | date
    """A date is a day in China: of some events no more is known."""
    version: int
    """Of the decision, the one it is about."""
    receiver: str = ""
    """Whose word it is, a receiver's or a channel's; empty: the ledger's."""

    def by(self, now: datetime) -> bool:
        """Say whether it had happened *now*; of a day, whether that had begun."""
        if isinstance(self.at, datetime):
            return self.at <= now
        return self.at <= day_of(now)


Key: TypeAlias = tuple[str, int]
"""A clock of a decision: its duty, and the version that started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One duty about one version, with all it rests on."""

    duty: Duty
    version: int
    due: DueDay
    ended: datetime | date | None = None
    by: Milestone | None = None
    """What ended it."""

    @property
    def key(self) -> Key:
        """Tell it from the decision's other clocks."""
        return self.duty.name, self.version

    def late(self, now: datetime) -> bool:
        """Say whether it was, or is *now*, too late."""
        return _day(now if self.ended is None else self.ended) > self.due.day

    def state(self, now: datetime, calendar: Calendar) -> State:
        """Say how it stands *now*, which is after all that has happened."""
        late = self.late(now)
        if self.by is not None:
            if self.by is self.duty.done:
                return State.DONE_LATE if late else State.DONE
            return State.LAPSED_LATE if late else State.LAPSED
        if late:
            return State.LATE
        left = calendar.between(day_of(now), self.due.day)
        return State.SOON if left <= self.duty.ahead else State.RUNNING


_LEDGER = ""
"""Whose word a happening is that no receiver and no channel has told."""


def clocks(
    duty: Duty, happenings: Iterable[Happening], due_days: DueDays
) -> Iterator[Clock]:
    """Give *duty*'s clocks about one decision, by the version that started each.

    A start on a day on which the law sets no term for it starts none.
    """
    happened = list(happenings)
    starts: dict[int, datetime | date] = {}
    for one in happened:
        if one.what is duty.figure.starts:
            before = starts.get(one.version)
            # Told twice, it began when it is said to have begun first.
            if before is None or _moment(one.at) < _moment(before):
                starts[one.version] = one.at
    for version, at in sorted(starts.items()):
        due = due_days.of(duty.figure, at)
        if due is not None:
            end = _end(duty, version, happened)
            yield Clock(
                duty=duty,
                version=version,
                due=due,
                ended=end.at if end else None,
                by=_milestone(end),
            )


def near_day(duty: Duty, due: date, calendar: Calendar) -> date:
    """Give the first day on which what is *due* then is due soon."""
    day = due
    while calendar.between(day - DAY, due) <= duty.ahead:
        day -= DAY
    return day


def _end(duty: Duty, version: int, happened: Iterable[Happening]) -> Happening | None:
    """Find what ended first what *version* had started."""
    whose = duty.receiver or duty.figure.channel
    ends = [
        one
        for one in happened
        if one.version >= version
        and (one.what is duty.done or one.what in duty.lapses)
        and one.receiver in {whose, _LEDGER}
    ]
    return min(
        ends,
        # Done and lapsed at once is done.
        key=lambda one: (_moment(one.at), one.what is not duty.done),
        default=None,
    )


def _milestone(end: Happening | None) -> Milestone | None:
    return end.what if end and isinstance(end.what, Milestone) else None


def _day(at: datetime | date) -> date:
    return day_of(at) if isinstance(at, datetime) else at


def _moment(at: datetime | date) -> tuple[date, float]:
    """Order moments and days: a day of which no more is known is its beginning."""
    return _day(at), at.timestamp() if isinstance(at, datetime) else 0.0
