"""The platform's two servers: what is acknowledged outlives either of them."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

import asyncpg
import imperfect_city
import pytest
from entries import TOPICS, decision, entry, ledger_over

from zhitong.connectors import grants, primary, published
from zhitong.connectors.access_log import open_pool
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.pool import Pool
from zhitong.connectors.replication import Replication
from zhitong.connectors.statements import statements
from zhitong.decisions import Entry
from zhitong.exceptions import LedgerUnavailableError, SourceError, StandbyError
from zhitong.grants import Taken, Terms
from zhitong.infra import processes
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster, address, clean
from zhitong.infra.granting import applications
from zhitong.infra.platform_database import claim
from zhitong.infra.policy_file import read_policy
from zhitong.infra.postgres_server import Server
from zhitong.infra.settings import Settings
from zhitong.infra.standby import Pair
from zhitong.resolvers.emergencies import Emergencies
from zhitong.schema.entities import ENTITIES
from zhitong.types import Inquiry, Occasion

pytestmark = pytest.mark.integration
_numbers = count(1)
_Result = TypeVar("_Result")
PATIENCE = 2.0
ENDLESS = 60.0


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the state folder of a platform with its standby."""
    state = tmp_path_factory.mktemp("pair") / "state"
    settings = Settings(state=state)
    claim(settings, Cluster(state, ["platform"]).start()["platform"])
    asyncio.run(_prepared(state))
    assert asyncio.run(Pair(state).stand_by()) == "platform-b"
    yield state
    clean(state)


async def _prepared(state: Path) -> None:
    connection = await asyncpg.connect(Pair(state).primary().address)
    for name, topic in TOPICS.items():
        await connection.execute(
            "insert into receiver (receiver, title_zh, title_en, topic) "
            "values ($1, $1, $1, $2) on conflict do nothing",
            *(name, topic),
        )
    # A head as the sealer makes it; who signs it does not matter here.
    await connection.execute(
        "insert into head (origin, size, at, note) "
        "select origin, 1, now(), 'note' from evidence_log"
    )
    await connection.close()


@pytest.fixture
async def pair(state: Path) -> AsyncIterator[Pair]:
    """Give both, whole again after the test."""
    found = Pair(state)
    yield found
    for one in found.members:
        if (running := one.postmaster()) is not None:
            processes.thaw(running.pid)
    if not found.synchronous:
        await found.rejoin()


@pytest.fixture
def url(state: Path) -> str:
    found = address(state, {})("platform")
    assert found is not None
    return found


def fresh() -> Entry:
    number = next(_numbers)
    said = decision(
        local_id=f"S-{number}", document_no=f"{number}号", case_no=f"{number}"
    )
    return entry(said)


class Load:
    """Departments that send each decision again until it is answered."""

    def __init__(self, ledger: PlatformLedger) -> None:
        self._ledger = ledger
        self.acknowledged: list[str] = []

    async def one(self) -> None:
        said = fresh()
        while True:
            with suppress(LedgerUnavailableError):
                await self._ledger.commit(said)
                self.acknowledged.append(str(said.decision.id))
                return
            await asyncio.sleep(0.05)

    async def until(self, many: int) -> None:
        """Wait until so many more are acknowledged."""
        goal = len(self.acknowledged) + many
        for _ in range(int(ENDLESS / 0.02)):
            if len(self.acknowledged) >= goal:
                return
            await asyncio.sleep(0.02)
        raise TimeoutError


@asynccontextmanager
async def load(url: str) -> AsyncIterator[Load]:
    async with ledger_over(url, PATIENCE, 4) as (ledger, _):
        running = Load(ledger)

        async def ever() -> None:
            while True:
                await running.one()

        tasks = [asyncio.create_task(ever()) for _ in range(4)]
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def lost(pair: Pair, acknowledged: Sequence[str]) -> set[str]:
    """Name what the present primary does not have, decision or event."""
    connection = await asyncpg.connect(pair.primary().address)
    rows = await connection.fetch(
        "select decision_id from decision where (select count(*) from outbox o "
        "where o.decision_id = decision.decision_id) = 2"
    )
    await connection.close()
    return set(acknowledged) - {row["decision_id"] for row in rows}


async def eventually(
    act: Callable[[], Awaitable[_Result]], *faults: type[Exception]
) -> _Result:
    async with asyncio.timeout(ENDLESS):
        while True:
            with suppress(*faults):
                return await act()
            await asyncio.sleep(0.05)


async def seen(ledger: PlatformLedger, said: Entry) -> None:
    if await ledger.held(said.decision.id) is None:
        raise LookupError


