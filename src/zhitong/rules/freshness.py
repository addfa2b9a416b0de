"""How long looks may go without a countersigned proof, and what follows of it.

The figures are settings (配置规则); X-Road stops taking messages after 14,400 s without
a timestamp, Finland's after 172,800 s.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """Ages in seconds, of the oldest leaf that no countersigned head covers."""

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
