"""What must hold of the rows of the log: each says what its body says, and is in it.

- The *leaf* of a row is the digest of its body; each column repeats what is in that.
- A row is sealed: its leaf has a number. Or it waits, in the queue. Never both.
- A sealed leaf has its row, unless a sealed deed says that it was archived.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

import orjson
from msgspec import Meta, Struct
from msgspec.json import Decoder

from zhitong.evidence import DeedKind, LeafKind, stamp
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.merkle import Digest

Said: TypeAlias = Mapping[str, Any]
"""A body, read."""
Row: TypeAlias = Sequence[Any]
"""The columns of its `Table` in their order, then body and leaf."""
Place: TypeAlias = tuple[str, str]
"""Kind and id: what a leaf is of."""

FORM = 2
"""Of a decision's body: it has findings and origin, which form 1, without a number,
had not. A body that is sealed cannot become one of an older form."""
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
    if form == FORM and not {"findings", "origin", "basis", "reason"} <= said.keys():
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


@dataclass(slots=True)
class Keys:
    """What deeds say of keys, of what was archived, and of whom was erased."""

    added: dict[str, Said] = field(default_factory=dict)
    """By key id: what the deed that made it says in detail."""
    twice: set[str] = field(default_factory=set)
    """Keys that another deed says were made, too: one of them is invented."""
    retired: dict[str, str] = field(default_factory=dict)
    """By key id: the earliest end that a deed has set."""
    archived: list[tuple[str, str, int, int]] = field(default_factory=list)
    """Deed, kind, first and last number of leaves whose rows are lawfully gone."""
    erased: set[str] = field(default_factory=set)
    """Ids of the keys of persons who were lawfully erased."""

    def note(self, said: Said) -> None:
        """Take what a deed's body says."""
        kind, action, detail = said["kind"], said["action"], said["detail"]
        if kind == DeedKind.KEY and action == "add-key":
            self._add({said["target"]: detail})
        elif kind == DeedKind.KEY and action == "retire-key":
            self._retire({said["target"]: detail["retired"]})
        elif kind == DeedKind.ARCHIVE and action == "archive-records":
            self.archived += [
                (said["deed"], detail["leaf_kind"], int(first), int(last))
                for first, last in detail["numbers"]
            ]
        elif kind == DeedKind.ERASURE and action == "erase-person":
            self.erased.add(detail["key"])

    def _add(self, added: Mapping[str, Said]) -> None:
        self.twice |= added.keys() & self.added.keys()
        self.added |= added

    def _retire(self, retired: Mapping[str, str]) -> None:
        for key_id, at in retired.items():
            # An end may be brought forward, never put off.
            self.retired[key_id] = min(at, self.retired.get(key_id, at))

    def merge(self, other: Keys) -> None:
        """Take what was noted apart."""
        self.twice |= other.twice
        self._add(other.added)
        self._retire(other.retired)
        self.archived += other.archived
        self.erased |= other.erased

    def bound(self, numbers: Mapping[str, int]) -> None:
        """Let a deed excuse what was sealed before it alone, and once it is sealed."""
        self.archived = [
            (deed, kind, first, min(last, numbers[deed] - 1))
            for deed, kind, first, last in self.archived
            if deed in numbers
        ]

    def gone(self, kind: str, number: int) -> bool:
        """Say whether the row of leaf *number* is lawfully gone."""
        return any(
            kind == each and first <= number <= last
            for _, each, first, last in self.archived
        )


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
            faults.add(_fault(FaultKind.BODY_CHANGED, table, row[0]))
            continue
        try:
            expected = said(body)
            if deeds:
                keys.note(orjson.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError):
            faults.add(_fault(FaultKind.BODY_UNREADABLE, table, row[0]))
            continue
        if expected != row[:width]:
            faults.extend(_differences(table, row, expected))
    return found


def _differences(table: Table, row: Row, expected: Sequence[object]) -> Iterable[Fault]:
    if table is DECISIONS and row[2] is None:
        yield _fault(FaultKind.VERSION_MISSING, table, row[0])
        return
    for name, stands, should in zip(table.columns, row, expected, strict=False):
        if stands != should:
            yield _fault(FaultKind.COLUMN_DIFFERS, table, row[0], name)


