"""An operator of a log for tests of its witness: leaves, heads, proofs, signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from zhitong.connectors.signers import ECDSA, FileSigner, file_signer, generate
from zhitong.connectors.witness_forms import KeyNoteForm, SignatureForm, Submission
from zhitong.evidence import Head, KeyNote
from zhitong.rules.merkle import NONE, consistency, digest, root


def new_key(algorithm: str = ECDSA) -> FileSigner:
    return file_signer(generate(algorithm))


def leaves(count: int, of: str = "") -> list[bytes]:
    return [sha256(f"{of}{number}".encode()).digest() for number in range(count)]


@dataclass
class Operator:
    """Signs heads of whatever leaves it is given."""

    origin: str = "anze"
    hash: str = "sha256"
    keys: list[FileSigner] = field(default_factory=lambda: [new_key()])
    notes: list[KeyNoteForm] = field(default_factory=list)

    def head(self, of: Sequence[bytes], at: datetime | None = None) -> Head:
        return Head(
            origin=self.origin,
            hash=self.hash,
            size=len(of),
            root=root(digest(self.hash), of),
            at=at or datetime.now(UTC),
            previous=NONE,
        )

    def show(
        self, of: Sequence[bytes], base: int = 0, at: datetime | None = None
    ) -> Submission:
        """Sign the head of the log *of*, with its proof from *base* on."""
        note = self.head(of, at).note
        return Submission(
            note=note.decode(),
            signatures=tuple(
                SignatureForm(key.key_id, key.algorithm, key.sign(note))
                for key in self.keys
            ),
            base=base,
            proof=tuple(consistency(digest(self.hash), of, min(base, len(of)))),
            keys=tuple(self.notes),
        )

    def rotate(self, new: FileSigner) -> None:
        """Let *new* take over."""
        old = self.keys[-1]
        said = KeyNote(
            origin=self.origin,
            purpose="head",
            old=old.key_id,
            new=new.key_id,
            algorithm=new.algorithm,
            spki=new.spki,
            at=datetime.now(UTC),
        )
        self.notes.append(KeyNoteForm(said.text.decode(), old.sign(said.text)))
        self.keys = [new]
