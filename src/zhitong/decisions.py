"""The words of the ledger: a decision, what rules find, what leaves, what returns.

A *decision* is what a department says it decided. Each version of it is an *entry*
of the ledger; each entry makes one *event* per receiver; a receiver answers with a
signed *receipt*. Amounts are whole fen here, dates are days in Asia/Shanghai.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID, uuid5

import msgspec

from zhitong.types import Inquiry, Label

NAMESPACE = UUID("6f2c4f0e-5a53-4f0e-9d7c-2b8d3e619900")
"""Of our name-based ids: the same decision has the same id, however often it comes."""
BUCKETS = 64
"""Shares of the outbox; each is sent by one relay at a time."""


class Act(StrEnum):
    """The nine kinds of enforcement act, as in the code list ActType."""

    LICENCE = "LICENCE"
    PENALTY = "PENALTY"
    COERCION = "COERCION"
    LEVY = "LEVY"
    REQUISITION = "REQUISITION"
    PAYMENT = "PAYMENT"
    CONFIRMATION = "CONFIRMATION"
    RULING = "RULING"
    INSPECTION = "INSPECTION"


class Change(StrEnum):
    """What a version of a decision is."""

    RECORDED = "RECORDED"
    CORRECTED = "CORRECTED"
    WITHDRAWN = "WITHDRAWN"


class Severity(StrEnum):
    """How a finding weighs; none refuses a decision that was taken."""

    BREACH = "BREACH"
    """A rule was broken."""
    DOUBT = "DOUBT"
    """Something does not fit together."""
    UNVERIFIED = "UNVERIFIED"
    """The register that could tell did not answer."""


class _Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value with names."""


class Changed(_Word, frozen=True, kw_only=True):
    """A version of a decision, by its number in the log."""

    number: int
    decision_id: str
    version: int
    change: Change


class Party(_Word, frozen=True, kw_only=True):
    """Whom a decision is about, as the department states it."""

    kind: str
    """A code of CounterpartyKind."""
    name: str
    code: str | None = None
    """Unified social credit code."""
    registration_no: str | None = None
    id_kind: str | None = None
    """A code of IdKind; of a natural person."""
    id_number: str | None = None
    representative: str | None = None
    representative_id_kind: str | None = None
    representative_id_number: str | None = None


class Penalty(_Word, frozen=True, kw_only=True):
    """What is particular to a penalty 行政处罚."""

    kinds: tuple[str, ...] = ()
    """Codes of PenaltyKind, as in 行政处罚法 art. 9."""
    violation_type: str | None = None
    fine: int | None = None
    """In fen."""
    confiscated: int | None = None
    """Gains and goods, in fen."""
    licence_affected: str | None = None
    """Name and number of a licence suspended or revoked."""
    procedure: str | None = None
    """A code of Procedure."""
    valid_to: date | None = None
    publicity_to: date | None = None
    hearing: bool | None = None


class Licence(_Word, frozen=True, kw_only=True):
    """What is particular to a licence 行政许可."""

    kind: str
    """A code of LicenceKind."""
    certificate_name: str | None = None
    certificate_no: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    """None: for long."""


class Review(_Word, frozen=True, kw_only=True):
    """The legal review 法制审核 a decision refers to."""

    reference: str
    on: date | None = None
    opinion: str | None = None
    """A code of ReviewOpinion, one of five."""


class Decision(_Word, frozen=True, kw_only=True):
    """What a department says it decided."""

    local_id: str
    """The department's own id of it; with the subject's code it is ours."""
    act: Act
    subject_code: str
    subject_name: str | None = None
    case_source: str | None = None
    """The case system that keeps the case, by its binding's name."""
    case_no: str | None = None
    inspection_no: str | None = None
    matter_code: str | None = None
    document_no: str
    """As written; `zhitong.rules.document_numbers` compares."""
    document_title: str | None = None
    decided_on: date
    division: str | None = None
    title: str | None = None
    facts: str | None = None
    basis: str | None = None
    content: str | None = None
    """What was decided, in words."""
    party: Party
    officers: tuple[str, ...] = ()
    """Certificate numbers."""
    review: Review | None = None
    collective: bool | None = None
    """Whether it was discussed collectively."""
    penalty: Penalty | None = None
    licence: Licence | None = None

    @property
    def id(self) -> UUID:
        """Our id: the same decision of the same subject has the same."""
        return _named(f"{self.subject_code}/{self.local_id}")

    @property
    def case_key(self) -> str:
        """What its events are kept in order by: its case, or itself without one."""
        if self.case_no is None:
            return f"{self.subject_code}/{self.local_id}"
        return f"{self.case_source or self.subject_code}|{self.case_no}"


