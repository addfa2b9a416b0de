"""What changed between two JSON Schemas of an event, and whether readers bear it.

The one question is whether a reader built on the document *before* still reads all
that a writer builds by the one *after*:

* of what we send, the old reader is somebody else's: what is said may become narrower
  (a value fewer, a column more that is due), never wider (a value more, a length more);
* of what we receive, the old writer is somebody else's, and it is the other way round;
* a property is never dropped, though both documents would allow its absence: who reads
  a column would find it empty from one day to the next. One more is what a reader
  ignores, unless its document said ``additionalProperties: false``;
* what cannot be compared (another pattern, another name of the schema) is breaking;
* words for people (titles, descriptions, examples) change nothing for a program.

Only the keywords our documents use are known; another one is refused, since what is
not understood cannot be called harmless. ``x-longest``, ``x-credit-code`` and
``x-acceptance`` say what a receiver accepts, so they are weighed like the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, cast

from zhitong.exceptions import SchemasError
from zhitong.rules.acceptance import Demand, demands
from zhitong.types import Label

Schema: TypeAlias = Mapping[str, object]


class Weight(StrEnum):
    """What a change is to who reads by the document before."""

    WORDS = "WORDS"
    """Nothing: it is for people."""
    ADDITIVE = "ADDITIVE"
    """Nothing: what is said now was allowed before."""
    BREAKING = "BREAKING"
    """It may meet what its document does not allow, or miss what it relied on."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: where, what, and its weight."""

    place: str
    """Names of properties, with ``[]`` for items."""
    what: Label
    weight: Weight

    def __str__(self) -> str:
        return f"{self.weight.value} {self.place}: {self.what.zh} / {self.what.en}"


class Side(StrEnum):
    """Who reads what the documents are of."""

    SENT = "SENT"
    """Others read it: we send."""
    RECEIVED = "RECEIVED"
    """We read it: others send."""


class _Way(StrEnum):
    """What a change does to the set of values that are allowed."""

    WIDER = "WIDER"
    NARROWER = "NARROWER"
    OTHER = "OTHER"


_BORNE = {Side.SENT: _Way.NARROWER, Side.RECEIVED: _Way.WIDER}
_WORDS = frozenset(
    {"title", "description", "examples", "$schema", "x-source", "x-confidence"}
)
_LEAST = frozenset({"minLength", "minimum", "minItems"})
_MOST = frozenset({"maxLength", "maximum", "maxItems", "x-longest"})
_FLAGS = frozenset({"uniqueItems", "x-credit-code"})
_LIMITS = frozenset({"pattern", "format", "contentMediaType"})
"""Narrower with one, wider without; another one cannot be compared."""
_MEANING = frozenset({"$id", "x-withdrawn", "x-header"})
_PARTS = frozenset({"properties", "items", "prefixItems", "x-payload"})
_OWN = frozenset(
    {
        "type",
        "enum",
        "const",
        "required",
        "additionalProperties",
        "anyOf",
        "x-acceptance",
    }
)
KNOWN = _WORDS | _LEAST | _MOST | _FLAGS | _LIMITS | _MEANING | _PARTS | _OWN
"""Every keyword that is understood."""

_Found: TypeAlias = Iterator[tuple[str, Label, _Way | Weight]]


def differences(
    before: Schema, after: Schema, side: Side = Side.SENT, place: str = ""
) -> tuple[Difference, ...]:
    """Name what changed from *before* to *after*, for who is on the other *side*.

    Raises `SchemasError` on a keyword that is not known.
    """
    return tuple(
        Difference(where or ".", what, _weight(how, side))
        for where, what, how in _compare(before, after, place, side)
    )


def _weight(how: _Way | Weight, side: Side) -> Weight:
    if isinstance(how, Weight):
        return how
    return Weight.ADDITIVE if how is _BORNE[side] else Weight.BREAKING


