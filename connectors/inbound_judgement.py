"""What becomes of each message that others send us.

1. A message that came before, at the same place, is known: nothing happens.
2. An event id that came before with the same content is a duplicate; with another it
   goes into quarantine.
3. What cannot be taken goes into quarantine, with its reasons.
4. A version not above the one that is held of its subject is stale.
5. What tells of something we do not know yet waits for it; as soon as that comes, it is
   judged anew. Where that is another sender's, it is refused.
6. Whoever names a party must name that of the listing or decision; and what was told
   of a decision is never told of another: its receivers would not hear how it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from zhitong.inbound import (
    ABOUT_LISTINGS,
    FOLLOWING,
    Arrived,
    Claim,
    Effect,
    Fate,
    Fault,
    Judged,
    Key,
    State,
    Subject,
    Tidings,
    Told,
)

STATUS: Mapping[Tidings, str] = {
    Tidings.LISTING_ENTERED: "ENTERED",
    Tidings.LISTING_REMOVED: "REMOVED",
    Tidings.REPAIR_GRANTED: "GRANTED",
    Tidings.REPAIR_REVOKED: "REVOKED",
    Tidings.OBJECTION_RAISED: "RAISED",
    Tidings.SUPERVISION_ISSUED: "ISSUED",
    Tidings.DICTIONARY_UPDATED: "IN_FORCE",
}
"""An objection that is resolved has its outcome's."""
EFFECTS: Mapping[str, Effect] = {
    "ENTERED": Effect.LISTED,
    "REMOVED": Effect.UNLISTED,
    "GRANTED": Effect.REPAIRED,
    "REVOKED": Effect.REPAIR_REVOKED,
    "RAISED": Effect.OBJECTED,
    "UPHELD": Effect.OBJECTION_UPHELD,
    "REJECTED": Effect.OBJECTION_REJECTED,
    "ISSUED": Effect.SUPERVISED,
}
_DAYS = (
    *("listedOn", "removedOn", "grantedOn", "revokedOn", "raisedOn", "resolvedOn"),
    *("issuedOn", "validFrom"),
)


@dataclass(frozen=True, slots=True)
class Waiter:
    """A message that waits, from this batch or before it."""

    message: UUID
    told: Told
    tidings: Tidings
    needs: Key


