"""Days written as digits: what tells most of them tells no more than the calendar."""

from __future__ import annotations

import random
from datetime import date

import asyncpg
import pytest

from zhitong.connectors.date_codecs import DigitDateCodec

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
            f"select v, {codec.value('w')} as day from unnest($1::text[]) c(v) "  # noqa: S608 - no value
            f"cross join lateral (select {typed} as w) q",
            cells,
        )
    finally:
        await connection.close()
    expected = {cell: _day(cell, separator) for cell in cells}
    assert {row["v"]: row["day"] for row in found} == expected
    assert sum(day is not None for day in expected.values()) > 2_500
