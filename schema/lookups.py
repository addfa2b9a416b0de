"""Looking a row up: by the number people know, by node id, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from zhitong.exceptions import NodeIdError, ScalarError, SearchTermError
from zhitong.resolvers.nodes import NodeId, node_id
from zhitong.resolvers.read import Ask
from zhitong.rules.resident_ids import born
from zhitong.rules.resident_ids import plain as plain_number
from zhitong.schema.access import ACCESS_LOOK
from zhitong.schema.context import Context
from zhitong.schema.links import by_key
from zhitong.schema.selection import ResolveInfo
from zhitong.types import SOURCE_KEY, Compare, EntityType, Op, Row

SHORTEST_NAME = 2
MOST_OF_ONE = 100
"""Rows of one person that a look-up gives of a source's type at most."""
LONGEST_NUMBER = 60
"""Characters of an ID number as people write it, with blanks between."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, over all types and sources that answered."""

    nodes: tuple[Row, ...]
    missing: tuple[str, ...]
    more: bool


async def by_lookup(
    context: Context, info: ResolveInfo, entity: EntityType, number: str
) -> Row | None:
    """Find the row that *number* is known for; the first where there are two."""
    lookup = entity.lookup or entity.key
    settled = await context.filters.settle(entity, Compare(lookup, Op.EQ, number))
    ask = replace(by_key(context, info, entity.name), where=settled.where)
    found = await context.reader.rows(context.inquiry, ask)
    return found.rows[0] if found.rows else None


async def exactly(
    context: Context, info: ResolveInfo, entity: EntityType, field: str, number: str
) -> list[Row] | None:
    """Find the rows of the person whose ID number is *number*.

    An operation of its own, that the policy grants; raises without repeating it.
    """
    found = number_of(number)
    # Case systems write the last character small as well, and it is compared as stored.
    spellings = dict.fromkeys((found, found.lower()))
    ask = by_key(context, info, entity.name, limit=MOST_OF_ONE)
    rows = (await context.reader.look_up(context.inquiry, ask, field, *spellings)).rows
    return list(rows) if context.may_give(info, len(rows), ()) else None


def number_of(text: str) -> str:
    """Read a resident's ID number however it is spaced; raise `ScalarError`."""
    number = plain_number(text[:LONGEST_NUMBER])
    if len(text) > LONGEST_NUMBER or born(number) is None:
        raise ScalarError(
            "不是有效的公民身份号码（GB 11643：18 位，含校验码）",
            "this is no resident ID number (GB 11643: 18 characters with a check)",
        )
    return number


async def by_node(context: Context, info: ResolveInfo, text: str) -> Row | None:
    """Find the row of a node id, in the source that the id names."""
    place: NodeId = node_id(text)
    entity = context.entities.get(place.type)
    if entity is None:
        raise NodeIdError(
            f"本服务没有类型 {place.type[:40]}", f"there is no type {place.type[:40]}"
        )
    source = context.sources().get(place.source)
    if source is None or not source.feeds(entity.name):
        raise NodeIdError(
            f"没有提供 {entity.name} 的来源 {place.source[:40]}",
            f"no source {place.source[:40]} feeds {entity.name}",
        )
    ask = replace(by_key(context, info, entity.name), sources=frozenset({place.source}))
    if entity.name == ACCESS_LOOK.name:
        # A look's key is its record's and a place in it: the record has the index.
        record = place.key.rpartition(":")[0]
        ask = replace(ask, where=Compare("recordId", Op.EQ, record))
    found = await context.loaders.rows_by_key(ask, SOURCE_KEY).load(place.key)
    return found.rows[0] if found.rows else None


async def search(
    context: Context,
    info: ResolveInfo,
    name: str,
    types: Iterable[str] | None,
    first: int | None,
) -> Hits:
    """Find rows whose name contains *name*, a bounded number per type."""
    if len(name.strip()) < SHORTEST_NAME:
        raise SearchTermError(
            f"检索词至少 {SHORTEST_NAME} 个字",
            f"a search needs at least {SHORTEST_NAME} characters",
        )
    size = context.page_size(first)
    asks = [
        await _search_ask(context, info, entity, name, size)
        for entity in _searchable(context, types)
    ]
    found = await asyncio.gather(
        *(context.reader.rows(context.inquiry, ask) for ask in asks)
    )
    if not context.may_give(info, sum(len(one.rows) for one in found), ("nodes",)):
        return Hits((), (), more=True)
    return Hits(
        nodes=tuple(row for one in found for row in one.rows),
        missing=tuple(sorted({source for one in found for source in one.missing})),
        more=any(one.more for one in found),
    )


def _searchable(context: Context, types: Iterable[str] | None) -> list[EntityType]:
    """List the types named; without names, those whose name may be compared."""
    searchable = [one for one in context.entities.values() if one.search is not None]
    if types is not None:
        return [entity for entity in searchable if entity.name in types]
    return [
        entity
        for entity in searchable
        if context.reader.comparable(context.inquiry, entity, entity.search or "")
        is not False
    ]


async def _search_ask(
    context: Context,
    info: ResolveInfo,
    entity: EntityType,
    name: str,
    size: int,
) -> Ask:
    where = Compare(entity.search or "", Op.CONTAINS, name.strip())
    settled = await context.filters.settle(entity, where)
    ask = by_key(context, info, entity.name, "nodes", limit=size, peek=True)
    return replace(ask, where=settled.where)
