"""Small cells: which are hidden, and that no difference of what is told gives one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.cells import Cell, Margin, hidden_cells, summed

SMALLEST = 5
TABLES = st.dictionaries(
    st.tuples(
        st.sampled_from(["A", "B", "C", None]),
        st.sampled_from(["x", "y", "z"]),
        st.sampled_from(["1", "2"]),
    ),
    st.integers(1, 20),
    max_size=24,
)


def hidden(table: dict[Cell, int], places: int) -> set[Cell]:
    return hidden_cells(table, places, SMALLEST)[tuple(range(places))]


def test_a_small_count_is_hidden_and_the_next_smallest_with_it() -> None:
    assert hidden({("A",): 2, ("B",): 9, ("C",): 7}, 1) == {("A",), ("C",)}


def test_two_small_counts_are_not_told_by_their_sum() -> None:
    # 1 + 1 = 2 would tell both, so one that is not small is hidden with them.
    assert hidden({("A",): 1, ("B",): 1, ("C",): 7, ("D",): 9}, 1) == {
        ("A",),
        ("B",),
        ("C",),
    }


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    assert hidden({("A",): 5, ("B",): 9}, 1) == set()


def test_a_small_total_is_hidden_and_so_are_its_parts() -> None:
    found = hidden_cells({("A",): 4}, 1, SMALLEST)
    assert found == {(): {()}, (0,): {("A",)}}


def test_a_count_that_is_hidden_is_no_sum_of_what_is_told() -> None:
    # B is hidden to protect A, so not all of B's own cells may be told.
    table: dict[Cell, int] = {("A", "x"): 2, ("B", "x"): 6, ("B", "y"): 7}
    found = hidden_cells(table, 2, SMALLEST)
    assert found[0,] == {("A",), ("B",)}
    assert found[0, 1] & {("B", "x"), ("B", "y")}


def test_what_was_told_before_hides_a_count_that_is_not_small() -> None:
    def narrows(margin: Margin, cell: Cell, _count: int) -> bool:
        return (margin, cell) == ((0,), ("B",))

    found = hidden_cells({("A",): 8, ("B",): 9, ("C",): 7}, 1, SMALLEST, narrows)
    assert found[0,] == {("B",), ("C",)}


@given(TABLES)
def test_no_difference_along_a_line_gives_a_hidden_count(
    table: dict[Cell, int],
) -> None:
    found = hidden_cells(table, 3, SMALLEST)
    for margin, kept in found.items():
        sums = summed(table, margin)
        assert {cell for cell, count in sums.items() if count < SMALLEST} <= kept
        for place in range(len(margin)):
            above = margin[:place] + margin[place + 1 :]
            values = {cell[place] for cell in sums}
            for line in {cell[:place] + cell[place + 1 :] for cell in sums}:
                cells = [(*line[:place], value, *line[place:]) for value in values]
                mine = [cell for cell in cells if cell in kept]
                if line in found[above]:
                    assert mine  # or they would add up to what is hidden
                elif mine:
                    assert len(mine) > 1 or len(cells) == 1
                    counts = [sums.get(cell, 0) for cell in mine]
                    shielded = any(not 0 < count < SMALLEST for count in counts)
                    assert shielded or mine == cells
                    assert sum(counts) >= SMALLEST or mine == cells


def test_an_empty_cell_is_hidden_where_nothing_else_protects() -> None:
    table: dict[Cell, int] = {("x", "1"): 5, ("x", "2"): 1, ("y", "2"): 5}
    assert hidden(table, 2) == {("x", "1"), ("x", "2"), ("y", "1"), ("y", "2")}


@given(TABLES)
def test_a_cell_is_hidden_alike_whichever_table_is_asked_for(
    table: dict[Cell, int],
) -> None:
    whole = hidden_cells(table, 3, SMALLEST)
    for margin, kept in whole.items():
        alone = hidden_cells(summed(table, margin), len(margin), SMALLEST)
        assert alone[tuple(range(len(margin)))] == kept
