"""What is published of our events, release by release, and frozen.

``published/<release>/`` holds the documents as they were given out: for each table and
version the JSON Schema that readers go by (``credit.cf_fr.1.json``), and the AsyncAPI
document of all (``asyncapi.json``). A release has what is new or changed, no more.
``published/digests.txt`` has each file's SHA-256, as ``sha256sum -c`` reads it. A
file of a release is never changed again: somebody's consumer was built on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from zhitong.exceptions import SchemasError
from zhitong.rules.schema_changes import Difference, Weight, differences
from zhitong.rules.stream_changes import stream_differences
from zhitong.streams.asyncapi import asyncapi
from zhitong.streams.receivers import Receivers
from zhitong.streams.schemas import versions
from zhitong.types import Label

FOLDER = Path(__file__).parent / "published"
DIGESTS = "digests.txt"
STREAMS = "asyncapi"
"""The name of the document of all events; others are named by format and table."""

Documents = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Release:
    """The documents that were given out together."""

    number: int
    documents: Documents
    """By name: those that were new or changed."""


def current(config: Receivers) -> Documents:
    """Write the documents as they are today, each under its name."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    found = {
        name: orjson.dumps(table.for_readers, option=option)
        for name, table in versions().items()
    }
    return found | {STREAMS: asyncapi(config).encode()}


def releases(folder: Path = FOLDER) -> Sequence[Release]:
    """Give the releases in their order; raise `SchemasError` where one was touched."""
    named = _digests(folder)
    there = {
        str(path.relative_to(folder).as_posix()): path
        for path in sorted(folder.glob("*/*.json"))
    }
    wrong = sorted(there.keys() ^ named.keys())
    wrong += [
        name
        for name in sorted(there.keys() & named.keys())
        if hashlib.sha256(there[name].read_bytes()).hexdigest() != named[name]
    ]
    if wrong:
        raise SchemasError(
            f"已发布的文件被改动、增加或删除：{'、'.join(wrong)}。请恢复原样；"
            "新的内容以 zhitong schemas release 另行发布",
            f"published files were changed, added or removed: {', '.join(wrong)}. "
            "Put them back; what is new is given out by `zhitong schemas release`",
        )
    numbers = sorted({int(name.partition("/")[0]) for name in there})
    return [Release(one, _documents(folder / str(one))) for one in numbers]


def _digests(folder: Path) -> dict[str, str]:
    path = folder / DIGESTS
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    pairs = (line.split("  ", 1) for line in lines if not line.startswith("#"))
    return {name: digest for digest, name in pairs}


def _documents(folder: Path) -> Documents:
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def newest(given: Sequence[Release]) -> Documents:
    """Give each document as it was released last."""
    found: dict[str, bytes] = {}
    for one in given:
        found |= one.documents
    return dict(sorted(found.items()))


def compared(before: Documents, after: Documents) -> Mapping[str, Sequence[Difference]]:
    """Say of each document of *before* what changed; those alike are left out.

    One that is gone is breaking: what was sent by it may be sent again.
    """
    found: dict[str, Sequence[Difference]] = {}
    for name, text in before.items():
        if name not in after:
            gone = Label("不再有这份文档", "the document is gone")
            found[name] = [Difference(".", gone, Weight.BREAKING)]
        elif text != after[name] and (told := _compared(name, text, after[name])):
            found[name] = told
    return found


def _compared(name: str, before: bytes, after: bytes) -> Sequence[Difference]:
    old, new = _read(name, before), _read(name, after)
    either = "asyncapi" in old or "asyncapi" in new
    return stream_differences(old, new) if either else differences(old, new)


def _read(name: str, text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise SchemasError(
            f"{name} 不是 JSON 文档", f"{name} is no JSON document"
        ) from None
    return said


def release(config: Receivers, day: date, folder: Path = FOLDER) -> Sequence[str]:
    """Give out what is new or changed; name it. Raise where a reader would break."""
    given, now = releases(folder), current(config)
    before = newest(given)
    told = compared(before, now)
    if broken := breaking(told):
        raise SchemasError(
            f"有读者承受不了的改动，不能发布：{'；'.join(broken)}",
            f"readers would not bear it, nothing is released: {'; '.join(broken)}",
        )
    _refuse_same_version(told.get(STREAMS, ()), before, now)
    changed = {name: text for name, text in now.items() if before.get(name) != text}
    if changed:
        _write(folder, len(given) + 1, changed, day)
    return list(changed)


def breaking(told: Mapping[str, Sequence[Difference]]) -> Sequence[str]:
    """Name each change that breaks readers, after its document."""
    return [
        f"{name} {one.place} {one.what.zh} {one.what.en}"
        for name, found in told.items()
        for one in found
        if one.weight is Weight.BREAKING
    ]


def _refuse_same_version(
    told: Sequence[Difference], before: Documents, now: Documents
) -> None:
    """Refuse an AsyncAPI document that says more under the version it had."""
    if all(one.weight is Weight.WORDS for one in told):
        return
    both = (_read(STREAMS, one[STREAMS]) for one in (before, now))
    old, new = (one["info"]["version"] for one in both)
    if [*map(int, new.split("."))] <= [*map(int, old.split("."))]:
        raise SchemasError(
            f"事件文档有增加，版本仍是 {new}：请提高 streams/asyncapi.py 的 VERSION",
            f"the document of events says more and is still version {new}: raise "
            "VERSION in streams/asyncapi.py",
        )


def _write(folder: Path, number: int, documents: Documents, day: date) -> None:
    own = folder / str(number)
    own.mkdir(parents=True)
    lines = [f"# {number} {day.isoformat()}"]
    for name, text in documents.items():
        (own / f"{name}.json").write_bytes(text)
        lines.append(f"{hashlib.sha256(text).hexdigest()}  {number}/{name}.json")
    path = folder / DIGESTS
    had = path.read_text("utf-8") if path.is_file() else ""
    path.write_text(had + "\n".join(lines) + "\n", encoding="utf-8")
