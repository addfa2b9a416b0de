"""The receivers' tables: a JSON Schema each, and what a receiver accepts.

``schemas/<format>.<table>.<version>.json`` says the structure of a row; all we send
is of it, whatever the decision lacks. Beside it stands what a row must have to be
accepted, which JSON Schema leaves alone:

* ``x-longest``: the receiver's width, in characters, of what must not be cut;
* ``x-credit-code``: a unified social credit code by GB 32100, or 17 zeros and X;
* ``x-acceptance``: rules, each with its words and source. Where all of ``when`` holds,
  ``require`` names columns that are due, ``only`` what then must hold as well, and
  ``order`` two times of which the second is not before the first;
* ``x-withdrawn``: where this holds the row is withdrawn. Then what identifies the
  decision, what is due always, is all that is looked at: a withdrawal that is
  rejected leaves in public what was withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

import orjson
from jsonschema import Draft202012Validator, ValidationError

from zhitong.rules.identifiers import CREDIT_PLACEHOLDER, credit_code_fault
from zhitong.types import Label

SEPARATORS = "[、，,;；|]"
"""What may stand between the words of a joined text."""

SEALED = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){4}$"
"""What a column of sealed ID numbers takes: a compact JWE."""

EVERYBODYS = "event"
"""Stands for a format in documents of what every receiver has, whatever its form."""

Row = Mapping[str, object]
Rule = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is not accepted; without a word of its content."""

    label: Label
    source: str
    column: str = ""
    """Where it is; empty: of the row as a whole."""

    def __str__(self) -> str:
        return f"{self.label.zh} / {self.label.en}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column's JSON Schema says, read once: rows are written by the thousand."""

    longest: int | None
    """Characters by ``maxLength``, items by ``maxItems``."""
    width: int | None
    """The receiver's, of what is never cut."""
    credit_code: bool
    words: frozenset[str] | None
    pattern: re.Pattern[str] | None
    item: Column | None
    """Of a list."""

    @property
    def free(self) -> bool:
        """Say whether people's own words stand here, and no number, code or date."""
        return self.width is None and self.words is None and self.pattern is None

    def has(self, text: str) -> bool:
        """Say what a validator of JSON Schema says of a text."""
        return (
            text != ""
            and (self.longest is None or len(text) <= self.longest)
            and (self.words is None or text in self.words)
            and (self.pattern is None or self.pattern.search(text) is not None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a receiver's format, in one version."""

    format: str
    name: str
    version: int
    document: Mapping[str, object]
    validator: Draft202012Validator
    columns: Mapping[str, Mapping[str, object]]
    """As in the document."""
    shapes: Mapping[str, Column]
    marks: tuple[tuple[str, Column], ...]
    """Columns with a width or a code to check, apart from their structure."""
    rules: tuple[Rule, ...]
    withdrawn: Rule
    """What holds for a row that says it is withdrawn."""
    identity: frozenset[str]
    """Columns that are due always."""

    @property
    def urn(self) -> str:
        """The schema's name, in the attribute ``dataschema``."""
        return str(self.document["$id"])

    @property
    def title(self) -> str:
        """Chinese, then English."""
        return str(self.document["title"])

    @property
    def sealed(self) -> frozenset[str]:
        """Name the columns of sealed ID numbers."""
        return frozenset(
            column
            for column, said in self.columns.items()
            if said.get("pattern") == SEALED
        )

    @property
    def for_readers(self) -> dict[str, object]:
        """The document as readers are to go by it: what it does not list is ignored.

        That no other column comes binds who writes; who reads must bear one more.
        """
        return {
            name: said
            for name, said in self.document.items()
            if name != "additionalProperties"
        }

    def known(self, row: Row) -> dict[str, object]:
        """Give the columns of *row* that the document lists; others are ignored."""
        return {column: row[column] for column in row if column in self.columns}

    def is_withdrawn(self, row: Row) -> bool:
        """Say whether *row* says that its decision is withdrawn."""
        return holds(self.withdrawn, row)

    def held(self, row: Row) -> dict[str, object]:
        """Give what the receiver's columns hold of *row*.

        Only a withdrawn row loses what is too wide and does not identify it.
        """
        if not self.is_withdrawn(row):
            return dict(row)
        wide = {
            column
            for column, shape in self.marks
            if shape.width is not None and len(str(row.get(column, ""))) > shape.width
        }
        gone = wide - self.identity
        return {column: value for column, value in row.items() if column not in gone}

    def errors(self, row: Row) -> Iterator[ValidationError]:
        """Say where *row* is not of the structure."""
        return self.validator.iter_errors(cast("Any", row))  # its values may be any


@cache
def tables() -> Mapping[str, Table]:
    """Give each table of a form in its newest version, by its name."""
    found: dict[str, Table] = {}
    for one in versions().values():
        if one.format == EVERYBODYS:
            continue
        if one.name not in found or found[one.name].version < one.version:
            found[one.name] = one
    return dict(sorted(found.items(), key=lambda item: (item[1].format, item[0])))


@cache
def versions() -> Mapping[str, Table]:
    """Give every version of every table, by its file's name without the ending.

    An old one stays: what was sent by it may be sent again.
    """
    found: dict[str, Table] = {}
    for file in files("zhitong.streams").joinpath("schemas").iterdir():
        kind, name, version, _ = file.name.split(".")
        stem = file.name.removesuffix(".json")
        found[stem] = _table(kind, name, int(version), file.read_bytes())
    return dict(sorted(found.items()))


def _table(kind: str, name: str, version: int, text: bytes) -> Table:
    document = orjson.loads(text)
    Draft202012Validator.check_schema(document)
    shapes = {column: _column(said) for column, said in document["properties"].items()}
    return Table(
        format=kind,
        name=name,
        version=version,
        document=document,
        validator=Draft202012Validator(document),
        columns=document["properties"],
        shapes=shapes,
        marks=tuple(
            (column, shape)
            for column, shape in shapes.items()
            if shape.width is not None or shape.credit_code
        ),
        rules=tuple(document["x-acceptance"]),
        withdrawn=document["x-withdrawn"],
        identity=frozenset(
            column
            for rule in document["x-acceptance"]
            if not rule["when"]
            for column in rule.get("require", ())
        ),
    )


def _column(said: Mapping[str, Any]) -> Column:
    return Column(
        longest=said.get("maxLength", said.get("maxItems")),
        width=said.get("x-longest"),
        credit_code=said.get("x-credit-code", False),
        words=frozenset(said["enum"]) if "enum" in said else None,
        pattern=re.compile(said["pattern"]) if "pattern" in said else None,
        item=_column(said["items"]) if "items" in said else None,
    )


def faults(table: str, row: Row) -> tuple[str, ...]:
    """Say why a receiver rejects *row*, in both languages; none: it accepts it."""
    if table not in tables():
        return (f"没有 {table} 这张表 / there is no table {table}",)
    known = tables()[table]
    broken = tuple(map(str, structure(known, row)))
    # Rules read values by their kind, which only a row of the structure has.
    return broken or tuple(map(str, shortfalls(known, row)))


def shortfalls(table: Table, row: Row) -> tuple[Fault, ...]:
    """Say which rules of acceptance *row*, which is of the structure, breaks."""
    found = [*_values(table, row)]
    for rule in table.rules:
        when = [part for part in _list(rule["when"]) if isinstance(part, dict)]
        if all(holds(condition, row) for condition in when):
            found += _broken(table, rule, row)
    return tuple(found)


def holds(condition: Rule, row: Row) -> bool:
    """Say whether a column is one of ``in``, or has one of the words of ``has``."""
    value = row.get(str(condition["column"]))
    if "in" in condition:
        return value in _list(condition["in"])
    parts = value if isinstance(value, list) else re.split(SEPARATORS, str(value))
    return any(word in parts for word in _list(condition["has"]))


def structure(table: Table, row: Row) -> Iterator[Fault]:
    """Say in which columns *row* is not of the structure, and by which keyword."""
    named: dict[str, str] = {}
    for error in table.errors(row):
        for column, what in _places(error, row):
            named.setdefault(column, what)
    for column, what in named.items():
        label = Label(f"{column}：不合结构（{what}）", f"{column}: not so ({what})")
        yield Fault(label, table.urn, column)


def _places(error: ValidationError, row: Row) -> Iterator[tuple[str, str]]:
    """Name columns and keywords; the library's own messages repeat values."""
    if error.absolute_path:
        yield str(error.absolute_path[0]), str(error.validator)
    elif error.validator == "required":
        missing = [name for name in _list(error.validator_value) if name not in row]
        yield from ((str(name), "required") for name in missing)
    else:
        yield "row", str(error.validator)


def _values(table: Table, row: Row) -> Iterator[Fault]:
    withdrawn = table.is_withdrawn(row)
    for column, shape in table.marks:
        if column not in row or (withdrawn and column not in table.identity):
            continue
        text, zh = str(row[column]), f"{column} {_zh(table.columns[column])}"
        if shape.width is not None and len(text) > shape.width:
            yield Fault(
                Label(
                    f"{zh}：至多 {shape.width} 字，现有 {len(text)} 字",
                    f"{column}: {shape.width} characters at most, it has {len(text)}",
                ),
                table.urn,
                column,
            )
        # The code's own faults name characters of it, so they are not repeated.
        if withdrawn or not shape.credit_code or text == CREDIT_PLACEHOLDER:
            continue
        if credit_code_fault(text):
            yield Fault(
                Label(
                    f"{zh}：不是有效的统一社会信用代码",
                    f"{column}: no valid unified social credit code",
                ),
                "GB 32100-2015",
                column,
            )


def _broken(table: Table, rule: Rule, row: Row) -> Iterator[Fault]:
    zh, en, source = str(rule["zh"]), str(rule["en"]), str(rule["source"])
    for column in map(str, _list(rule.get("require", ()))):
        if column not in row:
            named = f"{column} {_zh(table.columns[column])}"
            label = Label(f"缺少 {named}：{zh}", f"{column} is missing: {en}")
            yield Fault(label, source, column)
    only = rule.get("only")
    if isinstance(only, dict) and not holds(only, row):
        yield Fault(Label(zh, en), source, str(only["column"]))
    if "order" in rule:
        first, second = (str(row.get(str(c), "")) for c in _list(rule["order"]))
        # Days and moments begin alike: YYYY-MM-DD. What is missing has no order.
        if second and first > second[: len(first)]:
            yield Fault(Label(zh, en), source, str(_list(rule["order"])[1]))


def _zh(column: Mapping[str, object]) -> str:
    return str(column["title"]).partition(" ")[0]


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
