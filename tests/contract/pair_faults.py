"""What goes wrong while both executors answer: each as often, whatever they ask first.

A fault of a source hits by what is asked of it, not by how many questions came before:
executors ask in different orders, and each order is right.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from zhitong.exceptions import (
    EvidenceStaleError,
    SourceDriftError,
    SourceError,
    SourceOpenError,
    SourceTimeoutError,
)
from zhitong.types import RowQuery, TallyQuery

KINDS = (SourceTimeoutError, SourceOpenError, SourceDriftError)
SOURCES = ("market", "emergency", "dongling", "transport", "justice", "credit")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFault:
    """One thing that is wrong for as long as a case lasts."""

    name: str = "none"
    away: Mapping[str, type[SourceError]] | None = None
    """Sources that answer nothing, and how they fail."""
    drifted: str = ""
    """A type that no source gives: its tables have changed everywhere."""
    below: str = ""
    """A source that answers pages, and fails what is looked up by key."""
    counts: str = ""
    """A source that gives rows and cannot count."""
    unrecorded: bool = False
    """The register of looks is away."""
    ended: bool = False
    """Every grant ends between the read and the record."""
    stale: bool = False
    """Proof is late: protected data wait."""
    budget: int = 0
    """What a question may read and build, where that is little."""
    cancel: int = 0
    """Turns of the loop after which the caller is gone."""

    def hits(self, source: str, query: RowQuery | TallyQuery) -> SourceError | None:
        """Give what *source* fails *query* with; None: nothing is wrong there."""
        if self.away and source in self.away:
            return self.away[source](f"{source} 没有回答", f"{source} did not answer")
        keyed = query.keys is not None and isinstance(query, RowQuery)
        # Of a kind that is not tried again: else the next question would not be asked,
        # and which is the next depends on the order.
        drifts = (
            query.type == self.drifted
            or (source == self.below and keyed)
            or (source == self.counts and isinstance(query, TallyQuery))
        )
        return SourceDriftError("表变了", "tables have changed") if drifts else None

    @property
    def silent(self) -> bool:
        """Say whether every source answers what it is asked."""
        return not (self.away or self.drifted or self.below or self.counts)


class Late:
    """Witnesses whose word is overdue."""

    def stale(self) -> EvidenceStaleError | None:
        """Refuse what is protected."""
        return EvidenceStaleError("存证过期", "proof is overdue")

    def announcement(self) -> str:
        """Say so."""
        return "overdue"


NONE = PairFault()


def fault(rng: random.Random) -> PairFault:
    """Choose what goes wrong; in half of all cases nothing does."""
    if rng.random() < 0.5:
        return NONE
    one = rng.choice(SOURCES)
    error = rng.choice(KINDS)
    return rng.choice(
        (
            PairFault(name=f"{one} {error.__name__}", away={one: error}),
            PairFault(name=f"{one} {error.__name__}", away={one: error}),
            PairFault(
                name="departments away",
                away=dict.fromkeys(rng.sample(SOURCES, 3), error),
            ),
            PairFault(name="cases drifted", drifted="CaseRecord"),
            PairFault(name="subjects drifted", drifted="EnforcementSubject"),
            PairFault(name=f"{one} below", below=one),
            PairFault(name=f"{one} counts", counts=one),
            PairFault(name="unrecorded", unrecorded=True),
            PairFault(name="grants ended", ended=True),
            PairFault(name="stale", stale=True),
            PairFault(name="budget", budget=rng.choice((1, 50, 400, 3_000))),
            PairFault(name="cancelled", cancel=rng.randrange(1, 40)),
        )
    )
