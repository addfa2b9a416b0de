"""How long looks may go without a witness's word, and what follows of it.

The figures are settings (配置规则); X-Road stops taking messages after 14,400 s without
a timestamp, Finland's after 172,800 s.

Two clocks are weighed, the witness's and our own, and neither is believed where it
makes a word younger: what they differ by counts as age, in whichever direction, and a
word that we have grows older by a clock that nobody sets. The database's is a third,
when a word comes to be known: ours may have been set back before we began.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Standing(StrEnum):
    """How the proof stands."""

    FRESH = "FRESH"
    LATE = "LATE"
    """It is said: somebody is to look at it."""
    CLOSING = "CLOSING"
    """It is announced when protected data will be held."""
    CLOSED = "CLOSED"
    """Protected data is held until there is proof again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Ages in seconds, of the newest word of the witnesses."""

    alarm: float
    limit: float

    @property
    def notice(self) -> float:
        """From when on the end is announced: half of the limit before it."""
        return self.limit / 2

    def standing(self, age: float) -> Standing:
        """Say how the proof stands at *age*."""
        if age >= self.limit:
            return Standing.CLOSED
        if age >= self.notice:
            return Standing.CLOSING
        return Standing.LATE if age >= self.alarm else Standing.FRESH


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment by the machine's clock and by one that only goes on."""

    wall: datetime
    steady: float

    def farther(self, other: datetime, seen: datetime) -> Moment:
        """Take *other* for our own clock's time where that makes *seen* older."""
        wall = max(self.wall, other, key=lambda one: _apart(one, seen))
        return replace(self, wall=wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A witness's newest word: when by its clock, and since when we know of it."""

    seen: datetime
    known: Moment

    def age(self, now: Moment) -> float:
        """Say how many seconds old it is, at the least favourable."""
        since_known = now.steady - self.known.steady
        return max(
            _apart(now.wall, self.seen),
            # Also where a clock was set back since.
            _apart(self.known.wall, self.seen) + since_known,
        )


def agreed(proofs: Iterable[Proof], quorum: int, now: Moment) -> Proof | None:
    """Give the word that made *quorum* of witnesses; None: there are not so many.

    Each comes with its newest word, which covers all before it.
    """
    nearest = sorted(proofs, key=lambda one: one.age(now))
    return nearest[quorum - 1] if len(nearest) >= quorum else None


def _apart(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())
