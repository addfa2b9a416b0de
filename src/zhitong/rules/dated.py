"""Dated things: which is in force on a day, and whether days are missed or double.

The last day belongs to a period; a thing without one holds until further notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

_DAY = timedelta(days=1)


class Dated(Protocol):
    """What holds from one day to another."""

    @property
    def since(self) -> date:
        """The first day."""
        ...

    @property
    def until(self) -> date | None:
        """The last day; None: until further notice."""
        ...


Of = TypeVar("Of", bound=Dated)


class Flaw(StrEnum):
    """What can be wrong with dates that should follow each other."""

    GAP = "GAP"
    """Days on which none is in force, between two."""
    OVERLAP = "OVERLAP"
    """Days on which two are."""
    REVERSED = "REVERSED"
    """It ends before it begins."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where dates do not follow each other."""

    flaw: Flaw
    first: date
    last: date


def in_force(every: Iterable[Of], day: date) -> Of | None:
    """Give what is in force on *day*; None: nothing is."""
    return next(
        (one for one in every if one.since <= day <= (one.until or date.max)), None
    )


def breaks(every: Iterable[Dated]) -> Iterator[Break]:
    """Find where *every* leaves days out between two, or has them twice."""
    end: date | None = None
    for one in sorted(every, key=lambda one: one.since):
        last = one.until or date.max
        if last < one.since:
            yield Break(Flaw.REVERSED, one.since, last)
            continue
        if end is None:
            end = last
            continue
        if one.since <= end:
            yield Break(Flaw.OVERLAP, one.since, min(end, last))
        elif one.since > end + _DAY:
            yield Break(Flaw.GAP, end + _DAY, one.since - _DAY)
        end = max(end, last)
