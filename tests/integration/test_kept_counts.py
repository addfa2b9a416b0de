"""Counts that are kept for a while, over the city's real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from zhitong.connectors import source_metrics
from zhitong.infra.gateway import Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.resolvers.records import Recorder
from zhitong.schema.engine import Answer, Engine

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
TABLE = "{ caseStatistics(by: [STATUS]) { groups { status count } missing } }"
TOTAL = """{ caseRecords(first: 1) { nodes { caseNo } totalCount { count } }
  decisions(first: 1) { totalCount { count } } }"""


@pytest.fixture(params=["plan", "graphql-core"])
def executor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def gateway(
    addresses: Mapping[str, str],
    tmp_path: Path,
    bindings: Path,
    recorders: list[Recorder],
    executor: str,
) -> AsyncIterator[tuple[Gateway, Engine]]:
    """Give a gateway that keeps counts for as long as any test takes."""
    make_demo_keys(tmp_path, ["provincial", "credit"])
    settings = Settings(
        state=tmp_path, bindings=bindings, executor=executor, counts_seconds=3_600.0
    )
    made = Gateway(settings, addresses.get)
    async with made.running() as engine:
        assert made.recorder is not None
        recorders.append(made.recorder)
        yield made, engine


def as_of(answer: Answer) -> list[dict[str, str]]:
    extensions: Any = answer.body.get("extensions", {})
    told: list[dict[str, str]] = extensions.get("asOf", [])
    return told


def sent(type_name: str) -> int:
    """Say how many statements about a type went to sources."""
    statements = source_metrics._statements
    return sum(count for key, count in statements.items() if key[1] == type_name)


@pytest.mark.parametrize("who", ["police", "dashboard"])
async def test_a_table_asked_for_again_is_kept_and_says_from_when(
    ask: Asking, who: str, cases: list[Any]
) -> None:
    began = datetime.now(UTC)
    first = await ask(who, TABLE)
    ended, before = datetime.now(UTC), sent("CaseRecord")
    second = await ask(who, TABLE)
    assert sent("CaseRecord") == before
    assert first.body["data"] == second.body["data"]
    assert "errors" not in first.body
    assert as_of(first) == []
    told = as_of(second)
    assert [one["source"] for one in told] == sorted({one.source for one in cases})
    assert {one["type"] for one in told} == {"CaseRecord"}
    times = [datetime.fromisoformat(one["at"]) for one in told]
    assert all(began <= time <= ended for time in times)


async def test_a_kept_count_is_on_record_as_one_that_was_asked_for(
    ask: Asking, sql: Callable[..., Awaitable[list[Any]]]
) -> None:
    records = [(await ask("police", TABLE)).record_id for _ in range(2)]
    looks = [
        await sql(
            "platform",
            "select looks from access_record where record_id = $1",
            record,
        )
        for record in records
    ]
    assert looks[0] == looks[1] != []
    assert {look.split()[0] for look in looks[0][0]["looks"]} >= {"CaseRecord@market"}


async def test_rows_and_the_platforms_own_counts_are_of_the_moment(
    ask: Asking,
) -> None:
    await ask("police", TOTAL)
    before = sent("Decision")
    again = await ask("police", TOTAL)
    assert sent("Decision") > before
    assert "errors" not in again.body
    told = as_of(again)
    assert told
    assert {one["type"] for one in told} == {"CaseRecord"}


async def test_a_source_whose_binding_is_read_anew_is_asked_anew(
    ask: Asking, gateway: tuple[Gateway, Engine]
) -> None:
    await ask("police", TABLE)
    kept = {one["source"] for one in as_of(await ask("police", TABLE))}
    registry = gateway[0].registry
    entry = registry._entries["market"]
    registry._retire(registry._entries.pop("market"))
    registry._take(entry.binding)
    anew = {one["source"] for one in as_of(await ask("police", TABLE))}
    assert kept - anew == {"market"}
