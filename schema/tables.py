"""The GraphQL types of counts, made from the groupings that types declare."""

from __future__ import annotations

from typing import Any

import strawberry

from zhitong.resolvers.statistics import SUBJECT, Group, subject_of
from zhitong.schema import objects
from zhitong.schema.entities import ENTITIES
from zhitong.schema.enums import enum_of
from zhitong.schema.objects import Info, annotation, field_with, raw
from zhitong.types import EntityType, Grouping, Label, Row


def counted_name(entity: EntityType) -> str:
    """Name what is counted: ``Case`` of ``CaseRecord``, ``Decision`` of itself."""
    return entity.name.removesuffix("Record").removesuffix("Look")


def _group_field(entity: EntityType, grouping: Grouping) -> Any:  # noqa: ANN401 - what strawberry.field gives
    def resolve(self: Group) -> str | None:
        return self[grouping.name]

    month = grouping.by.month
    kind = "str | None" if month else annotation(entity.fields[grouping.by.field])
    return field_with(resolve, {"return": kind}, grouping.label)


def _subject_field(grouping: Grouping) -> Any:  # noqa: ANN401 - what strawberry.field gives
    target = ENTITIES["EnforcementSubject"]

    async def resolve(self: Group, info: Info) -> Row | None:
        place = info.context.place(raw(info), target, ())
        return await subject_of(info.context, place, self[SUBJECT])

    annotations = {"info": Info, "return": "EnforcementSubject | None"}
    return field_with(resolve, annotations, grouping.label)


def _tables(entity: EntityType) -> dict[str, Any]:
    """Make grouping, group and statistics of *entity*."""
    name, said = counted_name(entity), entity.label.name
    group: dict[str, Any] = {
        "__annotations__": {"count": "int | None", "suppressed": "bool"},
        "__module__": objects.__name__,
    }
    for one in entity.groupings:
        group["month" if one.by.month else one.by.field] = _group_field(entity, one)
        if one.name == SUBJECT:
            group["subject"] = _subject_field(one)
    group["count"] = strawberry.field(
        description="件数；不显示的为空\n\nRows; null where the count is suppressed"
    )
    group["suppressed"] = strawberry.field(
        description="是否因过小、或为保护过小的数而不显示\n\n"
        "Whether it is suppressed: too small, or to protect one that is"
    )
    table: dict[str, Any] = {
        "__annotations__": {
            "groups": f"list[{name}Group]",
            "missing": "list[str]",
            "smallest": "int",
        },
        "__module__": objects.__name__,
        "groups": strawberry.field(description="各组\n\nThe groups"),
        "missing": strawberry.field(
            description="缺失的来源\n\nThe sources that are missing"
        ),
        "smallest": strawberry.field(
            description="小于此数的不显示\n\nCounts below this are suppressed"
        ),
    }
    return {
        f"{name}Grouping": enum_of(
            f"{name}Grouping",
            Label(f"{said}统计分组", f"What {entity.name} can be counted by"),
            {one.name: one.label for one in entity.groupings},
        ),
        f"{name}Group": strawberry.type(
            type(f"{name}Group", (), group),
            description=f"一组{said}的数量。\n\nThe count of one group.",
        ),
        f"{name}Statistics": strawberry.type(
            type(f"{name}Statistics", (), table),
            description=f"{said}统计。\n\nCounts of {entity.name}.",
        ),
    }


TABLES = {
    made: kind
    for entity in ENTITIES.values()
    if entity.groupings
    for made, kind in _tables(entity).items()
}
# strawberry resolves annotations where the fields are said to live.
for _name, _made in TABLES.items():
    setattr(objects, _name, _made)
