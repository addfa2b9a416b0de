"""Which of its “days” a law means as working days: the law says so in a clause.

行政处罚法 names 2, 3, 5 and 7; 行政强制法 all up to 10; 行政许可法 all there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from zhitong.rules.terms import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClause:
    """What one law says of its days, from one day to another."""

    law: str
    """Its short name, by which figures refer to it."""
    since: date
    until: date | None
    working: frozenset[int] | None = frozenset()
    """Numbers of days that are working days; None: every number."""
    up_to: int = 0
    """Every number up to this one is, too."""
    source: str

    def unit(self, many: int) -> Unit:
        """Say what *many* days of this law are."""
        if self.working is None or many in self.working or many <= self.up_to:
            return Unit.WORKING_DAY
        return Unit.DAY
