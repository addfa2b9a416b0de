"""Connections lent by a pool, and not given back in the middle of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Plain: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pooled: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Connection: TypeAlias = "Plain | Pooled"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
"""One of our own or one that a pool lends: statements run on either."""

LOST = (
    *(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError),
    # What the driver raises on a line whose end it has read and not yet understood: the
    # server's last word has come, or a COPY was cut off in its middle.
    asyncpg.InternalClientError,
)
"""What a statement meets whose connection, or server, is lost."""


async def nothing_to_reset(_connection: object) -> None:
    """Leave a connection that is given back as it is: nothing of ours stays on it."""


@asynccontextmanager
async def lent(
    pool: asyncpg.Pool[asyncpg.Record],
) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
    """Lend a connection of *pool*; it is dropped when its user is cut off."""
    connection = await pool.acquire()
    try:
        yield connection
    except asyncio.CancelledError:
        # A frozen server answers no cancel request either: drop it.
        connection.terminate()
        raise
    finally:
        await pool.release(connection)
