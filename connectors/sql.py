"""Queries as SQL: one statement each, values as parameters, masks inside.

Rules of a page:

- Rows come in the order (field, key); rows without a value come last. The two
  parts are two selects under one limit, so that the column's index serves the
  first and the second runs only when the first is used up.
- With keys, each key has its page: a lateral join over the keys, or for keys that
  stand in one text cell a window over the matching rows.
- A field this source does not have is null, and equals nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zhitong.connectors.codecs import Side, TextCodec
from zhitong.connectors.mapping import Mapped, MappedType
from zhitong.connectors.masks import masked
from zhitong.exceptions import ScalarError
from zhitong.types import (
    SOURCE_KEY,
    All,
    Allow,
    Column,
    Compare,
    Deny,
    GroupBy,
    Kind,
    Mask,
    Not,
    Op,
    Order,
    Position,
    Predicate,
    Related,
    RowQuery,
    TallyQuery,
)

LISTS = Kind.TEXTS


@dataclass(slots=True)
class Statement:
    """SQL under construction: its parameters and the joins it turned out to need."""

    mapped: MappedType
    collate: str
    """`` collate "C"`` where the database sorts text otherwise."""
    parameters: list[object] = field(default_factory=list)
    joins: set[str] = field(default_factory=set)

    def parameter(self, value: object) -> str:
        """Add a parameter, return its placeholder."""
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and any("\0" in str(text) for text in texts):
            raise ScalarError(
                "文本中不能有空字符（U+0000）", "a text cannot hold U+0000"
            )
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def lookup(self, name: str) -> Mapped | None:
        """Find a field and note the joins it needs."""
        if name == SOURCE_KEY:
            return self.mapped.source_key
        found = self.mapped.fields.get(name)
        if found is not None:
            self.joins |= found.joins
        return found

    def source(self) -> str:
        """Write the base table with the joins in use."""
        used: set[str] = set()
        for alias in self.joins:
            used |= self.mapped.needs[alias]
        joins = [sql for alias, sql in self.mapped.joins.items() if alias in used]
        return " ".join([f"{self.mapped.table} base", *joins])

    @property
    def key(self) -> str:
        """Write the source's own key as text."""
        own = self.mapped.source_key
        return own.codec.sort(own.raw)

    # --- values --------------------------------------------------------------

    def value(self, name: str) -> str:
        """Write a field's canonical value."""
        found = self.lookup(name)
        if found is None:
            return "null::text"
        if found.constant is not None:
            return f"{self.parameter(found.constant)}::text"
        return found.value

    def column(self, column: Column) -> str:
        """Write a column under its rulings; what is denied is not read."""
        arms: list[str] = []
        for ruling in column.rulings:
            shown = self._shown(column.field, ruling.verdict)
            if ruling.under is None:
                last = shown
                break
            arms.append(f"when {self.condition(ruling.under)} then {shown}")
        else:
            last = "null"
        sql = f"case {' '.join(arms)} else {last} end" if arms else last
        return f'{sql} as "{column.name}"'

    def _shown(self, name: str, verdict: Allow | Mask | Deny) -> str:
        if isinstance(verdict, Allow):
            return self.value(name)
        if isinstance(verdict, Mask):
            return masked(verdict.kind, self.value(name))
        return "null"

    # --- conditions ----------------------------------------------------------

    def condition(self, predicate: Predicate | None) -> str:
        """Write a predicate."""
        if predicate is None:
            return "true"
        if isinstance(predicate, Compare):
            return self._compare(predicate)
        if isinstance(predicate, Not):
            return f"({self.condition(predicate.part)}) is not true"
        if isinstance(predicate, Related):
            raise TypeError(predicate)  # resolvers settle it; see zhitong.types
        parts = [self.condition(part) for part in predicate.parts]
        if isinstance(predicate, All):
            return f"({' and '.join(parts)})" if parts else "true"
        return f"({' or '.join(parts)})" if parts else "false"

    def _compare(self, compare: Compare) -> str:
        found = self.lookup(compare.field)
        if found is None:
            absent = compare.op is Op.PRESENT and not compare.value
            return "true" if absent else "false"
        if compare.op is Op.PRESENT:
            return f"({found.value if found.constant is None else 1} is not null)" + (
                "" if compare.value else " is false"
            )
        if found.constant is not None:
            return str(holds(compare, found.constant)).lower()
        if found.field.kind is LISTS:
            return self._overlaps(found, compare)
        if found.field.kind is Kind.CODE:
            return f"{found.value} = any({self.parameter(_texts(compare))}::text[])"
        if compare.op in {Op.EQ, Op.IN}:
            return self._equals(found, _texts(compare))
        return self._range(found, compare)

    def _equals(self, found: Mapped, values: Sequence[str]) -> str:
        if found.field.kind in {Kind.DATE, Kind.DATETIME}:
            spans = [
                f"({self._limit(found, found.codec.lower(value))} and "
                f"{self._limit(found, found.codec.upper(value))})"
                for value in values
            ]
            return f"({' or '.join(spans)})" if spans else "false"
        encoded = list(encode_all(found, values))
        subject = found.codec.sort(found.raw) if _computed(found) else found.raw
        if len(encoded) == 1:
            return f"{subject} = {self.parameter(encoded[0])}"
        return f"{subject} = any({self.parameter(encoded)})"

    def _range(self, found: Mapped, compare: Compare) -> str:
        text = str(compare.value)
        if compare.op is Op.GTE:
            return self._limit(found, found.codec.lower(text))
        if compare.op is Op.LTE:
            return self._limit(found, found.codec.upper(text))
        sort = found.codec.sort(found.raw)
        pattern = escaped(text) + "%"
        if compare.op is Op.PREFIX:
            return f"{sort} like {self.parameter(pattern)}"
        return f"{sort} ilike {self.parameter('%' + pattern)}"

    def _limit(self, found: Mapped, limit: tuple[str, object]) -> str:
        operator, value = limit
        condition = f"{found.codec.sort(found.raw)} {operator} {self.parameter(value)}"
        valued = found.codec.valued(found.raw)
        return f"({condition} and {valued})" if valued else condition

    def _overlaps(self, found: Mapped, compare: Compare) -> str:
        values = _texts(compare)
        if found.link is None:
            return f"{found.value} && {self.parameter(values)}::text[]"
        link = found.link
        on = " and ".join(f"l.{mine} = {theirs}" for mine, theirs in link.on)
        return (
            f"exists (select from {link.table} l where {on} and "
            f"l.{link.column} = any({self.parameter(list(encode_all(found, values)))}))"
        )

    # --- order and position --------------------------------------------------

    def _key_sort(self) -> str:
        return f"{self.key}{self.collate}"

    def _sort(self, found: Mapped) -> str:
        textual = type(found.codec) is TextCodec
        return found.codec.sort(found.raw) + (self.collate if textual else "")

    def _key_beyond(self, position: Position) -> str:
        return f"{self._key_sort()} > {self.parameter(position.key)}"

    def _beyond(self, found: Mapped, order: Order, position: Position) -> str:
        """Write "after *position*" for rows that have a value."""
        assert position.value is not None  # noqa: S101 - the caller chose this part
        value, side = found.codec.bound(position.value)
        sort, operator = self._sort(found), "<" if order.descending else ">"
        further = Side.BEFORE if order.descending else Side.AFTER
        if side is further or (side is Side.SAME and position.inclusive):
            operator += "="
        condition = f"{sort} {operator} {self.parameter(value)}"
        if side is Side.SAME and not position.inclusive and position.key is not None:
            at = f"{sort} = {self.parameter(value)} and {self._key_beyond(position)}"
            condition = f"({condition} or ({at}))"
        return condition

    def parts(
        self, query: RowQuery, select: str, source_and_where: tuple[str, str]
    ) -> str:
        """Write the rows with a value, then those without, under one limit."""
        source, where = source_and_where
        found = self.lookup(query.order.field)
        limit = self.parameter(query.limit)
        position = query.after
        selects: list[str] = []
        sorted_by = found if found is not None and found.constant is None else None
        if sorted_by and (position is None or position.value is not None):
            selects.append(
                self._valued_part(query, sorted_by, select, (source, where), limit)
            )
        if found is None or not found.required or found.codec.valued(found.raw):
            rest = [where]
            if found is not None and found.constant is None:
                valued = found.codec.valued(found.raw) or f"{found.raw} is not null"
                rest.append(f"({valued}) is not true")
            if position is not None and position.value is None and position.key:
                rest.append(self._key_beyond(position))
            selects.append(
                f'(select {select}, null::text as "~order" from {source} '
                f"where {' and '.join(rest)} order by {self._key_sort()} limit {limit})"
            )
        if len(selects) == 1:
            return selects[0]
        return f"({' union all '.join(selects)} limit {limit})"

    def _valued_part(
        self,
        query: RowQuery,
        found: Mapped,
        select: str,
        source_and_where: tuple[str, str],
        limit: str,
    ) -> str:
        source, where = source_and_where
        valued = found.codec.valued(found.raw) or f"{found.raw} is not null"
        conditions = [where, valued]
        if query.after is not None:
            conditions.append(self._beyond(found, query.order, query.after))
        direction = " desc" if query.order.descending else ""
        return (
            f'(select {select}, {found.codec.order_value(found.raw)} as "~order" '
            f"from {source} where {' and '.join(conditions)} "
            f"order by {self._sort(found)}{direction}, {self._key_sort()} "
            f"limit {limit})"
        )


