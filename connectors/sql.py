"""Queries as SQL: one statement each, values as parameters, masks inside.

Rules of a page:

- Rows come in the order (field, key); rows without a value come last. The two
  parts are two selects under one limit, so that the column's index serves the
  first and the second runs only when the first is used up. Where no table is joined
  they give cells, and the statement around them reads these.
- With keys, each key has its page: a lateral join over the keys, or for keys that
  stand in one text cell a window over the matching rows.
- A field this source does not have is null, and equals nothing; a column whose
  ruling depends on one is null, for nobody can say which rows it covers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from zhitong.connectors.codecs import Side
from zhitong.connectors.mapping import Mapped, MappedType
from zhitong.connectors.masks import findable, masked, numberless, searches_digits
from zhitong.connectors.meaning import fields_of, texts
from zhitong.exceptions import ScalarError
from zhitong.types import (
    SOURCE_KEY,
    All,
    Allow,
    Column,
    Compare,
    Deny,
    Kind,
    Mask,
    Not,
    Op,
    Order,
    Position,
    Predicate,
    Related,
    RowQuery,
)

UNSENDABLE = re.compile("[\0\ud800-\udfff]")
FURTHEST = (date.max, datetime.max)  # noqa: DTZ901 - a clock without zone
DAYS = frozenset({Kind.DATE, Kind.DATETIME})
LIMIT, KEYS, AFTER_VALUE, AFTER_KEY, FIRST = range(5)
"""Numbers of what a text can be filled with anew; from *FIRST*: compared values."""


def check_sendable(value: object) -> None:
    """Raise `ScalarError` for a text that the database cannot take."""
    for text in value if isinstance(value, list) else [value]:
        # Asked first, for nearly every key is ASCII and a search costs more.
        if isinstance(text, str) and not (text.isascii() and "\0" not in text):
            if not UNSENDABLE.search(text):
                continue
            raise ScalarError(
                "文本中不能有空字符（U+0000）或不成对的代理码位",
                "a text cannot hold U+0000 or a lone surrogate",
            )


@dataclass(slots=True)
class Statement:
    """SQL under construction: its parameters and the joins it turned out to need."""

    mapped: MappedType
    collate: str
    """`` collate "C"`` where the database sorts text otherwise."""
    parameters: list[object] = field(default_factory=list)
    joins: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    """Those of the base table that it turned out to need."""
    constants: dict[str, str] = field(default_factory=dict)
    fills: list[tuple[int, int]] = field(default_factory=list)
    """Places of parameters that may be filled anew, and with what."""
    counted: int | None = None
    """The number of the next compared value; None: they are written once for all."""
    sampled: str = ""
    """Which part of the base table is read; empty: all of it."""

    def parameter(self, value: object, number: int | None = None) -> str:
        """Add a parameter, return its placeholder; *number* says what fills it anew."""
        check_sendable(value)
        if isinstance(value, date) and value in FURTHEST:
            # The driver sends these as infinity, and 9999-12-31 is a habit.
            kind = "timestamp" if isinstance(value, datetime) else "date"
            return f"{kind} '{value.isoformat()}'"
        if number is not None:
            self.fills.append((len(self.parameters), number))
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def compared(self, value: object) -> str:
        """Add a parameter that a row's value is, or is one of."""
        number = self.counted
        if number is not None:
            self.counted = number + 1
        return self.parameter(value, number)

    def constant(self, text: str) -> str:
        """Add a parameter of ours, once: a pattern would be most of a statement."""
        if text not in self.constants:
            self.constants[text] = f"{self.parameter(text)}::text"
        return self.constants[text]

    def lookup(self, name: str) -> Mapped | None:
        """Find a field and note the joins it needs."""
        if name == SOURCE_KEY:
            return self.mapped.source_key
        found = self.mapped.fields.get(name)
        if found is not None:
            self.joins |= found.joins
            self.columns |= found.columns
        return found

    def source(self) -> str:
        """Write the base table with the joins in use."""
        used: set[str] = set()
        for alias in self.joins:
            used |= self.mapped.needs[alias]
        joins = [sql for alias, sql in self.mapped.joins.items() if alias in used]
        return " ".join([f"{self.mapped.table} base{self.sampled}", *joins])

    @property
    def key(self) -> str:
        """Write the source's own key as text."""
        return self.mapped.source_key.value

    # --- values --------------------------------------------------------------

    def value(self, name: str) -> str:
        """Write a field's canonical value."""
        found = self.lookup(name)
        return "null::text" if found is None else found.value

    def column(self, column: Column) -> str:
        """Write a column under its rulings; what is denied is not read."""
        arms: list[str] = []
        for ruling in column.rulings:
            if any(self.lookup(name) is None for name in fields_of(ruling.under)):
                last = "null"
                break
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
        found = self.lookup(name)
        if isinstance(verdict, Allow):
            if found is not None and verdict.numberless:
                return numberless(found.field, found.value, self.constant)
            return self.value(name)
        if isinstance(verdict, Mask) and found is not None:
            kind = found.field.kind
            return masked(verdict.kind, kind, found.value, verdict.edges, self.constant)
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
            valued = _valued(found)
            return f"({valued})" if compare.value else f"({valued}) is not true"
        if found.field.kind is Kind.TEXTS:
            return self._overlaps(found, texts(compare))
        if compare.op in {Op.EQ, Op.IN}:
            return self._equals(found, texts(compare))
        return self._range(found, compare)

    def _equals(self, found: Mapped, values: Sequence[str]) -> str:
        if found.field.kind in DAYS:
            spans = [
                f"({self._limit(found, found.codec.lower(value))} and "
                f"{self._limit(found, found.codec.upper(value))})"
                for value in values
            ]
            return f"({' or '.join(spans)})" if spans else "false"
        encoded = encode_all(found, values)
        subject = found.codec.equal(found.raw)
        if len(encoded) == 1:
            return f"{subject} = {self.compared(encoded[0])}"
        return f"{subject} = any({self.compared(encoded)})"

    def _range(self, found: Mapped, compare: Compare) -> str:
        text = str(compare.value)
        if compare.op is Op.GTE:
            return self._limit(found, found.codec.lower(text))
        if compare.op is Op.LTE:
            return self._limit(found, found.codec.upper(text))
        if compare.op is Op.PREFIX:
            operator, pattern = "like", f"{escaped(text)}%"
        else:
            operator, pattern = "ilike", f"%{escaped(text)}%"
        like = f"{operator} {self.parameter(pattern)}"
        parts = [f"{found.codec.sort(found.raw)} {like}", _valued(found)]
        if searches_digits(found.field, text):
            # The column's index finds them; digits that are not given find nothing.
            given = numberless(found.field, found.value, self.constant)
            parts.append(f"{given} {like}")
        return f"({' and '.join(parts)})"

    def _limit(self, found: Mapped, limit: tuple[str, object]) -> str:
        operator, value = limit
        sort, within = self.sort(found), found.codec.within
        condition = f"{sort} {operator} {self.parameter(value)}"
        if within:
            # Of a span with two ends PostgreSQL takes little to be in it, whatever the
            # parameter; of one end it takes a third, and plans anew at each execution.
            condition += f" and {sort} between {within}"
        return f"({condition} and {_valued(found)})"

    def _overlaps(self, found: Mapped, values: Sequence[str]) -> str:
        encoded = encode_all(found, values)
        if found.link is None:
            return f"{found.raw} && {self.compared(encoded)}::text[]"
        link = found.link
        return (
            f"exists (select from {link.table} l where {link.condition} and "
            f"{found.codec.equal(f'l.{link.column}')} = any({self.compared(encoded)}))"
        )

    # --- order and position --------------------------------------------------

    def sort(self, found: Mapped) -> str:
        """Write what to sort by, in the order of code points where it is text."""
        sort = found.codec.sort(found.raw)
        return sort + self.collate if found.codec.textual else sort

    def key_sort(self) -> str:
        """Write the last thing to sort by."""
        return self.sort(self.mapped.source_key)

    def _key_beyond(self, position: Position) -> str:
        return f"{self.key_sort()} > {self.parameter(position.key, AFTER_KEY)}"

    def _valued_beyond(
        self, found: Mapped, order: Order, position: Position
    ) -> str | None:
        """Write "after *position*" for rows that have a value; None: none is."""
        if position.value is None:
            return None
        value, side = found.codec.bound(position.value)
        sort, operator = self.sort(found), "<" if order.descending else ">"
        further = Side.BEFORE if order.descending else Side.AFTER
        if side is further or (side is Side.SAME and position.inclusive):
            operator += "="
        condition = f"{sort} {operator} {self.parameter(value, AFTER_VALUE)}"
        if side is Side.SAME and not position.inclusive and position.key is not None:
            # The bound for itself: an index finds where to begin by no "or".
            bound = f"{sort} {operator}= {self.parameter(value, AFTER_VALUE)}"
            condition = f"{bound} and ({condition} or {self._key_beyond(position)})"
        return condition

    def halves(
        self, found: Mapped | None, order: Order, position: Position | None
    ) -> tuple[str | None, str | None]:
        """Write which rows with and without a value are to come; None: none can."""
        valued: str | None = None
        lacking: str | None = "true"
        if found is not None:
            has = found.codec.valued(found.raw)
            valued = has or "true"
            lacking = None if has is None else found.codec.lacking(found.raw)
        if position is None:
            return valued, lacking
        if found is not None:
            beyond = self._valued_beyond(found, order, position)
            valued = None if beyond is None else f"{valued} and {beyond}"
        if lacking is not None and position.value is None and position.key is not None:
            lacking += f" and {self._key_beyond(position)}"
        return valued, lacking if valued or lacking else "false"

    def parts(
        self, query: RowQuery, select: str, source_and_where: tuple[str, str]
    ) -> str:
        """Write the rows with a value, then those without, under one limit."""
        source, where = source_and_where
        found = self.lookup(query.order.field)
        valued, lacking = self.halves(found, query.order, query.after)
        limit, key = rung(query.limit), self.key_sort()
        direction = " desc" if query.order.descending else ""
        both = None not in {valued, lacking} and found is not None
        # Two selects of one table read its cells, and what is shown is written once: a
        # statement is made ready at each execution, as far as its text goes.
        once = both and not self.joins
        each = self._cells() if once else select
        selects: list[str] = []
        if found is not None and valued is not None:
            selects.append(
                f'(select {each}, {found.codec.order_value(found.raw)} as "~order" '
                f"from {source} where {where} and {valued} "
                f"order by {self.sort(found)}{direction}, {key} limit {limit})"
            )
        if lacking is not None:
            selects.append(
                f'(select {each}, null::text as "~order" from {source} '
                f"where {where} and {lacking} order by {key} limit {limit})"
            )
        alone = query.limit <= ALONE
        if alone and len(selects) == 1:
            return selects[0]
        exact = str(limit) if alone else self.parameter(query.limit, LIMIT)
        rows = " union all ".join(selects)
        if once:
            return f'(select {select}, base."~order" from ({rows}) base limit {exact})'
        if len(selects) == 1:
            rows = f"select * from {rows} h"
        return f"({rows} limit {exact})"

    def _cells(self) -> str:
        """Write the columns of the base table that it turned out to need."""
        columns = self.columns | self.mapped.source_key.columns
        return ", ".join(f"base.{column}" for column in sorted(columns))


