"""Which cells of a table of counts are not told: small ones, and what protects them.

A table and every table that adds it up are looked at together, from the grand total
down, so that a cell is hidden or told alike whichever of them is asked for:

- a count from 1 to below the smallest is hidden;
- where a line (the cells that add up to a told cell) hides anything, it hides two cells
  at least, one of them not small: no difference gives a hidden cell;
- where the sum is hidden, so is one of the cells that make it up.

This protects against sums and differences along one grouping. A line whose cells are
all small and whose sum is told still says what they are together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import combinations

Cell = tuple[str | None, ...]
Margin = tuple[int, ...]
"""Which groupings of the whole table a table is by."""
Narrows = Callable[[Margin, Cell, int], bool]
"""Says whether telling a cell would, with what was told before, tell a small one."""


def never(_margin: Margin, _cell: Cell, _count: int) -> bool:
    """Say that nothing was told before."""
    return False


def summed(table: Mapping[Cell, int], margin: Margin) -> dict[Cell, int]:
    """Add *table* up to the groupings of *margin*."""
    sums: defaultdict[Cell, int] = defaultdict(int)
    for cell, count in table.items():
        sums[tuple(cell[place] for place in margin)] += count
    return dict(sums)


def hidden_cells(
    table: Mapping[Cell, int], places: int, smallest: int, narrows: Narrows = never
) -> dict[Margin, set[Cell]]:
    """Say for the table by *places* groupings, and for its sums, what is hidden."""
    hidden: dict[Margin, set[Cell]] = {}
    for size in range(places + 1):
        for margin in combinations(range(places), size):
            sums = summed(table, margin)
            found = {
                cell
                for cell, count in sums.items()
                if 0 < count < smallest or narrows(margin, cell, count)
            }
            _protect(margin, sums, found, hidden, smallest)
            hidden[margin] = found
    return hidden


def _protect(
    margin: Margin,
    sums: Mapping[Cell, int],
    found: set[Cell],
    hidden: Mapping[Margin, set[Cell]],
    smallest: int,
) -> None:
    """Add to *found* what protects it, until nothing more is needed."""
    lines = [
        (cells, above in hidden[_without(margin, place)])
        for place in range(len(margin))
        for above, cells in _lines(sums, place).items()
    ]
    before = -1
    while before != len(found):
        before = len(found)
        for cells, sum_hidden in lines:
            extra = _complement(cells, sums, found, smallest, sum_hidden=sum_hidden)
            if extra is not None:
                found.add(extra)


def _without(margin: Margin, place: int) -> Margin:
    return margin[:place] + margin[place + 1 :]


def _lines(sums: Mapping[Cell, int], place: int) -> Mapping[Cell, list[Cell]]:
    lines: defaultdict[Cell, list[Cell]] = defaultdict(list)
    for cell in sums:
        lines[cell[:place] + cell[place + 1 :]].append(cell)
    return lines


def _complement(
    cells: list[Cell],
    sums: Mapping[Cell, int],
    found: set[Cell],
    smallest: int,
    *,
    sum_hidden: bool,
) -> Cell | None:
    """Choose the cell of a line to hide as well: the smallest that is not small."""
    mine = [cell for cell in cells if cell in found]
    told = [cell for cell in cells if cell not in found]
    if sum_hidden:
        enough = bool(mine)
    else:
        shielded = any(sums[cell] >= smallest for cell in mine)
        enough = not mine or (len(mine) > 1 and shielded)
    if enough or not told:
        return None
    return min(told, key=lambda cell: (sums[cell], [part or "" for part in cell]))
