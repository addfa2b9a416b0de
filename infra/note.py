"""The note a running gateway leaves in its state folder: who it is, and where.

The lock on the note is the proof that its writer lives: the system drops it with
the process, however that ends.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from zhitong.exceptions import SettingsError

_PAUSE = 0.05
_PATIENCE = 5
"""Tries; whoever reads the note holds it for an instant."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """The process that runs, and the address it answers under."""

    pid: int
    url: str


@contextmanager
def noted(path: Path, note: Note) -> Iterator[None]:
    """Leave *note* under *path* while the block runs; one process at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        for attempt in range(_PATIENCE):
            if _locked(file.fileno(), fcntl.LOCK_EX):
                break
            time.sleep(_PAUSE * attempt)
        else:
            raise _taken(path)
        file.truncate(0)
        file.write(msgspec.json.encode(note))
        file.flush()
        yield
        file.truncate(0)


def find(path: Path) -> Note | None:
    """Read the note of a process that runs; None where none does."""
    try:
        with path.open("rb") as file:
            if _locked(file.fileno(), fcntl.LOCK_SH):
                return None
            return msgspec.json.decode(file.read(), type=Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(path: Path) -> SettingsError:
    other = find(path)
    who = f"（进程 {other.pid}，{other.url}）" if other else ""
    en = f" (process {other.pid}, {other.url})" if other else ""
    return SettingsError(
        f"状态目录 {path.parent} 正由另一个进程使用{who}："
        "请先停止它，或用 ZHITONG_STATE 指定别的目录",
        f"another process{en} uses the state folder {path.parent}: stop it first, "
        "or name another folder with ZHITONG_STATE",
    )
