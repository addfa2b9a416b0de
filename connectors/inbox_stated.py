"""What was stated to a receiver, and what it has of that, in its own database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from zhitong.connectors.loan import LOST, lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import InboxUnavailableError
from zhitong.ports import StatedDue, StatedHere

PATIENCE = 600.0
"""Seconds until a statement is answered although its end has not come."""
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class InboxStated:
    """The port `Stated` on PostgreSQL."""

    pool: asyncpg.Pool[asyncpg.Record]
    patience: float = PATIENCE

    async def keep(self, stated: Sequence[StatedHere]) -> None:
        """Keep what was stated, to be answered; look at the earlier ones again."""
        columns = list(
            zip(
                *(
                    (
                        each.statement,
                        each.topic,
                        each.partition,
                        each.start,
                        each.end,
                        each.said,
                        each.signed,
                    )
                    for each in stated
                ),
                strict=True,
            )
        )
        sql = statements("inbox_stated")
        try:
            async with lent(self.pool) as connection, connection.transaction():
                await connection.execute(sql["keep"], *map(list, columns[:4]))
                await connection.execute(sql["enter"], *map(list, columns))
                await connection.execute(sql["recount"])
        except LOST as error:
            raise _unavailable(error) from error

    async def due(self) -> Sequence[StatedDue]:
        """Give the statements to be answered now, with what is here of each."""
        rows = await self._rows("due", self.patience, _AT_ONCE)
        return [
            StatedDue(statement=row["statement_id"], said=row["said"], seen=row["seen"])
            for row in rows
        ]

    async def held(
        self, topic: str, partition: int, start: int, end: int
    ) -> Mapping[int, str]:
        """Give the event ids that are here of a place, by offset."""
        rows = await self._rows("held", topic, partition, start, end)
        return {row["koffset"]: row["event_id"] for row in rows}

    async def answered(self, statement: UUID, held: int) -> None:
        """Note that it was answered, with so many events."""
        await self._rows("answered", statement, held)

    async def forget(self, before: datetime) -> int:
        """Forget where events lay that came *before*; say how many windows went.

        A window goes whole: what is left of one would be answered as missing.
        """
        windows = await self._gone("forget_windows", before)
        await self._gone("forget_places", before)
        return windows

    async def _gone(self, name: str, before: datetime) -> int:
        many = 0
        while some := (await self._rows(name, before))[0]["many"]:
            many += some
        return many

    async def _rows(self, name: str, *values: object) -> Sequence[asyncpg.Record]:
        try:
            return await self.pool.fetch(statements("inbox_stated")[name], *values)
        except LOST as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> InboxUnavailableError:
    kind = type(error).__name__
    return InboxUnavailableError(
        f"接收方的数据库没有回应（{kind}），稍后再答复对账",
        f"the receiver's database does not answer ({kind}); the statement is answered "
        "later",
    )
