"""Sealed ID numbers, held against the digests that leaves are made of.

A leaf's body has the hash of a content in which each number is its keyed digest. So who
has the two secrets sees whether what is sealed is that number; without them it can be
seen only that no key was destroyed but by a deed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from uuid import UUID

import asyncpg

from zhitong.connectors.ledger_entry import number_place, opening_place
from zhitong.connectors.loan import Connection
from zhitong.connectors.sealing import Sealing, unseal
from zhitong.connectors.signers import SM2
from zhitong.connectors.statements import statements
from zhitong.exceptions import SettingsError
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.statements import PLACES, keyed

BATCH = 1_000

Opening = Callable[[UUID, bytes, bytes], bytes]
"""Opens a person's key."""
Placing = Callable[[UUID, int, str], str]
"""Names the one place that something opens in."""


async def erasure_faults(
    connection: Connection, erased: Mapping[str, int]
) -> AsyncIterator[Fault]:
    """Name keys of persons that are destroyed without a deed, or stand against one.

    And those under which less is sealed than when they were destroyed: whoever still
    had the number has sealed it anew.
    """
    kept = set()
    cursor = await connection.cursor(statements("number_check")["keys"])
    while rows := await cursor.fetch(BATCH):
        for key_id, gone, dated, many in rows:
            kept.add(key_id)
            stands = gone == dated == (key_id in erased)
            if not stands or (gone and many < erased[key_id]):
                yield _erasure(key_id)
    for key_id in sorted(erased.keys() - kept):
        yield _erasure(key_id)


def _erasure(key_id: str) -> Fault:
    return Fault(kind=FaultKind.ERASURE_DIFFERS, table="person_key", id=key_id)


async def number_faults(
    connection: Connection, sealing: Sealing
) -> AsyncIterator[Fault]:
    """Name sealed numbers that do not open, or are not those of their persons.

    And what opens the digests that a bureau has signed for them, where it opens none.
    """
    opened = lru_cache(maxsize=4_096)(sealing.unwrapped)
    sql = statements("number_check")
    places = [list(PLACES), list(PLACES.values())]
    for table, holds, values in (
        ("sealed_number", _number_holds, []),
        ("sealed_opening", _opening_holds, places),
    ):
        cursor = await connection.cursor(sql[table], *values)
        while rows := await cursor.fetch(BATCH):
            for row in rows:
                if not holds(row, sealing, opened):
                    yield Fault(
                        kind=FaultKind.NUMBER_DIFFERS,
                        table=table,
                        id=f"{row['decision_id']}/{row['version']}",
                        column=row["field"],
                    )


def _number_holds(row: asyncpg.Record, sealing: Sealing, opened: Opening) -> bool:
    if row["stray"] or row["key_id"] is None:
        return False
    number = _read(row, "sealed", number_place, opened)
    return number is not None and bool(sealing.person(number) == row["person"])


def _opening_holds(row: asyncpg.Record, _sealing: Sealing, opened: Opening) -> bool:
    if row["digest"] is None or row["key_id"] is None:
        return False
    opening = _read(row, "sealed", opening_place, opened)
    number = _read(row, "number", number_place, opened)
    if opening is None or number is None:
        return False
    hash_name = "sm3" if row["algorithm"] == SM2 else "sha256"
    try:
        return bool(keyed(hash_name, opening, number) == row["digest"])
    except ValueError:
        return False


def _read(
    row: asyncpg.Record, column: str, place: Placing, opened: Opening
) -> str | None:
    """Open what is sealed in *column*; None where it does not open."""
    if row[column] is None:
        return None
    try:
        key = opened(row["key_id"], row["person"], row["wrapped"])
        where = place(UUID(row["decision_id"]), row["version"], row["field"])
        return unseal(key, row[column], where)
    except (SettingsError, ValueError):
        return None
