"""Sharing grants 共享授权: what a unit may see of another's data, until when and why.

A grant only gives where the policy is silent, or masked where a rule allows it masked;
what a rule denies by name stays denied, whoever agreed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GrantState(StrEnum):
    """Where an application is, in the words of Decree 809 and of practice."""

    APPLIED = "APPLIED"
    """已申请: with the data authority, whose form review is due."""
    INCOMPLETE = "INCOMPLETE"
    """待补正: told once what is missing."""
    REVIEWED = "REVIEWED"
    """形式审查通过: with the owner, whose reply is due."""
    AGREED = "AGREED"
    """已同意: the data are due."""
    IN_FORCE = "IN_FORCE"
    """生效"""
    REFUSED = "REFUSED"
    """不同意, with a reason."""
    DISPUTED = "DISPUTED"
    """争议处理中: with the data authority."""
    WITHDRAWN = "WITHDRAWN"
    """申请方撤回"""
    REVOKED = "REVOKED"
    """已收回"""
    EXPIRED = "EXPIRED"
    """已到期"""


class GrantMode(StrEnum):
    """How the data are shared (服务接口、批量交换、文件下载)."""

    INTERFACE = "INTERFACE"
    BATCH = "BATCH"
    FILE = "FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant in force, as verdicts and the gate need it."""

    id: str
    unit: str
    """Credit code of the unit that may see."""
    owner: str
    """Credit code of the agency whose sources it opens."""
    fields: Mapping[str, frozenset[str]]
    """By type, the fields it opens."""
    purpose: str
    basis: str
    masked: bool = False
    """Gives blurred by the field's own mask, never whole."""
    division: str = ""
    """GB/T 2260 code: only rows that lie in this place; empty: all."""
    own_cause: bool = False
    """Only rows of the case that the question is asked for."""
    valid_from: datetime
    valid_to: datetime
    documents: frozenset[str] = frozenset()
    """SHA-256 of the documents it may be used by; empty: any."""
    lookups: Mapping[str, frozenset[str]]
    """By type, the protected fields that rows may be looked up by exactly."""
    page: int | None = None
    cost: int | None = None
    rate: float | None = None
    person: str = ""
    """Break-glass 紧急调阅: the one who may use it; empty: anybody of the unit."""
    issuer: str = ""
    """Who issued that person's token; empty: it is not known."""
    incident: str = ""
    """Break-glass: for which incident; empty: an ordinary grant."""

    def __hash__(self) -> int:
        """Let verdicts be remembered by grants, whose mappings have no hash."""
        return hash(self.id)


class GrantKind(StrEnum):
    """What sort of grant it is."""

    SHARING = "SHARING"
    BREAK_GLASS = "BREAK_GLASS"


class GrantStep(StrEnum):
    """What somebody does to an application."""

    APPLY = "APPLY"
    RETURN = "RETURN"
    """一次性告知补正: what is missing, told once."""
    SUPPLEMENT = "SUPPLEMENT"
    PASS = "PASS"  # noqa: S105 - the form review is passed; no password
    """形式审查通过"""
    AGREE = "AGREE"
    REFUSE = "REFUSE"
    PROVIDE = "PROVIDE"
    """提供数据: puts it in force."""
    REVOKE = "REVOKE"
    WITHDRAW = "WITHDRAW"
    DISPUTE = "DISPUTE"
    UPHOLD = "UPHOLD"
    """The refusal stands."""
    OVERTURN = "OVERTURN"
    """The refusal does not stand: the data are to be provided."""
    EXPIRE = "EXPIRE"
    BREAK_GLASS = "BREAK_GLASS"
    """紧急调阅: opened by the one who uses it, reviewed afterwards."""
    JUDGE = "JUDGE"
    """Says whether an emergency's use was justified."""


