"""Dates that follow each other, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.dated import Flaw, breaks, in_force


@dataclass(frozen=True)
class Span:
    since: date
    until: date | None = None


def span(since: str, until: str = "") -> Span:
    return Span(date.fromisoformat(since), date.fromisoformat(until) if until else None)


def found(*every: Span) -> list[tuple[Flaw, str, str]]:
    return [(one.flaw, str(one.first), str(one.last)) for one in breaks(every)]


def test_the_last_day_belongs_to_a_version_and_the_next_begins_on_the_day_after() -> (
    None
):
    old, new = span("2019-01-01", "2021-07-14"), span("2021-07-15")
    assert found(new, old) == []
    assert in_force((new, old), date(2021, 7, 14)) is old
    assert in_force((new, old), date(2021, 7, 15)) is new
    assert in_force((new, old), date(2018, 12, 31)) is None
    assert in_force((new, old), date.max) is new


@pytest.mark.parametrize(
    ("every", "flaws"),
    [
        pytest.param(
            (span("2019-01-01", "2021-07-13"), span("2021-07-15")),
            [(Flaw.GAP, "2021-07-14", "2021-07-14")],
            id="a day that none is for",
        ),
        pytest.param(
            (span("2019-01-01", "2021-07-15"), span("2021-07-15")),
            [(Flaw.OVERLAP, "2021-07-15", "2021-07-15")],
            id="a day that two are for",
        ),
        pytest.param(
            (span("2019-01-01"), span("2021-07-15", "2021-12-31")),
            [(Flaw.OVERLAP, "2021-07-15", "2021-12-31")],
            id="one that was never ended",
        ),
        pytest.param(
            (span("2021-07-15", "2021-07-14"),),
            [(Flaw.REVERSED, "2021-07-15", "2021-07-14")],
            id="one that ends before it begins",
        ),
        pytest.param(
            (
                span("2019-01-01", "2019-12-31"),
                span("2019-02-01", "2019-02-28"),
                span("2020-01-01"),
            ),
            [(Flaw.OVERLAP, "2019-02-01", "2019-02-28")],
            id="one within another is no gap",
        ),
        pytest.param((), [], id="none at all"),
    ],
)
def test_what_is_wrong_is_named_with_its_days(
    every: tuple[Span, ...], flaws: list[tuple[Flaw, str, str]]
) -> None:
    assert found(*every) == flaws


FIRST = date(2020, 1, 1)
spans = st.builds(
    lambda begin, length: Span(
        FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + length)
    ),
    st.integers(0, 60),
    st.integers(0, 30),
)


@given(st.lists(spans, max_size=6))
def test_gaps_and_overlaps_are_those_that_a_count_of_days_finds(
    every: list[Span],
) -> None:
    def taken(day: date) -> int:
        return sum(one.since <= day <= (one.until or date.max) for one in every)

    whole = [FIRST + timedelta(days=number) for number in range(100)]
    held = [day for day in whole if taken(day)]
    missing = {
        day for day in whole if held and held[0] < day < held[-1] and not taken(day)
    }
    double = {day for day in whole if taken(day) > 1}
    told: dict[Flaw, set[date]] = {flaw: set() for flaw in Flaw}
    for one in breaks(every):
        told[one.flaw] |= {day for day in whole if one.first <= day <= one.last}
    assert told == {Flaw.GAP: missing, Flaw.OVERLAP: double, Flaw.REVERSED: set()}
