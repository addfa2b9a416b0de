"""The words of publication by people 公示流程: its steps, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

WITHHOLDABLE = frozenset(
    {
        "documentTitle",
        "title",
        "result",
        "counterpartyName",
        "counterpartyCode",
        "violationType",
        "fine",
        "confiscated",
        "certificateName",
    }
)
"""What of a publication may be left out; that there is a decision, of whom, cannot."""


class Teller(StrEnum):
    """Who says what a channel shows."""

    RECEIPTS = "RECEIPTS"
    """Its receiver, by signed receipts."""
    SITE = "SITE"
    """The platform, which is the site."""
    PEOPLE = "PEOPLE"
    """Whoever has put it there reports it."""


class Step(StrEnum):
    """What somebody does to a publication."""

    COLLECT = "COLLECT"
    """采集: what is to be shown, and what of it is not."""
    TRANSMIT = "TRANSMIT"
    """传递: handed to the review."""
    PASS = "PASS"  # noqa: S105 - the review is passed; no password
    RETURN = "RETURN"
    """退回: to be collected anew."""
    DECLINE = "DECLINE"
    """不予公示: the review finds that it is not to be shown."""
    RELEASE = "RELEASE"
    PULL = "PULL"
    """撤下: it was wrong to show it so."""
    WITHDRAW = "WITHDRAW"
    """撤回: what was undone was taken from a channel of others."""
    TAKE_DOWN = "TAKE_DOWN"
    """期满撤下: what is over was taken from a channel of others."""


class Stage(StrEnum):
    """Where a publication is."""

    COLLECTED = "COLLECTED"
    TRANSMITTED = "TRANSMITTED"
    RETURNED = "RETURNED"
    REVIEWED = "REVIEWED"
    DECLINED = "DECLINED"
    RELEASED = "RELEASED"
    PULLED = "PULLED"
    WITHDRAWN = "WITHDRAWN"
    TAKEN_DOWN = "TAKEN_DOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who takes a step, as tokens tell one person from another."""

    unit: str
    issuer: str
    subject: str
    role: str

    def is_(self, issuer: str, subject: str) -> bool:
        """Say whether it is the person of that issuer's."""
        return (self.issuer, self.subject) == (issuer, subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step somebody takes, or has taken."""

    step: Step
    decision: str
    channel: str
    version: int
    """Of the decision, which the step is about."""
    person: Person
    at: datetime
    reason: str = ""
    withheld: frozenset[str] = frozenset()
    """Fields of the publication that are not shown; with COLLECT."""
    reference: str = ""
    """Where it is to be seen; with RELEASE in a channel of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The decision's present version."""

    version: int
    undone: bool
    """Whether it withdraws the decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decision's publication in one channel, as it stands."""

    decision: str
    channel: str
    version: int
    """Of the decision, which goes through the roles."""
    stage: Stage
    steps: int
    at: datetime
    """When the last of them was taken."""
    withheld: frozenset[str] = frozenset()
    issuer: str = ""
    collector: str = ""
    """Who has collected it; with the issuer of that person's token."""
    reason: str = ""
    """What was said of it last."""
    shown: int | None = None
    """The version that was released; None: nothing is shown."""
    shown_at: datetime | None = None
    first_at: datetime | None = None
    """When it was first shown, in any version."""
    down_on: date | None = None
    """The last day on which it is shown; None: no end is set."""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """What a step came to."""

    entry: Entry
    replayed: bool
    """It was taken already, and nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The decision a step is about, as far as its publication needs it."""

    head: Head
    units: frozenset[str]
    """Credit codes of who enforces and who has recorded it."""
    act: str
    """A code of ActType."""
    party: str
    """A code of CounterpartyKind."""
    kinds: frozenset[str]
    """Codes of PenaltyKind."""
    procedure: str
    decided_on: date
