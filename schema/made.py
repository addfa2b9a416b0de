"""Making strawberry's types from labelled lists of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry

from zhitong.schema import objects
from zhitong.types import Label


def made_type(
    name: str,
    label: Label,
    fields: Mapping[str, tuple[str, Label]],
    resolved: Mapping[str, Any] | None = None,
) -> type:
    """Make a type; its annotations name what `zhitong.schema.objects` has."""
    body: dict[str, Any] = {
        "__annotations__": {field: kind for field, (kind, _) in fields.items()},
        "__module__": objects.__name__,
    }
    for field, (_, said) in fields.items():
        body[field] = strawberry.field(description=str(said))
    made = type(name, (), body | dict(resolved or {}))
    return strawberry.type(made, description=str(label))
