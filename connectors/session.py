"""A connection of one's own to the platform's database, while an operator uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from zhitong.connectors import deeds
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.own_connection import OwnConnection
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed
from zhitong.exceptions import ZhitongError

State = Mapping[str, object]
"""A row, by the columns of its statement."""


class Session(OwnConnection, ABC):
    """What is done with the database at *url*, for the time of an ``async with``."""

    SQL: ClassVar[str]
    """Which file has the statements."""

    def __init__(self, url: str, seconds: float = 10.0) -> None:
        super().__init__(url, self._answered, timeout=seconds, command_timeout=seconds)

    @abstractmethod
    def _unavailable(self) -> ZhitongError:
        """Say that the database does not answer."""

    async def _fetch(self, name: str, *values: object) -> Sequence[State]:
        async with self._connected() as connection:
            return await self._rows(connection, name, *values)

    async def _do(
        self, deed: Callable[[State], Deed], name: str, *values: object
    ) -> Sequence[State]:
        """Run a statement and write a deed for each row that it gives, or neither."""
        async with self._connected() as connection, connection.transaction():
            rows = await self._rows(connection, name, *values)
            for row in rows:
                await deeds.write(connection, deed(row))
            return rows

    async def _rows(
        self, connection: Plain, name: str, *values: object
    ) -> Sequence[State]:
        statement = statements(self.SQL)[name]
        return [dict(row) for row in await connection.fetch(statement, *values)]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Plain]:
        async with self._answered():
            yield self._own

    @asynccontextmanager
    async def _answered(self) -> AsyncIterator[None]:
        try:
            yield
        except LOST as error:
            raise self._unavailable() from error
