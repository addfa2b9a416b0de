"""The read: the only way from verdicts to columns.

Whoever asks, for rows or for counts, comes through `Reader`. `reading` and `counting`
decide what is selected (denied fields are not, masked ones are masked in the statement)
and add the row scope; `read` and `count` ask every source that can hold the rows,
merge, name what is missing, and note for the access record what was looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from zhitong.exceptions import FieldHiddenError
from zhitong.ports import Source
from zhitong.resolvers.answering import gather
from zhitong.resolvers.granting import both
from zhitong.resolvers.kept import Kept
from zhitong.resolvers.looks import compared, note_counts, note_rows
from zhitong.resolvers.merge import cut, position
from zhitong.resolvers.parts import Parts, blank
from zhitong.resolvers.policy import Policy
from zhitong.resolvers.readings import (
    LINK,
    NOTHING,
    Ask,
    Asked,
    Counted,
    Found,
    Now,
    Reading,
    Withheld,
    shape,
)
from zhitong.resolvers.recent_counts import RecentCounts, for_everybody
from zhitong.resolvers.restrictions import restrict, restrict_all
from zhitong.resolvers.rulings import plain
from zhitong.resolvers.shares import Page, answers
from zhitong.resolvers.sight import caller, not_by
from zhitong.resolvers.verdicts import may_look_up
from zhitong.types import (
    SOURCE_KEY,
    Compare,
    Deny,
    EntityType,
    GroupBy,
    Inquiry,
    Kind,
    Label,
    Op,
    Order,
    Predicate,
    Ruling,
    Tally,
    TallyQuery,
)

__all__ = [
    "COUNTS_ONLY",
    "LINK",
    "NOTHING",
    "Ask",
    "Counted",
    "Found",
    "Now",
    "Reader",
    "Reading",
]

COUNTS_ONLY = Deny(
    "counts-only",
    Label("只给出数量，不给出记录", "counts are given here, no rows"),
    Label(
        "请用统计字段或 totalCount；如需记录，请申请共享授权",
        "ask for statistics or totalCount; for rows apply for a sharing grant",
    ),
)
KEPT = 1_024
"""Readings that are kept: by profile, and by what is asked."""
UNORDERED = Order(SOURCE_KEY, descending=False)


class Reader(Parts):
    """Reads for any type from all its sources, under policy."""

    def __init__(
        self,
        sources: Callable[[], Mapping[str, Source]],
        policy: Policy,
        counts: RecentCounts | None = None,
    ) -> None:
        super().__init__(sources, policy)
        self._counts = counts or RecentCounts(seconds=0.0)
        self._readings = Kept[Reading]()

    async def rows(self, inquiry: Inquiry, ask: Ask) -> Found:
        """Read rows: a page over all sources, or up to *limit* for each key."""
        return await self.read(inquiry, self.reading(inquiry, ask), Now.of(ask))

    async def tally(
        self,
        inquiry: Inquiry,
        ask: Ask,
        by: tuple[GroupBy, ...],
        *,
        recent: bool = False,
    ) -> Counted:
        """Count rows, by group or by key; groups are checked by the caller.

        With *recent* a count from a little before may do, and its time is told.
        """
        reading = self.counting(inquiry, ask, by)
        return await self.count(inquiry, reading, Now.of(ask), recent=recent)

    def reading(self, inquiry: Inquiry, ask: Ask) -> Reading:
        """Weigh what is asked: which columns of which rows, of which sources.

        It is kept for everybody with the profile of *inquiry*, while it holds. Raises
        `FieldHiddenError` where rows may not be in the order asked for.
        """
        return self._kept_or(inquiry, ask, None, self._weighed)

    def counting(self, inquiry: Inquiry, ask: Ask, by: tuple[GroupBy, ...]) -> Reading:
        """Weigh what is asked to be counted, as `reading` does for rows."""
        return self._kept_or(inquiry, ask, by, partial(self._weighed_counts, by=by))

    def _kept_or(
        self,
        inquiry: Inquiry,
        ask: Ask,
        by: tuple[GroupBy, ...] | None,
        weigh: Callable[[Inquiry, Ask], Reading],
    ) -> Reading:
        """Find the reading of *ask* for this profile; *weigh* it where there is none.

        A look-up by a protected field, opened perhaps by grant, is weighed each time.
        """
        if ask.exact is None:
            key = (self.profile(inquiry), shape(ask), by)
            reading = self._readings.find(key)
            if reading is None or not reading.holds(self):
                reading = None
                with suppress(FieldHiddenError):  # told below, as of this question
                    reading = weigh(blank(inquiry, anew=True), ask)
                    self._readings.keep(key, reading, KEPT)
            if reading is not None and reading.suits(inquiry):
                return reading
        draft = blank(inquiry)
        try:
            return weigh(draft, ask)
        except FieldHiddenError:
            restrict_all(inquiry, draft.restrictions)
            raise

    def _weighed(self, draft: Inquiry, ask: Ask) -> Reading:
        if not self._may_ask(draft, ask):
            return self._made(draft, ask, None)
        if self.verdicts(draft, ask.entity).counts_only:
            restrict(draft, ask.entity.name, "*", (Ruling(COUNTS_ONLY),))
            return self._made(draft, ask, None)
        order = self.order(draft, ask.entity, ask.order)
        ordered = frozenset({order.field})
        parts = [
            part
            if isinstance(part, Withheld)
            else self.selected(draft, ask, order, *part)
            for part in self.parts(draft, ask, ordered)
        ]
        keys = {ask.entity.relations[name].local for name in ask.links}
        needed = frozenset({*ordered, *ask.fields, *keys})
        return self._made(draft, ask, parts, needed=needed, order=order)

    def _weighed_counts(
        self, draft: Inquiry, ask: Ask, by: tuple[GroupBy, ...]
    ) -> Reading:
        if not self._may_ask(draft, ask):
            return self._made(draft, ask, None)
        groups = frozenset(group.field for group in by)
        parts = [
            part
            if isinstance(part, Withheld)
            else self.grouped(draft, ask, groups, *part)
            for part in self.parts(draft, ask, groups)
        ]
        return self._made(draft, ask, parts, needed=groups, by=by)

    async def read(self, inquiry: Inquiry, reading: Reading, now: Now) -> Found:
        """Read rows as *reading* says; note in *inquiry* what it and they leave."""
        _check(reading, now)
        reading.note(inquiry)
        if reading.refused:
            return NOTHING
        missing = {*now.lacking}
        pages: list[Page] = []
        point = reading.point(now)
        for part, where in reading.asked(inquiry, now.where, missing):
            start = position(now.after, part.source.name)
            if isinstance(start, bool):
                continue
            restrict_all(inquiry, part.noted)
            pages.append(Page(part, where, start, point))
        answered, found, theirs = await answers(inquiry, reading, pages, now, missing)
        records, tables, more = cut(found, theirs, now.limit)
        if len(answered) == 1:
            ((part, table),) = answered
            note_rows(inquiry, part.look, table, records)
        else:
            given: dict[int, list[Any]] = {id(table): [] for _, table in answered}
            for record, table in zip(records, tables, strict=True):
                given[id(table)].append(record)
            for part, table in answered:
                note_rows(inquiry, part.look, table, given[id(table)])
        return Found(records, tables, tuple(sorted(missing)), more)

    async def count(
        self, inquiry: Inquiry, reading: Reading, now: Now, *, recent: bool = False
    ) -> Counted:
        """Count rows as *reading* says; note in *inquiry* what that leaves."""
        _check(reading, now)
        reading.note(inquiry)
        if reading.refused:
            return Counted(tallies=())
        missing = {*now.lacking}
        query = TallyQuery(
            type=reading.entity.name,
            by=reading.by,
            keys=now.keys,
            limit=now.limit if reading.by else None,
        )
        recent = recent and now.keys is None
        recent = recent and for_everybody(reading.entity, now.where)
        counts = self._counts if recent else None
        asked = [
            (part, _question(inquiry, part.source, replace(query, where=where), counts))
            for part, where in reading.asked(inquiry, now.where, missing)
        ]
        answered = await gather(inquiry, reading, asked, missing)
        for part, tallies in answered:
            note_counts(inquiry, part.look, tallies)
        return Counted(
            tallies=tuple(chain.from_iterable(part for _, part in answered)),
            missing=tuple(sorted(missing)),
        )

    def given(self, inquiry: Inquiry, ask: Ask, source: Source) -> Reading:
        """Weigh what is asked of rows that are at hand, in *source*, as of any others.

        The reading is good for every source like it.
        """
        reader = Reader(lambda: {source.name: source}, self._policy)
        return reader.reading(inquiry, ask)

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

    def _may_ask(self, inquiry: Inquiry, ask: Ask) -> bool:
        if not self.sees(inquiry, ask.entity):
            self.refuse(inquiry, ask.entity)
            return False
        return ask.keys is None or self.leads(inquiry, ask.entity, ask.keys.field)

    def _made(  # noqa: PLR0913 - what rows and counts differ in
        self,
        inquiry: Inquiry,
        ask: Ask,
        parts: Sequence[Asked | Withheld] | None,
        *,
        needed: frozenset[str] = frozenset(),
        order: Order = UNORDERED,
        by: tuple[GroupBy, ...] = (),
    ) -> Reading:
        name = ask.entity.name
        ordered = ask.entity.fields.get(order.field)
        where = frozenset(compared(ask.where))
        return Reading(
            entity=ask.entity,
            keyed=None if ask.keys is None else ask.keys.field,
            compared=where,
            settled=all(self._open(inquiry, ask.entity, name) for name in where),
            peek=ask.peek,
            refused=parts is None,
            order=order,
            kind=ordered.kind if ordered else Kind.TEXT,
            by=by,
            scopes=() if parts is None else self._scopes(inquiry, ask),
            parts=tuple(parts or ()),
            needed=needed | where,
            noted=inquiry.restrictions,
            verdicts={
                place: verdicts
                for place, verdicts in inquiry.verdicts.items()
                if place.partition("@")[0] == name
            },
            sees=self.gives(inquiry, ask.entity, None),
            stamp=self.stamp(ask.entity),
        )

    def _open(self, inquiry: Inquiry, entity: EntityType, name: str) -> bool:
        """Say whether *name* is compared with anything, for all rows."""
        field = entity.fields.get(name)
        if field is None or field.named:  # of names not every term will do
            return False
        return plain(self.verdicts(inquiry, entity).fields[name]) is True

    def _scopes(self, inquiry: Inquiry, ask: Ask) -> tuple[Predicate, ...]:
        """Give the row scope, and where the keys may be compared."""
        verdicts = self.verdicts(inquiry, ask.entity)
        scopes = () if verdicts.rows is None else (verdicts.rows,)
        if ask.keys is None or ask.keys.field == SOURCE_KEY:
            return scopes
        rows = plain(verdicts.fields[ask.keys.field])
        return scopes if isinstance(rows, bool) else (*scopes, rows)


def _question(
    inquiry: Inquiry, source: Source, query: TallyQuery, counts: RecentCounts | None
) -> Callable[[], Awaitable[Sequence[Tally]]]:
    if counts is None:
        return partial(source.tally, query)
    return counts.question(inquiry, source, query)


def _check(reading: Reading, now: Now) -> None:
    """Raise where *now* compares what *reading* did not weigh: a fault of ours."""
    if not reading.fits(now):
        message = f"a reading of {reading.entity.name} was made for another question"
        raise ValueError(message)
