"""Who asks too much, or leaves, takes a department from nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from zhitong.connectors.pool import FAILURES_TO_OPEN, Pool
from zhitong.exceptions import SourceError, SourceTimeoutError
from zhitong.infra.embedded import Cluster

pytestmark = pytest.mark.integration

SIZE = 2


async def test_what_is_too_much_for_a_live_server_takes_it_from_nobody(
    cluster_factory: Callable[..., Cluster],
) -> None:
    url = cluster_factory("asked-too-much").start()["asked-too-much"]
    asked = Pool("busy", url, timeout=0.5, size=SIZE)
    too_much = (asked.fetch("select pg_sleep(5)", []) for _ in range(4 * SIZE))
    for error in await asyncio.gather(*too_much, return_exceptions=True):
        assert isinstance(error, SourceTimeoutError)
    assert asked.state == "closed"
    assert [tuple(row) for row in await asked.fetch("select 1", [])] == [(1,)]
    await asked.close()


async def test_a_caller_who_leaves_says_nothing_of_the_source() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d"
        asked = Pool("silent", url, timeout=0.1, size=SIZE)
        for _ in range(FAILURES_TO_OPEN - 1):
            await _fail(asked)
        leaving = asyncio.create_task(asked.fetch("select 1", []))
        await asyncio.sleep(0.02)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert asked.state == "closed"
        await _fail(asked)
        assert asked.state == "open"
        await asked.close()


async def test_a_long_statement_is_prepared_once(postgres: str) -> None:
    asked = Pool("prepared", postgres, timeout=60, size=1)
    columns = ", ".join(f"$1::text as column_{number}" for number in range(1000))
    long = f"select {columns}"
    assert len(long) > 15 * 1024
    for text in ("a", "b"):
        [row] = await asked.fetch(long, [text])
        assert row[999] == text
    ran = "select generic_plans + custom_plans from pg_prepared_statements"
    counts = await asked.fetch(f"{ran} where statement = $1", [long])
    assert [tuple(row) for row in counts] == [(2,)]
    await asked.close()


async def test_two_hundred_statements_stay_prepared(postgres: str) -> None:
    asked = Pool("prepared", postgres, timeout=60, size=1)
    for _ in range(2):
        for number in range(200):
            await asked.fetch(f"select {number}, $1::text as told", ["a"])
    ran = "select generic_plans + custom_plans from pg_prepared_statements"
    counts = await asked.fetch(f"{ran} where statement like '%as told'", [])
    assert [tuple(row) for row in counts] == [(2,)] * 200
    await asked.close()


async def _fail(asked: Pool) -> None:
    with pytest.raises(SourceError):
        await asked.fetch("select 1", [])
