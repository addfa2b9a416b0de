"""Quality is measured on the departments' own rows, kept with its time, and shown."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import pytest
from tests.integration.test_catalogue_exchange import Typed, typed

from zhitong.catalogue import Sampling
from zhitong.connectors.binding_file import read_binding
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.pressure import ALL, ROOM, PlatformPressure
from zhitong.infra import catalogue_quality
from zhitong.infra.city_load import BINDINGS
from zhitong.schema.engine import Answer
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration

__all__ = ["typed"]

Asking = Callable[..., Awaitable[Answer]]
Query = Callable[..., Awaitable[list[asyncpg.Record]]]
QUALITY = """query ($id: String!) { catalogueItem(resource: $id) { quality {
  at sampling sampled rows unique newest newestField cyclesBehind
  fields { name filled valid } missedAt missedZh } } }"""


@pytest.fixture
def measuring(
    typed: Typed,
    addresses: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Typed:
    for name, url in addresses.items():
        variable = f"ZHITONG_DATABASE_{name.upper().replace('-', '_')}"
        monkeypatch.setenv(variable, url)
    # Here much waits that nobody sends.
    monkeypatch.setattr(catalogue_quality, "WAY_SECONDS", 0.01)
    return typed


async def quality(ask: Asking, who: str, resource: str) -> Any:  # noqa: ANN401 - JSON
    answer = await ask(who, QUALITY, {"id": resource})
    body: Any = answer.body
    assert "errors" not in body, body
    return body["data"]["catalogueItem"]["quality"]


async def test_what_is_measured_is_shown_with_its_time(
    measuring: Typed, ask: Asking, sql: Query
) -> None:
    code, out, error = await measuring.said(
        "quality", "--source", "market", "--sample", "5000"
    )
    assert (code, error) == (0, "")
    assert "Counterparty@market" in out
    shown = await quality(ask, "data-authority", "Counterparty@market")
    rows = await sql("market", "select count(*) as n from scjg.xdr")
    assert (shown["sampling"], shown["rows"]) == ("WHOLE", rows[0]["n"])
    assert shown["at"] is not None
    fields = {one["name"]: one for one in shown["fields"]}
    assert fields["registerId"]["filled"] == 1.0
    assert 0 < fields["code"]["valid"] <= 1
    deeds = await sql(
        "platform", "select body from deed where action = 'measure-quality'"
    )
    assert "Counterparty@market" in json.loads(deeds[-1]["body"])["detail"]["resources"]


async def test_others_are_told_shares_and_no_counts(
    measuring: Typed, ask: Asking
) -> None:
    await measuring.said("quality", "--source", "market")
    shown = await quality(ask, "police", "Counterparty@market")
    assert (shown["sampled"], shown["rows"]) == (None, None)
    assert shown["unique"] == 1.0
    assert await quality(ask, "public", "Counterparty@market") is None


async def test_the_newest_day_is_for_those_who_are_given_it_of_every_row(
    measuring: Typed, ask: Asking
) -> None:
    await measuring.said("quality", "--source", "market")
    for who in ("market-steward", "data-authority", "police"):
        shown = await quality(ask, who, "CaseRecord@market")
        assert shown["newestField"] == "filedOn"
        assert shown["newest"] is not None
    # Counts alone, none of it, and those of one's own place.
    for who in ("dashboard", "credit-system", "own-officer"):
        shown = await quality(ask, who, "CaseRecord@market")
        assert (shown["newest"], shown["newestField"]) == (None, None)
        assert shown["cyclesBehind"] is None


async def test_a_source_that_is_away_is_said_and_the_last_measurement_stays(
    measuring: Typed, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    await measuring.said("quality", "--source", "justice")
    before = await quality(ask, "data-authority", "Officer@justice")
    monkeypatch.setenv(
        "ZHITONG_DATABASE_JUSTICE", "postgresql://nobody@127.0.0.1:1/none"
    )
    code, out, _ = await measuring.said("quality", "--source", "justice")
    assert code == 1
    assert "未能测量 not measured" in out
    after = await quality(ask, "data-authority", "Officer@justice")
    assert (after["at"], after["fields"]) == (before["at"], before["fields"])
    assert after["missedAt"] > after["at"]
    assert after["missedZh"]


async def test_a_source_that_there_is_not_is_named(measuring: Typed) -> None:
    code, _, error = await measuring.said("quality", "--source", "nowhere")
    assert (code, "nowhere" in error) == (2, True)


async def test_of_a_large_table_blocks_are_sampled(
    addresses: Mapping[str, str],
) -> None:
    connection = await asyncpg.connect(addresses["market"])
    try:
        await connection.execute("analyze scjg.xdr")
        count = await connection.fetchval("select count(*) from scjg.xdr")
    finally:
        await connection.close()
    binding = read_binding(BINDINGS / "market.toml", ENTITIES)
    source = PostgreSQLSource(binding, ENTITIES, addresses["market"])
    try:
        sample = await source.sample("Counterparty", count // 4)
    finally:
        await source.close()
    assert sample.sampling is Sampling.RANDOM
    assert sample.estimate == count
    assert 0 < len(sample.rows) <= count // 4


async def test_each_source_waits_for_what_waits_to_be_sent(
    measuring: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    async def calm(pressure: PlatformPressure, patience: float = 0.0) -> None:
        asked.append(pressure.stages.keys() >= {ALL, ROOM} and patience > 0)

    monkeypatch.setattr(PlatformPressure, "calm", calm)
    code, *_ = await measuring.said("quality", "--source", "credit", "--sample", "5")
    assert (code, asked) == (0, [True])
