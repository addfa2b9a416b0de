"""What is asked of the read, and what comes of verdicts before anything is read.

A `Reading` holds all that depends on who asks, for what, and on the sources: it has no
value in it, neither of a row nor of a filter. So it may be kept, and be read for
everybody with the same profile; each read leaves in its question what it would have
left had it been made for that alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import Any, NamedTuple

from zhitong.ports import Prepared, Source
from zhitong.resolvers import granting
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.granting import both
from zhitong.resolvers.joining import Joining, Point, pointed
from zhitong.resolvers.looks import (
    FILTER,
    LOOKUP,
    LookForm,
    compared,
    note_gap,
)
from zhitong.resolvers.restrictions import restrict_all
from zhitong.resolvers.sight import Opened, Sight
from zhitong.types import (
    Column,
    EntityType,
    Gap,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Mask,
    Order,
    Position,
    Predicate,
    Restrictions,
    Row,
    Rulings,
    Table,
    Tally,
    TypeVerdicts,
)

LINK = "~"
"""Prefix of a column that only leads to another type: ``~counterparty``."""


@dataclass(slots=True, unsafe_hash=True, kw_only=True)
class Ask:
    """What is to be read, before policy has spoken.

    Nobody changes one; it is not frozen, for speed: some are made for every read.
    """

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
    told: bool = False
    """The caller has written the keys, no row has led to them: they are compared."""
    exact: str | None = None
    """The protected field that *where* looks rows up by."""
    opened: Opened | None = None
    """Sources that the look-up is open to by grant, and for which of their rows."""


class Found:
    """What was read, in order, and the sources whose part is missing.

    As the driver holds it: *records*, and of each the table that it came in, which say
    alike where their columns stand. `rows` are made of them for who wants rows.
    """

    __slots__ = ("_rows", "missing", "more", "records", "tables")

    def __init__(
        self,
        records: Sequence[Any] = (),
        tables: Sequence[Table] = (),
        missing: tuple[str, ...] = (),
        more: frozenset[str | None] = frozenset(),
    ) -> None:
        """Take what was read; *more* are the keys with more rows than were given.

        A page without keys has None for its key.
        """
        self.records = records
        self.tables = tables
        self.missing = missing
        self.more = more
        self._rows: tuple[Row, ...] | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Give the records as rows, the same ones each time."""
        rows = self._rows
        if rows is None:
            records, tables = self.records, self.tables
            if len(records) == 1:  # as most keys lead
                rows = (tables[0].row(records[0]),)
            else:
                pairs = zip(records, tables, strict=True)
                rows = tuple([table.row(record) for record, table in pairs])
            self._rows = rows
        return rows


NOTHING = Found()
"""Nothing was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Counts by group from all sources, and the sources that are missing."""

    tallies: tuple[Tally, ...]
    missing: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)  # not frozen, for speed: made for every read
class Now:
    """The values of one read: what a `Reading` is read for this time."""

    where: Predicate | None = None
    """Settled; it compares the fields that the reading was made for."""
    keys: Keys | None = None
    after: Mark | None = None
    limit: int = 1
    lacking: tuple[str, ...] = ()

    @classmethod
    def of(cls, ask: Ask) -> Now:
        """Take the values out of *ask*."""
        return cls(ask.where, ask.keys, ask.after, ask.limit, ask.lacking)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Withheld:
    """A source that may hold rows and is not asked, and what is said of it."""

    source: Source
    noted: Restrictions = field(default_factory=dict)
    gap: Gap | None = None
    """Where it keeps back what the others let be compared: its part is missing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What one source is asked, and what is noted of it."""

    source: Source
    scope: tuple[Predicate, ...]
    """Rows that it alone gives, or lets be compared."""
    noted: Restrictions = field(default_factory=dict)
    look: LookForm
    columns: tuple[Column, ...] = ()
    prepared: Prepared | None = None
    """What is asked for rows; counts are asked of the source."""
    joining: Joining = field(default_factory=Joining)
    """Look-ups of questions that share this reading, sent together."""

    def row(self, point: Point, where: Predicate | None) -> Awaitable[Table]:
        """Ask for the row that *where* looks up, with other questions if there are any.

        What the source has lost is looked up alone: it is told otherwise.
        """
        alone = partial(self.table, limit=1, where=where, keys=None, after=None)
        name, lost = self.look.type, self.source.lost(self.look.type)
        if point.field in lost or point.field not in self.source.feeds(name):
            return alone()
        rest = self.where(point.rest)

        def many(keys: Keys) -> Awaitable[Table]:
            return self.table(limit=1, where=rest, keys=keys, after=None)

        return self.joining.table(point, alone, many)

    def table(
        self,
        *,
        limit: int,
        where: Predicate | None,
        keys: Keys | None,
        after: Position | None,
    ) -> Awaitable[Table]:
        """Ask for rows."""
        if self.prepared is None:
            message = "counts are asked for no rows"
            raise TypeError(message)
        return self.prepared.table(limit=limit, where=where, keys=keys, after=after)

    def where(self, where: Predicate | None) -> Predicate | None:
        """Join the condition of all sources with its own."""
        return reduce(both, self.scope, where) if self.scope else where


