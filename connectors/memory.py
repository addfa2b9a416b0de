"""A source in memory: the port in plain Python, for tests of what reads sources.

It passes the contract suite that PostgreSQL passes, and notes what it was asked:
``source.queries`` says how many statements a question would have cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from zhitong.connectors.masks import blurred, blurred_value, findable
from zhitong.connectors.meaning import (
    Value,
    fields_of,
    holds,
    order_value,
    sortable,
)
from zhitong.connectors.prepared import layout
from zhitong.connectors.pseudonyms import Pseudonyms, audiences, pseudonymous
from zhitong.exceptions import SourceError
from zhitong.types import (
    SOURCE_KEY,
    Allow,
    Column,
    EntityType,
    GroupBy,
    Keys,
    Kind,
    Label,
    Mask,
    MaskKind,
    Order,
    Position,
    Predicate,
    Row,
    RowQuery,
    Supply,
    Tally,
    TallyQuery,
    Tightening,
)
from zhitong.types import Table as Answered

Cells = Mapping[str, Value]
NUMBERLESS = Mask("", MaskKind.TEXT)
"""How a value is given that is wholly allowed but for ID numbers in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one type as canonical values; *key* names the source's own key."""

    entity: EntityType
    key: str
    rows: Sequence[Cells]
    lost: Mapping[str, Label] = field(default_factory=dict)
    tightened: Mapping[str, Tightening] = field(default_factory=dict)
    feeds: frozenset[str] | None = None
    """The fields fed here; without it, those that some row has."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields fed here, the lost ones among them."""
        if self.feeds is not None:
            return self.feeds
        return frozenset(name for row in self.rows for name in row) | self.lost.keys()

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind of every field."""
        return _kinds(self.entity)

    def cells(self) -> Iterator[Cells]:
        """Give each row with its key, without what is lost."""
        here = self.fields - self.lost.keys()
        kinds = self.kinds
        empty: Cells = {name: () for name in here if kinds[name] is Kind.TEXTS}
        for row in self.rows:
            kept = {name: value for name, value in row.items() if name in here}
            yield {**empty, **kept, SOURCE_KEY: str(row[self.key])}


@lru_cache(maxsize=64)
def _kinds(entity: EntityType) -> Mapping[str, Kind]:
    """Name a type's kinds; an entry of the ledger asks for them a hundred times."""
    return {name: declared.kind for name, declared in entity.fields.items()}


