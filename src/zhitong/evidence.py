"""Words of the proof: what is in the log, and what is signed about it.

A log is an RFC 6962 tree over the digests of bodies. Each body is the very bytes that
are kept beside its leaf; nothing about it is computed again from columns.
"""

from __future__ import annotations

from dataclasses import dataclass
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


def stamp(moment: datetime) -> str:
    """Write *moment* as all signed texts have it: UTC, microseconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
