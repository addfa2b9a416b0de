"""The read: the only way from verdicts to columns.

Whoever asks, for rows or for counts, comes through `Reader`. It decides what is
selected (denied fields are not, masked ones are masked in the statement), adds the
row scope, asks every source that can hold the rows, merges, names what is missing,
and notes for the access record what was looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from zhitong.exceptions import FieldHiddenError, SourceError
from zhitong.ports import Source
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.explanation import Explanation, Place, explain
from zhitong.resolvers.looks import (
    COUNT,
    FILTER,
    LOOKUP,
    compared,
    note_look,
    note_lost,
    note_missing,
    note_restriction,
    note_tightened,
    shown,
)
from zhitong.resolvers.merge import cut, merge, position
from zhitong.resolvers.policy import (
    Caller,
    Policy,
    decide,
    may_look_up,
    plain,
    scoped,
    visible,
)
from zhitong.types import (
    SOURCE_KEY,
    All,
    Column,
    Compare,
    Deny,
    EntityType,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Label,
    Mask,
    Op,
    Order,
    Predicate,
    Row,
    RowQuery,
    Ruling,
    Rulings,
    Tally,
    TallyQuery,
    TypeVerdicts,
)

LINK = "~"
"""Prefix of a column that only leads to another type: ``~counterparty``."""
COUNTS_ONLY = Deny(
    "counts-only",
    Label("只给出数量，不给出记录", "counts are given here, no rows"),
    Label(
        "请用统计字段或 totalCount；如需记录，请申请共享授权",
        "ask for statistics or totalCount; for rows apply for a sharing grant",
    ),
)
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
    exact: str | None = None
    """The protected field that *where* looks rows up by."""


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

    def verdicts(
        self, inquiry: Inquiry, entity: EntityType, source: Source | None = None
    ) -> TypeVerdicts:
        """Decide once per question and type, and per source that shares less of it."""
        tightened = {} if source is None else source.tightened(entity.name)
        name = f"{entity.name}@{source.name}" if source and tightened else entity.name
        known = inquiry.verdicts.get(name)
        if known is None:
            caller = Caller(
                principal=inquiry.principal,
                occasion=inquiry.occasion,
                disputed=inquiry.disputed,
            )
            known = decide(self._policy, caller, entity, tightened)
            inquiry.verdicts[name] = known
        return known

    def explain(self, asking: Caller, place: Place) -> Explanation:
        """Say what the policy gives *asking* at *place*, and what sources keep."""
        name = place.entity.name
        tightened = {
            source.name: source.tightened(name)
            for source in self._sources().values()
            if source.feeds(name)
        }
        return explain(self._policy, asking, place, tightened)

    def scoped(self, kind: str) -> bool:
        """Say whether verdicts for *kind* need to know which cases are disputed."""
        return scoped(self._policy, kind)

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
        # What one source keeps back would leave its rows out of a list nobody ordered.
        orders = set(entity.orders)
        kept = {
            name
            for source in self._sources().values()
            for name in self._kept(inquiry, entity, source, orders)
        }
        for name in entity.orders:
            if name not in kept and plain(fields[name]) is True:
                dated = entity.fields[name].kind in {Kind.DATE, Kind.DATETIME}
                return Order(name, descending=dated)
        return Order(SOURCE_KEY, descending=False)

    def sees(self, inquiry: Inquiry, entity: EntityType) -> bool:
        """Say whether anything of *entity* may be seen at all."""
        fields = self.verdicts(inquiry, entity).fields
        return any(map(visible, fields.values()))

    async def rows(self, inquiry: Inquiry, ask: Ask) -> Found:
        """Read rows: a page over all sources, or up to *limit* for each key."""
        if not self._may_ask(inquiry, ask):
            return Found(rows=())
        if self.verdicts(inquiry, ask.entity).counts_only:
            inquiry.restrictions[ask.entity.name, "*"] = (Ruling(COUNTS_ONLY),)
            return Found(rows=())
        order = self.order(inquiry, ask.entity, ask.order)
        where = self._where(inquiry, ask)
        sources, lacking = self._answering(inquiry, ask, where, {order.field})
        asked: list[tuple[Source, Callable[[], Awaitable[Sequence[Row]]]]] = []
        needed = {order.field, *ask.fields}
        for source in sources:
            start = position(ask.after, source.name)
            if isinstance(start, bool):
                continue
            columns = self._columns(inquiry, ask, source)
            needed |= {column.field for column in columns}
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
        answered, missing = await self._gather(inquiry, ask, asked, needed, lacking)
        field = ask.entity.fields.get(order.field)
        kind = field.kind if field else Kind.TEXT
        merged = merge([row for _, part in answered for row in part], order, kind)
        rows, more = cut(merged, ask.limit)
        for source, _ in answered:
            given = [row for row in rows if row.source == source.name]
            verdicts = self.verdicts(inquiry, ask.entity, source)
            seen = _filtered(ask, shown(ask.fields, verdicts.fields))
            note_look(inquiry, ask.entity, source, seen, given)
        return Found(rows=tuple(rows), missing=missing, more=more)

    async def given(self, inquiry: Inquiry, ask: Ask, source: Source) -> Found:
        """Read rows that are at hand, in *source*, as any others are read."""
        reader = Reader(lambda: {source.name: source}, self._policy)
        return await reader.rows(inquiry, ask)

    async def look_up(
        self, inquiry: Inquiry, ask: Ask, field: str, *values: str
    ) -> Found:
        """Read the rows whose protected *field* is exactly one of *values*.

        An operation of its own: raises `FieldHiddenError` unless the policy names it
        for this caller. What is given of the rows is as for any read.
        """
        caller = Caller(principal=inquiry.principal, occasion=inquiry.occasion)
        verdict = may_look_up(self._policy, caller, ask.entity, field)
        if isinstance(verdict, Deny):
            inquiry.restrictions[ask.entity.name, field] = (Ruling(verdict),)
            raise FieldHiddenError(
                f"不能按 {ask.entity.name}.{field} 精确查找：{verdict.reason.zh}；"
                f"{verdict.remedy.zh}",
                f"rows cannot be looked up by {ask.entity.name}.{field}: "
                f"{verdict.reason.en}; {verdict.remedy.en}",
            )
        where = both(ask.where, Compare(field, Op.IN, values))
        return await self.rows(inquiry, replace(ask, where=where, exact=field))

    async def tally(
        self, inquiry: Inquiry, ask: Ask, by: tuple[GroupBy, ...]
    ) -> Counted:
        """Count rows, by group or by key; groups are checked by the caller."""
        if not self._may_ask(inquiry, ask):
            return Counted(tallies=())
        where = self._where(inquiry, ask)
        groups = {group.field for group in by}
        query = TallyQuery(
            type=ask.entity.name,
            by=by,
            where=where,
            keys=ask.keys,
            limit=ask.limit if by else None,
        )
        sources, lacking = self._answering(inquiry, ask, where, groups)
        asked = [(source, partial(source.tally, query)) for source in sources]
        answered, missing = await self._gather(inquiry, ask, asked, groups, lacking)
        seen = _filtered(ask, dict.fromkeys(sorted(groups), COUNT))
        for source, part in answered:
            note_look(inquiry, ask.entity, source, seen, part)
        tallies = tuple(tally for _, part in answered for tally in part)
        return Counted(tallies=tallies, missing=missing)

    def leads(self, inquiry: Inquiry, entity: EntityType, remote: str) -> bool:
        """Say whether any row may be found by *remote*, as a relation does."""
        if remote == SOURCE_KEY:
            return True
        rulings = self.verdicts(inquiry, entity).fields[remote]
        if plain(rulings) is False:
            note_restriction(inquiry, entity, remote, rulings)
            return False
        return True

    def _may_ask(self, inquiry: Inquiry, ask: Ask) -> bool:
        if not self.sees(inquiry, ask.entity):
            self.refuse(inquiry, ask.entity)
            return False
        return ask.keys is None or self.leads(inquiry, ask.entity, ask.keys.field)

    def _where(self, inquiry: Inquiry, ask: Ask) -> Predicate | None:
        """Join what was asked, the row scope, and where the keys may be compared."""
        verdicts = self.verdicts(inquiry, ask.entity)
        where = both(ask.where, verdicts.rows)
        if ask.keys is None or ask.keys.field == SOURCE_KEY:
            return where
        rows = plain(verdicts.fields[ask.keys.field])
        return where if isinstance(rows, bool) or rows is None else both(where, rows)

    def refuse(self, inquiry: Inquiry, entity: EntityType) -> None:
        """Note for the answer that nothing of *entity* is seen, and why."""
        verdicts = self.verdicts(inquiry, entity)
        inquiry.restrictions[entity.name, "*"] = verdicts.fields[entity.key]

    def _answering(
        self,
        inquiry: Inquiry,
        ask: Ask,
        where: Predicate | None,
        used: set[str],
    ) -> tuple[list[Source], set[str]]:
        """List the sources to ask, and those that keep back what is compared."""
        answering: list[Source] = []
        lacking: set[str] = set()
        used = used | set(compared(ask.where))
        used |= set() if ask.keys is None else {ask.keys.field}
        for name, source in sorted(self._sources().items()):
            if ask.sources is not None and name not in ask.sources:
                continue
            if not source.feeds(ask.entity.name):
                continue
            if not source.may_hold(ask.entity.name, where):
                continue
            kept = self._kept(inquiry, ask.entity, source, used)
            if kept:
                lacking.add(name)
                note_tightened(inquiry, ask.entity, source, kept)
            else:
                answering.append(source)
        return answering, lacking

    def _kept(
        self, inquiry: Inquiry, entity: EntityType, source: Source, used: set[str]
    ) -> list[str]:
        """Name those of *used* that *source* does not let be compared as others do."""
        tightened = source.tightened(entity.name)
        if not tightened:
            return []
        general = self.verdicts(inquiry, entity).fields
        here = self.verdicts(inquiry, entity, source).fields
        return sorted(
            name
            for name in used & tightened.keys()
            if plain(here[name]) != plain(general[name])
        )

    def _columns(
        self, inquiry: Inquiry, ask: Ask, source: Source
    ) -> tuple[Column, ...]:
        columns: list[Column] = []
        general = self.verdicts(inquiry, ask.entity)
        here = self.verdicts(inquiry, ask.entity, source)
        for name in sorted(ask.fields | ask.links):
            rulings = here.fields[name]
            place = name if rulings == general.fields[name] else f"{name}@{source.name}"
            note_restriction(inquiry, ask.entity, place, rulings)
            if name in ask.fields:
                columns.append(Column(name, name, rulings))
            else:
                key = ask.entity.relations[name].local
                columns.append(Column(LINK + name, key, _as_link(rulings)))
        return tuple(columns)

    async def _gather(
        self,
        inquiry: Inquiry,
        ask: Ask,
        asked: Sequence[tuple[Source, Callable[[], Awaitable[Part]]]],
        needed: set[str],
        lacking: set[str],
    ) -> tuple[list[tuple[Source, Part]], tuple[str, ...]]:
        results = await asyncio.gather(
            *(_unless_away(inquiry, *each) for each in asked), return_exceptions=True
        )
        filtered = set(compared(ask.where))
        answered: list[tuple[Source, Part]] = []
        missing = {*ask.lacking, *lacking}
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
        how = LOOKUP if name == ask.exact else FILTER
        fields[name] = f"{fields[name]}|{how}" if name in fields else how
    return fields
