"""Merging sources into one order, and where each goes on after a page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.merge import add_up, cut, mark_of, merge, merged, position
from zhitong.types import Kind, Order, Position, Row, Table, Tally


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


SEVERAL = st.lists(
    st.builds(
        row,
        st.sampled_from("abc"),
        st.sampled_from("123456"),
        st.none() | st.sampled_from(["9", "10", "-1"]),
    ),
    unique_by=lambda one: (one.source, one.key),
)
ORDERS = st.builds(Order, st.just("f"), st.booleans())


def tables(rows: list[Row], order: Order, kind: Kind) -> list[Table]:
    """Answer as sources do: each its own rows, in order."""
    by_source = {source: [r for r in rows if r.source == source] for source in "abc"}
    return [
        Table(
            "T",
            source,
            [(one.key, one.order) for one in merge(own, order, kind)],
            key=0,
            order=1,
            match=None,
            at={},
        )
        for source, own in by_source.items()
        if own
    ]


@given(
    rows=SEVERAL,
    order=ORDERS,
    kind=st.sampled_from([Kind.TEXT, Kind.MONEY]),
    limit=st.integers(0, 12),
)
def test_records_of_several_tables_are_in_the_order_of_their_rows(
    rows: list[Row], order: Order, kind: Kind, limit: int
) -> None:
    records, theirs, more = cut(*merged(tables(rows, order, kind), order, kind), limit)
    expected = merge(rows, order, kind)
    assert [
        f"{table.source}{record[0]}"
        for record, table in zip(records, theirs, strict=True)
    ] == places(expected[:limit])
    assert bool(more) is (len(rows) > limit)


@given(rows=SEVERAL, order=ORDERS, limit=st.integers(1, 3), data=st.data())
def test_what_is_found_by_keys_is_in_order_for_each_key_and_cut_there(
    rows: list[Row], order: Order, limit: int, data: st.DataObject
) -> None:
    matched = [(data.draw(st.sampled_from("xyz")), one) for one in rows]
    answers = [
        Table(
            "T",
            source,
            [(m, r.key, r.order) for m, r in shuffled if r.source == source],
            key=1,
            order=2,
            match=0,
            at={},
        )
        for source in "abc"
        if (shuffled := data.draw(st.permutations(matched)))
    ]
    records, theirs, more = cut(*merged(answers, order, Kind.TEXT), limit)
    for key in "xyz":
        own = merge([r for m, r in matched if m == key], order, Kind.TEXT)
        assert [
            f"{table.source}{record[1]}"
            for record, table in zip(records, theirs, strict=True)
            if record[0] == key
        ] == places(own[:limit])
        assert (key in more) is (len(own) > limit)


def test_counts_of_one_group_are_added_over_sources() -> None:
    one = [Tally(("A", None), 2), Tally(("B", None), 1)]
    other = [Tally(("A", None), 40)]
    assert add_up([one, other]) == {("A", None): 42, ("B", None): 1}
