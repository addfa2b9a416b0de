"""Scalars: what is taken as a date, a moment, an amount, a code, a division."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zhitong.exceptions import CreditCodeError, ScalarError
from zhitong.schema.scalars import (
    SCALARS,
    CreditCode,
    Date,
    DateTime,
    DivisionCode,
    Money,
)


def parser(scalar: object) -> Callable[[Any], Any]:
    parse = SCALARS[scalar].parse_value
    assert parse is not None
    return parse


@pytest.mark.parametrize(
    ("scalar", "given", "taken"),
    [
        pytest.param(Date, "2024-02-29", "2024-02-29", id="a leap day"),
        pytest.param(Date, "9999-12-31", "9999-12-31", id="for ever"),
        pytest.param(
            DateTime,
            "2024-03-11T09:30:00+08:00",
            "2024-03-11T09:30:00+08:00",
            id="a moment",
        ),
        pytest.param(Money, "1200.50", "1200.50", id="an amount"),
        pytest.param(Money, 1200, "1200", id="a whole amount"),
        pytest.param(Money, "-0.01", "-0.01", id="a refund"),
        pytest.param(DivisionCode, "61", "61", id="a province"),
        pytest.param(DivisionCode, "619921", "619921", id="a county"),
        pytest.param(DivisionCode, "619921001002", "619921001002", id="a village"),
        pytest.param(
            CreditCode, "91619902MAKBRH808J", "91619902MAKBRH808J", id="a firm"
        ),
    ],
)
def test_what_is_right_is_taken(scalar: object, given: object, taken: str) -> None:
    assert parser(scalar)(given) == taken


@pytest.mark.parametrize(
    ("scalar", "given"),
    [
        pytest.param(Date, "2023-02-29", id="no leap year"),
        pytest.param(Date, "2024-13-01", id="month 13"),
        pytest.param(Date, "2024年3月11日", id="a date in words"),
        pytest.param(Date, "2024-03-11T00:00", id="a moment for a date"),
        pytest.param(Date, "", id="no date"),
        pytest.param(Date, 20240311, id="a number for a date"),
        pytest.param(Date, "0001-01-01", id="the year 1"),
        pytest.param(DateTime, "2024-03-11T09:30:00", id="no offset"),
        pytest.param(DateTime, "2024-03-11", id="a day for a moment"),
        pytest.param(DateTime, "0001-01-01T00:00:00+14:00", id="before all time"),
        pytest.param(DateTime, "9999-12-31T23:59:59-12:00", id="after all time"),
        pytest.param(Money, "1.005", id="three decimals"),
        pytest.param(Money, "1e3", id="an exponent"),
        pytest.param(Money, "NaN", id="NaN"),
        pytest.param(Money, "１２", id="full-width digits"),
        pytest.param(Money, True, id="a truth value"),
        pytest.param(Money, "1" * 16, id="sixteen digits"),
        pytest.param(Money, "12\n", id="a line break"),
        pytest.param(Money, 0.1 + 0.2, id="a binary fraction"),
        pytest.param(DivisionCode, "619", id="three digits"),
        pytest.param(DivisionCode, "019921", id="a zero in front"),
        pytest.param(DivisionCode, "61992%", id="a wildcard"),
        pytest.param(DivisionCode, "6１", id="full-width division"),
        pytest.param(DivisionCode, "619921\n", id="a division and a line break"),
    ],
)
def test_what_is_wrong_is_refused(scalar: object, given: object) -> None:
    with pytest.raises(ScalarError):
        parser(scalar)(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param("9161990OMAKBRH808J", "O at place 8", id="a look-alike letter"),
        pytest.param("91619902MAKBRH808K", "check", id="check character"),
        pytest.param("91619902", "has 18 characters, this has 8", id="too short"),
    ],
)
def test_a_wrong_credit_code_is_told_what_is_wrong(given: str, told: str) -> None:
    with pytest.raises(CreditCodeError, match=told):
        parser(CreditCode)(given)
