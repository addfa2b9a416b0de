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
from dataclasses import dataclass, field

import asyncpg

from zhitong.connectors.loan import Pooled

STATEMENTS = 50_000
"""A connection that has had so many goes back: a server's session grows with use."""
TEXT = 1_000_000
"""A connection that has had so many characters of different statements goes back: a
server keeps 60 to 70 bytes for each character of one that is prepared, and whoever asks
for ever other columns must not fill a department's memory."""
SECONDS_SPARE = 300.0
"""How long a connection is kept that nobody needs; twice that at most."""


@dataclass(slots=True)
class Loan:
    """A connection with what it has had."""

    connection: Pooled
    count: int = 0
    texts: set[str] = field(default_factory=set)
    size: int = 0

    def note(self, sql: str) -> None:
        """Note a statement that it gets."""
        self.count += 1
        if sql not in self.texts:
            self.texts.add(sql)
            self.size += len(sql)

    @property
    def used_up(self) -> bool:
        """Whether its server's session has grown enough."""
        return self.count >= STATEMENTS or self.size >= TEXT


class Kept:
    """The connections of one pool, each for one statement at a time."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._idle: list[Loan] = []
        """The one used last is taken first."""
        self._spare = 0
        """How many were idle all the time since the last sweep."""
        self._sweeping: asyncio.TimerHandle | None = None

    async def fetch(
        self, sql: str, parameters: Sequence[object]
    ) -> list[asyncpg.Record]:
        """Run one statement that leaves nothing behind."""
        loan = await self._taken()
        loan.note(sql)
        try:
            return await loan.connection.fetch(sql, *parameters)
        except asyncio.CancelledError:
            # A frozen server answers no cancel request either: drop it.
            loan.connection.terminate()
            raise
        finally:
            if not loan.used_up:
                self._keep(loan)
            elif _open(loan.connection):
                loan.connection.terminate()

    def _keep(self, loan: Loan) -> None:
        self._idle.append(loan)
        if self._sweeping is None:
            self._await_sweep()

    async def _taken(self) -> Loan:
        while self._idle:
            loan = self._idle.pop()
            self._spare = min(self._spare, len(self._idle))
            if _open(loan.connection):
                return loan
            await self._pool.release(loan.connection)  # its server has gone meanwhile
        return Loan(await self._pool.acquire())

    def _await_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(SECONDS_SPARE, self.sweep)

    def sweep(self) -> None:
        """Drop the connections that nobody needed since the last time."""
        unneeded, self._idle = self._idle[: self._spare], self._idle[self._spare :]
        for loan in unneeded:
            with suppress(asyncpg.InterfaceError):  # it has gone, and back, by itself
                loan.connection.terminate()
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
