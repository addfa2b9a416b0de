"""WebSocket frames by uvicorn, whose connections end when the application says so."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)

REPLY_SECONDS = 1.0
"""Until one whose client does not reply to our close is closed when the server ends."""


class Frames(WebSocketsSansIOProtocol):
    """Leaves it to the application when a connection ends, and with which code.

    uvicorn would close them all as soon as the server is to end, with an operation
    under way in any of them.
    """

    def shutdown(self) -> None:
        """End what the application has closed, or has not yet accepted."""
        if self.handshake_complete and not self.close_sent:
            self.close_timeout = REPLY_SECONDS
        else:
            super().shutdown()
