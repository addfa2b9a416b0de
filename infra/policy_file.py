"""Reading the policy: dated rules as data, checked against the types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import structs

from zhitong.exceptions import PolicyError
from zhitong.infra.tenants import Whose
from zhitong.requesters import KINDS
from zhitong.resolvers.narrowing import Patience
from zhitong.resolvers.policy import (
    EVERY,
    CountRule,
    Effect,
    LookupRule,
    Policy,
    RowRule,
    Rule,
    Scope,
)
from zhitong.types import Compare, EntityType, Label, MaskKind, Op, Sharing

Texts = Annotated[list[str], msgspec.Meta(min_length=1)]
OWN = "own"
"""Among a rule's purposes: those that the file lists for each of its kinds."""

Requirement = Literal[
    "purpose",
    "basis",
    "cause",
    "letter",
    "identity",
    "mandate",
    "authorisation",
    "licence",
    "approval",
]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not widen a rule."""


class _Text(_Form, frozen=True, kw_only=True):
    zh: str
    en: str


class _Own(_Form, frozen=True, kw_only=True):
    """What ties rows to the caller; see `zhitong.resolvers.policy.Scope`."""

    own_division: str | None = None
    own_unit: str | None = None
    own_party: Annotated[list[str], msgspec.Meta(max_length=2)] = []
    own_cause: str | None = None
    disputed: str | None = None

    @property
    def owns(self) -> bool:
        one = self.own_division or self.own_unit or self.own_cause or self.disputed
        return bool(one or self.own_party)


class _Where(_Form, frozen=True, kw_only=True, rename={"values": "in"}):
    field: str
    values: Texts | None = None
    present: Literal[True] | None = None
    """Instead of values: any."""

    def __post_init__(self) -> None:
        if (self.values is None) == (self.present is None):
            raise ValueError("exactly one of in and present")


class _When(_Own, frozen=True, kw_only=True, rename={"values": "in"}):
    field: str | None = None
    values: Texts | None = None
    present: Literal[True] | None = None

    def __post_init__(self) -> None:
        said = (self.values is not None) + (self.present is not None)
        if said != (self.field is not None):
            raise ValueError("exactly one of in and present with field, none without")
        if self.field is None and not self.owns:
            raise ValueError("field, or one of own_division, own_unit … is missing")


class _Rule(_Form, frozen=True, kw_only=True):
    name: str
    kinds: Texts
    effect: Effect
    types: Texts = msgspec.field(default_factory=lambda: ["*"])
    fields: Texts = msgspec.field(default_factory=lambda: ["*"])
    sharing: list[Sharing] | None = None
    purposes: Texts = msgspec.field(default_factory=lambda: ["*"])
    requires: list[Requirement] = []
    mask: MaskKind | None = None
    when: _When | None = None
    reason: _Text
    remedy: _Text | None = None
    source: str


class _RowRule(_Own, frozen=True, kw_only=True):
    name: str
    kinds: Texts
    types: Texts
    where: _Where | None = None
    source: str

    def __post_init__(self) -> None:
        if self.where is None and not self.owns:
            raise ValueError("at least one of where, own_division, own_unit …")


class _CountRule(_Form, frozen=True, kw_only=True):
    name: str
    kinds: Texts
    types: Texts
    smallest: Annotated[int, msgspec.Meta(ge=0, le=1_000)]
    only: bool = False
    source: str

    def __post_init__(self) -> None:
        if self.smallest and not self.only:
            raise ValueError("smallest needs only: who may list rows can count them")


class _LookupRule(_Form, frozen=True, kw_only=True):
    name: str
    kinds: Texts
    units: Texts
    type: str
    field: str
    purposes: Texts
    requires: list[Requirement]
    source: str


Yuan = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class _Bands(_Form, frozen=True, kw_only=True):
    """The bands amounts are masked to, and since when."""

    since: date
    edges: Annotated[list[Yuan], msgspec.Meta(min_length=1, max_length=50)]
    source: str


class _Narrowing(_Form, frozen=True, kw_only=True):
    """How much narrowing of counts is borne; see `zhitong.resolvers.narrowing`."""

    hours: Annotated[float, msgspec.Meta(gt=0, le=744)]
    conditions: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    cut: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    source: str


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    purposes: dict[str, Texts] = {}
    """What each requester kind may say it asks for."""
    rules: list[_Rule]
    rows: list[_RowRule] = []
    counts: list[_CountRule] = []
    lookups: list[_LookupRule] = []
    bands: _Bands | None = None
    narrowing: _Narrowing | None = None
    causes_checked: list[str] = []
    recorders: list[str] = []
    whole_texts: list[str] = []
    proceeding_recorders: list[str] = []


def read_policy(path: Path, entities: Mapping[str, EntityType]) -> Policy:
    """Read *path*; raise `PolicyError` naming the rule that is wrong."""
    try:
        file = msgspec.toml.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError) as error:
        raise PolicyError(
            f"规则文件 {path.name} 读不成，请更正后重新启动：{error}",
            f"the policy file {path.name} cannot be read; correct it and start again: "
            f"{error}",
        ) from error
    for rule in _named(file):
        for wrong in (*_unknown(rule, entities), *_purposeless(rule, file)):
            raise PolicyError(
                f"{path.name}：规则 {rule.name} 提到不存在的 {wrong}",
                f"{path.name}: rule {rule.name} names {wrong}, which there is not",
            )
        if isinstance(rule, _Rule) and rule.when and rule.effect is not Effect.ALLOW:
            raise PolicyError(
                f"{path.name}：规则 {rule.name} 有条件地拒绝或脱敏，"
                "条件无法判断时会放行，请改为在条件成立时允许，其余拒绝或脱敏",
                f"{path.name}: rule {rule.name} takes away under a condition, so a row "
                "whose condition cannot be read would be given; allow under the "
                "opposite condition instead",
            )
    return Policy(
        rules=tuple(_rule(one) for rule in file.rules for one in _own(rule, file)),
        rows=tuple(map(_row_rule, file.rows)),
        counts=tuple(map(_count_rule, file.counts)),
        lookups=tuple(map(_lookup_rule, file.lookups)),
        edges=() if file.bands is None else tuple(sorted(file.bands.edges)),
        patience=_patience(file.narrowing),
        causes_checked=frozenset(file.causes_checked),
        recorders=frozenset(file.recorders),
        whole_texts=frozenset(file.whole_texts),
        proceeding_recorders=frozenset(file.proceeding_recorders),
    )


def _own(rule: _Rule, file: _File) -> Iterable[_Rule]:
    """Give *rule* once for each kind, where it is for the purposes of each."""
    if rule.purposes != [OWN]:
        yield rule
        return
    for kind in rule.kinds:
        yield structs.replace(rule, kinds=[kind], purposes=file.purposes[kind])


_Named = _Rule | _RowRule | _CountRule | _LookupRule


def _named(file: _File) -> Iterable[_Named]:
    yield from file.rules
    yield from file.rows
    yield from file.counts
    yield from file.lookups


def _unknown(rule: _Named, entities: Mapping[str, EntityType]) -> Iterable[str]:
    yield from (kind for kind in rule.kinds if kind not in {"*", *KINDS})
    named = [rule.type] if isinstance(rule, _LookupRule) else rule.types
    types = [entities[name] for name in named if name in entities]
    yield from (name for name in named if name not in {"*", *entities})
    for entity in types:
        known = {"*", *entity.fields, *entity.relations}
        used = [name for name in _fields(rule) if name not in known]
        yield from (f"{entity.name}.{name}" for name in used)
        if isinstance(rule, _LookupRule) and not entity.fields[rule.field].exact:
            yield f"{entity.name}.{rule.field}（可精确查找 to be looked up by）"


def _purposeless(rule: _Named, file: _File) -> Iterable[str]:
    """Name the kinds that *rule* takes the purposes of and that have none."""
    if isinstance(rule, _Rule) and OWN in rule.purposes:
        kinds = [] if rule.purposes == [OWN] else [OWN]
        kinds += [kind for kind in rule.kinds if kind not in file.purposes]
        yield from (f"purposes.{kind}" for kind in kinds)


def _fields(rule: _Named) -> Iterable[str]:
    if isinstance(rule, _Rule):
        yield from rule.fields
        yield from () if rule.when is None else _scope(rule.when).fields
    elif isinstance(rule, _RowRule):
        yield from _row_scope(rule).fields
    elif isinstance(rule, _LookupRule):
        yield rule.field


def _patience(narrowing: _Narrowing | None) -> Patience:
    if narrowing is None:
        return Patience()
    return Patience(
        hours=narrowing.hours,
        conditions=narrowing.conditions,
        cut=narrowing.cut,
        source=narrowing.source,
    )


def _scope(when: _When) -> Scope:
    return _owned(when, _compare(when.field, when.values))


def _row_scope(rule: _RowRule) -> Scope:
    where = rule.where
    compared = None if where is None else _compare(where.field, where.values)
    return _owned(rule, compared)


def _owned(own: _Own, where: Compare | None) -> Scope:
    return Scope(
        where=where,
        own_division=own.own_division,
        own_unit=own.own_unit,
        own_party=tuple(own.own_party),
        own_cause=own.own_cause,
        disputed=own.disputed,
    )


def _compare(field: str | None, values: list[str] | None) -> Compare | None:
    if field is None:
        return None
    if values is None:
        return Compare(field, Op.PRESENT, value=True)
    return Compare(field, Op.IN, tuple(values))


def _rule(rule: _Rule) -> Rule:
    return Rule(
        name=rule.name,
        effect=rule.effect,
        kinds=frozenset(rule.kinds),
        types=frozenset(rule.types) if rule.types != ["*"] else EVERY,
        fields=frozenset(rule.fields) if rule.fields != ["*"] else EVERY,
        sharing=frozenset(Sharing if rule.sharing is None else rule.sharing),
        purposes=frozenset(rule.purposes),
        requires=tuple(rule.requires),
        mask=rule.mask,
        under=None if rule.when is None else _scope(rule.when),
        reason=Label(rule.reason.zh, rule.reason.en),
        remedy=None if rule.remedy is None else Label(rule.remedy.zh, rule.remedy.en),
        source=rule.source,
    )


def _row_rule(rule: _RowRule) -> RowRule:
    return RowRule(
        name=rule.name,
        kinds=frozenset(rule.kinds),
        types=frozenset(rule.types),
        scope=_row_scope(rule),
        source=rule.source,
    )


def _count_rule(rule: _CountRule) -> CountRule:
    return CountRule(
        name=rule.name,
        kinds=frozenset(rule.kinds),
        types=frozenset(rule.types),
        smallest=rule.smallest,
        only=rule.only,
        source=rule.source,
    )


def _lookup_rule(rule: _LookupRule) -> LookupRule:
    return LookupRule(
        name=rule.name,
        kinds=frozenset(rule.kinds),
        units=frozenset(rule.units),
        type=rule.type,
        field=rule.field,
        purposes=frozenset(rule.purposes),
        requires=tuple(rule.requires),
        source=rule.source,
    )
