"""What of the log anybody may see: its keys, its newest head. No personal data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import asyncpg

from zhitong.connectors.key_ring import PublicKey, public_keys
from zhitong.connectors.loan import LOST, Connection, Pooled, lent
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.evidence import Countersignature, Signature
from zhitong.exceptions import LedgerUnavailableError

_SECONDS = 5.0

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedHead:
    """A head with all that was said of it."""

    size: int
    at: datetime
    note: bytes
    signatures: Sequence[Signature]
    countersignatures: Sequence[Countersignature]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """How the log is: its size, how old its head is, what waits for the next one."""

    origin: str
    hash: str
    size: int | None
    """Leaves under the newest head; None: no head yet."""
    at: datetime | None
    age: float | None
    """Seconds since the newest head."""
    waiting: int
    oldest: float | None
    """Seconds that the oldest leaf has waited."""


class Published:
    """Keys and head out of the platform's database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def keys(self) -> Sequence[PublicKey]:
        """List every key there was."""
        return await self._asked(public_keys)

    async def head(self) -> PublishedHead | None:
        """Give the newest head; None: none was signed yet."""
        return await self._asked(_newest)

    async def _asked(self, ask: Callable[[Pooled], Awaitable[_Result]]) -> _Result:
        try:
            async with asyncio.timeout(_SECONDS), lent(self._pool) as connection:
                return await ask(connection)
        except LOST as error:
            raise _unavailable() from error


class LogTable(Session):
    """The log as a command looks at it."""

    SQL = "evidence_log"

    async def state(self) -> LogState | None:
        """Say how the log is; None: the database has none."""
        rows = await self._fetch("state")
        return LogState(**rows[0]) if rows else None  # type: ignore[arg-type]

    def _unavailable(self) -> LedgerUnavailableError:
        return _unavailable()


async def _newest(connection: Connection) -> PublishedHead | None:
    row = await connection.fetchrow(statements("evidence_log")["newest"])
    if row is None:
        return None
    # Whoever keeps a head may hold it against us: it is shown once it is copied.
    await connection.execute(statements("primary")["copied"])
    return PublishedHead(
        size=row["size"],
        at=row["at"],
        note=row["note"],
        signatures=[_signature(*each) for each in row["signatures"]],
        countersignatures=[
            Countersignature(seen=seen, signature=_signature(*each))
            for *each, seen in row["countersignatures"]
        ],
    )


def _signature(key_id: str, algorithm: str, value: bytes) -> Signature:
    return Signature(key_id=key_id, algorithm=algorithm, value=value)


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复，请稍后再取",
        "the platform's database does not answer; fetch it again later",
    )
