"""What must hold of a row of the log by itself: it says what its body says.

The *leaf* of a row is the digest of its body; each column repeats what is in that.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

import orjson
from msgspec import Meta, Struct
from msgspec.json import Decoder

from zhitong.evidence import LeafKind, stamp
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.merkle import Digest
from zhitong.rules.noted_keys import Keys

Row: TypeAlias = Sequence[Any]
"""The columns of its `Table` in their order, then body and leaf."""
Place: TypeAlias = tuple[str, str]
"""Kind and id: what a leaf is of."""

FORM = 2
"""Of a decision's body: it has findings and origin, which form 1, without a number,
had not. A body that is sealed cannot become one of an older form."""
_MEMBERS = frozenset({"findings", "origin", "basis", "reason", "signature"})
"""That older forms had not, or not all of them."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_SENT = struct.Struct(">q")
_STAMP = len("2026-01-01T00:00:00.000000Z")


def micros(text: str) -> int:
    """Give a moment as PostgreSQL keeps it: microseconds since the year 2000."""
    since = datetime.fromisoformat(text) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=4096)
def _second(text: str) -> int:
    return micros(f"{text}Z")


def sent(text: str) -> bytes:
    """Give a moment as PostgreSQL sends it: whatever stands there has such a form."""
    if len(text) == _STAMP and text[19] == "." and text[26] == "Z":
        return _SENT.pack(_second(text[:19]) + int(text[20:26]))
    return _SENT.pack(micros(text))


def received(moment: bytes) -> int:
    """Give the microseconds of a moment as PostgreSQL sends it."""
    (found,) = _SENT.unpack(moment)
    return int(found)


def written(micros: int) -> str:
    """Write what PostgreSQL keeps for a person, also where no calendar has it."""
    try:
        return stamp(_EPOCH + timedelta(microseconds=micros))
    except OverflowError:
        return f"{micros}µs"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of proved rows: its columns, and what a body says of each."""

    name: str
    kind: LeafKind
    columns: tuple[str, ...]
    """The first is the id of the leaf."""
    said: Callable[[bytes], tuple[object, ...]]
    """What the columns should be, in their order, as a body has them."""


_Digest = Annotated[str, Meta(min_length=32, max_length=32)]
"""Of a subject: 16 bytes, in hexadecimal."""
_EACH = "00000010"
"""The length of a digest, before it."""


def _sent_digests(digests: Sequence[str]) -> bytes:
    """Give digests as PostgreSQL sends an array of them: at once, not one by one."""
    if not digests:
        return bytes.fromhex("000000000000000000000011")
    # Dimensions, flags, the type bytea; how many, and what the first one's place is.
    head = f"000000010000000000000011{len(digests):08x}00000001{_EACH}"
    return bytes.fromhex(head + _EACH.join(digests))


class _Who(Struct, gc=False):
    kind: str
    unit: str
    person: str


class _Rows(Struct):
    subjects: list[_Digest]


class _Look(Struct):
    """What of a look's body its columns repeat: the rest is not even read."""

    record: str
    at: str
    who: _Who
    party: str
    purpose: str
    cause: str
    protected: bool
    looks: list[_Rows | str]
    """As texts in records from before the log."""
    subjects: list[_Digest] = []


_read_look = Decoder(_Look).decode


def _look(body: bytes) -> tuple[object, ...]:
    said = _read_look(body)
    who, looks = said.who, said.looks
    subjects = said.subjects
    if len(looks) == 1 and isinstance(looks[0], _Rows):
        subjects = looks[0].subjects
    elif looks:
        found = {*subjects}
        for each in looks:
            if isinstance(each, _Rows):
                found.update(each.subjects)
        subjects = sorted(found)
    return (
        said.record,
        sent(said.at),
        who.kind,
        who.unit,
        who.person,
        said.party,
        said.purpose,
        said.cause,
        said.protected,
        _sent_digests(subjects),
    )


def _decision(body: bytes) -> tuple[object, ...]:
    said = orjson.loads(body)
    at = sent(said["at"])
    form = said.get("form", 1)
    if form not in {1, FORM}:
        raise ValueError(form)
    if form == FORM and not said.keys() >= _MEMBERS:
        raise ValueError(form)
    return (
        f"{said['decision']}/{said['version']}",
        at,
        said["version"],
        said["change"],
        said["unit"],
        said["who"],
        at,
        said["contentHash"],
        said["contentHash"],
        said["previous"],
        # Leaves from before the log did not name them.
        said.get("basis", _ANY),
        said.get("reason", _ANY),
    )


def _deed(body: bytes) -> tuple[object, ...]:
    said = orjson.loads(body)
    names = ("kind", "who", "unit", "action", "target", "reason")
    return (said["deed"], sent(said["at"]), *(said[name] for name in names))


class _Any:
    """Equal to whatever stands there."""

    __hash__ = None  # type: ignore[assignment]  # what equals all has none

    def __eq__(self, other: object) -> bool:
        return True


_ANY = _Any()

LOOKS = Table(
    "access_entry",
    LeafKind.LOOK,
    (
        *("record_id", "at", "kind", "unit", "person", "party"),
        *("purpose", "cause", "protected", "subjects"),
    ),
    _look,
)
DECISIONS = Table(
    "audit_leaf",
    LeafKind.DECISION,
    (
        *("decision_id/version", "at", "decision_version.version"),
        *("decision_version.change", "decision_version.unit", "decision_version.who"),
        *("decision_version.at", "decision_version.content_hash"),
        *("decision_version.content", "previous"),
        *("decision_version.basis", "decision_version.reason"),
    ),
    _decision,
)
"""Its columns are those of the leaf and of the version it proves; *content* is the
digest of what stands there, *previous* the leaf of the version before."""
DEEDS = Table(
    "deed",
    LeafKind.DEED,
    ("deed_id", "at", "kind", "who", "unit", "action", "target", "reason"),
    _deed,
)
TABLES: Mapping[LeafKind, Table] = {
    table.kind: table for table in (LOOKS, DECISIONS, DEEDS)
}


def check_rows(
    of: Digest, table: Table, rows: Iterable[Row], faults: Faults, keys: Keys
) -> list[tuple[str, bytes]]:
    """Hold each row against its body; give their ids and leaves."""
    width = len(table.columns)
    said, deeds = table.said, table is DEEDS
    found: list[tuple[str, bytes]] = []
    # The loop of a million rows: nothing is made in it for a row that is right.
    for row in rows:
        body, leaf = row[width], row[width + 1]
        found.append((row[0], leaf))
        if of(b"\0" + body) != leaf:
            faults.add(row_fault(FaultKind.BODY_CHANGED, table, row[0]))
            continue
        try:
            expected = said(body)
            if deeds:
                keys.note(orjson.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError):
            faults.add(row_fault(FaultKind.BODY_UNREADABLE, table, row[0]))
            continue
        if expected != row[:width]:
            faults.extend(_differences(table, row, expected))
    return found


def _differences(table: Table, row: Row, expected: Sequence[object]) -> Iterable[Fault]:
    if table is DECISIONS and row[2] is None:
        yield row_fault(FaultKind.VERSION_MISSING, table, row[0])
        return
    for name, stands, should in zip(table.columns, row, expected, strict=False):
        if stands != should:
            yield row_fault(FaultKind.COLUMN_DIFFERS, table, row[0], name)


def row_fault(kind: FaultKind, table: Table, place: str, column: str = "") -> Fault:
    """Say what is wrong with the row *place* of *table*."""
    return Fault(kind=kind, table=table.name, id=place, column=column)