ALONE = 2
"""Up to here each limit is the only one that is rounded up to what it is."""


def rung(limit: int) -> int:
    """Round a limit up to what the text says, of which there are few.

    A plan is made for a limit that is known: for one that is a parameter PostgreSQL
    plans anew at every execution. Rows are made one by one, so that those beyond the
    exact limit, a parameter outside, cost next to nothing.
    """
    return 1 << max(limit - 1, 0).bit_length()


def row_statement(
    mapped: MappedType, query: RowQuery, collate: str
) -> tuple[str, list[object]]:
    """Write *query* for one database: columns, ``~key``, ``~order``, ``~match``."""
    statement = Statement(mapped, collate)
    return written(statement, query), statement.parameters


def written(statement: Statement, query: RowQuery) -> str:
    """Write *query*; the statement then has its parameters, and what fills them."""
    columns = [statement.column(column) for column in query.columns]
    select = ", ".join([f'{statement.key} as "~key"', *columns])
    statement.counted = FIRST
    where = statement.condition(query.where)
    statement.lookup(query.order.field)
    if query.keys is None:
        return statement.parts(query, select, (statement.source(), where))
    found = statement.lookup(query.keys.field)
    if found is None:
        return ""
    if in_one_cell(found):
        return _window(statement, query, found, select, where)
    keys, match = matching(statement, found, query.keys.values)
    page = statement.parts(query, select, (statement.source(), f"{match} and {where}"))
    each = f'select k.k::text as "~match", q.* from {keys}'
    return f"{each} cross join lateral {page} q"


