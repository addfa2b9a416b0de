"""A TCP proxy that can be told to delay, swallow, tear, reset or refuse.

What a line between two of our processes suffers is chosen while they run; every fault
here is one that real networks show. Kafka's clients go on to the address a broker names
itself by: with *swap* that name becomes ours in all it says (of one length, in clear).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

CHUNK = 65_536
Address = tuple[str, int]
Upstream = Callable[[], Address]


@dataclass(slots=True, kw_only=True)
class Mood:
    """What the line suffers now; as made, nothing."""

    delay: float = 0.0
    """Seconds by which each piece is late, either way."""
    swallow: bool = False
    """What comes back is read and thrown away: the work is done, nobody hears."""
    hold: bool = False
    """Nothing is read from either side: the peer hangs."""
    tear: int = 0
    """An answer is cut off after so many bytes, and the line with it."""
    refuse: bool = False
    """Who comes is reset at once."""


class ChaosProxy:
    """Listens on *host*, and leads to *upstream*, asked anew for each connection."""

    def __init__(
        self,
        upstream: Upstream,
        host: str = "127.0.0.1",
        *,
        swap: bool = False,
    ) -> None:
        self.mood = Mood()
        self.port = 0
        self._upstream = upstream
        self._host = host
        self._swap = swap
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._calm = asyncio.Event()
        self._calm.set()

    async def start(self, sock: socket.socket | None = None) -> int:
        """Listen, on *sock* where one is given; give the port."""
        if sock is None:
            sock = socket.create_server((self._host, 0), backlog=100)
        self._server = await asyncio.start_server(self._serve, sock=sock)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def suffer(self, mood: Mood) -> None:
        """Let the line be as *mood* says, from now on."""
        self.mood = mood
        if mood.hold:
            self._calm.clear()
        else:
            self._calm.set()

    def reset(self) -> int:
        """Reset all that is open; say how many."""
        doomed = list(self._open)
        for writer in doomed:
            _reset(writer)
        return len(doomed) // 2

    def close(self) -> None:
        """Listen no more."""
        self.suffer(Mood())
        if self._server is not None:
            self._server.close()
        self.reset()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.mood.refuse:
            _reset(writer)
            return
        try:
            their_reader, their_writer = await asyncio.open_connection(
                *self._upstream()
            )
        except OSError:
            _reset(writer)
            return
        pair = {writer, their_writer}
        self._open |= pair
        ways = [
            asyncio.ensure_future(self._carry(reader, their_writer, back=False)),
            asyncio.ensure_future(self._carry(their_reader, writer, back=True)),
        ]
        try:
            # Whichever side ends, the line has ended: our protocols know no half of it.
            with suppress(asyncio.CancelledError):
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= pair
            for way in ways:
                way.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*ways, return_exceptions=True)
            for each in pair:
                each.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                await self._calm.wait()
                if self.mood.delay:
                    await asyncio.sleep(self.mood.delay)
                if back and self.mood.swallow:
                    continue
                if back and self.mood.tear:
                    writer.write(piece[: self.mood.tear])
                    with suppress(OSError, asyncio.TimeoutError):
                        await asyncio.wait_for(writer.drain(), 1.0)
                    _reset(writer)
                    return
                writer.write(self._renamed(piece) if back and self._swap else piece)
                await writer.drain()

    def _renamed(self, piece: bytes) -> bytes:
        _, port = self._upstream()
        theirs = b"127.0.0.1" + struct.pack(">i", port)
        # As long as theirs, or all lengths around it would be wrong.
        ours = self._host.encode() + struct.pack(">i", self.port)
        return piece.replace(theirs, ours)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Cut a line as a peer does that has forgotten it: no farewell, a reset."""
    line = writer.get_extra_info("socket")
    if line is not None:
        with suppress(OSError):
            gone = struct.pack("ii", 1, 0)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, gone)
    transport = writer.transport
    transport.abort()
