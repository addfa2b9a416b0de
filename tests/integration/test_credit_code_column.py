"""A column for credit codes in which a department also wrote other things."""

from __future__ import annotations

import asyncpg
import pytest

from zhitong.connectors.codecs import CreditCodeCodec

pytestmark = pytest.mark.integration

CODEC = CreditCodeCodec("text", ("无",))


@pytest.mark.parametrize(
    ("written", "shown", "present"),
    [
        pytest.param("91110000600037341L", "91110000600037341L", True, id="a code"),
        pytest.param("610999000012345", "610999000012345", True, id="an old number"),
        pytest.param("11010519491231002X", "1****************X", False, id="person"),
        pytest.param("11010519491231002x", "1****************x", False, id="small x"),
        pytest.param("　11010519491231002X ", "1****************X", False, id="blanks"),
        pytest.param(
            "11010519491331002X", "11010519491331002X", True, id="no such day"
        ),
        pytest.param("无", None, False, id="a word for none"),
        pytest.param("", None, False, id="nothing"),
    ],
)
async def test_a_resident_number_in_a_code_column_is_blurred_and_is_no_code(
    database: str,
    written: str,
    shown: str | None,
    present: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    connection = await asyncpg.connect(database)
    try:
        row = await connection.fetchrow(
            f"select {CODEC.value('c')} as shown, "  # noqa: S608 - the codec's own SQL
            f"{CODEC.valued('c')} as present from (select $1::text as c) t",
            written,
        )
    finally:
        await connection.close()
    assert row is not None
    assert (row["shown"], bool(row["present"])) == (shown, present)


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "11010519491231002x", "810000199408230021"]
)
def test_nobody_is_found_by_an_id_number_where_codes_are_due(number: str) -> None:
    with pytest.raises(ValueError, match=number):
        CODEC.encode(number)


def test_a_credit_code_of_digits_alone_is_compared_with() -> None:
    assert CODEC.encode("116199000014842036") == "116199000014842036"
