"""What is told of the stored clocks: written beside them, handed out, gone when sent.

What a clock was told to stand like is stored with it, in the transaction that writes
the event. Killed anywhere, both are there or neither; what was sent and not noted is
sent again, with the same id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from datetime import date
from uuid import UUID

import asyncpg

from zhitong.connectors.loan import Connection
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.clock_events import (
    ClockEvent,
    Days,
    What,
    standing,
    turns,
    what,
)
from zhitong.rules.notices import Address

PAGE = 2_000
"""Clocks that one transaction tells, and events that one batch sends."""
SECONDS = 120.0
SQL = "clock_events"


Send = Callable[[Sequence[ClockEvent]], Awaitable[Collection[int]]]
"""Sends events; gives the numbers of those that the broker has."""


class ClockEvents(Session):
    """The events of the platform's clocks, for an ``async with``.

    Each call raises `LedgerUnavailableError`, and nothing was done then.
    """

    SQL = SQL

    def __init__(self, url: str, addresses: Sequence[Address] = ()) -> None:
        """Also write what *addresses* are to be told of."""
        super().__init__(url, SECONDS)
        self._addresses = addresses

    async def tell(self, today: date) -> int:
        """Write what is to be told by *today*; say how many clocks were looked at.

        Fewer than `PAGE`: nothing is left.
        """
        async with self._connected() as connection, connection.transaction():
            if not await _alone(connection):
                return 0
            sql = statements(SQL)
            day = await connection.fetchval(sql["today"], today)
            if day is None:
                return 0  # no rules were adopted, so there are no clocks
            rows = await connection.fetch(sql["untold"], PAGE)
            if len(rows) < PAGE:
                left = PAGE - len(rows)
                rows += await connection.fetch(sql["turned"], left, day)
            if rows:
                await connection.execute(sql["told_on"], day)
                told = await connection.fetch(sql["tell"], *_told(rows, day))
                notices = list(self._noticed(told))
                if notices:
                    columns = [list(column) for column in zip(*notices, strict=True)]
                    await connection.execute(sql["notify"], *columns)
        return len(rows)

    def _noticed(
        self, told: Sequence[asyncpg.Record]
    ) -> Iterator[tuple[str, str, str, date]]:
        for row in told:
            came = What(row["what"])
            for one in self._addresses:
                if one.wants(row["unit"], row["duty"], came):
                    yield one.name, row["clock_id"], came.value, row["due_on"]

    async def hand(self, send: Send) -> int:
        """Have *send* send a page, and forget what it has sent; say how much."""
        async with self._connected() as connection, connection.transaction():
            if not await _alone(connection):
                return 0
            rows = await connection.fetch(statements(SQL)["unsent"], PAGE)
            if not rows:
                return 0
            sent = await send([_event(row) for row in rows])
            await connection.execute(statements(SQL)["sent"], list(sent))
        return len(sent)

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，时钟稍后再推送",
            "the platform's database does not answer; clocks are told later",
        )


async def _alone(connection: Connection) -> bool:
    return bool(await connection.fetchval(statements(SQL)["alone"]))


def _told(rows: Sequence[asyncpg.Record], day: date) -> Sequence[list[object]]:
    told: list[tuple[object, ...]] = []
    for row in rows:
        days = Days(
            near_on=row["near_on"],
            due_on=row["due_on"],
            ended_on=row["ended_on"],
            ended_at=row["ended_at"],
            lapsed=row["lapsed"],
        )
        stands = standing(days, day)
        came = what(row["told"], stands)
        told.append(
            (
                row["clock_id"],
                stands.words,
                came.value if came else None,
                stands.state.value,
                turns(days, day),
            )
        )
    return [list(column) for column in zip(*told, strict=True)]


def _event(row: asyncpg.Record) -> ClockEvent:
    return ClockEvent(
        seq=row["seq"],
        clock_id=row["clock_id"],
        decision_id=UUID(row["decision_id"]),
        order=row["case_hash"],
        duty=row["duty"],
        version=row["version"],
        unit=row["unit"],
        what=row["what"],
        state=row["state"],
        started_on=row["started_on"],
        near_on=row["near_on"],
        due_on=row["due_on"],
        provisional=row["provisional"],
        rule=row["rule"],
        ended_on=row["ended_on"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
        at=row["at"],
    )
