"""What the policy says of one field, for people: the verdict, its rule, its source.

The same for the command line and for the query; nothing is read for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zhitong.exceptions import ScalarError
from zhitong.resolvers.policy import NOBODY, Caller, LookupRule, Policy, Rule
from zhitong.resolvers.rulings import plain
from zhitong.resolvers.verdicts import decide, may_look_up
from zhitong.types import (
    AUDITOR,
    MANAGER,
    OPERATOR,
    All,
    Allow,
    AnyOf,
    Compare,
    Deny,
    EntityType,
    Grade,
    Label,
    Mask,
    MaskKind,
    Not,
    Occasion,
    Op,
    Predicate,
    Principal,
    Rulings,
    Sharing,
    Tightening,
    Verdict,
)

OVERSEERS = frozenset({MANAGER, AUDITOR, OPERATOR})
"""Roles that may ask what others are given; so may whoever supervises enforcement."""
OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is asked about: a field or relation, of one source where it is named."""

    entity: EntityType
    field: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One verdict, for the rows it is for."""

    verdict: str
    """ALLOW, MASK or DENY."""
    rows: str = ""
    """The condition under which it is reached; empty: for all rows that are left."""
    rule: str
    source: str = ""
    """The text the rule rests on."""
    mask: MaskKind | None = None
    reason: Label | None = None
    remedy: Label | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stricter:
    """A source that shares the field more strictly than its type says."""

    source: str
    sharing: Sharing
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that the policy says of one field on one occasion."""

    kind: str
    type: str
    field: str
    sharing: Sharing
    grade: Grade
    mask: MaskKind | None
    """How the declaration says to blur it."""
    verdicts: tuple[Part, ...]
    """Tried in order; the first whose rows it is counts."""
    rows: str
    """Which rows of the type are seen at all; empty: every row."""
    row_sources: tuple[str, ...]
    """The texts that the limits of the rows rest on."""
    counts_only: bool
    smallest: int
    """Counts from 1 to below this are suppressed."""
    compared: str
    """Rows it may be filtered, grouped and searched by: ALL, SOME, NONE."""
    ordered: bool
    """Whether a list may be ordered by it."""
    lookup: Part | None
    """Whether rows are found by its exact value; None: nobody's are."""
    stricter: tuple[Stricter, ...]


def may_ask(principal: Principal, kind: str) -> bool:
    """Say whether *principal* may ask what the policy gives *kind*."""
    overseeing = principal.role in OVERSEERS or principal.kind == "supervisor"
    return overseeing or principal.kind == kind


def anybody(kind: str, *, identity: bool = False, unit: str = OWN) -> Principal:
    """Stand for any caller of *kind*: what is the caller's own is called so."""
    return Principal(
        kind=kind,
        unit=unit,
        unit_name=OWN,
        person=OWN,
        division=OWN,
        identity=identity,
        party_code=OWN,
        party_number=OWN,
    )


def caller(principal: Principal, occasion: Occasion) -> Caller:
    """Take *principal* for one with a disputed case, at whose data somebody looked."""
    return Caller(
        principal=principal,
        occasion=occasion,
        disputed=frozenset({"own disputed"}),
        told=frozenset({"own:own"}),
    )


def place(
    text: str, entities: Mapping[str, EntityType], sources: Iterable[str], source: str
) -> Place:
    """Read ``Type.field``; raise `ScalarError` where there is no such thing."""
    name, _, field = text.partition(".")
    entity = entities.get(name)
    if entity is None or field not in {*entity.fields, *entity.relations}:
        raise ScalarError(
            "没有这个字段，请写作“类型.字段”，如 Counterparty.phone",
            "there is no such field; write Type.field, as Counterparty.phone",
        )
    if source and source not in sources:
        raise ScalarError(
            "没有这个来源，现有的见 sources 字段",
            "there is no such source; the field sources lists them",
        )
    return Place(entity=entity, field=field, source=source)


