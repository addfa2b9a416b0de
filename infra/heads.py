"""HTTP/1.1 whose request heads are bounded: uvicorn asks neither how long nor how slow.

Nobody has shown a token yet where a head is read. One line of 30 MB costs a second of
CPU, for what has come of it is copied with each piece that comes; and lines after a
chunked body (trailers) would be kept for ever.
"""

from __future__ import annotations

import asyncio
import weakref
from functools import partial

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

HEADERS = 65_536
"""Bytes of all headers together; nginx in front allows half of that."""
WHOLE = "zhitong.whole"
"""An extension of ASGI: its ``send`` takes status, head and body of an answer at once.

In two messages, with every name and value of the head looked through by itself, an
answer takes ten microseconds more.
"""


class BoundedHeads(HttpToolsProtocol):
    """Ends a connection whose request does not begin to be one."""

    largest = HEADERS
    seconds = 10.0
    _unread = 0
    """Bytes since the last head or piece of a body was whole."""
    _between = True
    """No request is being read: what comes is a head."""
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._settle()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless too much has come that is no body."""
        if self._between and self._due is None:
            self._wait()
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.largest and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """Take a head that is whole."""
        self._settle()
        self._between, self._unread = False, 0
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # else a WebSocket is asked for
            # Weakly: the cycle holds its scope, and what holds itself waits for the
            # collector, which then halts everybody for a tenth of a second.
            send = partial(_whole, weakref.ref(self.cycle))
            self.scope["extensions"] = {WHOLE: {"send": send}}

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body: who reads it bounds it."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect another head, or none."""
        self._between, self._unread = True, 0
        super().on_message_complete()

    def _wait(self) -> None:
        self._due = self.loop.call_later(self.seconds, self.transport.close)

    def _settle(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


async def _whole(
    answered: weakref.ref[RequestResponseCycle], status: int, head: bytes, body: bytes
) -> None:
    """Send an answer as the cycle does: *head* are lines that are known to be good."""
    cycle = answered()
    if cycle is None:
        return
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    cycle.response_started = cycle.response_complete = True
    parts = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        parts += name, b": ", value, b"\r\n"
    parts.append(head)
    if not cycle.keep_alive:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if cycle.scope["method"] != "HEAD":
        parts.append(body)
    cycle.transport.write(b"".join(parts))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def bounded_heads(largest: int, seconds: float) -> type[BoundedHeads]:
    """Make the protocol that reads heads of *largest* bytes, within *seconds*."""
    return type("Heads", (BoundedHeads,), {"largest": largest, "seconds": seconds})
