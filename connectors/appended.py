"""Files that only grow, line by line, each on the disk before anything is answered."""

from __future__ import annotations

import os
from pathlib import Path


def append(file: Path, line: bytes) -> None:
    """Add *line* at the end of *file*, on the disk; or leave all as it is."""
    fresh = not file.exists()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    whole = os.fstat(descriptor).st_size
    try:
        left = memoryview(line + b"\n")
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        # A full disk: half a line must not stand before the next one.
        os.ftruncate(descriptor, whole)
        raise
    finally:
        os.close(descriptor)
    if fresh:
        _settle(file.parent)


def mend(file: Path) -> None:
    """Cut off a last line that has no end: a power cut tore it, and nobody was told."""
    with file.open("r+b") as opened:
        text = opened.read()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            opened.truncate(whole)
            os.fsync(opened.fileno())


def _settle(folder: Path) -> None:
    """Have the name of a new file on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
