"""Reading binding files: every mistake named by file, line, field and finding.

The checks that need no database: form, names, kinds, code lists, units, cycles
among joins, secrecy. What the live tables say is `zhitong.connectors.drift`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import msgspec

from zhitong.connectors.binding import Binding, FieldMap, Join, TypeMap, field_map
from zhitong.connectors.capture_binding import (
    capture_faults,
    captured_entity,
    captured_map,
)
from zhitong.connectors.codecs import UNITS
from zhitong.connectors.date_codecs import FORMATS
from zhitong.exceptions import BindingError
from zhitong.rules.identifiers import credit_code_fault
from zhitong.types import STRICTNESS, EntityType, Field, Kind, Label, Sharing

BASE = "base"
CANONICAL: Mapping[Kind, Callable[[str], object]] = {
    Kind.DATE: date.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.MONEY: Decimal,
    Kind.INTEGER: int,
}
"""How a constant is read, where it is not any text."""
WRITTEN: Mapping[Kind, tuple[str, ...]] = {
    Kind.DATE: tuple(FORMATS),
    Kind.DATETIME: tuple(name for name in FORMATS if name.startswith("epoch")),
}
SECRECY = {
    "state-secret": Label("国家秘密", "a state secret"),
    "work-secret": Label("工作秘密", "a work secret"),
}

Fault = tuple[str, Label]
"""A dotted path in the file, and what is wrong there."""


def read_binding(path: Path, entities: Mapping[str, EntityType]) -> Binding:
    """Read and check one file; raise `BindingError` naming every mistake."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # as Windows editors save it
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, str(error)) from error
    try:
        binding = msgspec.convert(raw, Binding)
    except msgspec.ValidationError as error:
        raise _error(path, text, _form_faults(raw, error)) from error
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


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> BindingError:
    what = error.strerror if isinstance(error, OSError) else error.reason
    return BindingError(
        f"{path.name}:1：读不了，须为 UTF-8 编码的文件（{what}）",
        f"{path.name}:1: cannot be read, must be a file in UTF-8 ({what})",
    )


def _syntax_error(path: Path, what: str) -> BindingError:
    found = re.search(r"at line (\d+)", what)
    place = f"{path.name}:{found.group(1) if found else 1}"
    return BindingError(f"{place}：不是 TOML：{what}", f"{place}: is no TOML: {what}")


def _form_faults(raw: Mapping[str, object], whole: Exception) -> list[Fault]:
    """Name every field and join whose form is wrong; *whole* where none is.

    The library names no key of a mapping, so each is tried by itself.
    """
    faults: list[Fault] = []
    for type_name, type_map in _items(raw, "types"):
        for part, form in (("fields", FieldMap | str), ("joins", Join)):
            for name, entry in _items(type_map, part):
                try:
                    msgspec.convert(entry, form)
                except msgspec.ValidationError as error:
                    faults.append(_fault(f"types.{type_name}.{part}.{name}", error))
        if not faults:
            try:
                msgspec.convert(type_map, TypeMap)
            except msgspec.ValidationError as error:
                faults.append(_fault(f"types.{type_name}", error))
    return faults or [_fault("", whole)]


def _items(raw: object, part: str) -> list[tuple[str, object]]:
    """List the entries of a table in a table, none where it is not one."""
    found = raw.get(part) if isinstance(raw, Mapping) else None
    return list(found.items()) if isinstance(found, Mapping) else []


def _fault(where: str, error: Exception) -> Fault:
    """Split msgspec's ``… - at `$.a.b` `` into a dotted path and the finding."""
    what, _, inside = str(error).partition(" - at `$")
    unknown = re.search(r"unknown field `(.+)`", what)
    steps = [where, inside.rstrip("`").strip("."), unknown.group(1) if unknown else ""]
    dotted = ".".join(step for step in steps if step)
    return re.sub(r"\[.*?\]", "", dotted), Label(f"格式有误：{what}", what)


def _error(path: Path, text: str, faults: list[Fault]) -> BindingError:
    lines = text.splitlines()
    places = [
        (f"{path.name}:{_line(lines, where)}", where, label) for where, label in faults
    ]
    return BindingError(
        "\n".join(f"{place} {where}：{label.zh}" for place, where, label in places),
        "\n".join(f"{place} {where}: {label.en}" for place, where, label in places),
    )


def locate(path: Path, where: str) -> str:
    """Name the file and the line that defines *where*, a dotted path in it."""
    return f"{path.name}:{_line(path.read_text('utf-8-sig').splitlines(), where)}"


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
                f"写的是 {binding.name}，应与文件名 {path.stem} 相同",
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
    yield from _capture_faults(binding, entities)


def _capture_faults(
    binding: Binding, entities: Mapping[str, EntityType]
) -> Iterator[Fault]:
    """Find what is wrong with captured decisions: their fields are like any others."""
    said = binding.capture
    faults = list(capture_faults(binding, entities))
    yield from faults
    type_map = captured_map(binding, said) if said else None
    if said is None or type_map is None or faults:
        return
    yield from _join_faults("capture", type_map)
    known = captured_entity(entities).fields
    for name, entry in type_map.fields.items():
        if name not in known or (name not in said.fields and said.like):
            continue  # of a type, whose own check says what is wrong with it
        for finding in _field_faults(binding, type_map, known[name], field_map(entry)):
            yield f"capture.fields.{name}", finding
    marks = {"when": said.when, "void": said.void, "version": said.version}
    for place, mark in marks.items():
        alias = _alias(mark.column) if mark else BASE
        if alias not in {BASE, *type_map.joins}:
            yield (
                f"capture.{place}",
                Label(f"没有别名 {alias}", f"there is no alias {alias}"),
            )


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
    yield from _withheld_faults(where, type_map, entity)


