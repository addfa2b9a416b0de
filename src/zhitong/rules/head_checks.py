"""What must hold of a head by itself, of its signatures, and of keys.

- A head's note is the one form of what its columns say.
- Every key in force has signed it, and no other.
- A key is as the sealed deed says that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeAlias

from zhitong.evidence import Countersignature, Head, Signature, stamp
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.head_notes import read_head
from zhitong.rules.merkle import Digest
from zhitong.rules.noted_keys import Keys, Said
from zhitong.rules.verification import micros, written

Verify: TypeAlias = Callable[[bytes, str, bytes, bytes], bool]
"""Public key, algorithm, text, signature; False for whatever is not right."""

KEY_ID = 16
LEEWAY = 10_000_000
"""Microseconds between the moments of a head and of a key made for it, at most."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counter:
    """A countersignature as it is kept; *seen* in microseconds since 2000."""

    key_id: str
    algorithm: str
    seen: int
    value: bytes


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A head as it is kept; *at* in microseconds since 2000."""

    origin: str
    size: int
    at: int
    note: bytes
    signatures: Sequence[Signature]
    countersignatures: Sequence[Counter]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A public key as it is registered; moments in microseconds since 2000."""

    key_id: str
    purpose: str
    algorithm: str
    spki: bytes
    since: int
    retired: int | None
    unit: str = ""

    def in_force(self, first: int, last: int) -> bool:
        """Say whether it was in force at some moment from *first* to *last*."""
        return self.since <= last and (self.retired is None or first < self.retired)

    def always(self, first: int, last: int) -> bool:
        """Say whether it was in force all the time from *first* to *last*."""
        return self.since <= first and (self.retired is None or last < self.retired)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the chain needs to know of a head whose own checks are done."""

    size: int
    at: int
    root: bytes
    previous: bytes
    digest: bytes
    """Of its note."""
    place: str
    witnesses: frozenset[str] | None
    """Keys of the witnesses whose word for it holds; None: they were not looked at."""


@dataclass(frozen=True, slots=True)
class HeadChecks:
    """Checks one head by itself: note, columns, signatures."""

    of: Digest
    origin: str
    hash: str
    keys: Mapping[str, KeyRow]
    verify: Verify
    signed: bool = True
    """Whether signatures are looked at; the note alone is dear enough without."""

    def check(self, row: HeadRow, faults: Faults) -> Seen | None:
        """Say what is wrong with *row*; None where its note cannot be read."""
        place = f"{row.size}@{written(row.at)}"
        try:
            head = read_head(row.note)
        except ValueError:
            faults.add(head_fault(FaultKind.HEAD_MALFORMED, place, "note"))
            return None
        faults.extend(self._columns(row, head, place))
        words: frozenset[str] | None = None
        if self.signed:
            faults.extend(self._signatures(row, head, place))
            words = self._words(row, place, faults)
        return Seen(
            head.size,
            micros(stamp(head.at)),
            head.root,
            head.previous,
            self.of(row.note),
            place,
            words,
        )

    def _columns(self, row: HeadRow, head: Head, place: str) -> Iterable[Fault]:
        pairs = (
            ("origin", row.origin, head.origin),
            ("size", row.size, head.size),
            ("at", row.at, micros(stamp(head.at))),
            ("note", (self.origin, self.hash), (head.origin, head.hash)),
        )
        for column, stands, should in pairs:
            if stands != should:
                yield head_fault(FaultKind.HEAD_DIFFERS, place, column)

    def _signatures(self, row: HeadRow, head: Head, place: str) -> Iterable[Fault]:
        at = micros(stamp(head.at))
        missing = {
            key.key_id
            for key in self.keys.values()
            if key.purpose == "head" and key.always(at - LEEWAY, at + LEEWAY)
        }
        if not row.signatures:
            missing.add("")
        for each in row.signatures:
            missing.discard(each.key_id)
            kind = self._weighed(each, "head", row.note, at)
            if kind is not None:
                yield _signed_fault(kind, "head_signature", place, each.key_id)
        for key_id in sorted(missing):
            kind = FaultKind.SIGNATURE_MISSING
            yield _signed_fault(kind, "head_signature", place, key_id)

    def _words(self, row: HeadRow, place: str, faults: Faults) -> frozenset[str]:
        held = set()
        for each in row.countersignatures:
            kind = self._word(each, row.note)
            if kind is None:
                held.add(each.key_id)
            else:
                table = "head_countersignature"
                faults.add(_signed_fault(kind, table, place, each.key_id))
        return frozenset(held)

    def _word(self, each: Counter, note: bytes) -> FaultKind | None:
        signature = Signature(
            key_id=each.key_id, algorithm=each.algorithm, value=each.value
        )
        try:
            seen = _EPOCH + timedelta(microseconds=each.seen)
        except OverflowError:
            return FaultKind.SIGNATURE_INVALID
        text = Countersignature(seen=seen, signature=signature).text(note)
        return self._weighed(signature, "witness", text, each.seen)

    def _weighed(
        self, each: Signature, purpose: str, text: bytes, at: int
    ) -> FaultKind | None:
        key = self.keys.get(each.key_id)
        if key is None:
            return FaultKind.KEY_UNKNOWN
        # A witness's key is ours from when we first heard of it; its word may be older.
        then = purpose != "head" or key.in_force(at - LEEWAY, at + LEEWAY)
        if key.purpose != purpose or not then:
            return FaultKind.KEY_NOT_THEN
        if each.algorithm != key.algorithm:
            return FaultKind.SIGNATURE_INVALID
        holds = self.verify(key.spki, each.algorithm, text, each.value)
        return None if holds else FaultKind.SIGNATURE_INVALID


def check_keys(rows: Iterable[KeyRow], said: Keys) -> Iterable[Fault]:
    """Hold the registered keys against the deeds that made them."""
    known = set()
    for row in rows:
        known.add(row.key_id)
        if sha256(row.spki).hexdigest()[:KEY_ID] != row.key_id:
            yield _key_fault(FaultKind.KEY_DIFFERS, row.key_id, "spki")
        if row.key_id in said.twice:
            yield _key_fault(FaultKind.KEY_TWICE, row.key_id)
        detail = said.added.get(row.key_id)
        if detail is None:
            yield _key_fault(FaultKind.KEY_UNPROVED, row.key_id)
            continue
        for column, holds in _key_columns(row, detail, said.retired.get(row.key_id)):
            if not holds:
                yield _key_fault(FaultKind.KEY_DIFFERS, row.key_id, column)
    for key_id in sorted(said.added.keys() - known):
        yield _key_fault(FaultKind.KEY_MISSING, key_id)


def _key_columns(
    row: KeyRow, detail: Said, retired: str | None
) -> Iterable[tuple[str, bool]]:
    yield "unit", row.unit == detail.get("unit", "")
    yield "purpose", row.purpose == detail.get("purpose")
    yield "algorithm", row.algorithm == detail.get("algorithm")
    yield "spki", row.spki.hex() == detail.get("spki")
    yield "since", row.since == micros(detail["since"])
    ended = None if retired is None else micros(retired)
    yield "retired", row.retired == ended


def head_fault(
    kind: FaultKind, place: str, column: str = "", detail: str = ""
) -> Fault:
    """Say what is wrong with the head at *place*."""
    return Fault(kind=kind, table="head", id=place, column=column, detail=detail)


def _signed_fault(kind: FaultKind, table: str, place: str, key_id: str) -> Fault:
    return Fault(kind=kind, table=table, id=place, detail=f"key {key_id}")


def _key_fault(kind: FaultKind, key_id: str, column: str = "") -> Fault:
    return Fault(kind=kind, table="evidence_key", id=key_id, column=column)
