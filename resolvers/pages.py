"""Pages: connections over all sources of a type, at the root or below a row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.keyed import Count
from zhitong.resolvers.links import hidden
from zhitong.resolvers.merge import mark_of
from zhitong.resolvers.nodes import NodeId
from zhitong.resolvers.read import LINK, Ask, Found
from zhitong.types import EntityType, Order, Predicate, Relation, Row


@dataclass(frozen=True, slots=True)
class Edge:
    """A row and the cursor after it."""

    node: Row
    cursor: str


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page ends."""

    hasNextPage: bool  # noqa: N815 - Relay's name
    endCursor: str | None  # noqa: N815 - Relay's name


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its rows now, its count when somebody asks."""

    rows: tuple[Row, ...]
    more: bool
    missing: tuple[str, ...]
    after: Mark | None
    """Where this page began: where to go on from an empty one."""
    seal: Callable[[Mark], str]
    count: Callable[[], Awaitable[Count]]

    @property
    def nodes(self) -> tuple[Row, ...]:
        """The rows alone."""
        return self.rows

    @property
    def edges(self) -> list[Edge]:
        """The rows with their cursors."""
        return [Edge(row, self.seal(mark_of(row))) for row in self.rows]

    @property
    def pageInfo(self) -> PageInfo:  # noqa: N802 - Relay's name
        """Where the page ends."""
        end = mark_of(self.rows[-1]) if self.rows else self.after
        return PageInfo(self.more, self.seal(end) if end else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageArguments:
    """The arguments of a connection field, already in our words."""

    first: int | None
    after: str | None
    where: Predicate | None
    order: Order | None
    sources: tuple[str, ...] | None = None
    """Only these; every source of the type without it."""


async def root_page(
    asking: Asking,
    place: Place,
    entity: EntityType,
    arguments: PageArguments,
) -> Page | None:
    """Answer a connection at the root; None where the type is not to be seen."""
    asking.counting.check(entity, arguments.where, arguments.sources)
    ask, seal = await _prepare(asking, place, entity, arguments, "")
    if not asking.reader.sees(asking.inquiry, entity):
        await asking.reader.rows(asking.inquiry, ask)  # it notes the refusal
        return None
    found = await asking.reader.rows(asking.inquiry, ask)
    if not asking.may_give(place, len(found.rows)):
        return None

    async def counting() -> Count:
        cells = await asking.counting.cells(
            entity, arguments.where, sources=ask.sources
        )
        return cells.counts[()], cells.missing

    return _page(found, ask, seal, _once(counting))


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
    parent = f"{relation.name}@{NodeId(row.type, row.source, row.key)}"
    ask, seal = await _prepare(asking, place, entity, arguments, parent)
    if hidden(asking, relation, row):
        return None
    key = row.values[LINK + relation.name]
    if not isinstance(key, str):
        return _page(Found(rows=()), ask, seal, _none)
    found = await asking.loaders.rows_by_key(ask, relation.remote).load(key)
    if not asking.may_give(place, len(found.rows)):
        return None

    async def count() -> Count:
        if asking.counting.only(entity) is not None:
            return await asking.counting.below(
                entity, arguments.where, relation.remote, key
            )
        counting = Ask(entity=entity, where=ask.where, lacking=ask.lacking)
        loader = asking.loaders.count_by_key(counting, relation.remote)
        return await loader.load(key)

    return _page(found, ask, seal, count)


async def _none() -> Count:
    return 0, ()


async def _prepare(
    asking: Asking,
    place: Place,
    entity: EntityType,
    arguments: PageArguments,
    parent: str,
) -> tuple[Ask, Callable[[Mark], str]]:
    inquiry = asking.inquiry
    size = asking.page_size(arguments.first)
    order = asking.reader.order(inquiry, entity, arguments.order)
    direction = "desc" if order.descending else "asc"
    listing = f"{entity.name} {order.field} {direction} {parent}".strip()
    after = (
        asking.cursors.read(listing, inquiry.principal, arguments.after)
        if arguments.after is not None
        else None
    )
    settled = await asking.filters.settle(entity, arguments.where)
    ask = Ask(
        entity=entity,
        fields=place.fields,
        links=place.links,
        where=settled.where,
        lacking=settled.lacking,
        order=order,
        limit=size,
        peek=True,
        after=after,
        sources=asking.named(arguments.sources),
    )
    return (
        ask,
        lambda mark: asking.cursors.write(listing, inquiry.principal, mark),
    )


def _page(
    found: Found,
    ask: Ask,
    seal: Callable[[Mark], str],
    count: Callable[[], Awaitable[Count]],
) -> Page:
    more = None in found.more
    return Page(found.rows, more, found.missing, ask.after, seal, count)