@dataclass(slots=True, kw_only=True)
class Judgement:
    """Judges messages in their order; starts from what the database has."""

    claims: dict[tuple[str, str], Claim]
    """By sender and event id."""
    states: dict[Key, State]
    decisions: Mapping[str, str | None]
    """The party's code of each decision that is named and that we have."""
    waiting: list[Waiter] = field(default_factory=list)
    verdicts: list[Judged] = field(default_factory=list)
    """All that is decided, in its order: of new messages, and of what waited."""

    def judge(self, message: UUID, arrived: Arrived, digest: bytes) -> bool:
        """Judge a message; say whether its event id is its own from now on."""
        told, tidings = arrived.told, arrived.tidings
        if told is None:
            self._end(message, Fate.QUARANTINED, *arrived.faults)
            return False
        name = (told.sender, str(told.event_id))
        claim = self.claims.setdefault(name, Claim(message, digest))
        if claim.message != message:
            if claim.digest == digest:
                self._end(message, Fate.DUPLICATE)
            else:
                self._end(message, Fate.QUARANTINED, Fault.ID_REUSED)
            return False
        self.again(message, told, tidings, arrived.faults)
        return True

    def again(
        self,
        message: UUID,
        told: Told,
        tidings: Tidings | None,
        faults: Sequence[str] = (),
    ) -> Judged:
        """Judge what *message* tells, whether it came before or not."""
        if faults or tidings is None:
            return self._end(message, Fate.QUARANTINED, *faults)
        found = self._fate(message, told, tidings)
        self.verdicts.append(found)
        if found.needs is not None:
            self.waiting.append(Waiter(message, told, tidings, found.needs))
        if found.state is not None:
            self.states[found.state.key] = found.state
            self._release(found.state.key)
        return found

    def _release(self, key: Key) -> None:
        """Judge anew what waited for *key*, in the order of its versions."""
        ready = [one for one in self.waiting if one.needs == key]
        self.waiting = [one for one in self.waiting if one.needs != key]
        for one in sorted(ready, key=lambda one: one.told.version):
            self.again(one.message, one.told, one.tidings)

    def _fate(self, message: UUID, told: Told, tidings: Tidings) -> Judged:
        own = Key(told.sender, tidings.about, told.subject)
        held = self.states.get(own)
        if held is not None and told.version <= held.version:
            return Judged(message=message, fate=Fate.STALE)
        decision = told.data.get("decisionId")
        if decision is not None and decision not in self.decisions:
            return _quarantined(message, Fault.DECISION_UNKNOWN)
        listing = self._listing(told, tidings)
        needs = None
        if not told.data.get("followsHistory"):
            if tidings in FOLLOWING and held is None:
                needs = own
            elif listing is not None and listing not in self.states:
                needs = listing
        if needs is not None and self._foreign(needs):
            return _quarantined(message, Fault.FOREIGN_SUBJECT)
        if needs is not None:
            return Judged(message=message, fate=Fate.WAITING, needs=needs)
        about = self.states.get(listing) if listing else None
        state = _state(own, told, tidings, held, about)
        if self._of_another(state, held, about):
            return _quarantined(message, Fault.FOREIGN_SUBJECT)
        return Judged(message=message, fate=Fate.ACCEPTED, state=state)

    def _listing(self, told: Told, tidings: Tidings) -> Key | None:
        number = told.data.get("listingNo")
        if tidings not in ABOUT_LISTINGS or number is None:
            return None
        return Key(told.sender, Subject.LISTING, str(number))

    def _foreign(self, key: Key) -> bool:
        """Say whether another sender has told of such a thing."""
        return any(one[1:] == key[1:] and one != key for one in self.states)

    def _of_another(
        self, state: State, held: State | None, about: State | None
    ) -> bool:
        if held is not None and held.decision_id not in {None, state.decision_id}:
            return True
        party = state.party_code
        known = [each.party_code for each in (held, about) if each is not None]
        if state.decision_id is not None:
            known.append(self.decisions.get(state.decision_id))
        return any(party and code and party != code for code in known)

    def _end(self, message: UUID, fate: Fate, *reasons: str) -> Judged:
        found = Judged(message=message, fate=fate, reasons=reasons)
        self.verdicts.append(found)
        return found


def keys_of(told: Told, tidings: Tidings | None) -> Iterator[tuple[Subject, str]]:
    """Name what has to be known to judge *told*."""
    if tidings is None:
        return
    yield tidings.about, told.subject
    if tidings in ABOUT_LISTINGS and "listingNo" in told.data:
        yield Subject.LISTING, str(told.data["listingNo"])


def _quarantined(message: UUID, fault: Fault) -> Judged:
    return Judged(message=message, fate=Fate.QUARANTINED, reasons=(fault,))


def _state(
    own: Key, told: Told, tidings: Tidings, held: State | None, about: State | None
) -> State:
    """Write what is held of *own* from now on: what is not said anew stays."""
    data = told.data

    def said(name: str) -> str | None:
        return str(data[name]) if name in data else None

    fresh: dict[str, str | None] = {
        "listing_no": said("listingNo"),
        "decision_id": said("decisionId") or (about.decision_id if about else None),
        "party_code": said("counterpartyCode") or (about.party_code if about else None),
        "party_name": said("counterpartyName") or (about.party_name if about else None),
        "agency_code": said("agencyCode"),
        "document": said("document"),
        "decided_by": said("decidedBy") or said("issuedBy"),
        "document_no": said("documentNo"),
        "reason": said("reason") or said("content"),
        "basis": said("basis"),
        "occurred_on": next((str(data[day]) for day in _DAYS if day in data), None),
        "until_on": said("dueOn"),
    }
    if own.kind is Subject.LISTING:
        fresh["listing_no"] = own.subject
    kept = held or State(
        sender=own.sender,
        kind=own.kind,
        subject=own.subject,
        version=0,
        status="",
        data={},
    )
    return msgspec.structs.replace(
        kept,
        version=told.version,
        status=STATUS.get(tidings) or str(data["outcome"]),
        data=data,
        **{name: value for name, value in fresh.items() if value is not None},
    )