def _fault(kind: FaultKind, table: Table, place: str, column: str = "") -> Fault:
    return Fault(kind=kind, table=table.name, id=place, column=column)


class Matching:
    """Rows and sealed leaves, as they come: who has met the other is forgotten.

    Both come in nearly the same order, so that few wait, however many there are.
    """

    def __init__(self) -> None:
        self.leaves: dict[str, dict[str, tuple[int, bytes]]] = defaultdict(dict)
        """By kind and id: sealed, and no row has come yet."""
        self.rows: dict[str, dict[str, bytes]] = defaultdict(dict)
        """By kind and id: rows whose sealed leaf has not come yet."""
        self.doubles: list[tuple[str, str, bytes]] = []
        """Kinds, ids and leaves of rows whose id another row has."""
        self.excused: dict[str, tuple[int, bytes]] = {}
        """By record id, once it is settled: number and leaf of rows lawfully gone."""

    def sealed(
        self, leaves: Iterable[tuple[int, str, str, bytes]], faults: Faults
    ) -> None:
        """Take numbers, kinds, ids and digests of sealed leaves."""
        rows, waiting = self.rows, self.leaves
        for number, kind, place, leaf in leaves:
            there = rows[kind].pop(place, None)
            if there is None:
                waiting[kind][place] = number, leaf
            elif there != leaf:
                faults.add(_unequal(kind, place, number))

    def stand(
        self, kind: str, found: Iterable[tuple[str, bytes]], faults: Faults
    ) -> None:
        """Take ids and leaves of rows of one kind."""
        rows, waiting = self.rows[kind], self.leaves[kind]
        for place, leaf in found:
            there = waiting.pop(place, None)
            if there is not None:
                if there[1] != leaf:
                    faults.add(_unequal(kind, place, there[0]))
            elif place in rows:
                self.doubles.append((kind, place, leaf))
            else:
                rows[place] = leaf

    def merge(self, other: Matching, faults: Faults) -> None:
        """Match what two processes were left with."""
        for kind, leaves in other.leaves.items():
            self.sealed(
                (
                    (number, kind, place, leaf)
                    for place, (number, leaf) in leaves.items()
                ),
                faults,
            )
        for kind, rows in other.rows.items():
            self.stand(kind, rows.items(), faults)
        for kind, place, leaf in other.doubles:
            self.stand(kind, [(place, leaf)], faults)

    def settle(self, queue: Mapping[Place, bytes], keys: Keys) -> Iterable[Fault]:
        """Say what is wrong with what is left, *queue* being what waits for a seal."""
        for kind, leaves in self.leaves.items():
            for place, (number, leaf) in leaves.items():
                if kind in TABLES and keys.gone(kind, number):
                    self.excused[place] = number, leaf
                else:
                    yield _rowless(kind, place, number)
        waits = dict(queue)
        rows = [
            (kind, place, leaf)
            for kind, leaves in self.rows.items()
            for place, leaf in leaves.items()
        ]
        for kind, place, leaf in (*rows, *self.doubles):
            queued = waits.pop((kind, place), None)
            if queued is None:
                yield _fault(FaultKind.ROW_UNSEALED, TABLES[LeafKind(kind)], place)
            elif queued != leaf:
                yield _fault(FaultKind.QUEUE_DIFFERS, TABLES[LeafKind(kind)], place)
        for kind, place in waits:
            yield Fault(
                kind=FaultKind.QUEUE_ORPHAN, table="unsealed", id=f"{kind} {place}"
            )


def _rowless(kind: str, place: str, number: int) -> Fault:
    if kind not in TABLES:
        unknown = FaultKind.LEAF_UNKNOWN
        named = f"{kind} {place}"
        return Fault(kind=unknown, table="sealed_leaf", id=named, number=number)
    table = TABLES[LeafKind(kind)].name
    return Fault(kind=FaultKind.ROW_MISSING, table=table, id=place, number=number)


def _unequal(kind: str, place: str, number: int) -> Fault:
    return Fault(
        kind=FaultKind.LEAF_DIFFERS,
        table=TABLES[LeafKind(kind)].name,
        id=place,
        number=number,
    )
