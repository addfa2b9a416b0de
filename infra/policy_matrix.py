"""The policy as tables: every requester kind, type and field; docs/policy-matrix.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import anybody, caller, described
from zhitong.resolvers.policy import Policy
from zhitong.resolvers.verdicts import decide
from zhitong.schema.protection import GRADES, SHARINGS, mask_label, protected
from zhitong.types import (
    USER,
    Allow,
    EntityType,
    Label,
    Mask,
    Occasion,
    Ruling,
    Rulings,
    TypeVerdicts,
)

PAPERS = ("basis", "cause", "letter", "mandate", "authorisation", "licence", "approval")
HEAD = """# 规则矩阵 The policy matrix

由 `make policy` 从 `infra/rules/policy.toml` 和类型声明生成，请勿手改；
词义见[共享规则](policy.md)。
Made by `make policy` from the rules and the declarations; not to be edited.
The words are explained in the [policy](policy.md).

每格依次是裁定，适用第一条条件成立的：`allow` 允许（`allow text` 允许，但其中的身份号码
遮盖），`mask` 脱敏，`deny` 不给；括号里是规则名。没有列出的字段和类型，没有规则允许。
“什么都不说明”是不写目的和凭据、证件未经核验；其余各列写明了该目的，凭据齐全，
证件已核验。own 是调用方自己的。

