"""Verdicts: a policy and facts in, what may be seen out; no clock, no I/O.

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
from dataclasses import dataclass, replace
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
from zhitong.resolvers.policy import (
    EVERY,
    NOBODY,
    STRENGTH,
    Caller,
    CountRule,
    Effect,
    Policy,
    RowRule,
    Rule,
)
from zhitong.resolvers.rulings import visible
from zhitong.types import (
    STRICTNESS,
    All,
    Allow,
    Deny,
    EntityType,
    Field,
    Mask,
    MaskKind,
    Occasion,
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
