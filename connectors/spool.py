"""Looks that wait for a register that is away: a signed file, one line for each.

- A line is a record's body, what it is signed with, and the digest of the line before:
  one that was changed, left out or put in between is found, and named by its number.
- Whoever is answered has a line that is on the disk; lines that come together are
  written together. A process that is killed loses none of them: the next one in the
  same folder enters what lies there.
- What cannot be entered is put aside beside the file, never dropped.

What a file cannot show is that its last lines, or all of it, were removed.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import fcntl
import hashlib
import itertools
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from zhitong.exceptions import RecordUnavailableError, SpoolFullError, ZhitongError
from zhitong.ports import Signer

LOGGER = logging.getLogger(__name__)
FIRST = "0" * 64
"""What stands for the line before the first."""
AT_ONCE = 256
"""Lines that are entered together."""

Check = Callable[[str, bytes, bytes], bool]
"""Says whether the key of this id has signed this text so."""
Enter = Callable[[Sequence[bytes]], Awaitable[Sequence[str | None]]]
"""Commits bodies, and says of each why it cannot be; raises while none can."""


class Line(NamedTuple):
    """One line as it was found."""

    number: int
    raw: bytes
    body: bytes
    fault: str | None
    """Why it is no record that we wrote; None where it is one."""


def open_spools(
    folder: Path, signer: Signer, check: Check, limit: int
) -> tuple[Spool, ...]:
    """Give a file of our own first, then those that other processes left."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found: list[Spool] = []
    there = {path.name for path in folder.glob("looks-*.spool")}
    for number in itertools.count():
        name = f"looks-{number}.spool"
        if found and name not in there:
            return tuple(found)
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process's, which lives
            os.close(descriptor)
            continue
        found.append(Spool(folder / name, descriptor, signer, check, limit))
    raise AssertionError


