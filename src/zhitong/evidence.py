"""Words of the proof: what is in the log, and what is signed about it.

A log is an RFC 6962 tree over the digests of bodies. Each body is the very bytes that
are kept beside its leaf; nothing about it is computed again from columns.
"""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class LeafKind(StrEnum):
    """What a leaf stands for, which says in which table its body is."""

    LOOK = "LOOK"
    """A look 调阅: ``access_entry``, by record id."""
    DECISION = "DECISION"
    """A version of a decision: ``audit_leaf``, by ``decision id/version``."""
    DEED = "DEED"
    """Whatever else somebody did on the platform: ``deed``, by deed id."""


class DeedKind(StrEnum):
    """What sort of thing somebody did."""

    ACTION = "ACTION"
    """运维操作: an operator's, as to hold a receiver."""
    CHANGE = "CHANGE"
    """登记: a mutation that is no decision."""
    GRANT = "GRANT"
    """共享授权: a step in the life of a grant."""
    CATALOGUE = "CATALOGUE"
    """数据目录: a version of it, given out or taken in."""
    EXPORT = "EXPORT"
    """导出: of records or proofs."""
    ARCHIVE = "ARCHIVE"
    """归档: what is kept elsewhere from now on, its time here being over."""
    ERASURE = "ERASURE"
    """依法删除: of a person's key."""
    KEY = "KEY"
    """密钥: one made, turned or retired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did on the platform other than to look: who, to what, and why.

    Nothing in it names a person that data are about: it stands for ever.
    """

    kind: DeedKind
    who: str
    """The person's name or account; a program's where no person did it."""
    unit: str = ""
    """The unit's credit code; empty: whoever runs the platform."""
    action: str
    """A word of small letters and hyphens, as ``suspend-receiver``."""
    target: str
    """What it was done to, by its identifier."""
    reason: str
    detail: Mapping[str, object] = field(default_factory=dict)
    """Whatever else is to be proved: what JSON has, and moments."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the log is at one size: signed by its operator, and by a witness."""

    origin: str
    """Which log: the tenant's name, and a number where it has had several."""
    hash: str
    """The digest of its tree: ``sha256`` or ``sm3``; one log has one for life."""
    size: int
    """Leaves in the tree."""
    root: bytes
    """32 bytes."""
    at: datetime
    """When it was made; never before that of the head before it."""
    previous: bytes
    """Digest of the note of the head before it; 32 zeros for the first."""

    @property
    def note(self) -> bytes:
        """The bytes that are signed: lines that a person can read."""
        lines = (
            "zhitong-head/1",
            f"origin {self.origin}",
            f"hash {self.hash}",
            f"size {self.size}",
            f"root {self.root.hex()}",
            f"at {stamp(self.at)}",
            f"previous {self.previous.hex()}",
        )
        return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNote:
    """A key names the one that comes after it; whoever trusts it trusts that one."""

    origin: str
    purpose: str
    """``head``, ``receipt`` or ``spool``."""
    old: str
    """Key id of the one that signs this."""
    new: str
    """Key id of its successor."""
    algorithm: str
    """The successor's algorithm."""
    spki: bytes
    """The successor's public key, DER."""
    at: datetime

    @property
    def text(self) -> bytes:
        """The bytes that the old key signs."""
        lines = (
            "zhitong-key/1",
            f"origin {self.origin}",
            f"purpose {self.purpose}",
            f"old {self.old}",
            f"new {self.new}",
            f"algorithm {self.algorithm}",
            f"key {b64encode(self.spki).decode()}",
            f"at {stamp(self.at)}",
        )
        return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What one key says of one text."""

    key_id: str
    """First 16 hex digits of SHA-256 over the public key's DER (SPKI)."""
    algorithm: str
    """``ecdsa-p256-sha256`` (DER) or ``sm2-sm3`` (DER, id 1234567812345678)."""
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersignature:
    """A witness's word: it has seen the head, and nothing before it was changed."""

    seen: datetime
    """By the witness's own clock."""
    signature: Signature

    def text(self, note: bytes) -> bytes:
        """Give the bytes that the witness signs for the head of *note*."""
        return f"zhitong-witness/1\nseen {stamp(self.seen)}\n".encode() + note


_OFFSET = len("+00:00")


def stamp(moment: datetime) -> str:
    """Write *moment* as all signed texts have it: UTC, microseconds, ``Z``."""
    # Each record and receipt has one: strftime takes twice as long.
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='microseconds')[:-_OFFSET]}Z"
