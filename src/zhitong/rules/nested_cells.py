"""Which cells are hidden besides where one grouping lies inside another.

An agency's cases nearly all lie in one division: who knows that reads the table by
agency as part of the one by division. The four tables of the two groupings (by both,
by each, the total) are one flow: every count is in two sums, so each is an arc between
two of them. A hidden count can be another number only if it lies on a circle of hidden
ones along which one is added here and taken away there; where there is no such circle,
the cheapest is hidden. What is empty is taken for known to be empty.

The tables without the finer grouping are told or hidden before, and stay so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

Value = str | None
Part = tuple[Value, ...]
"""(finer, coarser), (finer,), (coarser,) or ()."""
Node = tuple[str, Value]
FINER, COARSER = ("sum", "of the finer"), ("sum", "of the coarser")


@dataclass(frozen=True, slots=True)
class Arc:
    """A count between the two sums that it is in."""

    name: tuple[str, Part]
    tail: Node
    head: Node
    count: int


@dataclass(slots=True)
class Flow:
    """The four tables of two groupings, and what of them is hidden."""

    arcs: dict[tuple[str, Part], Arc] = field(default_factory=dict)
    hidden: set[tuple[str, Part]] = field(default_factory=set)
    fixed: set[tuple[str, Part]] = field(default_factory=set)
    """What is told and stays told."""
    _from: defaultdict[Node, list[tuple[Arc, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """The arcs that start at a sum, and those that end there, backwards."""

    def add(self, arc: Arc) -> None:
        """Add a count."""
        self.arcs[arc.name] = arc
        self._from[arc.tail].append((arc, True))
        self._from[arc.head].append((arc, False))

    def protect(self, name: tuple[str, Part], smallest: int) -> None:
        """Hide what protects a hidden count."""
        arc = self.arcs[name]
        more = max(1, smallest - arc.count)
        if self._reaches(arc, more):
            return
        circle = self._path(arc, arc.head, arc.tail, more)
        if circle is None:
            circle = self._path(arc, arc.tail, arc.head, 1)
        self.hidden.update(circle or ())

    def _reaches(self, closing: Arc, most: int) -> bool:
        """Say whether *most* can be added with what is hidden already."""
        seen = {closing.head}
        waiting = [closing.head]
        while waiting:
            node = waiting.pop()
            for arc, onward in self._from[node]:
                there = arc.head if onward else arc.tail
                if there in seen or arc is closing or arc.name not in self.hidden:
                    continue
                if onward or arc.count >= most:
                    if there == closing.tail:
                        return True
                    seen.add(there)
                    waiting.append(there)
        return False

    def _path(
        self, closing: Arc, start: Node, end: Node, most: int
    ) -> list[tuple[str, Part]] | None:
        """Find the way along which *most* can be moved, hiding as little as may be."""
        waiting: list[tuple[int, int, Node]] = [(0, 0, start)]
        best = {start: 0}
        came: dict[Node, tuple[Node, Arc]] = {}
        pushed = 0
        while waiting:
            cost, _, node = heappop(waiting)
            if node == end:
                return list(_steps(came, start, end))
            if cost > best[node]:
                continue
            for arc, onward in self._from[node]:
                if arc is closing or arc.name in self.fixed:
                    continue
                if not onward and arc.count < most:
                    continue
                there = arc.head if onward else arc.tail
                total = cost + (0 if arc.name in self.hidden else arc.count + 1)
                if total < best.get(there, total + 1):
                    best[there] = total
                    came[there] = (node, arc)
                    pushed += 1
                    heappush(waiting, (total, pushed, there))
        return None


def _steps(
    came: Mapping[Node, tuple[Node, Arc]], start: Node, end: Node
) -> Iterator[tuple[str, Part]]:
    node = end
    while node != start:
        node, arc = came[node]
        yield arc.name


def flow_of(table: Mapping[tuple[Value, Value], int]) -> Flow:
    """Put the table by (finer, coarser) and its sums as one flow."""
    flow = Flow()
    finer: defaultdict[Value, int] = defaultdict(int)
    coarser: defaultdict[Value, int] = defaultdict(int)
    for (inner, outer), count in sorted(table.items(), key=_sortable):
        finer[inner] += count
        coarser[outer] += count
        name = ("both", (inner, outer))
        flow.add(Arc(name, ("finer", inner), ("coarser", outer), count))
    for value, count in finer.items():
        flow.add(Arc(("finer", (value,)), FINER, ("finer", value), count))
    for value, count in coarser.items():
        flow.add(Arc(("coarser", (value,)), ("coarser", value), COARSER, count))
    flow.add(Arc(("total", ()), COARSER, FINER, sum(table.values())))
    return flow


def protect(
    table: Mapping[tuple[Value, Value], int],
    hidden: Mapping[str, Iterable[Part]],
    wanted: Mapping[str, Iterable[Part]],
    smallest: int,
) -> Mapping[str, set[Part]]:
    """Say what is hidden by both and by the finer so that nothing *wanted* is derived.

    *hidden* and *wanted* go by "both", "finer", "coarser" and "total".
    """
    flow = flow_of(table)
    flow.hidden = {(kind, part) for kind, parts in hidden.items() for part in parts}
    flow.fixed = {
        name
        for name in flow.arcs
        if name[0] in {"coarser", "total"} and name not in flow.hidden
    }
    looked = [
        (kind, part)
        for kind in sorted(wanted)
        for part in sorted(wanted[kind], key=_named)
        if (kind, part) in flow.arcs
    ]
    for name in looked:
        flow.protect(name, smallest)
    found: dict[str, set[Part]] = {"both": set(), "finer": set()}
    for kind, part in flow.hidden:
        if kind in found:
            found[kind].add(part)
    return found


def _named(part: Part) -> list[str]:
    return [value or "" for value in part]


def _sortable(item: tuple[Part, int]) -> list[str]:
    return _named(item[0])
