"""What puts looks on record, put together: the register, our own disk, receipts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from zhitong.connectors.access_log import PlatformAccessLog
from zhitong.connectors.key_ring import RECEIPT, SPOOL, KeyRing, public_keys
from zhitong.connectors.signers import verify
from zhitong.connectors.spool import Check, open_spools
from zhitong.exceptions import ZhitongError
from zhitong.infra.receipts import Receipts
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.ports import Freshness
from zhitong.resolvers.records import Recorder

LOGGER = logging.getLogger(__name__)
RENEW_SECONDS = 60.0
"""Until a key that took over signs receipts here too."""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a gateway records by, while it runs."""

    recorder: Recorder
    receipts: Receipts


@asynccontextmanager
async def recording(
    settings: Settings, pool: Pool, freshness: Freshness | None = None
) -> AsyncIterator[Recording]:
    """Open the register and our own disk; enter what a process before us left there."""
    ring = KeyRing(settings.evidence)
    async with pool.acquire() as connection:
        receipts = Receipts(await ring.signer(connection, RECEIPT))
        algorithm = settings.evidence_signature
        signer = await ring.signer(connection, SPOOL, algorithm)
        check = _check(
            {
                key.key_id: (key.spki, key.algorithm)
                for key in await public_keys(connection)
                if key.purpose == SPOOL
            }
        )
    spools = open_spools(settings.spool, signer, check, settings.spool_bytes)
    log = PlatformAccessLog(pool, secret(settings.state / "subject.key"), spools=spools)
    recorder = Recorder(log, freshness)
    renewing = asyncio.create_task(_renew(receipts, ring, pool))
    try:
        await log.open()
        yield Recording(recorder, receipts)
    finally:
        renewing.cancel()
        await recorder.close()
        await log.close()


def _check(keys: dict[str, tuple[bytes, str]]) -> Check:
    def check(name: str, text: bytes, signature: bytes) -> bool:
        spki, algorithm = keys.get(name, (b"", ""))
        return verify(spki, algorithm, text, signature)

    return check


async def _renew(receipts: Receipts, ring: KeyRing, pool: Pool) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            async with asyncio.timeout(RENEW_SECONDS), pool.acquire() as connection:
                receipts.sign_by(await ring.signer(connection, RECEIPT))
        except (ZhitongError, asyncpg.PostgresError, OSError) as error:
            # The key at hand goes on: it was in force when it was read.
            LOGGER.warning("no look at the keys: %s", type(error).__name__)
