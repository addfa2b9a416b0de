"""The peers of `make bench` that need no registry: all answer alike, and so do we."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from access_questions import WORKLOADS, Workload
from callers import Target
from peer_builds import LIMIT, LIMIT_OVER_OWN, OWN, commands, peers_place
from peer_limit import Limit
from peer_servers import asked, differences, plain, serving
from peer_tables import make

from zhitong.infra.clients_file import read_clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster
from zhitong.schema.engine import Answer
from zhitong.types import Allowance

pytestmark = pytest.mark.integration
OTHERS = (LIMIT_OVER_OWN, "strawberry", "strawberry + caches")
Targets = Mapping[str, Target]


@pytest.fixture(scope="module")
def database(cluster_factory: Callable[..., Cluster]) -> str:
    """Give one database with all departments' rows; another kind of `database`."""
    return cluster_factory("peers").start()["peers"]


@pytest.fixture(scope="module")
def targets(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Targets]:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr("peer_builds.BUILDS", _python_alone())
        built, absent = commands(cache)
        assert absent == {}
        place = peers_place(cache)
        found = asyncio.run(make(database, "small"))
        (place / OWN).write_text(Limit(found).text(), "utf-8")
        yield {
            name: stack.enter_context(
                serving(command, place / "python", database)
            ).target
            for name, command in built.items()
        }


def _python_alone() -> Mapping[str, object]:
    from peer_builds import BUILDS  # noqa: PLC0415 - before it is replaced

    return {"python": BUILDS["python"]}


@pytest.fixture(scope="module")
def codes(targets: Targets, database: str) -> Sequence[str]:
    async def some() -> list[str]:
        connection = await asyncpg.connect(database)
        try:
            rows = await connection.fetch(
                "select min(code) as code from graph.counterparty where code is not "
                "null group by kind order by 1"
            )
        finally:
            await connection.close()
        return [row["code"] for row in rows]

    assert targets
    return asyncio.run(some())


def variables(work: Workload, code: str) -> Mapping[str, str]:
    return {"code": code} if "$code" in work.public else {}


@pytest.mark.parametrize("work", WORKLOADS, ids=lambda work: work.name[:2])
@pytest.mark.parametrize("peer", OTHERS)
def test_a_peer_gives_every_value_that_the_limit_gives(
    targets: Targets, codes: Sequence[str], peer: str, work: Workload
) -> None:
    for code in codes:
        sent = variables(work, code)
        expected = asked(targets[LIMIT], work.public, sent)
        count, found, other = differences(
            expected, asked(targets[peer], work.public, sent)
        )
        assert (found, other) == (count, 0)
        assert count >= len(work.public.split("{")[-1].split("}")[0].split())


@pytest.mark.parametrize("work", WORKLOADS, ids=lambda work: work.name[:2])
async def test_we_give_what_the_limit_gives_but_for_numbers_in_free_text(
    targets: Targets,
    codes: Sequence[str],
    ask: Callable[..., Awaitable[Answer]],
    work: Workload,
) -> None:
    allowance = replace(
        read_clients().allowance(DEMO_PRINCIPALS["police"]), page=500, cost=10**9
    )
    assert isinstance(allowance, Allowance)
    sent = variables(work, codes[0])
    answer = await ask("police", work.public, sent, allowance=allowance)
    assert "errors" not in answer.body
    expected = await asyncio.to_thread(asked, targets[LIMIT], work.public, sent)
    count, found, other = differences(expected, plain(answer.body["data"]))
    assert found == count
    assert other * 100 <= count  # titles in which we blank a number


def test_tables_that_are_there_are_not_made_again(
    targets: Targets, database: str
) -> None:
    made = "select oid::int8 from pg_class where relname = 'case_record'"

    async def again() -> tuple[object, object]:
        connection = await asyncpg.connect(database)
        try:
            before = await connection.fetchval(made)
            await make(database, "small")
            return before, await connection.fetchval(made)
        finally:
            await connection.close()

    assert targets
    before, after = asyncio.run(again())
    assert before == after


def test_what_is_built_lies_in_the_cache_alone(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("peer_builds.BUILDS", _python_alone())
        commands(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["peers"]
