"""Turns: how many may do a thing at one time, and how long others wait for theirs."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """So many turns; who has waited longest has the next, one timer watches all."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._watching: asyncio.TimerHandle | None = None

    async def take(self, deadline: float) -> None:
        """Wait for a turn; raise `TimeoutError` where none came by *deadline*.

        Deadlines are by the loop's clock, each no earlier than those before it.
        """
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append((deadline, turn))
        if self._watching is None:
            self._watching = loop.call_at(deadline, self._late, loop)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give()  # it was given to one who has left
            raise

    def give(self, pause: float = 0.0) -> None:
        """Give a turn back, which is the next one's; after *pause* seconds."""
        if pause and self._waiting:
            asyncio.get_running_loop().call_later(pause, self.give)
            return
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell those whose time is over, and look again when the next one's is."""
        self._watching = None
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            _, turn = waiting.popleft()
            if not turn.done():
                turn.set_exception(TimeoutError())
        if waiting:
            self._watching = loop.call_at(waiting[0][0], self._late, loop)
