"""How long is waited for what, and for how long somebody waits for us.

`asyncio.timeout` does the same for what it costs under uvloop: eight microseconds, a
tenth of a small question. Here a wait is one timer, and who watches for a client that
leaves begins a moment late: by then most answers are on their way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.types import Receive

MOMENT = 0.02
"""Seconds for which an answer is worked at, whether anybody waits for it or not."""
GRACE = 10
"""Seconds in which what runs is answered when the gateway is to end."""

Result = TypeVar("Result")


class ClientGoneError(Exception):
    """The client left; nobody is there to be answered."""


class _Stop:
    """Ends what this task waits for; tells that apart from being ended by others."""

    __slots__ = ("_called", "_cancelling", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task = task
        self._cancelling = task.cancelling()
        self._called = False

    def __call__(self) -> None:
        self._called = True
        self._task.cancel()

    def ended(self, error: BaseException) -> bool:
        """Say whether *error* is our doing alone."""
        if not self._called:
            return False
        others = self._task.uncancel() > self._cancelling
        return isinstance(error, asyncio.CancelledError) and not others


class _Watch:
    """Looks whether the client has left, after a moment."""

    __slots__ = ("_receive", "_stop", "_task", "_timer")

    def __init__(self, receive: Receive, stop: _Stop) -> None:
        self._receive = receive
        self._stop = stop
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(MOMENT, self._begin)

    def end(self) -> None:
        """Look no longer."""
        self._timer.cancel()
        # Kept, it and its task would hold each other until a collection of cycles.
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._stop()


async def within(seconds: float, work: Awaitable[Result]) -> Result:
    """Wait for *work*; raise `TimeoutError` if it takes longer than *seconds*."""
    stop = _Stop()
    timer = asyncio.get_running_loop().call_later(seconds, stop)
    try:
        return await work
    except BaseException as error:
        if stop.ended(error):
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


async def attended(work: Awaitable[Result], receive: Receive) -> Result:
    """Wait for *work* while the client does; raise `ClientGoneError` if it leaves."""
    stop = _Stop()
    watch = _Watch(receive, stop)
    try:
        return await work
    except BaseException as error:
        if stop.ended(error):
            raise ClientGoneError from None
        raise
    finally:
        watch.end()
