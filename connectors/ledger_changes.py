"""What has changed in the ledger since a place in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from zhitong.connectors.loan import LOST, Pool, lent
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, Changed
from zhitong.exceptions import LedgerUnavailableError


class PlatformChanges:
    """Reads the log of the platform's database: what is sealed, in its order."""

    def __init__(self, pool: Pool, seconds: float = 5.0) -> None:
        self._pool = pool
        self._seconds = seconds

    async def since(self, position: int, most: int) -> Sequence[Changed]:
        """Give the first *most* versions of decisions from *position* on."""
        rows = await self._fetch("since", position, most)
        return [
            Changed(
                number=row["number"],
                decision_id=row["decision_id"],
                version=row["version"],
                change=Change(row["change"]),
            )
            for row in rows
        ]

    async def end(self) -> int:
        """Give the position of what is sealed next."""
        (row,) = await self._fetch("end")
        found: int = row[0]
        return found

    async def _fetch(self, name: str, *values: int) -> Sequence[asyncpg.Record]:
        sql = statements("ledger_changes")[name]
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                return await connection.fetch(sql, *values)
        except LOST as error:
            raise LedgerUnavailableError(
                "决定台账暂不可用，恢复后从原处继续",
                "the ledger is not available; it goes on from the same place when it "
                "is again",
            ) from error
