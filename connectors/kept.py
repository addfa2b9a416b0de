"""Connections that stay on loan from one statement to the next.

A pool's own giving and taking is a task, a timer and a turn of the loop: more than a
small look-up costs beside it. The pool opens connections and bounds them as ever;
what it has lent is kept here, and dropped once nobody needed it for as long as the
pool itself keeps what it does not need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from zhitong.connectors.loan import Pooled

STATEMENTS = 50_000
"""A connection that has had so many goes back: a server's session grows with use."""
SECONDS_SPARE = 300.0
"""How long a connection is kept that nobody needs; twice that at most."""


class Kept:
    """The connections of one pool, each for one statement at a time."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._idle: list[tuple[Pooled, int]] = []
        """With what each has had; the one used last is taken first."""
        self._spare = 0
        """How many were idle all the time since the last sweep."""
        self._sweeping: asyncio.TimerHandle | None = None

    async def fetch(
        self, sql: str, parameters: Sequence[object]
    ) -> list[asyncpg.Record]:
        """Run one statement that leaves nothing behind."""
        connection, count = await self._taken()
        stays = False
        try:
            records = await connection.fetch(sql, *parameters)
            stays = count < STATEMENTS
        except asyncio.CancelledError:
            # A frozen server answers no cancel request either: drop it.
            connection.terminate()
            raise
        finally:
            if stays:
                self._keep(connection, count)
            else:
                await self._pool.release(connection)
        return records

    def _keep(self, connection: Pooled, count: int) -> None:
        self._idle.append((connection, count))
        if self._sweeping is None:
            self._await_sweep()

    async def _taken(self) -> tuple[Pooled, int]:
        while self._idle:
            connection, count = self._idle.pop()
            self._spare = min(self._spare, len(self._idle))
            if _open(connection):
                return connection, count + 1
            await self._pool.release(connection)  # its server has gone meanwhile
        return await self._pool.acquire(), 1

    def _await_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(SECONDS_SPARE, self.sweep)

    def sweep(self) -> None:
        """Drop the connections that nobody needed since the last time."""
        unneeded, self._idle = self._idle[: self._spare], self._idle[self._spare :]
        for connection, _ in unneeded:
            with suppress(asyncpg.InterfaceError):  # it has gone, and back, by itself
                connection.terminate()
        self._spare = len(self._idle)
        self._sweeping = None
        if self._idle:
            self._await_sweep()

    def terminate(self) -> None:
        """Drop every connection, without waiting for a server that may hang."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._idle.clear()
        self._pool.terminate()


def _open(connection: Pooled) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # closed, and back with its pool already
        return False
