"""Ports of 127.0.0.1 for embedded servers: chosen once, kept, replaced if taken."""

from __future__ import annotations

import os
import socket
import time
import zlib
from collections.abc import Collection
from pathlib import Path

from zhitong.exceptions import EmbeddedError

# Below the ports that systems hand out to outgoing connections.
_PORTS = range(20_000, 32_000)
_PATIENCE = 1.0
_PAUSE = 0.02


def kept_port(file: Path, but: Collection[int] = ()) -> int:
    """Give the port that *file* keeps, or a free one that it keeps from now on.

    None of *but* is taken: ports chosen just now, on which nobody listens yet.
    """
    kept = file.read_text().strip() if file.exists() else ""
    usable = kept.isdigit() and int(kept) not in but and _becomes_free(int(kept))
    port = int(kept) if usable else _free_port(file, but)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Whole at every moment: clients read it while their server is started again.
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(f"{port}\n")
    draft.replace(file)
    return port


def is_free(port: int) -> bool:
    """Say whether nobody listens on *port* of 127.0.0.1."""
    with socket.socket() as probe:
        # As PostgreSQL and Java do; else a connection lately closed would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _becomes_free(port: int) -> bool:
    """Wait a moment: who held it may just be ending, and others know this port."""
    deadline = time.monotonic() + _PATIENCE
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _free_port(file: Path, but: Collection[int]) -> int:
    # Where to begin depends on the folder, so that two clones seldom meet.
    first = zlib.crc32(os.fsencode(file.resolve())) % len(_PORTS)
    for step in range(len(_PORTS)):
        port = _PORTS[(first + step) % len(_PORTS)]
        if port not in but and is_free(port):
            return port
    raise EmbeddedError(
        f"127.0.0.1 上 {_PORTS.start} 至 {_PORTS.stop - 1} 没有空闲端口："
        "请结束占用端口的程序",
        f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on 127.0.0.1: "
        "end the programs that hold them",
    )
