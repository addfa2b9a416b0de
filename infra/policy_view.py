"""``zhitong policy``: what the rules say of a field, and the matrix of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from zhitong.connectors.binding import tightenings
from zhitong.connectors.binding_file import read_folder
from zhitong.infra.commands import say
from zhitong.infra.policy_file import read_policy
from zhitong.infra.policy_matrix import both, matrix
from zhitong.infra.settings import Settings
from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import (
    OWN,
    Explanation,
    Part,
    anybody,
    caller,
    explain,
    place,
)
from zhitong.schema.entities import ENTITIES
from zhitong.schema.protection import GRADES, SHARINGS, mask_label
from zhitong.types import Occasion, Tightening

VERDICTS = {"ALLOW": "允许 ALLOW", "MASK": "脱敏 MASK", "DENY": "不给 DENY"}
COMPARED = {
    "ALL": "可以 yes",
    "SOME": "只在允许的记录中 among the rows where it is allowed",
    "NONE": "不可以 no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom and what a command line asks about."""

    kind: str
    field: str
    occasion: Occasion
    identity: bool = False
    unit: str = ""
    """Whose; an exact look-up is granted to units by their codes."""
    source: str = ""


def show(settings: Settings, asked: Asked) -> None:
    """Print what a caller of one kind is given of one field, and why."""
    kept = _tightened(settings.bindings, asked.field.partition(".")[0])
    where = place(asked.field, ENTITIES, kept, asked.source)
    unit = asked.unit or OWN
    asking = caller(
        anybody(asked.kind, identity=asked.identity, unit=unit), asked.occasion
    )
    policy = read_policy(settings.policy, ENTITIES)
    say(*_lines(explain(policy, asking, where, kept)))


def show_matrix(settings: Settings) -> None:
    """Print the whole matrix, as docs/policy-matrix.md has it."""
    say(matrix(read_policy(settings.policy, ENTITIES), ENTITIES).rstrip("\n"))


def _tightened(folder: Path, name: str) -> dict[str, dict[str, Tightening]]:
    """Read which sources of a type share it more strictly; without bindings, none."""
    bindings = read_folder(folder, ENTITIES)[0] if folder.is_dir() else {}
    return {
        source: dict(tightenings(binding.types[name]))
        for source, binding in bindings.items()
        if name in binding.types
    }


def _lines(found: Explanation) -> Iterator[str]:
    kind = KINDS[found.kind]
    yield f"{found.kind} {kind.zh} {kind.en} · {found.type}.{found.field}"
    declared = [both(SHARINGS[found.sharing]), both(GRADES[found.grade])]
    declared += [] if found.mask is None else [both(mask_label(found.mask))]
    yield f"  声明 declared: {'; '.join(declared)}"
    yield f"  记录 rows: {found.rows or '全部 every row'}"
    yield from (f"    依据 source: {text}" for text in found.row_sources)
    for part in found.verdicts:
        yield from _part(part)
    yield f"  筛选、分组、检索 filter, group, search: {COMPARED[found.compared]}"
    yield f"  排序 order: {'可以 yes' if found.ordered else '不可以 no'}"
    if found.lookup is not None:
        yield "  精确查找 exact look-up:"
        yield from _part(replace(found.lookup, rows=""))
    if found.counts_only:
        yield "  只给数量，不给记录 counts alone, no rows"
    if found.smallest:
        yield f"  小于 {found.smallest} 的数量不显示 counts below it are suppressed"
    for each in found.stricter:
        yield f"  来源 {each.source}: {both(SHARINGS[each.sharing])}（{each.basis}）"


def _part(part: Part) -> Iterator[str]:
    mask = "" if part.mask is None else f"（{both(mask_label(part.mask))}）"
    where = f"，当 where {part.rows}" if part.rows else ""
    yield f"  {VERDICTS[part.verdict]}{mask}{where}"
    yield f"    规则 rule: {part.rule}"
    if part.source:
        yield f"    依据 source: {part.source}"
    for title, text in (("理由 why", part.reason), ("怎么办 remedy", part.remedy)):
        if text is not None:
            yield f"    {title}: {text.zh} / {text.en}"
