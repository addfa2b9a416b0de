"""On what condition each requester kind may see a field, summed up from the policy.

Each kind is weighed by `decide`, as a question of it would be: stating nothing, and
stating each of its purposes with every paper. What comes out is what it would be given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import anybody, caller, described
from zhitong.resolvers.policy import Caller, Policy, Rule
from zhitong.resolvers.verdicts import decide
from zhitong.types import (
    All,
    Deny,
    EntityType,
    Mask,
    MaskKind,
    Not,
    Occasion,
    Predicate,
    Rulings,
    Tightening,
    TypeVerdicts,
)

PAPERS = ("basis", "cause", "letter", "mandate", "authorisation", "licence", "approval")
OURSELVES = "platform"
"""No requester, so none of the catalogue's readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What one kind is given of a field, and what it takes."""

    kind: str
    access: str
    """ALLOW, MASK or COUNTS."""
    mask: MaskKind | None
    rows: str
    """For which rows; empty: for all."""
    requires: tuple[str, ...]
    """What has to be stated or shown; empty: nothing."""
    purposes: tuple[str, ...] = ()
    """For which purposes; empty: for any, or none at all."""


def conditions(
    policy: Policy, entity: EntityType, tightened: Mapping[str, Tightening]
) -> Mapping[str, tuple[Condition, ...]]:
    """Sum up, for each field of *entity* as one source shares it."""
    found: dict[str, list[Condition]] = {name: [] for name in entity.fields}
    for kind in KINDS:
        if kind == OURSELVES:
            continue
        weighed = {
            purpose: decide(policy, asking, entity, tightened)
            for purpose, asking in _askings(policy, kind)
        }
        for name, conditions in found.items():
            conditions.extend(_summed(policy, kind, name, weighed))
    return {name: tuple(conditions) for name, conditions in found.items()}


def _askings(policy: Policy, kind: str) -> Iterator[tuple[str | None, Caller]]:
    yield None, caller(anybody(kind), Occasion())
    papers = dict.fromkeys(PAPERS, "own")
    named = {
        purpose
        for rule in policy.rules
        if {kind, "*"} & rule.kinds
        for purpose in rule.purposes - {"*"}
    }
    for purpose in sorted(named) or [""]:
        stated = Occasion(purpose=purpose, **papers)
        yield purpose, caller(anybody(kind, identity=True), stated)


def _summed(
    policy: Policy, kind: str, name: str, weighed: Mapping[str | None, TypeVerdicts]
) -> Iterable[Condition]:
    """Join the purposes under which the same is given."""
    purposes: dict[Condition, list[str]] = {}
    silent: set[Condition] = set()
    for purpose, verdicts in weighed.items():
        for one in _given(policy, kind, verdicts, verdicts.fields[name]):
            if purpose is None:
                silent.add(one)
            purposes.setdefault(one, []).extend([purpose] if purpose else [])
    every = {purpose for purpose in weighed if purpose}
    for one, named in purposes.items():
        anything = one in silent or set(named) == every
        yield Condition(
            kind=one.kind,
            access=one.access,
            mask=one.mask,
            rows=one.rows,
            requires=one.requires,
            purposes=() if anything else tuple(sorted(named)),
        )


def _given(
    policy: Policy, kind: str, verdicts: TypeVerdicts, rulings: Rulings
) -> Iterator[Condition]:
    before: list[Predicate] = []
    scope = [] if verdicts.rows is None else [verdicts.rows]
    for ruling in rulings:
        verdict = ruling.verdict
        if not isinstance(verdict, Deny):
            parts = [*scope, *map(Not, before)]
            parts += [] if ruling.under is None else [ruling.under]
            yield Condition(
                kind=kind,
                access=_word(verdicts, masked=isinstance(verdict, Mask)),
                mask=verdict.kind if isinstance(verdict, Mask) else None,
                rows=described(All(tuple(parts))) if parts else "",
                requires=_requires(policy, kind, verdict.rule),
            )
        if ruling.under is not None:
            before.append(ruling.under)


def _word(verdicts: TypeVerdicts, *, masked: bool) -> str:
    if verdicts.counts_only:
        return "COUNTS"
    return "MASK" if masked else "ALLOW"


def _requires(policy: Policy, kind: str, name: str) -> tuple[str, ...]:
    named: Iterable[Rule] = (rule for rule in policy.rules if rule.name == name)
    return next((one.requires for one in named if {kind, "*"} & one.kinds), ())
