"""Server-sent events as they go out: whole ones, until one side has had enough."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from starlette.types import Receive, Send

from zhitong.infra.attendance import ClientGoneError

EVENTS = "text/event-stream"
_ALIVE = b": alive\n\n"


class EventStream:
    """One answer's way out: whole events, one after the other, ended by line feeds.

    Raises `ClientGoneError` where nobody listens, or takes nothing for *patience*
    seconds.
    """

    def __init__(self, send: Send, patience: float | None = None) -> None:
        self._send = send
        self._patience = patience
        self._lock = asyncio.Lock()
        self.begun = False
        """Whether the status has left."""

    async def start(self, request_id: str) -> None:
        """Begin the answer."""
        headers = {
            "content-type": f"{EVENTS}; charset=utf-8",
            "cache-control": "no-store",
            # A proxy that gathers an answer before it passes it on would never do so.
            "x-accel-buffering": "no",
            "x-content-type-options": "nosniff",
            "x-request-id": request_id,
        }
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.begun = True
        await self._send(
            {"type": "http.response.start", "status": 200, "headers": pairs}
        )

    async def event(self, name: str, told: bytes) -> None:
        """Send *told*, JSON in one line, as the event *name*."""
        await self._part(f"event: {name}\ndata: ".encode() + told + b"\n\n")

    async def alive(self) -> None:
        """Send a comment, which keeps proxies from closing a silent connection."""
        await self._part(_ALIVE)

    async def end(self) -> None:
        """End the answer."""
        with suppress(ClientGoneError):
            await self._part(b"", more=False)

    async def _part(self, part: bytes, *, more: bool = True) -> None:
        message = {"type": "http.response.body", "body": part, "more_body": more}
        async with self._lock:
            try:
                async with asyncio.timeout(self._patience):
                    await self._send(message)
            # How servers say that nobody listens any more; or nobody reads.
            except (OSError, TimeoutError) as error:
                raise ClientGoneError from error


async def attended(
    receive: Receive, *works: Coroutine[object, object, object]
) -> list[Exception]:
    """Do *works* until one is done or the client is gone.

    Give what they raised.
    """
    working = [asyncio.create_task(work) for work in works]
    leaving = asyncio.create_task(_gone(receive))
    tasks = [*working, leaving]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*working, return_exceptions=True)
        await asyncio.gather(leaving, return_exceptions=True)
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
