"""Reading binding files: every mistake named by file, line, field and finding.

The checks that need no database: form, names, kinds, code lists, units, cycles
among joins, secrecy. What the live tables say is `zhitong.connectors.drift`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import msgspec

from zhitong.connectors.binding import Binding, FieldMap, TypeMap, field_map
from zhitong.connectors.codecs import UNITS
from zhitong.connectors.date_codecs import FORMATS
from zhitong.exceptions import BindingError
from zhitong.rules.identifiers import credit_code_fault
from zhitong.types import EntityType, Field, Kind, Label

BASE = "base"
SECRECY = {
    "state-secret": Label("国家秘密", "a state secret"),
    "work-secret": Label("工作秘密", "a work secret"),
}

Fault = tuple[str, Label]
"""A dotted path in the file, and what is wrong there."""


def read_binding(path: Path, entities: Mapping[str, EntityType]) -> Binding:
    """Read and check one file; raise `BindingError` naming every mistake."""
    text = path.read_text(encoding="utf-8")
    try:
        binding = msgspec.toml.decode(text, type=Binding)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        where, what = _form_fault(error)
        raise _error(path, text, [(where, Label(f"格式有误:{what}", what))]) from error
    faults = list(_faults(binding, path, entities))
    if faults:
        raise _error(path, text, faults)
    return binding


def read_folder(
    folder: Path, entities: Mapping[str, EntityType]
) -> tuple[Mapping[str, Binding], list[BindingError]]:
    """Read every binding of *folder*; a wrong one leaves the others standing."""
    bindings: dict[str, Binding] = {}
    errors: list[BindingError] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            binding = read_binding(path, entities)
        except BindingError as error:
            errors.append(error)
        else:
            bindings[binding.name] = binding
    return bindings, errors


def _form_fault(error: Exception) -> tuple[str, str]:
    """Split msgspec's ``… - at `$.a.b` `` into a dotted path and the finding."""
    found = re.search(r"^(.*) - at `\$\.?(.*)`$", str(error))
    if found is None:
        return "", str(error)
    return re.sub(r"\[\.\.\.\]", "", found.group(2)).strip("."), found.group(1)


def _error(path: Path, text: str, faults: list[Fault]) -> BindingError:
    lines = text.splitlines()
    places = [
        (f"{path.name}:{_line(lines, where)}", where, label) for where, label in faults
    ]
    return BindingError(
        "；".join(f"{place} {where}：{label.zh}" for place, where, label in places),
        "; ".join(f"{place} {where}: {label.en}" for place, where, label in places),
    )