def row_statement(
    mapped: MappedType, query: RowQuery, collate: str
) -> tuple[str, list[object]]:
    """Write *query* for one database: columns, ``~key``, ``~order``, ``~match``."""
    statement = Statement(mapped, collate)
    columns = [statement.column(column) for column in query.columns]
    key = f'{statement.key} as "~key"'
    select = ", ".join([key, *columns])
    where = statement.condition(query.where)
    statement.lookup(query.order.field)
    if query.keys is None:
        return (
            statement.parts(query, select, (statement.source(), where)),
            statement.parameters,
        )
    found = statement.lookup(query.keys.field)
    if found is None:
        return "", []
    if found.split is not None or (found.link is None and found.field.kind is LISTS):
        return _window(statement, query, found, select, where), statement.parameters
    keys, source, match = _matching(statement, found, query.keys.values)
    page = statement.parts(query, select, (source, f"{match} and {where}"))
    return (
        f'select k.k::text as "~match", q.* from unnest({keys}) k(k) '
        f"cross join lateral {page} q",
        statement.parameters,
    )


def _matching(
    statement: Statement, found: Mapped, values: Sequence[str]
) -> tuple[str, str, str]:
    """Write keys, source and condition of a look-up by key."""
    if found.constant is not None:
        keys = f"{statement.parameter(list(values))}::text[]"
        constant = statement.parameter(found.constant)
        return keys, statement.source(), f"{constant}::text = k.k"
    encoded = list(encode_all(found, values))
    keys = f"{statement.parameter(encoded)}::{found.cast}[]"
    if found.link is None:
        return keys, statement.source(), f"{found.raw} = k.k"
    link = found.link
    on = " and ".join(f"l.{mine} = {theirs}" for mine, theirs in link.on)
    source = f"{statement.source()} join {link.table} l on {on}"
    return keys, source, f"l.{link.column} = k.k"


