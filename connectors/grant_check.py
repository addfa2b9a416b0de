"""Sharing grants as they stand, held against the deeds that made them.

What opens data is the row; only the deed of each step is proved. So each column of
grant and steps is compared with what the deeds say: each has the whole row after it.
Deeds from before they did have state, terms and clock alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import orjson

from zhitong.connectors.grant_rows import WORDS, word_digest
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.noted_keys import Said
from zhitong.rules.verification import micros

BATCH = 200
MOMENTS = frozenset(
    {
        *("valid_from", "valid_to", "at", "due_at", "changed_at"),
        *("applied_at", "reviewed_at", "decided_at", "provided_at", "ended_at"),
    }
)


async def grant_faults(connection: Connection) -> AsyncIterator[Fault]:
    """Name grants, and steps, that are not as their deeds say."""
    sql = statements("grant_check")
    cursor = await connection.cursor(sql["grants"])
    while rows := await cursor.fetch(BATCH):
        for row, steps, bodies in rows:
            stands = orjson.loads(row)
            place = f"{stands['grant_id']}/{stands['version']}"
            for column in _columns(stands, list(map(orjson.loads, steps)), bodies):
                yield _fault(place, column)
    for (place,) in await connection.fetch(sql["gone"]):
        yield _fault(place)


def _fault(place: str, column: str = "") -> Fault:
    kind = FaultKind.GRANT_DIFFERS
    return Fault(kind=kind, table="access_grant", id=place, column=column)


def _columns(
    stands: Said, steps: Sequence[Said], bodies: Sequence[bytes]
) -> Iterable[str]:
    """Name what differs; empty: there are not the deeds that there should be."""
    try:
        said = sorted(map(orjson.loads, bodies), key=_version)
        if list(map(_version, said)) != list(range(1, stands["version"] + 1)):
            return [""]
        found = _row(said)
        differs = [name for name in found if not _same(name, stands, found)]
        should = list(map(_step, said))
    except (ValueError, LookupError, TypeError, AttributeError):
        return [""]
    if len(steps) != len(should):
        return [*differs, "grant_step"]
    for step, one in zip(steps, should, strict=True):
        differs += [f"grant_step.{name}" for name in one if not _same(name, step, one)]
    return differs


def _version(said: Said) -> int:
    return int(said["detail"]["version"])


def _row(said: Sequence[Said]) -> Mapping[str, Any]:
    """Say how the grant stands after its last step."""
    last = said[-1]["detail"]
    row: Mapping[str, Any] = last["row"] if "row" in last else _older(said)
    return row


def _older(said: Sequence[Said]) -> Mapping[str, Any]:
    """Say who applied, for what, and how it stands, by deeds without the row."""
    first, last = said[0], said[-1]["detail"]
    due = last["due"] or {"duty": None, "unit": "", "at": None}
    # The terms are those of the last deed to name any.
    named = [one["detail"]["terms"] for one in said if "terms" in one["detail"]]
    return {
        **named[-1],
        "unit": first["unit"],
        "unit_name": first["detail"]["unit_name"],
        "applied_by": first["who"],
        "state": last["state"],
        "due_step": due["duty"],
        "due_unit": due["unit"],
        "due_at": due["at"],
        "late": last["late"],
    }


def _step(said: Said) -> Mapping[str, Any]:
    detail = said["detail"]
    step = {
        "grant_id": said["target"],
        "version": detail["version"],
        "step": said["action"].removesuffix("-grant").replace("-", "_").upper(),
        "state": detail["row"]["state"] if "row" in detail else detail["state"],
        "at": said["at"],
        "unit": said["unit"],
        "person": said["who"],
        "role": detail["role"],
        "reason": said["reason"],
    }
    if "step" in detail:
        # As row_to_json writes bytes.
        step |= {**detail["step"], "digest": rf"\x{detail['step']['digest']}"}
    return step


def _same(name: str, stands: Said, should: Mapping[str, Any]) -> bool:
    there, said = stands[name], should[name]
    if name in WORDS:
        return bool(word_digest(str(there)) == said)
    if name in MOMENTS and there is not None and said is not None:
        return micros(there) == micros(said)
    return bool(there == said)
