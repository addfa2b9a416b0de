"""What operator and witness write to each other, and the witness to its files: JSON.

Bytes are base64, moments as `zhitong.evidence.stamp` writes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from zhitong.evidence import Countersignature, Head, Signature
from zhitong.rules.head_notes import LONGEST, read_head

MOST_SIGNATURES = 8
"""Of one head; while keys change it has two."""
MOST_STEPS = 128
"""Of one proof; a log of 2^63 leaves needs fewer."""
MOST_KEYS = 16
"""Notes on keys in one submission."""

Note = Annotated[str, Meta(max_length=LONGEST)]
Name = Annotated[str, Meta(max_length=64)]
Value = Annotated[bytes, Meta(max_length=512)]
Step = Annotated[bytes, Meta(min_length=32, max_length=32)]


class SignatureForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A signature."""

    key_id: Name
    algorithm: Name
    value: Value

    @property
    def word(self) -> Signature:
        """The signature as the rest of the code knows it."""
        return Signature(key_id=self.key_id, algorithm=self.algorithm, value=self.value)


Signatures = Annotated[tuple[SignatureForm, ...], Meta(max_length=MOST_SIGNATURES)]


class KeyNoteForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A key's successor, named and signed by the key before it."""

    note: Note
    value: Value


class Submission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head that the operator asks a witness's word for."""

    note: Note
    signatures: Signatures
    base: Annotated[int, Meta(ge=0)] = 0
    """The size that the proof begins at: the last that the witness has seen."""
    proof: Annotated[tuple[Step, ...], Meta(max_length=MOST_STEPS)] = ()
    keys: Annotated[tuple[KeyNoteForm, ...], Meta(max_length=MOST_KEYS)] = ()
    """Notes on keys that the witness may not know, each after that of its elder."""


class Word(Struct, frozen=True, kw_only=True):
    """A head that has a witness's word, with it."""

    note: Note
    signatures: Signatures
    """Those of the operator that held."""
    seen: str
    key_id: Name
    """The witness's."""
    algorithm: Name
    value: Value

    @property
    def head(self) -> Head:
        """The head; raises `ValueError` where the note is none."""
        return read_head(self.note.encode())

    @property
    def countersignature(self) -> Countersignature:
        """The witness's word alone; raises `ValueError` where its time is none."""
        return Countersignature(
            seen=datetime.fromisoformat(self.seen).astimezone(UTC),
            signature=Signature(
                key_id=self.key_id, algorithm=self.algorithm, value=self.value
            ),
        )


class Place(Struct, frozen=True, kw_only=True, rename={"size": "from"}):
    """Where a page begins: with heads of a size, less so many of that very size."""

    size: Annotated[int, Meta(ge=0)] = 0
    after: Annotated[int, Meta(ge=0)] = 0


class Page(Struct, frozen=True, kw_only=True):
    """Some of the heads a witness has given its word for, in their order."""

    heads: tuple[Word, ...]
    next: Place | None
    """Where the next page begins; None: this is the last."""


class Mine(Struct, frozen=True, kw_only=True):
    """A witness's own public key."""

    key_id: Name
    algorithm: Name
    spki: bytes
    origin: str
    """The log it witnesses."""
    trusts: tuple[Name, ...]
    """The operator's keys that count."""
