"""Putting an answer together, as the specification completes values.

Slow and right: the reference that generated code has to equal, and what is taken where
anything is out of the ordinary. A value that does not fit its type, or an error, makes
its field null; where it may not be, what stands above it is nulled, and what else went
wrong below that is told no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from zhitong.resolvers.nodes import NodeId
from zhitong.resolvers.outcome import Fault, Outcome, misfit
from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Grouped,
    Identity,
    Leaf,
    Part,
    SourceName,
    TypeName,
)

Path = tuple[str | int, ...]
Values = dict[int, Mapping[int, object]]
"""What the steps have found: by `Part.tag`, then by the identity of the object that it
was found for; exceptions stand where nothing could be."""
LARGEST = 2**31 - 1
SMALLEST = -(2**31)


class _Nulled(Exception):  # noqa: N818 - no error of its own: one on its way up
    """A fault on its way to the nearest place that may be null."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Assembling:
    """One answer on its way: what was found, and what went wrong so far."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._faults: list[Fault] = []

    def outcome(self, root: Iterable[Part]) -> Outcome:
        """Put the whole answer together."""
        try:
            data = self._object(root, None, ())
        except _Nulled as nulled:
            return Outcome(None, (nulled.fault,))
        return Outcome(data, tuple(self._faults))

    def _object(self, parts: Iterable[Part], owner: object, path: Path) -> object:
        return {part.key: self._field(part, owner, (*path, part.key)) for part in parts}

    def _field(self, part: Part, owner: object, path: Path) -> object:
        so_far = len(self._faults)
        try:
            return self._complete(part, self.value(part, owner), path, 0)
        except Exception as error:  # noqa: BLE001 - each is told at its field
            return self._null(part, error, path, 0, so_far)

    def _item(self, part: Part, value: object, path: Path, depth: int) -> object:
        so_far = len(self._faults)
        try:
            return self._complete(part, value, path, depth)
        except Exception as error:  # noqa: BLE001 - as above
            return self._null(part, error, path, depth, so_far)

    def _null(
        self, part: Part, error: Exception, path: Path, depth: int, so_far: int
    ) -> object:
        """Note *error* where null may stand; hand it up where it may not."""
        fault = (
            error.fault if isinstance(error, _Nulled) else Fault(error, path, part.tag)
        )
        if not _may_be_null(part, depth):
            raise _Nulled(fault) from None
        del self._faults[so_far:]
        self._faults.append(fault)
        return None

    def value(self, part: Part, owner: Any) -> object:  # noqa: ANN401 - rows, pages, groups
        """Give what *part* is of *owner*: found by a step, or at hand."""
        match part.role:
            case Column():
                return owner.values[part.name]
            case Identity():
                return str(NodeId(owner.type, owner.source, owner.key))
            case SourceName():
                return owner.source
            case TypeName():
                return part.owner
            case Grouped(grouping):
                return owner[grouping]
            case Attribute(name):
                return getattr(owner, name)
            case _:
                return self._values[part.tag][id(owner)]

    def _complete(self, part: Part, value: Any, path: Path, depth: int) -> object:  # noqa: ANN401 - as above
        """Complete *value*, that stands inside *depth* lists."""
        if isinstance(value, Exception):
            raise value
        if value is None:
            if _may_be_null(part, depth):
                return None
            message = f"Cannot return null for non-nullable field {_named(part)}."
            raise TypeError(message)
        if depth < len(part.items):
            if isinstance(value, str | bytes) or not isinstance(value, Iterable):
                raise misfit()
            return [
                self._item(part, item, (*path, place), depth + 1)
                for place, item in enumerate(value)
            ]
        if part.leaf is not None:
            return leaf(part, value)
        if len(part.below) == 1:
            (parts,) = part.below.values()
        else:
            parts = part.below[value.type]
        return self._object(parts, value, path)


def _may_be_null(part: Part, depth: int) -> bool:
    return part.items[depth - 1] if depth else part.nullable


def _named(part: Part) -> str:
    return f"{part.owner}.{part.name}"


def leaf(part: Part, value: object) -> object:
    """Complete a leaf's value; raise where it does not fit."""
    match part.leaf:
        case Leaf.TEXT:
            return _text(value)
        case Leaf.CODE:
            if not isinstance(value, str) or value not in part.codes:
                raise misfit()
            return value
        case Leaf.INTEGER:
            return _integer(value)
        case _:
            if not isinstance(value, int | float):
                raise misfit()
            return bool(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if type(value).__module__ == "builtins":
        raise misfit()
    return str(value)


def _integer(value: object) -> int:
    """Give a number of 32 bits, as sources may write it."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise misfit() from None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or not SMALLEST <= value <= LARGEST:
        raise misfit()
    return int(value)
