"""The GraphQL types, made from the declarations in `zhitong.schema.entities`.

Each type of the graph is declared once, as data; here it becomes a strawberry type
with its connection, filter and order. All of them become names of this module,
because strawberry resolves annotations where a class says it lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry.federation.schema_directives import Key, Shareable

from zhitong.resolvers.asking import Placing
from zhitong.resolvers.links import linked, listed, match
from zhitong.resolvers.nodes import NodeId
from zhitong.resolvers.pages import (
    Page,
    PageArguments,
    Total,
    related_page,
    total,
)
from zhitong.resolvers.representations import keys_of
from zhitong.schema.context import Context
from zhitong.schema.entities import ENTITIES
from zhitong.schema.enums import Direction, KeyMatch, order_enum
from zhitong.schema.inputs import (
    code_inputs,
    filter_input,
    kind_inputs,
    order,
    order_input,
    predicate,
)
from zhitong.schema.protection import said
from zhitong.schema.scalars import CreditCode, Date, DateTime, DivisionCode, Money
from zhitong.schema.selection import MATCH, ResolveInfo
from zhitong.types import EntityType, Field, Kind, Label, Relation, Row, Shape

Info = strawberry.Info[Context, None]

NODES = (("nodes",), ("edges", "node"))
"""Where a connection has its rows."""
ANNOTATIONS = {
    Kind.TEXT: "str",
    Kind.TEXTS: "list[str]",
    Kind.DATE: "Date",
    Kind.DATETIME: "DateTime",
    Kind.MONEY: "Money",
    Kind.INTEGER: "int",
    Kind.CREDIT_CODE: "CreditCode",
    Kind.DIVISION: "DivisionCode",
}
FIRST = Label(
    "每页条数，默认 20，最多 200", "Rows per page, 20 by default, at most 200"
)
AFTER = Label("上一页的 endCursor", "endCursor of the last page")
WHERE = Label("筛选条件", "Conditions")
ORDER = Label("排序", "Order")


@strawberry.interface(
    description="有全局 id 的对象。\n\nAnything with a global id.", name="Node"
)
class Node:
    """Any row of any type."""

    id: strawberry.ID = strawberry.field(
        description="全局 id，含来源。\n\nGlobal id; it names the source."
    )
    source: str = strawberry.field(
        description="来源系统。\n\nThe source the row came from."
    )


@strawberry.type(
    # Other graphs have Relay's as well, and a router makes one of them.
    directives=[Shareable()],
    description="一页的结尾。\n\nWhere a page ends.",
    name="PageInfo",
)
class PageInfoType:
    """Relay's page information, forwards only."""

    hasNextPage: bool = strawberry.field(
        description="还有下一页\n\nWhether there is more"
    )
    endCursor: str | None = strawberry.field(
        description="本页最后一条的游标\n\nCursor of the last row"
    )


@strawberry.type(
    description="总数；有来源缺失时只是部分。\n\nA count, partial without all sources."
)
class TotalCount:
    """How many rows there are in all sources that answered."""

    count: int | None = strawberry.field(
        description="条数；不显示的为空\n\nRows counted; null where it is suppressed"
    )
    suppressed: bool = strawberry.field(
        description="是否因过小、或为保护过小的数而不显示\n\n"
        "Whether it is suppressed: too small, or to protect one that is"
    )
    partial: bool = strawberry.field(
        description="是否缺了来源\n\nWhether a source is missing from it"
    )
    missing: list[str] = strawberry.field(
        description="缺失的来源\n\nThe sources that are missing"
    )


def raw(info: Info) -> ResolveInfo:
    """Give graphql-core's own view: the nodes of the document."""
    return info._raw_info  # noqa: SLF001 - strawberry offers only slow copies of it


def placing(info: Info, path: tuple[str, ...]) -> Placing:
    """Say what is asked at *path* of whatever type stands there."""
    return lambda entity: info.context.place(raw(info), entity, path)


def argument(label: Label) -> Any:
    """Describe an argument."""
    return strawberry.argument(description=str(label))


def described(annotation: object, label: Label) -> Any:
    """Annotate an argument with its type, which may be a name, and its description."""
    made: Any = Annotated
    return made[annotation, argument(label)]


def connection_arguments(target: str) -> dict[str, Any]:
    """Annotate the arguments that every connection field has."""
    return {
        "first": described(int | None, FIRST),
        "after": described(str | None, AFTER),
        "where": described(f"{target}Filter | None", WHERE),
        "order_by": described(f"{target}Order | None", ORDER),
    }


def page_arguments(
    entity: EntityType,
    first: int | None,
    after: str | None,
    where: Any,
    order_by: Any,
    sources: list[str] | None = None,
) -> PageArguments:
    """Translate a connection's arguments."""
    return PageArguments(
        first=first,
        after=after,
        where=predicate(entity, where, ENTITIES),
        order=order(order_by),
        sources=None if sources is None else tuple(sources),
    )


def field_with(
    resolver: Callable[..., Any], annotations: dict[str, Any], label: Label
) -> Any:
    """Make a field whose annotations are resolved in this module."""
    resolver.__annotations__ = annotations
    resolver.__module__ = __name__
    return strawberry.field(resolver=resolver, description=str(label))


def _page_field(relation: Relation) -> Any:
    target = ENTITIES[relation.target]

    async def resolve(
        self: Row,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        where: Any = None,
        order_by: Any = None,
    ) -> Page | None:
        arguments = page_arguments(target, first, after, where, order_by)
        place = info.context.place(raw(info), target, *NODES)
        return await related_page(info.context, place, relation, self, arguments)

    annotations = connection_arguments(target.name)
    annotations |= {"info": Info, "return": f"{target.name}Connection | None"}
    return field_with(resolve, annotations, relation.label)