def keyed(found: Mapped, values: Sequence[str]) -> object:
    """Encode the keys of a look-up: as an array, or as the text of one.

    The text is read once for the statement. What rows are compared with it would be
    read for each of them.
    """
    if found.field.kind in DAYS:  # no key, but a day as text can be one
        return array_text(values)
    encoded = encode_all(found, values)
    return encoded if in_one_cell(found) else array_text(encoded)


def in_one_cell(found: Mapped) -> bool:
    """Say whether a row has its keys as a list in one cell."""
    return found.link is None and found.field.kind is Kind.TEXTS


def array_text(values: Sequence[object]) -> str:
    """Write an array as text: the driver takes 0.4 µs for each member of an array."""
    texts = [*map(str, values)]
    whole = "".join(texts)
    if "\\" in whole or '"' in whole:
        texts = [one.replace("\\", "\\\\").replace('"', '\\"') for one in texts]
    return '{"' + '","'.join(texts) + '"}' if texts else "{}"


def matching(
    statement: Statement, found: Mapped, values: Sequence[str]
) -> tuple[str, str]:
    """Write the keys as ``k.k``, and the condition of a look-up by them.

    Selected, their number is not seen when the statement is planned. Where it is, few
    keys are planned for anew at each execution: thrice what running takes.
    """
    encoded = f"{statement.parameter(keyed(found, values), KEYS)}::text"
    if found.field.kind in DAYS:
        return _unnested(f"{encoded}::text[]"), f"{found.value} = k.k"
    keys = _unnested(f"{encoded}::{found.codec.type}[]")
    if found.link is None:
        return keys, f"{found.codec.equal(found.raw)} = k.k"
    # Not a join: a value listed twice is still one row.
    link = found.link
    cell = found.codec.equal(f"l.{link.column}")
    return keys, (
        f"exists (select from {link.table} l where {link.condition} and {cell} = k.k)"
    )


