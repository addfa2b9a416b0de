"""The scripted year counted once more, in SQL that knows none of the rules' words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

import asyncpg
import orjson

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError

SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty about one version, and how it stands."""

    decision: str
    name: str
    version: int
    unit: str
    due: date
    state: str
    """A state of clocks; OPEN: it is still time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one unit's decisions come to in one channel."""

    unit: str
    channel: str
    reported: int
    late: int
    compliant: int
    concealed: int
    states: dict[str, int]


@dataclass(frozen=True, slots=True)
class Settled:
    """How far everything has come."""

    waiting: int
    touched: int
    """What is not computed, or not told yet."""
    sent: int
    answered: int


class Recount:
    """Counts what lies in the platform's database at *url*."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def duties(self, before: date, worked: Sequence[date]) -> Sequence[Duty]:
        """Give every duty as it stands at the beginning of the day *before*."""
        rows = await self._rows("late", before, worked)
        return [Duty(*row.values()) for row in rows]

    async def shown(self, before: date, worked: Sequence[date]) -> Sequence[Shown]:
        """Count what channels show, by unit."""
        rows = await self._rows("shown", before, worked)
        return [Shown(**{**row, "states": orjson.loads(row["states"])}) for row in rows]

    async def clocks(self) -> dict[str, tuple[str, str, str]]:
        """Give how each clock stands today: state, last day and end."""
        return {
            row["clock_id"]: (
                row["state"],
                str(row["due_on"]),
                str(row["ended_on"] or ""),
            )
            for row in await self._rows("clocks")
        }

    async def public(self, on: date) -> dict[str, int]:
        """Give the decisions that the own site shows *on* a day, with the version."""
        return {
            row["decision_id"]: row["shown"] for row in await self._rows("public", on)
        }

    async def answers(self) -> dict[tuple[str, str, str], int]:
        """Count receipts by receiver, change and answer."""
        return {
            (row["receiver"], row["change"], row["answer"]): row["many"]
            for row in await self._rows("answers")
        }

    async def settled(self) -> Settled:
        """Say how far everything has come."""
        (row,) = await self._rows("settled")
        return Settled(*row.values())

    async def _rows(self, name: str, *values: object) -> Sequence[asyncpg.Record]:
        async with self._connected() as connection:
            found = await connection.fetch(
                statements("scenario_recount")[name], *values
            )
        return list(found)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Plain]:
        try:
            connection = await primary.connect(self._url, command_timeout=SECONDS)
            try:
                yield connection
            finally:
                await connection.close()
        except LOST as error:
            raise LedgerUnavailableError(
                "平台数据库没有答复", "the platform's database does not answer"
            ) from error
