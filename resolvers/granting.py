"""Sharing grants weighed: what they add to what the rules come to; no clock, no I/O.

- A grant speaks for its unit (an emergency's for one person), its purpose and the
  fields it names; a relation is shared as its key is.
- Where the rules end in silence it gives the value, or the field's mask if it gives
  masked. Where a rule masks it gives the value, unless it gives masked.
- It gives nothing that a rule denies, no row outside the rows' scope, and nothing of
  what is withheld, by the type or by the source's own binding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from zhitong.grants import Grant, Person
from zhitong.resolvers.denials import UNBLURRED
from zhitong.rules.identifiers import significant
from zhitong.types import (
    All,
    Allow,
    AnyOf,
    Compare,
    Deny,
    EntityType,
    Kind,
    Label,
    Mask,
    MaskKind,
    Occasion,
    Op,
    Predicate,
    Principal,
    Ruling,
    Rulings,
    Verdict,
)

RULE = "grant:"
"""Before the grant's id, where a verdict names its rule."""
CASE = "caseNo"
"""The field that a question's cause is compared with."""
BY_GRANT = Label(
    "按共享授权只给脱敏后的内容", "given masked alone by the sharing grant"
)
_NOBODY = AnyOf(())


def held(
    grants: Iterable[Grant], principal: Principal, at: datetime
) -> tuple[Grant, ...]:
    """Give those of *grants* that are *principal*'s and in force *at* that moment."""
    return tuple(
        grant
        for grant in grants
        if of(grant, principal) and grant.valid_from <= at < grant.valid_to
    )


def of(grant: Grant, principal: Principal) -> bool:
    """Say whether *grant* is *principal*'s to use."""
    if grant.unit != principal.unit or not grant.person:
        return grant.unit == principal.unit
    one = Person(grant.issuer, grant.person)
    return one.is_(Person(principal.issuer, principal.person))


def may_serve(
    grant: Grant, entity: EntityType, document: str, owner: str, fed: frozenset[str]
) -> bool:
    """Say whether *grant* opens a source of *owner*, which knows what it asks."""
    return (
        grant.owner == owner
        and (not grant.documents or document in grant.documents)
        and (not grant.division or _division(entity) in fed)
        and (not grant.own_cause or CASE in fed)
    )


def widened(
    rulings: Rulings,
    grants: Iterable[tuple[Grant, Predicate | None]],
    mask: MaskKind | None,
    silence: Deny | None,
) -> Rulings:
    """Add what *grants* give to what the rules came to for one field.

    Each comes with the rows it is for. *silence* is the last ruling where the rules
    ended without one for all rows.
    """
    # Those for all rows first: what comes after them is never reached.
    given = sorted(grants, key=lambda one: (one[1] is not None, one[0].id))
    made: list[Ruling] = []
    for ruling in rulings:
        if ruling.verdict is silence:
            made += _instead(ruling, given, mask)
        elif isinstance(ruling.verdict, Mask) or _unblurred(ruling.verdict):
            made += _instead(ruling, given, None)
        made.append(ruling)
        if _reached(made) is not None:
            return tuple(made[: _reached(made)])
    return tuple(made)


def _instead(
    ruling: Ruling,
    given: Iterable[tuple[Grant, Predicate | None]],
    mask: MaskKind | None,
) -> Iterator[Ruling]:
    for grant, rows in given:
        if not grant.masked:
            yield Ruling(Allow(RULE + grant.id), both(ruling.under, rows))
    for grant, rows in given:
        if grant.masked and mask is not None:
            verdict = Mask(RULE + grant.id, mask, BY_GRANT, grant.basis)
            yield Ruling(verdict, both(ruling.under, rows))


def _unblurred(verdict: Verdict) -> bool:
    """Say whether a rule gives it masked and there is no mask: no denial by name."""
    return isinstance(verdict, Deny) and verdict.reason is UNBLURRED