class GrantDuty(StrEnum):
    """Whose turn it is: what is due next, each with its clock."""

    REVIEW = "REVIEW"
    SUPPLEMENT = "SUPPLEMENT"
    REPLY = "REPLY"
    PROVIDE = "PROVIDE"
    SETTLE = "SETTLE"
    REVIEW_USE = "REVIEW_USE"
    """Break-glass: whether the use was justified."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as tokens tell one from another: not by name, by issuer and subject."""

    issuer: str
    """Empty where it is not known: of steps from before it was noted."""
    subject: str

    def is_(self, other: Person) -> bool:
        """Say whether both may be one; where an issuer is unknown they may."""
        known = self.issuer and other.issuer
        return self.subject == other.subject and (
            not known or self.issuer == other.issuer
        )


class Capacity(StrEnum):
    """As what somebody acts on one application."""

    APPLICANT = "APPLICANT"
    OWNER = "OWNER"
    AUTHORITY = "AUTHORITY"
    PLATFORM = "PLATFORM"
    """The clock: nobody else ends what has run out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreviewed:
    """An emergency whose review is overdue, and who opened it."""

    grant: str
    who: Person
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked for: whose data, how much of them, why, how and how long."""

    owner: str
    """Credit code of the agency whose data they are."""
    fields: Mapping[str, frozenset[str]]
    """By type, the fields."""
    lookups: Mapping[str, frozenset[str]]
    """By type, the fields to look rows up by exactly."""
    purpose: str
    basis: str
    scene: str
    """应用场景: what happens with the data, in words."""
    valid_from: datetime
    valid_to: datetime
    mode: GrantMode = GrantMode.INTERFACE
    masked: bool = False
    division: str = ""
    own_cause: bool = False
    documents: tuple[str, ...] = ()
    page: int | None = None
    cost: int | None = None
    rate: float | None = None
    receiver: str | None = None
    """A stream that rests on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be done by whom, and until when."""

    duty: GrantDuty
    unit: str
    """Credit code; empty: the data authority."""
    at: datetime
    """The first moment that is late."""
    provisional: bool
    """Whether days off on the way are not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application 共享申请 as it stands, from the first word to the last."""

    id: str
    version: int
    state: GrantState
    kind: GrantKind = GrantKind.SHARING
    unit: str
    unit_name: str
    applied_by: str
    person: str = ""
    """Break-glass: the one who may use it."""
    incident: str = ""
    terms: Terms
    conditional: bool
    """Whether any of the fields is shared on condition."""
    applied_at: datetime
    reviewed_at: datetime | None = None
    decided_at: datetime | None = None
    provided_at: datetime | None = None
    ended_at: datetime | None = None
    told: bool = False
    """What is missing was told; that is done once."""
    settled: bool = False
    """A dispute was settled; there is one."""
    missing: str = ""
    refusal: str = ""
    dispute: str = ""
    settlement: str = ""
    ending: str = ""
    review: str = ""
    """Break-glass: JUSTIFIED or NOT_JUSTIFIED, once it was reviewed."""
    due: Due | None = None
    late: tuple[GrantDuty, ...] = ()
    """Duties that were done after their time."""
    changed_at: datetime
    people: frozenset[Person] = frozenset()
    """Who has acted for the applying unit: here, or in what it still has open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who takes a step, in which capacity."""

    unit: str
    unit_name: str
    person: str
    issuer: str = ""
    role: str
    capacities: frozenset[Capacity]

    @property
    def who(self) -> Person:
        """Give the person, to compare with others."""
        return Person(self.issuer, self.person)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One step, as somebody says it."""

    grant: str
    """Id of the application."""
    version: int
    """The version it is about; 0 to apply."""
    step: GrantStep
    actor: Actor
    at: datetime
    reason: str = ""
    outcome: str = ""
    """Of JUDGE: JUSTIFIED or NOT_JUSTIFIED."""
    terms: Terms | None = None
    """Of APPLY and SUPPLEMENT."""
    conditional: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step that is in the register."""

    application: Application
    replayed: bool
    """It had been taken already; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What is in force, of one snapshot; a grant that is to begin is among them."""

    counter: int
    """Changes so far of what is in force; while it stands, the grants stand."""
    grants: tuple[Grant, ...]
