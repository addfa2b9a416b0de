"""How hard what waits to leave presses: stages, left later than they are entered.

A decision that was taken is registered whatever the stage: nothing here refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """How hard it presses."""

    NONE = 0
    ALARM = 1
    """It is said."""
    SLOWED = 2
    """What is not urgent waits."""
    UNDELIVERED = 3
    """New decisions are marked, loudly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on it presses how hard."""

    seconds: tuple[float, float, float]
    """Age of the oldest event that waits, by stage."""
    waiting: int
    """Bytes of all that waits, of the last stage; half of it the second, a quarter."""
    database: int
    """Bytes the platform's database may have; 0: not looked at."""

    def waits(self, before: Stage, seconds: float, waiting: float) -> Stage:
        """Give the stage after *before*, with the oldest so old and so many bytes."""
        parts = (self.waiting / 4, self.waiting / 2, self.waiting)
        return _left_later(
            before,
            (_reached(seconds, self.seconds), _reached(waiting, parts)),
            (_reached(2 * seconds, self.seconds), _reached(2 * waiting, parts)),
        )

    def room(self, before: Stage, size: int) -> Stage:
        """Give the stage after *before*, with a database of *size* bytes."""
        if not self.database:
            return Stage.NONE
        parts = (self.database * 0.8, self.database * 0.9)
        return _left_later(
            before, (_reached(size, parts),), (_reached(size * 1.1, parts),)
        )


def _reached(value: float, parts: tuple[float, ...]) -> Stage:
    return Stage(sum(value >= part for part in parts))


def _left_later(
    before: Stage, now: tuple[Stage, ...], still: tuple[Stage, ...]
) -> Stage:
    """Give what holds *now*, or *before* while *still* has it: no stage flaps."""
    return max(*now, Stage.NONE, min(before, max(still)))
