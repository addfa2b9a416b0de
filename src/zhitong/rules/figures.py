"""Figures: what a rule sets in numbers, in versions from one day to another.

- A version holds by days in China: at midnight there the next one begins.
- What is in force on the day of the event counts for all that follows from it, unless
  a later version says that it is for what is under way too.
- A tenant's own version stands before everybody's, on the days it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from zhitong.decisions import Act, Decision
from zhitong.rules.dated import in_force
from zhitong.rules.money import yuan
from zhitong.rules.terms import Term
from zhitong.types import Label

EVERYBODY = "*"


class Confidence(StrEnum):
    """How well a figure is known."""

    LAW = "LAW"
    """The text of the law was read."""
    BUREAU = "BUREAU"
    """The text of a bureau's or a city's own rule was read."""
    QUOTED = "QUOTED"
    """A public page quotes the figure; the text was not read."""
    DEPLOYED = "DEPLOYED"
    """Code of a deployed system has it."""
    RECALLED = "RECALLED"
    """General knowledge, not looked up."""
    CHOSEN = "CHOSEN"
    """No text has it: it is this city's choice."""


READ = frozenset({Confidence.LAW, Confidence.BUREAU})
"""With these alone a source names an article."""


class Trigger(StrEnum):
    """The events from which time runs."""

    FILED = "FILED"
    """A case is filed 立案."""
    ACCEPTED = "ACCEPTED"
    """An application is accepted 受理."""
    DECIDED = "DECIDED"
    SERVED = "SERVED"
    TOLD = "TOLD"
    """The party was told of its right to a hearing."""
    KEPT = "KEPT"
    """Evidence was registered and kept 先行登记保存."""
    SEIZED = "SEIZED"
    UNDONE = "UNDONE"
    """The decision was revoked, changed, or found illegal or void."""
    PUBLISHED = "PUBLISHED"
    SUSPECTED = "SUSPECTED"
    """A crime is suspected, and its transfer was proposed."""
    KNOWN = "KNOWN"
    """The party knew of the decision."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in fen."""

    fen: int

    @property
    def label(self) -> Label:
        """Say it in words."""
        return Label(f"{yuan(self.fen)} 元", f"{yuan(self.fen)} yuan")


@dataclass(frozen=True, slots=True)
class Percentage:
    """A share of a hundred."""

    percent: Decimal

    @property
    def label(self) -> Label:
        """Say it in words."""
        return Label(f"{self.percent}%", f"{self.percent}%")


Value: TypeAlias = Term | Amount | Percentage


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a figure is from one day to another, and on what ground."""

    figure: str
    since: date
    until: date | None
    """The last day; None: until further notice."""
    value: Value
    source: str
    confidence: Confidence
    tenant: str = EVERYBODY
    under_way: bool = False
    """Whether it is also for time that was running when it began."""

    @property
    def name(self) -> str:
        """Tell it from every other: figure, first day, whose it is."""
        own = "" if self.tenant == EVERYBODY else f"@{self.tenant}"
        return f"{self.figure}/{self.since}{own}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure in all its versions, and what it is about."""

    name: str
    title: Label
    starts: Trigger | None = None
    """The event that a term runs from."""
    channel: str = ""
    """The channel it is for; empty: none in particular."""
    grade: str = ""
    """The class of penalties it is for, by its channel's; empty: whatever it is."""
    acts: frozenset[Act] = frozenset(Act)
    parties: frozenset[str] = frozenset()
    """Codes of CounterpartyKind; none: whoever it is about."""
    versions: tuple[Version, ...] = ()
    own: tuple[Version, ...] = ()
    """The tenant's."""

    def in_force(self, day: date) -> Version | None:
        """Give what is in force on *day*; None: there is no such rule then."""
        return in_force(self.own, day) or in_force(self.versions, day)

    def concerns(self, decision: Decision) -> bool:
        """Say whether *decision* is of the kind it is about."""
        return self.about(decision.act, decision.party.kind)

    def about(self, act: Act, party: str) -> bool:
        """Say whether it is about such an *act*, and such a *party*'s (its kind)."""
        return act in self.acts and (not self.parties or party in self.parties)

    def changes(self, after: date, until: date) -> Iterator[tuple[date, Version]]:
        """Give what comes into force after *after*, up to *until*, and when."""
        every = (*self.own, *self.versions)
        turns = {one.since for one in every} | {
            one.until + timedelta(days=1)
            for one in self.own
            if one.until is not None and one.until < date.max
        }
        before = self.in_force(after)
        for day in sorted(day for day in turns if after < day <= until):
            now = self.in_force(day)
            if now is not None and now is not before:
                yield day, now
            before = now


Figures: TypeAlias = Mapping[str, Figure]
"""By name."""
