"""Deeds in the platform's database: each in the transaction of what it says.

This is the one way to write one. It commits nothing by itself: whoever does something
opens a transaction, does it, and has the deed written in it.
"""

from __future__ import annotations

import asyncio

import asyncpg
import orjson

from zhitong.connectors.loan import LOST, Connection, lent
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, LeafKind, stamp
from zhitong.exceptions import RecordUnavailableError
from zhitong.rules.merkle import digest, leaf


async def write(connection: Connection, deed: Deed) -> None:
    """Write *deed* in the transaction that *connection* is in."""
    sql = statements("deeds")
    tenant, algorithm = await connection.fetchrow(sql["log"]) or ("", "")
    written = body(deed, tenant)
    await connection.execute(
        sql["write"],
        deed.id,
        deed.at,
        deed.kind.value,
        deed.who,
        deed.unit,
        deed.action,
        deed.target,
        deed.reason,
        written,
        leaf(digest(algorithm), written),
    )


class PlatformDeeds:
    """Deeds of what is done outside the database: written before it is done."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], seconds: float = 5.0
    ) -> None:
        self._pool = pool
        self._seconds = seconds

    async def note(self, deed: Deed) -> None:
        """Commit *deed* alone; raise `RecordUnavailableError` where that fails."""
        try:
            async with (
                asyncio.timeout(self._seconds),
                lent(self._pool) as connection,
                connection.transaction(),
            ):
                await write(connection, deed)
        except LOST as error:
            raise RecordUnavailableError(
                "操作登记写不进，未作任何操作，请稍后重试",
                "the deed cannot be put on record, so nothing was done; try again",
            ) from error


def body(deed: Deed, tenant: str) -> bytes:
    """Write *deed* as its leaf is computed over: canonical JSON."""
    return orjson.dumps(
        {
            LeafKind.DEED.lower(): deed.id,
            "at": stamp(deed.at),
            "kind": deed.kind,
            "who": deed.who,
            "unit": deed.unit,
            "action": deed.action,
            "target": deed.target,
            "reason": deed.reason,
            "detail": deed.detail,
            "tenant": tenant,
        },
        option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z,
    )
