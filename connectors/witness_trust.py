"""The operator's keys that a witness trusts: named at first, then one by the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from zhitong.connectors.appended import append, mend
from zhitong.connectors.key_forms import KeyFormError
from zhitong.connectors.signers import algorithm_of, verify
from zhitong.connectors.witness_forms import KeyNoteForm, SignatureForm
from zhitong.exceptions import WitnessError
from zhitong.rules.key_notes import key_id, read_key_note

_ENCODE = msgspec.json.Encoder().encode


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file."""

    key_id: str
    algorithm: str
    spki: bytes
    note: KeyNoteForm | None
    """How its elder named it; null: somebody did who answers for this witness."""

    @property
    def elder(self) -> str:
        """The key that named it; empty: none did."""
        return read_key_note(self.note.note.encode()).old if self.note else ""


_DECODE = msgspec.json.Decoder(_Key).decode


class Trust:
    """The trusted keys, kept in *file*; a key that has a successor counts no more."""

    def __init__(self, file: Path, origin: str) -> None:
        self._file = file
        self._origin = origin
        self._keys: dict[str, _Key] = {}
        if file.exists():
            mend(file)
            for key in _read(file):
                self._keys[key.key_id] = key

    @property
    def current(self) -> Mapping[str, bytes]:
        """The keys that count, each with its public key."""
        elders = {key.elder for key in self._keys.values()}
        return {
            name: key.spki for name, key in self._keys.items() if name not in elders
        }

    def name(self, spki: bytes) -> None:
        """Trust the public key *spki*, as whoever runs the witness says."""
        self._add(spki, None)

    def follow(self, form: KeyNoteForm) -> bool:
        """Trust the successor that *form* names; say whether its elder did so."""
        try:
            note = read_key_note(form.note.encode())
        except ValueError:
            return False
        known = self._keys.get(note.new)
        if known is not None and known.elder == note.old:
            return True
        elder = self.current.get(note.old)
        ours = (note.origin, note.purpose) == (self._origin, "head")
        if elder is None or known is not None or not ours:
            return False
        signed = form.note.encode()
        if not verify(elder, self._keys[note.old].algorithm, signed, form.value):
            return False
        try:
            fits = algorithm_of(note.spki) == note.algorithm
        except KeyFormError:
            return False
        if fits:
            self._add(note.spki, form)
        return fits

    def weigh(
        self, text: bytes, signatures: Iterable[SignatureForm]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Name the keys that count and have signed *text*, and those that have not.

        The second are keys known here under whose name there is a signature that does
        not hold.
        """
        good: set[str] = set()
        bad: set[str] = set()
        for each in signatures:
            key = self._keys.get(each.key_id)
            if key is None:
                continue
            holds = each.algorithm == key.algorithm and verify(
                key.spki, key.algorithm, text, each.value
            )
            (good if holds else bad).add(each.key_id)
        return frozenset(good & self.current.keys()), frozenset(bad)

    def _add(self, spki: bytes, note: KeyNoteForm | None) -> None:
        name = key_id(spki)
        if name in self._keys:
            return
        key = _Key(key_id=name, algorithm=algorithm_of(spki), spki=spki, note=note)
        append(self._file, _ENCODE(key))
        self._keys[name] = key


def _read(file: Path) -> Iterable[_Key]:
    try:
        return [_DECODE(line) for line in file.read_bytes().splitlines()]
    except (ValueError, msgspec.MsgspecError) as error:
        raise WitnessError(
            f"见证人所信任的密钥 {file.name} 已损坏：请从备份恢复该文件",
            f"the witness's trusted keys in {file.name} are spoilt: restore the file "
            "from its copy",
        ) from error