def _reached(rulings: list[Ruling]) -> int | None:
    """Say how many are ever reached: up to the first for all rows."""
    for number, ruling in enumerate(rulings, 1):
        if ruling.under is None:
            return number
    return None


def speaking(
    grants: Iterable[Grant], principal: Principal, occasion: Occasion
) -> tuple[Grant, ...]:
    """Give those that are the caller's and for the stated purpose."""
    return tuple(
        grant
        for grant in grants
        if of(grant, principal) and grant.purpose == occasion.purpose
    )


def extents(
    grants: Iterable[Grant], entity: EntityType, name: str, occasion: Occasion
) -> Iterator[tuple[Grant, Predicate | None]]:
    """Give those that name the field *name*, each with the rows it is for."""
    for grant in grants:
        if name in grant.fields.get(entity.name, ()):
            rows = extent(grant, entity, occasion)
            if rows != _NOBODY:
                yield grant, rows


def extent(grant: Grant, entity: EntityType, occasion: Occasion) -> Predicate | None:
    """Say for which rows of a type *grant* is; None: for all of them."""
    parts: list[Predicate] = []
    if grant.division:
        field, place = _division(entity), significant(grant.division)
        if field is None or not place:
            return _NOBODY
        parts.append(Compare(field, Op.PREFIX, place))
    if grant.own_cause:
        if CASE not in entity.fields or not occasion.cause:
            return _NOBODY
        parts.append(Compare(CASE, Op.EQ, occasion.cause))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _division(entity: EntityType) -> str | None:
    kinds = entity.fields.items()
    return next((name for name, item in kinds if item.kind is Kind.DIVISION), None)


def found_by(
    grants: Iterable[Grant], entity: EntityType, name: str, occasion: Occasion
) -> tuple[Grant, Predicate | None] | None:
    """Give the grant that opens exact look-ups by *name*, and for which rows."""
    item = entity.fields.get(name)
    if item is None or not item.exact:
        return None
    found = [
        (grant, rows)
        for grant in grants
        if name in grant.lookups.get(entity.name, ())
        and (rows := extent(grant, entity, occasion)) != _NOBODY
    ]
    return min(found, key=lambda one: (one[1] is not None, one[0].id), default=None)


def hint(
    grants: Iterable[Grant],
    caller: tuple[Principal, Occasion],
    type_name: str,
    field: str | None = None,
) -> Label | None:
    """Say what to state for a grant the caller has of a field, or of a type at all."""
    principal, occasion = caller
    for grant in sorted(grants, key=lambda one: one.id):
        if not of(grant, principal) or not _opens(grant, type_name, field):
            continue
        if grant.purpose != occasion.purpose:
            return Label(
                f"你单位有共享授权 {grant.id}：请在请求头 zhitong-purpose 写明其目的 "
                f"{grant.purpose}",
                f"you have grant {grant.id}: state its purpose {grant.purpose} in "
                "header zhitong-purpose",
            )
        if grant.own_cause and not occasion.cause:
            return Label(
                f"你单位有共享授权 {grant.id}：请在请求头 zhitong-cause 写明事由案件",
                f"you have grant {grant.id}: state the case in header zhitong-cause",
            )
    return None


def _opens(grant: Grant, type_name: str, field: str | None) -> bool:
    none: frozenset[str] = frozenset()
    opened = grant.fields.get(type_name, none) | grant.lookups.get(type_name, none)
    return bool(opened) if field is None else field in opened


def used(rulings: Rulings) -> Iterator[str]:
    """Name the grants that *rulings* rest on."""
    for ruling in rulings:
        if ruling.verdict.rule.startswith(RULE):
            yield ruling.verdict.rule.removeprefix(RULE)


def both(one: Predicate | None, other: Predicate | None) -> Predicate | None:
    """Join two conditions; none is no condition."""
    if one is None or other is None:
        return one or other
    return All((one, other))
