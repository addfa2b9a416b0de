"""Decisions: checked by the rules, registered whatever they find, in one transaction.

Remote facts and rules come first, then the events in their final bytes, then the
ledger's one transaction. What is refused is refused before that, by form, by who
calls, or by the ledger itself; never for a rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from zhitong.decisions import (
    Change,
    Committed,
    Copy,
    Decision,
    Entry,
    Event,
    Finding,
    Held,
    Signing,
)
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionForeignError,
    DecisionFormatError,
    DecisionStaleError,
    DecisionUnknownError,
)
from zhitong.ports import Envelopes, Ledger, Source
from zhitong.resolvers.copies import Copies
from zhitong.resolvers.facts import Look, Registers
from zhitong.resolvers.records import Pending
from zhitong.rules.admission import admit, stated
from zhitong.rules.check import Check
from zhitong.rules.checks import SIGNATURE, Checks, findings
from zhitong.rules.facts import Facts
from zhitong.rules.placeholders import without_placeholders
from zhitong.rules.statements import stated as stated_numbers
from zhitong.types import Inquiry, Principal

ZONE = ZoneInfo("Asia/Shanghai")
Clock = Callable[[], datetime]


def now() -> datetime:
    """Give the moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the rules say of a decision that has not been taken yet."""

    decision_id: UUID
    content_hash: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A version that is in the ledger, with what was found and what leaves."""

    decision_id: UUID
    version: int
    change: Change
    content_hash: str
    at: datetime
    replayed: bool
    """It was there already; nothing was changed."""
    findings: tuple[Finding, ...] = ()
    events: tuple[Event, ...] = ()
    undelivered: tuple[str, ...] = ()
    """Receivers that will not have it for long yet: too much waits for them."""
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What a department withdraws, why, and on what basis."""

    decision_id: UUID
    reason: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a department corrects, from which version on, and why."""

    decision_id: UUID
    version: int
    """The version it is to follow, as the department last saw it."""
    decision: Decision
    """The decision as it should be, whole."""
    reason: str


