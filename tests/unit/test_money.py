"""Amounts are exact: whole fen, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.money import fen, fen_of_ten_thousands, yuan
from zhitong.streams.columns import ten_thousands

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


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2", 2_000_000),
        ("0.02", 20_000),
        ("0.000001", 1),
        ("189.421791", 189_421_791),
        ("189.42179100", 189_421_791),
        ("-0.5", -500_000),
    ],
)
def test_ten_thousands_are_read_to_the_fen(text: str, amount: int) -> None:
    assert fen_of_ten_thousands(text) == amount


@pytest.mark.parametrize("text", ["189.42179099999998", "0.0000001", "2万", "", "1e3"])
def test_ten_thousands_that_are_no_whole_fen_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="six decimals"):
        fen_of_ten_thousands(text)


@given(amounts)
def test_ten_thousands_that_are_written_are_read_back(amount: int) -> None:
    text = ten_thousands(amount)
    assert text is not None
    assert fen_of_ten_thousands(text) == amount
    assert len(text.partition(".")[2]) == 6
