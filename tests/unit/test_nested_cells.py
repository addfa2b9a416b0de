"""Groupings that lie one inside the other: no table by the one tells the other's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.cells import Cell, Margin, hidden_cells, summed

SMALLEST = 3
INSIDE = (0, 1)
MOST_TRIED = 4
MARGINS: list[Margin] = [(), (0,), (1,), (0, 1)]
PLACES = st.tuples(st.sampled_from("pqrs"), st.sampled_from("AB"))
TABLES = st.dictionaries(PLACES, st.integers(1, 5), min_size=1, max_size=5)
"""Agencies p to s in divisions A and B: some lie in one, some in both."""


def told(table: dict[Cell, int], *, nested: bool = True) -> dict[Margin, set[Cell]]:
    return hidden_cells(table, 2, SMALLEST, inside=INSIDE if nested else None)


def worlds(
    table: dict[Cell, int], hidden: dict[Margin, set[Cell]]
) -> Iterator[dict[Cell, int]]:
    """Give every table that all that is told fits, by trying them all.

    Who asks knows which cells are empty: which agency is in which division.
    """
    cells = sorted(table)
    sums = [
        (margin, cell, count)
        for margin in MARGINS
        for cell, count in summed(table, margin).items()
        if cell not in hidden[margin]
    ]
    most = sum(table.values()) + 2

    def fits(world: dict[Cell, int], *, whole: bool) -> bool:
        for margin, cell, count in sums:
            found = summed(world, margin).get(cell, 0)
            if found > count or (whole and found != count):
                return False
        return True

    def tried(world: dict[Cell, int]) -> Iterator[dict[Cell, int]]:
        if len(world) == len(cells):
            if fits(world, whole=True):
                yield dict(world)
            return
        for count in range(most + 1):
            longer = {**world, cells[len(world)]: count}
            if not fits(longer, whole=False):
                return
            yield from tried(longer)

    yield from tried({})


def derived(
    table: dict[Cell, int], hidden: dict[Margin, set[Cell]]
) -> list[tuple[Margin, Cell]]:
    """List the small counts that can have one value only."""
    unsure = {
        (margin, cell)
        for margin in MARGINS
        for cell, count in summed(table, margin).items()
        if count < SMALLEST
    }
    for world in worlds(table, hidden):
        for margin, cell in list(unsure):
            if summed(world, margin)[cell] != summed(table, margin)[cell]:
                unsure.remove((margin, cell))
        if not unsure:
            break
    return sorted(unsure)


COUNTY: dict[Cell, int] = {
    ("p", "A"): 1,
    ("q", "A"): 6,
    ("r", "B"): 4,
    ("s", "B"): 7,
}


def test_an_agency_is_no_difference_of_its_division_and_the_others() -> None:
    # By agency p and r were hidden; the division less q was p.
    hidden = told(COUNTY)
    assert hidden[0,] == {("p",), ("q",)}
    assert derived(COUNTY, hidden) == []


def test_the_oracle_sees_what_one_table_alone_does_not_hide() -> None:
    hidden = told(COUNTY, nested=False)
    assert hidden[0,] == {("p",), ("r",)}
    assert derived(COUNTY, hidden) == [((0,), ("p",)), ((0, 1), ("p", "A"))]


@given(TABLES)
def test_from_all_tables_by_two_nested_groupings_no_small_count_is_derived(
    table: dict[Cell, int],
) -> None:
    assert derived(table, told(table)) == []


THREE = st.dictionaries(
    st.tuples(st.sampled_from("pqrs"), st.sampled_from("AB"), st.sampled_from("xy")),
    st.integers(1, 5),
    max_size=8,
)


@pytest.mark.parametrize("margin", [(), (0, 1), (1,), (2,), (1, 2)])
@given(THREE)
def test_a_nested_cell_is_hidden_alike_whichever_table_is_asked_for(
    margin: Margin, table: dict[Cell, int]
) -> None:
    whole = hidden_cells(table, 3, SMALLEST, inside=INSIDE)
    inside = INSIDE if margin == INSIDE else None
    alone = hidden_cells(summed(table, margin), len(margin), SMALLEST, inside=inside)
    for size in range(len(margin) + 1):
        for part in combinations(range(len(margin)), size):
            named = tuple(margin[place] for place in part)
            assert alone[part] == whole[named]


@given(THREE)
def test_in_each_part_by_a_third_grouping_no_small_count_is_derived(
    table: dict[Cell, int],
) -> None:
    whole = hidden_cells(table, 3, SMALLEST, inside=INSIDE)
    for third in "xy":
        part = {cell[:2]: n for cell, n in table.items() if cell[2] == third}
        if len(part) > MOST_TRIED:
            continue
        hidden = {
            margin: {cell[:-1] for cell in whole[*margin, 2] if cell[-1] == third}
            for margin in MARGINS
        }
        assert derived(part, hidden) == []
