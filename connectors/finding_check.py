"""What was found about looks and decisions, held against the bodies that say so.

Findings are read from tables of their own; only the body of what they are about is
proved: a look's has them whole, a decision's has their digests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import orjson

from zhitong.connectors.decision_row import finding_digest
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.verification import micros, received

BATCH = 1_000
NOTHING = b'"findings":[]'
"""Stands in a body where nothing was found: canonical JSON has one way to say it."""
_LOOK = ("check", "zh", "en", "source")
_DECISION = ("finding_id", "check_name", "severity", "zh", "en", "source")


async def look_faults(
    connection: Connection, looks: Sequence[tuple[str, bytes]]
) -> Sequence[Fault]:
    """Name those of *looks*, by id and body, whose findings are missing or changed."""
    if not looks:
        return ()
    told: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    sql = statements("finding_check")["looks"]
    for place, *words in await connection.fetch(sql, [place for place, _ in looks]):
        told[place].add(tuple(words))
    return [
        _fault("access_entry", place)
        for place, body in looks
        if not _told(body) <= told[place]
    ]


async def finding_faults(connection: Connection) -> AsyncIterator[Fault]:
    """Name what findings of decisions are missing, or not as the body says."""
    sql = statements("finding_check")
    cursor = await connection.cursor(sql["decisions"])
    while rows := await cursor.fetch(BATCH):
        for place, body, told in rows:
            for each in _differing(place, body, told):
                yield _fault("finding", each)
    for (place,) in await connection.fetch(sql["strays"]):
        yield _fault("finding", place)


def _fault(table: str, place: str) -> Fault:
    return Fault(kind=FaultKind.FINDING_DIFFERS, table=table, id=place)


def _told(body: bytes) -> set[tuple[str, ...]]:
    """Give what a look's body says was found; nothing where it cannot be read."""
    try:
        found = orjson.loads(body)["findings"]
        return {tuple(str(one[name]) for name in _LOOK) for one in found}
    except (ValueError, LookupError, TypeError):
        # Said of the body itself.
        return set()


def _differing(place: str, body: bytes, told: Sequence[Sequence[Any]]) -> Iterable[str]:
    """Name the findings of a decision's version that are not as its body says."""
    try:
        said = orjson.loads(body)
        if "form" not in said:
            return
        at = micros(said["at"])
        should = {
            f"{place}/{number}": (each, at)
            for number, each in enumerate(said["findings"], 1)
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        # Said of the body itself.
        return
    stands = {
        row[0]: (
            finding_digest(dict(zip(_DECISION, row, strict=False))),
            received(row[-1]),
        )
        for row in told
    }
    for each in sorted(should.keys() | stands.keys()):
        if should.get(each) != stands.get(each):
            yield each
