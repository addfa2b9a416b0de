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
from zhitong.connectors.history import RECORDER
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, Decision, Entry, case_hash
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.verification import micros

BATCH = 1_000
MOMENTS = ("recorded_at", "changed_at")

Values = Mapping[str, object]


async def standing_faults(connection: Connection) -> AsyncIterator[Fault]:
    """Name what of the present rows is not as their newest versions say."""
    sql = statements("standing_check")
    cursor = await connection.cursor(sql["standing"])
    while rows := await cursor.fetch(BATCH):
        for row, *versions in rows:
            for fault in _faults(orjson.loads(row), *versions):
                yield fault
    for (place,) in await connection.fetch(sql["gone"]):
        yield Fault(kind=FaultKind.PRESENT_DIFFERS, table="decision", id=place)


def _faults(
    row: Values, version: str | None, first: str | None, numbers: str, leaf: bytes
) -> Iterable[Fault]:
    place = f"{row['decision_id']}/{row['version']}"
    if version is None or first is None:
        yield Fault(kind=FaultKind.PRESENT_DIFFERS, table="decision", id=place)
        return
    try:
        begun = orjson.loads(first)
        should = _made(orjson.loads(version), numbers) | _kept(begun, leaf)
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError):
        # What its version says cannot be read, which is said of the version.
        return
    for column, stands in row.items():
        if not _same(column, stands, should.get(column)):
            yield Fault(
                kind=FaultKind.PRESENT_DIFFERS,
                table="decision",
                id=place,
                column=column,
            )


def _made(version: Values, numbers: str) -> dict[str, object]:
    """Make the row again, as JSON has it."""
    digests = orjson.loads(numbers)
    decision = _decision(version)
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
    return made


def _kept(first: Values, leaf: bytes) -> dict[str, object]:
    """Give the columns that stay as the first version made them; *leaf* is its body."""
    case_key = _decision(first).case_key
    # Bodies of form 1 name no origin; who loads history is nobody else.
    loaded = first["who"] == RECORDER
    of_before = decision_row.HISTORY if loaded else decision_row.PLATFORM
    return {
        "recorded_by": first["unit"],
        "recorded_at": first["at"],
        "case_key": case_key,
        "case_hash": case_hash(case_key),
        "origin": orjson.loads(leaf).get("origin", of_before),
    }


def _decision(version: Values) -> Decision:
    return decision_row.read(bytes.fromhex(str(version["content"])[2:]))


def _same(column: str, stands: object, should: object) -> bool:
    if column not in MOMENTS:
        return stands == should
    try:
        return micros(str(stands)) == micros(str(should))
    except ValueError:
        return False
