"""Entities that a federated router names by their keys: read in one batch per type.

Equal asks share a loader, so a hundred officers by number are one statement to each
source that has officers; what the caller may see of them is as for any read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from zhitong.exceptions import RepresentationError, TooWideError, ZhitongError
from zhitong.resolvers.asking import Asking, Placing
from zhitong.resolvers.links import by_key
from zhitong.resolvers.lookups import by_node
from zhitong.types import EntityType, Row

MOST = 1_000
"""Representations of one question: routers send what one answer of theirs needs."""
NODE = "id"
"""The key that every type has: a row's global id."""


def keys_of(entity: EntityType) -> tuple[str, ...]:
    """Name the fields that a row of *entity* may be named by, each by itself."""
    return (NODE,) if entity.lookup is None else (NODE, entity.lookup)


async def represented(
    asking: Asking, placing: Placing, representations: Sequence[object]
) -> list[Row | ZhitongError | None]:
    """Find the row of each representation, in their order.

    None where there is none, or none to be seen; an error where it names nothing.
    """
    if len(representations) > MOST:
        raise TooWideError(
            f"一次最多 {MOST} 个实体（representations），请分几次查询",
            f"at most {MOST} entities (representations) are given at once; ask in "
            "several steps",
        )
    return list(
        await asyncio.gather(*(_one(asking, placing, each) for each in representations))
    )


async def _one(
    asking: Asking, placing: Placing, representation: object
) -> Row | ZhitongError | None:
    """Find one row; an error is given, not raised: the others stand beside it."""
    try:
        entity, field, key = _read(asking, representation)
        place = placing(entity)
        if field == NODE:
            row = await by_node(asking, placing, key, only=entity)
        else:
            # As a relation finds rows: where nothing may be found by it, none is.
            ask = replace(by_key(asking, place, entity.name), told=True)
            found = await asking.loaders.rows_by_key(ask, field).load(key)
            row = found.rows[0] if found.rows else None
    except ZhitongError as error:
        return error
    return row if row is not None and asking.may_give(place, 1) else None


def _read(asking: Asking, representation: object) -> tuple[EntityType, str, str]:
    """Read what a router says of an entity: its type, the key's field, its value."""
    if not isinstance(representation, Mapping):
        raise RepresentationError(
            "实体应写作对象，含 __typename 和键字段",
            "an entity is an object with __typename and the fields of a key",
        )
    entity = asking.entities.get(str(representation.get("__typename", ""))[:60])
    if entity is None:
        raise RepresentationError(
            "实体的 __typename 缺失，或不是本服务有 @key 的类型",
            "the entity's __typename is missing, or no type with @key here",
        )
    for field in keys_of(entity):
        key = representation.get(field)
        if isinstance(key, str):
            return entity, field, key
    names = "、".join(keys_of(entity))
    raise RepresentationError(
        f"{entity.name} 须给出以下键字段之一，为文本：{names}",
        f"{entity.name} is named by one of these, as text: "
        f"{', '.join(keys_of(entity))}",
    )