class Share(NamedTuple):
    """What part of a page a source gave of late."""

    part: float
    off: float
    """How far from that a page was; one that is further back counts for less."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a read comes to under the verdicts: no values, no input or output."""

    entity: EntityType
    keyed: str | None
    """The field that rows are found by, of a look-up by keys."""
    compared: frozenset[str]
    """The fields that the condition compares; a read with others is refused."""
    settled: bool
    """It may compare them as they are, for all rows: `zhitong.resolvers.filters` would
    say no more."""
    peek: bool
    refused: bool = False
    """Nothing is given: no source is asked."""
    order: Order
    kind: Kind
    """What the field is that rows are ordered by."""
    by: tuple[GroupBy, ...] = ()
    """Groups, of a reading that counts."""
    scopes: tuple[Predicate, ...] = ()
    """Which rows of any source: the caller's, and those whose key may be compared."""
    parts: tuple[Asked | Withheld, ...] = ()
    needed: frozenset[str] = frozenset()
    """The fields whose loss in a source is told."""
    shares: dict[str, Share] = field(default_factory=dict)
    """By source: for how much it is asked, not what is given."""
    noted: Restrictions
    verdicts: Mapping[str, TypeVerdicts]
    """As they stood in the question, for those who ask it for them."""
    sees: bool
    stamp: tuple[object, ...]
    """The policy and the sources that it was made of."""

    def over(self, source: Source) -> Reading:
        """Give this reading for other rows, in one that is like its own *source*."""
        name = self.entity.name
        parts = [
            replace(
                part,
                source=source,
                prepared=source.prepare(name, part.columns, self.order),
            )
            if isinstance(part, Asked)
            else replace(part, source=source)
            for part in self.parts
        ]
        return replace(self, parts=tuple(parts))

    def holds(self, sight: Sight) -> bool:
        """Say whether policy and sources are still those that it was made of."""
        return self.stamp == sight.stamp(self.entity)

    def suits(self, inquiry: Inquiry) -> bool:
        """Say whether *inquiry* has no verdicts but those that it was made of.

        A question may be asked under other verdicts than its profile has: what a party
        is told of, what lies beyond the rows that somebody is given.
        """
        known = inquiry.verdicts
        return all(
            known.get(place, verdicts) is verdicts
            for place, verdicts in self.verdicts.items()
        )

    def note(self, inquiry: Inquiry) -> None:
        """Leave in *inquiry* what weighing the verdicts leaves there."""
        inquiry.sees.setdefault(self.entity.name, self.sees)
        for place, verdicts in self.verdicts.items():
            inquiry.verdicts.setdefault(place, verdicts)
        restrict_all(inquiry, self.noted)

    def fits(self, now: Now) -> bool:
        """Say whether it was made for a read of these fields: values aside."""
        keyed = None if now.keys is None else now.keys.field
        if keyed != self.keyed:
            return False
        if now.where is None:
            return not self.compared
        return self.compared == frozenset(compared(now.where))

    def point(self, now: Now) -> Point | None:
        """Give *now* as a look-up of one row, if it is one that may be joined."""
        if now.limit != 1 or self.peek or now.keys is not None or now.after is not None:
            return None
        found = pointed(self.entity, now.where)
        return found and Point(*found, reduce(both, self.scopes, None))

    def asked(
        self, inquiry: Inquiry, where: Predicate | None, missing: set[str]
    ) -> list[tuple[Asked, Predicate | None]]:
        """List the sources that may hold rows, each with the condition on them.

        Those that keep back are noted, and named as *missing*.
        """
        name = self.entity.name
        where = reduce(both, self.scopes, where)
        asked: list[tuple[Asked, Predicate | None]] = []
        for part in self.parts:
            if not part.source.may_hold(name, where):
                continue
            if isinstance(part, Asked):
                asked.append((part, part.where(where)))
                continue
            restrict_all(inquiry, part.noted)
            if part.gap is not None:
                note_gap(inquiry, part.gap)
                missing.add(part.source.name)
        return asked


def rests(
    sight: Sight, inquiry: Inquiry, ask: Ask, source: Source, shown: frozenset[str]
) -> frozenset[str]:
    """Name the grants that an answer of *source* rests on."""
    if not inquiry.grants:
        return frozenset()
    fields = sight.verdicts(inquiry, ask.entity, source).fields
    found = {
        one
        for name in used(ask, shown) & fields.keys()
        for one in granting.used(fields[name])
    }
    if ask.opened is not None:
        found.add(ask.opened[source.name][0].id)
    if not (found or sight.gives(inquiry, ask.entity, None)):
        # Of a type that is else hidden, that there are rows is given by grant too.
        found = {one for each in fields.values() for one in granting.used(each)}
    return frozenset(found)


def shape(ask: Ask) -> tuple[object, ...]:
    """Give all of *ask* that a reading of it comes of: no values."""
    return (
        ask.entity,
        ask.fields,
        ask.links,
        frozenset(compared(ask.where)) if ask.where is not None else None,
        ask.order,
        ask.peek,
        None if ask.keys is None else ask.keys.field,
        ask.told,
        ask.sources,
    )


def used(ask: Ask, shown: frozenset[str]) -> set[str]:
    """Name the fields that are shown or compared; a look-up is weighed by itself."""
    names = {*shown, *compared(ask.where)} - {ask.exact or ""}
    return names if ask.keys is None else names | {ask.keys.field}


def as_link(rulings: Rulings) -> Rulings:
    """Take a relation's rulings for its key: a mask would lead nowhere."""
    return tuple(ruling for ruling in rulings if not isinstance(ruling.verdict, Mask))


def filtered(ask: Ask, seen: Mapping[str, str]) -> dict[str, str]:
    """Add to the fields *seen* those that were compared."""
    fields = dict(seen)
    names = {*compared(ask.where)}
    if ask.told and ask.keys is not None:
        names.add(ask.keys.field)
    for name in sorted(names & ask.entity.fields.keys()):
        how = LOOKUP if name == ask.exact else FILTER
        fields[name] = f"{fields[name]}|{how}" if name in fields else how
    return fields
