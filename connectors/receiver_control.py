"""What an operator does to receivers; each action says in a row who did it and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import asyncpg

from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError

_SECONDS = 10.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

State = Mapping[str, object]
"""A row, by the columns of the statement of its name."""


class ReceiverControl:
    """The receivers of the platform's database, for the time of an ``async with``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._connection = await asyncpg.connect(self._url, timeout=_SECONDS)
        except _LOST as error:
            raise _unavailable() from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=_SECONDS)

    async def states(self) -> Sequence[State]:
        """Say how each receiver is and what waits for it."""
        return await self._fetch("state")

    async def parked(self) -> Sequence[State]:
        """Name the keys that wait behind a dead letter, longest first."""
        return await self._fetch("parked")

    async def suspend(self, receiver: str, who: str, because: str) -> bool:
        """Hold *receiver*; False if it is held already, or unknown."""
        return bool(await self._fetch("suspend", receiver, who, because))

    async def resume(self, receiver: str, who: str, because: str) -> bool:
        """Send to *receiver* again; False if it is not held, or unknown."""
        return bool(await self._fetch("resume", receiver, who, because))

    async def release(self, receiver: str, key: str, who: str, because: str) -> bool:
        """Let a parked key go on; False if it is not parked."""
        return bool(await self._fetch("release", receiver, who, because, key))

    async def _fetch(self, name: str, *values: object) -> Sequence[State]:
        assert self._connection is not None  # noqa: S101 - inside its `async with`
        statement = statements("receiver_control")[name]
        try:
            rows = await self._connection.fetch(statement, *values, timeout=_SECONDS)
        except _LOST as error:
            raise _unavailable() from error
        return [dict(row) for row in rows]


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复：请确认它在运行，且已由网关建表（zhitong serve）",
        "the platform's database does not answer: see that it runs and that a gateway "
        "has made its tables (zhitong serve)",
    )
