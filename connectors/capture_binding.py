"""What a binding says of captured decisions, spelt out as a type of its own.

The type is read by nobody but the capture: its rows are the department's decisions, its
fields those of Decision, and four more say what the capture needs of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from zhitong.connectors.binding import (
    Binding,
    CaptureMap,
    FieldMap,
    Marked,
    TypeMap,
    field_map,
)
from zhitong.types import EntityType, Field, Kind, Label

DECISION = "Decision"
WHEN, VOID, VERSION, DAY = "~when", "~void", "~version", "~day"
"""Columns the capture needs as they are written there."""
OURS = frozenset(
    {
        *("decisionId", "version", "change", "changeReason", "changeBasis"),
        *("contentHash", "origin", "recordedBy", "recordedByName", "recordedByPerson"),
        *("recordedAt", "changedAt", "caseSource"),
    }
)
"""Fields of Decision that the ledger fills."""
NEEDED = (
    *("actType", "subjectCode", "documentNo", "decidedOn"),
    *("counterpartyKind", "counterpartyName"),
)
CLOCKS: Mapping[str, str] = {
    "epoch-s": "1",
    "epoch-ms": "1000",
    "yyyy-mm-dd hh:mm:ss": "YYYY-MM-DD HH24:MI:SS",
    "yyyymmddhhmmss": "YYYYMMDDHH24MISS",
}
"""How a clock may be written that is no timestamp."""

Fault = tuple[str, Label]


def captured_entity(entities: Mapping[str, EntityType]) -> EntityType:
    """Give the type of captured rows."""
    decision = entities[DECISION]
    own = {
        name: Field(name, Kind.TEXT, Label(name, name))
        for name in (WHEN, VOID, VERSION, DAY)
    }
    stated = {
        name: field for name, field in decision.fields.items() if name not in OURS
    }
    return replace(decision, fields=stated | own)


def captured_map(binding: Binding, said: CaptureMap) -> TypeMap | None:
    """Spell out table, key, joins and fields; None: nothing says where they lie."""
    like = binding.types.get(said.like or "")
    table = said.table or (like.table if like else None)
    key = said.key or (like.key if like else None)
    if table is None or key is None:
        return None
    fields: dict[str, FieldMap | str] = dict(like.fields) if like else {}
    return TypeMap(
        table=table,
        key=key,
        # Asked of the rows themselves: what a view's owner vouches for is not enough.
        vouched=False,
        joins=(dict(like.joins) if like else {}) | said.joins,
        fields=fields | said.fields,
    )


def captured_binding(binding: Binding, entities: Mapping[str, EntityType]) -> Binding:
    """Give the binding of the captured rows alone, for a source of their own.

    Raises `KeyError` where *binding* declares no capture.
    """
    said = binding.capture
    whole = captured_map(binding, said) if said else None
    if said is None or whole is None:
        raise KeyError(binding.name)
    known = captured_entity(entities).fields
    fields: dict[str, FieldMap | str] = {
        name: entry for name, entry in whole.fields.items() if name in known
    }
    for name, column in _columns(said):
        fields[name] = FieldMap(column=column)
    day = field_map(fields["decidedOn"]).column if "decidedOn" in fields else None
    if day is not None:
        fields[DAY] = FieldMap(column=day)
    return msgspec.structs.replace(
        binding,
        types={DECISION: msgspec.structs.replace(whole, fields=fields)},
        timeout=said.timeout,
    )


def _columns(said: CaptureMap) -> Iterator[tuple[str, str]]:
    marks: Mapping[str, Marked | None] = {WHEN: said.when, VOID: said.void}
    for name, mark in marks.items():
        if mark is not None:
            yield name, mark.column
    if said.version is not None:
        yield VERSION, said.version.column


def capture_faults(
    binding: Binding, entities: Mapping[str, EntityType]
) -> Iterator[Fault]:
    """Name what is wrong in a declaration, but for its fields' own mistakes."""
    said = binding.capture
    if said is None:
        return
    if said.like is not None and said.like not in binding.types:
        yield (
            "capture.like",
            Label(
                f"没有类型 {said.like}，可用的有 {'、'.join(binding.types)}",
                f"there is no type {said.like}; there are {', '.join(binding.types)}",
            ),
        )
        return
    whole = captured_map(binding, said)
    if whole is None:
        yield (
            "capture",
            Label(
                "须写 like（照哪个类型），或者写明 table 和 key",
                "needs like, a type whose rows they are, or table and key",
            ),
        )
        return
    lacking = [name for name in NEEDED if name not in whole.fields]
    if lacking:
        yield (
            "capture.fields",
            Label(
                f"缺少 {'、'.join(lacking)}，没有就无法登记决定",
                f"lacks {', '.join(lacking)}: no decision is registered without",
            ),
        )
    known = captured_entity(entities).fields
    for name in said.fields:
        if name not in known or name in {WHEN, VOID, VERSION, DAY}:
            yield (
                f"capture.fields.{name}",
                Label(
                    "不是部门写明的决定字段",
                    "is no field of a decision that a department states",
                ),
            )
    version = said.version
    if version and version.format is not None and version.format not in CLOCKS:
        yield (
            "capture.version.format",
            Label(
                f"{version.format} 不可用，可用的有 {'、'.join(CLOCKS)}",
                f"{version.format} cannot be used; known are {', '.join(CLOCKS)}",
            ),
        )