def _none(_receivers: Collection[str]) -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What a department may do with a decision: check, record, withdraw, correct."""

    registers: Registers
    ledger: Ledger
    envelopes: Envelopes
    copies: Copies
    checks: Checks
    sources: Callable[[], Mapping[str, Source]]
    recorders: frozenset[str] = frozenset({"department"})
    """Requester kinds that may record, as the policy names them."""
    undelivered: Callable[[Collection[str]], Collection[str]] = _none
    """Which of these receivers will not have what is recorded now for long yet."""
    clock: Clock = now

    async def check(
        self, principal: Principal, decision: Decision, signing: Signing | None = None
    ) -> Checked:
        """Say what the rules find, without effect; refuse as `record` would."""
        at, decision = self.clock(), self._meant(decision)
        self._admit_form(decision, at)
        async with self.registers.looking(principal, decision) as look:
            await self._admit(principal, decision, look)
            entry = _entry(principal, decision, at)
            entry = await self._signed(entry, signing, decision)
            # Of one day, however long the looks before took: midnight parts no version.
            due = self.envelopes.receivers(decision.act, at)
            copies = await self.copies.of(entry, due)
            return Checked(
                decision_id=decision.id,
                content_hash=self.ledger.content_hash(decision),
                findings=await self._findings(look, entry, copies),
            )

    async def record(
        self,
        principal: Principal,
        decision: Decision,
        signing: Signing | None = None,
        *,
        traceparent: str = "",
    ) -> Recorded:
        """Register a decision; the same once more changes nothing.

        Raises `DecisionError` where it cannot be taken, `LedgerUnavailableError` and
        `RecordUnavailableError` where it is not known to be taken: then try again.
        """
        at, decision = self.clock(), self._meant(decision)
        self._admit_form(decision, at)
        async with self.registers.looking(principal, decision) as look:
            await self._admit(principal, decision, look)
            entry = _entry(principal, decision, at, traceparent)
            entry = await self._signed(entry, signing, decision)
            due = self.envelopes.receivers(decision.act, at)
            copies = await self.copies.of(entry, due)
            found = await self._findings(look, entry, copies)
            return await self._commit(entry, copies, found, look.pending)

    async def withdraw(
        self,
        principal: Principal,
        withdrawal: Withdrawal,
        signing: Signing | None = None,
        *,
        traceparent: str = "",
    ) -> Recorded:
        """Withdraw a decision: a version of its own, to everyone who has any.

        The same once more is answered as it stands; with another reason or basis it
        is a `DecisionConflictError`. Raises as `record`, and `DecisionUnknownError`.
        """
        reason = self._stated("reason", withdrawal.reason)
        basis = self._stated("basis", withdrawal.basis)
        held = await self._held(principal, withdrawal.decision_id)
        again = held.change is Change.WITHDRAWN
        if again and (held.reason, held.basis) != (reason, basis):
            raise _withdrawn(held)
        entry = msgspec.structs.replace(
            _entry(principal, held.decision, self.clock(), traceparent),
            # The same once more is for the ledger to tell, with the same events.
            version=held.version if again else held.version + 1,
            change=Change.WITHDRAWN,
            reason=reason,
            basis=basis,
            order=held.order,
        )
        entry = await self._signed(entry, signing)
        copies = await self.copies.of(entry, self._told(held, entry.at), held.order)
        signature = Facts(signature=entry.signature)
        found = findings(self._about_signatures(), entry.decision, signature)
        try:
            return await self._commit(entry, copies, found, held=held)
        except DecisionStaleError:
            # Somebody was first: it is withdrawn, or corrected.
            present = await self._held(principal, withdrawal.decision_id)
            if present.change is not Change.WITHDRAWN:
                raise
            if (present.reason, present.basis) != (reason, basis):
                raise _withdrawn(present) from None
            return await self._standing(present)

    async def correct(
        self,
        principal: Principal,
        correction: Correction,
        signing: Signing | None = None,
        *,
        traceparent: str = "",
    ) -> Recorded:
        """Correct a decision, to everyone who has any version of it.

        What the ledger has already is answered as it stands. Raises as `record`,
        `DecisionUnknownError`, and `DecisionStaleError` for a version passed.
        """
        reason = self._stated("reason", correction.reason)
        at = self.clock()
        held = await self._held(principal, correction.decision_id)
        meant = self._meant(correction.decision)
        decision = _with_held_numbers(meant, held.decision)
        version = correction.version
        self._admit_form(decision, at)
        if decision.id != correction.decision_id:
            raise DecisionFormatError(
                "更正不能改变本部门决定编号（localId）和执法主体代码（subjectCode）；"
                "要改这两项，请撤销原决定再登记新的",
                "a correction keeps localId and subjectCode; to change them, withdraw "
                "the decision and record another",
                field="localId",
            )
        if decision.act is not held.decision.act:
            raise DecisionFormatError(
                "更正不能改变行为类别（actType）：接收方按类别收存，有的只收其中几类；"
                "请撤销原决定再登记新的",
                "a correction keeps actType: receivers keep acts apart and some have "
                "only a few; withdraw the decision and record another",
                field="actType",
            )
        again = self._is_there(held, decision)
        if again and held.version == version:
            return await self._standing(held)
        follows = again and held.version == version + 1
        if not follows and (held.version != version or held.change is Change.WITHDRAWN):
            raise _stale(held, version)
        entry = msgspec.structs.replace(
            _entry(principal, decision, at, traceparent),
            version=version + 1,
            change=Change.CORRECTED,
            reason=reason,
            order=held.order,
        )
        entry = await self._signed(entry, signing, meant)
        copies = await self.copies.of(entry, self._told(held, entry.at), held.order)
        async with self.registers.looking(principal, decision) as look:
            found = await self._findings(look, entry, copies)
            return await self._commit(entry, copies, found, look.pending, held=held)

    # --- who, and what is refused ---------------------------------------------

    async def _admit(
        self, principal: Principal, decision: Decision, look: Look
    ) -> None:
        if principal.kind in self.recorders:
            if principal.unit == decision.subject_code:
                return
            # Who runs a case system speaks for those whose cases it keeps, no others.
            own = principal.unit == self._owner(decision)
            if own and await look.keeps():
                return
        raise DecisionForeignError(
            "只有作出决定的执法主体，或者保存其案件的办案系统（caseSource）的主管部门，"
            "才能登记这件决定",
            "only the subject that decided, or the department whose case system "
            "(caseSource) keeps its cases, may record this decision",
        )

    def _admit_form(self, decision: Decision, at: datetime) -> None:
        admit(decision, self.checks.limits, at.astimezone(ZONE).date())

    def _meant(self, decision: Decision) -> Decision:
        return without_placeholders(decision, self.checks.limits.placeholders)

    def _stated(self, name: str, text: str) -> str:
        return stated(text, name, self.checks.limits)

    def _owner(self, decision: Decision) -> str | None:
        """Give the unit that answers for the case's system; None without one."""
        source = self.sources().get(decision.case_source or "")
        if source is None or not source.feeds("CaseRecord"):
            return None
        return source.owner or None

    async def _held(self, principal: Principal, decision_id: UUID) -> Held:
        """Give the present version to who may change it, or raise."""
        if principal.kind not in self.recorders:
            raise _not_theirs()  # before it is told whether there is one
        held = await self.ledger.held(decision_id)
        if held is None:
            raise DecisionUnknownError(
                "台账里没有这件决定，请核对 decisionId",
                "the ledger has no such decision; check decisionId",
            )
        units: set[str | None] = {held.recorded_by, held.decision.subject_code}
        if held.before_platform:
            units = {self._owner(held.decision), held.decision.subject_code}
        if principal.unit not in units:
            raise _not_theirs()
        return held

    # --- what is done ---------------------------------------------------------

    async def _signed(
        self, entry: Entry, signing: Signing | None, sent: Decision | None = None
    ) -> Entry:
        """Put the bureau's signature to *entry*, whatever it is worth.

        *sent* has the ID numbers that were sent now: others are not in what it signed.
        """
        if signing is None:
            return entry
        numbers = stated_numbers(sent) if sent else {}
        signed = await self.ledger.signed(entry, signing, numbers)
        return msgspec.structs.replace(entry, signature=signed)

    def _about_signatures(self) -> Sequence[Check]:
        return [one for one in self.checks.checks if one.test in SIGNATURE]

    async def _findings(
        self, look: Look, entry: Entry, copies: Sequence[Copy]
    ) -> tuple[Finding, ...]:
        facts = replace(await look.facts(), signature=entry.signature)
        found = findings(self.checks.checks, entry.decision, facts)
        return found + tuple(self.envelopes.shortcomings(copies))

    async def _commit(
        self,
        entry: Entry,
        copies: Sequence[Copy],
        found: tuple[Finding, ...],
        look: Pending | None = None,
        *,
        held: Held | None = None,
    ) -> Recorded:
        """Enter it with all that leaves, and with the *look* that it rests on.

        What is *held* is the version before.
        """
        copies = await self.copies.with_findings(copies, found)
        events = self._events(copies, held)
        entry = msgspec.structs.replace(entry, findings=found)
        looks = _looks(copies, events) + (look.looks if look else ())
        whole = msgspec.structs.replace(entry, events=events, looks=looks)
        committed = await self.ledger.commit(whole)
        if look is not None:
            look.carried = not committed.replayed
        if committed.replayed:
            # Who has it was decided when it was registered, not by today's rules.
            there = await self.ledger.held(entry.decision.id)
            had = there.receivers if there and there.version == entry.version else ()
            whole = msgspec.structs.replace(
                entry, events=tuple(one for one in events if one.receiver in had)
            )
            return _recorded(whole, committed)
        late = self.undelivered([event.receiver for event in events])
        return replace(_recorded(whole, committed), undelivered=tuple(late))

    def _told(self, held: Held, at: datetime) -> tuple[str, ...]:
        """Name who is told of a later version: who had one, and who took its place."""
        heirs = self.envelopes.heirs(held.decision.act, held.receivers, at)
        return (*held.receivers, *heirs)

    def _events(self, copies: Sequence[Copy], held: Held | None) -> tuple[Event, ...]:
        """Write the events; who had no version of what is *held* begins with this."""
        if held is None:
            return tuple(self.envelopes.events(copies, follows_history=False))
        had = [one for one in copies if one.receiver in held.receivers]
        new = [one for one in copies if one.receiver not in held.receivers]
        return (
            *self.envelopes.events(had, follows_history=held.before_platform),
            *self.envelopes.events(new, follows_history=True),
        )

    async def _standing(self, held: Held) -> Recorded:
        """Answer what was seen: its commit may still wait for the standby."""
        await self.ledger.copied()
        return Recorded(
            decision_id=held.decision.id,
            version=held.version,
            change=held.change,
            content_hash=held.content_hash,
            at=held.recorded_at,
            replayed=True,
            decision=held.decision,
        )

    def _is_there(self, held: Held, decision: Decision) -> bool:
        """Say whether *decision* stands in the ledger as it is."""
        return (
            held.change is not Change.WITHDRAWN
            and held.content_hash == self.ledger.content_hash(decision)
        )


