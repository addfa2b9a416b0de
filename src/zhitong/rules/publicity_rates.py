"""Rates by which the province grades publicity: compliance, lateness, concealment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One decision that had to be reported to a channel."""

    reported: bool
    """False: it was found elsewhere, and the channel does not have it 瞒报."""
    compliant: bool = False
    """Its fields are as the standard wants them."""
    late: bool = False
    """It was reported after its last day."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How many records were reported, and how well."""

    records: int
    reported: int
    compliant: int
    late: int

    @property
    def compliance_percent(self) -> Decimal | None:
        """Give the compliance rate 合规率 of what was reported; None: nothing was."""
        return _percent(self.compliant, self.reported)

    @property
    def late_percent(self) -> Decimal | None:
        """Give the late rate 迟报率 of what was reported; None: nothing was."""
        return _percent(self.late, self.reported)

    @property
    def concealed_percent(self) -> Decimal | None:
        """Give the concealment rate 瞒报率 of all; None: there are none."""
        return _percent(self.records - self.reported, self.records)


def rates(records: Iterable[Record]) -> Rates:
    """Count *records*: what was never reported is neither compliant nor late."""
    every = list(records)
    reported = [one for one in every if one.reported]
    return Rates(
        records=len(every),
        reported=len(reported),
        compliant=sum(one.compliant for one in reported),
        late=sum(one.late for one in reported),
    )


def _percent(part: int, whole: int) -> Decimal | None:
    return (Decimal(100 * part) / whole).quantize(_CENT) if whole else None
