"""What predicates and orders mean, in Python: the sense that all SQL must agree with.

Values are canonical (`zhitong.connectors.codecs`): a text, a count, or a tuple of
texts. A field of days may hold a moment; it is shown and compared by its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from zhitong.connectors.date_codecs import china_time
from zhitong.connectors.masks import blurred, findable, searches_digits
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    Field,
    Kind,
    MaskKind,
    Not,
    Op,
    Predicate,
    Related,
)

Value = str | int | tuple[str, ...] | None


def holds(
    predicate: Predicate | None, row: Mapping[str, Value], fields: Mapping[str, Field]
) -> bool:
    """Say whether *row* satisfies *predicate*; an unknown does not hold."""
    if predicate is None:
        return True
    if isinstance(predicate, Compare):
        field, value = fields.get(predicate.field), row.get(predicate.field)
        if field is None:  # the source's own key
            return compared(Kind.TEXT, predicate, value)
        return _meets(field, predicate, value)
    if isinstance(predicate, Not):
        return not holds(predicate.part, row, fields)
    if isinstance(predicate, Related):
        raise TypeError(predicate)  # resolvers settle it; see zhitong.types
    each = (holds(part, row, fields) for part in predicate.parts)
    return all(each) if isinstance(predicate, All) else any(each)


def _meets(field: Field, compare: Compare, value: Value) -> bool:
    """Compare a field's value; nothing is found by an ID number in a name."""
    if compare.op is Op.PRESENT or not field.named:
        return compared(field.kind, compare, value)
    if compare.op in {Op.EQ, Op.IN} or isinstance(value, tuple):
        terms = tuple(findable(field, texts(compare)))
        return compared(field.kind, replace(compare, value=terms), value)
    if not compared(field.kind, compare, value) or not isinstance(value, str):
        return False
    if compare.op in {Op.PREFIX, Op.CONTAINS} and searches_digits(
        field, str(compare.value)
    ):
        return compared(field.kind, compare, blurred(MaskKind.TEXT, value))
    return True


def compared(kind: Kind, compare: Compare, value: Value) -> bool:
    """Compare one canonical value."""
    if compare.op is Op.PRESENT:
        return (value not in {None, ()}) is bool(compare.value)
    if value is None:
        return False
    wanted = texts(compare)
    if isinstance(value, tuple):
        return any(text in value for text in wanted)
    if compare.op in {Op.EQ, Op.IN}:
        return any(comparable(kind, value) == comparable(kind, text) for text in wanted)
    if compare.op is Op.PREFIX:
        return str(value).startswith(wanted[0])
    if compare.op is Op.CONTAINS:
        return wanted[0].casefold() in str(value).casefold()
    at_or_after = compare.op is Op.GTE
    if kind in {Kind.MONEY, Kind.INTEGER}:
        own, other = Decimal(value), Decimal(wanted[0])
        return own >= other if at_or_after else own <= other
    text, limit = comparable(kind, value), comparable(kind, wanted[0])
    return text >= limit if at_or_after else text <= limit


def texts(compare: Compare) -> list[str]:
    """List what *compare* compares with."""
    if isinstance(compare.value, str | int):
        return [str(compare.value)]
    return list(compare.value)


def comparable(kind: Kind, value: str | int) -> str:
    """Write a canonical value so that equal ones are equal texts."""
    if kind is Kind.MONEY:
        return f"{Decimal(value):.2f}"
    if kind is Kind.DATE:
        return str(value)[:10]
    if kind is Kind.DATETIME:
        return china_time(str(value)).isoformat(timespec="microseconds")
    return str(value)


def order_value(kind: Kind, value: Value) -> str | None:
    """Give the canonical text that a row is merged by."""
    if value is None or isinstance(value, tuple):
        return None
    if kind is Kind.DATETIME:
        return comparable(kind, value)
    return str(value)


def sortable(kind: Kind, order_value: str) -> tuple[Decimal, str]:
    """Turn a canonical order value into what sorts as pages do."""
    if kind in {Kind.MONEY, Kind.INTEGER}:
        return Decimal(order_value), ""
    return Decimal(0), order_value


def fields_of(predicate: Predicate | None) -> frozenset[str]:
    """Name the fields that *predicate* looks at."""
    if isinstance(predicate, Compare):
        return frozenset({predicate.field})
    if isinstance(predicate, Not):
        return fields_of(predicate.part)
    if isinstance(predicate, All | AnyOf):
        return frozenset().union(*map(fields_of, predicate.parts))
    return frozenset()