def _line(lines: list[str], where: str) -> int:
    """Find the line that defines *where*, or the nearest table above it."""
    table, best = "", 1
    for number, line in enumerate(lines, 1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            table = header.group(1).replace('"', "").strip()
            here = table
        else:
            assigned = re.match(r'\s*"?([^"=#\s]+)"?\s*=', line)
            if not assigned:
                continue
            here = f"{table}.{assigned.group(1)}".strip(".")
        if where == here:
            return number
        if where.startswith(f"{here}."):
            best = number
    return best


def _faults(
    binding: Binding, path: Path, entities: Mapping[str, EntityType]
) -> Iterator[Fault]:
    if binding.name != path.stem:
        yield (
            "name",
            Label(
                f"写的是 {binding.name},应与文件名 {path.stem} 相同",
                f"is {binding.name}, must equal the file's name {path.stem}",
            ),
        )
    owner = credit_code_fault(binding.owner)
    if owner is not None:
        yield "owner", owner
    for name, type_map in binding.types.items():
        if name not in entities:
            yield (
                f"types.{name}",
                Label(
                    f"没有这个类型，可用的有 {'、'.join(entities)}",
                    f"no such type; there are {', '.join(entities)}",
                ),
            )
            continue
        yield from _type_faults(binding, f"types.{name}", type_map, entities[name])


def _type_faults(
    binding: Binding, where: str, type_map: TypeMap, entity: EntityType
) -> Iterator[Fault]:
    yield from _join_faults(where, type_map)
    if entity.key not in type_map.fields:
        yield (
            f"{where}.fields",
            Label(
                f"缺少标识字段 {entity.key}", f"the key field {entity.key} is missing"
            ),
        )
    for name, entry in type_map.fields.items():
        at = f"{where}.fields.{name}"
        if name not in entity.fields:
            yield (
                at,
                Label(
                    f"{entity.name} 没有这个字段，可用的有 {'、'.join(entity.fields)}",
                    f"{entity.name} has no such field; it has "
                    f"{', '.join(entity.fields)}",
                ),
            )
            continue
        for finding in _field_faults(
            binding, type_map, entity.fields[name], field_map(entry)
        ):
            yield at, finding


def _join_faults(where: str, type_map: TypeMap) -> Iterator[Fault]:
    graph: dict[str, set[str]] = {}
    for alias, join in type_map.joins.items():
        graph[alias] = {_alias(reference) for reference in join.on.values()}
        for used in graph[alias] - {BASE, *type_map.joins}:
            yield (
                f"{where}.joins.{alias}",
                Label(f"没有别名 {used}", f"there is no alias {used}"),
            )
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = " → ".join(error.args[1])
        yield (
            f"{where}.joins.{error.args[1][0]}",
            Label(f"连接成环:{ring}", f"the joins form a cycle: {ring}"),
        )


def _alias(reference: str) -> str:
    return reference.rpartition(".")[0] or BASE


def _field_faults(
    binding: Binding, type_map: TypeMap, field: Field, entry: FieldMap
) -> Iterator[Label]:
    if entry.secrecy is not None:
        secret = SECRECY.get(entry.secrecy, Label(entry.secrecy, entry.secrecy))
        yield Label(
            f"标为{secret.zh}，不得接入平台，请从绑定中删除",
            f"is marked as {secret.en} and cannot be bound; remove it",
        )
    origins = [
        name
        for name, given in (("column", entry.column), ("value", entry.value))
        if given is not None
    ]
    if len(origins) != 1:
        yield Label(
            "column 与 value 必须且只能写一个", "exactly one of column and value"
        )
    if entry.column and _alias(entry.column) not in {BASE, *type_map.joins}:
        yield Label(
            f"没有别名 {_alias(entry.column)}",
            f"there is no alias {_alias(entry.column)}",
        )
    yield from _kind_faults(binding, field, entry)


def _kind_faults(binding: Binding, field: Field, entry: FieldMap) -> Iterator[Label]:
    listed = entry.table is not None or entry.split is not None
    if listed and field.kind is not Kind.TEXTS:
        yield Label(
            "split 和 table 只用于多值字段", "split and table are for lists of texts"
        )
    if (entry.table is None) != (entry.on is None):
        yield Label("table 与 on 必须同时写", "table and on go together")
    if field.kind is Kind.CODE:
        yield from _code_faults(binding, field, entry)
    elif entry.codes is not None:
        yield Label("codes 只用于代码字段", "codes is for fields of a code list")
    for option, given, kinds, known in (
        ("format", entry.format, {Kind.DATE, Kind.DATETIME}, FORMATS),
        ("unit", entry.unit, {Kind.MONEY}, UNITS),
    ):
        if given is not None and (field.kind not in kinds or given not in known):
            names = "、".join(known)
            yield Label(
                f"{option} = {given} 不可用，可用的有 {names}",
                f"{option} = {given} cannot be used here; known are {names}",
            )


def _code_faults(binding: Binding, field: Field, entry: FieldMap) -> Iterator[Label]:
    values = field.codes.values if field.codes else {}
    if entry.value is not None:
        given = {entry.value}
    elif entry.codes is None or entry.codes not in binding.codes:
        yield Label(
            f"需要 codes，写明用哪个代码表；现有 {'、'.join(binding.codes) or '无'}",
            "needs codes, the name of a code list; there are "
            f"{', '.join(binding.codes) or 'none'}",
        )
        return
    else:
        given = set(binding.codes[entry.codes].values())
    for wrong in sorted(given - set(values)):
        yield Label(
            f"{wrong} 不是 {field.name} 的值，可用的有 {'、'.join(values)}",
            f"{wrong} is no value of {field.name}; there are {', '.join(values)}",
        )
