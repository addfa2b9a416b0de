"""Statements that are written once and filled anew.

What a question for rows costs in text depends on its columns and its order, and on
the *shape* of the rest: what is compared with, not with which values. So a text is
remembered by its shape, and the values are put where they belong. Filled are the
limit, the keys, a position, and the values of equality; whatever else is compared
(a pattern, a day, whether there is a value) is a part of the shape with its value, and
so is what a limit is rounded up to.

The same text is the same object each time: the driver looks statements up by it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zhitong.connectors.mapping import Mapped, MappedType
from zhitong.connectors.meaning import texts
from zhitong.connectors.pseudonyms import Pseudonyms, audiences, pseudonymous
from zhitong.connectors.sql import (
    AFTER_KEY,
    AFTER_VALUE,
    DAYS,
    FIRST,
    FURTHEST,
    KEYS,
    LIMIT,
    Statement,
    check_sendable,
    encode_all,
    keyed,
    rung,
    written,
)
from zhitong.connectors.tallies import tallied, told_by
from zhitong.types import (
    SOURCE_KEY,
    All,
    AnyOf,
    Column,
    Compare,
    Keys,
    Kind,
    Not,
    Op,
    Order,
    Position,
    Predicate,
    RowQuery,
    Table,
    TallyQuery,
)

REMEMBERED = 512
"""Texts that a source remembers: as many as a connection keeps prepared."""
Given = list[object]
"""What a text is filled with, by the numbers of `zhitong.connectors.sql`."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A text with its parameters, those that are filled anew by their places."""

    mapped: MappedType
    collate: str
    sql: str
    parameters: Sequence[object]
    fills: Sequence[tuple[int, int]]

    def filled(self, given: Given) -> list[object]:
        """Give the parameters for another question of the same shape."""
        parameters = [*self.parameters]
        for place, number in self.fills:
            parameters[place] = given[number]
        return parameters


class Forms(OrderedDict[Hashable, Form]):
    """The texts of one source; those not asked for longest fall out."""

    def find(self, key: Hashable, mapped: MappedType, collate: str) -> Form | None:
        """Give the text of *key*, unless the database has another structure now."""
        form = self.get(key)
        if form is None or form.mapped is not mapped or form.collate != collate:
            return None
        self.move_to_end(key)
        return form

    def keep(self, key: Hashable, form: Form) -> Form:
        """Remember *form*."""
        self[key] = form
        if len(self) > REMEMBERED:
            self.popitem(last=False)
        return form


@dataclass(frozen=True, slots=True)
class Wanted:
    """What stays from one question to the next."""

    type: str
    columns: tuple[Column, ...]
    order: Order


Asked = tuple[int, Predicate | None, Keys | None, Position | None]
"""What a question adds: limit, where, keys, after."""


class Asking(Protocol):
    """Sends a statement of one type, written for the structure that is there."""

    async def __call__(
        self,
        type_name: str,
        write: Callable[[MappedType, str], tuple[str, list[object]]],
        /,
    ) -> Sequence[Any]:
        """Give the records; raise `SourceError`."""
        ...