async def test_a_destroyed_disk_loses_nothing_and_all_follow(
    pair: Pair, url: str
) -> None:
    outbox, reads = PlatformOutbox(url, "r"), Pool("own", url, timeout=2.0, size=4)
    await outbox.own()
    question = "select count(*) as n from decision"
    async with load(url) as running:
        await running.until(50)
        await reads.fetch(question, [])
        old = pair.primary()
        old.kill()
        shutil.rmtree(old.data)
        with pytest.raises(StandbyError):
            await Pair(old.state).go_alone("ops", "no primary to act on")
        done = await pair.promote("ops", "磁盘已毁", behind=False)
        assert (done.fenced, done.how) == (old.name, "killed")
        await running.until(50)
        (row,) = await eventually(lambda: reads.fetch(question, []), SourceError)
        assert row["n"] >= 100
    assert await eventually(outbox.own, LedgerUnavailableError)
    await outbox.close()
    await reads.close()
    assert await lost(pair, running.acknowledged) == set()
    assert not pair.synchronous
    assert await pair.stand_by() == old.name
    assert pair.synchronous


async def test_a_halted_primary_is_replaced_and_wound_back(
    pair: Pair, url: str
) -> None:
    async with load(url) as running:
        await running.until(20)
        old = pair.primary()
        running_as = old.postmaster()
        assert running_as is not None
        processes.freeze(running_as.pid)
        await asyncio.sleep(0.2)
        done = await pair.promote("ops", "主库停住", behind=False)
        assert done.how == "killed"
        assert not processes.alive(running_as.pid)
        await running.until(20)
        assert await pair.rejoin() == "rewound"
        await running.until(20)
    assert await lost(pair, running.acknowledged) == set()


