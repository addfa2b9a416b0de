"""Codecs: canonical values as parameters, and positions among raw values."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from zhitong.connectors.codecs import (
    Codec,
    CodeCodec,
    ExactCodec,
    IntegerCodec,
    MoneyCodec,
    Side,
    TextCodec,
)
from zhitong.connectors.date_codecs import (
    ChineseDateCodec,
    DateCodec,
    DigitDateCodec,
    InstantCodec,
    _calendar,
)

CHINA = timezone(timedelta(hours=8))
ZONED = "timestamp with time zone"
MOMENT = "2024-03-11T09:30:00.500000"
SECONDS = 1710120600


@pytest.mark.parametrize(
    ("codec", "value", "parameter", "side"),
    [
        (DateCodec(), "2024-03-11", date(2024, 3, 11), Side.SAME),
        (DateCodec(), MOMENT, date(2024, 3, 11), Side.BEFORE),
        (
            InstantCodec(),
            "2024-03-11",
            datetime.fromisoformat("2024-03-11"),
            Side.AFTER,
        ),
        (InstantCodec(), MOMENT, datetime.fromisoformat(MOMENT), Side.SAME),
        (
            InstantCodec(ZONED),
            MOMENT,
            datetime(2024, 3, 11, 9, 30, 0, 500000, tzinfo=CHINA),
            Side.SAME,
        ),
        (InstantCodec("bigint", (), 1), MOMENT, SECONDS, Side.BEFORE),
        (InstantCodec("bigint", (), 1), MOMENT[:19], SECONDS, Side.SAME),
        (InstantCodec("bigint", (), 1000), MOMENT, SECONDS * 1000 + 500, Side.SAME),
        (
            InstantCodec("bigint", (), 1000),
            "2024-03-11T09:30:00.500001",
            SECONDS * 1000 + 500,
            Side.BEFORE,
        ),
        (DigitDateCodec(), "2024-03-11", "20240311", Side.SAME),
        (DigitDateCodec(), MOMENT, "20240311", Side.BEFORE),
        (DigitDateCodec("text", (), "/"), "2024-03-11", "2024/03/11", Side.SAME),
        (ChineseDateCodec(), MOMENT, "2024-03-11", Side.BEFORE),
        (MoneyCodec("integer"), "10.50", Decimal("10.50"), Side.SAME),
        (TextCodec("bigint"), "10", "10", Side.SAME),
        (CodeCodec("text"), "FILED", "FILED", Side.SAME),
        (IntegerCodec("integer"), "10", 10, Side.SAME),
        (IntegerCodec("integer"), "9" * 12, 2147483647, Side.BEFORE),
        (IntegerCodec("integer"), "-" + "9" * 12, -2147483647, Side.AFTER),
    ],
)
def test_a_canonical_position_lies_here_among_the_cells(
    codec: Codec, value: str, parameter: object, side: Side
) -> None:
    assert codec.bound(value) == (parameter, side)


@pytest.mark.parametrize(
    ("codec", "value", "lower", "upper"),
    [
        (
            DateCodec(),
            "2024-03-11",
            (">=", date(2024, 3, 11)),
            ("<=", date(2024, 3, 11)),
        ),
        (
            InstantCodec(),
            "2024-03-11",
            (">=", datetime.fromisoformat("2024-03-11")),
            ("<=", datetime.fromisoformat("2024-03-11T23:59:59.999999")),
        ),
        (
            InstantCodec("bigint", (), 1),
            "2024-03-11",
            (">=", 1710086400),
            ("<=", 1710172799),
        ),
        (
            InstantCodec("bigint", (), 1000),
            "1988-07-01",  # summer time: the day began at 23:00 by winter time
            (">=", 583686000000),
            ("<=", 583772399999),
        ),
        (
            InstantCodec("bigint", (), 1, whole=False),
            "2024-03-11T01:30:00.5+00:00",
            (">", SECONDS),
            ("<=", SECONDS),
        ),
        (DigitDateCodec(), "2024-03-11", (">=", "20240311"), ("<=", "20240311")),
        (
            MoneyCodec("numeric"),
            "10.5",
            (">=", Decimal("10.5")),
            ("<=", Decimal("10.5")),
        ),
        (
            IntegerCodec("integer"),
            "9" * 12,
            (">", 2147483647),
            ("<=", 2147483647),
        ),
    ],
)
def test_limits_take_in_what_lies_at_the_edge(
    codec: Codec, value: str, lower: object, upper: object
) -> None:
    assert (codec.lower(value), codec.upper(value)) == (lower, upper)


@pytest.mark.parametrize(
    ("codec", "value", "parameter"),
    [
        (TextCodec("text", ("/",)), "91619900MB0001003U", "91619900MB0001003U"),
        (TextCodec("smallint"), "-32768", -32768),
        (TextCodec("bigint"), "9223372036854775807", 9223372036854775807),
        (TextCodec("uuid"), "any text", "any text"),
        (ExactCodec("text"), " a ", " a "),
        (MoneyCodec("text"), "12", Decimal(12)),
        (IntegerCodec("text"), "12", 12),
    ],
)
def test_a_value_becomes_a_parameter_of_the_columns_type(
    codec: Codec, value: str, parameter: object
) -> None:
    assert codec.encode(value) == parameter


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (TextCodec("text", ("/",)), "/"),
        (TextCodec("text"), ""),
        (TextCodec("text"), "a\u3000"),
        (ExactCodec("character"), "a "),
        (TextCodec("smallint"), "32768"),
        (TextCodec("bigint"), "9223372036854775808"),
        (TextCodec("bigint"), "007"),
        (TextCodec("bigint"), "seven"),
        (MoneyCodec("text"), "ten"),
        (MoneyCodec("text"), "NaN"),
        (MoneyCodec("text"), "Infinity"),
        (IntegerCodec("integer"), "2147483648"),
    ],
)
def test_a_value_that_no_cell_can_equal_is_refused(codec: Codec, value: str) -> None:
    with pytest.raises(ValueError, match=re.escape(value) or "^$"):
        codec.encode(value)


@pytest.mark.parametrize("pad", ["0", "0?"])
def test_the_pattern_of_days_has_every_day_and_no_other(pad: str) -> None:
    pattern = re.compile(_calendar("-", "-", "", pad))
    day, days = date(1899, 12, 25), set()
    while day < date(2100, 1, 7):
        if pattern.match(day.isoformat()):
            days.add(day)
        day += timedelta(days=1)
    assert (min(days), max(days)) == (date(1900, 1, 1), date(2099, 12, 31))
    assert len(days) == (date(2100, 1, 1) - date(1900, 1, 1)).days
    for wrong in ("1900-02-29", "2023-02-29", "2024-02-30", "2024-04-31", "2024-13-01"):
        assert not pattern.match(wrong)
    assert bool(pattern.match("2024-3-1")) is (pad == "0?")


@pytest.mark.parametrize(
    ("family", "name"),
    [("character", "bpchar"), ("bigint", "bigint"), ("uuid", "text"), ("text", "text")],
)
def test_keys_are_sent_as_arrays_of_a_type_that_holds_them(
    family: str, name: str
) -> None:
    assert TextCodec(family).type == name
