"""What a witness keeps: every head it gave its word for, and what it refused.

Files of JSON lines, only ever added to, each line on the disk before anything is
answered. Those of the heads are named by the first head in them, so that any size is
found without reading all. A line that a power cut tore was answered to nobody.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from zhitong.connectors.appended import append, mend
from zhitong.connectors.witness_forms import Page, Place, Word
from zhitong.exceptions import WitnessError

SEGMENT = 16 * 1024 * 1024
"""Bytes of one file of heads: some 18,000 of them, read in a tenth of a second."""
UNSIGNED = 16 * 1024 * 1024
"""Bytes kept of what no trusted key has signed: anybody can send it, without end."""
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Word).decode


class WitnessStore:
    """The folder of one witness; one process at a time writes it."""

    def __init__(self, folder: Path, *, segment: int = SEGMENT) -> None:
        self._heads = folder / "heads"
        self._refused = folder / "refused.jsonl"
        self._segment = segment
        self._heads.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files = sorted(self._heads.glob("*.jsonl"))
        self._kept = self._refused_before()
        self.count = 0
        """Heads that have its word."""
        self.last: Word | None = None
        if self._files:
            mend(self._files[-1])
            self._open_last()

    def _open_last(self) -> None:
        file = self._files[-1]
        words = list(_words(file))
        self.count = _place(file) + len(words)
        if words:
            self.last = words[-1]
        elif len(self._files) > 1:
            # The line that began this file was torn.
            file.unlink()
            del self._files[-1]
            self._open_last()

    def keep(self, word: Word) -> None:
        """Put *word* on the disk; it may be told from then on."""
        if not self._files or self._files[-1].stat().st_size >= self._segment:
            size = word.head.size
            self._files.append(self._heads / f"{self.count:012}-{size:018}.jsonl")
        append(self._files[-1], _ENCODE(word))
        self.last = word
        self.count += 1

    def refuse(self, reason: str, raw: bytes, *, signed: bool, now: str) -> bool:
        """Keep *raw* as evidence; say whether it is new, and there was room for it."""
        sent = raw.decode("utf-8", "replace")
        mark = sha256(f"{reason} {sent}".encode()).digest()
        if mark in self._kept:
            return False
        full = self._refused.exists() and self._refused.stat().st_size >= UNSIGNED
        # Only its holder can fill the disk with what a trusted key has signed.
        if full and not signed:
            return False
        self._kept.add(mark)
        line = {"at": now, "reason": reason, "signed": signed, "sent": sent}
        append(self._refused, _ENCODE(line))
        return True

    def find(self, note: str) -> Word | None:
        """Give the word that the head of *note* got, if it got one."""
        if self.last is not None and self.last.note == note:
            return self.last
        if self.last is None or (size := _size(note)) > self.last.head.size:
            return None
        for word in self._from(size):
            if word.note == note:
                return word
            if word.head.size > size:
                break
        return None

    def page(self, place: Place, limit: int) -> Page:
        """Give up to *limit* heads from *place* on, and where the next page begins."""
        found: list[Word] = []
        size, after = place.size, 0
        for word in self._from(place.size):
            if len(found) == limit:
                return Page(heads=tuple(found), next=Place(size=size, after=after))
            after = after + 1 if word.head.size == size else 1
            size = word.head.size
            if size > place.size or after > place.after:
                found.append(word)
        return Page(heads=tuple(found), next=None)

    def _from(self, size: int) -> Iterator[Word]:
        """Give the heads of *size* leaves or more."""
        files = list(self._files)
        # Heads of one size may lie on both sides of a file's beginning.
        first = bisect_right([_first(file) for file in files], size - 1)
        for file in files[max(0, first - 1) :]:
            yield from (word for word in _words(file) if word.head.size >= size)

    def _refused_before(self) -> set[bytes]:
        if not self._refused.exists():
            return set()
        mend(self._refused)
        lines = self._refused.read_bytes().splitlines()
        found = (msgspec.json.decode(line) for line in lines)
        return {
            sha256(f"{each['reason']} {each['sent']}".encode()).digest()
            for each in found
        }


def _words(file: Path) -> Iterator[Word]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            yield _DECODE(line)
        except msgspec.MsgspecError as error:
            raise WitnessError(
                f"见证记录 {file.name} 第 {number} 行已损坏，见证停止："
                "请从备份恢复该文件",
                f"line {number} of the witness's file {file.name} is spoilt, so it "
                "does not go on: restore the file from its copy",
            ) from error


def _place(file: Path) -> int:
    return int(file.stem.partition("-")[0])


def _first(file: Path) -> int:
    return int(file.stem.partition("-")[2])


def _size(note: str) -> int:
    return Word(
        note=note, signatures=(), seen="", key_id="", algorithm="", value=b""
    ).head.size
