"""Groups are of what cells say, however the database tells two cells apart."""

from __future__ import annotations

import asyncpg
import pytest

from zhitong.connectors.codecs import Codec, CodeCodec, IntegerCodec, TextCodec
from zhitong.connectors.mapping import Mapped, MappedType
from zhitong.connectors.tallies import tally_statement
from zhitong.schema.declare import entity, item
from zhitong.types import GroupBy, TallyQuery

pytestmark = pytest.mark.integration

SAMPLE = entity(
    "Sample",
    "samples",
    "样本。",
    "A sample.",
    key="id",
    orders=("id",),
    fields=(item("id", "编号", "Id"),),
)


@pytest.mark.parametrize(
    ("codec", "cells", "groups"),
    [
        pytest.param(
            TextCodec("numeric"),
            ["1.0", "1.00", "1.00"],
            {"1.0": 1, "1.00": 2},
            id="numbers that are equal and written differently",
        ),
        pytest.param(
            TextCodec("json"), ['"a"', '"a"'], {'"a"': 2}, id="what has no equality"
        ),
        pytest.param(
            TextCodec("interval"),
            ["1 day", "24:00:00"],
            {"1 day": 1, "24:00:00": 1},
            id="spans that are equal and written differently",
        ),
        pytest.param(
            CodeCodec("numeric", (), (("1", "ONE"), ("1.0", "OTHER"))),
            ["1", "1.0"],
            {"ONE": 1, "OTHER": 1},
            id="codes that are equal as numbers",
        ),
        pytest.param(
            TextCodec("character"), ["a", "a  ", " "], {"a": 2, None: 1}, id="padded"
        ),
        pytest.param(
            IntegerCodec("numeric"), ["1", "1.0"], {"1": 2}, id="counts as numbers"
        ),
    ],
)
async def test_groups_are_of_what_cells_say(
    database: str, codec: Codec, cells: list[str], groups: dict[str | None, int]
) -> None:
    field = SAMPLE.fields["id"]
    family = getattr(codec, "family", "")
    typed = "character(4)" if family == "character" else family
    values = ", ".join(f"('{cell}'::{typed})" for cell in cells)
    found = Mapped(field, codec, raw="base.v")
    mapped = MappedType(SAMPLE, "sample", found, {}, {}, {"id": found})
    query = TallyQuery(type="Sample", by=(GroupBy("id"),))
    sql, parameters = tally_statement(mapped, query, "")
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(f"create temp table sample (v {typed})")
        await connection.execute(f"insert into sample values {values}")  # noqa: S608 - the test's own cells
        counted = await connection.fetch(sql, *parameters)
    finally:
        await connection.close()
    assert {row["~0"]: row["~count"] for row in counted} == groups