class Spool:
    """One file; the descriptor is open for appending, and locked by us."""

    def __init__(
        self, path: Path, descriptor: int, signer: Signer, check: Check, limit: int
    ) -> None:
        self.path = path
        self._file = descriptor
        self._signer = signer
        self._check = check
        self._limit = limit
        self._coming: list[tuple[bytes, asyncio.Future[None]]] = []
        self._coming_size = 0
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._entered, self._number, self._before = 0, 0, FIRST
        """What is in the register already: bytes, lines, digest of the last line."""
        self._sound = True
        """Whether that line was one of ours."""
        self.size, self._last = self._whole()

    @property
    def empty(self) -> bool:
        """Say whether nothing lies on the disk.

        What is only coming is no drain's: one that waited for it would give its writer
        no turn. Who keeps it has it drained once it is there.
        """
        return self.size == 0

    def oldest(self) -> datetime | None:
        """Say of when the look is that has waited longest; None: none that we know."""
        if self._entered >= self.size:
            return None
        with self.path.open("rb") as file:
            file.seek(self._entered)
            line = file.readline()
        try:
            said = orjson.loads(orjson.loads(line)["body"])["at"]
            return datetime.fromisoformat(said)
        except (ValueError, LookupError, TypeError):
            return None  # it will be put aside

    def close(self) -> None:
        """Let another process have the file."""
        os.close(self._file)

    def _whole(self) -> tuple[int, str]:
        """Put a torn last line aside; give the size and the last line's digest."""
        written = self.path.read_bytes()
        whole = written.rfind(b"\n") + 1
        if whole < len(written):
            # It broke off while it was written: nobody was answered for it.
            LOGGER.warning("%s: a torn last line is put aside", self.path.name)
            self._put_aside(written[whole:])
            os.ftruncate(self._file, whole)
        last = written[:whole].removesuffix(b"\n").rpartition(b"\n")[2]
        return whole, _digest(last) if last else FIRST

    # --- writing ---------------------------------------------------------------

    async def keep(self, body: bytes) -> None:
        """Return once *body* is on the disk.

        Raises `SpoolFullError`, and `RecordUnavailableError` where the disk fails.
        """
        coming = self._coming_size + len(body)
        if self.size + coming > self._limit:
            raise _full()
        done = asyncio.get_running_loop().create_future()
        self._coming.append((body, done))
        self._coming_size = coming
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._coming:
            async with self._turn:
                batch, self._coming, self._coming_size = self._coming, [], 0
                error: ZhitongError | None = _failed(None)
                try:
                    error = await self._append([body for body, _ in batch])
                finally:  # whatever has happened, nobody waits for ever
                    _settle([done for _, done in batch], error)

    async def _append(self, bodies: Sequence[bytes]) -> ZhitongError | None:
        try:
            lines, last = await asyncio.to_thread(self._lines, bodies)
            if self.size + len(lines) > self._limit:
                return _full()
            await asyncio.to_thread(_append, self._file, lines, self.size)
        except OSError as error:
            return _full() if error.errno == errno.ENOSPC else _failed(error)
        except ZhitongError as error:  # nothing signs
            return _failed(error)
        self.size, self._last = self.size + len(lines), last
        return None

    def _lines(self, bodies: Sequence[bytes]) -> tuple[bytes, str]:
        written, last = bytearray(), self._last
        for body in bodies:
            signature = self._signer.sign(signed(last, body))
            line = _line(body, last, self._signer.key_id, signature)
            written += line + b"\n"
            last = _digest(line)
        return bytes(written), last

    # --- entering --------------------------------------------------------------

    async def drain(self, enter: Enter) -> None:
        """Have everything entered, and be empty; raise where *enter* does."""
        while True:
            async with self._turn:
                if self._entered >= self.size:
                    if self.size:
                        await asyncio.to_thread(self._empty)
                    return
            lines = await asyncio.to_thread(self._read)
            if not lines:
                continue
            sound = [line for line in lines if line.fault is None]
            refused = await enter([line.body for line in sound]) if sound else ()
            for line in lines:
                if line.fault is not None:
                    self._name(line, line.fault)
            for line, why in zip(sound, refused, strict=True):
                if why is not None:
                    self._name(line, why)
            self._entered += sum(len(line.raw) + 1 for line in lines)
            self._number += len(lines)
            self._before = _digest(lines[-1].raw)
            self._sound = lines[-1].fault is None

    def _read(self) -> list[Line]:
        """Read and check the next lines that are not entered yet."""
        raw: list[bytes] = []
        with self.path.open("rb") as file:
            place = file.seek(self._entered)
            # Not what is being written at this moment.
            while place < self.size and len(raw) < AT_ONCE:
                line = file.readline()
                if not line:
                    LOGGER.error("%s: lines were removed by others", self.path.name)
                    self.size = place
                    break
                place += len(line)
                raw.append(line.removesuffix(b"\n"))
        return list(self._checked(raw))

    def _checked(self, raw: Sequence[bytes]) -> Iterator[Line]:
        before, sound = self._before, self._sound
        for number, one in enumerate(raw, self._number + 1):
            body, stated, fault = self._judged(one)
            # After a line that was changed the next one names what it was before.
            if fault is None and stated != before and sound:
                LOGGER.error("%s: lines are missing before %d", self.path.name, number)
            yield Line(number, one, body, fault)
            before, sound = _digest(one), fault is None

    def _judged(self, raw: bytes) -> tuple[bytes, str, str | None]:
        try:
            said: dict[str, Any] = orjson.loads(raw)
            body, before = said["body"].encode(), str(said["previous"])
            signature = base64.b64decode(said["signature"], validate=True)
            key = str(said["key"])
        except (ValueError, LookupError, TypeError, AttributeError):
            return b"", "", "it is no line of ours"
        if _line(body, before, key, signature) != raw:
            return b"", "", "it is not in the form of ours"
        if not self._check(key, signed(before, body), signature):
            return b"", "", "its signature does not hold"
        return body, before, None

    def _name(self, line: Line, why: str) -> None:
        LOGGER.error("%s: line %d is put aside: %s", self.path.name, line.number, why)
        self._put_aside(line.raw)

    def _put_aside(self, raw: bytes) -> None:
        aside = self.path.with_suffix(".spoilt")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(raw + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _empty(self) -> None:
        os.ftruncate(self._file, 0)
        os.fsync(self._file)
        self.size, self._last = 0, FIRST
        self._entered, self._number, self._before = 0, 0, FIRST
        self._sound = True


def signed(previous: str, body: bytes) -> bytes:
    """Give the text that is signed for *body* after the line of this digest."""
    return f"zhitong-spool/1\nprevious {previous}\n".encode() + body


def _settle(
    waiting: Sequence[asyncio.Future[None]], error: ZhitongError | None
) -> None:
    for done in waiting:
        if done.done():  # the caller has gone away
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _append(descriptor: int, lines: bytes, size: int) -> None:
    """Write *lines* to the disk, all of them or none."""
    try:
        left = memoryview(lines)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _line(body: bytes, previous: str, key: str, signature: bytes) -> bytes:
    """Write a line in the one form that is ours."""
    return orjson.dumps(
        {
            "body": body.decode(),
            "previous": previous,
            "key": key,
            "signature": base64.b64encode(signature).decode("ascii"),
        }
    )


def _full() -> SpoolFullError:
    return SpoolFullError(
        "调阅登记簿不可用，本机的暂存文件也已写满，什么也不能给出，请稍后重试",
        "the access register is away and the local spool is full, so nothing is given; "
        "try again shortly",
    )


def _failed(error: Exception | None) -> RecordUnavailableError:
    failed = RecordUnavailableError(
        "调阅登记簿不可用，本机的暂存文件也写不进去",
        "the access register is away and the local spool cannot be written",
    )
    failed.__cause__ = error
    return failed