def _entry(
    principal: Principal, decision: Decision, at: datetime, traceparent: str = ""
) -> Entry:
    """Give the first version of *decision*; later ones say what they change."""
    return Entry(
        decision=decision,
        version=1,
        change=Change.RECORDED,
        at=at,
        unit=principal.unit,
        unit_name=principal.unit_name,
        person=principal.person,
        traceparent=traceparent,
    )


def _with_held_numbers(decision: Decision, held: Decision) -> Decision:
    """Keep ID numbers that are not stated again: nobody can read them to do so.

    Another kind of ID or another person has no number until it is stated.
    """
    said, had = decision.party, held.party
    kept: dict[str, str | None] = {}
    if (
        (said.kind, said.name) == (had.kind, had.name)
        and said.id_number is None
        and said.id_kind in {None, had.id_kind}
    ):
        kept |= {"id_kind": had.id_kind, "id_number": had.id_number}
    if (
        said.representative == had.representative
        and said.representative_id_number is None
        and said.representative_id_kind in {None, had.representative_id_kind}
    ):
        kept |= {
            "representative_id_kind": had.representative_id_kind,
            "representative_id_number": had.representative_id_number,
        }
    party = msgspec.structs.replace(said, **kept)
    return msgspec.structs.replace(decision, party=party)


