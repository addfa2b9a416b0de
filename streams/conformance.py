"""Whether a partner's rows are of a form: what is judged, fault by fault.

A row is judged by its table's JSON Schema and rules of acceptance, as a receiver's own
consumer does. Words of faults name columns and what is expected there, and never a
word of the content: a report may be passed on where the rows may not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from zhitong.exceptions import EventPoisonError
from zhitong.streams.annotations import read_annotation
from zhitong.streams.annotations import table as annotation_table
from zhitong.streams.cloud_events import parse
from zhitong.streams.form import Form
from zhitong.streams.notices import read_notice
from zhitong.streams.schemas import (
    SEALED,
    SEPARATORS,
    Fault,
    Row,
    Table,
    shortfalls,
    structure,
    tables,
)
from zhitong.types import Label

OURS = "CloudEvents 1.0；docs/streams.md"
_NAME = re.compile(r"\w{1,64}")
_YES = {"true": True, "是": True, "false": False, "否": False}


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of one row."""

    table: str
    """Empty where none could be told."""
    faults: tuple[Fault, ...]

    @property
    def accepted(self) -> bool:
        """Say whether the form takes it."""
        return not self.faults


def judge(form: Form, said: object, table: str = "") -> Judged:
    """Judge *said*: an event, ``{"table": …, "row": {…}}``, or a row of *table*."""
    if not isinstance(said, Mapping):
        return _no("应为一个 JSON 对象", "it must be a JSON object")
    if "specversion" in said:
        return _event(form, said)
    if said.keys() == {"table", "row"} and isinstance(said["row"], Mapping):
        return _row(form, str(said["table"]), said["row"])
    found = table or _table_of(form, said)
    if not found:
        names = ", ".join(form.tables)
        return _no(
            f"由列名不能确定是哪张表，请用 --table 指明：{names}",
            f"its columns do not tell which table it is of: say --table, of {names}",
        )
    return _row(form, found, said)


def cells(table: Table, row: Mapping[str, str]) -> dict[str, object]:
    """Read the cells of a CSV file as *table*'s columns have them; empty is none."""
    return {
        column: _cell(table.columns.get(column, {}), text.strip())
        for column, text in row.items()
        if text.strip()
    }


def cell(value: object) -> str:
    """Write *value* as a cell of a CSV file, for `cells` to read."""
    if isinstance(value, list):
        plain = all(isinstance(part, str) for part in value)
        return "、".join(value) if plain else orjson.dumps(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _event(form: Form, said: Mapping[str, object]) -> Judged:
    value = orjson.dumps(said)
    if read_notice(value) is not None:
        return Judged("", ())
    try:
        if annotation := read_annotation(value):
            known = annotation_table()
            faults = structure(known, annotation.data)
            return Judged("", tuple(_explained(known, one) for one in faults))
        event = parse(value)
    except EventPoisonError as error:
        return Judged("", (Fault(error.label, OURS),))
    judged = _row(form, event.table, event.row)
    table = tables().get(event.table)
    if table is None or event.table not in form.tables or event.schema == table.urn:
        return judged
    label = Label(
        f"dataschema 应为 {table.urn}", f"dataschema must be {table.urn} for its table"
    )
    return Judged(judged.table, (Fault(label, OURS, "dataschema"), *judged.faults))


def _row(form: Form, name: str, row: Row) -> Judged:
    if name not in form.tables:
        names = ", ".join(form.tables)
        return _no(
            f"格式 {form.key} 没有这张表，有：{names}",
            f"the format {form.key} has no such table, but {names}",
        )
    table = tables()[name]
    strange = sorted(set(map(str, row)) - table.columns.keys())
    found = [_strange(table, column) for column in strange]
    known = {column: value for column, value in row.items() if column in table.columns}
    broken = [_explained(table, fault) for fault in structure(table, known)]
    # Rules read values by their kind, which only a row of the structure has.
    return Judged(name, (*found, *(broken or shortfalls(table, known))))


def _strange(table: Table, column: str) -> Fault:
    # A heading is a partner's own text: what is no name is not repeated.
    shown = column if _NAME.fullmatch(column) else "?"
    label = Label(
        f"表 {table.name} 没有列 {shown}", f"{table.name} has no column {shown}"
    )
    return Fault(label, table.urn, shown)


def _explained(table: Table, fault: Fault) -> Fault:
    """Say what is expected in a column, not only that it is otherwise."""
    shape = table.columns.get(fault.column)
    if shape is None:
        return fault
    zh, en = _expected(shape)
    title = str(shape["title"]).partition(" ")[0]
    label = Label(
        f"{fault.column} {title}：{fault.label.zh.partition('：')[2]}，应为{zh}",
        f"{fault.label.en}: expected is {en}",
    )
    return Fault(label, fault.source, fault.column)


def _expected(shape: Mapping[str, Any]) -> tuple[str, str]:
    if shape.get("pattern") == SEALED:
        return "加密的证件号码（JWE）", "a sealed ID number (a JWE)"
    if "enum" in shape:
        words = "、".join(map(str, shape["enum"]))
        return f"下列之一：{words}", f"one of {words}"
    if "pattern" in shape:
        return f"形式 {shape['pattern']}", f"the pattern {shape['pattern']}"
    if shape["type"] == "array":
        zh, en = _expected(shape["items"])
        return f"列表，每项为{zh}，不重复", f"a list without doubles, each {en}"
    if shape["type"] == "string":
        longest = shape.get("maxLength")
        return f"1 至 {longest} 字的文字", f"a text of 1 to {longest} characters"
    kinds = {"integer": ("整数，至少为 1", "a whole number, at least 1")}
    kinds["boolean"] = ("true 或 false", "true or false")
    return kinds.get(shape["type"], (str(shape["type"]), str(shape["type"])))


def _table_of(form: Form, row: Row) -> str:
    """Tell the table by the columns; none where two would do as well."""
    counts = {
        name: len(row.keys() & tables()[name].columns.keys()) for name in form.tables
    }
    most = max(counts.values())
    best = [name for name, count in counts.items() if count == most]
    return best[0] if len(best) == 1 else ""


def _cell(shape: Mapping[str, Any], text: str) -> object:
    kind = shape.get("type")
    if kind == "integer":
        return int(text) if re.fullmatch("[0-9]{1,18}", text) else text
    if kind == "boolean":
        return _YES.get(text.lower(), text)
    if kind == "array":
        return [*_parts(shape, text)]
    return text


def _parts(shape: Mapping[str, Any], text: str) -> Iterator[object]:
    if shape["items"]["type"] == "string":
        yield from filter(None, (part.strip() for part in re.split(SEPARATORS, text)))
        return
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    yield from found if isinstance(found, list) else [text]


def _no(zh: str, en: str) -> Judged:
    return Judged("", (Fault(Label(zh, en), OURS),))
