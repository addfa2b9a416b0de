"""Who looked at some rows: found by the digests that their looks have on record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from zhitong.connectors.access_entry import Records
from zhitong.connectors.loan import LOST, Pool, lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import RecordUnavailableError


class PlatformLookers:
    """Asks the register, which names no row, for the looks at some."""

    def __init__(self, pool: Pool, key: bytes, seconds: float = 5.0) -> None:
        self._pool = pool
        self._records = Records(key)
        self._seconds = seconds

    async def records(
        self,
        places: Sequence[tuple[str, str, str]],
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[str]:
        """Name the newest *limit* records of looks at the rows at *places*."""
        return await self._named("records", places, since, until, limit)

    async def looks(
        self,
        places: Sequence[tuple[str, str, str]],
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[str]:
        """Name the newest *limit* looks that saw one of the rows at *places*."""
        return await self._named("looks", places, since, until, limit)

    async def _named(
        self,
        which: str,
        places: Sequence[tuple[str, str, str]],
        *more: datetime | int | None,
    ) -> Sequence[str]:
        subjects = [self._records.subject(*place) for place in places]
        digests = list(map(bytes.fromhex, subjects))
        sql = statements("lookers")[which]
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                rows = await connection.fetch(sql, digests, *more)
        except LOST as error:
            raise RecordUnavailableError(
                "调阅登记簿不可用，请稍后重试",
                "the access register is not available; try again shortly",
            ) from error
        return [row["named"] for row in rows]
