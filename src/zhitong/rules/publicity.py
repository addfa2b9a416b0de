"""Publicity 公示: which channel shows a decision, by what rule, and by which day.

- A channel is declared: what it shows, what it does not and why, by which figures.
- A figure counts from an event, and in the version of that event's day.
- A penalty's class is the first of the channel's classes on its day that it fits.
- What is not said to be shown is not shown; a reason is given either way.
- No channel shows anybody's ID number: `hides` names what is left blank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from zhitong.decisions import Act, Decision
from zhitong.publishing import Teller
from zhitong.rules.dated import in_force
from zhitong.rules.due_days import DueDay, DueDays
from zhitong.rules.figures import Confidence, Figure
from zhitong.types import Label


class Reason(StrEnum):
    """Why a channel shows a decision, or does not."""

    SHOWN = "SHOWN"
    NEEDED = "NEEDED"
    """It is not shown in principle; the body found that it has to be."""
    NO_RULE = "NO_RULE"
    """No rule of the channel is in force for such a decision on that day."""
    ACT = "ACT"
    PARTY = "PARTY"
    WARNING_ONLY = "WARNING_ONLY"
    MINOR = "MINOR"
    """Its class is not shown in principle."""


REASONS = {
    Reason.SHOWN: Label("应当公示", "it is to be shown"),
    Reason.NEEDED: Label(
        "原则上不公示，确有必要而公示",
        "not shown in principle, but found to be needed",
    ),
    Reason.NO_RULE: Label(
        "该渠道当日没有公示规则", "the channel has no rule for it on that day"
    ),
    Reason.ACT: Label("该渠道不公示这类行为", "the channel does not show such acts"),
    Reason.PARTY: Label(
        "该渠道不公示这类当事人", "the channel does not show such parties"
    ),
    Reason.WARNING_ONLY: Label("仅警告，不公示", "a warning only is not shown"),
    Reason.MINOR: Label("轻微失信，原则上不公示", "minor: not shown in principle"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What about a decision says who shows it and for how long."""

    act: Act
    party: str
    """A code of CounterpartyKind."""
    kinds: frozenset[str] = frozenset()
    """Codes of PenaltyKind."""
    procedure: str = ""
    """A code of Procedure; empty: not said."""
    fields: frozenset[str] = frozenset()
    """The fields of enforcement 执法领域 it is in, by the names the classes use."""
    needed: bool = False
    """The body found that it has to be shown, though its class is not."""


