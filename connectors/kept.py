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
from math import inf

import asyncpg

from zhitong.connectors.loan import LOST, Pooled

STATEMENTS = 50_000
"""A connection that has had so many goes back: a server's session grows with use."""
TEXT = 1_000_000
"""A connection that has had so many characters of different statements goes back: a
server keeps 60 to 70 bytes for each character of one that is prepared, and whoever asks
for ever other columns must not fill a department's memory."""
SECONDS_SPARE = 300.0
"""How long a connection is kept that nobody needs; twice that at most."""

DROPPED = (*LOST, AttributeError)
"""What a statement meets on a connection that is dropped; between two steps of being
prepared it finds the driver's connection without a protocol."""


@dataclass(slots=True, eq=False)
class Loan:
    """A connection with what it has had."""

    connection: Pooled
    deadline: float = inf
    """When what it runs is late, by the loop's clock."""
    late: bool = False
    """Whether it was: it is dropped."""
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
        self._under_way: set[Loan] = set()
        self._watching: asyncio.TimerHandle | None = None
        self._due = inf
        """For when; uvloop's handles of what is due at once do not say it."""

    async def fetch(
        self, sql: str, parameters: Sequence[object], deadline: float = inf
    ) -> list[asyncpg.Record]:
        """Run one statement that leaves nothing behind.

        Raises `TimeoutError` where no answer came by *deadline*, of the loop's clock.
        """
        loan = self._idle_one() or await self._lent(deadline)
        loan.note(sql)
        loan.deadline = deadline
        self._under_way.add(loan)
        if deadline < self._due:
            self._watch(deadline)
        try:
            return await loan.connection.fetch(sql, *parameters)
        except asyncio.CancelledError:
            # A frozen server answers no cancel request either: drop it.
            _drop(loan)
            raise
        except DROPPED as error:
            if loan.late:
                raise TimeoutError from error
            if isinstance(error, AttributeError) and not _open(loan.connection):
                message = "the connection was dropped between two steps"
                raise asyncpg.InterfaceError(message) from error
            raise
        finally:
            self._under_way.discard(loan)
            if not loan.used_up:
                self._keep(loan)
            else:
                _drop(loan)

    def _watch(self, deadline: float) -> None:
        """Look at *deadline* for what is late: one timer for all that is under way."""
        self._due = deadline
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if deadline < inf:
            loop = asyncio.get_running_loop()
            self._watching = loop.call_at(deadline, self._drop_late, loop)

    def _drop_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Drop the connections of statements that are late, as if their server had."""
        self._watching = None
        now = loop.time()
        for loan in [one for one in self._under_way if one.deadline <= now]:
            loan.late = True
            self._under_way.discard(loan)
            _drop(loan)
        self._watch(min((one.deadline for one in self._under_way), default=inf))

    def _keep(self, loan: Loan) -> None:
        self._idle.append(loan)
        if self._sweeping is None:
            self._await_sweep()

    def _idle_one(self) -> Loan | None:
        """Take the connection used last, if it is still good."""
        if not self._idle or not _open(self._idle[-1].connection):
            return None
        loan = self._idle.pop()
        self._spare = min(self._spare, len(self._idle))
        return loan

    async def _lent(self, deadline: float) -> Loan:
        """Let the pool lend one; who waits meanwhile may leave one idle."""
        async with asyncio.timeout_at(deadline if deadline < inf else None):
            while self._idle:
                loan = self._idle_one()
                if loan is not None:
                    return loan
                gone = self._idle.pop()  # its server has, meanwhile
                self._spare = min(self._spare, len(self._idle))
                await self._pool.release(gone.connection)
            return Loan(await self._pool.acquire())

    def _await_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(SECONDS_SPARE, self.sweep)

    def sweep(self) -> None:
        """Drop the connections that nobody needed since the last time."""
        unneeded, self._idle = self._idle[: self._spare], self._idle[self._spare :]
        for loan in unneeded:
            _drop(loan)
        self._spare = len(self._idle)
        self._sweeping = None
        if self._idle:
            self._await_sweep()

    def terminate(self) -> None:
        """Drop every connection, without waiting for a server that may hang."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._watch(inf)
        self._idle.clear()
        self._pool.terminate()


def _drop(loan: Loan) -> None:
    with suppress(asyncpg.InterfaceError):  # it has gone, and back, by itself
        loan.connection.terminate()


def _open(connection: Pooled) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # closed, and back with its pool already
        return False
