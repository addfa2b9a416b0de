"""The root fields: lists, look-ups by number, nodes, search, statistics."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from zhitong.resolvers.lookups import Hits, by_lookup, by_node, exactly, search
from zhitong.resolvers.pages import Page, root_page
from zhitong.resolvers.statistics import (
    MOST_DAYS,
    Statistics,
    statistics,
)
from zhitong.schema import objects
from zhitong.schema.arguments import counted, named
from zhitong.schema.catalogue import catalogue_field, catalogue_item_field
from zhitong.schema.catalogue_versions import catalogue_versions_field
from zhitong.schema.entities import ENTITIES
from zhitong.schema.enums import enum_of
from zhitong.schema.explaining import explain_field
from zhitong.schema.lookers import who_looked_at_me_field, who_looked_field
from zhitong.schema.mutations import check_field
from zhitong.schema.objects import (
    ANNOTATIONS,
    NODES,
    Info,
    Node,
    connection_arguments,
    described,
    field_with,
    page_arguments,
    placing,
    raw,
)
from zhitong.schema.served import codes_field, sources_field
from zhitong.schema.tables import counted_name
from zhitong.types import EntityType, Label, Row

SOURCES = Label("只查这些来源系统", "Only these sources")
GROUPS = ("groups",)
HITS = ("nodes",)
"""Where a table has its groups, and a search its rows."""
EACH = Label(
    "每种类型最多条数，默认 20，最多 200",
    "Rows of each type; 20 unless said, at most 200",
)
SearchType = enum_of(
    "SearchType",
    Label("可检索的类型", "What can be searched by name"),
    {
        name: Label(entity.label.name, name)
        for name, entity in ENTITIES.items()
        if entity.search is not None
    },
)


@strawberry.type(description="检索结果。\n\nWhat a search found.")
class SearchResult:
    """Hits over all types and sources that answered."""

    nodes: list[Node] = strawberry.field(description="命中\n\nThe hits")
    more: bool = strawberry.field(
        description="还有更多，请用更长的名称检索\n\nThere are more: use a longer name"
    )
    missing: list[str] = strawberry.field(
        description="缺失的来源\n\nThe sources that are missing"
    )


def _list_field(entity: EntityType) -> Any:
    async def resolve(
        info: Info,
        first: int | None = None,
        after: str | None = None,
        where: Any = None,
        order_by: Any = None,
        sources: list[str] | None = None,
    ) -> Page | None:
        arguments = page_arguments(entity, first, after, where, order_by, sources)
        place = info.context.place(raw(info), entity, *NODES)
        return await root_page(info.context, place, entity, arguments)

    annotations = connection_arguments(entity.name)
    annotations["sources"] = described(list[str] | None, SOURCES)
    annotations |= {"info": Info, "return": f"{entity.name}Connection | None"}
    return field_with(resolve, annotations, entity.label)


def _lookup_field(entity: EntityType, lookup: str) -> Any:
    async def resolve(info: Info, number: str) -> Row | None:
        place = info.context.place(raw(info), entity, ())
        return await by_lookup(info.context, place, entity, number)

    field = entity.fields[lookup]
    kind = ANNOTATIONS[field.kind]
    said = strawberry.argument(name=lookup, description=str(field.label))
    annotations = {
        "info": Info,
        "number": Annotated[getattr(objects, kind, str), said],
        "return": f"{entity.name} | None",
    }
    return field_with(resolve, annotations, entity.label)


def _exact_field(entity: EntityType, name: str) -> Any:
    field = entity.fields[name]

    async def resolve(info: Info, number: str) -> list[Row] | None:
        place = info.context.place(raw(info), entity, ())
        return await exactly(info.context, place, entity, name, number)

    said = strawberry.argument(name=name, description=str(field.label))
    annotations = {
        "info": Info,
        "number": Annotated[str, said],
        "return": f"list[{entity.name}] | None",
    }
    label = Label(
        f"按{field.label.zh}精确查找{entity.label.name}，须有授权",
        f"{entity.name} by exact {field.label.en}; it takes a grant",
    )
    return field_with(resolve, annotations, label)


def exact_name(entity: EntityType, name: str) -> str:
    """Name the root field of a look-up: ``counterpartyByIdNumber``."""
    return f"{lower(entity.name)}By{name[0].upper()}{name[1:]}"


def statistics_name(entity: EntityType) -> str:
    """Name the root field of a type's counts: ``caseStatistics``."""
    return f"{lower(counted_name(entity))}Statistics"


