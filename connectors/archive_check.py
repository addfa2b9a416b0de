"""Archived looks, counted: what a deed excuses is as many leaves as it archived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.noted_keys import Keys


async def archive_faults(connection: Connection, keys: Keys) -> Sequence[Fault]:
    """Name the deeds whose runs of numbers have other leaves than their looks.

    What a leaf is called is not in the tree: that of a decision that somebody deleted
    may be called a look among those that were archived.
    """
    runs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for deed, _, first, last in keys.archived:
        runs[deed].append((first, last))
    sql = statements("archive_check")["looks"]
    return [
        Fault(kind=FaultKind.ARCHIVE_DIFFERS, table="deed", id=deed)
        for deed, mine in runs.items()
        if await connection.fetchval(sql, *map(list, zip(*mine, strict=True)))
        != keys.records[deed]
    ]
