"""A connection pool that gives up in time, and a breaker that leaves it at that.

Three traps are met here. A frozen server answers no cancel request either, so a
statement that is late is not cancelled but its connection dropped. What a pool does
between two loans costs more than a small statement, and a read-only one leaves
nothing behind that would need it (`zhitong.connectors.kept`). And whoever asks too
much must not take the source from everybody: that a live server ended a statement,
that all connections were busy, or that a caller left, are no failures of the source,
and the breaker does not count them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import asyncpg
from circuitbreaker import STATE_CLOSED, CircuitBreaker

from zhitong.connectors import primary
from zhitong.connectors.kept import STATEMENTS, Kept
from zhitong.connectors.loan import LOST, nothing_to_reset
from zhitong.connectors.turns import Turns
from zhitong.exceptions import (
    SourceDriftError,
    SourceError,
    SourceOpenError,
    SourceTimeoutError,
)

FAILURES_TO_OPEN = 3
SECONDS_OPEN = 5
PATIENCE = 0.9
"""Part of the timeout after which a live server ends a statement itself."""
APART = 0.01
"""Seconds from one that waited for a sick source to the next, when all are told."""
PREPARED = 512
"""Statements a connection keeps prepared: those of a type's pages differ by columns."""

DRIFT = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.DatatypeMismatchError,
    asyncpg.UndefinedFunctionError,
    asyncpg.DataError,  # a parameter for, or a cell of, a column of another type
)


class Pool:
    """The connections to one department's database, read only."""

    def __init__(self, name: str, url: str, *, timeout: float, size: int) -> None:
        self._name = name
        self._url = url
        self._timeout = timeout
        self._size = size
        self._turns = Turns(size)
        self._kept: Kept | None = None
        self._trying = False
        self._breaker = CircuitBreaker(
            failure_threshold=FAILURES_TO_OPEN,
            recovery_timeout=SECONDS_OPEN,
            expected_exception=SourceError,
            name=name,
        )

    @property
    def state(self) -> str:
        """``closed`` (working), ``open`` (left alone) or ``half_open``."""
        return str(self._breaker.state)

    @property
    def failing(self) -> bool:
        """Whether the last statement that says something of the source failed."""
        return bool(self._breaker.failure_count)

    async def fetch(
        self, sql: str, parameters: Sequence[object], *, probe: bool = False
    ) -> list[asyncpg.Record]:
        """Run one statement; a *probe* is let through an open breaker."""
        self._check(probe=probe)
        if self.state == STATE_CLOSED or probe:
            outcome = await self._outcome(sql, parameters, probe=probe)
        else:
            # One of them finds out whether it is well again: were all let in, all
            # would wait, and be answered in one instant, before everybody else.
            self._trying = True
            try:
                outcome = await self._outcome(sql, parameters, probe=True)
            finally:
                self._trying = False
        if isinstance(outcome, list):
            self._breaker.reset()
            return outcome
        try:
            with self._breaker:
                raise outcome
        except DRIFT as error:
            # Not the source's sickness: the breaker has counted it a success.
            raise SourceDriftError(
                f"{self._name} 的表结构已变", f"the tables of {self._name} changed"
            ) from error
        except asyncpg.QueryCanceledError as error:
            raise self._late() from error

    def _check(self, *, probe: bool) -> None:
        if (self._breaker.opened or self._trying) and not probe:
            raise SourceOpenError(
                f"{self._name} 连续失败，暂停访问几秒后自动重试",
                f"{self._name} failed repeatedly; it is tried again in seconds",
            )

    def _late(self) -> SourceTimeoutError:
        return SourceTimeoutError(
            f"{self._name} 在 {self._timeout:g} 秒内没有答复",
            f"{self._name} did not answer within {self._timeout:g} s",
        )

    async def _outcome(
        self, sql: str, parameters: Sequence[object], *, probe: bool
    ) -> list[asyncpg.Record] | Exception:
        """Give the rows, or what the source did; raise what is not its doing."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout
        patient_until, pause = math.inf, 0.0
        try:
            await self._turns.take(deadline)
            try:
                patient_until = clock() + self._timeout * PATIENCE
                self._check(probe=probe)
                kept = self._kept or await self._connected(deadline)
                return await kept.fetch(sql, parameters, deadline)
            except SourceOpenError:
                # Whoever waited is told now, but not all in one instant.
                pause = APART * self._size
                raise
            finally:
                self._turns.give(pause)
        except (asyncpg.QueryCanceledError, *DRIFT) as error:
            return error
        except TimeoutError as error:
            if clock() < patient_until:  # most of the time went by in the queue
                raise self._late() from error
            return _because(self._late(), error)
        except LOST as error:
            return _because(
                SourceError(
                    f"{self._name} 不能访问，请查看该部门的数据库",
                    f"{self._name} cannot be reached; look at that department's "
                    "database",
                ),
                error,
            )

    async def _connected(self, deadline: float) -> Kept:
        pool = primary.pool(
            self._url,
            min_size=0,
            max_size=self._size,
            timeout=self._timeout,
            max_queries=STATEMENTS,
            reset=nothing_to_reset,
            statement_cache_size=PREPARED,
            # No limit of length: a page of a wide type has its columns twice, and
            # what is longer than the driver's 15 KB it prepares at every question.
            max_cacheable_statement_size=0,
            server_settings={
                "application_name": "zhitong",
                "timezone": "Asia/Shanghai",
                "datestyle": "ISO, YMD",
                "default_transaction_read_only": "on",
                "statement_timeout": str(int(self._timeout * PATIENCE * 1000)),
                "jit": "off",
            },
        )
        async with asyncio.timeout_at(deadline):
            made = Kept(await pool)
        # Two first callers may both come here; the earlier pool is the one kept.
        self._kept = self._kept or made
        return self._kept

    async def close(self) -> None:
        """Drop every connection, without waiting for a server that may hang."""
        if self._kept is not None:
            self._kept.terminate()
            self._kept = None


def _because(fault: SourceError, cause: Exception) -> SourceError:
    fault.__cause__ = cause
    return fault
