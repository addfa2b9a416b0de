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
from functools import partial, reduce
from typing import TypeVar

from zhitong.exceptions import SourceError
from zhitong.ports import Source
from zhitong.resolvers import granting
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.emergencies import finding
from zhitong.resolvers.granting import both
from zhitong.resolvers.looks import (
    COUNT,
    FILTER,
    LOOKUP,
    PLACE,
    compared,
    note_kept,
    note_look,
    note_lost,
    note_missing,
    note_restriction,
    noted_place,
    shown,
)
from zhitong.resolvers.merge import cut, merge, position
from zhitong.resolvers.rulings import plain
from zhitong.resolvers.sight import Opened, Sight, caller, not_by
from zhitong.resolvers.verdicts import may_look_up
from zhitong.types import (
    SOURCE_KEY,
    Allow,
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
FOR_THE_RECORD = Allow("access-record")
"""What is read for the record alone; the answer has nothing of it."""
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
    opened: Opened | None = None
    """Sources that the look-up is open to by grant, and for which of their rows."""


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


class Reader(Sight):
    """Reads for any type from all its sources, under policy."""

    async def rows(self, inquiry: Inquiry, ask: Ask) -> Found:
        """Read rows: a page over all sources, or up to *limit* for each key."""
        if not self._may_ask(inquiry, ask):
            return Found(rows=())
        if self.verdicts(inquiry, ask.entity).counts_only:
            inquiry.restrictions[ask.entity.name, "*"] = (Ruling(COUNTS_ONLY),)
            return Found(rows=())
        order = self.order(inquiry, ask.entity, ask.order)
        where = self._where(inquiry, ask)
        ordered = frozenset({order.field})
        sources, lacking = self._answering(inquiry, ask, where, ordered)
        asked: list[tuple[Source, Callable[[], Awaitable[Sequence[Row]]]]] = []
        needed = {order.field, *ask.fields}
        for source, scope in sources:
            start = position(ask.after, source.name)
            if isinstance(start, bool):
                continue
            columns = self._columns(inquiry, ask, source)
            needed |= {one.field for one in columns if one.name != PLACE}
            query = RowQuery(
                type=ask.entity.name,
                columns=columns,
                order=order,
                limit=ask.limit + ask.peek,
                where=scope,
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
            seen = _filtered(ask, shown(ask.fields | ask.links, verdicts.fields))
            self._note_grants(inquiry, ask, source, ask.fields | ask.links | ordered)
            used = _used(ask, ask.links | ordered)
            fields = verdicts.fields
            note_look(
                inquiry, ask.entity, source, seen, given, rulings=fields, used=used
            )
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
        for this caller, or a grant does for its owner's rows. What is given of the
        rows is as for any read.
        """
        verdict = may_look_up(self._policy, caller(inquiry), ask.entity, field)
        opened = None
        if isinstance(verdict, Deny):
            opened = self.opened(inquiry, ask.entity, field)
            if not opened:
                raise not_by(inquiry, ask.entity, field, verdict)
        where = both(ask.where, Compare(field, Op.IN, values))
        return await self.rows(
            inquiry, replace(ask, where=where, exact=field, opened=opened)
        )

    def check_look_up(self, inquiry: Inquiry, entity: EntityType, field: str) -> None:
        """Raise `FieldHiddenError` unless the policy lets rows be looked up so."""
        verdict = may_look_up(self._policy, caller(inquiry), entity, field)
        if isinstance(verdict, Deny):
            raise not_by(inquiry, entity, field, verdict)

    async def tally(
        self, inquiry: Inquiry, ask: Ask, by: tuple[GroupBy, ...]
    ) -> Counted:
        """Count rows, by group or by key; groups are checked by the caller."""
        if not self._may_ask(inquiry, ask):
            return Counted(tallies=())
        where = self._where(inquiry, ask)
        groups = frozenset(group.field for group in by)
        query = TallyQuery(
            type=ask.entity.name,
            by=by,
            where=where,
            keys=ask.keys,
            limit=ask.limit if by else None,
        )
        sources, lacking = self._answering(inquiry, ask, where, groups)
        asked = [
            (source, partial(source.tally, replace(query, where=scope)))
            for source, scope in sources
        ]
        answered, missing = await self._gather(inquiry, ask, asked, {*groups}, lacking)
        seen = _filtered(ask, dict.fromkeys(sorted(groups), COUNT))
        for source, part in answered:
            self._note_grants(inquiry, ask, source, groups)
            used = _used(ask, groups)
            fields = self.verdicts(inquiry, ask.entity, source).fields
            note_look(
                inquiry, ask.entity, source, seen, part, rulings=fields, used=used
            )
        tallies = tuple(tally for _, part in answered for tally in part)
        return Counted(tallies=tallies, missing=missing)

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

    def _answering(
        self,
        inquiry: Inquiry,
        ask: Ask,
        where: Predicate | None,
        whole: frozenset[str],
    ) -> tuple[list[tuple[Source, Predicate | None]], set[str]]:
        """List the sources to ask for which rows, and those that keep back.

        *whole* are the fields that rows are ordered or grouped by.
        """
        answering: list[tuple[Source, Predicate | None]] = []
        lacking: set[str] = set()
        given = self.gives(inquiry, ask.entity, None)
        for name, source in sorted(self._sources().items()):
            if ask.sources is not None and name not in ask.sources:
                continue
            if not source.feeds(ask.entity.name):
                continue
            if not source.may_hold(ask.entity.name, where):
                continue
            if not (given or self.gives(inquiry, ask.entity, source)):
                self.refuse(inquiry, ask.entity)
                continue
            if ask.opened is not None and name not in ask.opened:
                continue
            weighed = self.weighed(inquiry, ask.entity, source, _used(ask, whole))
            kept = sorted({*weighed.kept, *(whole & weighed.under.keys())})
            if kept:
                lacking.add(name)
                note_kept(inquiry, ask.entity, source, kept)
                continue
            parts: list[Predicate | None] = [*weighed.under.values()]
            if ask.opened is not None:
                parts.append(ask.opened[name][1])
            if not given:
                parts.append(self.shared(inquiry, ask.entity, source))
            answering.append((source, reduce(both, parts, where)))
        return answering, lacking

    def _note_grants(
        self, inquiry: Inquiry, ask: Ask, source: Source, shown: frozenset[str]
    ) -> None:
        """Note the grants that an answer of *source* rests on."""
        if not inquiry.grants:
            return
        fields = self.verdicts(inquiry, ask.entity, source).fields
        used = {
            one
            for name in _used(ask, shown) & fields.keys()
            for one in granting.used(fields[name])
        }
        if ask.opened is not None:
            used.add(ask.opened[source.name][0].id)
        if not (used or self.gives(inquiry, ask.entity, None)):
            # Of a type that is else hidden, that there are rows is given by grant too.
            used = {one for each in fields.values() for one in granting.used(each)}
        inquiry.grants_used |= used
        opened = {one.id: one.incident for one in inquiry.grants if one.incident}
        for one in sorted(used & opened.keys()):
            told = finding(one, opened[one], self._policy.emergencies.source, "used")
            if told not in inquiry.findings:
                inquiry.findings.append(told)

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
        noted = noted_place(inquiry, ask.entity)
        if noted is not None:
            columns.append(Column(PLACE, noted, (Ruling(FOR_THE_RECORD),)))
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


def _used(ask: Ask, shown: frozenset[str]) -> set[str]:
    """Name the fields that are shown or compared; a look-up is weighed by itself."""
    used = {*shown, *compared(ask.where)} - {ask.exact or ""}
    return used if ask.keys is None else used | {ask.keys.field}


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
