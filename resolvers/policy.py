"""Policy: facts in, verdicts out; no clock, no I/O.

How rules are weighed:

- Silence is deny. A rule speaks for requester kinds, types and fields it names, or
  for all of them (``*``), and for fields of the sharing attributes it names.
- Narrow beats wide: a rule that names the field beats one that names only the type,
  that beats one for all types; one that names a purpose or an attribute beats its
  equal that does not.
- Deny beats mask, mask beats allow, among equals.
- A rule under a predicate decides for the rows where it holds; the others fall
  through to the next rule.
- A rule for certain purposes is silent on any other; a rule that requires a purpose,
  basis or cause that is not stated denies, and says what to add. (Were it skipped, a
  wider rule could give in the clear what this one masks.)
- A predicate says for which rows something is given. One that cannot be answered, for
  the source lacks the column, does not hold; so a rule under a predicate that takes
  away is refused when the policy is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from zhitong.types import (
    All,
    Allow,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the policy, with the text it rests on."""

    name: str
    effect: Effect
    kinds: frozenset[str]
    types: frozenset[str] = EVERY
    fields: frozenset[str] = EVERY
    sharing: frozenset[Sharing] = frozenset(Sharing)
    purposes: frozenset[str] = EVERY
    requires: tuple[str, ...] = ()
    """What the occasion must state: purpose, basis, cause."""
    mask: MaskKind | None = None
    """Without it the field's own mask."""
    under: Predicate | None = None
    reason: Label
    source: str
    """The text, with its article only where that was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """Which rows of some types a requester kind may see at all."""

    name: str
    kinds: frozenset[str]
    types: frozenset[str]
    where: Predicate | None = None
    own_division: str | None = None
    """A field that must lie in the caller's own division."""
    own_unit: str | None = None
    """A field that must name the caller's own unit."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All rules in force."""

    rules: tuple[Rule, ...]
    rows: tuple[RowRule, ...]
    smallest_cells: tuple[tuple[str, int], ...]
    """Requester kind → counts below this are suppressed in aggregates."""
    recorders: frozenset[str] = frozenset({"department"})
    """Requester kinds that may record, withdraw and correct decisions."""


UNSTATED = {
    "purpose": Label(
        "目的（请求头 zhitong-purpose）", "a purpose (header zhitong-purpose)"
    ),
    "basis": Label(
        "依据（请求头 zhitong-basis）", "a legal basis (header zhitong-basis)"
    ),
    "cause": Label(
        "事由案件（请求头 zhitong-cause）", "a cause (header zhitong-cause)"
    ),
}
SILENCE = Deny(
    "silence",
    Label("没有规则允许", "no rule allows it"),
    Label(
        "如确需使用，请向数据主管部门申请共享授权",
        "apply to the data authority for a sharing grant",
    ),
)


def decide(
    policy: Policy, principal: Principal, occasion: Occasion, entity: EntityType
) -> TypeVerdicts:
    """Say what *principal* may see of *entity* on *occasion*, and why."""
    rules = [
        rule
        for rule in policy.rules
        if _names(rule.kinds, principal.kind) and _names(rule.types, entity.name)
    ]
    declared: dict[str, Field | Relation] = {**entity.fields, **entity.relations}
    fields: dict[str, Rulings] = {
        name: _rulings(rules, occasion, name, item) for name, item in declared.items()
    }
    return TypeVerdicts(
        type=entity.name,
        rows=_rows(policy.rows, principal, entity),
        fields=fields,
        smallest_cell=dict(policy.smallest_cells).get(principal.kind, 0),
    )


def visible(rulings: Rulings) -> bool:
    """Say whether any row's value may be seen as it is or blurred."""
    return any(not isinstance(ruling.verdict, Deny) for ruling in rulings)


def plain(rulings: Rulings) -> Predicate | bool | None:
    """Say for which rows the value is Allow: all (True), some, or none (False)."""
    first = rulings[0]
    if not isinstance(first.verdict, Allow):
        return _others(rulings)
    return True if first.under is None else first.under


def _others(rulings: Rulings) -> Predicate | bool:
    """Find rows where Allow comes after rulings that do not hold there."""
    refused: list[Predicate] = []
    for ruling in rulings:
        if isinstance(ruling.verdict, Allow):
            under = () if ruling.under is None else (ruling.under,)
            return All((*(Not(part) for part in refused), *under))
        if ruling.under is None:
            return False
        refused.append(ruling.under)
    return False


