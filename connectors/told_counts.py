"""What the processes of one gateway have told of counts: a file for each name.

A file is read and added to by whoever holds the lock beside it, and by nobody else: two
processes cannot both find that a count tells nothing. What is not in the file was told
to nobody, for it is written before the answer is; a line that was cut off with its
process is none. A process that is stopped while it holds a lock lets the others refuse
after a while. The folder is one gateway's, and goes with it.

How far a process has read holds for one file alone, and the system gives a new file the
number of an old one: so each begins with a line of chance, by which it is known again.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from zhitong.exceptions import RecordUnavailableError

LARGE = 33_554_432
"""Bytes of a file beyond which it is written anew, without what was forgotten."""
PATIENCE_SECONDS = 1.0
"""For which another's turn is waited for, in which this process does nothing else."""
_PAUSE = 0.001
_BYTES = 16
_FIRST = 2 * _BYTES + 1
"""Bytes of the first line."""


class FileTurn:
    """The turn of one name."""

    def __init__(self, path: Path, large: int) -> None:
        self._path = path
        self._large = large

    @property
    def large(self) -> bool:
        """Whether the file should be written anew."""
        return self._path.stat().st_size > self._large

    def since(self, place: object) -> tuple[Sequence[bytes], object]:
        """Give the lines after *place*, and where they end."""
        with _opened(self._path) as file:
            first = _begun(file)
            size = os.fstat(file).st_size
            known, start = place if isinstance(place, tuple) else (None, 0)
            if known != first or start > size:
                start = _FIRST
            whole = os.pread(file, size - start, start)
            lines = whole[: whole.rfind(b"\n") + 1]
            if len(lines) < len(whole):
                os.ftruncate(file, start + len(lines))
        return lines.splitlines(), (first, start + len(lines))

    def add(self, noted: Iterable[bytes]) -> None:
        """Add lines at the end."""
        text = b"".join(one + b"\n" for one in noted)
        if not text:
            return
        with _opened(self._path) as file:
            _begun(file)
            _write(file, text)

    def replace(self, noted: Iterable[bytes]) -> None:
        """Put another file in its place."""
        draft = self._path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with _opened(draft) as file:
            _begun(file)
            _write(file, b"".join(one + b"\n" for one in noted))
        draft.replace(self._path)


class FileToldCounts:
    """Files in a folder of their own, locked by the system while their turn lasts."""

    def __init__(
        self, folder: Path, seconds: float = PATIENCE_SECONDS, large: int = LARGE
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._large = large
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def turn(self, name: str) -> Iterator[FileTurn]:
        """Take the turn of *name*; raise `RecordUnavailableError` if that fails."""
        path = self._folder / sha256(name.encode()).hexdigest()
        try:
            with _opened(path.with_suffix(".lock")) as lock:
                self._wait(lock)
                yield FileTurn(path, self._large)
        except OSError as error:
            raise _unavailable() from error

    def _wait(self, lock: int) -> None:
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)  # and with it the lock, if it has one


def _begun(file: int) -> bytes:
    """Give the first line; write one where there is none, or a part of one."""
    first = os.pread(file, _FIRST, 0)
    if len(first) < _FIRST:
        os.ftruncate(file, 0)
        first = token_hex(_BYTES).encode() + b"\n"
        _write(file, first)
    return first


def _write(file: int, text: bytes) -> None:
    """Write all of *text*: the system may take a part of it at a time."""
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(file, rest) :]


def _unavailable() -> RecordUnavailableError:
    return RecordUnavailableError(
        "暂时查不到此前给出过哪些统计数，因此现在不给，请稍后重试",
        "what counts were told before cannot be looked up at the moment, so none are "
        "given; try again later",
    )
