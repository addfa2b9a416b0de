"""Filters and orders as inputs, and their translation into predicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import strawberry

from zhitong.exceptions import ScalarError
from zhitong.schema.enums import Direction, code_enum
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    EntityType,
    Field,
    Kind,
    Label,
    Not,
    Op,
    Order,
    Predicate,
    Related,
)

OPERATORS: Mapping[str, tuple[Op, Label]] = {
    "eq": (Op.EQ, Label("等于", "Equal to")),
    "in": (Op.IN, Label("属于", "One of")),
    "gte": (Op.GTE, Label("不小于（不早于）", "At or after")),
    "lte": (Op.LTE, Label("不大于（不晚于）", "At or before")),
    "within": (Op.PREFIX, Label("位于该区划之内", "Inside this division")),
    "contains": (Op.CONTAINS, Label("包含文字", "Contains the text")),
    "has": (Op.IN, Label("含其中之一", "Has one of")),
    "present": (Op.PRESENT, Label("是否有值", "Whether there is a value")),
}
BY_KIND: Mapping[Kind, tuple[str, str, tuple[str, ...]]] = {
    Kind.TEXT: ("TextFilter", "str", ("eq", "in", "contains", "present")),
    Kind.TEXTS: ("TextsFilter", "str", ("has",)),
    Kind.DATE: ("DateFilter", "Date", ("eq", "gte", "lte", "present")),
    Kind.DATETIME: ("DateTimeFilter", "DateTime", ("gte", "lte", "present")),
    Kind.MONEY: ("MoneyFilter", "Money", ("gte", "lte", "present")),
    Kind.INTEGER: ("IntegerFilter", "int", ("eq",)),
    Kind.CREDIT_CODE: ("CreditCodeFilter", "CreditCode", ("eq", "in", "present")),
    Kind.DIVISION: ("DivisionFilter", "DivisionCode", ("eq", "in", "within")),
}
LISTED = frozenset({"in", "has"})
KEYWORDS = {"in": "in_", "and": "and_", "or": "or_", "not": "not_"}


def input_type(
    name: str, label: Label, fields: Mapping[str, tuple[str, Label]], module: str
) -> type:
    """Make an input; every field is optional and typed by an expression."""
    annotations: dict[str, str] = {}
    body: dict[str, object] = {"__annotations__": annotations, "__module__": module}
    for field_name, (annotation, said) in fields.items():
        attribute = KEYWORDS.get(field_name, field_name)
        annotations[attribute] = f"{annotation} | None"
        body[attribute] = strawberry.field(
            name=field_name, description=str(said), default=strawberry.UNSET
        )
    return strawberry.input(type(name, (), body), description=str(label))


def kind_inputs(module: str) -> dict[str, type]:
    """Make the filter of each kind of value."""
    made: dict[str, type] = {}
    for name, value, operators in BY_KIND.values():
        made[name] = _comparison(name, value, operators, module)
    return made


def code_inputs(entities: Mapping[str, EntityType], module: str) -> dict[str, type]:
    """Make an enum and its filter for each code list."""
    made: dict[str, Any] = {}
    for entity in entities.values():
        for field in entity.fields.values():
            if field.codes is not None and field.codes.name not in made:
                name = field.codes.name
                made[name] = code_enum(field.codes)
                made[f"{name}Filter"] = _comparison(
                    f"{name}Filter", name, ("eq", "in"), module
                )
    return made


def _comparison(name: str, value: str, operators: tuple[str, ...], module: str) -> type:
    fields = {}
    for operator in operators:
        annotation = f"list[{value}]" if operator in LISTED else value
        annotation = "bool" if operator == "present" else annotation
        fields[operator] = (annotation, OPERATORS[operator][1])
    label = Label("筛选条件，多个之间为“并且”。", "Conditions; all must hold.")
    return input_type(name, label, fields, module)


def filter_input(entity: EntityType, module: str) -> type:
    """Make the filter of a type: its fields, its relations, and, or, not."""
    own = f"{entity.name}Filter"
    fields = {
        field.name: (_filter_of(field), field.label) for field in entity.fields.values()
    }
    for relation in entity.relations.values():
        fields[relation.name] = (
            f"{relation.target}Filter",
            Label(
                f"跨来源:存在满足条件的{relation.label.zh}",
                f"Across sources: {relation.label.en}, at least one satisfies this",
            ),
        )
    fields["and"] = (f"list[{own}]", Label("全部满足", "All hold"))
    fields["or"] = (f"list[{own}]", Label("至少满足一个", "At least one holds"))
    fields["not"] = (own, Label("不满足", "Does not hold"))
    label = Label(
        f"{entity.label.name}的筛选条件",
        f"Conditions on {entity.name}",
    )
    return input_type(own, label, fields, module)


def _filter_of(field: Field) -> str:
    return f"{field.codes.name}Filter" if field.codes else BY_KIND[field.kind][0]


def order_input(entity: EntityType, module: str) -> type:
    """Make the order of a type."""
    body = {
        "__annotations__": {
            "by": f"{entity.name}OrderField",
            "direction": "Direction",
        },
        "__module__": module,
        "by": strawberry.field(description="排序字段\n\nThe field"),
        "direction": strawberry.field(
            description="方向，默认降序\n\nThe direction, descending by default",
            default_factory=_descending,
        ),
    }
    return strawberry.input(
        type(f"{entity.name}Order", (), body),
        description="排序；没有值的排在最后。\n\nRows without a value come last.",
    )


def _descending() -> Any:  # noqa: ANN401 - a member of a generated enum
    return Direction["DESC"]


def predicate(
    entity: EntityType, given: object, entities: Mapping[str, EntityType]
) -> Predicate | None:
    """Translate a filter; None where it says nothing."""
    if not given:
        return None
    return All(tuple(_parts(entity, given, entities)))


def _parts(
    entity: EntityType, given: object, entities: Mapping[str, EntityType]
) -> Iterator[Predicate]:
    for name in entity.fields:
        stated = _given(given, name)
        if stated is not None:
            yield from _comparisons(name, stated)
    for relation in entity.relations.values():
        stated = _given(given, relation.name)
        if stated is not None:
            target = entities[relation.target]
            inner = All(tuple(_parts(target, stated, entities)))
            yield Related(relation.name, inner)
    for part in _given(given, "and_") or ():
        yield All(tuple(_parts(entity, part, entities)))
    either = _given(given, "or_")
    if either is not None:
        yield AnyOf(
            tuple(All(tuple(_parts(entity, part, entities))) for part in either)
        )
    negated = _given(given, "not_")
    if negated is not None:
        yield Not(All(tuple(_parts(entity, negated, entities))))


def _comparisons(field: str, stated: object) -> Iterator[Predicate]:
    for operator, (op, _) in OPERATORS.items():
        value = _given(stated, KEYWORDS.get(operator, operator))
        if value is None:
            continue
        if isinstance(value, list):
            yield Compare(field, op, tuple(_plain(part) for part in value))
        else:
            yield Compare(field, op, _plain(value))


def _plain(value: Any) -> Any:  # noqa: ANN401 - an enum member or the value itself
    return value.value if isinstance(value, Enum) else value


def _given(stated: object, name: str) -> Any:  # noqa: ANN401 - as the input has it
    value = getattr(stated, name, strawberry.UNSET)
    if value is None:
        # A variable that came empty must not widen a question to everything.
        raise ScalarError(
            f"筛选条件 {name.rstrip('_')} 不能是 null；不需要时请省略，"
            "查没有值的记录请用 present: false",
            f"the condition {name.rstrip('_')} cannot be null; leave it out, or ask "
            "for rows without a value with present: false",
        )
    return None if value is strawberry.UNSET else value


def order(given: Any) -> Order | None:  # noqa: ANN401 - a generated input
    """Translate an order."""
    if not given:
        return None
    return Order(given.by.value, descending=given.direction.value == "DESC")