def _withheld_faults(
    where: str, type_map: TypeMap, entity: EntityType
) -> Iterator[Fault]:
    """Find where a column that is withheld would be given under another name.

    Keys stand in node ids, cursors and the access register. A code's column may have
    ID numbers as well: they are blurred there, whatever the field is shared as.
    """
    spelt = {
        name: field_map(entry)
        for name, entry in type_map.fields.items()
        if name in entity.fields
    }
    withheld = {
        _column(entry.column): name
        for name, entry in spelt.items()
        if entry.column and _sharing(entity.fields[name], entry) is Sharing.WITHHELD
    }
    if _column(type_map.key) in withheld:
        name = withheld[_column(type_map.key)]
        yield (
            f"{where}.key",
            Label(
                f"标识列就是不予共享的 {name}，会出现在 id、游标和调阅登记中；"
                "请另用一列作标识",
                f"the key is the column of {name}, which is withheld, and would stand "
                "in ids, cursors and the access register; use another column",
            ),
        )
    for name, entry in spelt.items():
        declared = entity.fields[name]
        same = withheld.get(_column(entry.column or ""))
        if same is None or (
            declared.kind is Kind.CREDIT_CODE
            and entity.fields[same].kind is not Kind.CREDIT_CODE
        ):
            continue
        if _sharing(declared, entry) is not Sharing.WITHHELD:
            yield (
                f"{where}.fields.{name}",
                Label(
                    f"与不予共享的 {same} 是同一列，请改正",
                    f"this is the column of {same}, which is withheld; correct it",
                ),
            )


def _sharing(declared: Field, entry: FieldMap) -> Sharing:
    return max(
        declared.sharing, entry.sharing or declared.sharing, key=STRICTNESS.index
    )


def _column(reference: str) -> str:
    return reference.removeprefix(f"{BASE}.")


def _join_faults(where: str, type_map: TypeMap) -> Iterator[Fault]:
    graph: dict[str, set[str]] = {}
    if BASE in type_map.joins:
        yield (
            f"{where}.joins.{BASE}",
            Label(
                f"{BASE} 指主表，请另取别名",
                f"{BASE} is the table of the type; take another alias",
            ),
        )
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
            Label(f"连接成环：{ring}", f"the joins form a cycle: {ring}"),
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
    if entry.sharing is not None or entry.sharing_basis is not None:
        yield from _sharing_faults(field, entry)
    origins = [
        name
        for name, given in (("column", entry.column), ("value", entry.value))
        if given is not None
    ]
    if len(origins) != 1:
        yield Label(
            "column 与 value 必须且只能写一个", "exactly one of column and value"
        )
    references = [entry.column or "", *(entry.on or {}).values()]
    for used in sorted({*map(_alias, references)} - {BASE, *type_map.joins}):
        yield Label(f"没有别名 {used}", f"there is no alias {used}")
    yield from _kind_faults(binding, field, entry)


def _sharing_faults(field: Field, entry: FieldMap) -> Iterator[Label]:
    if entry.sharing is None or not entry.sharing_basis:
        yield Label(
            "收紧共享须同时写明 sharing 和 sharing_basis（法律、行政法规或国务院决定）",
            "sharing and sharing_basis (the law, administrative regulation or State "
            "Council decision) go together",
        )
    elif STRICTNESS.index(entry.sharing) <= STRICTNESS.index(field.sharing):
        yield Label(
            f"绑定只能收紧共享：类型已为 {field.sharing}",
            f"a binding may only share less: the type says {field.sharing}",
        )


def _kind_faults(binding: Binding, field: Field, entry: FieldMap) -> Iterator[Label]:
    listed = entry.table is not None or entry.split is not None
    if listed and field.kind is not Kind.TEXTS:
        yield Label(
            "split 和 table 只用于多值字段", "split and table are for lists of texts"
        )
    if (entry.table is None) != (entry.on is None):
        yield Label("table 与 on 必须同时写", "table and on go together")
    yield from _constant_faults(field, entry)
    if field.kind is Kind.CODE:
        yield from _code_faults(binding, field, entry)
    elif entry.codes is not None:
        yield Label("codes 只用于代码字段", "codes is for fields of a code list")
    for option, given, known in (
        ("format", entry.format, WRITTEN.get(field.kind, ())),
        ("unit", entry.unit, UNITS if field.kind is Kind.MONEY else ()),
    ):
        if given is not None and given not in known:
            yield _unusable(option, given, tuple(known))


def _unusable(option: str, given: str, known: tuple[str, ...]) -> Label:
    if not known:
        return Label(f"{option} 不能用于这个字段", f"{option} is not for such a field")
    return Label(
        f"{option} = {given} 不可用，可用的有 {'、'.join(known)}",
        f"{option} = {given} cannot be used here; known are {', '.join(known)}",
    )


def _constant_faults(field: Field, entry: FieldMap) -> Iterator[Label]:
    check = CANONICAL.get(field.kind)
    if entry.value is None or check is None:
        return
    try:
        check(entry.value)
    except (ValueError, ArithmeticError):
        yield Label(
            f"{entry.value} 读不成 {field.kind}",
            f"{entry.value} cannot be read as {field.kind}",
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
