"""Connections stay on loan between statements, and only as long as they are good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import uvicorn

from zhitong.connectors import kept
from zhitong.connectors.kept import Kept

pytestmark = pytest.mark.integration

SIZE = 2
WHICH = "select pg_backend_pid()"


@pytest.fixture
async def connections(postgres: str) -> AsyncIterator[Kept]:
    pool = asyncpg.create_pool(postgres, min_size=0, max_size=SIZE)
    made = Kept(await pool)
    yield made
    made.terminate()


async def which(connections: Kept) -> int:
    [(process,)] = await connections.fetch(WHICH, [])
    return int(process)


async def test_one_statement_after_another_has_the_same_connection(
    connections: Kept,
) -> None:
    assert len({await which(connections) for _ in range(5)}) == 1


async def test_two_statements_at_a_time_have_a_connection_each(
    connections: Kept,
) -> None:
    sleeping = "select pg_backend_pid() from pg_sleep(0.2)"
    both = await asyncio.gather(*(connections.fetch(sleeping, []) for _ in range(2)))
    assert len({row[0] for [row] in both}) == 2


async def test_a_connection_that_its_server_ended_is_not_used_again(
    connections: Kept, postgres: str
) -> None:
    ended = await which(connections)
    other = await asyncpg.connect(postgres)
    try:
        await other.fetch("select pg_terminate_backend($1)", ended)
        async with asyncio.timeout(60):
            while kept._open(connections._idle[0].connection):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
    finally:
        await other.close()
    found = {await which(connections) for _ in range(SIZE + 1)}
    assert len(found) == 1
    assert ended not in found


async def test_a_connection_whose_caller_left_is_not_used_again(
    connections: Kept,
) -> None:
    first = await which(connections)
    leaving = asyncio.create_task(connections.fetch("select pg_sleep(60)", []))
    await asyncio.sleep(0.1)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert await which(connections) != first


async def test_a_statement_that_fails_costs_no_connection(connections: Kept) -> None:
    for _ in range(SIZE + 1):
        with pytest.raises(asyncpg.UndefinedTableError):
            await connections.fetch("select from nowhere", [])
    assert await which(connections) == await which(connections)


async def test_a_connection_goes_back_after_its_share_of_statements(
    connections: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "STATEMENTS", 3)
    for _ in range(3):
        await which(connections)
    assert connections._idle == []
    assert await which(connections)


async def test_a_connection_goes_back_after_its_share_of_different_texts(
    connections: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "TEXT", 300)
    again = {await which(connections) for _ in range(50)}
    assert len(again) == 1
    other = f"select {'1' * 9}, {', '.join(['2'] * 100)}"
    with pytest.raises(asyncpg.UndefinedTableError):  # one that fails counts as well
        await connections.fetch(f"{other} from nowhere", [])
    assert connections._idle == []
    assert await which(connections) not in again


async def test_what_nobody_needed_is_dropped_and_the_rest_stays(
    connections: Kept,
) -> None:
    sleeping = "select pg_sleep(0.2)"
    await asyncio.gather(*(connections.fetch(sleeping, []) for _ in range(SIZE)))
    connections.sweep()  # since when both have been idle
    used = await which(connections)
    connections.sweep()
    assert [await which(connections) for _ in range(2)] == [used, used]
    connections.sweep()
    connections.sweep()
    assert connections._idle == []
    assert await which(connections) != used


async def test_what_is_late_is_dropped_and_nothing_else(
    connections: Kept,
) -> None:
    clock = asyncio.get_running_loop().time
    late = connections.fetch("select pg_sleep(60)", [], clock() + 0.2)
    patient = connections.fetch("select pg_backend_pid() from pg_sleep(1)", [])
    outcomes = await asyncio.gather(late, patient, return_exceptions=True)
    assert isinstance(outcomes[0], TimeoutError)
    assert isinstance(outcomes[1], list)
    assert await which(connections) == outcomes[1][0][0]


def test_what_is_due_at_once_is_dropped_by_the_loop_that_serves(postgres: str) -> None:
    async def ask() -> list[type]:
        pool = asyncpg.create_pool(postgres, min_size=0, max_size=SIZE)
        connections = Kept(await pool)
        both = [connections.fetch("select pg_sleep(0.2)", []) for _ in range(SIZE)]
        await asyncio.gather(*both)
        now = asyncio.get_running_loop().time()
        late = [connections.fetch("select pg_sleep(60)", [], now) for _ in range(SIZE)]
        outcomes = await asyncio.gather(*late, return_exceptions=True)
        assert not connections._under_way
        assert await which(connections)
        connections.terminate()
        return [type(one) for one in outcomes]

    factory = uvicorn.Config(app="").get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(ask()) == [TimeoutError] * SIZE


async def test_an_earlier_deadline_is_met_beside_a_later_one(
    connections: Kept,
) -> None:
    began = asyncio.get_running_loop().time()
    later = asyncio.create_task(
        connections.fetch("select pg_sleep(60)", [], began + 120)
    )
    await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError):
        await connections.fetch("select pg_sleep(60)", [], began + 0.3)
    assert not later.done()
    later.cancel()
    await asyncio.wait([later])


async def test_a_caller_who_leaves_as_the_connection_is_dropped_has_left(
    connections: Kept,
) -> None:
    leaving = asyncio.create_task(connections.fetch("select pg_sleep(60)", []))
    async with asyncio.timeout(60):
        while not connections._under_way:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    for loan in connections._under_way:
        loan.connection.terminate()  # as what is late, or as its server does
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert await which(connections)


async def test_a_statement_whose_connections_are_dropped_says_so_between_two_steps(
    connections: Kept,
) -> None:
    for turns in range(40):
        texts = [f"select {turns} as dropped_{number}, $1::int" for number in (1, 2)]
        asked = [asyncio.create_task(connections.fetch(one, [1])) for one in texts]
        for _ in range(turns):
            await asyncio.sleep(0)
        for loan in [*connections._under_way]:
            kept._drop(loan)
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(
                outcome, list | asyncpg.PostgresError | asyncpg.InterfaceError
            )
