"""The accounts of a server of our own: who owns the tables, and who uses them."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors.loan import Plain
from zhitong.connectors.statements import statements

LOCK = 7_000_004


async def arrange(url: str, passwords: Mapping[str, str], owner: str) -> None:
    """Let each role of *passwords* log in with its own, and *owner* own the database.

    *url* is the superuser's. What stands so already is left as it is.
    """
    queries = statements("server_roles")
    connection = await primary.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statements("migrations")["lock"], LOCK)
            for role, password in passwords.items():
                known = await connection.fetchval(queries["known"], role)
                await _run(connection, queries["make"], role, password, known)
            await _run(connection, queries["own"], owner)
    finally:
        await connection.close(timeout=5)


async def may_change_records(pool: asyncpg.Pool[asyncpg.Record]) -> bool:
    """Say whether *pool*'s account has more rights than a gateway needs."""
    return bool(await pool.fetchval(statements("server_roles")["excess"]))


async def _run(connection: Plain, written: str, *values: object) -> None:
    """Execute what the statement *written* writes, its names and texts quoted."""
    for (statement,) in await connection.fetch(written, *values):
        await connection.execute(statement)