@lru_cache(maxsize=1_024)
def _named(name: str) -> UUID:
    """Make a name's id; an entry asks for it half a dozen times."""
    return uuid5(NAMESPACE, name)


def case_hash(case_key: str) -> int:
    """Hash a case key: the first 8 bytes of its SHA-256 as a signed big-endian number.

    It is the number of the case's advisory lock and is stored with the decision, so
    it must never change; a database's own hash may, from one version to the next.
    """
    first8 = hashlib.sha256(case_key.encode()).digest()[:8]
    return int.from_bytes(first8, "big", signed=True)


def bucket(hashed: int) -> int:
    """Say which bucket a case's events are in; also what its partition is made of."""
    return hashed % BUCKETS


def partition_key(hashed: int) -> str:
    """Write a case's hash as the 16 hexadecimal digits its events are keyed by."""
    return f"{hashed % 2**64:016x}"


def event_id(decision: UUID, version: int, change: Change) -> UUID:
    """Name an event: a retried mutation cannot mint a second one."""
    return uuid5(decision, f"{version}/{change}")


# --- what rules find ---------------------------------------------------------


class Finding(_Word, frozen=True, kw_only=True):
    """What a rule says about a decision."""

    check: str
    """The rule's name in the configuration."""
    severity: Severity
    detail: Label
    source: str
    """The text the rule rests on; ``configured rule`` where no article was read."""


# --- what the bureau signs ---------------------------------------------------


class Signing(_Word, frozen=True, kw_only=True):
    """A bureau's signature as it came (docs/signing.md)."""

    statement: str
    """A compact JWS, or whatever came in its place."""
    nonce: str
    """64 hexadecimal digits, of the bureau's choosing."""


class BureauKey(_Word, frozen=True, kw_only=True):
    """The public key that a bureau signs its decisions with."""

    key_id: str
    unit: str
    algorithm: str
    spki: bytes
    since: datetime
    retired: datetime | None = None


class SignatureState(StrEnum):
    """What the platform found of a bureau's signature when the decision came."""

    HOLDS = "HOLDS"
    MALFORMED = "MALFORMED"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    KEY_RETIRED = "KEY_RETIRED"
    INVALID = "INVALID"
    DIFFERS = "DIFFERS"


class Signed(_Word, frozen=True, kw_only=True):
    """A bureau's signature as it is kept."""

    state: SignatureState
    statement: str = ""
    """The compact JWS; empty where none came."""
    key_id: str = ""
    algorithm: str = ""
    at: datetime | None = None
    """When, by the bureau's clock."""
    salt: str = ""
    """Stands in the content, which cannot be guessed from its digest so."""
    numbers: Mapping[str, str] = {}
    """What stands in the content for each ID number: its keyed digest."""
    openings: Mapping[str, str] = {}
    """The keys of those digests: kept sealed, and destroyed with their person's key."""
    differs: tuple[str, ...] = ()
    """What the statement says otherwise."""


# --- what the ledger keeps ---------------------------------------------------


class Held(_Word, frozen=True, kw_only=True):
    """The present version of a decision, as the ledger keeps it."""

    decision: Decision
    version: int
    change: Change
    content_hash: str
    recorded_by: str
    """The unit that registered it first, by its credit code."""
    recorded_at: datetime
    """Of this version."""
    reason: str = ""
    """Why this version was made; and on what basis, where it is a withdrawal."""
    basis: str = ""
    before_platform: bool = False
    """It is history: receivers had it before the platform began."""
    receivers: tuple[str, ...] = ()
    """Who has, or is about to have, any version of it."""
    order: int | None = None
    """The hash its events are kept in order by: of the case it had at first."""


class Event(_Word, frozen=True, kw_only=True):
    """One event for one receiver, in its final bytes."""

    event_id: UUID
    receiver: str
    topic: str
    schema: str
    payload: bytes


class Entry(_Word, frozen=True, kw_only=True):
    """A version about to be committed, with all that goes with it."""

    decision: Decision
    version: int
    change: Change
    at: datetime
    reason: str = ""
    """Why it was corrected or withdrawn."""
    basis: str = ""
    order: int | None = None
    """Of the version before, as `Held` has it; None: the hash of its case."""
    unit: str
    """Who registers it, by its credit code."""
    unit_name: str = ""
    person: str
    findings: tuple[Finding, ...] = ()
    events: tuple[Event, ...] = ()
    looks: tuple[Inquiry, ...] = ()
    """What each receiver is given of it, for the access register."""
    signature: Signed | None = None
    """The bureau's own; None: it gave none."""
    traceparent: str = ""


