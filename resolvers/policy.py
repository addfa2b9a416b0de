"""The policy: rules for whom, what, why and which rows; no clock, no I/O.

How they are weighed: `zhitong.resolvers.verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from zhitong.resolvers.narrowing import Patience
from zhitong.rules.emergencies import EmergencyRules
from zhitong.rules.identifiers import significant
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    Label,
    MaskKind,
    Occasion,
    Op,
    Predicate,
    Principal,
    Sharing,
)

EVERY = frozenset({"*"})


class Effect(StrEnum):
    """What a rule does, strongest first."""

    DENY = "deny"
    MASK = "mask"
    ALLOW = "allow"


STRENGTH = {Effect.DENY: 0, Effect.MASK: 1, Effect.ALLOW: 2}
NOBODY = AnyOf(())
"""Holds for no row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which rows, said of the caller: each part that is there must hold."""

    where: Compare | None = None
    own_division: str | None = None
    """A field that lies in the caller's place: a county's own, a city's counties."""
    own_unit: str | None = None
    """A field that names the caller's own unit."""
    own_party: tuple[str, ...] = ()
    """Fields with the code, and the ID number, of the party that asks."""
    own_cause: str | None = None
    """A field that is the case the question is asked for."""
    disputed: str | None = None
    """A field that is a case of the asking party under review or in court."""
    told: tuple[str, ...] = ()
    """Fields with the record, and the look, that saw a row of the asking party."""

    @property
    def fields(self) -> frozenset[str]:
        """Name the fields it looks at."""
        named = (self.own_division, self.own_unit, self.own_cause, self.disputed)
        compared = () if self.where is None else (self.where.field,)
        own = (*self.own_party, *self.told)
        return frozenset(filter(None, (*named, *own, *compared)))

    def predicate(self, caller: Caller) -> Predicate:
        """Say it as a condition on rows."""
        parts = tuple(self._parts(caller))
        if NOBODY in parts:
            return NOBODY
        return parts[0] if len(parts) == 1 else All(parts)

    def _parts(self, caller: Caller) -> Iterable[Predicate]:
        principal, cause = caller.principal, caller.occasion.cause
        if self.where is not None:
            yield self.where
        if self.own_division is not None:
            own = significant(principal.division)
            yield Compare(self.own_division, Op.PREFIX, own) if own else NOBODY
        if self.own_unit is not None:
            yield _equal(self.own_unit, principal.unit)
        if self.own_party:
            names = (principal.party_code, principal.party_number)
            parts = zip(self.own_party, names, strict=False)
            yield AnyOf(tuple(_equal(*part) for part in parts if part[1]))
        if self.own_cause is not None:
            yield _equal(self.own_cause, cause)
        if self.disputed is not None:
            cases = tuple(sorted(caller.disputed))
            yield Compare(self.disputed, Op.IN, cases) if cases else NOBODY
        if self.told:
            yield _told(self.told, caller.told)


def _told(fields: tuple[str, ...], looks: frozenset[str]) -> Predicate:
    """Compare the record as well: looks have no index of their own."""
    if not looks:
        return NOBODY
    records = {look.rpartition(":")[0] for look in looks}
    values = (tuple(sorted(records)), tuple(sorted(looks)))
    pairs = zip(fields, values, strict=True)
    return All(tuple(Compare(field, Op.IN, value) for field, value in pairs))


def _equal(field: str, value: str) -> Predicate:
    return Compare(field, Op.EQ, value) if value else NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """All that verdicts depend on besides the policy: who, why, and known facts."""

    principal: Principal
    occasion: Occasion
    disputed: frozenset[str] = frozenset()
    """Case numbers of the asking party with reconsideration or litigation open."""
    told: frozenset[str] = frozenset()
    """Looks that saw a row of the asking party."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the policy, with the text it rests on."""

    name: str
    effect: Effect
    kinds: frozenset[str]
    roles: frozenset[str] = EVERY
    types: frozenset[str] = EVERY
    fields: frozenset[str] = EVERY
    sharing: frozenset[Sharing] = frozenset(Sharing)
    purposes: frozenset[str] = EVERY
    requires: tuple[str, ...] = ()
    """What the occasion must state: purpose, basis, cause."""
    mask: MaskKind | None = None
    """Without it the field's own mask."""
    under: Scope | None = None
    reason: Label
    remedy: Label | None = None
    """What a caller who is denied can do; to apply for a grant without it."""
    source: str
    """The text, with its article only where that was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """Which rows of some types a requester kind may see at all."""

    name: str
    kinds: frozenset[str]
    types: frozenset[str]
    scope: Scope
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule:
    """How small a count a requester kind may see, and whether counts are all it may."""

    name: str
    kinds: frozenset[str]
    types: frozenset[str]
    smallest: int
    """Counts from 1 to below this are suppressed."""
    only: bool
    """Rows are counted and grouped, none is given."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRule:
    """Who may find rows by the exact value of a protected field: named one by one."""

    name: str
    kinds: frozenset[str]
    units: frozenset[str]
    """Credit codes of units; ``*`` for every unit of these kinds."""
    type: str
    field: str
    purposes: frozenset[str]
    requires: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All rules in force."""

    rules: tuple[Rule, ...]
    rows: tuple[RowRule, ...]
    counts: tuple[CountRule, ...] = ()
    lookups: tuple[LookupRule, ...] = ()
    edges: tuple[int, ...] = ()
    """Lower edges of the bands that amounts are masked to, in yuan."""
    recorders: frozenset[str] = frozenset({"department"})
    """Requester kinds that may record, withdraw and correct decisions."""
    causes_checked: frozenset[str] = frozenset()
    """Requester kinds whose cause should be an open case of their own unit."""
    patience: Patience = field(default_factory=Patience)
    """How much narrowing of counts is borne."""
    emergencies: EmergencyRules = field(default_factory=EmergencyRules)
    """Who may break the glass, and for how long."""
    whole_texts: frozenset[str] = frozenset()
    """Requester kinds that have people's words whole, ID numbers in them too."""
    proceeding_recorders: frozenset[str] = frozenset()
    """Requester kinds that may record reconsiderations and lawsuits."""
    grant_applicants: frozenset[str] = frozenset()
    """Requester kinds whose people may apply for sharing grants."""
    catalogue_outside: frozenset[str] = frozenset()
    """Requester kinds that are shown what is unconditional in the catalogue, alone."""
    purposes: frozenset[str] = frozenset()
    """Every purpose that a kind may ask for."""
