"""Looking a row up: by the number people know, by node id, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from zhitong.exceptions import NodeIdError, ScalarError, SearchTermError
from zhitong.resolvers.asking import Asking, Place, Placing
from zhitong.resolvers.links import BY_KEY, by_key
from zhitong.resolvers.nodes import NodeId, node_id
from zhitong.resolvers.read import Ask, Now
from zhitong.rules.resident_ids import born
from zhitong.rules.resident_ids import plain as plain_number
from zhitong.types import SOURCE_KEY, Compare, EntityType, Op, Row

ACCESS_LOOK = "AccessLook"
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
    asking: Asking, place: Place, entity: EntityType, number: str
) -> Row | None:
    """Find the row that *number* is known for; the first where there are two."""
    reader, inquiry = asking.reader, asking.inquiry
    where = Compare(entity.lookup or entity.key, Op.EQ, number)
    ask = Ask(
        entity=entity,
        fields=place.fields,
        links=place.links,
        where=where,
        order=BY_KEY,
    )
    reading = reader.reading(inquiry, ask)
    if reading.settled:
        found = await reader.read(inquiry, reading, Now.of(ask))
    else:
        settled = await asking.filters.settle(entity, where)
        found = await reader.rows(inquiry, replace(ask, where=settled.where))
    return found.rows[0] if found.rows else None


async def exactly(
    asking: Asking, place: Place, entity: EntityType, field: str, number: str
) -> list[Row] | None:
    """Find the rows of the person whose ID number is *number*.

    An operation of its own, that the policy grants; raises without repeating it.
    """
    found = number_of(number)
    # Case systems write the last character small as well, and it is compared as stored.
    spellings = dict.fromkeys((found, found.lower()))
    ask = by_key(asking, place, entity.name, limit=MOST_OF_ONE)
    rows = (await asking.reader.look_up(asking.inquiry, ask, field, *spellings)).rows
    return list(rows) if asking.may_give(place, len(rows)) else None


def number_of(text: str) -> str:
    """Read a resident's ID number however it is spaced; raise `ScalarError`."""
    number = plain_number(text[:LONGEST_NUMBER])
    if len(text) > LONGEST_NUMBER or born(number) is None:
        raise ScalarError(
            "不是有效的公民身份号码（GB 11643：18 位，含校验码）",
            "this is no resident ID number (GB 11643: 18 characters with a check)",
        )
    return number


async def by_node(
    asking: Asking, placing: Placing, text: str, only: EntityType | None = None
) -> Row | None:
    """Find the row of a node id, in the source that the id names.

    Raise `NodeIdError` where it names no such row, or one of another type than *only*.
    """
    there: NodeId = node_id(text)
    entity = asking.entities.get(there.type)
    if entity is None or only not in {None, entity}:
        raise NodeIdError(
            f"本服务没有类型 {there.type[:40]}，或此处要的是别的类型",
            f"there is no type {there.type[:40]}, or another is asked for here",
        )
    source = asking.sources().get(there.source)
    if source is None or not source.feeds(entity.name):
        raise NodeIdError(
            f"没有提供 {entity.name} 的来源 {there.source[:40]}",
            f"no source {there.source[:40]} feeds {entity.name}",
        )
    ask = by_key(asking, placing(entity), entity.name)
    ask = replace(ask, sources=frozenset({there.source}))
    if entity.name == ACCESS_LOOK:
        # A look's key is its record's and a place in it: the record has the index.
        record = there.key.rpartition(":")[0]
        ask = replace(ask, where=Compare("recordId", Op.EQ, record))
    found = await asking.loaders.rows_by_key(ask, SOURCE_KEY).load(there.key)
    return found.rows[0] if found.rows else None


async def search(
    asking: Asking,
    placing: Placing,
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
    size = asking.page_size(first)
    places = [(one, placing(one)) for one in _searchable(asking, types)]
    asks = [
        await _search_ask(asking, place, entity, name, size) for entity, place in places
    ]
    found = await asyncio.gather(
        *(asking.reader.rows(asking.inquiry, ask) for ask in asks)
    )
    for (_, place), one in zip(places, found, strict=True):
        asking.may_give(place, len(one.rows))
    if asking.budget.exceeded:
        return Hits((), (), more=True)
    return Hits(
        nodes=tuple(row for one in found for row in one.rows),
        missing=tuple(sorted({source for one in found for source in one.missing})),
        more=any(one.more for one in found),
    )


def _searchable(asking: Asking, types: Iterable[str] | None) -> list[EntityType]:
    """List the types named; without names, those whose name may be compared."""
    searchable = [one for one in asking.entities.values() if one.search is not None]
    if types is not None:
        return [entity for entity in searchable if entity.name in types]
    return [
        entity
        for entity in searchable
        if asking.reader.comparable(asking.inquiry, entity, entity.search or "")
        is not False
    ]


async def _search_ask(
    asking: Asking,
    place: Place,
    entity: EntityType,
    name: str,
    size: int,
) -> Ask:
    where = Compare(entity.search or "", Op.CONTAINS, name.strip())
    settled = await asking.filters.settle(entity, where)
    ask = by_key(asking, place, entity.name, limit=size, peek=True)
    return replace(ask, where=settled.where)
