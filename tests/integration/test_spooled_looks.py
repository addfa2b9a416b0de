"""Looks while the register is away: on our own disk first, in the register later."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from spooling_gateway import inquiry

from zhitong.connectors.access_entry import Records
from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.connectors.migrations import migrate
from zhitong.evidence import stamp
from zhitong.exceptions import GrantEndedError, RecordUnavailableError
from zhitong.infra.embedded import Cluster
from zhitong.infra.recording import Recording, recording
from zhitong.infra.settings import Settings
from zhitong.resolvers import records
from zhitong.rules.merkle import digest, leaf
from zhitong.types import Inquiry

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "infra" / "migrations"
SERVER = "spooled-register"
FAR = datetime(2061, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
async def url(database: str) -> str:
    """Give a platform's database of this test's own."""
    await migrate(database, MIGRATIONS, "anze")
    return database


@pytest.fixture
def register(cluster_factory: Callable[..., Cluster]) -> Iterator[Cluster]:
    """Give a register's server that may be killed, up again at the end."""
    cluster = cluster_factory(SERVER)
    yield cluster
    cluster.restart(SERVER)


@asynccontextmanager
async def recorded_by(url: str, state: Path) -> AsyncIterator[Recording]:
    pool = await open_pool(url)
    try:
        async with recording(Settings(state=state), pool) as by:
            yield by
    finally:
        pool.terminate()


async def fetch(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


def look(name: str, *, urgent: bool = False) -> Inquiry:
    """Make a look that anybody may have; or one at something protected."""
    return replace(inquiry(0 if urgent else 1), id=name)


async def until_empty(by: Recording) -> None:
    log = by.recorder._log
    assert isinstance(log, PlatformAccessLog)
    async with asyncio.timeout(60):
        while log.waiting:  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0.05)


def lines(state: Path) -> int:
    return (state / "spool" / "looks-0.spool").read_bytes().count(b"\n")


def kept_by_one_that_is_killed(register: Cluster, state: Path, first: int) -> set[str]:
    """Run a process; take its register away, then its life. Give what it has kept."""
    url = register.start()[SERVER]
    script = ROOT / "tests" / "contract" / "spooling_gateway.py"
    said: list[list[str]] = []
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(script), url, str(state), str(first)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while sum(where == "kept" for where, _ in said) < 100:
            line = process.stdout.readline()
            assert line, process.wait()
            said.append(line.split())
            if len(said) == 50:
                register.kill(SERVER)
        process.kill()
        said += [line.split() for line in process.stdout if line.endswith("\n")]
    register.restart(SERVER)
    return {name for where, name in said if where == "kept"}


async def test_a_process_that_is_killed_loses_no_look_it_has_kept(
    register: Cluster, tmp_path: Path
) -> None:
    url = register.start()[SERVER]
    await migrate(url, MIGRATIONS, "anze")
    kept: set[str] = set()
    for first in (0, 1_000_000):
        kept |= await asyncio.to_thread(
            kept_by_one_that_is_killed, register, tmp_path, first
        )
    assert lines(tmp_path) >= 100
    async with recorded_by(url, tmp_path) as by:
        await until_empty(by)
    assert lines(tmp_path) == 0
    rows = await fetch(url, "select record_id, leaf, body from access_entry")
    found = {row["record_id"] for row in rows}
    assert kept <= found
    assert all(row["leaf"] == leaf(digest("sha256"), row["body"]) for row in rows)
    queued = await fetch(url, "select id from unsealed where kind = 'LOOK'")
    assert {row["id"] for row in queued} == found


