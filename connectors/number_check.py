"""Sealed ID numbers, held against the digests that leaves are made of.

A leaf's body has the hash of a content in which each number is its keyed digest. So who
has the two secrets sees whether what is sealed is that number; without them it can be
seen only that no key was destroyed but by a deed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from uuid import UUID

import asyncpg

from zhitong.connectors.ledger_entry import number_place
from zhitong.connectors.loan import Connection
from zhitong.connectors.sealing import Sealing, unseal
from zhitong.connectors.statements import statements
from zhitong.exceptions import SettingsError
from zhitong.rules.faults import Fault, FaultKind

BATCH = 1_000

Opening = Callable[[UUID, bytes, bytes], bytes]
"""Opens a person's key."""


async def erasure_faults(
    connection: Connection, erased: frozenset[str]
) -> AsyncIterator[Fault]:
    """Name keys of persons that are destroyed without a deed, or stand against one."""
    kept = set()
    cursor = await connection.cursor(statements("number_check")["keys"])
    while rows := await cursor.fetch(BATCH):
        for key_id, gone, dated in rows:
            kept.add(key_id)
            if not gone == dated == (key_id in erased):
                yield _erasure(key_id)
    for key_id in sorted(erased - kept):
        yield _erasure(key_id)


def _erasure(key_id: str) -> Fault:
    return Fault(kind=FaultKind.ERASURE_DIFFERS, table="person_key", id=key_id)


async def number_faults(
    connection: Connection, sealing: Sealing
) -> AsyncIterator[Fault]:
    """Name sealed numbers that do not open, or are not those of their persons."""
    opened = lru_cache(maxsize=4_096)(sealing.unwrapped)
    cursor = await connection.cursor(statements("number_check")["numbers"])
    while rows := await cursor.fetch(BATCH):
        for row in rows:
            if row["stray"] or not _holds(row, sealing, opened):
                yield Fault(
                    kind=FaultKind.NUMBER_DIFFERS,
                    table="sealed_number",
                    id=f"{row['decision_id']}/{row['version']}",
                    column=row["field"],
                )


def _holds(row: asyncpg.Record, sealing: Sealing, opened: Opening) -> bool:
    if row["key_id"] is None:
        return False
    try:
        place = number_place(UUID(row["decision_id"]), row["version"], row["field"])
        key = opened(row["key_id"], row["person"], row["wrapped"])
        found = sealing.person(unseal(key, row["sealed"], place))
        return bool(found == row["person"])
    except (SettingsError, ValueError):
        return False
