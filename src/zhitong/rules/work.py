"""Work 待办 and its clocks: what a person has to see to, and until when.

- A receiver answers by the clock of its own rules; a person mends or tells by the clock
  of the calendar's file, of one kind the latest in force.
- Hours are counted from the moment itself. Working days are counted from the next day,
  and the time ends with the last of them; none is the day itself, worked or not.
- A day that lies in a year without published days off is provisional, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from zhitong.inbound import Effect
from zhitong.rules.working_days import CHINA, DAY, Calendar


class WorkKind(StrEnum):
    """Why there is something to do."""

    REJECTED = "REJECTED"
    """A receiver rejects a version: mend the decision, and send the next version."""
    UNACKNOWLEDGED = "UNACKNOWLEDGED"
    """A correction or withdrawal has no final answer in time: ask the receiver."""
    UNTOLD = "UNTOLD"
    """A receiver is to learn what no event can say to it: tell it, and say how."""


ERASED = "ERASED"
"""What happened, where a person's data were erased by law."""
TOLD_ON = frozenset(
    {
        Effect.UNLISTED,
        Effect.REPAIRED,
        Effect.REPAIR_REVOKED,
        Effect.OBJECTED,
        Effect.OBJECTION_UPHELD,
        Effect.OBJECTION_REJECTED,
    }
)
"""What other receivers of a decision must know to stop, or begin again, using it. An
entry in a list is published, and a document of supervision is for the agency alone."""
TOLD = frozenset({*TOLD_ON, ERASED})
"""What can happen to a decision that stands and is told to who ever had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How long something may take."""

    hours: float = 0
    working_days: int | None = None
    """None: it is the hours that count."""


@dataclass(frozen=True, slots=True)
class Due:
    """The first moment that is too late."""

    at: datetime
    provisional: bool = False
    """Whether it lies in, or beyond, a year whose days off are not known."""


def due_by(clock: Clock, since: datetime, calendar: Calendar) -> Due:
    """Say until when what began at *since* may take by *clock*."""
    if clock.working_days is None:
        return Due(since + timedelta(hours=clock.hours))
    last = calendar.end_after(since, clock.working_days)
    return Due(last.end, last.provisional)


def due_before(clock: Clock, now: datetime, calendar: Calendar) -> datetime:
    """Give the moment before which whatever began is due by *now*."""
    if clock.working_days is None:
        return now - timedelta(hours=clock.hours)
    day = now.astimezone(CHINA).date() - DAY
    while calendar.after(day, clock.working_days).end > now:
        day -= DAY
    return datetime.combine(day + DAY, time(), CHINA)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkClock:
    """How many working days a kind of work may take, from a day on."""

    kind: WorkKind
    days: int
    since: date
    source: str


@dataclass(frozen=True, slots=True)
class WorkClocks:
    """Every clock of work, and the calendar they count by."""

    clocks: tuple[WorkClock, ...]
    calendar: Calendar

    def due(self, kind: WorkKind, opened: datetime) -> Due | None:
        """Say until when work that was *opened* then is due; None: it has no clock."""
        day = opened.astimezone(CHINA).date()
        held = [one for one in self.clocks if one.kind is kind and one.since <= day]
        if not held:
            return None
        clock = max(held, key=lambda one: one.since)
        return due_by(Clock(working_days=clock.days), opened, self.calendar)
