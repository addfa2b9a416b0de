"""Terms: so many days, months or years, and the day on which they end.

- The day of the event is not counted; or it is the first, where the term says so.
- Working days and calendar days are two units: which a law means, the law says.
- Months and years end on the day of the event's number; where the month has none, on
  its last day. If the day of the event is counted, they end the day before.
- An end on a day off stays there, or moves on to the next working day.
- No days at all end on the day of the event.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from zhitong.rules.working_days import CHINA, DAY, Calendar
from zhitong.types import Label

_YEAR = 12


class Unit(StrEnum):
    """What a term counts."""

    WORKING_DAY = "WORKING_DAY"
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"


class Note(StrEnum):
    """What somebody who reads a date should know of it."""

    PROVISIONAL = "PROVISIONAL"
    """It rests on days that nobody has published."""
    MADE_UP_DAY = "MADE_UP_DAY"
    """It is a Saturday or Sunday that is worked for another day."""
    DAY_OFF = "DAY_OFF"
    """Nobody works on it, and the term does not move it."""
    MOVED = "MOVED"
    """It was moved on from a day off."""
    SHORT_MONTH = "SHORT_MONTH"
    """Its month has no day of the event's number."""
    RULE_CHANGED = "RULE_CHANGED"
    """Another version of the rule began while the time ran."""


_UNITS = {
    Unit.WORKING_DAY: Label("个工作日", "working days"),
    Unit.DAY: Label("日", "days"),
    Unit.MONTH: Label("个月", "months"),
    Unit.YEAR: Label("年", "years"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long something may take."""

    many: int
    unit: Unit
    next_day: bool = True
    """Whether counting begins on the day after the event."""
    moves: bool = False
    """Whether an end on a day off moves on to the next working day."""

    @property
    def label(self) -> Label:
        """Say it in words."""
        unit = _UNITS[self.unit]
        zh, en = f"{self.many}{unit.zh}", f"{self.many} {unit.en}"
        if not self.many:
            zh, en = "当日", "the same day"
        elif not self.next_day:
            zh, en = f"{zh}，当日计入", f"{en}, the day itself counted"
        if self.moves:
            zh, en = f"{zh}，末日休息的顺延", f"{en}, moved on from a day off"
        return Label(zh, en)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The last day of a term, and what it rests on."""

    day: date
    sources: tuple[str, ...] = ()
    """The documents about working days without which it might be another day."""
    notes: tuple[Note, ...] = ()

    @property
    def provisional(self) -> bool:
        """Whether it may still become another day."""
        return Note.PROVISIONAL in self.notes

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.day + DAY, time(), CHINA)


def ending(term: Term, start: date, calendar: Calendar) -> Ending:
    """Say on which day *term* ends that an event of the day *start* begins."""
    last = _last(term, start, calendar)
    due = last
    if term.moves and not calendar.works(last):
        due = calendar.after(last, 1).day
    notes = [Note.MOVED] if due != last else []
    if term.unit in {Unit.MONTH, Unit.YEAR} and _short(term, start):
        notes.append(Note.SHORT_MONTH)
    if not calendar.provisional(due, due):
        if calendar.made_up(due):
            notes.append(Note.MADE_UP_DAY)
        if not calendar.works(due):
            notes.append(Note.DAY_OFF)
    if term.unit is Unit.WORKING_DAY and term.many:
        first = start + DAY if term.next_day else start
    elif term.moves:
        first = last
    else:
        return Ending(day=due, notes=tuple(notes))
    if calendar.provisional(first, due):
        notes.insert(0, Note.PROVISIONAL)
    return Ending(day=due, sources=calendar.sources(first, due), notes=tuple(notes))


def _last(term: Term, start: date, calendar: Calendar) -> date:
    if not term.many:
        return start
    before = start if term.next_day else start - DAY
    if term.unit is Unit.WORKING_DAY:
        return calendar.after(before, term.many).day
    if term.unit is Unit.DAY:
        return before + timedelta(days=term.many)
    first, days = _month(term, start)
    if start.day > days:
        return first.replace(day=days)
    same = first.replace(day=start.day)
    return same if term.next_day else same - DAY


def _short(term: Term, start: date) -> bool:
    return start.day > _month(term, start)[1]


def _month(term: Term, start: date) -> tuple[date, int]:
    """Give the first day of the month in which *term* ends, and how many it has."""
    months = term.many * (_YEAR if term.unit is Unit.YEAR else 1)
    year, month = divmod(start.year * _YEAR + start.month - 1 + months, _YEAR)
    return date(year, month + 1, 1), monthrange(year, month + 1)[1]
