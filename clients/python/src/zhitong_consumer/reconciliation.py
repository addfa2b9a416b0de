"""What the platform states it has sent, signed, and what a receiver answers.

A statement is of a stretch of one partition: how many events lie there and the root
over their ids (docs/reconciliation.md). What it lists as foreign, the platform did not
send: that is how a record that somebody slipped in is known.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from zhitong_consumer.events import Place
from zhitong_consumer.keys import P256, PublicKey, one_of, token

STATED = "cn.zhitong.reconciliation.v1"
ANSWERED = "cn.zhitong.reconciliation.answer.v1"
JWS = "zhitong-reconciliation+jws"
PART = 1_000
_LONGEST = 1_000_000
_MEMBERS = frozenset(
    {
        *("statement", "receiver", "topic", "partition", "from", "to"),
        *("records", "root", "parts", "foreign", "hash", "at"),
    }
)
_ROOT = re.compile(r"[0-9a-f]{64}")


class Signature(StrEnum):
    """Whether the platform has signed it."""

    HOLDS = "HOLDS"
    MALFORMED = "MALFORMED"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    INVALID = "INVALID"
    DIFFERS = "DIFFERS"
    """It is signed, and for another receiver, or about another statement."""


class Agreement(StrEnum):
    """What was stated, held against what has come."""

    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    BEHIND = "BEHIND"
    """Not all of it has come yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of one partition: from *start*, before *end*."""

    statement: UUID
    receiver: str
    topic: str
    partition: int
    start: int
    end: int
    records: int
    root: str
    parts: tuple[str, ...]
    foreign: frozenset[int]
    at: datetime

    @property
    def begins(self) -> Place:
        """Where it begins; of several statements from there on the last counts."""
        return Place(self.topic, self.partition, self.start)

    def agreement(self, held: Mapping[int, str], seen: int) -> Agreement:
        """Compare with what is *held*, event ids by offset; *seen* is how far."""
        if seen < self.end:
            return Agreement.BEHIND
        ours = [
            name for offset, name in sorted(held.items()) if offset not in self.foreign
        ]
        same = (len(ours), root(ours)) == (self.records, self.root)
        return Agreement.AGREES if same else Agreement.DIFFERS


def read(
    value: bytes, receiver: str, platform: Sequence[PublicKey]
) -> tuple[Signature, Window | None]:
    """Say whether the *platform* has signed a statement for *receiver*; give it."""
    try:
        said = json.loads(value[:_LONGEST].decode())
        found = token(str(said["data"]["jws"]))
        named = (said["type"], said["subject"], said["receiver"])
    except (ValueError, RecursionError, TypeError, KeyError):
        return Signature.MALFORMED, None
    if found is None or set(found.header) != {"alg", "kid", "typ"}:
        return Signature.MALFORMED, None
    if found.header["alg"] != P256 or found.header["typ"] != JWS:
        return Signature.MALFORMED, None
    key = one_of(platform, found.header["kid"], "")
    if key is None:
        return Signature.KEY_UNKNOWN, None
    if key.algorithm != P256 or not key.verify(found.signed, found.signature):
        return Signature.INVALID, None
    try:
        window = _window(found.payload)
    except (ValueError, TypeError, KeyError):
        return Signature.MALFORMED, None
    if named != (STATED, str(window.statement), receiver):
        return Signature.DIFFERS, None
    if window.receiver != receiver:
        return Signature.DIFFERS, None
    return Signature.HOLDS, window


def root(names: Sequence[str]) -> str:
    """Give the root of RFC 6962 over event ids, in hexadecimal."""
    return _root(
        [hashlib.sha256(b"\0" + name.encode()).digest() for name in names]
    ).hex()


def answer(
    window: Window, held: Mapping[int, str], seen: int, at: datetime
) -> dict[str, object]:
    """Say what is *held*; of each part with another root, event by event."""
    parts = []
    for stated, start in zip(
        window.parts, range(window.start, window.end, PART), strict=True
    ):
        end = min(start + PART, window.end)
        there = [[each, held[each]] for each in range(start, end) if each in held]
        if root([str(name) for _, name in there]) != stated:
            parts.append({"from": start, "to": end, "held": there})
    return {
        "statement": str(window.statement),
        "receiver": window.receiver,
        "topic": window.topic,
        "partition": window.partition,
        "from": window.start,
        "to": window.end,
        "seen": min(seen, window.end),
        "records": len(held),
        "root": root([name for _, name in sorted(held.items())]),
        "parts": parts,
        "at": at.isoformat(),
    }


def write(window: Window, tenant: str, at: datetime, signed: str) -> bytes:
    """Write the event of a signed answer, for the topic of receipts."""
    said = {
        "specversion": "1.0",
        "id": str(uuid5(window.statement, f"{window.receiver}/{at.isoformat()}")),
        "source": f"/zhitong/{tenant}/receivers/{window.receiver}",
        "type": ANSWERED,
        "subject": str(window.statement),
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": "urn:zhitong:schema:reconciliation-answer:1",
        "receiver": window.receiver,
        "data": {"jws": signed},
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    cut = 1 << ((len(leaves) - 1).bit_length() - 1)
    both = _root(leaves[:cut]) + _root(leaves[cut:])
    return hashlib.sha256(b"\1" + both).digest()


def _window(said: Mapping[str, Any]) -> Window:
    if set(said) != _MEMBERS or said["hash"] != "sha256":
        raise ValueError("members")
    parts = [_form(each) for each in said["parts"]]
    start, end = _count(said["from"]), _count(said["to"])
    if start > end or len(parts) != -(-(end - start) // PART):
        raise ValueError("parts")
    return Window(
        statement=UUID(said["statement"]),
        receiver=said["receiver"],
        topic=said["topic"],
        partition=_count(said["partition"]),
        start=start,
        end=end,
        records=_count(said["records"]),
        root=_form(said["root"]),
        parts=tuple(parts),
        foreign=frozenset(_counts(said["foreign"])),
        at=datetime.fromisoformat(said["at"]),
    )


def _counts(values: Iterable[object]) -> Iterable[int]:
    return map(_count, values)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("count")
    return value


def _form(value: str) -> str:
    if not _ROOT.fullmatch(value):
        raise ValueError("root")
    return value
