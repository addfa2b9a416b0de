"""Roll-ups: counts that the owner of a table keeps beside it, exact at every moment.

A roll-up is a table, or a view, with some of the columns of the table that is counted,
under their names, and one that says how many rows there are of each combination. A
question that asks for nothing else is answered from it, by the same statement with the
sum in the count's place.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from zhitong.types import (
    SOURCE_KEY,
    All,
    AnyOf,
    Compare,
    Not,
    Op,
    Predicate,
    TallyQuery,
)


@dataclass(frozen=True, slots=True)
class Rollup:
    """What a roll-up has of a type."""

    count: str
    """Its column that says how many, as SQL."""
    fields: frozenset[str]
    months: frozenset[str]
    """Dates that it has as the first day of their month."""

    def answers(self, query: TallyQuery) -> bool:
        """Say whether it gives for *query* what the table itself would give."""
        if query.keys is not None and query.keys.field not in self.fields:
            return False
        return all(
            group.field in (self.months if group.month else self.fields)
            for group in query.by
        ) and all(map(self._tells, _comparisons(query.where)))

    def _tells(self, compare: Compare | None) -> bool:
        if compare is None:
            return False
        if compare.field in self.fields:
            return True
        # A whole month is before a bound, or is not, with each of its days.
        return compare.field in self.months and _month_edge(compare)


def _month_edge(compare: Compare) -> bool:
    """Say whether a bound lies between two months."""
    try:
        day = date.fromisoformat(str(compare.value))
    except ValueError:
        return False
    if compare.op is Op.GTE:
        return day.day == 1
    return compare.op is Op.LTE and day.day == monthrange(day.year, day.month)[1]


def _comparisons(where: Predicate | None) -> Iterator[Compare | None]:
    """List what *where* compares; None for what is no comparison."""
    if isinstance(where, Compare):
        yield None if where.field == SOURCE_KEY else where
    elif isinstance(where, Not):
        yield from _comparisons(where.part)
    elif isinstance(where, All | AnyOf):
        for part in where.parts:
            yield from _comparisons(part)
    elif where is not None:
        yield None
