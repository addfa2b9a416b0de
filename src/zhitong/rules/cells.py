"""Which cells of a table of counts are not told: small ones, and what protects them.

A table and every table that adds it up are looked at together, from the grand total
down, so that a cell is hidden or told alike whichever of them is asked for:

- a count from 1 to below the smallest is hidden;
- where a line (the cells that add up to a told cell) hides anything, it hides two cells
  at least, one of them not small but large or empty: no difference gives a hidden cell;
- where the sum is hidden, so is one of the cells that make it up.

This protects against sums and differences along one grouping. A line whose cells are
all small, with none empty, and whose sum is told still says what they are together.

Where one grouping lies inside another, tables by the finer are looked at as parts of
the table by both (`nested_cells`); those without the finer are as if it were not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from zhitong.rules import nested_cells

Cell = tuple[str | None, ...]
Margin = tuple[int, ...]
"""Which groupings of the whole table a table is by."""
FINER = ("finer", "both")
KINDS = (*FINER, "coarser", "total")
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
    table: Mapping[Cell, int],
    places: int,
    smallest: int,
    narrows: Narrows = never,
    inside: tuple[int, int] | None = None,
) -> dict[Margin, set[Cell]]:
    """Say for the table by *places* groupings, and for its sums, what is hidden.

    *inside* are the places of a grouping and of the one that it mostly lies inside.
    """
    hidden: dict[Margin, set[Cell]] = {}

    def secret(margin: Margin, sums: Mapping[Cell, int]) -> set[Cell]:
        return {
            cell
            for cell, count in sums.items()
            if 0 < count < smallest or narrows(margin, cell, count)
        }

    for margin in _margins(range(places)):
        if inside is None or inside[0] not in margin:
            sums = summed(table, margin)
            found = secret(margin, sums)
            _protect(margin, sums, found, hidden, smallest)
            hidden[margin] = found
    if inside is not None:
        rest = [place for place in range(places) if place not in inside]
        for margin in _margins(rest):
            four = _Four(margin, inside)
            tables = {kind: summed(table, four.margin(kind)) for kind in KINDS}
            wanted = {
                kind: secret(four.margin(kind), sums) for kind, sums in tables.items()
            }
            _nest(four, tables, wanted, hidden, smallest)
    return hidden


def _margins(places: Iterable[int]) -> Iterator[Margin]:
    known = tuple(places)
    for size in range(len(known) + 1):
        yield from combinations(known, size)


@dataclass(frozen=True, slots=True)
class _Four:
    """Four tables: by other groupings with neither, each and both of two."""

    rest: Margin
    inside: tuple[int, int]

    def margin(self, kind: str) -> Margin:
        """Say which groupings a table is by."""
        return tuple(sorted((*self.rest, *self._own(kind))))

    def parts(self, kind: str, cells: Iterable[Cell]) -> dict[Cell, list[Cell]]:
        """Sort cells by their values of the other groupings; give those of the two."""
        found: defaultdict[Cell, list[Cell]] = defaultdict(list)
        for cell in cells:
            values = dict(zip(self.margin(kind), cell, strict=True))
            rest = tuple(values[place] for place in self.rest)
            found[rest].append(tuple(values[place] for place in self._own(kind)))
        return found

    def cell(self, kind: str, rest: Cell, part: Cell) -> Cell:
        """Put a cell together again."""
        places = (*self.rest, *self._own(kind))
        values = dict(zip(places, (*rest, *part), strict=True))
        return tuple(values[place] for place in self.margin(kind))

    def _own(self, kind: str) -> Margin:
        finer, coarser = self.inside
        owned = {"coarser": (coarser,), "finer": (finer,), "both": self.inside}
        return owned.get(kind, ())


def _nest(
    four: _Four,
    tables: Mapping[str, Mapping[Cell, int]],
    wanted: Mapping[str, set[Cell]],
    hidden: dict[Margin, set[Cell]],
    smallest: int,
) -> None:
    """Hide, of the two tables by the finer, what is small and what protects it."""
    for kind in FINER:
        hidden[four.margin(kind)] = set(wanted[kind])
    slices = four.parts("both", tables["both"])
    secret = {kind: four.parts(kind, wanted[kind]) for kind in KINDS}
    before = -1
    while before != (before := sum(len(hidden[four.margin(kind)]) for kind in FINER)):
        kept = {kind: four.parts(kind, hidden[four.margin(kind)]) for kind in KINDS}
        for rest, parts in slices.items():
            found = nested_cells.protect(
                {
                    (finer, coarser): tables["both"][
                        four.cell("both", rest, (finer, coarser))
                    ]
                    for finer, coarser in parts
                },
                {kind: kept[kind].get(rest, ()) for kind in KINDS},
                {kind: secret[kind].get(rest, ()) for kind in KINDS},
                smallest,
            )
            for kind in FINER:
                cells = {four.cell(kind, rest, part) for part in found[kind]}
                hidden[four.margin(kind)] |= cells
        for kind in FINER:
            margin = four.margin(kind)
            _protect(margin, tables[kind], hidden[margin], hidden, smallest)


def _protect(
    margin: Margin,
    sums: Mapping[Cell, int],
    found: set[Cell],
    hidden: Mapping[Margin, set[Cell]],
    smallest: int,
) -> None:
    """Add to *found* what protects it, until nothing more is needed."""
    values = [
        sorted({cell[place] for cell in sums}, key=lambda value: value or "")
        for place in range(len(margin))
    ]
    for place in range(len(margin)):
        for above in _sorted(hidden[_without(margin, place)]):
            cells = _line(values, place, above)
            if not any(cell in found for cell in cells):
                filled = [cell for cell in cells if cell in sums]
                found.add(min(filled or cells, key=_small_first(sums)))
    waiting = _sorted(found)
    while waiting:
        cell = waiting.pop(0)
        for place in range(len(margin)):
            above = cell[:place] + cell[place + 1 :]
            if above in hidden[_without(margin, place)]:
                continue
            extra = _complement(_line(values, place, above), sums, found, smallest)
            if extra is not None:
                found.add(extra)
                waiting += [cell, extra]


def _without(margin: Margin, place: int) -> Margin:
    return margin[:place] + margin[place + 1 :]


def _line(values: list[list[str | None]], place: int, above: Cell) -> list[Cell]:
    """List the cells that add up to *above*, those without a row too."""
    return [(*above[:place], value, *above[place:]) for value in values[place]]


def _complement(
    cells: list[Cell], sums: Mapping[Cell, int], found: set[Cell], smallest: int
) -> Cell | None:
    """Choose the cell of a told sum to hide as well: the smallest that is not small.

    Where there is none an empty one will do: nobody can tell which of them it is.
    """
    mine = [cell for cell in cells if cell in found]
    told = [cell for cell in cells if cell not in found]
    counts = [sums.get(cell, 0) for cell in mine]
    shielded = len(mine) > 1 and any(_shields(count, smallest) for count in counts)
    if shielded and sum(counts) >= smallest:
        return None
    shields = [cell for cell in told if _shields(sums.get(cell, 0), smallest)]
    large = [cell for cell in shields if sums.get(cell)]
    return min(large or shields, key=_small_first(sums), default=None)


def _shields(count: int, smallest: int) -> bool:
    """Say whether a count is not what is looked for: none, or enough."""
    return not 0 < count < smallest


def _small_first(sums: Mapping[Cell, int]) -> Callable[[Cell], tuple[int, list[str]]]:
    return lambda cell: (sums.get(cell, 0), [part or "" for part in cell])


def _sorted(cells: Iterable[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: [part or "" for part in cell])