def _names(listed: frozenset[str], name: str) -> bool:
    return "*" in listed or name in listed


def _narrowness(rule: Rule) -> tuple[bool, bool, bool, bool]:
    return (
        rule.fields != EVERY,
        rule.types != EVERY,
        rule.purposes != EVERY,
        rule.sharing != frozenset(Sharing),
    )


def _rulings(
    rules: Iterable[Rule], occasion: Occasion, name: str, declared: Field | Relation
) -> Rulings:
    sharing = declared.sharing if isinstance(declared, Field) else Sharing.UNCONDITIONAL
    mask = declared.mask if isinstance(declared, Field) else None
    speaking = sorted(
        (
            rule
            for rule in rules
            if _names(rule.fields, name) and sharing in rule.sharing
        ),
        key=lambda rule: (
            [not narrow for narrow in _narrowness(rule)],
            rule.under is None,
            STRENGTH[rule.effect],
        ),
    )
    rulings: list[Ruling] = []
    silent: Deny | None = None
    for rule in speaking:
        if not _speaks(rule, occasion):
            if rule.effect is not Effect.DENY:
                silent = silent or _for_purposes(rule)
            continue
        rulings.append(Ruling(_verdict(rule, mask, occasion), rule.under))
        if rule.under is None:
            break
    else:
        rulings.append(Ruling(silent or SILENCE))
    if not visible(tuple(rulings)):
        # Denied for every row: one reason, the one that says what would help.
        return (Ruling(silent or rulings[0].verdict),)
    return tuple(rulings)


def _speaks(rule: Rule, occasion: Occasion) -> bool:
    """Say whether *rule* is for this purpose; one that requires it waits for it."""
    if _names(rule.purposes, occasion.purpose):
        return True
    return not occasion.purpose and "purpose" in rule.requires


def _verdict(rule: Rule, mask: MaskKind | None, occasion: Occasion) -> Verdict:
    if rule.effect is Effect.DENY:
        return Deny(rule.name, rule.reason, SILENCE.remedy, rule.source)
    missing = [name for name in rule.requires if not getattr(occasion, name)]
    if missing:
        return Deny(
            rule.name,
            Label(
                f"有条件共享，缺少{'、'.join(UNSTATED[name].zh for name in missing)}",
                f"shared on condition; missing: "
                f"{', '.join(UNSTATED[name].en for name in missing)}",
            ),
            Label("补充后重新查询", "add it and ask again"),
            rule.source,
        )
    if rule.effect is Effect.ALLOW:
        return Allow(rule.name)
    kind = rule.mask or mask
    if kind is None:  # nothing is known to blur it by
        return Deny(rule.name, rule.reason, SILENCE.remedy, rule.source)
    return Mask(rule.name, kind, rule.reason, rule.source)


def _for_purposes(rule: Rule) -> Deny:
    known = sorted(rule.purposes)
    return Deny(
        rule.name,
        Label("所述目的不在允许之列", "the stated purpose is not one that allows it"),
        Label(
            f"如属于下列目的之一，请在请求头 zhitong-purpose 写明：{'、'.join(known)}",
            f"if one of these is true, state it in header zhitong-purpose: "
            f"{', '.join(known)}",
        ),
        rule.source,
    )


def _rows(
    rules: Iterable[RowRule], principal: Principal, entity: EntityType
) -> Predicate | None:
    parts: list[Predicate] = []
    for rule in rules:
        if not _names(rule.kinds, principal.kind):
            continue
        if not _names(rule.types, entity.name):
            continue
        if rule.where is not None:
            parts.append(rule.where)
        if rule.own_division is not None:
            own = significant(principal.division)
            parts.append(Compare(rule.own_division, Op.PREFIX, own or "none"))
        if rule.own_unit is not None:
            parts.append(Compare(rule.own_unit, Op.EQ, principal.unit or "none"))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def significant(division: str) -> str:
    """Cut a GB/T 2260 code to the part its own places share: 619900 → 6199."""
    while division.endswith("00"):
        division = division[:-2]
    return division