class Copy(_Word, frozen=True, kw_only=True):
    """One receiver's copy of an entry: what the policy gives it, and no more."""

    receiver: str
    decision_id: UUID
    order: int
    """The hash its events are kept in order by."""
    entry: Entry
    """With what is kept back left blank, whatever the types of it say."""
    withheld: frozenset[str] = frozenset()
    """Fields of the graph's Decision that are kept back: blank is not “none” here."""
    look: Inquiry
    """What it is given, as the access register has it."""

    def gives(self, field: str) -> bool:
        """Say whether *field* is given, so that a blank means there is none."""
        return field not in self.withheld


class Committed(_Word, frozen=True, kw_only=True):
    """What the ledger says of an entry."""

    version: int
    change: Change
    content_hash: str
    at: datetime
    replayed: bool = False
    """It was there already, with the same content."""


# --- what leaves, and what returns -------------------------------------------


class Outgoing(_Word, frozen=True, kw_only=True):
    """An event on its way, as the relay reads it."""

    seq: int
    bucket: int
    event_id: UUID
    receiver: str
    topic: str
    key: str
    """The case's hash in hexadecimal: no number of a case leaves in a key."""
    payload: bytes
    created_at: datetime
    attempts: int = 0
    traceparent: str = ""
    replay: str = ""
    """The replay by which it is sent again; empty: it leaves for the first time."""


class Sent(_Word, frozen=True, kw_only=True):
    """An event as the sent log has it, its bytes those that left; ids as text."""

    seq: int
    bucket: int
    event_id: str
    receiver: str
    decision_id: str
    version: int
    change: str
    key: str
    payload: bytes | None
    """None: the key it was sealed under is destroyed."""
    payload_hash: bytes
    """SHA-256 of what left; what is kept may be something else by now."""
    created_at: datetime
    traceparent: str = ""
    erased_at: datetime | None = None
    follows_history: bool = False
    """Known of what is erased; otherwise its bytes say so."""


class Absence(StrEnum):
    """Why a notice stands where an event should."""

    ERASED = "ERASED"
    """Its content was erased as law demands."""
    UNSENDABLE = "UNSENDABLE"
    """No broker takes it, and an operator has let its case go on without."""


class Ack(_Word, frozen=True, kw_only=True):
    """Where the broker has put an event."""

    seq: int
    partition: int
    offset: int
    at: datetime | None = None
    """When, by the broker's clock; None: it did not say."""
    digest: bytes = b""
    """SHA-256 of the bytes that were sent; empty: not computed."""


class Backlog(_Word, frozen=True, kw_only=True):
    """How much waits for one receiver."""

    receiver: str
    waiting: int
    oldest_seconds: float
    parked: int
    """Keys that wait behind a dead letter."""
    suspended: bool = False


class Answer(StrEnum):
    """What a receiver says of an event."""

    HELD = "HELD"
    REJECTED = "REJECTED"
    WAITING = "WAITING"
    """An earlier version is missing; it waits for it."""


class Receipt(_Word, frozen=True, kw_only=True):
    """A receiver's answer, its signature verified; times are the receiver's."""

    event_id: UUID
    receiver: str
    answer: Answer
    at: datetime
    payload_hash: str
    """SHA-256 of the event's bytes as they arrived, in hexadecimal."""
    reasons: tuple[str, ...] = ()
    key_id: str = ""
    signed: str = ""
    """The compact JWS it came as."""


class Arrival(_Word, frozen=True, kw_only=True):
    """An event as a receiver's consumer met it, decoded and judged."""

    event_id: UUID
    decision_id: UUID
    version: int
    change: Change
    follows_history: bool
    """Its earlier versions were there before the platform began."""
    table: str
    """The receiver's table its row belongs in."""
    row: dict[str, object]
    """By the receiver's column names; the decision's whole new state."""
    reasons: tuple[str, ...]
    """Why it is rejected; none: it is taken."""
    payload_hash: str
    topic: str
    partition: int
    offset: int
    traceparent: str = ""
    key: str = ""
    """The event's partition key; receipts for it go under the same."""
    statement: str = ""
    """What the bureau has signed, a compact JWS; empty: nothing came."""
    signature: SignatureState | None = None
    """What it is worth by the keys that the receiver has."""


class Due(_Word, frozen=True, kw_only=True):
    """A receipt that is still to be sent, unsigned, and how it travels."""

    receipt: Receipt
    key: str = ""
    traceparent: str = ""


class Unreadable(_Word, frozen=True, kw_only=True):
    """Bytes on a receiver's topic that are no event of it."""

    topic: str
    partition: int
    offset: int
    value: bytes
    why: str
    """Without a word of the content."""