Each cell lists verdicts; the first whose condition holds counts, its rule in
brackets. `allow text` allows all but ID numbers that stand in it. Fields and types
that are not listed are given by no rule. "Nothing stated" is without purpose, papers
and a checked ID document; the other columns state that purpose, or any that the kind
has, and all papers. own is the caller's own.
"""
SILENT = "什么都不说明 nothing stated"
STATED = "全部说明 all stated"


def matrix(policy: Policy, entities: Mapping[str, EntityType]) -> str:
    """Write the page; kinds with the same tables have one section."""
    alike: dict[str, list[str]] = {}
    for kind in KINDS:
        tables = "\n".join(_kind(policy, entities, kind))
        alike.setdefault(tables, []).append(kind)
    lines = [HEAD, *_declared(entities)]
    for tables, kinds in alike.items():
        lines.append("## " + ", ".join(f"{kind} {KINDS[kind].zh}" for kind in kinds))
        lines.append("")
        for kind in kinds:
            purposes = ", ".join(filter(None, _purposes(policy, kind))) or "—"
            lines.append(f"- {KINDS[kind].en}; 目的 purposes: {purposes}")
        lines += ["", tables]
    lines += [*_looked_up(policy), *_sources(policy)]
    return "\n".join(lines).rstrip("\n") + "\n"


def both(label: Label) -> str:
    """Write a name in both languages, on one line."""
    return f"{label.zh} {label.en}"


def _declared(entities: Mapping[str, EntityType]) -> Iterator[str]:
    yield "## 受保护的字段 Protected fields"
    yield ""
    yield "| 字段 field | 共享属性 sharing | 分级 grade | 脱敏 mask |"
    yield "|---|---|---|---|"
    for entity in entities.values():
        alike: dict[tuple[str, str, str], list[str]] = {}
        for field in entity.fields.values():
            if not protected(field):
                continue
            mask = "" if field.mask is None else both(mask_label(field.mask))
            said = (both(SHARINGS[field.sharing]), both(GRADES[field.grade]), mask)
            alike.setdefault(said, []).append(field.name)
        for said, names in alike.items():
            yield f"| {entity.name}: {' '.join(names)} | {' | '.join(said)} |"
    yield ""


def _looked_up(policy: Policy) -> Iterator[str]:
    yield "## 精确查找 Exact look-ups"
    yield ""
    heads = ("规则 rule", "字段 field", "类别 kinds", "单位 units", "目的 purposes")
    yield f"| {' | '.join(heads)} | 须有 requires |"
    yield "|---|---|---|---|---|---|"
    for rule in policy.lookups:
        named = (rule.kinds, rule.units, rule.purposes, rule.requires)
        cells = " | ".join(", ".join(sorted(each)) for each in named)
        yield f"| {rule.name} | {rule.type}.{rule.field} | {cells} |"
    yield ""


def _sources(policy: Policy) -> Iterator[str]:
    yield "## 各条规则的依据 The text each rule rests on"
    yield ""
    yield "| 规则 rule | 须有 requires | 依据 source |"
    yield "|---|---|---|"
    rows = [
        *((one.name, one.requires, one.source) for one in policy.rules),
        *((one.name, (), one.source) for one in policy.rows),
        *((one.name, (), one.source) for one in policy.counts),
        *((one.name, one.requires, one.source) for one in policy.lookups),
    ]
    # A rule for the purposes of each kind is one for each of them, under one name.
    for name, requires, source in dict.fromkeys(rows):
        yield f"| {name} | {', '.join(requires)} | {source} |"
    yield ""


def _kind(
    policy: Policy, entities: Mapping[str, EntityType], kind: str
) -> Iterator[str]:
    """Write the tables of one kind; what is wholly denied in one line each."""
    denied: dict[str, list[str]] = {}
    for entity in entities.values():
        columns = _columns(policy, entity, kind)
        cells = {
            _cell(rulings)
            for verdicts in columns.values()
            for rulings in verdicts.fields.values()
        }
        if len(cells) == 1 and "allow" not in str(cells) and "mask" not in str(cells):
            denied.setdefault(cells.pop(), []).append(entity.name)
        else:
            yield from _table(entity, columns)
        for role in _roles(policy, entity, kind):
            yield from _table(entity, _columns(policy, entity, kind, role), role)
    for why, names in denied.items():
        text = "没有规则 no rule" if why == "-" else f"`{why}`"
        yield f"不给 Not given, {text}: {', '.join(names)}"
        yield ""


def _roles(policy: Policy, entity: EntityType, kind: str) -> list[str]:
    """Name the roles that rules for *kind* and *entity* speak of by themselves."""
    named = {
        role
        for rule in policy.rules
        if {kind, "*"} & rule.kinds and {entity.name, "*"} & rule.types
        for role in rule.roles - {"*"}
    }
    return sorted(named)


def _columns(
    policy: Policy, entity: EntityType, kind: str, role: str = USER
) -> dict[str, TypeVerdicts]:
    """Decide for nothing stated, and for each purpose with all papers."""
    plain = replace(anybody(kind), role=role)
    checked = replace(anybody(kind, identity=True), role=role)
    silent = decide(policy, caller(plain, Occasion()), entity)
    papers = dict.fromkeys(PAPERS, "own")
    alike: list[tuple[TypeVerdicts, list[str]]] = []
    for purpose in _purposes(policy, kind):
        why = Occasion(purpose=purpose, **papers)
        said = decide(policy, caller(checked, why), entity)
        same = next((names for one, names in alike if one == said), None)
        if same is None:
            alike.append((said, [purpose]))
        else:
            same.append(purpose)
    if len(alike) == 1:
        return {SILENT: silent, STATED: alike[0][0]}
    return {SILENT: silent} | {", ".join(names): one for one, names in alike}


def _purposes(policy: Policy, kind: str) -> list[str]:
    named = {
        purpose
        for rule in policy.rules
        if {kind, "*"} & rule.kinds
        for purpose in rule.purposes - {"*"}
    }
    return sorted(named) or [""]


def _table(
    entity: EntityType, columns: Mapping[str, TypeVerdicts], role: str = ""
) -> Iterator[str]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in (*entity.fields, *entity.relations):
        cells = tuple(_cell(verdicts.fields[name]) for verdicts in columns.values())
        alike.setdefault(cells, []).append(name)
    alike.pop(("-",) * len(columns), None)
    yield f"### {entity.name}" + (f"（角色 role `{role}`）" if role else "")
    yield ""
    first = next(iter(columns.values()))
    if first.rows is not None:
        yield f"只有这些记录 only rows where: `{described(first.rows)}`"
        yield ""
    if first.counts_only:
        yield f"只给数量，不小于 counts alone, at least: {first.smallest_cell}"
        yield ""
    yield f"| 字段 fields | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for cells, names in alike.items():
        yield f"| {' '.join(names)} | {' | '.join(cells)} |"
    yield ""


def _cell(rulings: Rulings) -> str:
    return "; ".join(map(_word, rulings))


def _word(ruling: Ruling) -> str:
    verdict = ruling.verdict
    if not isinstance(verdict, Allow | Mask) and verdict.rule == "silence":
        shown = "-"
    elif isinstance(verdict, Mask):
        shown = f"mask {verdict.kind} ({verdict.rule})"
    elif isinstance(verdict, Allow) and verdict.numberless:
        shown = f"allow text ({verdict.rule})"
    else:
        shown = f"{type(verdict).__name__.lower()} ({verdict.rule})"
    return shown if ruling.under is None else f"{shown} where {described(ruling.under)}"
