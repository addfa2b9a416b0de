"""Five departments captured while they write: nothing missed, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from capture_city import (
    SYSTEMS,
    Writer,
    compared,
    platform,
    prepare_city,
    write_binding,
)
from entries import MIGRATIONS
from machine import zhitong

from zhitong.connectors.migrations import migrate
from zhitong.infra.receiver_keys import make_demo_keys

pytestmark = pytest.mark.integration
WRITERS, EACH, RESTARTS = 16, 20, 4
PATIENCE = 60.0


async def test_five_systems_under_writes_and_restarts_miss_and_double_nothing(
    database: str, tmp_path: Path
) -> None:
    await prepare_city(database)
    rng = random.Random("captured")  # noqa: S311 - a seed
    async with platform(database, database, tmp_path) as made:
        captures = [
            made(write_binding(tmp_path, system)) for system in SYSTEMS.values()
        ]
        running = [asyncio.create_task(each.run()) for each in captures]
        systems = list(SYSTEMS.values())
        writing = asyncio.gather(
            *(
                Writer(
                    database,
                    systems[number % len(systems)],
                    random.Random(f"writer/{number}"),  # noqa: S311 - a seed
                    10_000 * number,
                ).run(EACH)
                for number in range(WRITERS)
            )
        )
        for _ in range(RESTARTS):
            await asyncio.sleep(rng.random())
            struck = rng.randrange(len(captures))
            running[struck].cancel()
            with suppress(asyncio.CancelledError):
                await running[struck]
            running[struck] = asyncio.create_task(captures[struck].run())
        await writing
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for each in captures:
            await each.once()
        for system in systems:
            found = await compared(database, database, system)
            assert found.whole, (system.source, found)
            assert found.rows > 0
            assert set(found.waiting) <= {"DECISION_DUPLICATE", "DECISION_FORMAT"}


async def test_a_capture_that_is_killed_misses_and_doubles_nothing(
    database: str, tmp_path: Path
) -> None:
    await prepare_city(database)
    system = SYSTEMS["transport"]
    folder = tmp_path / "bindings"
    folder.mkdir()
    write_binding(folder, system)
    make_demo_keys(tmp_path, ["provincial", "credit"])
    await migrate(database, MIGRATIONS, "anze")
    environ = {
        **os.environ,
        "ZHITONG_STATE": str(tmp_path),
        "ZHITONG_BINDINGS": str(folder),
        "ZHITONG_DATABASE_TRANSPORT": database,
        "ZHITONG_DATABASE_PLATFORM": database,
    }
    rng = random.Random("killed")  # noqa: S311 - a seed
    writer = Writer(database, system, rng, 0)
    writing = asyncio.create_task(writer.run(60))
    before = 0
    for _ in range(3):
        process = await run(environ, "run", "transport")
        try:
            before = await more(database, before)
        finally:
            process.kill()
            await process.wait()
    await writing
    process = await run(environ, "run", "transport", "--once")
    assert await process.wait() == 0
    found = await compared(database, database, system)
    assert found.whole, found
    assert found.held + found.void >= found.rows - sum(found.waiting.values())


async def run(environ: dict[str, str], *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *zhitong(Path(environ["ZHITONG_STATE"]), "capture", *words), env=environ
    )


async def more(database: str, before: int) -> int:
    """Wait until some decisions more are in the ledger; give how many there are."""
    async with asyncio.timeout(PATIENCE):
        while True:
            connection = await asyncpg.connect(database)
            try:
                with suppress(asyncpg.UndefinedTableError):
                    many = await connection.fetchval("select count(*) from decision")
                    if many >= before + 40:
                        return int(many)
            finally:
                await connection.close()
            await asyncio.sleep(0.02)
