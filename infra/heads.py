"""HTTP/1.1 whose request heads are bounded: uvicorn asks neither how long nor how slow.

Nobody has shown a token yet where a head is read. One line of 30 MB costs a second of
CPU, for what has come of it is copied with each piece that comes; and lines after a
chunked body (trailers) would be kept for ever.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS = 65_536
"""Bytes of all headers together; nginx in front allows half of that."""


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
        super().on_headers_complete()

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


def bounded_heads(largest: int, seconds: float) -> type[BoundedHeads]:
    """Make the protocol that reads heads of *largest* bytes, within *seconds*."""
    return type("Heads", (BoundedHeads,), {"largest": largest, "seconds": seconds})
