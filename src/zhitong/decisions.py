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


ANNOTATED = "ANNOTATED"
"""What outbox and sent log have as the change of an event that brings no version."""


def annotation_id(decision: UUID, happened: str, cause: UUID) -> UUID:
    """Name the event of what *happened* to a decision: told again, it is the same."""
    return uuid5(decision, f"{happened}/{cause}")


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
    findings: tuple[Finding, ...] = ()
    """What the rules found, as far as it is given; for forms with a place for it."""

    def gives(self, field: str) -> bool:
        """Say whether *field* is given, so that a blank means there is none."""
        return field not in self.withheld


class Happened(_Word, frozen=True, kw_only=True):
    """What happened to a decision that stands, and who is to learn of it."""

    cause: UUID
    """The id of what brought it, one for each decision that it touches."""
    what: str
    """One of `zhitong.rules.work.TOLD`."""
    decision_id: UUID
    version: int
    """Which stood when it was told."""
    order: int
    """The hash its events are kept in order by."""
    at: datetime
    notice: Mapping[str, str | int | tuple[str, ...] | None] = {}
    """What we were told, by the fields of the graph's CreditNotice; empty: nothing."""
    receivers: tuple[str, ...] = ()
    """Who has, or is about to have, any version of it, but who told us."""
    history: frozenset[str] = frozenset()
    """Those of them that had it before the platform began."""

    @property
    def event_id(self) -> UUID:
        """The id of the event that tells it."""
        return annotation_id(self.decision_id, self.what, self.cause)


class Annotation(_Word, frozen=True, kw_only=True):
    """What one receiver is told of it: what the policy gives it, and no more."""

    receiver: str
    happened: Happened
    shown: Mapping[str, object] = {}
    """By the fields of the graph's CreditNotice."""
    withheld: frozenset[str] = frozenset()
    """Those that are kept back: what is not shown of others there is not."""


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
    place: int = 0
    """The number of the batch it was put into then, where its channel has batches."""


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
    place: int = 0
    """The number of the batch it was put into, where its channel has batches."""


class Absence(StrEnum):
    """Why a notice stands where an event should."""

    ERASED = "ERASED"
    """Its content was erased as law demands."""
    UNSENDABLE = "UNSENDABLE"
    """No broker takes it, and an operator has let its case go on without."""


class Ack(_Word, frozen=True, kw_only=True):
    """Where an event was put: by the broker, or in another channel's own terms."""

    seq: int
    partition: int
    offset: int
    at: datetime | None = None
    """When, by the broker's clock; None: it did not say."""
    digest: bytes = b""
    """SHA-256 of the bytes that were sent; empty: not computed."""
    place: str = ""
    """Where it went, if its receiver has another channel since it was recorded."""


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
    blamed: tuple[tuple[str, str], ...] = ()
    """Code and column of each reason, as far as they can be told."""


class Returned(_Word, frozen=True, kw_only=True):
    """What a receiver says of one event by its own channel; not verified yet."""

    receiver: str
    """Whose channel it came by."""
    event_id: UUID
    answer: Answer | None = None
    """As it is said without a signature; None where `jws` says it."""
    reasons: tuple[str, ...] = ()
    at: datetime | None = None
    """By the receiver's clock; None: it did not say."""
    jws: str = ""
    """A signed receipt, as those on the topic are."""


class RowAnswer(_Word, frozen=True, kw_only=True):
    """What a receiver says of one event of a batch."""

    event_id: UUID
    answer: Answer | None = None
    """None: nothing so far, or what it says is in `jws`."""
    reasons: tuple[str, ...] = ()
    jws: str = ""


class BatchAnswer(_Word, frozen=True, kw_only=True):
    """What a receiver says of a batch: of the whole, of some of it, or of both."""

    number: int
    answer: Answer | None = None
    """Of all that `rows` do not name; None: of none but those."""
    reasons: tuple[str, ...] = ()
    at: datetime | None = None
    rows: tuple[RowAnswer, ...] = ()
    raw: bytes = b""
    """As it came, for whoever looks into what is kept apart."""


class FrontRow(_Word, frozen=True, kw_only=True):
    """An event as a row of a receiver's front-end database 前置库."""

    event_id: UUID
    table: str
    row: dict[str, object]
    """By the receiver's column names; those of the transport among them."""
    number: int = 0
    """The batch it was in, where it is sent again; 0: it goes into a new one."""


class Answering(_Word, frozen=True, kw_only=True):
    """The columns by which the other side acknowledges; empty: there is none such."""

    answer: str = ""
    """One of its words for held and rejected; null: nothing yet."""
    code: str = ""
    field: str = ""
    text: str = ""
    at: str = ""


class FrontTables(_Word, frozen=True, kw_only=True):
    """What a receiver's front-end database is made of, by its own names."""

    schema: str = "public"
    event: str = "record_unique_identity"
    """The column that has the event's id: one row is one event."""
    separator: str = "、"
    """Between several values, where a column is a text."""
    batches: str = "cd_batch_log"
    """The table with a row per batch."""
    number: str = "cd_batch"
    """The batch's number, in it and in every table."""
    count: str = "row_count"
    written: str = "cd_time"
    tables: tuple[str, ...] = ()
    """Those that acknowledge by the row."""
    of_batch: Answering = Answering()
    of_row: Answering = Answering()
    held: tuple[str, ...] = ("accepted",)
    rejected: tuple[str, ...] = ("rejected",)


class FrontPlace(_Word, frozen=True, kw_only=True):
    """Where a row is: in a batch, or nowhere for a fault of its own."""

    number: int = 0
    fault: str = ""


class Arrival(_Word, frozen=True, kw_only=True):
    """An event as a receiver's consumer met it, decoded and judged."""

    event_id: UUID
    decision_id: UUID
    version: int
    change: Change | None
    """None: it brings no version, but what happened to the decision."""
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
