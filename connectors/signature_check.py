"""Bureaus' signatures, held against the leaves that have them, and verified again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from zhitong.connectors import decision_row
from zhitong.connectors.loan import Connection
from zhitong.connectors.signers import verify_raw
from zhitong.connectors.statements import statements
from zhitong.decisions import BureauKey, SignatureState, Signed
from zhitong.evidence import stamp
from zhitong.rules.faults import Fault, FaultKind
from zhitong.rules.statements import weigh

BATCH = 1_000
NEAR = timedelta(minutes=1)
"""A gateway may have looked just before a key was registered, or retired."""
_OF_KEYS = {SignatureState.KEY_UNKNOWN, SignatureState.KEY_RETIRED}


async def signature_faults(connection: Connection) -> AsyncIterator[Fault]:
    """Name what is said of bureaus' signatures and is not so."""
    sql = statements("signature_check")
    keys = [BureauKey(**row) for row in await connection.fetch(sql["keys"])]
    cursor = await connection.cursor(sql["rows"])
    while rows := await cursor.fetch(BATCH):
        for place, body, content, row, entered in rows:
            for column in _faults(body, content, row, entered, keys):
                yield Fault(
                    kind=FaultKind.STATEMENT_DIFFERS,
                    table="decision_signature",
                    id=place,
                    column=column,
                )


def _faults(
    body: bytes | None,
    content: bytes | None,
    row: str | None,
    entered: str,
    keys: Sequence[BureauKey],
) -> Iterable[str]:
    try:
        said = orjson.loads(body or b"{}")
        signature = said.get("signature")
        if signature is None or row is None:
            # A leaf without its row, or the other way round.
            yield ""
            return
        stands = orjson.loads(row) | orjson.loads(entered)
        should = {**signature, "recorded_by": said["unit"]}
        should["recorded_at"] = stamp(datetime.fromisoformat(said["at"]))
        for name in should.keys() | stands.keys():
            if stands.get(name) != should.get(name):
                yield name
    except (ValueError, LookupError, TypeError, AttributeError):
        # What cannot be read is said of the leaf itself.
        return
    if content is not None and not _weighed(said, content, keys):
        yield "state"


def _weighed(
    said: Mapping[str, Any], content: bytes, keys: Sequence[BureauKey]
) -> bool:
    """Say whether a signature is still worth what its leaf says."""
    signature = said["signature"]
    try:
        entry = decision_row.entry_of(said, content)
        signed = Signed(
            state=SignatureState(signature["state"]),
            statement=signature["statement"],
            salt=signature["salt"],
            numbers=signature["numbers"],
        )
        found = weigh(entry, signed, keys, verify_raw)
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError):
        # Whoever writes a leaf that cannot be weighed would have it hold.
        return False
    if found.state is signed.state:
        return found.differs == tuple(signature["differs"])
    return bool(_OF_KEYS & {found.state, signed.state}) and any(
        abs(moment - entry.at) < NEAR
        for key in keys
        if key.key_id == signature["key"]
        for moment in (key.since, key.retired or key.since)
    )
