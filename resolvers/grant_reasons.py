"""Why a sharing grant opens a field, or why it does not: for people, by what decides.

The grant is weighed alone against the rules, as in an answer; what it does not open has
one reason, the first that holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zhitong.grants import Grant, GrantKind, GrantState
from zhitong.ports import Source
from zhitong.resolvers import granting
from zhitong.resolvers.explanation import Part, Place, parts
from zhitong.resolvers.policy import Caller, Policy
from zhitong.resolvers.verdicts import decide
from zhitong.types import (
    STRICTNESS,
    All,
    AnyOf,
    Compare,
    Label,
    Op,
    Predicate,
    Sharing,
    Values,
)

UNDER_WAY = frozenset(
    {
        GrantState.APPLIED,
        GrantState.INCOMPLETE,
        GrantState.REVIEWED,
        GrantState.AGREED,
        GrantState.DISPUTED,
    }
)
READ = frozenset(
    {
        *("grantId", "state", "kind", "unit", "person", "owner", "purpose", "basis"),
        *("items", "lookups", "giving", "division", "extent", "documents"),
        *("validFrom", "validTo"),
    }
)
"""What is read of each grant."""
MOST = 50
"""Grants that are told of, those that were applied for last."""


class Why(StrEnum):
    """Why a grant opens a field, or does not."""

    OPENS = "OPENS"
    DOCUMENTS = "DOCUMENTS"
    NOT_YET = "NOT_YET"
    ENDED = "ENDED"
    OTHER_PERSON = "OTHER_PERSON"
    OTHER_PURPOSE = "OTHER_PURPOSE"
    OTHER_SOURCE = "OTHER_SOURCE"
    LOOKUP_ONLY = "LOOKUP_ONLY"
    NO_CAUSE = "NO_CAUSE"
    OTHER_SCOPE = "OTHER_SCOPE"
    WITHHELD = "WITHHELD"
    COUNTS_ONLY = "COUNTS_ONLY"
    NO_MASK = "NO_MASK"
    DENIED = "DENIED"
    NOT_NEEDED = "NOT_NEEDED"


SAID: Mapping[Why, Label] = {
    Why.OPENS: Label("按这份授权给出", "given by this grant"),
    Why.DOCUMENTS: Label(
        "只在授权写明的可信查询中给出", "given in the trusted documents it names alone"
    ),
    Why.NOT_YET: Label("还没有生效", "not in force yet"),
    Why.ENDED: Label("已经终止或到期", "it has ended"),
    Why.OTHER_PERSON: Label(
        "紧急调阅只供开启它的本人", "an emergency grant is for who opened it alone"
    ),
    Why.OTHER_PURPOSE: Label(
        "目的不同：须在 zhitong-purpose 写明授权的目的",
        "for another purpose: state the grant's own in zhitong-purpose",
    ),
    Why.OTHER_SOURCE: Label(
        "只打开授权的数源部门自己的来源", "it opens its owner's own sources alone"
    ),
    Why.LOOKUP_ONLY: Label(
        "只打开按准确值查找，不给出值",
        "it opens look-ups by the exact value, and shows none",
    ),
    Why.NO_CAUSE: Label(
        "限于本案：须在 zhitong-cause 写明事由案件",
        "for the own case alone: state it in zhitong-cause",
    ),
    Why.OTHER_SCOPE: Label(
        "限于的区划或本案，在该来源无从判断",
        "the source cannot tell the place or the case that it is limited to",
    ),
    Why.WITHHELD: Label(
        "不予共享（由类型或该来源的绑定规定），授权不能打开",
        "withheld, by the type or that source's binding: no grant opens it",
    ),
    Why.COUNTS_ONLY: Label(
        "这类调用方只给数量", "this kind of requester is given counts alone"
    ),
    Why.NO_MASK: Label(
        "授权只给脱敏值，该字段没有脱敏方式",
        "it gives masked alone, and the field has no mask",
    ),
    Why.DENIED: Label("规则拒绝的，授权不改变", "what a rule denies stays denied"),
    Why.NOT_NEEDED: Label(
        "规则已经给出，不需要授权", "the rules give it without a grant"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one grant does for one field, on one occasion."""

    grant: Grant
    state: GrantState
    why: Why
    sources: tuple[str, ...] = ()
    """Where it opens the field."""
    parts: tuple[Part, ...] = ()
    """What it gives there, for which rows."""
    rule: str = ""
    """The rule that denies it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: whether a grant opens a field, for whom, when."""

    policy: Policy
    asking: Caller
    place: Place
    sources: Mapping[str, Source]
    at: datetime

    @property
    def name(self) -> str:
        """The field that counts: of a relation its key on this side."""
        way = self.place.entity.relations.get(self.place.field)
        return way.local if way else self.place.field


