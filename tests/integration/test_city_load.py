"""The demo city in real databases: loaded once, recognised, rebuilt when it must."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.city_load import (
    HARBOUR_CASES,
    SCHEMAS,
    SOURCES,
    load_city,
    load_harbour,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def databases(database: str) -> Mapping[str, str]:
    """One database for all: every department has a schema of its own."""
    return dict.fromkeys(SOURCES, database)


async def _value(database: str, query: str) -> object:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_loaded_city_is_recognised_and_left_alone(
    databases: Mapping[str, str],
) -> None:
    first = await load_city(databases, "small")
    assert first.loaded == SOURCES
    assert first.rows["market"] == {"xdr": 2000, "xkz": 600, "aj": 525}
    assert first.rows["justice"]["qzsx"] == 300
    second = await load_city(databases, "small")
    assert second.loaded == ()
    assert second.rows == first.rows


async def test_the_counts_are_those_of_the_tables(
    databases: Mapping[str, str], database: str
) -> None:
    summary = await load_city(databases, "small")
    for source, tables in summary.rows.items():
        for table, count in tables.items():
            query = f"SELECT count(*) FROM {SCHEMAS[source]}.{table}"  # noqa: S608
            assert await _value(database, query) == count


async def test_another_seed_rebuilds_and_touches_no_other_schema(
    databases: Mapping[str, str], database: str
) -> None:
    await load_city(databases, "small")
    await _value(database, "CREATE TABLE public.own AS SELECT 42 AS answer")
    before = await _value(database, "SELECT xdr_mc FROM scjg.xdr WHERE xdr_id = 1")
    summary = await load_city(databases, "small", seed=7)
    assert summary.loaded == SOURCES
    after = await _value(database, "SELECT xdr_mc FROM scjg.xdr WHERE xdr_id = 1")
    assert after != before
    assert await _value(database, "SELECT answer FROM public.own") == 42


async def test_an_interrupted_load_is_done_again(
    databases: Mapping[str, str], database: str
) -> None:
    await load_city(databases, "small")
    await _value(database, "DROP TABLE xyb.zhitong_demo")
    assert (await load_city(databases, "small")).loaded == ("credit",)


async def test_every_column_is_explained_in_chinese_and_every_index_stands(
    databases: Mapping[str, str], database: str
) -> None:
    await load_city(databases, "small")
    schemas = ", ".join(f"'{SCHEMAS[source]}'" for source in SOURCES)
    bare = await _value(
        database,
        "SELECT count(*) FROM information_schema.columns WHERE table_schema IN "  # noqa: S608
        f"({schemas}) AND table_name <> 'zhitong_demo' AND col_description("
        "(table_schema || '.' || table_name)::regclass, ordinal_position) IS NULL",
    )
    assert bare == 0
    plan = await _value(
        database,
        "SELECT count(*) FROM pg_indexes WHERE schemaname = 'scjg' "
        "AND indexdef LIKE '%gin_trgm_ops%'",
    )
    assert plan == 2


async def test_the_harbour_joins_later_and_alone(database: str) -> None:
    rows = await load_harbour(database)
    assert rows == {"anjian": HARBOUR_CASES, "dangshiren": HARBOUR_CASES}
    days = await _value(
        database,
        "SELECT count(*) FROM ghj.anjian "
        "WHERE lar ~ '^20[0-9]{2}年[1-9][0-9]?月[1-9][0-9]?日$'",
    )
    assert days == HARBOUR_CASES


async def test_an_unknown_source_or_a_silent_database_is_explained() -> None:
    with pytest.raises(SettingsError, match="no source moon"):
        await load_city({"moon": "postgresql://127.0.0.1:1/x"}, "small")
    with pytest.raises(SettingsError, match="cannot reach the database of market"):
        await load_city({"market": "postgresql://u@127.0.0.1:1/x"}, "small")
