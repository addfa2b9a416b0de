"""Policy: facts in, verdicts out; no clock, no I/O.

How rules are weighed:

- Silence is deny. A rule speaks for requester kinds, types and fields it names, or
  for all of them (``*``), and for fields of the sharing attributes it names.
- Narrow beats wide: a rule that names the field beats one that names only the type,
  that beats one for all types; one that names a role, a purpose or an attribute beats
  its equal that does not.
- Deny beats mask, mask beats allow, among equals.
- A rule under a predicate decides for the rows where it holds; the others fall
  through to the next rule.
- A rule for certain purposes is silent on any other; a rule that requires a purpose,
  basis or cause that is not stated denies, and says what to add. (Were it skipped, a
  wider rule could give in the clear what this one masks.)
- A predicate says for which rows something is given. One that cannot be answered, for
  the source lacks the column, does not hold; so a rule under a predicate that takes
  away is refused when the policy is read.
- A department may have a stricter sharing attribute for its own rows; it is weighed as
  if the type declared it, for that source alone, and given by no rule that names no
  attribute.
- People's own words are whole only for kinds that the policy names: for all others what
  a rule allows of them is masked where an ID number stands in them. Names, and what is
  as open, are given them so too, and yet compared; nothing is found by an ID number.
- Rows under several scopes must satisfy each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from zhitong.grants import Grant
from zhitong.resolvers import granting
from zhitong.resolvers.denials import (
    SILENCE,
    UNBLURRED,
    WORDS,
    for_purposes,
    missing,
    unstated,
)
from zhitong.resolvers.narrowing import Patience
from zhitong.rules.emergencies import EmergencyRules
from zhitong.rules.identifiers import significant
from zhitong.types import (
    STRICTNESS,
    All,
    Allow,
    AnyOf,
    Compare,
    Deny,
    EntityType,
    Field,
    Label,
    Mask,
    MaskKind,
    Not,
    Occasion,
    Op,
    Predicate,
    Principal,
    Relation,
    Ruling,
    Rulings,
    Sharing,
    Tightening,
    TypeVerdicts,
    Verdict,
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


def decide(
    policy: Policy,
    caller: Caller,
    entity: EntityType,
    tightened: Mapping[str, Tightening] | None = None,
    grants: Iterable[Grant] = (),
) -> TypeVerdicts:
    """Say what *caller* may see of *entity*, and why.

    *tightened* are the fields that one source shares more strictly than the type says;
    *grants* those in force that its owner has given.
    """
    kind = caller.principal.kind
    rules = [
        rule
        for rule in policy.rules
        if _names(rule.kinds, kind)
        and _names(rule.roles, caller.principal.role)
        and _names(rule.types, entity.name)
    ]
    kept = tightened or {}
    given = _Given(caller, entity, tuple(grants))
    counts = _counts(policy, kind, entity)
    whole = _names(policy.whole_texts, kind)
    return TypeVerdicts(
        type=entity.name,
        rows=_rows(policy.rows, caller, entity),
        fields={
            name: _furnished(
                _worded(
                    _rulings(rules, given, name, item, kept.get(name)),
                    item,
                    whole=whole,
                ),
                policy.edges,
                caller.principal,
            )
            for name, item in entity.fields.items()
        }
        | {
            # A relation gives away its key, so it is shared as the key is.
            name: _rulings(rules, given, name, _key(entity, way), kept.get(way.local))
            for name, way in entity.relations.items()
        },
        smallest_cell=max((rule.smallest for rule in counts), default=0),
        counts_only=any(rule.only for rule in counts),
    )


def may_look_up(
    policy: Policy, caller: Caller, entity: EntityType, field: str
) -> Allow | Deny:
    """Say whether a rule lets *caller* find rows by a protected field's exact value."""
    principal = caller.principal
    for rule in policy.lookups:
        if (rule.type, rule.field) != (entity.name, field):
            continue
        if not _names(rule.kinds, principal.kind):
            continue
        if not _names(rule.units, principal.unit):
            continue
        stated = _names(rule.purposes, caller.occasion.purpose)
        lacking = missing(rule.requires, principal, caller.occasion)
        if not stated and caller.occasion.purpose:
            return for_purposes(rule.name, rule.purposes, rule.source)
        if lacking or not stated:
            return unstated(rule.name, lacking or ("purpose",), rule.source)
        return Allow(rule.name)
    return SILENCE


