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
        lines = list(_lines(file))
        self.count = _place(file) + len(lines)
        if lines:
            self.last = [_word(file, line) for _, line in lines][-1]
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
        for file, found, line in self._from(size):
            if found > size:
                break
            if (word := _word(file, line)).note == note:
                return word
        return None

    def page(self, place: Place, limit: int) -> Page:
        """Give up to *limit* heads from *place* on, and where the next page begins."""
        words: list[Word] = []
        size, after = place.size, 0
        for file, found, line in self._from(place.size):
            if len(words) == limit:
                return Page(heads=tuple(words), next=Place(size=size, after=after))
            after = after + 1 if found == size else 1
            size = found
            if size > place.size or after > place.after:
                words.append(_word(file, line))
        return Page(heads=tuple(words), next=None)

    def _from(self, size: int) -> Iterator[tuple[Path, int, bytes]]:
        """Give the lines of heads of *size* leaves or more, each with its size."""
        files = list(self._files)
        # Heads of one size may lie on both sides of a file's beginning.
        first = bisect_right([_first(file) for file in files], size - 1)
        for file in files[max(0, first - 1) :]:
            for found, line in _lines(file):
                if found >= size:
                    yield file, found, line

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


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Give each line with the size of its head, read without all the rest of it."""
    text = file.read_bytes()
    # The last one may be about to be written.
    for number, line in enumerate(text[: text.rfind(b"\n") + 1].splitlines(), 1):
        size = line.partition(b"\\nsize ")[2].partition(b"\\n")[0]
        if not size.isdigit():
            raise _spoilt(file, str(number))
        yield int(size), line


def _word(file: Path, line: bytes) -> Word:
    try:
        word = _DECODE(line)
        _ = word.head, word.countersignature
    except (msgspec.MsgspecError, ValueError) as error:
        raise _spoilt(file, "?") from error
    return word


def _spoilt(file: Path, number: str) -> WitnessError:
    return WitnessError(
        f"见证记录 {file.name} 第 {number} 行已损坏，见证停止：请从备份恢复该文件",
        f"line {number} of the witness's file {file.name} is spoilt, so it does not go "
        "on: restore the file from its copy",
    )


def _place(file: Path) -> int:
    return int(file.stem.partition("-")[0])


def _first(file: Path) -> int:
    return int(file.stem.partition("-")[2])


def _size(note: str) -> int:
    return Word(
        note=note, signatures=(), seen="", key_id="", algorithm="", value=b""
    ).head.size
