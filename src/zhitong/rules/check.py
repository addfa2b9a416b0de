"""A check: one dated rule about decisions, as the configuration states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from zhitong.decisions import Act, Decision, Severity
from zhitong.types import Label

UNSTATED = "UNSTATED"
"""Stands for a procedure the decision does not state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is looked at, for which decisions, since when, and how it weighs."""

    name: str
    test: str
    """Which test of `zhitong.rules.checks.TESTS` looks."""
    title: Label
    """What is checked, said when the register that could tell is away."""
    text: Label
    """What is wrong; ``{words}`` are filled in by the test."""
    severity: Severity
    source: str
    """The text it rests on, with its article only where that was read."""
    acts: frozenset[Act]
    procedures: frozenset[str] = frozenset()
    """Codes of Procedure or `UNSTATED`; none: whatever the procedure."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day of decisions it is for."""
    at_least: int = 0
    kinds: frozenset[str] = frozenset()
    """Codes, of what the test says: of PenaltyKind, of ReviewOpinion …"""
    amounts: Mapping[str, int] = field(default_factory=dict)
    """Fen by CounterpartyKind."""
    hearing: bool = False
    fits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Kinds of power by act; an act it does not name fits its own name."""

    def concerns(self, decision: Decision) -> bool:
        """Say whether *decision* is of the kind and the time this check is for."""
        since, until = self.valid_from or date.min, self.valid_to or date.max
        return (
            decision.act in self.acts
            and since <= decision.decided_on <= until
            and (not self.procedures or procedure(decision) in self.procedures)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a text may be, in characters, how many officers, how large amounts."""

    texts: Mapping[str, int]
    """By field of the decision: ``facts``, ``party.name`` …"""
    officers: int
    amount: int
    """The largest amount that can be meant, in fen."""
    placeholders: frozenset[str] = frozenset()
    """What is written where there is no number: ``无``, ``/``, as `bare` writes it."""
    person_years: int = 0
    """A number whose day of birth is not as many years past is no person's."""


@dataclass(frozen=True, slots=True)
class Away:
    """A register that could tell did not answer; *register* names it for people."""

    register: Label


Words = Mapping[str, str]
"""What fills a check's text."""
Outcome = Words | Away


def procedure(decision: Decision) -> str:
    """Give the code of the decision's procedure, or `UNSTATED`."""
    stated = decision.penalty.procedure if decision.penalty else None
    return stated or UNSTATED