def explain(
    policy: Policy,
    asking: Caller,
    place: Place,
    tightened: Mapping[str, Mapping[str, Tightening]],
) -> Explanation:
    """Say what *asking* is given at *place*; a relation is shared as its key is.

    *tightened* are the fields that sources share more strictly, by source.
    """
    entity, field = place.entity, place.field
    verdicts = decide(policy, asking, entity, tightened.get(place.source))
    rulings = verdicts.fields[field]
    way = entity.relations.get(field)
    item = entity.fields[way.local if way else field]
    kind = asking.principal.kind
    rows = plain(rulings)
    return Explanation(
        kind=kind,
        type=entity.name,
        field=field,
        sharing=item.sharing,
        grade=item.grade,
        mask=None if way else item.mask,
        verdicts=tuple(parts(policy, kind, rulings)),
        rows="" if verdicts.rows is None else described(verdicts.rows),
        row_sources=tuple(
            rule.source
            for rule in policy.rows
            if {kind, "*"} & rule.kinds and {entity.name, "*"} & rule.types
        ),
        counts_only=verdicts.counts_only,
        smallest=verdicts.smallest_cell,
        compared="NONE" if rows is False else "ALL" if rows is True else "SOME",
        ordered=rows is True and field in entity.orders,
        lookup=_looked_up(policy, asking, entity, field),
        stricter=tuple(_stricter(item.name, tightened)),
    )


def parts(policy: Policy, kind: str, rulings: Rulings) -> Iterable[Part]:
    """Put *rulings* for people, each with the rows it is for."""
    before: list[Predicate] = []
    for ruling in rulings:
        rows = [*map(Not, before), *([ruling.under] if ruling.under else [])]
        if ruling.under is not None:
            before.append(ruling.under)
        where = "" if not rows else described(All(tuple(rows)))
        yield _part(policy, kind, ruling.verdict, where)


def _part(policy: Policy, kind: str, verdict: Verdict, rows: str) -> Part:
    if isinstance(verdict, Allow):
        rule = _rule(policy, kind, verdict.rule)
        return Part(
            verdict="ALLOW",
            rows=rows,
            rule=verdict.rule,
            source=rule.source if rule else "",
            mask=MaskKind.TEXT if verdict.numberless else None,
            reason=rule.reason if isinstance(rule, Rule) else None,
        )
    return Part(
        verdict="MASK" if isinstance(verdict, Mask) else "DENY",
        rows=rows,
        rule=verdict.rule,
        source=verdict.source,
        mask=verdict.kind if isinstance(verdict, Mask) else None,
        reason=verdict.reason,
        remedy=verdict.remedy if isinstance(verdict, Deny) else None,
    )


def _rule(policy: Policy, kind: str, name: str) -> Rule | LookupRule | None:
    rules: tuple[Rule | LookupRule, ...] = (*policy.rules, *policy.lookups)
    named = (rule for rule in rules if rule.name == name)
    return next((rule for rule in named if {kind, "*"} & rule.kinds), None)


def _looked_up(
    policy: Policy, asking: Caller, entity: EntityType, field: str
) -> Part | None:
    item = entity.fields.get(field)
    if item is None or not item.exact:
        return None
    verdict = may_look_up(policy, asking, entity, field)
    return _part(policy, asking.principal.kind, verdict, "")


def _stricter(
    field: str, tightened: Mapping[str, Mapping[str, Tightening]]
) -> Iterable[Stricter]:
    for source, fields in sorted(tightened.items()):
        if field in fields:
            kept = fields[field]
            yield Stricter(source=source, sharing=kept.sharing, basis=kept.basis)


def described(predicate: Predicate) -> str:
    """Write a predicate of the policy for people."""
    if isinstance(predicate, Compare) and predicate.op is Op.EQ:
        # Only what ties rows to the caller is compared so: it may be an ID number.
        return f"{predicate.field} eq own"
    if isinstance(predicate, Compare) and predicate.op is Op.PRESENT:
        return f"{predicate.field} present"
    if isinstance(predicate, Compare):
        values = (
            ", ".join(predicate.value)
            if isinstance(predicate.value, tuple)
            else predicate.value
        )
        return f"{predicate.field} {predicate.op} {values}"
    if isinstance(predicate, Not):
        return f"not ({described(predicate.part)})"
    if predicate == NOBODY:
        return "none"
    if isinstance(predicate, All | AnyOf):
        if len(predicate.parts) == 1:
            return described(predicate.parts[0])
        word = " and " if isinstance(predicate, All) else " or "
        return word.join(f"({described(part)})" for part in predicate.parts)
    return predicate.relation
