"""Merging what several sources answered into one order.

Order: by value, ascending or descending; at equal values by source, then by key,
both ascending; rows without a value come last, by source and key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import Any

from zhitong.resolvers.cursors import Mark
from zhitong.types import Kind, Order, Position, Row, Table, Tally

Records = Sequence[Any]
"""As the driver holds them: their cells are read by place."""


def merge(rows: Iterable[Row], order: Order, kind: Kind) -> list[Row]:
    """Sort the rows of all sources into one list."""
    listed = sorted(rows, key=lambda row: (row.source, row.key))
    return [listed[at] for at in _by_value([row.order for row in listed], order, kind)]


def merged(
    tables: Sequence[Table], order: Order, kind: Kind
) -> tuple[Records, Sequence[Table]]:
    """Sort the records of all tables into one list; give the table of each as well.

    The tables come by source. A page of one source is in order as it comes; what is
    found by keys is so for each key alone.
    """
    if len(tables) == 1 and tables[0].match is None:
        return tables[0].records, [tables[0]] * len(tables[0].records)
    listed: list[Any] = []
    theirs: list[Table] = []
    for table in tables:
        records = table.records
        if table.match is not None:
            records = sorted(records, key=itemgetter(table.key))
        listed += records
        theirs += [table] * len(records)
    # It stands alike in every source.
    values = [*map(itemgetter(tables[0].order), listed)] if tables else []
    places = _by_value(values, order, kind)
    return [listed[at] for at in places], [theirs[at] for at in places]


def _by_value(values: Sequence[str | None], order: Order, kind: Kind) -> list[int]:
    """Say in what order to take what is listed by source and key, by its values."""
    compared: Sequence[Decimal | str | None] = values
    if kind in {Kind.MONEY, Kind.INTEGER}:
        compared = [None if value is None else Decimal(value) for value in values]
    valued, left = [*range(len(values))], list[int]()
    if None in values:
        left = [at for at in valued if values[at] is None]
        valued = [at for at in valued if values[at] is not None]
    # The sort is stable, reversed or not: equal values keep source and key order.
    valued.sort(key=compared.__getitem__, reverse=order.descending)  # type: ignore[arg-type]
    return valued + left if left else valued


def cut(
    records: Records, tables: Sequence[Table], limit: int
) -> tuple[Records, Sequence[Table], frozenset[str | None]]:
    """Keep *limit* for each key they answer; name the keys with more."""
    if not tables or tables[0].match is None:
        if len(records) <= limit:
            return records, tables, frozenset()
        return records[:limit], tables[:limit], frozenset({None})
    place = tables[0].match
    matches = [record[place] for record in records]
    counts = Counter[str | None](matches)
    more = frozenset([key for key, count in counts.items() if count > limit])
    if not more:
        return records, tables, more
    left = dict.fromkeys(more, limit)
    kept: list[Any] = []
    theirs: list[Table] = []
    for match, record, table in zip(matches, records, tables, strict=True):
        if match in more:
            if not left[match]:
                continue
            left[match] -= 1
        kept.append(record)
        theirs.append(table)
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
    for tally in chain.from_iterable(tallies):
        totals[tally.group] = totals.get(tally.group, 0) + tally.count
    return totals
