"""Merging what several sources answered into one order.

Order: by value, ascending or descending; at equal values by source, then by key,
both ascending; rows without a value come last, by source and key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from zhitong.resolvers.cursors import Mark
from zhitong.types import Kind, Order, Position, Row, Tally


def merge(rows: Iterable[Row], order: Order, kind: Kind) -> list[Row]:
    """Sort the rows of all sources into one list."""
    listed = sorted(rows, key=lambda row: (row.source, row.key))
    valued = [row for row in listed if row.order is not None]
    # The sort is stable, reversed or not: equal values keep source and key order.
    valued.sort(key=_value(kind), reverse=order.descending)
    return valued + [row for row in listed if row.order is None]


def _value(kind: Kind) -> Callable[[Row], Decimal | str]:
    if kind in {Kind.MONEY, Kind.INTEGER}:
        return lambda row: Decimal(row.order or 0)
    return lambda row: row.order or ""


def cut(rows: Iterable[Row], limit: int) -> tuple[list[Row], frozenset[str | None]]:
    """Keep *limit* rows for each key they answer; name the keys with more."""
    kept: list[Row] = []
    counts: dict[str | None, int] = {}
    for row in rows:
        counts[row.match] = counts.get(row.match, 0) + 1
        if counts[row.match] <= limit:
            kept.append(row)
    return kept, frozenset(key for key, count in counts.items() if count > limit)


def position(mark: Mark | None, source: str) -> Position | bool | None:
    """Say where *source* goes on after *mark*; False: it has nothing more."""
    if mark is None:
        return None
    if source == mark.source:
        return Position(mark.value, mark.key)
    if mark.value is None:
        return Position(None, None) if source > mark.source else False
    return Position(mark.value, None, inclusive=source > mark.source)


def mark_of(row: Row) -> Mark:
    """Mark *row* as the last one given."""
    return Mark(row.order, row.source, row.key)


def add_up(tallies: Iterable[Sequence[Tally]]) -> dict[tuple[str | None, ...], int]:
    """Add the counts of all sources, group by group."""
    totals: dict[tuple[str | None, ...], int] = {}
    for tally in (tally for answered in tallies for tally in answered):
        totals[tally.group] = totals.get(tally.group, 0) + tally.count
    return totals