class MemorySource:
    """Answers the port `zhitong.ports.Source` from tables in memory."""

    def __init__(
        self,
        name: str,
        title: Label,
        tables: Iterable[Table],
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self.owner = ""
        self._pseudonyms = pseudonyms
        self.tables = {table.entity.name: table for table in tables}
        self.queries: list[RowQuery | TallyQuery] = []
        self.failure: SourceError | None = None
        """What every question meets while it is set."""

    @property
    def state(self) -> str:
        """``away`` while it fails, ``drift`` if something is lost."""
        if self.failure is not None:
            return "away"
        lost = any(table.lost for table in self.tables.values())
        return "drift" if lost else "ready"

    def feeds(self, type_name: str) -> frozenset[str]:
        """Name the fields of *type_name* that are fed here."""
        table = self.tables.get(type_name)
        return frozenset() if table is None else table.fields

    def lost(self, type_name: str) -> Mapping[str, Label]:
        """Name the fields of *type_name* that are said to be lost."""
        table = self.tables.get(type_name)
        return {} if table is None else table.lost

    def tightened(self, type_name: str) -> Mapping[str, Tightening]:
        """Name the fields of *type_name* that are shared more strictly here."""
        table = self.tables.get(type_name)
        return {} if table is None else table.tightened

    def supply(self, type_name: str) -> Supply:  # noqa: ARG002
        """Say nothing of how often a table is renewed."""
        return Supply()

    def may_hold(self, type_name: str, where: Predicate | None) -> bool:  # noqa: ARG002
        """Say True of every type fed here: nothing is known before it is read."""
        return type_name in self.tables

    def prepare(
        self, type_name: str, columns: tuple[Column, ...], order: Order
    ) -> PreparedMemory:
        """Get ready to be asked for *columns*."""
        return PreparedMemory(self, type_name, columns, order)

    async def rows(self, query: RowQuery) -> Sequence[Row]:
        """Answer a page, or a page for each key."""
        return (await self.table(query)).rows()

    async def table(self, query: RowQuery) -> Answered:
        """Give the records that a database would answer with."""
        table, cells = self._asked(query)
        key, order, match, at = layout(query.columns, matched=query.keys is not None)
        hashed = {at[name]: whom for name, whom in audiences(query.columns).items()}
        pages: list[tuple[tuple[str, ...], list[Cells]]] = [
            ((value,), _page(table, query, _answering(table, cells, field, value)))
            for field, value in _each(query.keys)
        ]
        if query.keys is None:
            pages = [((), _page(table, query, cells))]
        records = [
            (*matched, *_record(table, query, row))
            for matched, page in pages
            for row in page
        ]
        if hashed:
            records = [pseudonymous(r, hashed, self._pseudonyms) for r in records]
        return Answered(query.type, self.name, records, key, order, match, at)

    async def tally(self, query: TallyQuery) -> Sequence[Tally]:
        """Count by group, or by key."""
        table, cells = self._asked(query)
        if query.keys is not None:
            counts = {
                key: len(_answering(table, cells, query.keys.field, key))
                for key in query.keys.values
            }
            return [Tally((), count, key) for key, count in counts.items() if count]
        groups = Counter(
            group
            for row in cells
            for group in product(*(_groups(table, row, by) for by in query.by))
        )
        if not query.by:
            groups[()] = len(cells)
        return [Tally(group, n) for group, n in groups.items()][: query.limit]

    def _asked(self, query: RowQuery | TallyQuery) -> tuple[Table, list[Cells]]:
        self.queries.append(query)
        if self.failure is not None:
            raise self.failure
        table = self.tables[query.type]
        fields = table.entity.fields
        return table, [row for row in table.cells() if holds(query.where, row, fields)]


class PreparedMemory:
    """Answers the port `zhitong.ports.Prepared` from tables in memory."""

    def __init__(
        self,
        source: MemorySource,
        type_name: str,
        columns: tuple[Column, ...],
        order: Order,
    ) -> None:
        self._source = source
        self._type = type_name
        self._columns = columns
        self._order = order

    async def table(
        self,
        *,
        limit: int,
        where: Predicate | None = None,
        keys: Keys | None = None,
        after: Position | None = None,
    ) -> Answered:
        """Answer as one statement."""
        return await self._source.table(
            RowQuery(
                type=self._type,
                columns=self._columns,
                order=self._order,
                limit=limit,
                where=where,
                after=after,
                keys=keys,
            )
        )


def _each(keys: Keys | None) -> list[tuple[str, str]]:
    """List a look-up's values, each with the field that it is looked up by."""
    return [] if keys is None else [(keys.field, value) for value in keys.values]


def _record(table: Table, query: RowQuery, row: Cells) -> tuple[object, ...]:
    """Give a record as the SQL of *query* lays it out."""
    shown = (_shown(table, column, row) for column in query.columns)
    return (str(row[SOURCE_KEY]), *shown, _order_value(table, query.order, row))


def _shown(table: Table, column: Column, row: Cells) -> object:
    """Give a value under its rulings; one that cannot be decided gives nothing."""
    for ruling in column.rulings:
        if ruling.under is not None:
            known = (table.fields - table.lost.keys()) | {SOURCE_KEY}
            if not fields_of(ruling.under) <= known:
                return None
            if not holds(ruling.under, row, table.entity.fields):
                continue
        mask: object = ruling.verdict
        if isinstance(mask, Allow):
            if not mask.numberless:
                return _whole(table, column.field, row)
            mask = NUMBERLESS
        if isinstance(mask, Mask):
            kind = table.kinds.get(column.field, Kind.TEXT)
            return blurred_value(mask, kind, row.get(column.field))
        return None
    return None


def _whole(table: Table, name: str, row: Cells) -> object:
    value = row.get(name)
    if isinstance(value, tuple):
        return list(value)
    day = table.kinds.get(name) is Kind.DATE
    return value[:10] if day and isinstance(value, str) else value


def _answering(
    table: Table, cells: Iterable[Cells], name: str, key: str
) -> list[Cells]:
    declared = table.entity.fields.get(name)
    if declared is not None and not findable(declared, [key]):
        return []
    return [row for row in cells if key in _listed(table, name, row)]


def _listed(table: Table, name: str, row: Cells) -> Sequence[str]:
    """Give a field's values as texts, each once."""
    value = _whole(table, name, row)
    if isinstance(value, list):
        return list(dict.fromkeys(value))
    return () if value is None else (str(value),)


def _groups(table: Table, row: Cells, by: GroupBy) -> Sequence[str | None]:
    values: Sequence[str] = _listed(table, by.field, row)
    declared = table.entity.fields.get(by.field)
    if declared is not None and declared.named:
        blurs = (blurred(MaskKind.TEXT, value) for value in values)
        values = list(dict.fromkeys(filter(None, blurs)))
    return [value[:7] if by.month else value for value in values] or [None]


def _order_value(table: Table, order: Order, row: Cells) -> str | None:
    kind = table.kinds.get(order.field, Kind.TEXT)
    return order_value(kind, row.get(order.field))


def _page(table: Table, query: RowQuery, cells: Iterable[Cells]) -> list[Cells]:
    """Sort by value, then by key, those without a value last; cut."""
    kind = table.kinds.get(query.order.field, Kind.TEXT)
    keyed = sorted(cells, key=lambda row: str(row[SOURCE_KEY]))
    placed = [(_order_value(table, query.order, row), row) for row in keyed]
    valued = [
        (sortable(kind, value), row) for value, row in placed if value is not None
    ]
    valued.sort(key=lambda pair: pair[0], reverse=query.order.descending)
    rows = [row for _, row in valued] + [row for value, row in placed if value is None]
    if query.after is not None:
        after = query.after
        rows = [row for row in rows if _beyond(table, query.order, after, row)]
    return rows[: query.limit]


def _beyond(table: Table, order: Order, after: Position, row: Cells) -> bool:
    """Say whether *row* comes after the position."""
    value = _order_value(table, order, row)
    passed_key = after.key is not None and str(row[SOURCE_KEY]) <= after.key
    if value is None or after.value is None:
        return value is None and not (after.value is None and passed_key)
    kind = table.kinds.get(order.field, Kind.TEXT)
    own, other = sortable(kind, value), sortable(kind, after.value)
    if own == other:
        return after.inclusive or (after.key is not None and not passed_key)
    return own < other if order.descending else own > other