def _not_theirs() -> DecisionForeignError:
    return DecisionForeignError(
        "只有登记这件决定的部门，或者作出决定的执法主体，才能更正或撤销它",
        "only the department that recorded this decision, or the subject that "
        "decided, may correct or withdraw it",
    )


def _withdrawn(held: Held) -> DecisionConflictError:
    return DecisionConflictError(
        f"这件决定已在第 {held.version} 版撤销，所存的原因和依据见 details，"
        "与这次的不同；没有任何改变",
        f"the decision was withdrawn in version {held.version}, for a reason and on a "
        "basis other than these: see details; nothing was changed",
        version=str(held.version),
        stored_reason=held.reason,
        stored_basis=held.basis,
        stored_hash=held.content_hash,
    )


def _stale(held: Held, version: int) -> DecisionStaleError:
    if held.change is Change.WITHDRAWN:
        return DecisionStaleError(
            f"这件决定已在第 {held.version} 版撤销，不能再更正；"
            "如重新作出决定，请以新的编号登记",
            f"the decision was withdrawn in version {held.version} and is not "
            "corrected; a decision taken anew is recorded under a new localId",
            version=str(held.version),
            stored_hash=held.content_hash,
        )
    return DecisionStaleError(
        f"要更正的是第 {version} 版，现行的是第 {held.version} 版；"
        "请读取现行版本，再在其上更正",
        f"version {version} was to be corrected, version {held.version} is present; "
        "read it and correct that one",
        version=str(held.version),
        stored_hash=held.content_hash,
    )


def _looks(copies: Sequence[Copy], events: Sequence[Event]) -> tuple[Inquiry, ...]:
    """Give each receiver's look, with what becomes of it: the bytes that leave."""
    leaving = {event.receiver: event.payload for event in events}
    for one in copies:
        payload = leaving.get(one.receiver, b"")
        one.look.answer_digest = hashlib.sha256(payload).digest() if payload else b""
        one.look.answer_size = len(payload)
    return tuple(one.look for one in copies)


def _recorded(entry: Entry, committed: Committed) -> Recorded:
    return Recorded(
        decision_id=entry.decision.id,
        version=committed.version,
        change=committed.change,
        content_hash=committed.content_hash,
        at=committed.at,
        replayed=committed.replayed,
        findings=entry.findings,
        events=entry.events,
        decision=entry.decision,
    )
