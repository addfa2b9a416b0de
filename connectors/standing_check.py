"""The present row of each decision, held against the version it was made of.

It is what people read, and only its version is proved. So it is made again from that,
as the ledger made it, and compared column by column.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime

import msgspec
import orjson

from zhitong.connectors import decision_row
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, Entry
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.verification import micros

BATCH = 1_000
MOMENTS = ("recorded_at", "changed_at")
KEPT = ("case_key", "case_hash", "origin")
"""Columns that stay as the first version made them, or say how the row came."""

Values = Mapping[str, object]


async def standing_faults(connection: Connection) -> AsyncIterator[Fault]:
    """Name what of the present rows is not as their newest versions say."""
    sql = statements("standing_check")
    cursor = await connection.cursor(sql["standing"])
    while rows := await cursor.fetch(BATCH):
        for row, version, first, numbers in rows:
            for fault in _faults(orjson.loads(row), version, first, numbers):
                yield fault
    for (place,) in await connection.fetch(sql["gone"]):
        yield Fault(kind=FaultKind.PRESENT_DIFFERS, table="decision", id=place)


def _faults(
    row: Values, version: str | None, first: str | None, numbers: str
) -> Iterable[Fault]:
    place = f"{row['decision_id']}/{row['version']}"
    if version is None or first is None:
        yield Fault(kind=FaultKind.PRESENT_DIFFERS, table="decision", id=place)
        return
    try:
        should = _made(orjson.loads(version), orjson.loads(first), numbers)
    except (msgspec.MsgspecError, ValueError, KeyError):
        # What its version says cannot be read, which is said of the version.
        return
    for column, stands in row.items():
        if column not in KEPT and not _same(column, stands, should.get(column)):
            yield Fault(
                kind=FaultKind.PRESENT_DIFFERS,
                table="decision",
                id=place,
                column=column,
            )


def _made(version: Values, first: Values, numbers: str) -> Values:
    """Make the row again, as JSON has it."""
    digests = orjson.loads(numbers)
    decision = decision_row.read(bytes.fromhex(str(version["content"])[2:]))
    entry = Entry(
        decision=decision_row.with_numbers(decision, digests),
        version=int(str(version["version"])),
        change=Change(str(version["change"])),
        at=datetime.fromisoformat(str(version["at"])),
        reason=str(version["reason"]),
        unit=str(version["unit"]),
        person="",
    )
    columns = decision_row.columns(entry, str(version["content_hash"]), bytes.fromhex)
    made: dict[str, object] = orjson.loads(msgspec.json.encode(columns))
    return made | {"recorded_by": first["unit"], "recorded_at": first["at"]}


def _same(column: str, stands: object, should: object) -> bool:
    if column not in MOMENTS:
        return stands == should
    try:
        return micros(str(stands)) == micros(str(should))
    except ValueError:
        return False
