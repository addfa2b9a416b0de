"""Counts of cases by subject, month, act type, status, division: no fines, no ranks.

Amounts are left out on purpose: fines may be linked to nobody's appraisal (the
Chuxiong plan of 2021-2025, 二(七)2), and a count that orders agencies by money would
be just that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zhitong.exceptions import FieldHiddenError, TooWideError
from zhitong.resolvers.merge import add_up
from zhitong.resolvers.read import Ask
from zhitong.schema.context import Context
from zhitong.schema.links import by_key
from zhitong.schema.selection import ResolveInfo
from zhitong.types import EntityType, GroupBy, Label, Predicate, Row

MOST_GROUPS = 5_000
GROUPINGS: Mapping[str, tuple[GroupBy, Label]] = {
    "SUBJECT": (GroupBy("subjectCode"), Label("执法主体", "Enforcement subject")),
    "MONTH": (GroupBy("filedOn", month=True), Label("立案月份", "Month of filing")),
    "ACT_TYPE": (GroupBy("actType"), Label("行为类别", "Kind of act")),
    "STATUS": (GroupBy("status"), Label("案件状态", "Status")),
    "DIVISION": (GroupBy("division"), Label("案发地区划", "Division")),
}


@dataclass(frozen=True, slots=True)
class Group:
    """One combination of values and how many cases it has."""

    values: Mapping[str, str | None]
    """By grouping, as in `GROUPINGS`."""
    count: int | None
    """None: suppressed, because it is too small to be anonymous."""

    @property
    def suppressed(self) -> bool:
        """Say whether the count is withheld."""
        return self.count is None

    def __getitem__(self, grouping: str) -> str | None:
        return self.values.get(grouping)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The groups, and what is missing from them."""

    groups: tuple[Group, ...]
    missing: tuple[str, ...]
    smallest: int


async def case_statistics(
    context: Context,
    info: ResolveInfo,
    entity: EntityType,
    by: Sequence[str],
    where: Predicate | None,
) -> Statistics | None:
    """Count cases over all sources by the groupings named in *by*."""
    groups = tuple(GROUPINGS[name][0] for name in dict.fromkeys(by))
    for group in groups:
        if context.reader.restriction(context.inquiry, entity, group.field) is not None:
            raise FieldHiddenError(
                f"{group.field} 只对部分记录可见，不能用来分组",
                f"{group.field} is visible for some rows only, so nothing can be "
                "grouped by it",
            )
    settled = await context.filters.settle(entity, where)
    ask = Ask(
        entity=entity,
        where=settled.where,
        lacking=settled.lacking,
        limit=MOST_GROUPS + 1,
    )
    counted = await context.reader.tally(context.inquiry, ask, groups)
    totals = add_up([counted.tallies])
    if len(totals) > MOST_GROUPS:
        raise TooWideError(
            f"分组超过 {MOST_GROUPS} 个，请减少分组或增加条件",
            f"more than {MOST_GROUPS} groups; group by less or add conditions",
        )
    if not context.may_give(info, len(totals), ("groups",)):
        return None
    smallest = context.reader.verdicts(context.inquiry, entity).smallest_cell
    names = tuple(dict.fromkeys(by))
    return Statistics(
        groups=tuple(
            Group(
                dict(zip(names, values, strict=True)),
                count if count >= smallest else None,
            )
            for values, count in sorted(totals.items(), key=_sortable)
        ),
        missing=counted.missing,
        smallest=smallest,
    )


def _sortable(
    item: tuple[tuple[str | None, ...], int],
) -> list[tuple[bool, str]]:
    return [(value is None, value or "") for value in item[0]]


async def subject_of(
    context: Context, info: ResolveInfo, code: str | None
) -> Row | None:
    """Find the subject of a group; all groups share one read."""
    if code is None:
        return None
    ask = by_key(context, info, "EnforcementSubject")
    found = await context.loaders.rows_by_key(ask, "code").load(code)
    return found.rows[0] if found.rows else None
