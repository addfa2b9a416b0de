"""What is wrong with a policy that can be read: names of things there are not.

A misspelt word must not lapse in silence: a denial of a field that is called
otherwise denies nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from zhitong.infra.policy_form import (
    OWN,
    CountForm,
    LookupForm,
    PolicyForm,
    RowForm,
    RuleForm,
    When,
    Where,
)
from zhitong.requesters import KINDS, ROLES
from zhitong.resolvers.policy import Effect
from zhitong.types import EntityType, Field, Kind, Label, MaskKind

Entities = Mapping[str, EntityType]
NamedForm = RuleForm | RowForm | CountForm | LookupForm
EVERY = "*"
FITTING: Mapping[MaskKind, frozenset[Kind]] = {
    MaskKind.AMOUNT_BAND: frozenset({Kind.MONEY}),
    MaskKind.YEAR: frozenset({Kind.DATE, Kind.DATETIME}),
}
"""Masks that blur values of some kinds and would give nothing of others."""


def faults(form: PolicyForm, entities: Entities) -> Iterable[Label]:
    """Say what is wrong with *form*, the first fault first."""
    yield from _of_lists(form)
    yield from _of_break_glass(form)
    rules: list[NamedForm]
    rules = [*form.rules, *form.rows, *form.counts, *form.lookups]
    for name, count in Counter(rule.name for rule in rules).items():
        if count > 1:
            yield Label(
                f"有 {count} 条规则都叫 {name}，答复和调阅登记里分不清，请各用各的名称",
                f"{count} rules are called {name}; answers and records name rules, so "
                "each has a name of its own",
            )
    for rule in rules:
        wrongs = (
            *_unknown(rule, entities),
            *_purposeless(rule, form),
            *_undefined(rule, form),
        )
        for wrong in wrongs:
            yield Label(
                f"规则 {rule.name} 提到不存在的 {wrong}",
                f"rule {rule.name} names {wrong}, which there is not",
            )
        if isinstance(rule, RuleForm):
            yield from _of_rule(rule, entities)


def _of_lists(form: PolicyForm) -> Iterable[Label]:
    lists = {
        "recorders": form.recorders,
        "proceeding_recorders": form.proceeding_recorders,
        "grant_applicants": form.grant_applicants,
        "catalogue_outside": form.catalogue_outside,
        "causes_checked": form.causes_checked,
        "whole_texts": form.whole_texts,
        "[purposes]": form.purposes,
        "[break_glass]": [] if form.break_glass is None else form.break_glass.kinds,
    }
    for name, kinds in lists.items():
        for kind in kinds:
            if kind not in KINDS:
                yield Label(
                    f"{name} 提到不存在的类别 {kind}",
                    f"{name} names the kind {kind}, which there is not",
                )


def _of_break_glass(form: PolicyForm) -> Iterable[Label]:
    said = form.break_glass
    if said is None:
        return
    for role in said.roles:
        if role not in ROLES:
            yield Label(
                f"[break_glass] 提到不存在的角色 {role}",
                f"[break_glass] names the role {role}, which there is not",
            )
    if any(said.purpose in listed for listed in form.purposes.values()):
        yield Label(
            f"[break_glass] 的目的 {said.purpose} 也是平时的目的，"
            "分不清是否紧急，请另起一个",
            f"[break_glass] shares its purpose {said.purpose} with ordinary questions; "
            "let it have one of its own",
        )


def _of_rule(rule: RuleForm, entities: Entities) -> Iterable[Label]:
    if rule.when and rule.effect is not Effect.ALLOW:
        yield Label(
            f"规则 {rule.name} 有条件地拒绝或脱敏，"
            "条件无法判断时会放行，请改为在条件成立时允许，其余拒绝或脱敏",
            f"rule {rule.name} takes away under a condition, so a row whose condition "
            "cannot be read would be given; allow under the opposite condition instead",
        )
    if rule.mask and rule.effect is not Effect.MASK:
        yield Label(
            f"规则 {rule.name} 写了 mask，effect 却是 {rule.effect.value}，"
            "脱敏不会起作用，请改为 mask",
            f"rule {rule.name} names a mask, which its effect {rule.effect.value} "
            "would not apply: let the effect be mask",
        )
    yield from _of_masks(rule, entities)
    yield from _of_scope(rule)


def _of_scope(rule: RuleForm) -> Iterable[Label]:
    if rule.effect is Effect.DENY:
        if rule.purposes != [EVERY]:
            yield Label(
                f"规则 {rule.name} 按目的拒绝：目的由调用方自己写明，"
                "换一个即可避开，请去掉 purposes",
                f"rule {rule.name} denies for a purpose, which the caller states "
                "himself and would state otherwise: let it deny for all",
            )
    elif EVERY in rule.fields and rule.sharing is None:
        yield Label(
            f"规则 {rule.name} 未写字段，也未写共享属性（sharing），"
            "会连不予共享的字段一并给出，请写明其一",
            f"rule {rule.name} names neither fields nor sharing attributes, and would "
            "give what is withheld as well: name one of them",
        )


def _of_masks(rule: RuleForm, entities: Entities) -> Iterable[Label]:
    for field in _declared(rule, entities):
        if rule.effect is Effect.MASK and not (rule.mask or field.mask or field.free):
            yield Label(
                f"规则 {rule.name}：{field.name} 没有声明脱敏方式，请写明 mask",
                f"rule {rule.name}: {field.name} declares no mask, so name one",
            )
        if rule.mask and field.kind not in FITTING.get(rule.mask, {field.kind}):
            yield Label(
                f"规则 {rule.name} 的 {rule.mask.value} 不能用于 {field.name}"
                f"（{field.kind.value}）",
                f"rule {rule.name}: {rule.mask.value} is no mask for {field.name}, "
                f"which is of kind {field.kind.value}",
            )


def _unknown(rule: NamedForm, entities: Entities) -> Iterable[str]:
    yield from (kind for kind in rule.kinds if kind not in {EVERY, *KINDS})
    if isinstance(rule, RuleForm):
        yield from (role for role in rule.roles if role not in {EVERY, *ROLES})
    if isinstance(rule, LookupForm):
        yield from _unfound(rule, entities)
        return
    yield from (name for name in rule.types if name not in {EVERY, *entities})
    for entity in _types(rule, entities):
        known = {EVERY, *entity.fields, *entity.relations}
        # A rule for every type may name what only some of them have.
        named = [] if EVERY in rule.types else _fields(rule)
        yield from (f"{entity.name}.{name}" for name in named if name not in known)
    if EVERY in rule.types:
        anywhere = {EVERY}.union(
            *((*e.fields, *e.relations) for e in entities.values())
        )
        yield from (name for name in _fields(rule) if name not in anywhere)
    for condition in _conditions(rule):
        yield from _no_codes(condition, _types(rule, entities))


def _unfound(rule: LookupForm, entities: Entities) -> Iterable[str]:
    if rule.type not in entities:
        yield rule.type
        return
    field = entities[rule.type].fields.get(rule.field)
    if field is None or not field.exact:
        yield f"{rule.type}.{rule.field}（可精确查找 to be looked up by）"
    if OWN in rule.purposes:
        yield f"purposes.{OWN}"


def _no_codes(condition: When | Where, entities: Iterable[EntityType]) -> Iterable[str]:
    """Name the values that no row has: the condition would never hold."""
    for entity in entities:
        field = entity.fields.get(condition.field or "")
        if field is None or field.codes is None:
            continue
        for value in condition.values or ():
            if value not in field.codes.values:
                yield f"{entity.name}.{field.name} = {value}"


def _purposeless(rule: NamedForm, form: PolicyForm) -> Iterable[str]:
    """Name the kinds that *rule* takes the purposes of and that have none."""
    if isinstance(rule, RuleForm) and OWN in rule.purposes:
        kinds = [] if rule.purposes == [OWN] else [OWN]
        kinds += [kind for kind in rule.kinds if kind not in form.purposes]
        yield from (f"purposes.{kind}" for kind in kinds)


def _undefined(rule: NamedForm, form: PolicyForm) -> Iterable[str]:
    """Name the purposes of *rule* that the file defines for nobody.

    Misspelt, a rule that gives would give nothing, and nobody would be told why.
    """
    if not isinstance(rule, RuleForm | LookupForm):
        return
    defined = {EVERY, OWN, *form.other_purposes}.union(*form.purposes.values())
    yield from (f"purposes.{one}" for one in rule.purposes if one not in defined)


def _types(
    rule: RuleForm | RowForm | CountForm, entities: Entities
) -> list[EntityType]:
    every = EVERY in rule.types
    return [one for name, one in entities.items() if every or name in rule.types]


def _declared(rule: RuleForm, entities: Entities) -> Iterable[Field]:
    for entity in _types(rule, entities):
        yield from (
            entity.fields[name] for name in rule.fields if name in entity.fields
        )


def _conditions(rule: NamedForm) -> Iterable[When | Where]:
    if isinstance(rule, RuleForm) and rule.when is not None:
        yield rule.when
    if isinstance(rule, RowForm) and rule.where is not None:
        yield rule.where


def _fields(rule: NamedForm) -> list[str]:
    """List the fields and relations *rule* names, and those its conditions name."""
    named = list(rule.fields) if isinstance(rule, RuleForm) else []
    named += rule.named if isinstance(rule, RowForm) else []
    for condition in _conditions(rule):
        named += [] if condition.field is None else [condition.field]
        named += condition.named if isinstance(condition, When) else []
    return named
