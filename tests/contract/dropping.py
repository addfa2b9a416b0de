"""Lays a batch down and is killed at each point of it: ``dropping.py FOLDER``."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from outgoing import outgoing

from zhitong.decisions import Outgoing
from zhitong.streams.channels import FileChannel
from zhitong.streams.file_drop import FileSender

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

POINTS = 7
"""So often something is put on the disk for one batch."""


def batch() -> list[Outgoing]:
    """Give what is sent: the same whenever it is asked for."""
    return [outgoing(seq, topic="file:///drop") for seq in (1, 2, 3)]


def main() -> None:
    for point in range(1, POINTS + 2):
        folder = Path(sys.argv[1], str(point))
        folder.mkdir()
        child = os.fork()
        if not child:
            _die_at(point)
            sender = FileSender("credit", FileChannel(folder=str(folder)))
            sender.send_batch(batch())
            os._exit(0)
        _, ended = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(ended)
        if killed != (point <= POINTS):
            sys.exit(f"at {point}: {ended}")


def _die_at(point: int) -> None:
    """Kill this process instead of its *point*-th fsync."""
    numbers, fsync = itertools.count(1), os.fsync

    def counted(fd: FileDescriptorLike) -> None:
        if next(numbers) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(fd)

    os.fsync = counted


if __name__ == "__main__":
    main()
