"""``zhitong seal``: the sealer as a process; several may run, one of them seals."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from zhitong.connectors.key_ring import KeyRing
from zhitong.connectors.primary import follow
from zhitong.connectors.sealer import Pace, Sealer
from zhitong.infra.countersigning import Countersigning
from zhitong.infra.platform_database import SEALER, platform_that_answers
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state
from zhitong.infra.timestamping import Timestamping
from zhitong.infra.workers import run_worker

NAME = "seal"

_log = logging.getLogger("zhitong.sealer")


def seal(settings: Settings) -> None:
    """Seal until SIGINT or SIGTERM."""
    run_worker(settings, NAME, partial(_seal, settings), several=True)


async def _seal(settings: Settings, name: str) -> None:
    claim_state(settings)
    url = await platform_that_answers(settings, SEALER, _log)
    countersigning = Countersigning(url, settings)
    timestamping = Timestamping(url, settings)
    sealer = Sealer(
        url,
        KeyRing(settings.evidence),
        settings.evidence_signature,
        pace=Pace(seconds=settings.seal_seconds),
        sealed=lambda _: countersigning.wake(),
    )
    print(f"封存已启动 The sealer runs: {name}", flush=True)  # noqa: T201 - what the command line says
    async with asyncio.TaskGroup() as group:
        group.create_task(sealer.run())
        group.create_task(countersigning.run())
        group.create_task(timestamping.run())
        group.create_task(follow(url))
