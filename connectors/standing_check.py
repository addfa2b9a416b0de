"""The present row of each decision, held against the version it was made of.

It is what people read, and only its version is proved. So it is made again from that,
as the ledger made it, and compared column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import orjson

from zhitong.connectors import decision_row
from zhitong.connectors.history import RECORDER
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, Decision, Entry, case_hash
from zhitong.rules.faults import Fault, FaultKind

BATCH = 1_000
_NO_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
"""Moments are compared as they are sent: what stands there need not be one."""

Pages = tuple[int, int]
"""The first, and what lies behind the last."""


class _Standing(NamedTuple):
    """A present row, and what it is made of; None: there is no such version."""

    row: str
    recorded: bytes
    changed: bytes
    content: bytes | None
    version: int
    change: str
    at: bytes
    reason: str
    unit: str
    content_hash: str
    first_content: bytes | None
    first_at: bytes
    first_unit: str
    first_who: str
    numbers: str | None
    leaf: bytes


async def standing_faults(connection: Connection, pages: Pages) -> Sequence[Fault]:
    """Name what of the present rows on *pages* is not as their versions say."""
    edges = ((each, 0) for each in pages)
    sql = statements("standing_check")["standing"]
    cursor = await connection.cursor(sql, *edges)
    found: list[Fault] = []
    while rows := await cursor.fetch(BATCH):
        for row in rows:
            found += _faults(_Standing(*row))
    return found


async def gone_faults(connection: Connection) -> Sequence[Fault]:
    """Name the decisions that have versions and no present row."""
    rows = await connection.fetch(statements("standing_check")["gone"])
    return [_fault(place) for (place,) in rows]


def _faults(of: _Standing) -> Sequence[Fault]:
    row = orjson.loads(of.row)
    place = f"{row['decision_id']}/{row['version']}"
    if of.content is None or of.first_content is None:
        return [_fault(place)]
    try:
        decision = first = decision_row.read(of.content)
        if of.first_content != of.content:
            first = decision_row.read(of.first_content)
        should = _made(of, decision) | _kept(of, first.case_key)
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError):
        # What its version says cannot be read, which is said of the version.
        return ()
    stands = row | {"recorded_at": of.recorded, "changed_at": of.changed}
    if stands == dict.fromkeys(stands) | should:
        return ()
    return [
        _fault(place, column)
        for column, value in stands.items()
        if value != should.get(column)
    ]


def _fault(place: str, column: str = "") -> Fault:
    kind = FaultKind.PRESENT_DIFFERS
    return Fault(kind=kind, table="decision", id=place, column=column)


def _made(of: _Standing, decision: Decision) -> dict[str, object]:
    """Make the row again, as JSON has it."""
    digests = orjson.loads(of.numbers or "{}")
    entry = Entry(
        decision=decision_row.with_numbers(decision, digests),
        version=of.version,
        change=Change(of.change),
        at=_NO_MOMENT,
        reason=of.reason,
        unit=of.unit,
        person="",
    )
    columns = decision_row.columns(entry, of.content_hash, bytes.fromhex)
    made: dict[str, object] = orjson.loads(msgspec.json.encode(columns))
    return made | {"changed_at": of.at}


def _kept(of: _Standing, case_key: str) -> dict[str, object]:
    """Give the columns that stay as the first version made them."""
    # Bodies of form 1 name no origin; who loads history is nobody else.
    loaded = of.first_who == RECORDER
    of_before = decision_row.HISTORY if loaded else decision_row.PLATFORM
    return {
        "recorded_by": of.first_unit,
        "recorded_at": of.first_at,
        "case_key": case_key,
        "case_hash": case_hash(case_key),
        "origin": orjson.loads(of.leaf).get("origin", of_before),
    }