def _unnested(keys: str) -> str:
    return f"unnest((select {keys})) k(k)"


def exploded(statement: Statement, found: Mapped, values: Sequence[str]) -> str:
    """Write the keys that a list in one cell answers, each once, as ``x.k``."""
    keys = statement.parameter(keyed(found, values), KEYS)
    return (
        f"{statement.source()} cross join lateral (select distinct u.k "
        f"from unnest({found.raw}) u(k) where u.k = any({keys}::text[])) x "
        f"where {found.raw} && {keys}::text[]"
    )


def _window(
    statement: Statement, query: RowQuery, found: Mapped, select: str, where: str
) -> str:
    """Write a look-up by keys that share one cell: explode, rank, cut."""
    values = query.keys.values if query.keys is not None else ()
    order = statement.lookup(query.order.field)
    valued, lacking = statement.halves(order, query.order, query.after)
    to_come = " or ".join(f"({half})" for half in (valued, lacking) if half)
    order_value, sorts = "null::text", [statement.key_sort()]
    if order is not None:
        has = order.codec.valued(order.raw) or "true"
        order_value = f"case when {has} then {order.codec.order_value(order.raw)} end"
        direction = " desc" if query.order.descending else ""
        sort = f"case when {has} then {statement.sort(order)} end{direction}"
        sorts = [f"({has}) is not true", sort, *sorts]
    limit = statement.parameter(query.limit, LIMIT)
    return (
        f'select * from (select x.k as "~match", {select}, {order_value} as "~order", '
        f'row_number() over (partition by x.k order by {", ".join(sorts)}) as "~rank" '
        f"from {exploded(statement, found, values)} and {where} and ({to_come})) q "
        f'where "~rank" <= {limit} order by "~match", "~rank"'
    )


def _valued(found: Mapped) -> str:
    if found.field.kind is Kind.TEXTS:
        return f"cardinality({found.value}) > 0"
    return found.codec.valued(found.raw) or "true"


def encode_all(found: Mapped, values: Sequence[str]) -> list[object]:
    """Encode what can be encoded; the rest equals nothing here."""
    encoded: list[object] = []
    for value in findable(found.field, values):
        try:
            encoded.append(found.codec.encode(value))
        except ValueError:
            continue
    return encoded


def escaped(text: str) -> str:
    """Escape what LIKE would read as a wildcard."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
