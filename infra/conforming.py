"""``zhitong conform``: a kit that partners run on their rows, before anything is sent.

It needs no state folder and no server: the forms, their tables and a file.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.streams import examples
from zhitong.streams.conformance import OURS, Judged, cell, cells, judge
from zhitong.streams.form import Form
from zhitong.streams.forms import FORMS, form
from zhitong.streams.schemas import Fault, tables
from zhitong.types import Label

LARGEST = 256 * 1024 * 1024
"""Bytes of a file: it is read whole, and a sample of rows is what a kit is for."""
SHOWN = 200
"""Rows whose faults are printed; the rest are counted."""
_ENCODINGS = ("utf-8-sig", "gb18030")
"""As files come out of systems and out of spreadsheets here."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("format", nargs="?", help="格式 as credit@2018")
    parser.add_argument(
        "file", nargs="?", type=Path, help="JSON 行、CSV 或事件 JSON lines, CSV, events"
    )
    parser.add_argument(
        "--table", default="", help="哪张表 which table the rows are of"
    )
    parser.add_argument(
        "--sample", action="store_true", help="打印样例 print a sample file"
    )


def run(settings: Settings, given: argparse.Namespace) -> bool:
    """Judge a file, print a sample, or say which forms there are."""
    if given.format is None:
        say(*_listed())
        return True
    known = form(given.format)
    if given.table and given.table not in known.tables:
        names = ", ".join(known.tables)
        raise SettingsError(
            f"格式 {known.key} 没有表 {given.table}，有：{names}",
            f"the format {known.key} has no table {given.table}, but {names}",
        )
    if given.sample:
        sys.stdout.write(sample(settings, known, given.table))
        return True
    if given.file is None:
        raise SettingsError(
            "请写明要核对的文件，或用 --sample 打印样例",
            "name the file to be judged, or print a sample with --sample",
        )
    say(*heading(known))
    return _report(_judged(known, given.file, given.table))


def heading(known: Form) -> Iterator[str]:
    """Say what the judgement rests on, and how sure we are of it."""
    yield f"格式 Format {known.key}: {known.title.zh} {known.title.en}"
    if known.reading is not None:
        yield f"  以下是我们对{known.reading.zh}的理解，对方的规定为准"
        yield f"  This is our reading of {known.reading.en}; the receiver's word counts"
    yield f"  依据 source: {known.source}"
    yield f"  把握 confidence: {known.confidence}"


def sample(settings: Settings, known: Form, table: str = "") -> str:
    """Give events of all tables, a line each; of one *table*, a CSV file."""
    config = receivers_of(settings)
    names = [table] if table else sorted(known.tables)
    made = [examples.sample(known, tables()[name], config) for name in names]
    if not table:
        return "".join(examples.value(each).decode() + "\n" for each in made)
    row: dict[str, Any] = made[0]["data"]["row"]
    written = io.StringIO()
    columns = [column for column in tables()[table].columns if column in row]
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(columns)
    lines.writerow([cell(row[column]) for column in columns])
    return written.getvalue()


def _listed() -> Iterator[str]:
    for known in FORMS.values():
        yield f"{known.key:<18} {known.title.zh} {known.title.en}"
        yield f"    {known.confidence}  {', '.join(sorted(known.tables))}"


def _report(judged: Iterator[tuple[int, Judged]]) -> bool:
    good = bad = 0
    for line, one in judged:
        good, bad = good + one.accepted, bad + (not one.accepted)
        if one.accepted or bad > SHOWN:
            continue
        for fault in one.faults:
            say(f"第 {line} 行 line {line}  {one.table}  {fault.column}".rstrip())
            say(f"  {fault.label.zh}", f"  {fault.label.en}", f"  [{fault.source}]")
    if bad > SHOWN:
        say(f"另有 {bad - SHOWN} 行不接受，未列出 more rows, not shown")
    say(f"接受 accepted: {good:,}；不接受 not accepted: {bad:,}")
    if not good + bad:
        say("文件中没有一行，什么也没有证明 The file has no row: nothing is shown")
    return good > 0 and not bad


def _judged(known: Form, path: Path, table: str) -> Iterator[tuple[int, Judged]]:
    text = _text(path)
    if path.suffix.lower() == ".csv":
        yield from _csv(known, text, table)
        return
    whole = _json(text)
    if isinstance(whole, list):
        yield from ((n, judge(known, one, table)) for n, one in enumerate(whole, 1))
        return
    if isinstance(whole, dict):
        yield 1, judge(known, whole, table)
        return
    # str.splitlines would end lines at characters that JSON has inside its texts.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            said = _json(line)
            broken = _broken("不是 JSON", "it is no JSON")
            yield number, broken if said is None else judge(known, said, table)


def _csv(known: Form, text: str, table: str) -> Iterator[tuple[int, Judged]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip() for name in next(lines, [])]
        if not columns:
            return
        if len(set(columns)) < len(columns):
            yield 1, _broken("列名重复", "a column's name stands there twice")
            return
        head = judge(known, dict.fromkeys(columns, ""), table)
        for row in lines:
            if not any(row):
                continue
            if len(row) != len(columns):
                yield (
                    lines.line_num,
                    _broken("格数与列名数不同", "it has not as many cells as columns"),
                )
                continue
            if not head.table:
                yield lines.line_num, head
                continue
            named = dict(zip(columns, row, strict=True))
            yield (
                lines.line_num,
                judge(known, cells(tables()[head.table], named), head.table),
            )
    except csv.Error:
        yield lines.line_num, _broken("不是 CSV", "it is no CSV")


def _broken(zh: str, en: str) -> Judged:
    return Judged("", (Fault(Label(zh, en), OURS),))


def _json(text: str) -> object:
    """Read *text*; None where it is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise SettingsError(
                f"{path} 超过 {LARGEST >> 20} MB：核对一部分即可",
                f"{path} has more than {LARGEST >> 20} MB: a part of it will do",
            )
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"读不了文件 {path}：{error}", f"cannot read the file {path}: {error}"
        ) from error
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SettingsError(
        f"{path} 既不是 UTF-8 也不是 GB 18030 的文字",
        f"{path} is neither UTF-8 nor GB 18030",
    )