def _compare(before: Schema, after: Schema, place: str, side: Side) -> _Found:
    for schema in (before, after):
        if unknown := sorted(schema.keys() - KNOWN):
            raise SchemasError(
                f"{place or '.'}：不认识关键字 {'、'.join(unknown)}，无法判断是否兼容",
                f"{place or '.'}: unknown keyword {', '.join(unknown)}; nobody can say "
                "whether readers bear it",
            )
    for said in sorted(_WORDS):
        if before.get(said) != after.get(said):
            label = Label(f"{said} 的文字改了", f"the words of {said} changed")
            yield place, label, Weight.WORDS
    yield from _values(before, after, place)
    for compare in (_bounds, _marks, _required, _alternatives, _accepted):
        yield from compare(before, after, place)
    yield from _properties(before, after, place, side)
    yield from _inside(before, after, place, side)


def _values(before: Schema, after: Schema, place: str) -> _Found:
    """Compare the types and values there may be."""
    kinds: tuple[tuple[Callable[[Schema], frozenset[str] | None], Label], ...] = (
        (_types, Label("类型", "type")),
        (_enum, Label("取值", "value")),
    )
    for read, name in kinds:
        had, has = read(before), read(after)
        if had == has:
            continue
        if had is None or has is None:
            way = _Way.NARROWER if had is None else _Way.WIDER
            now = "限定了" if had is None else "不再限定"
            en = "limited now" if had is None else "limited no more"
            yield place, Label(f"{now}{name.zh}", f"its {name.en}s are {en}"), way
            continue
        for one in sorted(has - had):
            label = Label(f"多了{name.zh} {one}", f"one more {name.en}: {one}")
            yield place, label, _Way.WIDER
        for one in sorted(had - has):
            label = Label(f"少了{name.zh} {one}", f"one {name.en} fewer: {one}")
            yield place, label, _Way.NARROWER


def _types(schema: Schema) -> frozenset[str] | None:
    said = schema.get("type")
    if said is None:
        return None
    return frozenset(map(str, said if isinstance(said, list) else [said]))


def _enum(schema: Schema) -> frozenset[str] | None:
    """Give the values; a constant is a list of one."""
    if "const" in schema:
        return frozenset({repr(schema["const"])})
    said = schema.get("enum")
    return None if said is None else frozenset(map(repr, _list(said)))


def _bounds(before: Schema, after: Schema, place: str) -> _Found:
    """Compare numbers that something may not exceed or fall below."""
    for name in sorted(_LEAST | _MOST):
        had, has = before.get(name), after.get(name)
        if had == has:
            continue
        none = float("-inf") if name in _LEAST else float("inf")
        grew = _number(has, none) > _number(had, none)
        way = _Way.WIDER if grew is (name in _MOST) else _Way.NARROWER
        label = Label(f"{name} 由 {had} 改为 {has}", f"{name} was {had}, is {has}")
        yield place, label, way


def _number(value: object, none: float) -> float:
    return float(value) if isinstance(value, int | float) else none


def _marks(before: Schema, after: Schema, place: str) -> _Found:
    """Compare what is there or not, and what can only be the same."""
    for name in sorted(_FLAGS | _LIMITS | _MEANING):
        none = False if name in _FLAGS else None
        had, has = before.get(name, none), after.get(name, none)
        if had == has:
            continue
        way = _Way.OTHER
        if name not in _MEANING and had == none:
            way = _Way.NARROWER
        if name not in _MEANING and has == none:
            way = _Way.WIDER
        yield place, Label(f"{name} 改了", f"{name} is another"), way


def _required(before: Schema, after: Schema, place: str) -> _Found:
    had = frozenset(map(str, _list(before.get("required"))))
    has = frozenset(map(str, _list(after.get("required"))))
    for name in sorted(has - had):
        yield (
            _under(place, name),
            Label("改为必有", "is always there now"),
            _Way.NARROWER,
        )
    for name in sorted(had - has):
        yield _under(place, name), Label("不再必有", "may be missing now"), _Way.WIDER


