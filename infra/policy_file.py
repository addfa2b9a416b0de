"""Reading the policy: dated rules as data, checked against the types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from zhitong.exceptions import PolicyError
from zhitong.resolvers.policy import EVERY, Effect, Policy, RowRule, Rule
from zhitong.types import Compare, EntityType, Label, MaskKind, Op, Sharing

Texts = Annotated[list[str], msgspec.Meta(min_length=1)]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not widen a rule."""


class _Text(_Form, frozen=True, kw_only=True):
    zh: str
    en: str


class _When(_Form, frozen=True, kw_only=True, rename={"values": "in"}):
    field: str
    values: Texts | None = None
    present: Literal[True] | None = None
    """Instead of values: any."""

    def __post_init__(self) -> None:
        if (self.values is None) == (self.present is None):
            raise ValueError("exactly one of in and present")


class _Rule(_Form, frozen=True, kw_only=True):
    name: str
    kinds: Texts
    effect: Effect
    types: Texts = msgspec.field(default_factory=lambda: ["*"])
    fields: Texts = msgspec.field(default_factory=lambda: ["*"])
    sharing: list[Sharing] | None = None
    purposes: Texts = msgspec.field(default_factory=lambda: ["*"])
    requires: list[Literal["purpose", "basis", "cause"]] = []
    mask: MaskKind | None = None
    when: _When | None = None
    reason: _Text
    source: str


class _RowRule(_Form, frozen=True, kw_only=True):
    name: str
    kinds: Texts
    types: Texts
    where: _When | None = None
    own_division: str | None = None
    own_unit: str | None = None
    source: str

    def __post_init__(self) -> None:
        if self.where is None and not (self.own_division or self.own_unit):
            raise ValueError("at least one of where, own_division and own_unit")


class _File(_Form, frozen=True, kw_only=True):
    rules: list[_Rule]
    rows: list[_RowRule] = []
    smallest_cells: dict[str, int] = {}
    recorders: list[str] = []


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
    rules: list[_Rule | _RowRule] = [*file.rules, *file.rows]
    for rule in rules:
        for wrong in _unknown(rule, entities):
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
        rules=tuple(map(_rule, file.rules)),
        rows=tuple(map(_row_rule, file.rows)),
        smallest_cells=tuple(file.smallest_cells.items()),
        recorders=frozenset(file.recorders),
    )


def _unknown(
    rule: _Rule | _RowRule, entities: Mapping[str, EntityType]
) -> Iterable[str]:
    named = [name for name in rule.types if name != "*"]
    types = [entities[name] for name in named if name in entities]
    yield from (name for name in named if name not in entities)
    when = rule.when if isinstance(rule, _Rule) else rule.where
    fields = list(rule.fields) if isinstance(rule, _Rule) else []
    fields += [when.field] if when else []
    if isinstance(rule, _RowRule):
        fields += [one for one in (rule.own_division, rule.own_unit) if one]
    for entity in types:
        known = {"*", *entity.fields, *entity.relations}
        yield from (f"{entity.name}.{name}" for name in fields if name not in known)


def _predicate(when: _When | None) -> Compare | None:
    if when is None:
        return None
    if when.values is None:
        return Compare(when.field, Op.PRESENT, value=True)
    return Compare(when.field, Op.IN, tuple(when.values))


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
        under=_predicate(rule.when),
        reason=Label(rule.reason.zh, rule.reason.en),
        source=rule.source,
    )


def _row_rule(rule: _RowRule) -> RowRule:
    return RowRule(
        name=rule.name,
        kinds=frozenset(rule.kinds),
        types=frozenset(rule.types),
        where=_predicate(rule.where),
        own_division=rule.own_division,
        own_unit=rule.own_unit,
        source=rule.source,
    )
