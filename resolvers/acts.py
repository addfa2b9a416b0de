"""What a step does, by the role of its part: for all objects of a level at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.levels import (
    Level,
    follow_one,
    follow_page,
    follow_several,
    matches,
    subjects,
    totals,
)
from zhitong.resolvers.lookups import by_lookup, by_node, exactly, search
from zhitong.resolvers.pages import root_page
from zhitong.resolvers.selection import (
    ByNode,
    Computed,
    Counts,
    Exact,
    Lookup,
    Match,
    One,
    PageBelow,
    Part,
    RootPage,
    Search,
    Several,
    SubjectOf,
    Total,
)
from zhitong.resolvers.statistics import statistics
from zhitong.types import EntityType

Places = Mapping[str, Place]
"""What is asked of the rows that a step reads, by their type."""


async def below(
    asking: Asking,
    part: Part,
    places: Places,
    argument: Any,  # noqa: ANN401 - each role has arguments of its own
    level: Level,
) -> Sequence[object]:
    """Give a value for each object of *level*, or an exception in a value's place.

    Raises what is wrong for all of them: an argument may be the exception that it is.
    """
    if isinstance(argument, Exception):
        raise argument
    match part.role:
        case One(relation):
            return await follow_one(asking, _only(places), relation, level)
        case Match(relation):
            place = _only(places)
            return await matches(asking, place, relation, part.owner, level)
        case Several(relation):
            place = _only(places)
            return await follow_several(asking, place, relation, part.owner, level)
        case PageBelow(relation):
            place = _only(places)
            return await follow_page(asking, place, relation, argument, level)
        case Total():
            return await totals(level)
        case SubjectOf():
            return await subjects(asking, _only(places), level)
        case _:
            # The root stands once: what is found there is found by itself.
            return [await _root(asking, part, places, argument)]


async def _root(
    asking: Asking,
    part: Part,
    places: Places,
    argument: Any,  # noqa: ANN401 - as above
) -> object:
    """Find the value of a field of the query itself."""

    def placing(entity: EntityType) -> Place:
        return places.get(entity.name, NOTHING_ASKED)

    match part.role:
        case RootPage(entity):
            return await root_page(asking, _only(places), entity, argument)
        case Lookup(entity):
            return await by_lookup(asking, _only(places), entity, argument)
        case Exact(entity, field):
            return await exactly(asking, _only(places), entity, field, argument)
        case ByNode():
            return await by_node(asking, placing, argument)
        case Search():
            return await search(asking, placing, *argument)
        case Counts(entity):
            return await statistics(asking, _only(places), entity, *argument)
        case Computed(compute):
            return compute(asking, argument)
        case role:
            raise TypeError(role)


NOTHING_ASKED = Place()
"""Of a type that no part of the document speaks of."""


def _only(places: Places) -> Place:
    """Take what is asked of the one type there is."""
    (place,) = places.values()
    return place
