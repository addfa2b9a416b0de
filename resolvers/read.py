"""The read: the only way from verdicts to columns.

Whoever asks, for rows or for counts, comes through `Reader`. It decides what is
selected (denied fields are not, masked ones are masked in the statement), adds the
row scope, asks every source that can hold the rows, merges, names what is missing,
and notes for the access record what was looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from zhitong.exceptions import FieldHiddenError, SourceError
from zhitong.ports import Source
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.merge import merge, position
from zhitong.resolvers.policy import Policy, decide, plain, visible
from zhitong.types import (
    SOURCE_KEY,
    All,
    Column,
    EntityType,
    Gap,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Label,
    Look,
    Mask,
    Order,
    Predicate,
    Row,
    RowQuery,
    Rulings,
    Sharing,
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
    after: Mark | None = None
    keys: Keys | None = None
    sources: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows in order, and the sources whose part is missing."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()


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
        if rows is False:
            inquiry.restrictions[entity.name, name] = rulings
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
                hidden = self.verdicts(inquiry, entity).fields[asked.field]
                inquiry.restrictions[entity.name, asked.field] = hidden
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

    async def rows(self, inquiry: Inquiry, ask: Ask) -> Found:
        """Read rows: a page over all sources, or up to *limit* for each key."""
        verdicts = self.verdicts(inquiry, ask.entity)
        if not any(map(visible, verdicts.fields.values())):
            return self._refused(inquiry, ask.entity, verdicts)
        order = self.order(inquiry, ask.entity, ask.order)
        columns = self._columns(inquiry, ask, verdicts)
        where = _both(ask.where, verdicts.rows)
        asked: list[tuple[Source, Coroutine[object, object, Sequence[Row]]]] = []
        for source in self._holding(ask.entity, where, ask.sources):
            start = position(ask.after, source.name)
            if isinstance(start, bool):
                continue
            query = RowQuery(
                type=ask.entity.name,
                columns=columns,
                order=order,
                limit=ask.limit,
                where=where,
                after=start,
                keys=ask.keys,
            )
            asked.append((source, source.rows(query)))
        answered, missing = await self._gather(inquiry, ask.entity, asked)
        rows: list[Row] = []
        for source, part in answered:
            self._note_lost(inquiry, ask, source)
            self._note(inquiry, ask, verdicts, source, part)
            rows.extend(part)
        field = ask.entity.fields.get(order.field)
        kind = field.kind if field else Kind.TEXT
        return Found(rows=tuple(merge(rows, order, kind)), missing=missing)

    async def tally(
        self, inquiry: Inquiry, ask: Ask, by: tuple[GroupBy, ...]
    ) -> Counted:
        """Count rows, by group or by key; groups are checked by the caller."""
        verdicts = self.verdicts(inquiry, ask.entity)
        if not any(map(visible, verdicts.fields.values())):
            self._refused(inquiry, ask.entity, verdicts)
            return Counted(tallies=())
        where = _both(ask.where, verdicts.rows)
        query = TallyQuery(
            type=ask.entity.name,
            by=by,
            where=where,
            keys=ask.keys,
            limit=ask.limit if by else None,
        )
        asked = [
            (source, source.tally(query))
            for source in self._holding(ask.entity, where, ask.sources)
        ]
        answered, missing = await self._gather(inquiry, ask.entity, asked)
        for source, part in answered:
            inquiry.looks.append(
                Look(
                    type=ask.entity.name,
                    source=source.name,
                    fields={group.field: "COUNT" for group in by},
                    rows=sum(tally.count for tally in part),
                    keys=(),
                    protected=False,
                )
            )
        tallies = tuple(tally for _, part in answered for tally in part)
        return Counted(tallies=tallies, missing=missing)

    def _refused(
        self, inquiry: Inquiry, entity: EntityType, verdicts: TypeVerdicts
    ) -> Found:
        inquiry.restrictions[entity.name, "*"] = verdicts.fields[entity.key]
        return Found(rows=())

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
            _note_restriction(inquiry, ask.entity, name, rulings)
            columns.append(Column(name, name, rulings))
        for name in sorted(ask.links):
            rulings = verdicts.fields[name]
            _note_restriction(inquiry, ask.entity, name, rulings)
            key = ask.entity.relations[name].local
            columns.append(Column(LINK + name, key, _as_link(rulings)))
        return tuple(columns)

    async def _gather(
        self,
        inquiry: Inquiry,
        entity: EntityType,
        asked: list[tuple[Source, Coroutine[object, object, Part]]],
    ) -> tuple[list[tuple[Source, Part]], tuple[str, ...]]:
        results = await asyncio.gather(
            *(question for _, question in asked), return_exceptions=True
        )
        answered: list[tuple[Source, Part]] = []
        missing: list[str] = []
        for (source, _), result in zip(asked, results, strict=True):
            if isinstance(result, SourceError):
                missing.append(source.name)
                _add_gap(inquiry, entity, source, result)
            elif isinstance(result, BaseException):
                raise result
            else:
                answered.append((source, result))
        return answered, tuple(missing)

    def _note_lost(self, inquiry: Inquiry, ask: Ask, source: Source) -> None:
        lost = source.lost(ask.entity.name)
        keys = {ask.entity.relations[name].local for name in ask.links}
        gone = sorted(lost.keys() & (ask.fields | keys))
        if gone:
            zh = "；".join(sorted({lost[name].zh for name in gone}))
            en = "; ".join(sorted({lost[name].en for name in gone}))
            _gap(
                inquiry,
                Gap(
                    source=source.name,
                    title=source.title,
                    type=ask.entity.name,
                    code="SOURCE_DRIFT",
                    detail=Label(zh, en),
                    fields=tuple(gone),
                ),
            )

    def _note(
        self,
        inquiry: Inquiry,
        ask: Ask,
        verdicts: TypeVerdicts,
        source: Source,
        rows: Iterable[Row],
    ) -> None:
        seen = {name: _label(verdicts.fields[name]) for name in sorted(ask.fields)}
        keys = tuple(row.key for row in rows)
        inquiry.looks.append(
            Look(
                type=ask.entity.name,
                source=source.name,
                fields=seen,
                rows=len(keys),
                keys=keys,
                protected=any(
                    ask.entity.fields[name].sharing is not Sharing.UNCONDITIONAL
                    and label != "DENY"
                    for name, label in seen.items()
                ),
            )
        )


def _both(one: Predicate | None, other: Predicate | None) -> Predicate | None:
    if one is None or other is None:
        return one or other
    return All((one, other))


def _as_link(rulings: Rulings) -> Rulings:
    """Take a relation's rulings for its key: a mask would lead nowhere."""
    return tuple(ruling for ruling in rulings if not isinstance(ruling.verdict, Mask))


def _label(rulings: Rulings) -> str:
    names = {type(ruling.verdict).__name__.upper() for ruling in rulings}
    return "|".join(sorted(names))


def _note_restriction(
    inquiry: Inquiry, entity: EntityType, name: str, rulings: Rulings
) -> None:
    if plain(rulings) is not True:
        inquiry.restrictions[entity.name, name] = rulings


def _add_gap(
    inquiry: Inquiry, entity: EntityType, source: Source, error: SourceError
) -> None:
    _gap(
        inquiry,
        Gap(
            source=source.name,
            title=source.title,
            type=entity.name,
            code=error.code,
            detail=error.label,
        ),
    )


def _gap(inquiry: Inquiry, gap: Gap) -> None:
    if gap not in inquiry.gaps:
        inquiry.gaps.append(gap)
