"""The receipt book: what receivers say they hold, beside what they were sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID, uuid5

import asyncpg
import orjson

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST
from zhitong.connectors.statements import statements
from zhitong.decisions import NAMESPACE, Receipt
from zhitong.exceptions import LedgerUnavailableError

_SECONDS = 10.0
_POOL_SIZE = 2
BATCHES = 200
"""Batches without an answer that are looked for at once, the oldest first."""
LARGEST_STRAY = 65_536
"""Bytes kept of what is no receipt."""

_log = logging.getLogger("zhitong.receipts")


class PlatformReceiptBook:
    """The receipt book in the platform's database; opens its connections when asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def file(self, receipts: Sequence[Receipt]) -> None:
        """Keep *receipts*; one for nothing we sent is kept apart, and said.

        Twice the same changes nothing. Raises `LedgerUnavailableError`.
        """
        try:
            await self._file(receipts)
        except asyncpg.DataError as error:
            if len(receipts) == 1:
                # Signed as it must be, and yet no column takes what it says.
                (receipt,) = receipts
                why = f"it cannot be stored ({type(error).__name__})"
                await self.stray(receipt.receiver, _raw(receipt), why)
                return
            # One that cannot be stored must not take the others with it.
            for each in receipts:
                await self.file([each])

    async def _file(self, receipts: Sequence[Receipt]) -> None:
        strays = await self._do(
            "file",
            [str(each.event_id) for each in receipts],
            [each.receiver for each in receipts],
            [each.answer.value for each in receipts],
            [each.at for each in receipts],
            [each.payload_hash for each in receipts],
            [orjson.dumps(each.reasons).decode() for each in receipts],
            [each.key_id for each in receipts],
            [each.signed for each in receipts],
            [_stray_id(each.receiver, _raw(each)) for each in receipts],
            [orjson.dumps(each.blamed).decode() for each in receipts],
        )
        for stray in strays:
            _log.warning(
                "%s 的回执另存 a receipt kept apart: %s",
                stray["receiver"],
                stray["why"],
            )

    async def stray(self, receiver: str, raw: bytes, why: str) -> None:
        """Keep what is no receipt, or not signed as it must be.

        Its first 64 KiB are kept: more may come from anybody who can write there.
        """
        kept = raw[:LARGEST_STRAY]
        await self._do("stray", _stray_id(receiver, raw), receiver, kept, why)

    async def batch(self, receiver: str, place: str, number: int) -> Sequence[UUID]:
        """Give the events that were put into the batch *number* at *place*."""
        rows = await self._do("batch", receiver, place, number)
        return [UUID(row["event_id"]) for row in rows]

    async def unanswered(
        self, receiver: str, place: str, since: int = 0
    ) -> Sequence[int]:
        """Give the oldest batches at *place* from *since* on that are not answered."""
        rows = await self._do("unanswered", receiver, place, since, BATCHES)
        return [int(row["number"]) for row in rows]

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            # A frozen server would not answer a farewell.
            self._pool.terminate()
        self._pool = None

    async def _do(self, name: str, *values: object) -> list[asyncpg.Record]:
        try:
            async with asyncio.timeout(_SECONDS):
                if self._pool is None:
                    self._pool = await primary.pool(
                        self._url,
                        min_size=1,
                        max_size=_POOL_SIZE,
                        server_settings={"application_name": "zhitong receipts"},
                    )
                statement = statements("receipt_book")[name]
                found = await self._pool.fetch(statement, *values)
                # What was filed before may not be copied yet, and is not read again.
                await self._pool.execute(statements("primary")["copied"])
                return list(found)
        except asyncpg.DataError:
            raise
        except LOST as error:
            await self.close()
            raise LedgerUnavailableError(
                "平台数据库没有答复，回执留在主题上",
                "the platform's database does not answer; receipts stay on the topic",
            ) from error


def _raw(receipt: Receipt) -> bytes:
    """Give what it came as; of what is not signed, what it says of what."""
    return (receipt.signed or f"{receipt.event_id}/{receipt.answer}").encode()


def _stray_id(receiver: str, raw: bytes) -> UUID:
    """Name a stray by what it is: read twice, it is kept once."""
    return uuid5(NAMESPACE, f"{receiver}/{raw.hex()}")
