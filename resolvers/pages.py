"""Pages: connections over all sources of a type, at the root or below a row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.keyed import Count
from zhitong.resolvers.links import hidden
from zhitong.resolvers.merge import mark_of
from zhitong.resolvers.nodes import NodeId
from zhitong.resolvers.read import LINK, NOTHING, Ask, Found
from zhitong.types import EntityType, Order, Predicate, Relation, Row


@dataclass(slots=True)  # not frozen, for speed: made for every row of a level
class Edge:
    """A row and the cursor after it, sealed where it is asked for."""

    node: Row
    seal: Callable[[Mark], str]

    @property
    def cursor(self) -> str:
        """The cursor after the row."""
        return self.seal(mark_of(self.node))


@dataclass(slots=True)  # not frozen, for speed: made for every row of a level
class Page:
    """One page: what was read for it now, its count when somebody asks."""

    found: Found
    after: Mark | None
    """Where this page began: where to go on from an empty one."""
    seal: Callable[[Mark], str]
    count: Callable[[], Awaitable[Count]]

    @property
    def nodes(self) -> tuple[Row, ...]:
        """The rows alone."""
        return self.found.rows

    @property
    def edges(self) -> list[Edge]:
        """The rows with their cursors."""
        return [Edge(row, self.seal) for row in self.found.rows]

    @property
    def missing(self) -> tuple[str, ...]:
        """The sources whose part is missing."""
        return self.found.missing

    @property
    def pageInfo(self) -> PageInfo:  # noqa: N802 - Relay's name
        """Where the page ends."""
        return PageInfo(self)


@dataclass(slots=True)  # not frozen, for speed: made for every row of a level
class PageInfo:
    """Where a page ends."""

    page: Page

    @property
    def hasNextPage(self) -> bool:  # noqa: N802 - Relay's name
        """Whether there is more."""
        return None in self.page.found.more

    @property
    def endCursor(self) -> str | None:  # noqa: N802 - Relay's name
        """The cursor of the last row, sealed where it is asked for."""
        page = self.page
        end = page.after
        if page.found.records:
            record, table = page.found.records[-1], page.found.tables[-1]
            end = Mark(record[table.order], table.source, record[table.key])
        return page.seal(end) if end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageArguments:
    """The arguments of a connection field, already in our words."""

    first: int | None
    after: str | None
    where: Predicate | None
    order: Order | None
    sources: tuple[str, ...] | None = None
    """Only these; every source of the type without it."""


@dataclass(slots=True)  # not frozen, for speed: made for every row of a level
class Total:
    """How many rows there are in all sources that answered."""

    count: int | None
    """None where it is not told."""
    missing: tuple[str, ...]

    @property
    def suppressed(self) -> bool:
        """Say whether the count is withheld."""
        return self.count is None

    @property
    def partial(self) -> bool:
        """Say whether a source is missing from it."""
        return bool(self.missing)


async def total(page: Page) -> Total:
    """Count the rows of the whole list that *page* is of."""
    return Total(*await page.count())


@dataclass(frozen=True, slots=True)
class Listing:
    """A connection as it was asked for, wherever it stands: its size and order."""

    asking: Asking
    entity: EntityType
    arguments: PageArguments
    size: int
    order: Order

    @classmethod
    def of(
        cls, asking: Asking, entity: EntityType, arguments: PageArguments
    ) -> Listing:
        """Check what does not depend on where it stands."""
        size = asking.page_size(arguments.first)
        order = asking.reader.order(asking.inquiry, entity, arguments.order)
        return cls(asking, entity, arguments, size, order)

    def below(self, parent: str) -> str:
        """Name the list as its cursors do; *parent* is empty at the root."""
        direction = "desc" if self.order.descending else "asc"
        name = f"{self.entity.name} {self.order.field} {direction} {parent}"
        return name.strip()

    def after(self, name: str) -> Mark | None:
        """Say where the page begins of the list of that *name*."""
        if self.arguments.after is None:
            return None
        principal = self.asking.inquiry.principal
        return self.asking.cursors.read(name, principal, self.arguments.after)

    async def ask(self, place: Place) -> Ask:
        """Say what is read, of a page that begins at the beginning."""
        asking, arguments = self.asking, self.arguments
        settled = await asking.filters.settle(self.entity, arguments.where)
        return Ask(
            entity=self.entity,
            fields=place.fields,
            links=place.links,
            where=settled.where,
            lacking=settled.lacking,
            order=self.order,
            limit=self.size,
            peek=True,
            sources=asking.named(arguments.sources),
        )

    def seal(self, name: str, mark: Mark) -> str:
        """Make the cursor at *mark* in the list of that *name*."""
        return self.asking.cursors.write(name, self.asking.inquiry.principal, mark)

    def page(
        self,
        found: Found,
        after: Mark | None,
        seal: Callable[[Mark], str],
        count: Callable[[], Awaitable[Count]],
    ) -> Page:
        """Make the page of what was found *after* there."""
        return Page(found, after, seal, count)


async def root_page(
    asking: Asking,
    place: Place,
    entity: EntityType,
    arguments: PageArguments,
) -> Page | None:
    """Answer a connection at the root; None where the type is not to be seen."""
    asking.counting.check(entity, arguments.where, arguments.sources)
    listing = Listing.of(asking, entity, arguments)
    name = listing.below("")
    after = listing.after(name)
    ask = await listing.ask(place)
    if after is not None:
        ask = replace(ask, after=after)
    found = await asking.reader.rows(asking.inquiry, ask)
    if not asking.reader.sees(asking.inquiry, entity):
        return None  # the read has noted the refusal
    if not asking.may_give(place, len(found.records)):
        return None

    async def counting() -> Count:
        cells = await asking.counting.cells(
            entity, arguments.where, sources=ask.sources
        )
        return cells.counts[()], cells.missing

    return listing.page(found, after, partial(listing.seal, name), _once(counting))


def _once(counting: Callable[[], Awaitable[Count]]) -> Callable[[], Awaitable[Count]]:
    """Count at most once, however many aliases ask."""
    task: asyncio.Future[Count] | None = None

    def count() -> Awaitable[Count]:
        nonlocal task
        task = task or asyncio.ensure_future(counting())
        return task

    return count


async def related_page(
    asking: Asking,
    place: Place,
    relation: Relation,
    row: Row,
    arguments: PageArguments,
) -> Page | None:
    """Answer a connection below *row*, None if hidden; siblings share the read."""
    entity = asking.entities[relation.target]
    asking.counting.check(entity, arguments.where)
    listing = Listing.of(asking, entity, arguments)
    name = listing.below(parent_of(relation, row))
    after = listing.after(name)
    ask = replace(await listing.ask(place), after=after)
    if hidden(asking, relation, row):
        return None
    key = row.values[LINK + relation.name]
    seal = partial(listing.seal, name)
    if not isinstance(key, str):
        return listing.page(NOTHING, after, seal, none)
    found = await asking.loaders.rows_by_key(ask, relation.remote).load(key)
    if not asking.may_give(place, len(found.records)):
        return None
    count = CountBelow(listing, ask, relation, key)
    return listing.page(found, after, seal, count)


def parent_of(relation: Relation, row: Row) -> str:
    """Name where a list stands below *row*: its cursors are good nowhere else."""
    return f"{relation.name}@{NodeId(row.type, row.source, row.key)}"


@dataclass(slots=True)  # not frozen, for speed: made for every row of a level
class CountBelow:
    """Counts what one row leads to; siblings share the read."""

    listing: Listing
    ask: Ask
    relation: Relation
    key: str

    async def __call__(self) -> Count:
        """Count it for the one row."""
        asking, entity, remote = self.listing.asking, self.ask.entity, self.remote
        if asking.counting.only(entity) is not None:
            where = self.listing.arguments.where
            return await asking.counting.below(entity, where, remote, self.key)
        return await asking.loaders.count_by_key(self.counted, remote).load(self.key)

    @property
    def remote(self) -> str:
        """The field that says which row each belongs to."""
        return self.relation.remote

    @property
    def counted(self) -> Ask:
        """What is counted: the list, wherever the page begins."""
        ask = self.ask
        return Ask(entity=ask.entity, where=ask.where, lacking=ask.lacking)


async def counts_below(counts: Sequence[CountBelow]) -> Mapping[str, Count]:
    """Count for several rows of one level at once, by their keys."""
    first = counts[0]
    asking = first.listing.asking
    if asking.counting.only(first.ask.entity) is not None:
        return {one.key: await one() for one in counts}  # these share one table
    keys = [one.key for one in counts]
    return await asking.loaders.keyed.count(first.counted, first.remote, keys)


async def none() -> Count:
    """Count what a row leads to that states no key."""
    return 0, ()
