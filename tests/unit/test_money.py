"""Amounts are exact: whole fen, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.money import fen, yuan

amounts = st.integers(-(10**14), 10**14)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("20000", 2_000_000),
        ("199.5", 19_950),
        ("0.01", 1),
        ("199.5000", 19_950),
        ("-3", -300),
        ("0", 0),
    ],
)
def test_yuan_are_read_to_the_fen(text: str, amount: int) -> None:
    assert fen(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.005",
        "0.30000000000000004",
        "1e3",
        "1,000",
        "１０",
        "NaN",
        "+1",
        "1.",
        "²",
    ],
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two decimals"):
        fen(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(2_000_000, "20000.00"), (1, "0.01"), (-150, "-1.50"), (0, "0.00")],
)
def test_yuan_are_written_with_two_decimals(amount: int, text: str) -> None:
    assert yuan(amount) == text


@given(amounts)
def test_what_is_written_is_read_back(amount: int) -> None:
    assert fen(yuan(amount)) == amount
