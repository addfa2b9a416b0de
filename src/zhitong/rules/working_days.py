"""Working days: counted from the day after, by years whose days off are known.

- The day of the act is not counted; the time ends with its last day.
- A day is worked from Monday to Friday, but for days off; and on the weekend days that
  are worked instead (调休).
- Of a year that nobody has published days off for, weekends alone are known: what is
  computed there is provisional, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
SATURDAY = 5
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Year:
    """One year's days off, and the weekend days that are worked for them."""

    off: frozenset[date]
    worked: frozenset[date]


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
    """The years that are known."""

    years: Mapping[int, Year]

    def works(self, day: date) -> bool:
        """Say whether *day* is worked, as far as is known."""
        year = self.years.get(day.year)
        if day.weekday() >= SATURDAY:
            return year is not None and day in year.worked
        return year is None or day not in year.off

    def after(self, day: date, count: int) -> LastDay:
        """Give the last of *count* working days after *day*."""
        provisional = False
        while count > 0:
            day += DAY
            provisional = provisional or day.year not in self.years
            count -= self.works(day)
        return LastDay(day, provisional)

    def end_after(self, moment: datetime, count: int) -> LastDay:
        """Give the last of *count* working days after the day of *moment*."""
        return self.after(moment.astimezone(CHINA).date(), count)
