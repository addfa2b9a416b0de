"""Reading the policy: dated rules as data, checked against the types."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from zhitong.exceptions import PolicyError
from zhitong.infra.policy_faults import faults
from zhitong.infra.policy_form import (
    OWN,
    BreakGlassForm,
    CountForm,
    LookupForm,
    NarrowingForm,
    Own,
    PolicyForm,
    RowForm,
    RuleForm,
    When,
)
from zhitong.resolvers.narrowing import Patience
from zhitong.resolvers.policy import (
    EVERY,
    CountRule,
    LookupRule,
    Policy,
    RowRule,
    Rule,
    Scope,
)
from zhitong.rules.emergencies import EmergencyRules, OverdueBound
from zhitong.types import Compare, EntityType, Label, Op, Sharing


def read_policy(path: Path, entities: Mapping[str, EntityType]) -> Policy:
    """Read *path*; raise `PolicyError` naming the rule that is wrong."""
    file = _read(path)
    for fault in faults(file, entities):
        raise PolicyError(f"{path.name}：{fault.zh}", f"{path.name}: {fault.en}")
    return Policy(
        rules=tuple(_rule(one) for rule in file.rules for one in _own(rule, file)),
        rows=tuple(map(_row_rule, file.rows)),
        counts=tuple(map(_count_rule, file.counts)),
        lookups=tuple(map(_lookup_rule, file.lookups)),
        edges=() if file.bands is None else tuple(sorted(file.bands.edges)),
        patience=_patience(file.narrowing),
        emergencies=_emergencies(file.break_glass),
        causes_checked=frozenset(file.causes_checked),
        recorders=frozenset(file.recorders),
        whole_texts=frozenset(file.whole_texts),
        proceeding_recorders=frozenset(file.proceeding_recorders),
        grant_applicants=frozenset(file.grant_applicants),
        catalogue_outside=frozenset(file.catalogue_outside),
        purposes=frozenset(one for each in file.purposes.values() for one in each),
    )


def _read(path: Path) -> PolicyForm:
    said: dict[str, Any] = {}
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(said, PolicyForm)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise PolicyError(
            f"规则文件 {path.name} 读不成，请更正后重新启动：{_placed(error, said)}",
            f"the policy file {path.name} cannot be read; correct it and start again: "
            f"{_placed(error, said)}",
        ) from error


def _placed(error: Exception, said: Mapping[str, Any]) -> str:
    """Tell *error* with the name of the rule it is in, rather than its number."""
    found = re.search(r"\$\.(rules|rows|counts|lookups)\[(\d+)\]", str(error))
    if found is None:
        return str(error)
    rule = said[found[1]][int(found[2])]
    name = rule.get("name") if isinstance(rule, dict) else None
    return (
        str(error).replace(found[0], f"$.{found[1]} {name}", 1) if name else str(error)
    )


def _own(rule: RuleForm, file: PolicyForm) -> Iterable[RuleForm]:
    """Give *rule* once for each kind, where it is for the purposes of each."""
    if rule.purposes != [OWN]:
        yield rule
        return
    for kind in rule.kinds:
        yield structs.replace(rule, kinds=[kind], purposes=file.purposes[kind])


def _patience(narrowing: NarrowingForm | None) -> Patience:
    if narrowing is None:
        return Patience()
    return Patience(
        hours=narrowing.hours,
        conditions=narrowing.conditions,
        cut=narrowing.cut,
        source=narrowing.source,
    )


def _emergencies(said: BreakGlassForm | None) -> EmergencyRules:
    if said is None:
        return EmergencyRules()
    return EmergencyRules(
        kinds=frozenset(said.kinds),
        roles=frozenset(said.roles),
        purpose=said.purpose,
        hours=said.hours,
        review_hours=said.review_hours,
        source=said.source,
        overdue=tuple(
            OverdueBound(since=one.since, most=one.most, source=one.source)
            for one in said.overdue
        ),
    )


def _scope(when: When) -> Scope:
    return _owned(when, _compare(when.field, when.values))


def _row_scope(rule: RowForm) -> Scope:
    where = rule.where
    compared = None if where is None else _compare(where.field, where.values)
    return _owned(rule, compared)


def _owned(own: Own, where: Compare | None) -> Scope:
    return Scope(
        where=where,
        own_division=own.own_division,
        own_unit=own.own_unit,
        own_party=tuple(own.own_party),
        own_cause=own.own_cause,
        disputed=own.disputed,
        told=own.told or (),
    )


def _compare(field: str | None, values: list[str] | None) -> Compare | None:
    if field is None:
        return None
    if values is None:
        return Compare(field, Op.PRESENT, value=True)
    return Compare(field, Op.IN, tuple(values))


def _rule(rule: RuleForm) -> Rule:
    return Rule(
        name=rule.name,
        effect=rule.effect,
        kinds=frozenset(rule.kinds),
        roles=frozenset(rule.roles),
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


def _row_rule(rule: RowForm) -> RowRule:
    return RowRule(
        name=rule.name,
        kinds=frozenset(rule.kinds),
        types=frozenset(rule.types),
        scope=_row_scope(rule),
        source=rule.source,
    )


def _count_rule(rule: CountForm) -> CountRule:
    return CountRule(
        name=rule.name,
        kinds=frozenset(rule.kinds),
        types=frozenset(rule.types),
        smallest=rule.smallest,
        only=rule.only,
        source=rule.source,
    )


def _lookup_rule(rule: LookupForm) -> LookupRule:
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