def facts_of(decision: Decision, fields: Iterable[str] = ()) -> Facts:
    """Take what counts from *decision*; which *fields* it is in it does not say."""
    penalty = decision.penalty
    return Facts(
        act=decision.act,
        party=decision.party.kind,
        kinds=frozenset(penalty.kinds if penalty else ()),
        procedure=(penalty.procedure if penalty else None) or "",
        fields=frozenset(fields),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """One class of penalties by gravity, in one version of its rule."""

    name: str
    title: Label
    since: date
    until: date | None = None
    kinds: frozenset[str] = frozenset()
    """One of these is enough."""
    only: frozenset[str] = frozenset()
    """Or no kind but these."""
    procedures: frozenset[str] = frozenset()
    """Or one of these procedures."""
    fields: frozenset[str] = frozenset()
    """Or one of these fields."""
    rest: bool = False
    """Whatever no class before it has taken."""
    withheld: bool = False
    """Not shown in principle."""
    shown: Figure
    """How long at most."""
    least: Figure | None = None
    """How long at least, before it may be repaired."""
    source: str
    confidence: Confidence

    def fits(self, facts: Facts) -> bool:
        """Say whether a penalty with *facts* is of this class."""
        return (
            self.rest
            or bool(facts.kinds & self.kinds)
            or (bool(facts.kinds) and facts.kinds <= self.only)
            or facts.procedure in self.procedures
            or bool(facts.fields & self.fields)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What a channel does not show, from one day to another, and why."""

    reason: Reason
    since: date
    until: date | None = None
    only: frozenset[str]
    """Penalties of no kind but these."""
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A place where decisions are shown to everybody."""

    name: str
    title: Label
    acts: frozenset[Act]
    parties: frozenset[str]
    """Codes of CounterpartyKind."""
    published: tuple[Figure, ...]
    """By when it shows a decision; the first that is about it counts."""
    withdrawn: tuple[Figure, ...] = ()
    """By when what was undone is away."""
    shown: tuple[Figure, ...] = ()
    """How long it is shown, where no class says it; none: without an end."""
    withheld: tuple[Withheld, ...] = ()
    receiver: str = ""
    """Whose receipts say what it shows; empty: no receiver's."""
    site: bool = False
    """Whether the platform shows it itself; else, without a receiver, people report."""
    grades: tuple[Grade, ...] = ()
    """From the gravest to the rest, as the file has them."""
    hides: frozenset[str] = frozenset()
    """What of a decision it never shows."""

    @property
    def teller(self) -> Teller:
        """Say who tells what it shows."""
        if self.receiver:
            return Teller.RECEIPTS
        return Teller.SITE if self.site else Teller.PEOPLE

    def grade(self, facts: Facts, on: date) -> Grade | None:
        """Give the class of a penalty decided *on* a day; None: it has no classes."""
        if facts.act is not Act.PENALTY:
            return None
        return in_force((one for one in self.grades if one.fits(facts)), on)

    def lasts(self, facts: Facts, on: date) -> Figure | None:
        """Give the figure that says how long what was decided *on* a day is shown."""
        grade = self.grade(facts, on)
        return about(self.shown, facts) if grade is None else grade.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a channel shows a decision, and on what ground."""

    channel: str
    reason: Reason
    due: DueDay | None = None
    """By when; None: it is not shown."""
    grade: Grade | None = None
    source: str = ""
    """The text it rests on; empty: none says anything."""
    confidence: Confidence | None = None

    @property
    def shown(self) -> bool:
        """Say whether it is to be shown."""
        return self.due is not None

    @property
    def label(self) -> Label:
        """Say why."""
        return REASONS[self.reason]


def publishable(channel: Channel, facts: Facts, on: date, due_days: DueDays) -> Verdict:
    """Say whether *channel* shows what was decided *on* a day, and until when."""
    if facts.act not in channel.acts:
        return Verdict(channel=channel.name, reason=Reason.ACT)
    if facts.party not in channel.parties:
        return Verdict(channel=channel.name, reason=Reason.PARTY)
    grade = channel.grade(facts, on)
    if grade is not None and grade.withheld and not facts.needed:
        return Verdict(
            channel=channel.name,
            reason=Reason.MINOR,
            grade=grade,
            source=grade.source,
            confidence=grade.confidence,
        )
    kept = in_force((one for one in channel.withheld if _kept(one, facts)), on)
    if kept is not None:
        return Verdict(
            channel=channel.name,
            reason=kept.reason,
            grade=grade,
            source=kept.source,
            confidence=kept.confidence,
        )
    figure = about(channel.published, facts)
    due = due_days.of(figure, on) if figure else None
    if due is None:
        return Verdict(channel=channel.name, reason=Reason.NO_RULE, grade=grade)
    withheld = grade is not None and grade.withheld
    return Verdict(
        channel=channel.name,
        reason=Reason.NEEDED if withheld else Reason.SHOWN,
        due=due,
        grade=grade,
        source=due.version.source,
        confidence=due.version.confidence,
    )


def about(figures: Iterable[Figure], facts: Facts) -> Figure | None:
    """Give the first of *figures* that is about such a decision."""
    return next((one for one in figures if one.about(facts.act, facts.party)), None)


def classes(channels: Iterable[Channel], decision: Decision) -> dict[str, str]:
    """Give the class of *decision* by channel; where it has none, nothing."""
    facts = facts_of(decision)
    found = ((one, one.grade(facts, decision.decided_on)) for one in channels)
    return {one.name: grade.name for one, grade in found if grade is not None}


def _kept(one: Withheld, facts: Facts) -> bool:
    return bool(facts.kinds) and facts.kinds <= one.only
