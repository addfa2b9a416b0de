"""The tree of the log as it grows: what is added to it, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable

from zhitong.connectors import log_proofs
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.evidence import Head
from zhitong.exceptions import EvidenceBrokenError
from zhitong.rules.merkle import Digest, Frontier

_READ = 50_000
_NODE = ("level", "place", "digest")

Node = tuple[int, int, bytes]
"""Level, place, digest, as the table of nodes has it."""


def grow(tree: Frontier, leaves: Iterable[bytes]) -> list[Node]:
    """Add *leaves* to *tree*, give the nodes that are complete by them."""
    found: list[Node] = []

    def made(height: int, place: int, digest: bytes) -> None:
        if height % log_proofs.HEIGHT == 0:
            found.append((height // log_proofs.HEIGHT, place, digest))

    for each in leaves:
        tree.add(each, made)
    return found


async def keep(connection: Connection, nodes: Iterable[Node]) -> None:
    """Keep *nodes* in the table of nodes."""
    await connection.copy_records_to_table("tree_node", records=nodes, columns=_NODE)


async def tree_of(connection: Connection, of: Digest, head: Head) -> Frontier:
    """Give the tree of *head*, its nodes computed again where they are spoilt.

    Raises `EvidenceBrokenError` where the leaves are not those that were signed.
    """
    try:
        found = await log_proofs.frontier(connection, of, head.size)
    except EvidenceBrokenError:
        # A node is missing, or a leaf; we shall see.
        found = Frontier(of)
    if (found.size, found.root()) == (head.size, head.root):
        return found
    return await _rebuilt(connection, of, head)


async def _rebuilt(connection: Connection, of: Digest, head: Head) -> Frontier:
    sql = statements("sealer")
    async with connection.transaction():
        await connection.execute(sql["forget_nodes"])
        found = Frontier(of)
        for start in range(0, head.size, _READ):
            end = min(start + _READ, head.size)
            rows = await connection.fetch(sql["leaves"], start, end)
            await keep(connection, grow(found, (row["leaf"] for row in rows)))
        if (found.size, found.root()) != (head.size, head.root):
            # Undone with the transaction: what is wrong stays as it was found.
            raise EvidenceBrokenError(
                f"日志中的叶子与已签发的日志头（{head.size} 个）不符，停止封存："
                "请执行 zhitong audit verify",
                f"the log's leaves are not those of the head that was signed at size "
                f"{head.size}; sealing stops: run zhitong audit verify",
            )
    return found