def _window(
    statement: Statement, query: RowQuery, found: Mapped, select: str, where: str
) -> str:
    """Write a look-up by keys that share one cell: explode, rank, cut."""
    assert query.keys is not None  # noqa: S101 - the caller looked
    values = statement.parameter(list(query.keys.values))
    order = statement.lookup(query.order.field)
    order_value, conditions = "null::text", [where]
    sorts = [statement._key_sort()]  # noqa: SLF001 - one construction, two functions
    if order is not None and order.constant is None:
        valued = order.codec.valued(order.raw) or f"{order.raw} is not null"
        order_value = (
            f"case when {valued} then {order.codec.order_value(order.raw)} end"
        )
        direction = " desc" if query.order.descending else ""
        sort = statement._sort(order)  # noqa: SLF001
        sorts = [
            f"({valued}) is not true",
            f"case when {valued} then {sort} end{direction}",
            *sorts,
        ]
        conditions.extend(_window_position(statement, query, order, valued))
    limit = statement.parameter(query.limit)
    return (
        f'select * from (select x.k as "~match", {select}, {order_value} as "~order", '
        f'row_number() over (partition by x.k order by {", ".join(sorts)}) as "~rank" '
        f"from {statement.source()} cross join lateral unnest({found.value}) x(k) "
        f"where x.k = any({values}::text[]) and {' and '.join(conditions)}) q "
        f'where "~rank" <= {limit} order by "~match", "~rank"'
    )


