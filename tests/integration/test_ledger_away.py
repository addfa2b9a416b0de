"""A ledger that does not answer: said in bounded time, found out by trying again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from entries import SEALING, decision, entry, ledger_over, prepare

from zhitong.connectors.erasure import Erasure, Order
from zhitong.decisions import case_hash
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.embedded import Cluster

pytestmark = pytest.mark.integration

NAME = "ledger-away"
PATIENCE = 1.0
ENDLESS = 120
ORDER = Order(who="me", reason="申请", approval="1")


@pytest.fixture
async def cluster(cluster_factory: Callable[..., Cluster]) -> AsyncIterator[Cluster]:
    cluster = cluster_factory(NAME)
    connection = await asyncpg.connect(cluster.start()[NAME])
    await connection.execute("drop schema public cascade; create schema public")
    await connection.close()
    await prepare(cluster.start()[NAME])
    yield cluster
    cluster.restart(NAME)


async def count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval("select count(*) from outbox")
    finally:
        await connection.close()
    return int(found)


async def test_a_frozen_server_is_said_in_time_and_its_connection_is_dropped(
    cluster: Cluster,
) -> None:
    url = cluster.start()[NAME]
    async with ledger_over(url, PATIENCE, size=1) as (ledger, pool):
        await ledger.commit(entry(decision()))
        cluster.freeze(NAME)
        try:
            async with asyncio.timeout(ENDLESS):
                with pytest.raises(LedgerUnavailableError) as refused:
                    await ledger.commit(entry(decision(local_id="A-2")))
                assert isinstance(refused.value.__cause__, TimeoutError)
                with pytest.raises(LedgerUnavailableError):
                    await ledger.held(decision().id)
                with pytest.raises(LedgerUnavailableError):
                    async with Erasure(url, PATIENCE) as erasure:
                        await erasure.erase(SEALING.person("1"), ORDER)
            assert pool.get_size() == 0
        finally:
            cluster.thaw(NAME)
        held = await ledger.held(decision().id)
        assert held is not None


async def test_a_killed_server_is_said_and_serves_again_after_its_restart(
    cluster: Cluster,
) -> None:
    url = cluster.start()[NAME]
    async with ledger_over(url, 30) as (ledger, _):
        assert not (await ledger.commit(entry(decision()))).replayed
        cluster.kill(NAME)
        with pytest.raises(LedgerUnavailableError):
            await ledger.commit(entry(decision()))
    url = cluster.restart(NAME)
    async with ledger_over(url, 30) as (ledger, _):
        assert (await ledger.commit(entry(decision()))).replayed
    assert await count(url) == 2


async def test_who_waits_too_long_for_its_case_is_ended_by_the_server_itself(
    database: str,
) -> None:
    await prepare(database)
    holder = await asyncpg.connect(database)
    async with ledger_over(database, PATIENCE) as (ledger, _):
        hashed = case_hash(decision().case_key)
        await holder.execute("select pg_advisory_lock($1)", hashed)
        with pytest.raises(LedgerUnavailableError) as refused:
            await ledger.commit(entry(decision()))
        # The server has said so: nothing is in doubt, nothing waits on there.
        assert isinstance(refused.value.__cause__, asyncpg.QueryCanceledError)
        await holder.execute("select pg_advisory_unlock($1)", hashed)
        await holder.close()
        assert not (await ledger.commit(entry(decision()))).replayed
    assert await count(database) == 2


async def test_a_commit_whose_answer_was_lost_is_found_by_trying_again(
    database: str,
) -> None:
    await prepare(database)
    async with lossy(database) as (url, lose), ledger_over(url, 30) as (ledger, _):
        assert await ledger.held(decision().id) is None
        lose.set()
        with pytest.raises(LedgerUnavailableError):
            await ledger.commit(entry(decision()))
        lose.clear()
        assert (await ledger.commit(entry(decision()))).replayed
    assert await count(database) == 2


@asynccontextmanager
async def lossy(url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Stand before a server; while the event is set, its answers are lost."""
    front, _, port = url.partition("127.0.0.1:")
    number, _, rest = port.partition("/")
    lose = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", int(number))
        asking = asyncio.create_task(pump(reader, here))
        try:
            while answer := await there.read(65_536):
                if lose.is_set() and b"COMMITTED" in answer:
                    break
                writer.write(answer)
        finally:
            asking.cancel()
            here.close()
            writer.close()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while text := await reader.read(65_536):
            writer.write(text)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    try:
        yield f"{front}127.0.0.1:{own}/{rest}", lose
    finally:
        server.close()
