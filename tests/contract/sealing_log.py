"""What the tests of the sealer share: a log, leaves that wait for it, a close look."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from zhitong.connectors.key_ring import KeyRing
from zhitong.connectors.loan import Plain as Connection
from zhitong.connectors.migrations import migrate
from zhitong.connectors.sealer import Pace, Sealer
from zhitong.connectors.signers import ALGORITHMS, verify
from zhitong.evidence import Head
from zhitong.rules.head_notes import read_head
from zhitong.rules.merkle import NONE, Frontier, digest

MIGRATIONS = Path(__file__).parents[2] / "infra" / "migrations"
ORIGIN = "anze"
PATIENT = 240
QUICK = Pace(seconds=0.02)


async def begun(url: str, hash_name: str = "sha256") -> None:
    """Give the database at *url* our tables and an empty log."""
    await migrate(url, MIGRATIONS, ORIGIN, hash_name)


def leaf(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


async def wait_in_queue(connection: Connection, *names: str) -> None:
    """Let a leaf of each name wait."""
    await connection.execute(
        "insert into unsealed (kind, id, leaf) "
        "select 'LOOK', * from unnest($1::text[], $2::bytea[])",
        list(names),
        [leaf(name) for name in names],
    )


@asynccontextmanager
async def sealing(
    url: str, folder: Path, algorithm: str = "ecdsa-p256-sha256", pace: Pace = QUICK
) -> AsyncIterator[Sealer]:
    """Run a sealer for the time of the block."""
    sealer = Sealer(url, KeyRing(folder), algorithm, pace=pace)
    task = asyncio.create_task(sealer.run())
    try:
        yield sealer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for *holds*, patiently."""
    async with asyncio.timeout(PATIENT):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


async def sealed(connection: Connection, count: int) -> None:
    """Wait until *count* looks have a number."""

    async def all_of_them() -> bool:
        found = await connection.fetchval(
            "select count(*) from sealed_leaf where kind = 'LOOK'"
        )
        return bool(found >= count)

    await until(all_of_them)


async def checked(connection: Connection) -> list[Head]:
    """Give all heads, having checked all that a log promises by rows alone."""
    rows = await connection.fetch("select * from head order by at")
    leaves = await connection.fetch("select * from sealed_leaf order by number")
    assert [row["number"] for row in leaves] == list(range(len(leaves)))
    heads = [read_head(row["note"]) for row in rows]
    tree, previous = Frontier(digest(heads[0].hash)), NONE
    for row, head in zip(rows, heads, strict=True):
        assert (row["size"], row["at"]) == (head.size, head.at)
        for each in leaves[tree.size : head.size]:
            tree.add(each["leaf"])
        assert (tree.size, tree.root()) == (head.size, head.root)
        assert head.previous == previous
        previous = digest(head.hash)(head.note)
    assert tree.size == len(leaves)
    assert [head.at for head in heads] == sorted({head.at for head in heads})
    await _signed(connection)
    return heads


async def _signed(connection: Connection) -> None:
    rows = await connection.fetch(
        "select h.note, h.at, s.key_id, s.algorithm, s.value, k.spki, k.since, "
        "k.retired from head h left join head_signature s using (origin, size, at) "
        "left join evidence_key k using (key_id)"
    )
    assert rows
    for row in rows:
        assert row["algorithm"] in ALGORITHMS.values()
        assert verify(row["spki"], row["algorithm"], row["note"], row["value"])
        assert row["since"] <= row["at"]
        assert row["retired"] is None or row["at"] < row["retired"]