def _window_position(
    statement: Statement, query: RowQuery, order: Mapped, valued: str
) -> list[str]:
    after = query.after
    if after is None:
        return []
    if after.value is None:
        beyond = statement._key_beyond(after) if after.key else "true"  # noqa: SLF001
        return [f"(({valued}) is not true and {beyond})"]
    beyond = statement._beyond(order, query.order, after)  # noqa: SLF001
    return [f"(({valued}) is not true or {beyond})"]


def tally_statement(
    mapped: MappedType, query: TallyQuery, collate: str
) -> tuple[str, list[object]]:
    """Write a count per group; group values come as text, in ``~0``, ``~1`` …."""
    statement = Statement(mapped, collate)
    groups = [
        f'{_group(statement, group)} as "~{number}"'
        for number, group in enumerate(query.by)
    ]
    where = statement.condition(query.where)
    places = ", ".join(str(number + 1) for number in range(len(groups)))
    if query.keys is None:
        select = ", ".join([*groups, 'count(*) as "~count"'])
        by = f" group by {places}" if groups else ""
        if query.limit is not None:
            by += f" limit {statement.parameter(query.limit)}"
        return (
            f"select {select} from {statement.source()} where {where}{by}",
            statement.parameters,
        )
    found = statement.lookup(query.keys.field)
    if found is None:
        return "", []
    if found.split is not None or (found.link is None and found.field.kind is LISTS):
        values = statement.parameter(list(query.keys.values))
        return (
            f'select x.k as "~match", count(*) as "~count" from {statement.source()} '
            f"cross join lateral unnest({found.value}) x(k) "
            f"where x.k = any({values}::text[]) and {where} group by 1",
            statement.parameters,
        )
    keys, source, match = _matching(statement, found, query.keys.values)
    return (
        f'select k.k::text as "~match", q.n as "~count" from unnest({keys}) k(k) '
        f"cross join lateral (select count(*) as n from {source} "
        f"where {match} and {where}) q",
        statement.parameters,
    )


def _group(statement: Statement, group: GroupBy) -> str:
    value = statement.value(group.field)
    return f"left({value}, 7)" if group.month else value


def _computed(found: Mapped) -> bool:
    """Say whether equality needs the codec's expression, not the bare column."""
    return found.field.kind in {Kind.MONEY, Kind.INTEGER}


def encode_all(found: Mapped, values: Sequence[str]) -> list[object]:
    """Encode what can be encoded; the rest equals nothing here."""
    encoded: list[object] = []
    for value in values:
        try:
            encoded.append(found.codec.encode(value))
        except ValueError:
            continue
    return encoded


def _texts(compare: Compare) -> list[str]:
    if isinstance(compare.value, str | int):
        return [str(compare.value)]
    return list(compare.value)


def escaped(text: str) -> str:
    """Escape what LIKE would read as a wildcard."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def holds(compare: Compare, constant: str) -> bool:
    """Compare a constant; what PostgreSQL would say of a column holding it."""
    texts = _texts(compare)
    if compare.op in {Op.EQ, Op.IN}:
        return constant in texts
    text = texts[0] if texts else ""
    answers = {
        Op.GTE: constant >= text,
        Op.LTE: constant <= text,
        Op.PREFIX: constant.startswith(text),
        Op.CONTAINS: text.casefold() in constant.casefold(),
        Op.PRESENT: bool(compare.value),
    }
    return answers[compare.op]