def scoped(policy: Policy, kind: str) -> bool:
    """Say whether verdicts for *kind* depend on what is known of open disputes."""
    scopes = [rule.scope for rule in policy.rows if _names(rule.kinds, kind)]
    scopes += [
        rule.under for rule in policy.rules if rule.under and _names(rule.kinds, kind)
    ]
    return any(scope.disputed is not None for scope in scopes)


def visible(rulings: Rulings) -> bool:
    """Say whether any row's value may be seen as it is or blurred."""
    return any(not isinstance(ruling.verdict, Deny) for ruling in rulings)


def plain(rulings: Rulings) -> Predicate | bool:
    """Say for which rows the value is Allow: all (True), some, or none (False)."""
    allowed: list[Predicate] = []
    refused: list[Predicate] = []
    for ruling in rulings:
        under = () if ruling.under is None else (ruling.under,)
        if isinstance(ruling.verdict, Allow):
            parts = (*(Not(part) for part in refused), *under)
            if not parts:
                return True
            allowed.append(parts[0] if not refused else All(parts))
        elif under:
            refused += under
        if not under:
            break
    if not allowed:
        return False
    return allowed[0] if len(allowed) == 1 else AnyOf(tuple(allowed))


def _names(listed: frozenset[str], name: str) -> bool:
    return "*" in listed or name in listed


