"""GraphQL enums from code lists, each value described in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, EnumMeta
from typing import cast

import strawberry

from zhitong.types import CodeList, EntityType, Label


def enum_of(name: str, label: Label, values: Mapping[str, Label]) -> EnumMeta:
    """Make an enum whose values are their own names."""
    members = {
        value: strawberry.enum_value(value, description=str(said))
        for value, said in values.items()
    }
    made = cast("EnumMeta", Enum(name, members))
    return strawberry.enum(made, name=name, description=str(label))


def code_enum(codes: CodeList) -> EnumMeta:
    """Make the enum of a code list."""
    return enum_of(codes.name, codes.label, codes.values)


def order_enum(entity: EntityType) -> EnumMeta:
    """Make the enum of what a type can be ordered by."""
    return enum_of(
        f"{entity.name}OrderField",
        Label("可排序字段", "What it can be ordered by"),
        {name: entity.fields[name].label for name in entity.orders},
    )


Direction = enum_of(
    "Direction",
    Label("排序方向", "Direction of an order"),
    {"ASC": Label("升序", "Ascending"), "DESC": Label("降序", "Descending")},
)

KEY_MATCH = CodeList(
    "KeyMatch",
    Label("键值对应情况", "How a stated key was found on the other side"),
    {
        "EXACT": Label("按键唯一对应", "Exactly one row has the key"),
        "NOT_STATED": Label("来源未填写", "The source states no key"),
        "MALFORMED": Label("代码校验不通过，也没有对应", "No valid code, and no row"),
        "NOT_FOUND": Label("没有对应", "No row has the key"),
        "AMBIGUOUS": Label(
            "对应多条，取第一条", "Several rows have it; the first is given"
        ),
        "UNAVAILABLE": Label("对方来源暂缺", "The other source is missing now"),
        "HIDDEN": Label("无权查看", "Not visible to the caller"),
    },
)
KeyMatch = code_enum(KEY_MATCH)
