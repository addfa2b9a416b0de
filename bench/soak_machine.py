"""Faults of the machine itself: its disks, writing through to them, its clocks."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
from machine import until
from soak_crew import Way
from soak_disks import LARGE_MIB, empty, fill, no_small_disk, small_disk
from soak_world import World

_FAKETIME = tuple(
    Path(folder) / "faketime" / "libfaketimeMT.so.1"
    for folder in (
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib",
    )
)
_JUMPS = ("+365d", "-30d")
_SLOW = "100000"
"""Microseconds by which each write to disk is late."""
_SMALL_WAL = {"max_wal_size": "128MB", "min_wal_size": "48MB"}


def lacks(tool: str, _: World) -> str:
    """Say that *tool* is missing; empty: it is there."""
    if shutil.which(tool) is None or (tool == "faketime" and _library() is None):
        return f"no {tool}"
    return ""


@asynccontextmanager
async def fsync_slow(world: World, place: str) -> AsyncIterator[None]:
    """Let each write-through of a database take longer, as a worn disk's does."""
    tracer = await _traced(world, place, f"fsync,fdatasync:delay_exit={_SLOW}")
    try:
        yield
    finally:
        _end(tracer)


@asynccontextmanager
async def fsync_fails(world: World, place: str) -> AsyncIterator[None]:
    """Let a write-through fail: the database must fall, and recover from its log."""
    tracer = await _traced(world, place, "fdatasync,fsync:error=EIO:when=1")
    try:
        yield
    finally:
        _end(tracer)
        await asyncio.to_thread(world.revive, world.leader(place))


async def _traced(world: World, place: str, injected: str) -> subprocess.Popen[bytes]:
    """Trace those of a server's processes that serve clients or write its log."""
    connection = await asyncpg.connect(world.superuser(place), timeout=5)
    try:
        rows = await connection.fetch(
            "select pid from pg_stat_activity where pid <> pg_backend_pid()"
            " and backend_type in ('client backend', 'walwriter')"
        )
    finally:
        connection.terminate()
    # Not those begun later: a server that recovers must be let.
    words = ["strace", "-qq", "-o", os.devnull, "-e", "trace=fsync,fdatasync"]
    words += ["-e", f"inject={injected}"]
    for row in rows:
        words += ["-p", str(row["pid"])]
    log = world.settings.state / "log" / "soak strace.log"
    with log.open("ab") as out:
        return subprocess.Popen(words, stdout=out, stderr=out)  # noqa: ASYNC220, S603 - our words, begun at once


def _end(tracer: subprocess.Popen[bytes]) -> None:
    tracer.terminate()
    try:
        tracer.wait(10)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait(10)


@asynccontextmanager
async def log_full(world: World, _: str) -> AsyncIterator[None]:
    """Fill the disk of a broker's log; once there is room again, start who fell."""
    disk = world.disks["broker log"]
    number = world.broker.nodes[0].number
    await asyncio.to_thread(fill, disk)
    try:
        yield
    finally:
        await asyncio.to_thread(empty, disk)
        # A broker that has given a disk up takes it again when it starts.
        await asyncio.to_thread(world.broker.stop, number)
        await asyncio.to_thread(world.broker.start, number)


@asynccontextmanager
async def wal_full(world: World, place: str) -> AsyncIterator[None]:
    """Put the primary's log of changes on a small disk, and fill that."""
    server = replace(world.leader(place), settings=_SMALL_WAL)
    wal = server.data / "pg_wal"
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(small_disk, wal, LARGE_MIB)
    try:
        await asyncio.to_thread(server.start)
        # Segments that are there already are used first.
        with suppress(asyncpg.PostgresError, OSError, TimeoutError):
            await world.ask("checkpoint")
        await asyncio.to_thread(fill, wal)
        with suppress(asyncpg.PostgresError, OSError, TimeoutError):
            for _ in range(12):
                await world.ask("select pg_switch_wal()")
                await asyncio.sleep(0.1)
        yield
    finally:
        await asyncio.to_thread(empty, wal)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(no_small_disk, wal)
        await asyncio.to_thread(world.cluster(place).start)


@asynccontextmanager
async def clock_jumps(world: World, place: str) -> AsyncIterator[None]:
    """Let one process's clock jump while it runs: a year on, then a month back."""
    # Another's may jump at the same time.
    file = world.settings.state / "log" / f"soak {place}.clock"
    _set(file, "+0")
    usual = world.crew.way(place)
    faked = {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_RESET": "1",
        "NO_FAKE_STAT": "1",
        # What is measured from a start is not the wall's clock.
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    await world.crew.end(place)
    way = Way(variables={**usual.variables, **faked}, prefix=usual.prefix)
    world.crew.begin(place, way)
    try:
        await until(lambda: world.crew.ready(place), place)
        for jump in _JUMPS:
            _set(file, jump)
            await asyncio.sleep(4.0)
        yield
    finally:
        await world.crew.end(place)
        world.crew.begin(place)
        file.unlink()


def _set(file: Path, offset: str) -> None:
    # Whole or not at all: it is read while it is written.
    draft = file.with_suffix(".draft")
    draft.write_text(f"{offset}\n", "ascii")
    draft.replace(file)


def _library() -> Path | None:
    return next((path for path in _FAKETIME if path.exists()), None)
