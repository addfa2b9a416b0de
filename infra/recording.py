"""What puts looks on record, put together: the register, our own disk, receipts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from zhitong.connectors.access_log import PlatformAccessLog
from zhitong.connectors.loan import Pool
from zhitong.connectors.record_keys import RecordKeys
from zhitong.connectors.spool import open_spools
from zhitong.infra.receipts import Receipts
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.ports import Freshness
from zhitong.resolvers.granted import HeldGrants
from zhitong.resolvers.records import Recorder

RENEW_SECONDS = 60.0
"""Until a key that took over signs receipts here too."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a gateway records by, while it runs."""

    recorder: Recorder
    receipts: Receipts
    kept: Callable[[], Mapping[str, object]]
    """Says what waits on our own disk."""


@asynccontextmanager
async def recording(
    settings: Settings,
    pool: Pool,
    freshness: Freshness | None = None,
    grants: HeldGrants | None = None,
) -> AsyncIterator[Recording]:
    """Open the register and our own disk; enter what a process before us left there."""
    keys = RecordKeys(pool, settings.evidence)
    receipts = Receipts(await keys.receipt())
    signer = await keys.spool(settings.evidence_signature)
    spools = open_spools(settings.spool, signer, keys.check, settings.spool_bytes)
    log = PlatformAccessLog(pool, secret(settings.state / "subject.key"), spools=spools)
    recorder = Recorder(log, freshness, grants)
    renewing = asyncio.create_task(_renew(receipts, keys))
    try:
        await log.open()
        yield Recording(recorder, receipts, log.report)
    finally:
        renewing.cancel()
        await recorder.close()
        await log.close()


async def _renew(receipts: Receipts, keys: RecordKeys) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        signer = await keys.receipt_again()
        if signer is not None:
            receipts.sign_by(signer)
