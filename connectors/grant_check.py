"""Sharing grants as they stand, held against the deeds that made them.

What opens data is the row; only the deed of each step is proved. So state, terms, clock
and every step are compared with what the newest deeds say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.verification import Said, micros

BATCH = 200
MOMENTS = frozenset({"valid_from", "valid_to", "at", "due_at"})


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
        found = {**_made(said), **_terms(said)}
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


def _made(said: Sequence[Said]) -> Mapping[str, Any]:
    """Say who applied, and how it stands after its last step."""
    first, last = said[0], said[-1]["detail"]
    due = last["due"] or {"duty": None, "unit": "", "at": None}
    return {
        "unit": first["unit"],
        "unit_name": first["detail"]["unit_name"],
        "applied_by": first["who"],
        "state": last["state"],
        "due_step": due["duty"],
        "due_unit": due["unit"],
        "due_at": due["at"],
        "late": last["late"],
    }


def _terms(said: Sequence[Said]) -> Mapping[str, Any]:
    """Give the terms that the last deed to name any has named."""
    named = [one["detail"]["terms"] for one in said if "terms" in one["detail"]]
    return dict(named[-1])


def _step(said: Said) -> Mapping[str, Any]:
    detail = said["detail"]
    return {
        "version": detail["version"],
        "step": said["action"].removesuffix("-grant").replace("-", "_").upper(),
        "state": detail["state"],
        "at": said["at"],
        "unit": said["unit"],
        "person": said["who"],
        "role": detail["role"],
        "reason": said["reason"],
    }


def _same(name: str, stands: Said, should: Mapping[str, Any]) -> bool:
    there, said = stands[name], should[name]
    if name == "scene":
        # People's own words are in a deed as their digest.
        return bool(sha256(str(there).encode()).hexdigest() == said)
    if name in MOMENTS and there is not None and said is not None:
        return micros(there) == micros(said)
    return bool(there == said)
