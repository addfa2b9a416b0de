"""The keys that records of looks are signed by: callers' receipts, our own disk."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from zhitong.connectors.key_ring import RECEIPT, SPOOL, KeyRing, public_keys
from zhitong.connectors.loan import LOST, Pool, lent
from zhitong.connectors.signers import verify
from zhitong.exceptions import ZhitongError
from zhitong.ports import Signer

LOGGER = logging.getLogger(__name__)
PATIENCE = 10.0


class RecordKeys:
    """Keys that lie in *folder*, their public halves in the platform's database."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        self._pool = pool
        self._ring = KeyRing(folder)
        self._spools: dict[str, tuple[bytes, str]] = {}

    async def receipt(self) -> Signer:
        """Give what signs receipts now: ES256, whatever the log is signed by."""
        async with asyncio.timeout(PATIENCE), lent(self._pool) as connection:
            return await self._ring.signer(connection, RECEIPT)

    async def receipt_again(self) -> Signer | None:
        """Give what signs receipts now, or nothing while that cannot be seen."""
        try:
            return await self.receipt()
        except (
            ZhitongError,
            *LOST,
        ) as error:
            # The key at hand goes on: it was in force when it was read.
            LOGGER.warning("no look at the keys: %s", type(error).__name__)
            return None

    async def spool(self, algorithm: str) -> Signer:
        """Give what signs the looks on our own disk; learn whose signatures count."""
        async with asyncio.timeout(PATIENCE), lent(self._pool) as connection:
            signer = await self._ring.signer(connection, SPOOL, algorithm)
            self._spools = {
                key.key_id: (key.spki, key.algorithm)
                for key in await public_keys(connection)
                if key.purpose == SPOOL
            }
        return signer

    def check(self, name: str, text: bytes, signature: bytes) -> bool:
        """Say whether the key *name*, which was ours once, has signed *text* so."""
        spki, algorithm = self._spools.get(name, (b"", ""))
        return verify(spki, algorithm, text, signature)