def _narrowness(rule: Rule) -> tuple[bool, ...]:
    return (
        rule.fields != EVERY,
        rule.types != EVERY,
        rule.roles != EVERY,
        rule.purposes != EVERY,
        rule.sharing != frozenset(Sharing),
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """Who asks for rows of what, and the grants of their owner."""

    caller: Caller
    entity: EntityType
    grants: tuple[Grant, ...]

    def widened(
        self, rulings: Rulings, declared: Field, silence: Deny | None
    ) -> Rulings:
        """Add what grants give of a field, whose rules ended in *silence* if any."""
        principal, occasion = self.caller.principal, self.caller.occasion
        speaking = granting.speaking(self.grants, principal, occasion)
        named = granting.extents(speaking, self.entity, declared.name, occasion)
        return granting.widened(rulings, named, declared.mask, silence)

    def told(self, denied: Deny, declared: Field) -> Deny:
        """Say of a denial for want of a rule that there is a grant, if there is."""
        caller = (self.caller.principal, self.caller.occasion)
        remedy = granting.hint(self.grants, caller, self.entity.name, declared.name)
        return denied if remedy is None else replace(denied, remedy=remedy)


def _rulings(
    rules: Iterable[Rule],
    given: _Given,
    name: str,
    declared: Field,
    tightened: Tightening | None,
) -> Rulings:
    caller, sharing = given.caller, declared.sharing
    if tightened is not None:
        sharing = max(sharing, tightened.sharing, key=STRICTNESS.index)
    basis = "" if tightened is None else tightened.basis
    speaking = sorted(
        (
            rule
            for rule in rules
            if _names(rule.fields, name) and _meant(rule, sharing, declared)
        ),
        key=lambda rule: (
            [not narrow for narrow in _narrowness(rule)],
            rule.under is None,
            STRENGTH[rule.effect],
        ),
    )
    rulings: list[Ruling] = []
    silent: Deny | None = None
    silence: Deny | None = None
    for rule in speaking:
        if not _speaks(rule, caller.occasion):
            if rule.effect is not Effect.DENY:
                silent = silent or for_purposes(rule.name, rule.purposes, rule.source)
            continue
        under = None if rule.under is None else rule.under.predicate(caller)
        if under == NOBODY:
            continue
        rulings.append(Ruling(_verdict(rule, declared.mask, caller, basis), under))
        if under is None:
            break
    else:
        silence = silent or _silence(tightened)
        if given.grants and sharing is not Sharing.WITHHELD:
            silence = given.told(silence, declared)
            silent = silent and silence
        rulings.append(Ruling(silence))
    made = tuple(rulings)
    if given.grants and sharing is not Sharing.WITHHELD:
        made = given.widened(made, declared, silence)
    if not visible(made):
        # Denied for every row: one reason, the one that says what would help.
        return (Ruling(silent or made[0].verdict),)
    return made


def _meant(rule: Rule, sharing: Sharing, declared: Field) -> bool:
    """Say whether *rule* is for a field of this attribute.

    One that names no attribute was written for what the type declares: what a
    department shares more strictly it can take away, and not give.
    """
    if sharing is declared.sharing or rule.effect is Effect.DENY:
        return sharing in rule.sharing
    return sharing in rule.sharing and rule.sharing != frozenset(Sharing)


def _worded(rulings: Rulings, declared: Field, *, whole: bool) -> Rulings:
    """Give people's own words with ID numbers in them masked, unless *whole*."""
    if whole or not (declared.free or declared.named):
        return rulings
    return tuple(
        replace(ruling, verdict=_numberless(ruling.verdict, declared))
        if isinstance(ruling.verdict, Allow)
        else ruling
        for ruling in rulings
    )


def _numberless(verdict: Allow, declared: Field) -> Verdict:
    if declared.free:
        return Mask(verdict.rule, MaskKind.TEXT, *WORDS)
    return replace(verdict, numberless=True)


def _furnished(
    rulings: Rulings, edges: tuple[int, ...], principal: Principal
) -> Rulings:
    """Give masks what they need besides their kind."""
    more: Mapping[MaskKind, Mapping[str, Any]] = {
        MaskKind.AMOUNT_BAND: {"edges": edges},
        MaskKind.HASH: {"audience": f"{principal.tenant} {principal.unit}"},
    }
    return tuple(
        replace(
            ruling, verdict=replace(ruling.verdict, **more.get(ruling.verdict.kind, {}))
        )
        if isinstance(ruling.verdict, Mask)
        else ruling
        for ruling in rulings
    )


def _key(entity: EntityType, way: Relation) -> Field:
    return replace(entity.fields[way.local], mask=None)


def _silence(tightened: Tightening | None) -> Deny:
    return SILENCE if tightened is None else replace(SILENCE, source=tightened.basis)


def _speaks(rule: Rule, occasion: Occasion) -> bool:
    """Say whether *rule* is for this purpose; one that requires it waits for it."""
    if _names(rule.purposes, occasion.purpose):
        return True
    return not occasion.purpose and "purpose" in rule.requires


def _verdict(rule: Rule, mask: MaskKind | None, caller: Caller, basis: str) -> Verdict:
    remedy = rule.remedy or SILENCE.remedy
    if rule.effect is Effect.DENY:
        return Deny(rule.name, rule.reason, remedy, rule.source)
    lacking = missing(rule.requires, caller.principal, caller.occasion)
    if lacking:
        return unstated(rule.name, lacking, rule.source)
    if rule.effect is Effect.ALLOW:
        return Allow(rule.name)
    kind = rule.mask or mask
    if kind is None:  # as of a field that one source alone shares as strictly
        return Deny(rule.name, UNBLURRED, remedy, basis or rule.source)
    return Mask(rule.name, kind, rule.reason, rule.source)


def _rows(
    rules: Iterable[RowRule], caller: Caller, entity: EntityType
) -> Predicate | None:
    parts = [
        rule.scope.predicate(caller)
        for rule in rules
        if _names(rule.kinds, caller.principal.kind) and _names(rule.types, entity.name)
    ]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _counts(policy: Policy, kind: str, entity: EntityType) -> list[CountRule]:
    return [
        rule
        for rule in policy.counts
        if _names(rule.kinds, kind) and _names(rule.types, entity.name)
    ]
