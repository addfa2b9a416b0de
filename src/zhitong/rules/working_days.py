"""Working days: counted from the day after, by years whose days off are known.

- The day of the act is not counted; the time ends with its last day.
- A day is worked from Monday to Friday, but for days off; and on the weekend days that
  are worked instead (调休).
- A year rests on documents: the notice of its days off, notices that change that one,
  or, before there is any, what is expected of it.
- Of a year without a notice what is expected is known, or weekends alone: what is
  computed there is provisional, and says so.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import IntEnum

CHINA = timezone(timedelta(hours=8))
SATURDAY = 5
DAY = timedelta(days=1)


class Standing(IntEnum):
    """What a document is to its year; a higher one is applied after a lower."""

    EXPECTED = 0
    """No document yet: what is expected of the year."""
    NOTICE = 1
    """It says all of the year."""
    CHANGE = 2
    """It changes days of a notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What says which days of a year are off, and which weekend days are worked."""

    year: int
    source: str
    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    usual: frozenset[date] = frozenset()
    """Of a change: days that are again what their weekday says."""
    standing: Standing = Standing.NOTICE
    published: date | None = None
    """None: nobody asks since when it is known."""


@dataclass(frozen=True, slots=True)
class Year:
    """One year's days off, and the weekend days that are worked for them."""

    off: frozenset[date]
    worked: frozenset[date]
    sources: tuple[str, ...] = ()
    """The documents it rests on, in the order in which they came."""
    known: bool = True
    """Whether a notice says so; else it is what is expected."""


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last day of a period."""

    day: date
    provisional: bool
    """Whether it lies in, or beyond, a year whose days off are not known."""

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.day + DAY, time(), CHINA)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The years that are known, or expected."""

    years: Mapping[int, Year]
    _made: dict[int, tuple[int, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Each year's working days as ordinals, once somebody has asked for them."""

    def works(self, day: date) -> bool:
        """Say whether *day* is worked, as far as is known."""
        year = self.years.get(day.year)
        if day.weekday() >= SATURDAY:
            return year is not None and day in year.worked
        return year is None or day not in year.off

    def made_up(self, day: date) -> bool:
        """Say whether *day* is a weekend day that is worked for another."""
        return day.weekday() >= SATURDAY and self.works(day)

    def after(self, day: date, count: int) -> LastDay:
        """Give the last of *count* working days after *day*; of none, *day*."""
        if count < 1:
            return LastDay(day, provisional=False)
        year = day.year
        worked = self._worked(year)
        place = bisect_right(worked, day.toordinal()) + count - 1
        while place >= len(worked):
            place -= len(worked)
            year += 1
            worked = self._worked(year)
        last = date.fromordinal(worked[place])
        return LastDay(last, provisional=self.provisional(day + DAY, last))

    def before(self, day: date, count: int) -> date:
        """Give the first of *count* working days before *day*; of none, *day*."""
        if count < 1:
            return day
        year = day.year
        worked = self._worked(year)
        place = bisect_left(worked, day.toordinal()) - count
        while place < 0:
            year -= 1
            worked = self._worked(year)
            place += len(worked)
        return date.fromordinal(worked[place])

    def between(self, day: date, last: date) -> int:
        """Count the working days after *day* up to *last*, that one included."""
        if last < day:
            return -self.between(last, day)
        whole = sum(len(self._worked(year)) for year in range(day.year, last.year))
        return whole + self._place(last) - self._place(day)

    def end_after(self, moment: datetime, count: int) -> LastDay:
        """Give the last of *count* working days after the day of *moment*."""
        return self.after(day_of(moment), count)

    def provisional(self, first: date, last: date) -> bool:
        """Say whether a year from *first* to *last* has no notice."""
        return any(
            not (year in self.years and self.years[year].known)
            for year in range(first.year, last.year + 1)
        )

    def sources(self, first: date, last: date) -> tuple[str, ...]:
        """Name the documents that the days from *first* to *last* rest on."""
        return tuple(
            source
            for year in range(first.year, last.year + 1)
            if year in self.years
            for source in self.years[year].sources
        )

    def _place(self, day: date) -> int:
        return bisect_right(self._worked(day.year), day.toordinal())

    def _worked(self, year: int) -> tuple[int, ...]:
        found = self._made.get(year)
        if found is None:
            first = date(year, 1, 1).toordinal()
            after = date(year, 12, 31).toordinal() + 1
            found = tuple(
                day for day in range(first, after) if self.works(date.fromordinal(day))
            )
            self._made[year] = found
        return found


def day_of(moment: datetime) -> date:
    """Give the day that *moment* is in, in China: a rule begins at midnight there."""
    return moment.astimezone(CHINA).date()


def calendar_of(documents: Iterable[Document], known_on: date = date.max) -> Calendar:
    """Make the calendar of *documents*, as it was known on *known_on*."""
    years: dict[int, Year] = {}
    for one in sorted(
        documents, key=lambda one: (one.standing, one.published or date.min)
    ):
        if one.published is None or one.published <= known_on:
            years[one.year] = _year(one, years.get(one.year))
    return Calendar(years)


def _year(document: Document, before: Year | None) -> Year:
    if document.standing is not Standing.CHANGE or before is None:
        return Year(
            document.off,
            document.worked,
            (document.source,),
            known=document.standing is Standing.NOTICE,
        )
    return Year(
        (before.off - document.usual) | document.off,
        (before.worked - document.usual) | document.worked,
        (*before.sources, document.source),
        known=before.known,
    )
