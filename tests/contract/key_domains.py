"""Which fields share their values, for relations lead from one to the other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from zhitong.schema.entities import ENTITIES
from zhitong.types import Shape

Place = tuple[str, str]
"""A type and a field of it."""


@cache
def domains() -> Mapping[Place, Place]:
    """Say of each field that relations lead from or to, whose values it shares."""
    found: dict[Place, Place] = {}

    def first(place: Place) -> Place:
        while found.get(place, place) != place:
            place = found[place]
        return place

    for entity in ENTITIES.values():
        for relation in entity.relations.values():
            one = first((entity.name, relation.local))
            other = first((relation.target, relation.remote))
            found.setdefault(one, one)
            found.setdefault(other, other)
            found[one] = other
    return {place: first(place) for place in tuple(found)} | {
        (entity.name, name): first((entity.name, name))
        for entity in ENTITIES.values()
        for name in entity.fields
        if (entity.name, name) in found
    }


@cache
def named() -> frozenset[Place]:
    """Name the fields that single rows are found by."""
    return frozenset(
        (relation.target, relation.remote)
        for entity in ENTITIES.values()
        for relation in entity.relations.values()
        if relation.shape is not Shape.PAGE
    )
