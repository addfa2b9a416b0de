"""Arguments of root fields, as strawberry converts them, in our own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from zhitong.resolvers.statistics import bounded
from zhitong.schema.entities import ENTITIES
from zhitong.schema.inputs import predicate
from zhitong.types import All, EntityType, Predicate


def counted(
    entity: EntityType,
    by: Iterable[Enum],
    where: object = None,
    since: str | None = None,
    until: str | None = None,
) -> tuple[Sequence[str], Predicate | None]:
    """Name the groupings, and say what is counted."""
    names = [grouping.value for grouping in by]
    asked = predicate(entity, where, ENTITIES)
    if since is None or until is None:
        return names, asked
    span = bounded(entity.dated or "", since, until)
    return names, span if asked is None else All((*span.parts, asked))


def named(types: Iterable[Enum] | None) -> Sequence[str] | None:
    """Name the types that are to be searched; None: whichever may be."""
    return None if types is None else [one.value for one in types]
