"""A sealer that is killed at any moment loses nothing and seals nothing twice."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import asyncpg
import pytest
from sealing_log import begun, checked, leaf, sealed, sealing, until, wait_in_queue

pytestmark = pytest.mark.integration

PROGRAM = """
import asyncio, sys
from pathlib import Path
from zhitong.connectors.key_ring import KeyRing
from zhitong.connectors.sealer import Pace, Sealer

pace = Pace(seconds=0.001, heartbeat=0.01, batch=7)
sealer = Sealer(
    sys.argv[1], KeyRing(Path(sys.argv[2])), "ecdsa-p256-sha256", pace=pace,
    sealed=lambda head: print(head.size, flush=True),
)
asyncio.run(sealer.run())
"""
KILLS = 12
ROUNDS = 40


async def started(url: str, folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, url, str(folder), stdout=PIPE
    )


async def heads_of(process: Process, count: int) -> None:
    """Wait until *process* has made so many heads."""
    assert process.stdout is not None
    for _ in range(count):
        assert await process.stdout.readline()


async def test_a_sealer_that_is_killed_again_and_again_loses_and_doubles_nothing(
    database: str, tmp_path: Path
) -> None:
    seed = 20261122
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    await begun(database)
    connection = await asyncpg.connect(database)
    names = [f"look-{number:05}" for number in range(KILLS * ROUNDS)]

    async def insert() -> None:
        inserting = await asyncpg.connect(database)
        try:
            for name in names:
                await wait_in_queue(inserting, name)
                await asyncio.sleep(chance.random() / 100)
        finally:
            await inserting.close()

    inserted = asyncio.create_task(insert())
    try:
        for _ in range(KILLS):
            process = await started(database, tmp_path)
            async with asyncio.timeout(60):
                await heads_of(process, chance.randint(1, 12))
            await asyncio.sleep(chance.random() / 50)
            process.kill()
            assert await process.wait() == -signal.SIGKILL
        await inserted
        async with sealing(database, tmp_path):
            await sealed(connection, len(names))
        await checked(connection)
        rows = await connection.fetch(
            "select id, leaf from sealed_leaf where kind = 'LOOK'"
        )
        assert sorted((r["id"], r["leaf"]) for r in rows) == [
            (name, leaf(name)) for name in names
        ]
        assert await connection.fetchval("select count(*) from unsealable") == 0
    finally:
        inserted.cancel()
        await connection.close()


async def test_a_halted_sealer_is_replaced_and_seals_nothing_when_it_goes_on(
    database: str, tmp_path: Path
) -> None:
    await begun(database)
    connection = await asyncpg.connect(database)
    process = await started(database, tmp_path)
    try:
        async with asyncio.timeout(60):
            await heads_of(process, 1)
        process.send_signal(signal.SIGSTOP)
        await wait_in_queue(connection, "one")
        async with sealing(database, tmp_path):
            # The server drops the line of the halted one, and its lock with it.
            await sealed(connection, 1)
            process.send_signal(signal.SIGCONT)
            await wait_in_queue(connection, "two")
            await sealed(connection, 2)

        async def other_goes_on() -> bool:
            found = await connection.fetchval("select count(*) from head")
            await asyncio.sleep(0.1)
            return bool(await connection.fetchval("select count(*) from head") > found)

        await until(other_goes_on)
    finally:
        process.kill()
        await process.wait()
    await checked(connection)
    await connection.close()
