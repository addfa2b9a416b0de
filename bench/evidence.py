"""Time the sealer on this machine: `make bench-evidence`.

Everything real: embedded PostgreSQL, and ``zhitong seal`` as a process of its own, in a
state folder that is made for it and removed. Prints

- how long so many leaves that wait take to be sealed;
- how long a sealer takes from its start to a head, on an empty log and on that one;
- at a steady rate of commits, one leaf each, how long each leaf waited from its writing
  until it was seen to be sealed: p50, p99, worst;
- how long a proof takes out of the tables.

Nothing is judged. Writers, sealer, server and this process share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable
from pathlib import Path

import asyncpg
from machine import others, quantiles, running, until

from zhitong.connectors import log_proofs
from zhitong.connectors.loan import Plain
from zhitong.infra.embedded import address, clean, databases
from zhitong.infra.platform_database import OWNER, PLATFORM, claim
from zhitong.infra.settings import Settings
from zhitong.rules.merkle import digest

WRITERS = 8
LOOK = 0.02
"""Seconds between two looks at what is sealed."""
PROOFS = 200

FILL = """insert into unsealed (kind, id, leaf)
select 'LOOK', 'filled-' || n, sha256(n::text::bytea) from generate_series(1, $1) n"""
WRITE = """insert into unsealed (kind, id, leaf)
values ('LOOK', $1, sha256(convert_to($1, 'UTF8')))"""
FOUND = "select count(*) from sealed_leaf where kind = 'LOOK' and id = $1"
WAITING = "select count(*) from unsealed"
SIZE = "select coalesce(max(size), 0) from head"
SEALED = "select number, id from sealed_leaf where number >= $1 and id like 'at-%'"


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<52} {found}", flush=True)


async def bulk(connection: Plain, count: int) -> None:
    """Time the sealing of *count* leaves that wait."""
    await connection.execute(FILL, count)
    began = time.monotonic()

    async def empty() -> bool:
        return not await connection.fetchval(WAITING)

    await until(empty, "an empty queue")
    seconds = time.monotonic() - began
    row(f"{count:,} leaves sealed", f"{seconds:.1f} s, {count / seconds:,.0f}/s")


async def sealing(connection: Plain) -> None:
    """Wait until a sealer is at work."""
    name = f"awaited-{time.monotonic()}"
    await connection.execute(WRITE, name)

    async def found() -> bool:
        return bool(await connection.fetchval(FOUND, name))

    await until(found, "a sealer")


async def start(connection: Plain, state: Path) -> None:
    """Time a sealer from its process's start to the first head with a new leaf."""
    await connection.execute(WRITE, f"first-{time.monotonic()}")
    before = await connection.fetchval(SIZE)
    began = time.monotonic()
    with running(state, "seal"):

        async def grown() -> bool:
            return bool(await connection.fetchval(SIZE) > before)

        await until(grown, "a first head")
        seconds = time.monotonic() - began
    row(f"from a process's start to a head after {before:,}", f"{seconds:.2f} s")


async def steady(url: str, rate: int, seconds: int) -> None:
    """Commit at a constant rate, look what is sealed, print how long each waited."""
    seen: dict[str, float] = {}
    looking = await asyncpg.connect(url)
    first = await looking.fetchval(SIZE)

    async def look() -> None:
        number = first
        while len(seen) < rate * seconds:
            rows = await looking.fetch(SEALED, number)
            now = time.monotonic()
            for each in rows:
                written = float(each["id"].split("-")[1])
                seen[each["id"]] = now - written
                number = max(number, each["number"] + 1)
            await asyncio.sleep(LOOK)

    looker = asyncio.create_task(look())
    pool = await asyncpg.create_pool(url, min_size=WRITERS, max_size=WRITERS)
    began = time.monotonic()
    late = await _write_all(pool, rate, seconds, began)
    spent = time.monotonic() - began
    async with asyncio.timeout(300):
        await looker
    await pool.close()
    await looking.close()
    row(
        f"waited for the seal at {rate:,} commits/s, {seconds} s",
        quantiles(list(seen.values())),
    )
    row("  of these: committed", f"{rate * seconds / spent:,.0f}/s")
    row("  writers behind their time at worst", f"{late * 1000:.0f} ms")


async def _write_all(
    pool: asyncpg.Pool[asyncpg.Record], rate: int, seconds: int, began: float
) -> float:
    """Write each leaf at its time; say how late the latest was begun."""
    worst = 0.0

    async def writer(mine: int) -> None:
        nonlocal worst
        for number in range(mine, rate * seconds, WRITERS):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            worst = max(worst, now - due)
            await pool.execute(WRITE, f"at-{now:.6f}-{number}")

    await asyncio.gather(*(writer(mine) for mine in range(WRITERS)))
    return worst


async def proofs(connection: Plain) -> None:
    """Time proofs of inclusion and consistency over the whole log."""
    of = digest("sha256")
    size = await connection.fetchval(SIZE)
    places = range(0, size, max(1, size // PROOFS))

    async def timed(proof: Awaitable[object]) -> float:
        began = time.monotonic()
        await proof
        return time.monotonic() - began

    found = [
        await timed(log_proofs.inclusion(connection, of, place, size))
        for place in places
    ]
    row(f"a proof of inclusion in {size:,}", quantiles(found))
    found = [
        await timed(log_proofs.consistency(connection, of, place, size))
        for place in places
    ]
    row(f"a proof of consistency with {size:,}", quantiles(found))


async def measure(state: Path, given: argparse.Namespace) -> None:
    """Do all of it."""
    url = address(state, {})(OWNER)
    connection = await asyncpg.connect(url)
    await start(connection, state)
    with running(state, "seal"):
        await sealing(connection)
        await bulk(connection, given.leaves)
    await start(connection, state)
    with running(state, "seal"):
        await sealing(connection)
        await steady(str(url), given.rate, given.seconds)
    await proofs(connection)
    await connection.close()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=200_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=30)
    given = parser.parse_args()
    state = Path(".zhitong/bench") / f"evidence-{os.getpid()}"
    row("the machine before", others())
    try:
        settings = Settings(state=state)
        claim(settings, databases((PLATFORM,), {}, state)[PLATFORM])
        asyncio.run(measure(state, given))
    finally:
        clean(state)


if __name__ == "__main__":
    main()