async def test_who_would_wait_for_a_log_that_is_gone_is_copied_anew(
    pair: Pair, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewind, gone = Pair._rewind, list[str]()

    def rewound(self: Pair, primary: Server, target: Server) -> None:
        rewind(self, primary, target)
        label = (target.data / "backup_label").read_text()
        (first,) = re.findall(r"\(file (\w+)\)", label)
        for one in (primary, target):
            (one.data / "pg_wal" / first).unlink(missing_ok=True)
        gone.append(first)

    monkeypatch.setattr(Pair, "_rewind", rewound)
    async with load(url) as running:
        await running.until(20)
        pair.primary().kill()
        await pair.promote("ops", "主库死了", behind=False)
        await running.until(20)
        assert await pair.rejoin() == "copied"
        await running.until(20)
    assert len(gone) == 1
    assert pair.synchronous
    assert await lost(pair, running.acknowledged) == set()


async def test_a_change_of_place_in_order_kills_nobody(pair: Pair, url: str) -> None:
    async with load(url) as running:
        await running.until(20)
        before = pair.primary()
        done = await pair.promote("ops", "换机", behind=False)
        assert (done.how, pair.primary().name) == ("stopped", pair.other(before).name)
        await running.until(20)
        assert await pair.rejoin() == "rewound"
    assert await lost(pair, running.acknowledged) == set()


async def test_without_its_standby_nothing_is_acknowledged_nor_leaves(
    pair: Pair, url: str
) -> None:
    outbox = PlatformOutbox(url, "r")
    await outbox.own()
    standby = pair.other(pair.primary())
    halted = standby.postmaster()
    assert halted is not None
    waiting = {e.event_id for e in await outbox.waiting(100_000)}
    processes.freeze(halted.pid)
    said = fresh()
    async with ledger_over(url, PATIENCE, 2) as (ledger, _):
        with pytest.raises(LedgerUnavailableError):
            await ledger.commit(said)
        # What frees sessions that nobody waits for; then all here see the decision.
        forsaken = statements("primary")["forsaken"].replace("'15 s'", "'0 s'")
        gateway = await primary.connect(url)
        assert len(await gateway.fetch(forsaken)) == 1
        gateway.terminate()
        await eventually(lambda: seen(ledger, said), LookupError)
        with pytest.raises(LedgerUnavailableError):
            await ledger.commit(said)
        leaving = asyncio.create_task(outbox.waiting(100_000))
        await asyncio.wait([leaving], timeout=0.5)
        assert not leaving.done()
        processes.thaw(halted.pid)
        assert (
            await eventually(lambda: ledger.commit(said), LedgerUnavailableError)
        ).replayed
        given = {e.event_id for e in await leaving}
        assert given - waiting == {said.events[0].event_id}
    await outbox.close()


async def test_what_is_there_already_is_answered_and_shown_once_it_is_copied(
    pair: Pair, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "SECONDS", PATIENCE)
    monkeypatch.setattr(published, "_SECONDS", PATIENCE)
    pool = await open_pool(url)
    halted = pair.other(pair.primary()).postmaster()
    assert halted is not None
    async with ledger_over(url, PATIENCE, 2) as (ledger, _):

        async def again() -> bool:
            return (await break_glass(pool)).replayed

        async def shown() -> bool:
            return await published.Published(pool).head() is not None

        async def stands() -> bool:
            await ledger.copied()
            return True

        assert not await again()
        assert await again()
        processes.freeze(halted.pid)
        try:
            for answer in (again, shown, stands):
                with pytest.raises(LedgerUnavailableError):
                    await answer()
        finally:
            processes.thaw(halted.pid)
        for answer in (again, shown, stands):
            assert await eventually(answer, LedgerUnavailableError)
    pool.terminate()


async def break_glass(pool: asyncpg.Pool[asyncpg.Record]) -> Taken:
    """Open the same emergency, or find that it is open."""
    policy = read_policy(Settings().policy, ENTITIES)
    clocks, sources = read_clocks(Settings().calendar), imperfect_city.city()

    async def heard() -> None:
        """There is no gateway that has to hear of it."""

    emergencies = Emergencies(
        applications=applications(pool, policy, clocks, lambda: sources, dict),
        rules=policy.emergencies,
        heard=heard,
    )
    at = datetime.now(UTC)
    terms = Terms(
        owner=imperfect_city.UNITS[2],
        fields={"Counterparty": frozenset({"phone"})},
        lookups={},
        purpose=policy.emergencies.purpose,
        basis=policy.emergencies.source,
        scene="",
        valid_from=at,
        valid_to=at,
    )
    inquiry = Inquiry(
        principal=DEMO_PRINCIPALS["police"], occasion=Occasion(), id="1", at=at
    )
    return await emergencies.break_glass(inquiry, "紧急-1", "火灾", "疏散人员", terms)


async def test_alone_by_order_it_takes_decisions_and_is_not_replaced_unasked(
    pair: Pair, url: str
) -> None:
    first = keeps_little(pair.primary())
    pair.other(first).kill()
    await pair.go_alone("ops", "备机检修")
    async with ledger_over(url, 10.0, 1) as (ledger, _):
        said = fresh()
        assert not (await ledger.commit(said)).replayed
    with pytest.raises(StandbyError, match="acknowledged"):
        await pair.promote("ops", "误操作", behind=False)
    assert await lost(pair, [str(said.decision.id)]) == set()
    await gives_up(first)
    assert await pair.stand_by() == pair.other(first).name


async def test_an_old_primary_that_was_away_for_too_long_is_copied_anew(
    pair: Pair, url: str
) -> None:
    async with load(url) as running:
        await running.until(20)
        pair.primary().kill()
        await pair.promote("ops", "断电", behind=False)
        await running.until(20)
    await gives_up(keeps_little(pair.primary()))
    assert await pair.rejoin() == "copied"
    assert pair.synchronous
    assert await lost(pair, running.acknowledged) == set()


def keeps_little(server: Server) -> Server:
    """Run *server* so that it keeps little for a standby that stays away."""
    keeps = {"max_slot_wal_keep_size": "16MB", "max_wal_size": "32MB"}
    made = replace(server, settings=keeps)
    made.stop()
    made.start()
    return made


async def gives_up(server: Server) -> None:
    """Have *server* write more than it keeps for who is away."""
    connection = await asyncpg.connect(server.address)
    for _ in range(4):
        await connection.execute("select pg_logical_emit_message(true, 'long', '')")
        await connection.execute("select pg_switch_wal()")
    await connection.execute("checkpoint")
    lost_slot = "select wal_status from pg_replication_slots"
    assert await connection.fetchval(lost_slot) == "lost"
    await connection.close()


async def test_an_old_primary_that_comes_back_is_neither_read_nor_written(
    pair: Pair, url: str
) -> None:
    old = pair.primary()
    opened = await primary.connect(url)
    old.kill()
    await pair.promote("ops", "断电", behind=False)
    with pytest.raises(Exception, match="rejoin"):
        old.start()
    # By somebody who knows better: its marks removed, and started.
    old.fenced.unlink()
    (old.data / "standby.signal").unlink()
    old.start()
    assert opened.is_closed()
    port = "select current_setting('port')"
    new = pair.other(old)
    least = address(old.state, {})("platform")
    assert least is not None
    for each in (url, least):
        primary._met.clear()
        connection = await primary.connect(each)
        assert await connection.fetchval(port) == new.port_file.read_text().strip()
        connection.terminate()
    new.stop()
    # Even to a process that has met neither: the address says since when.
    primary._met.clear()
    with pytest.raises(ConnectionError, match="not the present primary"):
        await primary.connect(least)
    new.start()


async def test_who_is_connected_to_an_old_primary_that_lives_on_leaves_it(
    pair: Pair, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(primary, "PACE", 0.2)
    opened = await primary.connect(url)
    following = asyncio.create_task(primary.follow(url))
    # By an operator on another machine, who cannot reach the old one to end it.
    standby = pair.other(pair.primary())
    async with Replication(standby.address) as server:
        await server.promote(ENDLESS)
    await eventually(lambda: closed(opened), LookupError)
    following.cancel()
    connection = await primary.connect(url)
    port = await connection.fetchval("select current_setting('port')")
    assert port == standby.port_file.read_text().strip()
    connection.terminate()
    assert await pair.rejoin() == "rewound"


async def closed(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    if not connection.is_closed():
        raise LookupError
