"""A connection pool that gives up in time, and a breaker that leaves it at that.

Two traps are met here. A frozen server answers no cancel request either, so a
statement that is late is not cancelled but its connection dropped. And asyncpg's
own reset is a round trip of its own at each release; a read-only statement leaves
nothing behind that would need it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from circuitbreaker import CircuitBreaker

from zhitong.exceptions import (
    SourceDriftError,
    SourceError,
    SourceOpenError,
    SourceTimeoutError,
)

FAILURES_TO_OPEN = 3
SECONDS_OPEN = 5

DRIFT = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.DatatypeMismatchError,
    asyncpg.UndefinedFunctionError,
    asyncpg.DataError,  # a parameter for, or a cell of, a column of another type
)


async def _nothing_to_reset(_connection: object) -> None:
    """Leave the connection as it is."""


class Pool:
    """The connections to one department's database, read only."""

    def __init__(self, name: str, url: str, *, timeout: float, size: int) -> None:
        self._name = name
        self._url = url
        self._timeout = timeout
        self._size = size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
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

    async def fetch(
        self, sql: str, parameters: Sequence[object], *, probe: bool = False
    ) -> list[asyncpg.Record]:
        """Run one statement; a *probe* is let through an open breaker."""
        if self._breaker.opened and not probe:
            raise SourceOpenError(
                f"{self._name} 连续失败，暂停访问几秒后自动重试",
                f"{self._name} failed repeatedly; it is tried again in seconds",
            )
        try:
            with self._breaker:
                return await self._fetch(sql, parameters)
        except DRIFT as error:
            # Not the source's sickness: the breaker has counted it a success.
            raise SourceDriftError(
                f"{self._name} 的表结构已变", f"the tables of {self._name} changed"
            ) from error

    async def _fetch(
        self, sql: str, parameters: Sequence[object]
    ) -> list[asyncpg.Record]:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._run(sql, parameters)
        except (TimeoutError, asyncpg.QueryCanceledError) as error:
            raise SourceTimeoutError(
                f"{self._name} 在 {self._timeout:g} 秒内没有答复",
                f"{self._name} did not answer within {self._timeout:g} s",
            ) from error
        except DRIFT:
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise SourceError(
                f"{self._name} 不能访问，请查看该部门的数据库",
                f"{self._name} cannot be reached; look at that department's database",
            ) from error

    async def _run(
        self, sql: str, parameters: Sequence[object]
    ) -> list[asyncpg.Record]:
        pool = await self._connected()
        connection = await pool.acquire()
        try:
            return await connection.fetch(sql, *parameters)
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            await pool.release(connection)

    async def _connected(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._pool is None:
            pool = asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                timeout=self._timeout,
                reset=_nothing_to_reset,
                server_settings={
                    "application_name": "zhitong",
                    "timezone": "Asia/Shanghai",
                    "datestyle": "ISO, YMD",
                    "default_transaction_read_only": "on",
                    "statement_timeout": str(int(self._timeout * 1000)),
                    "jit": "off",
                },
            )
            # Two first callers may both come here; the later pool is the one kept.
            self._pool = await pool
        return self._pool

    async def close(self) -> None:
        """Drop every connection, without waiting for a server that may hang."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