async def test_what_is_kept_for_a_slow_register_does_not_wait_for_it_in_memory(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FOLLOW_SECONDS", 0.1)
    names = [f"slow-{number}" for number in range(40)]
    async with recorded_by(url, tmp_path) as by, asyncpg.create_pool(url) as other:
        log = by.recorder._log
        assert isinstance(log, PlatformAccessLog)
        log._seconds = 60.0
        async with other.acquire() as holder, holder.transaction():
            await holder.execute("lock table access_entry in exclusive mode")
            for few in (names[:1], names[1:20], names[20:]):
                for name in few:
                    await by.recorder.record(look(name))
                await by.recorder.settled()
            assert not log.away
            assert lines(tmp_path) == len(names)
            assert not log._waiting
            asked = asyncio.create_task(log.record(look("protected", urgent=True)))
        await asked
        await until_empty(by)
    rows = await fetch(url, "select record_id from access_entry")
    assert sorted(row["record_id"] for row in rows) == sorted([*names, "protected"])


async def test_what_finds_no_place_on_the_disk_still_waits_for_a_slow_register(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FOLLOW_SECONDS", 0.1)
    names = [f"full-{number}" for number in range(5)]
    async with recorded_by(url, tmp_path) as by, asyncpg.create_pool(url) as other:
        log = by.recorder._log
        assert isinstance(log, PlatformAccessLog)
        log._seconds = 60.0
        log._spools[0]._limit = 0
        async with other.acquire() as holder, holder.transaction():
            await holder.execute("lock table access_entry in exclusive mode")
            for name in names:
                await by.recorder.record(look(name))
                await by.recorder.settled()
            assert lines(tmp_path) == 0
        await log.record(look("after", urgent=True))
    rows = await fetch(url, "select record_id from access_entry")
    assert sorted(row["record_id"] for row in rows) == sorted([*names, "after"])


async def test_what_was_kept_is_entered_though_its_grant_has_ended_since(
    url: str, tmp_path: Path
) -> None:
    urgent = inquiry(0)
    urgent.grants_used = {"emergency-1"}
    async with recorded_by(url, tmp_path) as by:
        log = by.recorder._log
        with pytest.raises(GrantEndedError):
            await by.recorder.record(urgent)  # there is no such grant
        await log.keep(urgent)
        await until_empty(by)
    (row,) = await fetch(url, "select grants, protected from access_record")
    assert (row["grants"], row["protected"]) == (["emergency-1"], True)


async def test_what_waits_is_told_with_the_time_of_the_oldest(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorded_by(url, tmp_path) as by:
        assert by.kept() == {"bytes": 0, "oldest": None}
        log = by.recorder._log
        assert isinstance(log, PlatformAccessLog)
        first, second = inquiry(0), inquiry(1)
        with monkeypatch.context() as held:
            held.setattr(log, "_drain_soon", lambda: None)
            await log.keep(first)
            await log.keep(second)
        told = by.kept()
        assert told == {"bytes": log.waiting, "oldest": stamp(first.at)}
        assert log.waiting > 0
        log._drain_soon()
        await until_empty(by)
        assert by.kept() == {"bytes": 0, "oldest": None}


async def test_one_look_entered_many_times_is_one_record(
    url: str, tmp_path: Path
) -> None:
    async with recorded_by(url, tmp_path) as by:
        log = by.recorder._log
        twice = inquiry(1)
        await asyncio.gather(*(log.record(twice) for _ in range(5)))
        await log.keep(twice)
        await until_empty(by)
        await log.record(twice)
    rows = await fetch(url, "select from access_entry")
    queued = await fetch(url, "select from unsealed where kind = 'LOOK'")
    assert (len(rows), len(queued)) == (1, 1)


async def test_a_number_that_another_look_has_is_refused(
    url: str, tmp_path: Path
) -> None:
    async with recorded_by(url, tmp_path) as by:
        await by.recorder._log.record(inquiry(0))
        other = inquiry(0)
        other.looks = [replace(look, emergency=False) for look in other.looks]
        with pytest.raises(RecordUnavailableError):
            await by.recorder.record(other)
    assert len(await fetch(url, "select from access_entry")) == 1


async def test_a_clock_that_jumps_loses_no_record(url: str, tmp_path: Path) -> None:
    days = [FAR, FAR + timedelta(days=40), datetime(1999, 12, 31, 16, 0, tzinfo=UTC)]
    async with recorded_by(url, tmp_path) as by:
        for number, at in enumerate(days):
            await by.recorder.record(replace(inquiry(number), at=at))
        await by.recorder.settled()
    assert await parts(url) == {"access_entry_other": 3}
    # Its month is made later on, when it has come: what is there moves into it.
    await fetch(url, "select access_month($1)", FAR.date())
    await fetch(url, "select access_month($1)", FAR.date())
    assert await parts(url) == {"access_entry_other": 2, "access_entry_2061_03": 1}
    seen = await fetch(url, "select record_id, at, body from access_entry order by 1")
    assert [row["at"] for row in seen] == days
    assert stamp(FAR).encode() in seen[0]["body"]
    # Nothing was written anew: no leaf waits twice.
    queued = await fetch(url, "select id from unsealed where kind = 'LOOK' order by 1")
    assert [row["id"] for row in queued] == ["look-0", "look-1", "look-2"]


async def parts(url: str) -> dict[str, int]:
    rows = await fetch(
        url,
        "select tableoid::regclass::text p, count(*) n from access_entry group by 1",
    )
    return {row["p"]: row["n"] for row in rows}


async def test_this_month_and_the_next_two_are_made_ahead(
    url: str, tmp_path: Path
) -> None:
    partitions = (
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where i.inhparent = 'access_entry'::regclass order by 1"
    )
    before = [row[0] for row in await fetch(url, partitions)]
    assert len(before) == 4  # and the one for any other time
    await fetch(url, f"drop table {before[2]}")
    async with recorded_by(url, tmp_path) as by:
        await by.recorder._log.record(inquiry(0))
        async with asyncio.timeout(60):
            while [row[0] for row in await fetch(url, partitions)] != before:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
    assert set(await parts(url)) == {before[0]}


async def test_months_are_made_while_records_are_written(url: str) -> None:
    async with asyncpg.create_pool(url, min_size=4) as pool:
        log = PlatformAccessLog(pool, b"key")
        writing = asyncio.gather(
            *(log.record(replace(inquiry(n), at=FAR)) for n in range(300))
        )
        await pool.execute("select access_month($1)", FAR.date())
        await writing
    assert sum((await parts(url)).values()) == 300


async def test_a_record_on_its_way_follows_its_month(url: str) -> None:
    async with asyncpg.create_pool(url, min_size=4) as pool:
        log = PlatformAccessLog(pool, b"key")
        await log.open()
        async with pool.acquire() as maker, maker.transaction():
            await maker.execute("select access_month($1)", FAR.date())
            # One alone: of several, each would be tried once more for itself.
            writing = asyncio.create_task(log.record(replace(inquiry(0), at=FAR)))
            # It was sent where what has no month lies, and waits there.
            waiting = """select from pg_stat_activity where wait_event = 'relation'
                and datname = current_database()"""
            async with asyncio.timeout(60):
                while not await pool.fetch(waiting):  # noqa: ASYNC110 - another server's state
                    await asyncio.sleep(0.01)
        await writing
    assert await parts(url) == {"access_entry_2061_03": 1}


async def test_in_a_log_over_sm3_a_record_s_leaf_is(
    database: str, tmp_path: Path
) -> None:
    await migrate(database, MIGRATIONS, "anze", "sm3")
    async with recorded_by(database, tmp_path) as by:
        await by.recorder._log.record(inquiry(0))
        await by.recorder._log.keep(inquiry(1))
        await until_empty(by)
    rows = await fetch(database, "select body, leaf from access_entry")
    assert [row["leaf"] == leaf(digest("sm3"), row["body"]) for row in rows] == [
        True,
        True,
    ]


async def test_records_from_before_are_carried_over_and_read_as_they_were(
    database: str, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for file in sorted(MIGRATIONS.glob("*.sql")):
        if file.name < "0010":
            (old / file.name).write_text(file.read_text("utf-8"), "utf-8")
    await migrate(database, old, "anze")
    await fetch(database, OLD_RECORD)
    (before,) = await fetch(database, "select * from access_record")
    await migrate(database, MIGRATIONS, "anze")
    (after,) = await fetch(database, "select * from access_record")
    assert {name: after[name] for name in before.keys()} == dict(before)  # noqa: SIM118 - columns
    (entry,) = await fetch(database, "select * from access_entry")
    assert entry["leaf"] == leaf(digest("sha256"), entry["body"])
    columns = Records(b"key").read(entry["body"])._asdict()
    (sent,) = await fetch(database, "select subjects::text from access_entry")
    assert {**entry, **sent} == {
        name: columns[name]
        for name in entry.keys()  # noqa: SIM118 - columns
    }
    (queued,) = await fetch(database, "select * from unsealed where kind = 'LOOK'")
    assert (queued["id"], queued["leaf"]) == ("old-1", entry["leaf"])


OLD_RECORD = """select record_looks($$[{"record_id": "old-1",
  "at": "2026-11-02T08:09:10.123456+08:00", "requester_kind": "police",
  "role": "user", "client": "c", "unit": "U", "unit_name": "公安局", "person": "王",
  "party": "", "purpose": "p", "basis": "b", "cause": "立1", "papers": ["letter 1"],
  "operation": "Look", "document_hash": "ab", "looks": ["T@s 2 a=ALLOW,b=MASK"],
  "rows_seen": 2, "subjects": ["0a", "ff00"], "restrictions": ["T.b MASK(name)"],
  "gaps": [], "findings": [{"check": "c", "zh": "看", "en": "e", "source": "s"}]}]$$)"""
