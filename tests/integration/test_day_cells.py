"""Days written as digits: what tells most of them tells no more than the calendar."""

from __future__ import annotations

import random
from datetime import date

import asyncpg
import pytest

from zhitong.connectors.codecs import ExactCodec
from zhitong.connectors.date_codecs import DigitDateCodec
from zhitong.connectors.mapping import Mapped, MappedType
from zhitong.connectors.tallies import tally_statement
from zhitong.schema.declare import entity, item
from zhitong.types import (
    SOURCE_KEY,
    Compare,
    Field,
    GroupBy,
    Kind,
    Label,
    Op,
    TallyQuery,
)

pytestmark = pytest.mark.integration

YEARS = (1899, 1900, 1904, 1999, 2000, 2023, 2024, 2099, 2100)
LETTERS = "0123456789-/ 年\n９a"


def _cells(separator: str) -> list[str]:
    """Give days, what is nearly a day, and days with a letter wrong."""
    cells = [
        separator.join((f"{year}", f"{month:02}", f"{day:02}"))
        for year in YEARS
        for month in range(14)
        for day in range(33)
    ]
    chance = random.Random(separator)  # noqa: S311 - no secret
    for cell in chance.sample(cells, 1_000):
        place = chance.randrange(len(cell))
        letter = chance.choice(LETTERS)
        cells.append(cell[:place] + letter + cell[place + 1 :])
        cells.append(cell[:place] + letter + cell[place:])
        cells.append(cell[:place] + cell[place + 1 :])
    return sorted(set(cells))


def _day(cell: str, separator: str) -> str | None:
    """Read *cell* as Python's calendar does; None: it is no day of a record."""
    digits = cell.replace(separator, "") if separator else cell
    if not (digits.isascii() and digits.isdigit() and len(digits) == len("20240311")):
        return None
    year, month, day = digits[:4], digits[4:6], digits[6:]
    if separator.join((year, month, day)) != cell or year[:2] not in {"19", "20"}:
        return None
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


@pytest.mark.parametrize("family", ["text", "character varying", "character"])
@pytest.mark.parametrize("separator", ["", "-", "/"])
async def test_a_cell_is_a_day_where_the_calendar_has_it(
    database: str, separator: str, family: str
) -> None:
    cells = _cells(separator)
    codec = DigitDateCodec(family, (), separator)
    typed = "c.v::character(12)" if family == "character" else f"c.v::{family}"
    connection = await asyncpg.connect(database)
    try:
        found = await connection.fetch(
            f"select v, {codec.value('w')} as day, w between {codec.within} as within "  # noqa: S608 - no value
            f"from unnest($1::text[]) c(v) cross join lateral (select {typed} as w) q",
            cells,
        )
    finally:
        await connection.close()
    expected = {cell: _day(cell, separator) for cell in cells}
    assert {row["v"]: row["day"] for row in found} == expected
    assert sum(day is not None for day in expected.values()) > 2_500
    assert all(row["within"] for row in found if row["day"])


async def test_a_count_since_a_day_that_is_text_is_planned_once(database: str) -> None:
    """Whatever the day: a span that ends nowhere would be planned at each execution."""
    digits, text = DigitDateCodec(), ExactCodec()
    label = Label("日", "Day")
    fields = (item("day", "日", "Day", Kind.DATE),)
    case = entity(
        "Case", "cases", "案件", "A case", key="day", orders=("day",), fields=fields
    )
    day = Mapped(Field("day", Kind.DATE, label), digits, raw="base.day")
    key = Mapped(Field(SOURCE_KEY, Kind.TEXT, label), text, raw="base.day")
    mapped = MappedType(case, "days", key, {}, {}, {"day": day})
    since = Compare("day", Op.GTE, "2024-11-01")
    query = TallyQuery(type="Case", by=(GroupBy("day", month=True),), where=since)
    sql, parameters = tally_statement(mapped, query, "")
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "create temp table days as "
            "select to_char(date '2014-01-01' + n, 'YYYYMMDD') as day "
            "from generate_series(0, 3999) n; "
            "create index on days (day); analyze days"
        )
        count = await connection.prepare(sql)
        for _ in range(8):
            found = {row[0] for row in await count.fetch(*parameters)}
            assert found == {"2024-11", "2024-12"}
        plans = await connection.fetch(
            "select generic_plans, custom_plans from pg_prepared_statements "
            "where statement = $1",
            sql,
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in plans] == [(3, 5)]