def named(place: Place, unit: str) -> Predicate:
    """Find the grants of *unit* that name the field."""
    way = place.entity.relations.get(place.field)
    item = f"{place.entity.name}.{way.local if way else place.field}"
    either = (Compare("items", Op.EQ, item), Compare("lookups", Op.EQ, item))
    return All((Compare("unit", Op.EQ, unit), AnyOf(either)))


def reason(asked: Asked, values: Values) -> Reason:
    """Say what the grant of *values*, a row of AccessGrant, does for the field."""
    grant, state = _grant(values), GrantState(str(values["state"]))
    emergency = values["kind"] == GrantKind.BREAK_GLASS
    why = _standing(asked, grant, state, emergency=emergency)
    if why is not None:
        return Reason(grant=grant, state=state, why=why)
    found = [
        _at(asked, grant, state, source)
        for source in asked.sources.values()
        if source.owner == grant.owner
        and asked.name in source.feeds(asked.place.entity.name)
        and asked.place.source in {"", source.name}
    ]
    opening = [one for one in found if one.parts]
    if not opening:
        none = Reason(grant=grant, state=state, why=Why.OTHER_SOURCE)
        return found[0] if found else none
    return Reason(
        grant=grant,
        state=state,
        why=Why.DOCUMENTS if grant.documents else Why.OPENS,
        sources=tuple(sorted(one.sources[0] for one in opening)),
        parts=opening[0].parts,
    )


def _standing(
    asked: Asked, grant: Grant, state: GrantState, *, emergency: bool
) -> Why | None:
    """Say why the grant does not speak now, whatever the source; None: it does."""
    principal, occasion = asked.asking.principal, asked.asking.occasion
    if state in UNDER_WAY or (state is GrantState.IN_FORCE and _early(asked, grant)):
        return Why.NOT_YET
    if state is not GrantState.IN_FORCE or grant.valid_to <= asked.at:
        return Why.ENDED
    if emergency and grant.person != principal.person:
        return Why.OTHER_PERSON
    if grant.purpose != occasion.purpose:
        return Why.OTHER_PURPOSE
    if asked.name not in grant.fields.get(asked.place.entity.name, ()):
        return Why.LOOKUP_ONLY
    if grant.own_cause and not occasion.cause:
        return Why.NO_CAUSE
    return None


def _early(asked: Asked, grant: Grant) -> bool:
    return asked.at < grant.valid_from


def _at(asked: Asked, grant: Grant, state: GrantState, source: Source) -> Reason:
    """Weigh it at one source of its owner, as an answer does."""
    entity, field = asked.place.entity, asked.place.field
    # Which document will ask is not known: one of those it names, if it names any.
    document = min(grant.documents, default="")
    fed = source.feeds(entity.name)
    if not granting.may_serve(grant, entity, document, source.owner, fed):
        return Reason(grant=grant, state=state, why=Why.OTHER_SCOPE)
    tightened = source.tightened(entity.name)
    verdicts = decide(asked.policy, asked.asking, entity, tightened, (grant,))
    kind = asked.asking.principal.kind
    told = tuple(parts(asked.policy, kind, verdicts.fields[field]))
    own = tuple(one for one in told if one.rule == granting.RULE + grant.id)
    if own and not verdicts.counts_only:
        return Reason(
            grant=grant, state=state, why=Why.OPENS, sources=(source.name,), parts=own
        )
    item, kept = entity.fields[asked.name], tightened.get(asked.name)
    sharing = {item.sharing, kept.sharing if kept else item.sharing}
    denying = [one.rule for one in told if one.verdict == "DENY"]
    if verdicts.counts_only:
        why = Why.COUNTS_ONLY
    elif max(sharing, key=STRICTNESS.index) is Sharing.WITHHELD:
        why = Why.WITHHELD
    elif not denying:
        why = Why.NOT_NEEDED
    elif grant.masked and (item.mask is None or field != asked.name):
        why = Why.NO_MASK
    else:
        why = Why.DENIED
    rule = denying[0] if why is Why.DENIED else ""
    return Reason(grant=grant, state=state, why=why, rule=rule)


def _grant(values: Values) -> Grant:
    """Put a grant together from what the register shows of it."""
    return Grant(
        id=str(values["grantId"]),
        unit=str(values["unit"]),
        owner=str(values["owner"]),
        fields=_by_type(values["items"]),
        lookups=_by_type(values["lookups"]),
        purpose=str(values["purpose"]),
        basis=str(values["basis"]),
        masked=values["giving"] == "MASKED",
        division=str(values["division"] or ""),
        own_cause=values["extent"] == "OWN_CASE",
        valid_from=datetime.fromisoformat(str(values["validFrom"])),
        valid_to=datetime.fromisoformat(str(values["validTo"])),
        documents=frozenset(_texts(values["documents"])),
        person=str(values["person"] or ""),
    )


def _by_type(value: object) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for item in _texts(value):
        name, _, field = item.partition(".")
        found[name] = found.get(name, frozenset()) | {field}
    return found


def _texts(value: object) -> Iterable[str]:
    return map(str, value) if isinstance(value, list | tuple) else ()