def _one_field(relation: Relation) -> Any:
    target = ENTITIES[relation.target]

    async def resolve(self: Row, info: Info) -> Row | None:
        place = info.context.place(raw(info), target, ())
        return await linked(info.context, place, relation, self)

    annotations = {"info": Info, "return": f"{relation.target} | None"}
    return field_with(resolve, annotations, relation.label)


def _match_field(relation: Relation) -> Any:
    target = ENTITIES[relation.target]

    async def resolve(self: Row, info: Info) -> str:
        place = info.context.place(raw(info), target, ())
        return await match(info.context, place, relation, self)

    label = Label(
        f"{relation.label.zh}的键值对应情况", f"How {relation.name} was found"
    )
    return field_with(resolve, {"info": Info, "return": "KeyMatch"}, label)


def _list_field(relation: Relation) -> Any:
    target = ENTITIES[relation.target]

    async def resolve(self: Row, info: Info) -> list[Row] | None:
        place = info.context.place(raw(info), target, ())
        return await listed(info.context, place, relation, self)

    annotations = {"info": Info, "return": f"list[{relation.target}] | None"}
    return field_with(resolve, annotations, relation.label)


def _id_field() -> Any:
    def resolve(self: Row) -> str:
        return str(NodeId(self.type, self.source, self.key))

    label = Label("全局 id，含来源", "Global id; it names the source")
    return field_with(resolve, {"return": "strawberry.ID"}, label)


def _source_field() -> Any:
    def resolve(self: Row) -> str:
        return self.source

    label = Label("来源系统", "The source the row came from")
    return field_with(resolve, {"return": "str"}, label)


def annotation(field: Field) -> str:
    """Name the type of a field's value, which may be none."""
    name = field.codes.name if field.codes else ANNOTATIONS[field.kind]
    return f"{name} | None"


def _object(entity: EntityType) -> type:
    """Make the type of *entity*."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for field in entity.fields.values():
        body["__annotations__"][field.name] = annotation(field)
        body[field.name] = strawberry.field(description=str(said(field)))
    body["id"], body["source"] = _id_field(), _source_field()
    for relation in entity.relations.values():
        if relation.shape is Shape.PAGE:
            body[relation.name] = _page_field(relation)
        elif relation.shape is Shape.LIST:
            body[relation.name] = _list_field(relation)
        else:
            body[relation.name] = _one_field(relation)
            body[relation.name + MATCH] = _match_field(relation)
    body["is_type_of"] = classmethod(
        lambda _cls, row, _info: isinstance(row, Row) and row.type == entity.name
    )
    made = type(entity.name, (Node,), body)
    # Each field of a key by itself: a router names a row by any of them.
    keys: list[object] = [Key(fields=one, resolvable=True) for one in keys_of(entity)]  # type: ignore[arg-type]
    return strawberry.type(made, description=str(entity.label), directives=keys)


def _connection(entity: EntityType) -> tuple[type, type]:
    """Make the edge and the connection of *entity*."""
    edge: dict[str, Any] = {
        "__annotations__": {"node": entity.name, "cursor": "str"},
        "__module__": __name__,
        "node": strawberry.field(description="记录\n\nThe row"),
        "cursor": strawberry.field(description="游标\n\nThe cursor after it"),
    }

    async def resolve(self: Page) -> Total:
        return await total(self)

    connection: dict[str, Any] = {
        "__annotations__": {
            "nodes": f"list[{entity.name}]",
            "edges": f"list[{entity.name}Edge]",
            "pageInfo": "PageInfoType",
            "missing": "list[str]",
        },
        "__module__": __name__,
        "nodes": strawberry.field(description="各条记录\n\nThe rows"),
        "edges": strawberry.field(description="记录及游标\n\nRows with cursors"),
        "pageInfo": strawberry.field(description="本页结尾\n\nWhere the page ends"),
        "missing": strawberry.field(
            description="本页缺失的来源\n\nSources missing from this page"
        ),
        "totalCount": field_with(
            resolve,
            {"return": "TotalCount"},
            Label("总数，需要时才统计", "The count, made only when asked for"),
        ),
    }
    said = entity.label.name
    return (
        strawberry.type(
            type(f"{entity.name}Edge", (), edge),
            description=f"{said}及其游标\n\nA row and its cursor",
        ),
        strawberry.type(
            type(f"{entity.name}Connection", (), connection),
            description=f"{said}的一页，合并各来源\n\nA page over all sources",
        ),
    )


def _inputs() -> dict[str, Any]:
    made: dict[str, Any] = {**kind_inputs(__name__), **code_inputs(ENTITIES, __name__)}
    for entity in ENTITIES.values():
        made[f"{entity.name}OrderField"] = order_enum(entity)
        made[f"{entity.name}Order"] = order_input(entity, __name__)
        made[f"{entity.name}Filter"] = filter_input(entity, __name__)
    return made


def _outputs() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for entity in ENTITIES.values():
        made[entity.name] = _object(entity)
        made[f"{entity.name}Edge"], made[f"{entity.name}Connection"] = _connection(
            entity
        )
    return made


# Inputs first: strawberry resolves a field's arguments the moment it is made.
globals().update(_inputs())
OBJECTS = _outputs()
globals().update(OBJECTS)

__all__ = [
    "AFTER",
    "ANNOTATIONS",
    "FIRST",
    "NODES",
    "OBJECTS",
    "CreditCode",
    "Date",
    "DateTime",
    "Direction",
    "DivisionCode",
    "Info",
    "KeyMatch",
    "Money",
    "Node",
    "PageInfoType",
    "TotalCount",
    "annotation",
    "argument",
    "connection_arguments",
    "described",
    "field_with",
    "page_arguments",
    "placing",
    "raw",
]
