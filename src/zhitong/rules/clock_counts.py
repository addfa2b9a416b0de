"""How many duties of a unit were done in time, are late, are still to be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from zhitong.rules.clocks import TOO_LATE, State

Place: TypeAlias = tuple[str, str]
"""A unit's credit code, and a duty's name."""
_SETTLED = frozenset({State.DONE, State.LAPSED}) | TOO_LATE
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Counts:
    """The clocks of one unit and duty by how they stand."""

    by_state: Mapping[State, int]

    def of(self, *states: State) -> int:
        """Count those in one of *states*."""
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def settled(self) -> int:
        """Count those of which it is known whether they were in time."""
        return self.of(*_SETTLED)

    @property
    def late(self) -> int:
        """Count those that are, or were, too late."""
        return self.of(*TOO_LATE)

    @property
    def late_percent(self) -> Decimal | None:
        """Give the late rate 迟报率 in per cent; None: nothing is due yet.

        Of what is settled alone: what may still be done in time says nothing.
        """
        if not self.settled:
            return None
        return (Decimal(100 * self.late) / self.settled).quantize(_CENT)


def counted(found: Iterable[tuple[Place, State]]) -> Mapping[Place, Counts]:
    """Count *found*, by unit and duty in their order."""
    counts: dict[Place, Counter[State]] = {}
    for place, state in found:
        counts.setdefault(place, Counter())[state] += 1
    return {place: Counts(counts[place]) for place in sorted(counts)}
