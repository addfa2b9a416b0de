"""The read: the only way from verdicts to columns.

Whoever asks, for rows or for counts, comes through `Reader`. It decides what is
selected (denied fields are not, masked ones are masked in the statement), adds the
row scope, asks every source that can hold the rows, merges, names what is missing,
and notes for the access record what was looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from zhitong.exceptions import FieldHiddenError, SourceError
from zhitong.ports import Source
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.looks import (
    COUNT,
    FILTER,
    compared,
    note_look,
    note_lost,
    note_missing,
    note_restriction,
    shown,
)
from zhitong.resolvers.merge import cut, merge, position
from zhitong.resolvers.policy import Policy, decide, plain, visible
from zhitong.types import (
    SOURCE_KEY,
    All,
    Column,
    EntityType,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Mask,
    Order,
    Predicate,
    Row,
    RowQuery,
    Rulings,
    Tally,
    TallyQuery,
    TypeVerdicts,
)

LINK = "~"
"""Prefix of a column that only leads to another type: ``~counterparty``."""
Part = TypeVar("Part", Sequence[Row], Sequence[Tally])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is to be read, before policy has spoken."""

    entity: EntityType
    fields: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    """Relations to follow from the rows, so their keys are needed."""
    where: Predicate | None = None
    """Settled: visible fields and keys only (`zhitong.resolvers.filters`)."""
    order: Order | None = None
    limit: int = 1
    """How many rows, or how many for each key."""
    peek: bool = False
    """Look for one row more, to say whether there is any; it is not given."""
    after: Mark | None = None
    keys: Keys | None = None
    sources: frozenset[str] | None = None
    lacking: tuple[str, ...] = ()
    """Sources that *where* could not be settled with; the answer lacks their part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows in order, and the sources whose part is missing."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()
    more: frozenset[str | None] = frozenset()
    """The keys with more rows than were given; None for a page without keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Counts by group from all sources, and the sources that are missing."""

    tallies: tuple[Tally, ...]
    missing: tuple[str, ...] = ()


class Reader:
    """Reads for any type from all its sources, under policy."""

    def __init__(
        self, sources: Callable[[], Mapping[str, Source]], policy: Policy
    ) -> None:
        self._sources = sources
        self._policy = policy

    def verdicts(self, inquiry: Inquiry, entity: EntityType) -> TypeVerdicts:
        """Decide once per question and type."""
        known = inquiry.verdicts.get(entity.name)
        if known is None:
            known = decide(self._policy, inquiry.principal, inquiry.occasion, entity)
            inquiry.verdicts[entity.name] = known
        return known

    def restriction(
        self, inquiry: Inquiry, entity: EntityType, name: str
    ) -> Predicate | None:
        """Say for which rows *name* may be compared; raise if for none."""
        rulings = self.verdicts(inquiry, entity).fields[name]
        rows = plain(rulings)
        note_restriction(inquiry, entity, name, rulings)
        if rows is False:
            raise FieldHiddenError(
                f"{entity.name}.{name} 对本次查询不完全可见，"
                "不能用来筛选、排序、分组或检索",
                f"{entity.name}.{name} is not wholly visible here, so nothing can be "
                "filtered, sorted, grouped or searched by it",
            )
        return None if rows is True else rows

    def order(self, inquiry: Inquiry, entity: EntityType, asked: Order | None) -> Order:
        """Take the order asked for, or the type's first that may be seen."""
        if asked is not None and asked.field == SOURCE_KEY:
            return asked
        if asked is not None:
            if self.restriction(inquiry, entity, asked.field) is not None:
                raise FieldHiddenError(
                    f"{entity.name}.{asked.field} 只对部分记录可见，不能用来排序",
                    f"{entity.name}.{asked.field} is visible for some rows only, so "
                    "nothing can be sorted by it",
                )
            return asked
        fields = self.verdicts(inquiry, entity).fields
        for name in entity.orders:
            if plain(fields[name]) is True:
                dated = entity.fields[name].kind in {Kind.DATE, Kind.DATETIME}
                return Order(name, descending=dated)
        return Order(SOURCE_KEY, descending=False)

    def sees(self, inquiry: Inquiry, entity: EntityType) -> bool:
        """Say whether anything of *entity* may be seen at all."""
        fields = self.verdicts(inquiry, entity).fields
        return any(map(visible, fields.values()))

    async def rows(self, inquiry: Inquiry, ask: Ask) -> Found:
        """Read rows: a page over all sources, or up to *limit* for each key."""
        verdicts = self.verdicts(inquiry, ask.entity)
        if not self.sees(inquiry, ask.entity):
            self.refuse(inquiry, ask.entity)
            return Found(rows=())
        order = self.order(inquiry, ask.entity, ask.order)
        columns = self._columns(inquiry, ask, verdicts)
        where = both(ask.where, verdicts.rows)
        asked: list[tuple[Source, Callable[[], Awaitable[Sequence[Row]]]]] = []
        for source in self._holding(ask.entity, where, ask.sources):
            start = position(ask.after, source.name)
            if isinstance(start, bool):
                continue
            query = RowQuery(
                type=ask.entity.name,
                columns=columns,
                order=order,
                limit=ask.limit + ask.peek,
                where=where,
                after=start,
                keys=ask.keys,
            )
            asked.append((source, partial(source.rows, query)))
        needed = {column.field for column in columns} | {order.field}
        answered, missing = await self._gather(inquiry, ask, asked, needed)
        seen = _filtered(ask, shown(ask.fields, verdicts.fields))
        field = ask.entity.fields.get(order.field)
        kind = field.kind if field else Kind.TEXT
        merged = merge([row for _, part in answered for row in part], order, kind)
        rows, more = cut(merged, ask.limit)
        for source, _ in answered:
            given = [row for row in rows if row.source == source.name]
            note_look(inquiry, ask.entity, source, seen, given)
        return Found(rows=tuple(rows), missing=missing, more=more)

    async def tally(
        self, inquiry: Inquiry, ask: Ask, by: tuple[GroupBy, ...]
    ) -> Counted:
        """Count rows, by group or by key; groups are checked by the caller."""
        verdicts = self.verdicts(inquiry, ask.entity)
        if not self.sees(inquiry, ask.entity):
            self.refuse(inquiry, ask.entity)
            return Counted(tallies=())
        where = both(ask.where, verdicts.rows)
        query = TallyQuery(
            type=ask.entity.name,
            by=by,
            where=where,
            keys=ask.keys,
            limit=ask.limit if by else None,
        )
        asked = [
            (source, partial(source.tally, query))
            for source in self._holding(ask.entity, where, ask.sources)
        ]
        groups = {group.field for group in by}
        answered, missing = await self._gather(inquiry, ask, asked, groups)
        seen = _filtered(ask, dict.fromkeys(sorted(groups), COUNT))
        for source, part in answered:
            note_look(inquiry, ask.entity, source, seen, part)
        tallies = tuple(tally for _, part in answered for tally in part)
        return Counted(tallies=tallies, missing=missing)

    def refuse(self, inquiry: Inquiry, entity: EntityType) -> None:
        """Note for the answer that nothing of *entity* is seen, and why."""
        verdicts = self.verdicts(inquiry, entity)
        inquiry.restrictions[entity.name, "*"] = verdicts.fields[entity.key]

    def _holding(
        self,
        entity: EntityType,
        where: Predicate | None,
        named: frozenset[str] | None,
    ) -> list[Source]:
        return [
            source
            for name, source in sorted(self._sources().items())
            if (named is None or name in named)
            and source.feeds(entity.name)
            and source.may_hold(entity.name, where)
        ]

    def _columns(
        self, inquiry: Inquiry, ask: Ask, verdicts: TypeVerdicts
    ) -> tuple[Column, ...]:
        columns: list[Column] = []
        for name in sorted(ask.fields):
            rulings = verdicts.fields[name]
            note_restriction(inquiry, ask.entity, name, rulings)
            columns.append(Column(name, name, rulings))
        for name in sorted(ask.links):
            rulings = verdicts.fields[name]
            note_restriction(inquiry, ask.entity, name, rulings)
            key = ask.entity.relations[name].local
            columns.append(Column(LINK + name, key, _as_link(rulings)))
        return tuple(columns)

    async def _gather(
        self,
        inquiry: Inquiry,
        ask: Ask,
        asked: Sequence[tuple[Source, Callable[[], Awaitable[Part]]]],
        needed: set[str],
    ) -> tuple[list[tuple[Source, Part]], tuple[str, ...]]:
        results = await asyncio.gather(
            *(_unless_away(inquiry, *each) for each in asked), return_exceptions=True
        )
        filtered = set(compared(ask.where))
        answered: list[tuple[Source, Part]] = []
        missing = set(ask.lacking)
        for (source, _), result in zip(asked, results, strict=True):
            if isinstance(result, SourceError):
                missing.add(source.name)
                note_missing(inquiry, ask.entity, source, result)
            elif isinstance(result, BaseException):
                raise result
            else:
                answered.append((source, result))
                note_lost(inquiry, ask.entity, source, needed | filtered)
                if filtered & source.lost(ask.entity.name).keys():
                    missing.add(source.name)  # it compared with nothing
        return answered, tuple(sorted(missing))


async def _unless_away(
    inquiry: Inquiry, source: Source, question: Callable[[], Awaitable[Part]]
) -> Part:
    """Ask *source*; once it has failed a question, the rest does not wait for it."""
    if source.name in inquiry.away:
        raise inquiry.away[source.name]
    try:
        return await question()
    except SourceError as error:
        if error.retriable:
            inquiry.away[source.name] = error
        raise


def both(one: Predicate | None, other: Predicate | None) -> Predicate | None:
    """Join two conditions; none is no condition."""
    if one is None or other is None:
        return one or other
    return All((one, other))


def _as_link(rulings: Rulings) -> Rulings:
    """Take a relation's rulings for its key: a mask would lead nowhere."""
    return tuple(ruling for ruling in rulings if not isinstance(ruling.verdict, Mask))


def _filtered(ask: Ask, seen: Mapping[str, str]) -> dict[str, str]:
    """Add to the fields *seen* those that were compared."""
    fields = dict(seen)
    for name in sorted(set(compared(ask.where)) & ask.entity.fields.keys()):
        fields[name] = f"{fields[name]}|{FILTER}" if name in fields else FILTER
    return fields
