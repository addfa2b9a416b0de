"""Decisions that enter at the ledger itself, many at once, as an import of ours does.

What the gateway does before is left out: registers are not asked, no rule is applied.
Everything from the commit on is the same, and so is what is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
from over_http import Case
from soak_ledger import Act, Attempt
from way import Way

from zhitong.connectors.ledger import PlatformLedger
from zhitong.decisions import Change, Entry
from zhitong.exceptions import ZhitongError

_CHANGES = {Act.CORRECT: Change.CORRECTED, Act.WITHDRAW: Change.WITHDRAWN}


class Direct:
    """The ledger, through a pool of our own; errors are told as the gateway does."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._ledger: PlatformLedger
        self._pool: asyncpg.Pool[asyncpg.Record]

    async def open(self) -> None:
        """Connect."""
        self._ledger, self._pool = await self._way.ledger()

    def close(self) -> None:
        """Hang up."""
        self._pool.terminate()

    async def entry(
        self, attempt: Attempt, case: Case, number: int, before: Attempt | None
    ) -> Entry:
        """Make the entry of *attempt*: the same each time it is sent."""
        decision = msgspec.structs.replace(
            self._way.decision(case, number),
            local_id=attempt.local,
            facts=attempt.said,
        )
        if attempt.act is Act.MALFORMED:
            decision = msgspec.structs.replace(decision, title="a\0b")
        change = _CHANGES.get(attempt.act, Change.RECORDED)
        if change is Change.RECORDED or before is None:
            return await self._way.version(decision, 1, Change.RECORDED)
        if change is Change.WITHDRAWN:
            # It is withdrawn as it stands; why is what is new.
            decision = msgspec.structs.replace(decision, facts=before.said)
        why = "笔误" if change is Change.CORRECTED else attempt.said
        return await self._way.version(decision, before.version + 1, change, why)

    async def ask(self, entry: Entry, name: str) -> Mapping[str, Any]:
        """Commit *entry*; give what the gateway answers a mutation called *name*."""
        try:
            found = await self._ledger.commit(entry)
        except ZhitongError as error:
            said = {"code": error.code, "retriable": error.retriable}
            return {"errors": [{"extensions": said}]}
        told = [
            {"eventId": str(one.event_id), "receiver": one.receiver}
            for one in entry.events
        ]
        answer = {
            "decisionId": str(entry.decision.id),
            "version": found.version,
            "contentHash": found.content_hash,
            "events": told,
        }
        return {"data": {name: answer}}
