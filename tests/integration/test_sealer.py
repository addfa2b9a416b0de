"""The sealer over a real database: nothing is lost, nothing is sealed twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from sealing_log import (
    QUICK,
    begun,
    checked,
    leaf,
    sealed,
    sealing,
    until,
    wait_in_queue,
)

from zhitong.connectors import log_proofs
from zhitong.connectors.clock import Clock
from zhitong.connectors.evidence_log import begin
from zhitong.connectors.key_ring import KeyRing
from zhitong.connectors.loan import Plain as Connection
from zhitong.connectors.sealer import LOCK, Pace, Sealer
from zhitong.exceptions import EvidenceBrokenError, SettingsError
from zhitong.rules.merkle import consistency, digest, inclusion

pytestmark = pytest.mark.integration

LEFT = "select count(*) from unsealed where kind = 'LOOK'"


@pytest.fixture
async def platform(database: str) -> str:
    await begun(database)
    return database


@pytest.fixture
async def connection(platform: str) -> AsyncIterator[Connection]:
    made = await asyncpg.connect(platform)
    yield made
    await made.close()


async def test_what_waits_is_numbered_under_a_signed_head(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    names = [f"look-{number:04}" for number in range(1_000)]
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, *names[:1])
        await sealed(connection, 1)
        await wait_in_queue(connection, *names[1:])
        await sealed(connection, 1_000)
    await checked(connection)
    found = await connection.fetch("select id, leaf from sealed_leaf where kind='LOOK'")
    assert {row["id"]: row["leaf"] for row in found} == {n: leaf(n) for n in names}
    assert await connection.fetchval(LEFT) == 0


async def test_an_empty_log_has_a_head_that_says_so(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    async with sealing(platform, tmp_path):
        await until(lambda: _some(connection, "select count(*) > 0 from head"))
    (first, *_) = await checked(connection)
    assert (first.size, first.root) == (0, digest("sha256")(b""))


async def test_a_row_committed_late_is_sealed_later(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    slow = await asyncpg.connect(platform)
    try:
        late = slow.transaction()
        await late.start()
        await wait_in_queue(slow, "late")
        async with sealing(platform, tmp_path):
            for number in range(5):
                await wait_in_queue(connection, f"early-{number}")
                await sealed(connection, number + 1)
            await late.commit()
            await wait_in_queue(connection, "after")
            after = "select exists (select from sealed_leaf where id = 'after')"
            await until(lambda: _some(connection, after))
    finally:
        await slow.close()
    await checked(connection)
    last = "select id from sealed_leaf where kind = 'LOOK' order by number desc limit 2"
    rows = await connection.fetch(last)
    assert [row["id"] for row in rows] == ["after", "late"]


async def test_more_than_a_batch_has_a_head_for_each(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    await wait_in_queue(connection, *(f"{number}" for number in range(250)))
    async with sealing(platform, tmp_path, pace=Pace(seconds=0.02, batch=100)):
        await sealed(connection, 250)
    sizes = [head.size for head in await checked(connection)]
    assert sizes[:2] == [100, 200]


async def test_two_sealers_are_one_and_the_other_takes_over(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    async with sealing(platform, tmp_path):
        async with sealing(platform, tmp_path):
            await wait_in_queue(connection, "one")
            await sealed(connection, 1)
            holders = "select count(*) from pg_locks where locktype = 'advisory' "
            held = await connection.fetchval(
                holders + "and objid = $1 and granted", LOCK
            )
            assert held == 1
        await wait_in_queue(connection, "two")
        await sealed(connection, 2)
    await checked(connection)


async def test_a_sealer_whose_line_is_cut_goes_on(
    platform: str,
    connection: Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'zhitong-sealer' and datname = current_database()"
    )
    async with sealing(platform, tmp_path):
        for number in range(3):
            await wait_in_queue(connection, f"{number}")
            await sealed(connection, number + 1)
            await connection.execute(cut)
        await wait_in_queue(connection, "last")
        await sealed(connection, 4)
    await checked(connection)
    assert any("LEDGER_UNAVAILABLE" in record.message for record in ours(caplog))


async def test_a_log_that_beats_shows_that_its_sealer_lives(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    await wait_in_queue(connection, "one")
    pace = Pace(seconds=0.02, heartbeat=0.05)
    async with sealing(platform, tmp_path, pace=pace):
        await until(
            lambda: _some(connection, "select count(*) > 3 from head where size > 0")
        )
    await checked(connection)
    beats = "select count(*) from head where oldest is null"
    assert await connection.fetchval(beats) > 0


async def test_without_anything_new_there_is_no_new_head(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    async with sealing(platform, tmp_path):
        # The key's own deed is the second.
        await until(lambda: _some(connection, "select count(*) > 1 from head"))
        before = await connection.fetchval("select count(*) from head")
        await asyncio.sleep(10 * QUICK.seconds)
        assert await connection.fetchval("select count(*) from head") == before


async def test_a_name_that_is_sealed_with_another_leaf_is_set_aside_and_stops_nobody(
    platform: str,
    connection: Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    again = "insert into unsealed (kind, id, leaf) values ('LOOK', $1, $2)"
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
        await connection.execute(again, "one", leaf("another"))
        await until(lambda: _some(connection, "select count(*) = 1 from unsealable"))
        await wait_in_queue(connection, "two")
        # What is sealed so already is nothing new.
        await connection.execute(again, "one", leaf("one"))
        await sealed(connection, 2)
        await until(lambda: _some(connection, f"select ({LEFT}) = 0"))
    await checked(connection)
    assert await connection.fetchval("select leaf from unsealable") == leaf("another")
    assert len([each for each in ours(caplog) if "set aside" in each.message]) == 1


async def test_a_clock_that_goes_back_does_not_take_the_log_with_it(
    platform: str,
    connection: Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    offset = timedelta(hours=2)

    def now() -> datetime:
        return datetime.now(UTC) + offset

    sealer = Sealer(
        platform,
        KeyRing(tmp_path),
        "ecdsa-p256-sha256",
        pace=QUICK,
        clock=Clock(now),
    )
    task = asyncio.create_task(sealer.run())
    await wait_in_queue(connection, "one")
    await sealed(connection, 1)
    offset = timedelta(0)
    await wait_in_queue(connection, "two")
    await sealed(connection, 2)
    task.cancel()
    heads = await checked(connection)
    assert heads[-1].at > datetime.now(UTC) + timedelta(hours=1)
    assert any("jumped" in record.message for record in ours(caplog))


# --- what the sealer finds at its start --------------------------------------


async def test_a_tree_whose_nodes_are_lost_or_spoilt_is_computed_again(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    await wait_in_queue(connection, *(f"{number}" for number in range(600)))
    async with sealing(platform, tmp_path):
        await sealed(connection, 600)
    for number, harm in enumerate(
        (
            "delete from tree_node where place = 0",
            "update tree_node set digest = $$\\x00$$::bytea || substr(digest, 2)",
        )
    ):
        await connection.execute(harm)
        await wait_in_queue(connection, f"after-{number}")
        async with sealing(platform, tmp_path):
            await sealed(connection, 601 + number)
        await checked(connection)
    size = await connection.fetchval("select count(*) from sealed_leaf")
    of = digest("sha256")
    assert len(await log_proofs.inclusion(connection, of, 0, size)) >= 10


@pytest.mark.parametrize(
    "harm",
    [
        "delete from sealed_leaf where number = 3",
        "delete from sealed_leaf where number = (select max(number) from sealed_leaf)",
        "update sealed_leaf set leaf = sha256(leaf) where number = 3",
        "delete from head_signature; delete from head",
        "update head set note = $$no head$$::bytea",
    ],
)
async def test_a_log_that_contradicts_its_head_is_not_signed_on(
    platform: str,
    connection: Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    harm: str,
) -> None:
    await wait_in_queue(connection, *(f"{number}" for number in range(9)))
    async with sealing(platform, tmp_path):
        await sealed(connection, 9)
        await until(lambda: _some(connection, "select count(*) = 0 from unsealed"))
    await connection.execute(harm)
    before = await connection.fetchval("select count(*) from head")
    await wait_in_queue(connection, "after")

    async def said() -> bool:
        return any("EVIDENCE_BROKEN" in record.message for record in ours(caplog))

    async with sealing(platform, tmp_path):
        await until(said)
    assert await connection.fetchval(LEFT) == 1
    assert await connection.fetchval("select count(*) from head") == before


async def test_a_head_key_that_is_gone_is_not_replaced_in_silence(
    platform: str,
    connection: Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
    key_id = await connection.fetchval("select key_id from evidence_key")
    key = tmp_path / f"head-{key_id}.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    moved = key.rename(tmp_path / "elsewhere")

    async def said() -> bool:
        return any("SIGNER_UNAVAILABLE" in record.message for record in ours(caplog))

    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "two")
        await until(said)
        assert await connection.fetchval(LEFT) == 1
        moved.rename(key)
        await sealed(connection, 2)
    await checked(connection)


# --- the digest, and proofs ---------------------------------------------------


async def test_a_log_of_the_national_algorithms(database: str, tmp_path: Path) -> None:
    await begun(database, "sm3")
    connection = await asyncpg.connect(database)
    try:
        await wait_in_queue(connection, *(f"{number}" for number in range(300)))
        async with sealing(database, tmp_path, "sm2-sm3"):
            await sealed(connection, 300)
        heads = await checked(connection)
        assert {head.hash for head in heads} == {"sm3"}
        with pytest.raises(SettingsError, match="sha256"):
            await begin(connection, "anze", "sha256")
    finally:
        await connection.close()


async def test_what_has_leaves_of_one_digest_begins_no_log_of_another(
    connection: Connection,
) -> None:
    await connection.execute("delete from evidence_log")
    await wait_in_queue(connection, "one")
    with pytest.raises(SettingsError, match="sm3"):
        await begin(connection, "anze", "sm3")
    assert (await begin(connection, "anze", "sha256")).hash == "sha256"


async def test_proofs_out_of_tables_are_those_of_the_whole_tree(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    of = digest("sha256")
    await wait_in_queue(connection, *(f"{number:05}" for number in range(70_000)))
    async with sealing(platform, tmp_path):
        await sealed(connection, 70_000)
    rows = await connection.fetch("select leaf from sealed_leaf order by number")
    leaves = [row["leaf"] for row in rows]
    pairs = [(n, size) for size in range(1, 12) for n in range(size)]
    pairs += [(n, s) for s in (255, 256, 257, 513) for n in (0, 254, s - 1)]
    pairs += [(0, 65_536), (65_535, 65_537), (4_711, 69_999), (69_998, 69_999)]
    for number, size in pairs:
        found = await log_proofs.inclusion(connection, of, number, size)
        assert found == inclusion(of, leaves[:size], number)
        grown = await log_proofs.consistency(connection, of, number, size)
        assert grown == consistency(of, leaves[:size], number)
    with pytest.raises(IndexError):
        await log_proofs.inclusion(connection, of, 3, 3)
    with pytest.raises(EvidenceBrokenError):
        await log_proofs.inclusion(connection, of, 0, 100_000)


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.name == "zhitong.sealer"]


async def _some(connection: Connection, query: str) -> bool:
    return bool(await connection.fetchval(query))
