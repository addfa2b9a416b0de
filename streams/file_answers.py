"""What a receiver answers to batches laid down in its folder: files in ``ack``.

A file is one JSON object, ``{"receiver": …, "batch": …, "answer": "HELD" |
"REJECTED", "code": …, "text": …, "at": …, "events": [{"event_id": …, "answer": …,
"code": …, "field": …, "text": …, "receipt": …}]}``: of the whole batch, of some events,
or of both. What is taken is moved to ``ack/done``; what is torn, another's or nothing
of ours to ``ack/aside``, with the reason beside it.

Whoever writes there is not us: links, pipes and devices are not followed or waited
for, and one file that cannot be read holds none behind it up.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from zhitong.decisions import Answer, BatchAnswer, RowAnswer
from zhitong.exceptions import ReceiptInvalidError, ZhitongError
from zhitong.ports import BatchBook
from zhitong.rules.rejections import reasons
from zhitong.streams.file_drop import planned
from zhitong.streams.returns import ReturnDesk

LOOK_SECONDS = 5.0
SETTLED_SECONDS = 60.0
"""A file that cannot be read yet may still be written, and one that answers what we
have not noted yet may be faster than we."""
LARGEST = 16_777_216
"""Bytes of an answer; one that names a thousand events has 200,000."""

_log = logging.getLogger("zhitong.receipts")


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    event_id: UUID
    answer: Answer | None = None
    code: str = ""
    field: str = ""
    text: str = ""
    receipt: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True):
    receiver: str
    batch: Annotated[int, Meta(ge=1, lt=10**13)]
    """A day and five digits; nothing longer is a number of ours."""
    answer: Answer | None = None
    code: str = ""
    text: str = ""
    at: datetime | None = None
    events: tuple[_Row, ...] = ()


class FileAnswers:
    """Reads the answers in the folder *place* is of, until it is cancelled."""

    def __init__(  # noqa: PLR0913 - whose, where, and what it is given to
        self,
        *,
        receiver: str,
        place: str,
        folder: Path,
        book: BatchBook,
        desk: ReturnDesk,
        look_seconds: float = LOOK_SECONDS,
        settled_seconds: float = SETTLED_SECONDS,
    ) -> None:
        self._receiver = receiver
        self._place = place
        self._folder = folder / "ack"
        self._book = book
        self._desk = desk
        self._look_seconds = look_seconds
        self._settled_seconds = settled_seconds
        self._away = ""

    async def run(self) -> None:
        """Look again and again; what is away is waited for, and said once."""
        while True:
            why = ""
            try:
                await self.look()
            except ZhitongError as error:
                why = f"{error.code} {error}"
            except OSError as error:
                why = f"{type(error).__name__} {self._folder}"
            if why and why != self._away:
                _log.warning("%s: %s", self._receiver, why)
            self._away = why
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> int:
        """Take what lies there; say how many files were taken.

        Raises `LedgerUnavailableError`, and `OSError` where the folder cannot be used.
        """
        taken = 0
        for path in await asyncio.to_thread(self._listed):
            # Another relay that reads here may have taken it.
            with suppress(FileNotFoundError):
                taken += await self._take(path)
        return taken

    def _listed(self) -> list[Path]:
        _refuse_link(self._folder)
        return sorted(self._folder.glob("*.json"))

    async def _take(self, path: Path) -> bool:
        try:
            found = await asyncio.to_thread(self._opened, path)
        except ReceiptInvalidError as error:
            await asyncio.to_thread(self._aside, path, error.label.en)
            return False
        if found is None:
            return False
        said, raw, as_read = found
        number = said.batch
        # Who took over from one that was killed may have noted a part of it so far.
        laid = await asyncio.to_thread(planned, self._folder.parent, number)
        there = laid or await self._book.batch(self._receiver, self._place, number)
        if not there and self._young(as_read):
            return False
        try:
            await self._desk.take_batch(
                self._receiver, self._place, _read(said, raw), laid
            )
        except ReceiptInvalidError as error:
            await asyncio.to_thread(self._aside, path, error.label.en)
            return False
        return await asyncio.to_thread(self._done, path, as_read)

    def _opened(self, path: Path) -> tuple[_File, bytes, os.stat_result] | None:
        """Read an answer; None: it may still be written.

        Raises `ReceiptInvalidError` for what is no answer of this receiver's.
        """
        young = self._young(path.lstat())
        try:
            raw, as_read = _bytes(path)
        except PermissionError as error:
            if young:
                return None
            raise _invalid("文件不许读取", "it cannot be read") from error
        try:
            said = msgspec.json.decode(raw, type=_File)
        except (msgspec.DecodeError, RecursionError) as error:
            if young:
                return None
            # Its message names places and kinds, and nothing of what stands there.
            place = str(error).rpartition("$.")[2] if "$." in str(error) else "JSON"
            raise _invalid(
                f"文件不完整，或不是规定的形式（{place}）",
                f"it is torn, or not of the form ({place})",
            ) from error
        if said.receiver != self._receiver:
            raise _invalid(f"不是 {self._receiver} 的", f"it is not {self._receiver}'s")
        return said, raw, as_read

    def _young(self, found: os.stat_result) -> bool:
        return time.time() - found.st_mtime < self._settled_seconds

    def _aside(self, path: Path, why: str) -> None:
        _log.warning(
            "%s: 确认文件另存 an answer is put aside: %a: %s",
            self._receiver,
            path.name,
            why,
        )
        aside = self._move(path, "aside")
        # The log has it too. What lies there under that name is not written to.
        beside = aside.with_name(f"{aside.name}.reason")
        with suppress(OSError), beside.open("x", encoding="utf-8") as reason:
            reason.write(f"{why}\n")

    def _done(self, path: Path, as_read: os.stat_result) -> bool:
        found = path.lstat()
        parts = ("st_ino", "st_mtime_ns", "st_size")
        if any(getattr(found, part) != getattr(as_read, part) for part in parts):
            # Written over meanwhile: another answer, that nobody has read yet.
            return False
        self._move(path, "done")
        return True

    def _move(self, path: Path, to: str) -> Path:
        """Move a file; one of its name that lies there is not written over."""
        folder = self._folder / to
        folder.mkdir(exist_ok=True)
        _refuse_link(folder)
        target = folder / path.name
        if target.exists():
            target = folder / f"{time.time_ns()}.json"
        return path.rename(target)


def _refuse_link(folder: Path) -> None:
    """Raise where *folder* leads elsewhere: what lies there is not to be moved."""
    if folder.is_symlink():
        raise NotADirectoryError(folder)


def _bytes(path: Path) -> tuple[bytes, os.stat_result]:
    """Read a file of the other side's, and say which one it was.

    Raises `ReceiptInvalidError` for a link, a pipe, a device, or one too large.
    """
    try:
        # A pipe would be waited for, and a link may lead to what is ours alone.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise _odd() from error
        raise
    try:
        found = os.fstat(descriptor)
        if not S_ISREG(found.st_mode):
            raise _odd()
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            raw = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(raw) > LARGEST:
        raise _invalid("文件过大", f"it is larger than {LARGEST} bytes")
    return raw, found


def _odd() -> ReceiptInvalidError:
    return _invalid("不是普通文件", "it is no regular file")


def _read(said: _File, raw: bytes) -> BatchAnswer:
    return BatchAnswer(
        number=said.batch,
        answer=said.answer,
        reasons=_why(said.answer, said.code, "", said.text),
        at=said.at,
        rows=tuple(
            RowAnswer(
                event_id=row.event_id,
                answer=row.answer,
                reasons=_why(row.answer, row.code, row.field, row.text),
                jws=row.receipt,
            )
            for row in said.events
        ),
        raw=raw,
    )


def _why(answer: Answer | None, code: str, field: str, text: str) -> tuple[str, ...]:
    return () if answer is Answer.HELD else reasons(code, field, text)


def _invalid(zh: str, en: str) -> ReceiptInvalidError:
    return ReceiptInvalidError(f"确认{zh}", f"the answer: {en}")
