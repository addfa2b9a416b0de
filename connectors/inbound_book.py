"""What others send us, in the platform's database: taken, answered, counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from zhitong.connectors import primary
from zhitong.connectors.inbound_judging import SQL, judge
from zhitong.connectors.key_ring import RECEIPT, KeyRing, KeySigner
from zhitong.connectors.loan import LOST, Pooled, lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError
from zhitong.inbound import Arrived, Fate, Fault, InboundReceipt, Judged

LENT_SECONDS = 30.0
"""How long one process has receipts to send before another may."""
_SECONDS = 30.0
_POOL_SIZE = 3
_STORED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""What the content of a message can be the cause of."""


class PlatformInbound:
    """The port `Inbound`; opens its connections when asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        # Who takes and who answers may come first together.
        self._opening = asyncio.Lock()

    async def take(self, arrivals: Sequence[Arrived]) -> Sequence[Judged]:
        """Judge *arrivals* with all that follows, in one transaction.

        Twice the same changes nothing. Raises `LedgerUnavailableError`.
        """
        if not arrivals:
            return []
        try:
            return await self._take(arrivals)
        except _STORED:
            if len(arrivals) > 1:
                # One that cannot be stored must not take the others with it.
                return [one for each in arrivals for one in await self.take([each])]
            (odd,) = arrivals
            aside = msgspec.structs.replace(
                odd, told=None, tidings=None, said=b"", faults=(Fault.UNSTORABLE,)
            )
            return await self._take([aside])

    async def _take(self, arrivals: Sequence[Arrived]) -> Sequence[Judged]:
        async with self._connected() as connection:
            async with connection.transaction():
                found = await judge(connection, arrivals)
            # What was taken before may not be copied yet, and is not judged again.
            await connection.execute(statements("primary")["copied"])
            return found

    async def due(self, limit: int) -> Sequence[InboundReceipt]:
        """Give receipts not yet sent, oldest first; nobody else is given them soon."""
        async with self._connected() as connection:
            rows = await connection.fetch(statements(SQL)["lend"], limit, LENT_SECONDS)
        return [_receipt(row) for row in sorted(rows, key=lambda row: row["due_at"])]

    async def answered(self, sent: Sequence[UUID]) -> None:
        """Note that receipts are with the broker."""
        async with self._connected() as connection:
            await connection.execute(statements(SQL)["answered"], list(sent))

    async def held(self) -> Mapping[tuple[str, Fate], int]:
        """Count what waits and what is in quarantine, by sender."""
        async with self._connected() as connection:
            rows = await connection.fetch(statements(SQL)["counts"])
        return {(row["sender"], Fate(row["verdict"])): row["many"] for row in rows}

    async def signer(self, folder: Path) -> KeySigner:
        """Give what signs receipts now: the key that receipts of answers are by."""
        async with self._connected() as connection:
            return await KeyRing(folder).signer(connection, RECEIPT)

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            # A frozen server would not answer a farewell.
            self._pool.terminate()
        self._pool = None

    async def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                self._pool = await primary.pool(
                    self._url,
                    min_size=1,
                    max_size=_POOL_SIZE,
                    server_settings={"application_name": "zhitong receipts"},
                )
            return self._pool

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Pooled]:
        try:
            async with asyncio.timeout(_SECONDS):
                async with lent(await self._opened()) as connection:
                    yield connection
        except _STORED:
            raise
        except LOST as error:
            await self.close()
            raise LedgerUnavailableError(
                "平台数据库没有答复，来函留在主题上",
                "the platform's database does not answer; what is sent to us stays on "
                "its topic",
            ) from error


def _receipt(row: asyncpg.Record) -> InboundReceipt:
    return InboundReceipt(
        receipt=row["verdict_id"],
        message=row["message_id"],
        sender=row["sender"],
        event_id=row["claimed"] or row["event_id"],
        fate=Fate(row["verdict"]),
        reasons=tuple(row["reasons"]),
        at=row["at"],
        payload_hash=row["hash"],
        topic=row["topic"],
        partition=row["kpartition"],
        offset=row["koffset"],
    )