def _dated_statistics_field(entity: EntityType) -> Any:
    async def resolve(
        info: Info, by: Any, since: str, until: str, where: Any = None
    ) -> Statistics | None:
        names, condition = counted(entity, by, where, since, until)
        place = info.context.place(raw(info), entity, GROUPS)
        return await statistics(info.context, place, entity, names, condition)

    label = Label(
        f"{entity.label.name}数量统计，须写明起止",
        f"Counts of {entity.name}, from one moment to another",
    )
    name = counted_name(entity)
    annotations = {
        "info": Info,
        "by": described(f"list[{name}Grouping]", Label("分组", "What to count by")),
        "since": described("DateTime", Label("自此时起", "From this moment on")),
        "until": described(
            "DateTime",
            Label(
                f"至此时前，最多 {MOST_DAYS} 天",
                f"Before this moment, at most {MOST_DAYS} days later",
            ),
        ),
        "where": described(f"{entity.name}Filter | None", objects.WHERE),
        "return": f"{name}Statistics | None",
    }
    return field_with(resolve, annotations, label)


def _node_field() -> Any:
    async def resolve(info: Info, node_id: str) -> Row | None:
        return await by_node(info.context, placing(info, ()), node_id)

    label = Label("按全局 id 查询", "The object with this global id")
    annotations = {
        "info": Info,
        "node_id": Annotated[
            strawberry.ID, strawberry.argument(name="id", description=str(label))
        ],
        "return": "Node | None",
    }
    return field_with(resolve, annotations, label)


def _search_field() -> Any:
    async def resolve(
        info: Info, name: str, types: Any = None, first: int | None = None
    ) -> Hits:
        placed = placing(info, HITS)
        return await search(info.context, placed, name, named(types), first)

    label = Label("按名称跨来源检索", "Search by name across sources")
    annotations = {
        "info": Info,
        "name": described(str, Label("名称中的文字", "Part of the name")),
        "types": described(
            list[SearchType] | None,  # type: ignore[valid-type]
            Label("只查这些类型", "Only these types"),
        ),
        "first": described(int | None, EACH),
        "return": SearchResult | None,
    }
    return field_with(resolve, annotations, label)


def _statistics_field(entity: EntityType) -> Any:
    async def resolve(info: Info, by: Any, where: Any = None) -> Statistics | None:
        names, condition = counted(entity, by, where)
        place = info.context.place(raw(info), entity, GROUPS)
        return await statistics(info.context, place, entity, names, condition)

    label = Label(
        f"{entity.label.name}数量统计，不含金额",
        f"Counts of {entity.name}, without amounts",
    )
    name = counted_name(entity)
    annotations = {
        "info": Info,
        "by": described(f"list[{name}Grouping]", Label("分组", "What to count by")),
        "where": described(f"{entity.name}Filter | None", objects.WHERE),
        "return": f"{name}Statistics | None",
    }
    return field_with(resolve, annotations, label)


def lower(name: str) -> str:
    """Give *name* as fields are named."""
    return name[0].lower() + name[1:]


def query_type() -> type:
    """Make the query root."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": objects.__name__}
    body["node"] = _node_field()
    for entity in ENTITIES.values():
        body[entity.plural] = _list_field(entity)
        if entity.lookup is not None:
            body[lower(entity.name)] = _lookup_field(entity, entity.lookup)
        for name, field in entity.fields.items():
            if field.exact:
                body[exact_name(entity, name)] = _exact_field(entity, name)
    body["search"] = _search_field()
    for entity in ENTITIES.values():
        if entity.groupings:
            name = statistics_name(entity)
            made_of = _dated_statistics_field if entity.dated else _statistics_field
            body[name] = made_of(entity)
    body["checkDecision"] = check_field()
    body["catalogue"] = catalogue_field()
    body["catalogueItem"] = catalogue_item_field()
    body["catalogueVersions"] = catalogue_versions_field()
    body["policyExplain"] = explain_field()
    body["whoLooked"] = who_looked_field()
    body["whoLookedAtMe"] = who_looked_at_me_field()
    body["sources"] = sources_field()
    body["codeLists"] = codes_field()
    made = type("Query", (), body)
    return strawberry.type(
        made, description="查询。一图之下，各部门的数据各在原处。\n\nThe one graph."
    )
