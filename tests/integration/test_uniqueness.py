"""Keys that stand twice, joins that meet two rows, columns that may not be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
import msgspec
import pytest

from zhitong.connectors.binding import Binding
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.statements import statements
from zhitong.connectors.uniqueness import assumptions
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration

BINDING = msgspec.toml.decode(
    """
name = "trial"
title = { zh = "试验局", en = "Trial Bureau" }
owner = "91110000600037341L"
tenant = "anze"

[types.Matter]
table = "matter"
key = "id"

[types.Matter.joins.basis]
table = "basis"
on = { matter = "base.id" }

[types.Matter.fields]
code = "code"
name = "title"
legalBasis = "basis.words"
""",
    type=Binding,
)
TABLES = """
create table matter (id int, code text, title text);
create table basis (matter int, words text);
insert into matter values (1, 'A', '检查'), (2, 'B', '处罚');
insert into basis values (1, '法'), (2, '条例');
"""
Looking = Callable[..., Awaitable[PostgreSQLSource]]


@pytest.fixture
async def looked(database: str) -> Looking:
    async def look(more: str, binding: Binding = BINDING) -> PostgreSQLSource:
        connection = await asyncpg.connect(database)
        await connection.execute(TABLES + more)
        await connection.close()
        source = PostgreSQLSource(binding, ENTITIES, database)
        try:
            await source.inspect()
        finally:
            await source.close()
        return source

    return look


def said(source: PostgreSQLSource) -> list[tuple[tuple[str, ...], str]]:
    return [(drift.fields, drift.what.en) for drift in source.drifts]


async def test_what_is_unique_without_an_index_is_taken(looked: Looking) -> None:
    assert said(await looked("")) == []


async def test_a_vouched_key_is_not_asked_about_and_its_joins_are(
    looked: Looking,
) -> None:
    matter = msgspec.structs.replace(BINDING.types["Matter"], vouched=True)
    binding = msgspec.structs.replace(BINDING, types={"Matter": matter})
    assert [one.alias for one in assumptions(binding)] == ["basis"]
    twice = "insert into matter values (2, 'C', '许可');"
    met = "insert into basis values (1, '令');"
    ((_, what),) = said(await looked(twice + met, binding))
    assert what == "join basis meets several rows of table basis by matter"


async def test_a_key_that_stands_twice_is_no_key(looked: Looking) -> None:
    source = await looked("insert into matter values (2, 'C', '许可')")
    assert said(source) == [
        (
            ("code", "legalBasis", "name"),
            "id of table matter is not unique and cannot be the key",
        )
    ]
    assert source.state == "drift"


async def test_a_join_that_meets_two_rows_loses_its_fields_alone(
    looked: Looking,
) -> None:
    source = await looked("insert into basis values (2, '规章')")
    assert said(source) == [
        (("legalBasis",), "join basis meets several rows of table basis by matter")
    ]


async def test_rows_without_a_value_do_not_count_as_twice(looked: Looking) -> None:
    assert said(await looked("insert into basis values (null, ''), (null, '')")) == []


@pytest.mark.parametrize(
    ("index", "proved"),
    [
        pytest.param("create unique index on basis (matter)", True, id="unique"),
        pytest.param("create index on basis (matter)", False, id="not unique"),
        pytest.param("create unique index on basis (matter, words)", False, id="wider"),
        pytest.param(
            "create unique index on basis (matter) where words <> ''",
            False,
            id="for some rows",
        ),
        pytest.param(
            "create unique index on basis ((matter + 1))", False, id="an expression"
        ),
    ],
)
async def test_only_a_unique_index_of_those_columns_proves_it(
    database: str,
    index: str,
    proved: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(TABLES + index)
    rows = await connection.fetch(
        statements("catalogue")["unique_indexes"], ["basis"], ["basis"]
    )
    await connection.close()
    indexes = {table: [frozenset(columns)] for table, columns in rows}
    _, join = assumptions(BINDING)
    assert join.proved_by(indexes) is proved


async def test_a_column_that_may_not_be_read_is_lost_and_says_so(
    database: str,
) -> None:
    connection = await asyncpg.connect(database)
    reader = f"reader_{connection.get_server_pid()}"
    setting_up = (
        f"{TABLES} create role {reader} login password '{reader}';"
        f"grant select on basis to {reader};"
        f"grant select (id, code) on matter to {reader}"
    )
    await connection.execute(setting_up)
    url = f"postgresql://{reader}:{reader}@{database.rpartition('@')[2]}"
    source = PostgreSQLSource(BINDING, ENTITIES, url)
    try:
        await source.inspect()
        assert said(source) == [
            (("name",), "column title of table matter may not be read; ask for select")
        ]
    finally:
        await source.close()
        tidying = f"drop owned by {reader}; drop role {reader}"
        await connection.execute(tidying)
        await connection.close()


async def test_a_key_that_was_put_right_serves_at_the_next_look(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(TABLES)
    await connection.execute("insert into matter values (2, 'C', '许可')")
    source = PostgreSQLSource(BINDING, ENTITIES, database)
    try:
        await source.inspect()
        assert source.state == "drift"
        await connection.execute("delete from matter where code = 'C'")
        await source.inspect()
        assert (source.state, said(source)) == ("ready", [])
    finally:
        await source.close()
        await connection.close()
