"""What a mutation was about, as its register has it now: read under policy."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from zhitong.resolvers.lookups import by_lookup
from zhitong.schema.entities import ENTITIES
from zhitong.schema.objects import Info, field_with, raw
from zhitong.types import Label, Row


def standing(type_name: str, key: str, label: Label) -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field that leads to the row which the answer's *key* names."""
    number = attrgetter(key)

    async def resolve(self: object, info: Info) -> Row | None:
        entity = ENTITIES[type_name]
        place = info.context.place(raw(info), entity, ())
        return await by_lookup(info.context, place, entity, number(self))

    return field_with(resolve, {"info": Info, "return": f"{type_name} | None"}, label)
