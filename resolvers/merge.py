"""Merging what several sources answered into one order.

Order: by value, ascending or descending; at equal values by source, then by key,
both ascending; rows without a value come last, by source and key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from zhitong.resolvers.cursors import Mark
from zhitong.types import SOURCE_KEY, Kind, Order, Position, Row, Table, Tally

Item = TypeVar("Item")


Records = Sequence[Any]
"""As the driver holds them: their cells are read by place."""


def merge(rows: Iterable[Row], order: Order, kind: Kind) -> list[Row]:
    """Sort the rows of all sources into one list."""
    listed = sorted(rows, key=lambda row: (row.source, row.key))
    return _by_value(listed, attrgetter("order"), order, kind)


def merged(
    tables: Sequence[Table], order: Order, kind: Kind
) -> tuple[Records, Sequence[Table]]:
    """Sort the records of all tables into one list; give the table of each as well.

    The tables come by source. A page of one source is in order as it comes; what is
    found by keys is so for each key alone.
    """
    if len(tables) == 1 and tables[0].match is None:
        return tables[0].records, [tables[0]] * len(tables[0].records)
    listed = [
        (record, table)
        for table in tables
        for record in (
            table.records
            if table.match is None
            else sorted(table.records, key=itemgetter(table.key))
        )
    ]
    if tables and (order.field != SOURCE_KEY or order.descending or len(tables) > 1):
        place = tables[0].order
        listed = _by_value(listed, lambda pair: pair[0][place], order, kind)
    return [record for record, _ in listed], [table for _, table in listed]


def _by_value(
    listed: list[Item], value: Callable[[Item], str | None], order: Order, kind: Kind
) -> list[Item]:
    """Sort by value what is listed by source and key."""
    valued = [item for item in listed if value(item) is not None]
    left = [item for item in listed if value(item) is None]
    numbers = kind in {Kind.MONEY, Kind.INTEGER}

    def placed(item: Item) -> Decimal | str:
        return Decimal(value(item) or 0) if numbers else value(item) or ""

    # The sort is stable, reversed or not: equal values keep source and key order.
    valued.sort(key=placed, reverse=order.descending)
    return valued + left


def cut(
    records: Records, tables: Sequence[Table], limit: int
) -> tuple[Records, Sequence[Table], frozenset[str | None]]:
    """Keep *limit* for each key they answer; name the keys with more."""
    if not tables or tables[0].match is None:
        if len(records) <= limit:
            return records, tables, frozenset()
        return records[:limit], tables[:limit], frozenset({None})
    kept: list[Any] = []
    theirs: list[Table] = []
    counts: dict[str | None, int] = {}
    place = tables[0].match
    for record, table in zip(records, tables, strict=True):
        match = record[place]
        count = counts[match] = counts.get(match, 0) + 1
        if count <= limit:
            kept.append(record)
            theirs.append(table)
    more = frozenset(key for key, count in counts.items() if count > limit)
    return kept, theirs, more


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
