"""Who looked at one row: found by the digest that its looks have on record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from zhitong.connectors.access_entry import Records
from zhitong.connectors.loan import Pool, lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import RecordUnavailableError


class PlatformLookers:
    """Asks the register, which names no row, for the looks at one."""

    def __init__(self, pool: Pool, key: bytes, seconds: float = 5.0) -> None:
        self._pool = pool
        self._records = Records(key)
        self._seconds = seconds

    async def records(
        self,
        place: tuple[str, str, str],
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[str]:
        """Name the newest *limit* records of looks at the row at *place*."""
        subject = bytes.fromhex(self._records.subject(*place))
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                rows = await connection.fetch(
                    statements("lookers")["records"], subject, since, until, limit
                )
        except (
            *(asyncpg.PostgresError, asyncpg.InterfaceError),
            *(OSError, TimeoutError),
        ) as error:
            raise RecordUnavailableError(
                "调阅登记簿不可用，请稍后重试",
                "the access register is not available; try again shortly",
            ) from error
        return [row["record_id"] for row in rows]
