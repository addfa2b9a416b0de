"""The tree computed in parts, so that several processes can work on one log.

A part is a run of leaves that begins at a multiple of `WIDTH`. It gives the roots of
its whole blocks, and for each size asked for inside it the complete subtrees of the
block that is begun; whoever has the parts in their order has the roots at those sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zhitong.rules.merkle import Digest, Frontier, node

DEPTH = 8
WIDTH = 1 << DEPTH
"""Leaves of a block."""


@dataclass(slots=True)
class Part:
    """What is known of a run of leaves."""

    first: int
    """Number of its first leaf, a multiple of `WIDTH`."""
    blocks: list[bytes] = field(default_factory=list)
    """Roots of its whole blocks."""
    begun: dict[int, list[bytes]] = field(default_factory=dict)
    """By size of the whole tree: complete subtrees of the block that is begun."""
    size: int = 0
    """Leaves in it."""


class PartBuilder:
    """Builds a part, leaf after leaf; *sizes* are those that roots are wanted at."""

    def __init__(self, of: Digest, first: int, sizes: Sequence[int]) -> None:
        self._of = of
        self._wanted = sorted(set(sizes), reverse=True)
        self._leaves: list[bytes] = []
        self.part = Part(first)

    def add(self, leaves: Sequence[bytes]) -> None:
        """Add *leaves* at the end."""
        self._leaves += leaves
        self.part.size += len(leaves)
        whole = len(self._leaves) - len(self._leaves) % WIDTH
        for start in range(0, whole, WIDTH):
            self._block(self._leaves[start : start + WIDTH])
        del self._leaves[:whole]

    def end(self) -> Part:
        """Give the part, the block that is begun included."""
        if self._leaves:
            self._begun(self._levels(self._leaves), len(self._leaves))
        return self.part

    def _block(self, leaves: list[bytes]) -> None:
        levels = self._levels(leaves)
        self._begun(levels, WIDTH - 1)
        self.part.blocks.append(levels[DEPTH][0])

    def _levels(self, leaves: list[bytes]) -> list[list[bytes]]:
        of, levels = self._of, [leaves]
        while len(last := levels[-1]) > 1:
            pairs = zip(last[::2], last[1::2], strict=False)
            # As `node`, without a call more for each leaf there is.
            levels.append([of(b"\1" + left + right) for left, right in pairs])
        return levels

    def _begun(self, levels: list[list[bytes]], most: int) -> None:
        """Keep the subtrees of each wanted size that ends inside this block."""
        start = self.part.first + len(self.part.blocks) * WIDTH
        while self._wanted and self._wanted[-1] <= start + most:
            size = self._wanted.pop()
            if size <= start:
                continue
            place, rest, roots = 0, size - start, []
            for depth in range(DEPTH - 1, -1, -1):
                if rest >> depth & 1:
                    roots.append(levels[depth][place >> depth])
                    place += 1 << depth
            self.part.begun[size] = roots


class Whole:
    """Roots of the whole tree, of parts that come in their order."""

    def __init__(self, of: Digest) -> None:
        self._of = of
        self._blocks = Frontier(of)
        self.size = 0
        """Leaves of the parts so far."""

    def roots(self, part: Part, sizes: Sequence[int]) -> dict[int, bytes]:
        """Take *part*, and give the roots at those of *sizes* that end inside it."""
        if part.first != self.size:
            raise ValueError(part.first)
        found: dict[int, bytes] = {}
        done = 0
        for size in sorted(set(sizes)):
            if not part.first <= size <= part.first + part.size:
                continue
            while (done + 1) * WIDTH <= size - part.first:
                self._blocks.add(part.blocks[done])
                done += 1
            found[size] = self._fold(part.begun.get(size, []))
        for block in part.blocks[done:]:
            self._blocks.add(block)
        self.size += part.size
        return found

    def _fold(self, begun: Sequence[bytes]) -> bytes:
        roots = [*self._blocks.roots, *begun]
        if not roots:
            return self._of(b"")
        found = roots[-1]
        for left in reversed(roots[:-1]):
            found = node(self._of, left, found)
        return found