class PreparedRows:
    """Answers the port `zhitong.ports.Prepared` from one PostgreSQL database."""

    def __init__(
        self,
        source: str,
        wanted: Wanted,
        forms: Forms,
        ask: Asking,
        pseudonyms: Pseudonyms | None,
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._forms = forms
        self._ask = ask
        self._pseudonyms = pseudonyms
        self._hashed = audiences(wanted.columns)
        self._paged = layout(wanted.columns, matched=False)
        self._matched = layout(wanted.columns, matched=True)

    async def table(
        self,
        *,
        limit: int,
        where: Predicate | None = None,
        keys: Keys | None = None,
        after: Position | None = None,
    ) -> Table:
        """Answer in one statement."""
        asked = (limit, where, keys, after)
        type_name = self._wanted.type
        records = await self._ask(
            type_name, lambda mapped, collate: self.statement(mapped, collate, asked)
        )
        key, order, match, at = self._paged if keys is None else self._matched
        if self._hashed:
            hashed = {at[name]: whom for name, whom in self._hashed.items()}
            records = [pseudonymous(r, hashed, self._pseudonyms) for r in records]
        return Table(type_name, self._source, records, key, order, match, at)

    def statement(
        self, mapped: MappedType, collate: str, asked: Asked
    ) -> tuple[str, list[object]]:
        """Give the text for this database, and its parameters."""
        limit, where, keys, after = asked
        wanted = self._wanted
        given: Given = [None] * FIRST
        given[LIMIT] = limit
        shape = (
            self,
            rung(limit),
            keys if keys is None else _keys_shape(mapped, keys, given),
            after if after is None else _start(mapped, wanted.order, after, given),
            where if where is None else _shape(mapped, where, given),
        )
        form = self._forms.find(shape, mapped, collate)
        if form is None:
            query = RowQuery(
                type=wanted.type,
                columns=wanted.columns,
                order=wanted.order,
                limit=limit,
                where=where,
                after=after,
                keys=keys,
            )
            form = self._forms.keep(shape, _form(mapped, collate, query))
        return form.sql, form.filled(given)


def counted(
    forms: Forms, mapped: MappedType, collate: str, query: TallyQuery
) -> tuple[str, list[object]]:
    """Give the text of a count for this database, and its parameters."""
    told, many = told_by(mapped, query)
    given: Given = [None] * FIRST
    keys, where = query.keys, query.where
    shape = (
        query.type,
        query.by,
        query.limit,
        keys if keys is None else _keys_shape(told, keys, given),
        where if where is None else _shape(told, where, given),
    )
    form = forms.find(shape, told, collate)
    if form is None:
        statement = Statement(told, collate)
        sql = tallied(statement, query, many)
        form = Form(told, collate, sql, statement.parameters, statement.fills)
        forms.keep(shape, form)
    return form.sql, form.filled(given)


Layout = tuple[int, int, int | None, Mapping[str, int]]


def layout(columns: Sequence[Column], *, matched: bool) -> Layout:
    """Say where key, order, match and each column stand in a record."""
    key = int(matched)
    at = {column.name: place for place, column in enumerate(columns, key + 1)}
    return key, key + 1 + len(columns), 0 if matched else None, at


def _form(mapped: MappedType, collate: str, query: RowQuery) -> Form:
    statement = Statement(mapped, collate)
    sql = written(statement, query)
    return Form(mapped, collate, sql, statement.parameters, statement.fills)


# --- shapes ------------------------------------------------------------------


def _found(mapped: MappedType, name: str) -> Mapped | None:
    return mapped.source_key if name == SOURCE_KEY else mapped.fields.get(name)


def _keys_shape(mapped: MappedType, keys: Keys, given: Given) -> Hashable:
    found = _found(mapped, keys.field)
    if found is not None:
        given[KEYS] = _sendable(keyed(found, keys.values))
    return keys.field


def _start(mapped: MappedType, order: Order, after: Position, given: Given) -> Hashable:
    found = _found(mapped, order.field)
    given[AFTER_KEY] = _sendable(after.key)
    kind = (after.value is None, after.key is None, after.inclusive)
    if found is None or after.value is None:
        return kind
    value, side = found.codec.bound(after.value)
    given[AFTER_VALUE] = _sendable(value)
    return (*kind, side, value if value in FURTHEST else None)


def _shape(mapped: MappedType, where: Predicate, given: Given) -> Hashable:
    """Say what *where* looks like, and give its values, in the order of the text."""
    if isinstance(where, Compare):
        return _compared(mapped, where, given)
    if isinstance(where, Not):
        return Not, _shape(mapped, where.part, given)
    if isinstance(where, All | AnyOf):
        return type(where), *(_shape(mapped, part, given) for part in where.parts)
    raise TypeError(where)  # resolvers settle it; see zhitong.types


def _compared(mapped: MappedType, compare: Compare, given: Given) -> Hashable:
    found = _found(mapped, compare.field)
    if compare.op is Op.PRESENT:
        return compare.field, Op.PRESENT, bool(compare.value)
    if found is None:
        return compare.field
    if found.field.kind is Kind.TEXTS:
        given.append(_sendable(encode_all(found, texts(compare))))
        return compare.field, Kind.TEXTS
    if compare.op in {Op.EQ, Op.IN} and found.field.kind not in DAYS:
        encoded = encode_all(found, texts(compare))
        one = len(encoded) == 1
        given.append(_sendable(encoded[0] if one else encoded))
        return compare.field, one
    return compare.field, compare.op, *texts(compare)


def _sendable(value: object) -> object:
    check_sendable(value)
    return value
