"""A ledger in memory: the port in plain Python, for tests of what is built on it.

It passes the contract suite that PostgreSQL passes. ``away`` makes every call fail as
a database that does not answer.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from zhitong.connectors import decision_row
from zhitong.connectors.signers import verify_raw
from zhitong.decisions import (
    BureauKey,
    Change,
    Committed,
    Decision,
    Entry,
    Held,
    Signed,
    Signing,
    case_hash,
)
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionDuplicateError,
    DecisionStaleError,
    DecisionUnknownError,
    LedgerUnavailableError,
    ZhitongError,
)
from zhitong.rules.document_numbers import normalised
from zhitong.rules.statements import judge


class MemoryLedger:
    """Answers the port `zhitong.ports.Ledger` from versions in memory."""

    def __init__(self, key: bytes = b"memory") -> None:
        self._key = key
        self.versions: dict[UUID, list[Entry]] = {}
        """Every version of every decision, oldest first."""
        self.history: dict[UUID, tuple[str, ...]] = {}
        """Decisions from before the platform, and who has them."""
        self.bureaus: list[BureauKey] = []
        """Keys that bureaus sign with."""
        self.away = False

    def content_hash(self, decision: Decision) -> str:
        """Digest *decision*; ID numbers go in under the key."""
        return decision_row.content_hash(decision, self._digest)

    async def held(self, decision_id: UUID) -> Held | None:
        """Give the present version; raise `LedgerUnavailableError`."""
        self._answer()
        versions = self.versions.get(decision_id)
        if versions is None:
            return None
        present = versions[-1]
        had = {event.receiver for entry in versions for event in entry.events}
        return Held(
            decision=present.decision,
            version=present.version,
            change=present.change,
            content_hash=self.content_hash(present.decision),
            recorded_by=versions[0].unit,
            recorded_at=present.at,
            reason=present.reason,
            basis=present.basis,
            before_platform=decision_id in self.history,
            receivers=tuple(sorted(had.union(self.history.get(decision_id, ())))),
            order=case_hash(versions[0].decision.case_key),
        )

    async def copied(self) -> None:
        """There is no other copy."""
        self._answer()

    async def signed(
        self, entry: Entry, given: Signing, stated: Mapping[str, str]
    ) -> Signed:
        """Say what the bureau's signature is worth, by the keys there are."""
        self._answer()
        return judge(entry, given, stated, self.bureaus, verify_raw)

    async def commit(self, entry: Entry) -> Committed:
        """Keep *entry* and all that goes with it, or nothing."""
        self._answer()
        versions = self.versions.get(entry.decision.id, [])
        if self._is_there(entry, versions):
            return self._committed(versions[-1], replayed=True)
        refusal = self._refusal(entry, versions)
        if refusal is not None:
            raise refusal
        self.versions[entry.decision.id] = [*versions, entry]
        return self._committed(entry, replayed=False)

    def remember(self, decision: Decision, at: datetime, *receivers: str) -> None:
        """Keep *decision* as one that *receivers* had before the platform."""
        entry = Entry(
            decision=decision,
            version=1,
            change=Change.RECORDED,
            at=at,
            unit=decision.subject_code,
            person="",
        )
        self.versions[decision.id] = [entry]
        self.history[decision.id] = receivers

    def _is_there(self, entry: Entry, versions: list[Entry]) -> bool:
        """Say whether *entry* came before: see `PlatformLedger.commit`."""
        hashed = self.content_hash(entry.decision)
        if entry.version == 1:
            ends = (versions[0], versions[-1]) if versions else ()
            return hashed in {self.content_hash(end.decision) for end in ends}
        earlier = next((one for one in versions if one.version == entry.version), None)
        return (
            earlier is not None
            and (earlier.change, earlier.reason, earlier.basis)
            == (entry.change, entry.reason, entry.basis)
            and self.content_hash(earlier.decision) == hashed
        )

    def _refusal(self, entry: Entry, versions: list[Entry]) -> ZhitongError | None:
        if not versions and entry.version > 1:
            return DecisionUnknownError("没有这一决定", "there is no such decision")
        if versions and entry.version == 1:
            return DecisionConflictError(
                "同一决定已登记，但内容不同",
                "the same decision is registered with other content",
                stored_hash=self.content_hash(versions[-1].decision),
                sent_hash=self.content_hash(entry.decision),
            )
        present = versions[-1] if versions else None
        if present and (
            present.change is Change.WITHDRAWN or entry.version != present.version + 1
        ):
            return DecisionStaleError(
                f"现行版本是第 {present.version} 版",
                f"the present version is {present.version}",
                version=str(present.version),
            )
        return self._duplicate(entry.decision)

    def _duplicate(self, decision: Decision) -> DecisionDuplicateError | None:
        for other, versions in self.versions.items():
            present = versions[-1]
            if present.change is Change.WITHDRAWN or other == decision.id:
                continue
            if self._name(present.decision) == self._name(decision):
                return DecisionDuplicateError(
                    "同一机关、同一文号、同一当事人的决定已以另一标识登记",
                    "a decision of the same agency, document number and party is "
                    "registered under another id",
                    decision_id=str(other),
                    stored_hash=self.content_hash(present.decision),
                )
        return None

    def _name(self, decision: Decision) -> tuple[str, str, str]:
        """Give what two decisions cannot have in common."""
        return (
            decision.subject_code,
            normalised(decision.document_no),
            decision_row.party_key(decision.party, self._digest),
        )

    def _committed(self, entry: Entry, *, replayed: bool) -> Committed:
        return Committed(
            version=entry.version,
            change=entry.change,
            content_hash=self.content_hash(entry.decision),
            at=entry.at,
            replayed=replayed,
        )

    def _digest(self, number: str) -> bytes:
        return hmac.digest(self._key, msgspec.json.encode(number), hashlib.sha256)

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailableError(
                "决定台账暂时没有答复", "the ledger does not answer"
            )