def _alternatives(before: Schema, after: Schema, place: str) -> _Found:
    """Compare ``anyOf``, each alternative as a whole: one more lets more through."""
    had, has = (_any_of(one) for one in (before, after))
    if had is None or has is None:
        if had is not has:
            way = _Way.NARROWER if had is None else _Way.WIDER
            yield place, Label("anyOf 有无改变", "anyOf came or went"), way
        return
    for one in sorted(has - had):
        label = Label(f"anyOf 多了 {one}", f"one more of anyOf: {one}")
        yield place, label, _Way.WIDER
    for one in sorted(had - has):
        label = Label(f"anyOf 少了 {one}", f"one fewer of anyOf: {one}")
        yield place, label, _Way.NARROWER


def _any_of(schema: Schema) -> frozenset[str] | None:
    if "anyOf" not in schema:
        return None
    return frozenset(json.dumps(one, sort_keys=True) for one in _list(schema["anyOf"]))


def _accepted(before: Schema, after: Schema, place: str) -> _Found:
    """Compare what a row must have to be accepted, one demand at a time.

    A rule that is gone is wider: rows go without what an old receiver demands.
    """
    had, has = (tuple(demands(one.get("x-acceptance", ()))) for one in (before, after))
    yield from _unmet(had, has, place, _Way.WIDER)
    yield from _unmet(has, had, place, _Way.NARROWER)


def _unmet(
    wanted: tuple[Demand, ...], given: tuple[Demand, ...], place: str, way: _Way
) -> _Found:
    """Name demands of *wanted* that nothing *given* makes sure of."""
    for one in wanted:
        if not any(other.covers(one) for other in given):
            gone = way is _Way.WIDER
            said = Label(
                f"{'不再要求' if gone else '另要求'} {one.text}",
                f"{'no longer demands' if gone else 'demands as well'} {one.text}",
            )
            yield _under(place, "x-acceptance"), said, way


def _properties(before: Schema, after: Schema, place: str, side: Side) -> _Found:
    had, has = _schemas(before, "properties"), _schemas(after, "properties")
    was, now = _open(before, place), _open(after, place)
    for name in sorted(has.keys() - had.keys()):
        # We bear whatever we have come to know; others, what they were told to ignore.
        borne = was or side is Side.RECEIVED
        weight = Weight.ADDITIVE if borne else Weight.BREAKING
        yield _under(place, name), Label("新增", "is new"), weight
    for name in sorted(had.keys() - has.keys()):
        yield _under(place, name), Label("去掉了", "is gone"), Weight.BREAKING
    if was is not now:
        zh = "可以有未列出的属性" if now else "不再有未列出的属性"
        en = "others than listed may come" if now else "no others than listed come"
        yield place, Label(zh, en), _Way.WIDER if now else _Way.NARROWER
    for name in sorted(had.keys() & has.keys()):
        yield from _compare(had[name], has[name], _under(place, name), side)


def _open(schema: Schema, place: str) -> bool:
    said = schema.get("additionalProperties", True)
    if not isinstance(said, bool):
        raise SchemasError(
            f"{place or '.'}：additionalProperties 只认 true、false",
            f"{place or '.'}: additionalProperties is true or false",
        )
    return said


def _inside(before: Schema, after: Schema, place: str, side: Side) -> _Found:
    """Compare items, and what is signed inside a text."""
    for name, mark in (("items", "[]"), ("x-payload", "/x-payload")):
        had, has = before.get(name), after.get(name)
        if isinstance(had, Mapping) and isinstance(has, Mapping):
            yield from _compare(had, has, f"{place}{mark}", side)
        elif had != has:
            way = _Way.NARROWER if had is None else _Way.WIDER
            yield place, Label(f"{name} 有无改变", f"{name} came or went"), way
    ones, others = _list(before.get("prefixItems")), _list(after.get("prefixItems"))
    if len(ones) != len(others):
        label = Label("各项的个数改了", "there are more or fewer items")
        yield place, label, _Way.OTHER
        return
    for number, (one, other) in enumerate(zip(ones, others, strict=True)):
        at = f"{place}[{number}]"
        yield from _compare(cast("Schema", one), cast("Schema", other), at, side)


def _schemas(schema: Schema, name: str) -> Mapping[str, Schema]:
    return cast("Mapping[str, Schema]", schema.get(name, {}))


def _under(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
