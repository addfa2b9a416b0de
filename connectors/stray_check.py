"""Rows that belong to nothing that is proved, or stand there twice."""

from __future__ import annotations

from collections.abc import Sequence

from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.verification import received, written


async def stray_faults(connection: Connection) -> Sequence[Fault]:
    """Name versions without a leaf, signatures without a head, rows come twice."""
    sql = statements("stray_check")
    found = [
        Fault(kind=FaultKind.VERSION_UNPROVED, table="decision_version", id=place)
        for (place,) in await connection.fetch(sql["unproved"])
    ]
    for table, size, at, key_id in await connection.fetch(sql["strays"]):
        place = f"{size}@{written(received(at))}"
        key = f"key {key_id}"
        missing = FaultKind.HEAD_MISSING
        found.append(Fault(kind=missing, table=table, id=place, detail=key))
    found += [
        Fault(kind=FaultKind.ROW_TWICE, table=table, id=place)
        for table, place in await connection.fetch(sql["twice"])
    ]
    return found
