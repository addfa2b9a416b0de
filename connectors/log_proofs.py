"""Proofs out of the log's tables: any of them in one statement of few short ranges.

A proof's step is a stretch of leaves, which is a few complete subtrees. The root of one
of height ``8n + k`` lies over ``2^k`` nodes of level ``n``; level 0 are the leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.exceptions import EvidenceBrokenError
from zhitong.rules.merkle import (
    Digest,
    Frontier,
    Stretch,
    complete,
    consistency_path,
    folded,
    inclusion_path,
)

HEIGHT = 8
"""Of a node over its own children: 256 of them."""


async def inclusion(
    connection: Connection, of: Digest, number: int, size: int
) -> list[bytes]:
    """Give the audit path of leaf *number* in the tree of *size* leaves."""
    return await _roots(connection, of, inclusion_path(number, size))


async def consistency(
    connection: Connection, of: Digest, earlier: int, size: int
) -> list[bytes]:
    """Prove that the tree of *size* leaves begins with the *earlier* first ones."""
    return await _roots(connection, of, consistency_path(earlier, size))


async def root(connection: Connection, of: Digest, size: int) -> bytes:
    """Give the root of the tree of the *size* first leaves."""
    return (await frontier(connection, of, size)).root()


async def frontier(connection: Connection, of: Digest, size: int) -> Frontier:
    """Give the complete subtrees of the *size* first leaves."""
    found = await _subtrees(connection, of, Stretch(0, size).subtrees())
    return Frontier(of, size, found)


async def _roots(
    connection: Connection, of: Digest, steps: Sequence[Stretch]
) -> list[bytes]:
    parts = [step.subtrees() for step in steps]
    found = await _subtrees(connection, of, [each for part in parts for each in part])
    ends = accumulate(map(len, parts), initial=0)
    return [folded(of, found[start:end]) for start, end in pairwise(ends)]


async def _subtrees(
    connection: Connection, of: Digest, wanted: Sequence[tuple[int, int]]
) -> list[bytes]:
    """Give the root of each complete subtree; raise `EvidenceBrokenError`."""
    levels = [height // HEIGHT for height, _ in wanted]
    widths = [1 << height % HEIGHT for height, _ in wanted]
    firsts = [place * width for (_, place), width in zip(wanted, widths, strict=True)]
    rows = await connection.fetch(
        statements("log_proofs")["subtrees"],
        list(range(len(wanted))),
        levels,
        firsts,
        [first + width - 1 for first, width in zip(firsts, widths, strict=True)],
    )
    below: list[list[bytes]] = [[] for _ in wanted]
    for row in rows:
        if row["digest"] is not None:
            below[row["wanted"]].append(row["digest"])
    for (height, place), width, found in zip(wanted, widths, below, strict=True):
        if len(found) != width:
            raise _missing(place << height, place + 1 << height)
    return [complete(of, each) for each in below]


def _missing(start: int, end: int) -> EvidenceBrokenError:
    return EvidenceBrokenError(
        f"存证日志第 {start} 至 {end - 1} 号之间有缺失：请执行 zhitong audit verify",
        f"the log lacks something between number {start} and {end - 1}: run "
        "zhitong audit verify",
    )
