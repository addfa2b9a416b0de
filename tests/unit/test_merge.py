"""Merging sources into one order, and where each goes on after a page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.merge import add_up, mark_of, merge, position
from zhitong.types import Kind, Order, Position, Row, Tally


def row(source: str, key: str, order: str | None) -> Row:
    return Row("T", source, key, {}, order)


def places(rows: list[Row]) -> list[str]:
    return [f"{one.source}{one.key}" for one in rows]


def test_equal_values_go_by_source_then_key_in_both_directions() -> None:
    rows = [row("b", "1", "x"), row("a", "2", "x"), row("a", "1", "x")]
    for descending in (True, False):
        merged = merge(rows, Order("f", descending), Kind.TEXT)
        assert places(merged) == ["a1", "a2", "b1"]


def test_rows_without_a_value_come_last_in_both_directions() -> None:
    rows = [row("a", "1", None), row("a", "2", "x"), row("b", "3", "y")]
    assert places(merge(rows, Order("f", descending=True), Kind.TEXT)) == [
        "b3",
        "a2",
        "a1",
    ]
    assert places(merge(rows, Order("f", descending=False), Kind.TEXT)) == [
        "a2",
        "b3",
        "a1",
    ]


def test_amounts_are_ordered_as_numbers() -> None:
    rows = [row("a", "1", "9.00"), row("a", "2", "10.00"), row("a", "3", "-1.00")]
    merged = merge(rows, Order("fine", descending=False), Kind.MONEY)
    assert places(merged) == ["a3", "a1", "a2"]


def test_a_source_goes_on_after_the_mark() -> None:
    mark = Mark("x", "b", "5")
    assert position(None, "b") is None
    assert position(mark, "b") == Position("x", "5")
    # At the mark's value, sources before it are through and those after are not.
    assert position(mark, "a") == Position("x", None)
    assert position(mark, "c") == Position("x", None, inclusive=True)


def test_among_rows_without_a_value_earlier_sources_are_through() -> None:
    mark = Mark(None, "b", "5")
    assert position(mark, "a") is False
    assert position(mark, "b") == Position(None, "5")
    assert position(mark, "c") == Position(None, None)


def rest(rows: list[Row], order: Order, mark: Mark) -> list[Row]:
    """Do what a source does with a position, the plain way."""
    kept = []
    for one in rows:
        start = position(mark, one.source)
        if start is False:
            continue
        assert isinstance(start, Position)
        if one.order is None:
            past = start.value is not None or start.key is None
            beyond = past or one.key > (start.key or "")
        elif start.value is None:
            beyond = False
        elif one.order == start.value:
            beyond = start.inclusive or (start.key is not None and one.key > start.key)
        else:
            beyond = (one.order < start.value) is order.descending
        if beyond:
            kept.append(one)
    return kept


@given(
    rows=st.lists(
        st.builds(
            row,
            st.sampled_from("abc"),
            st.sampled_from("123456"),
            st.none() | st.sampled_from("xyz"),
        ),
        unique_by=lambda one: (one.source, one.key),
    ),
    size=st.integers(1, 4),
    descending=st.booleans(),
)
def test_pages_give_each_row_once(
    rows: list[Row], size: int, *, descending: bool
) -> None:
    order = Order("f", descending)
    seen: list[Row] = []
    left = rows
    while left:
        page = merge(left, order, Kind.TEXT)[:size]
        seen += page
        left = rest(left, order, mark_of(page[-1]))
    assert places(seen) == places(merge(rows, order, Kind.TEXT))


def test_counts_of_one_group_are_added_over_sources() -> None:
    one = [Tally(("A", None), 2), Tally(("B", None), 1)]
    other = [Tally(("A", None), 40)]
    assert add_up([one, other]) == {("A", None): 42, ("B", None): 1}
