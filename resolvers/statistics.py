"""Counts by the groupings that a type declares: no amounts, no ranks.

Amounts are left out on purpose: fines may be linked to nobody's appraisal (the
Chuxiong plan of 2021-2025, 二(七)2), and a count that orders agencies by money would
be just that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zhitong.exceptions import ScalarError, TooWideError
from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.links import by_key
from zhitong.resolvers.read import Ask
from zhitong.rules.cells import Cell
from zhitong.types import All, Compare, EntityType, Op, Predicate, Row

SUBJECT = "SUBJECT"
"""The grouping whose groups have a subject to go on to, by its code."""
SUBJECT_CODE = "code"
MOST_DAYS = 366
"""That counts of a type with rows without end may be asked for at once."""
Counts = Sequence[tuple[Cell, int | None]]
"""Groups by their values, each with its count; None is a count that is not told."""


@dataclass(slots=True)  # not frozen, for speed: an answer may have thousands
class Group:
    """One combination of values and how many rows it has."""

    values: Mapping[str, str | None]
    """By the name of the grouping."""
    count: int | None
    """None: suppressed, because it is too small to be anonymous, or protects one."""

    @property
    def suppressed(self) -> bool:
        """Say whether the count is withheld."""
        return self.count is None

    def __getitem__(self, grouping: str) -> str | None:
        return self.values.get(grouping)


class Statistics:
    """The groups, and what is missing from them.

    As they were counted: *cells*, each the values by *names* with its count, in order.
    `groups` are made of them for who wants objects.
    """

    __slots__ = ("_groups", "cells", "missing", "names", "smallest")

    def __init__(
        self,
        names: Sequence[str],
        cells: Counts,
        missing: tuple[str, ...] = (),
        smallest: int = 0,
    ) -> None:
        """Take what was counted by the groupings *names*."""
        self.names = names
        self.cells = cells
        self.missing = missing
        self.smallest = smallest
        self._groups: tuple[Group, ...] | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        """Give the cells as groups, the same ones each time."""
        if self._groups is None:
            names = self.names
            self._groups = tuple(
                [
                    Group(dict(zip(names, values, strict=True)), count)
                    for values, count in self.cells
                ]
            )
        return self._groups

    def column(self, grouping: str) -> Sequence[str | None]:
        """Give the values of one grouping, cell by cell; null where it is none."""
        if grouping not in self.names:
            return [None] * len(self.cells)
        place = self.names.index(grouping)
        return [values[place] for values, _ in self.cells]


async def statistics(
    asking: Asking,
    place: Place,
    entity: EntityType,
    names: Sequence[str],
    where: Predicate | None,
) -> Statistics | None:
    """Count rows over all sources by the groupings named."""
    wanted = tuple(dict.fromkeys(names))
    groupings = {one.name: one.by for one in entity.groupings}
    by = tuple(groupings[name] for name in wanted)
    cells = await asking.counting.cells(entity, where, by)
    if not asking.may_give(place, len(cells.counts)):
        return None
    ordered = in_order(cells.counts)
    return Statistics(wanted, ordered, cells.missing, cells.smallest)


def bounded(field: str, since: str, until: str) -> All:
    """Say from when to when *field* is; raise where that is no bounded time."""
    first, end = datetime.fromisoformat(since), datetime.fromisoformat(until)
    if not first < end:
        raise ScalarError("since 应早于 until", "since must be earlier than until")
    if end - first > timedelta(days=MOST_DAYS):
        raise TooWideError(
            f"一次最多统计 {MOST_DAYS} 天，请缩小 since 至 until 的范围",
            f"at most {MOST_DAYS} days are counted at once; narrow since and until",
        )
    last = end - timedelta(microseconds=1)
    return All(
        (
            Compare(field, Op.GTE, first.isoformat()),
            Compare(field, Op.LTE, last.isoformat()),
        )
    )


def in_order(counts: Mapping[Cell, int | None]) -> Counts:
    """Sort groups by their values, those without one last."""
    try:
        # The same order in half the time: no text of a source has what joins them.
        return sorted(counts.items(), key=_joined)
    except TypeError:  # one has no value
        return sorted(counts.items(), key=_sortable)


def _joined(item: tuple[Cell, int | None]) -> str:
    return "\0".join(item[0])  # type: ignore[arg-type]  # null raises, as is wanted


def _sortable(item: tuple[Cell, int | None]) -> list[tuple[bool, str]]:
    return [(value is None, value or "") for value in item[0]]


async def subject_of(asking: Asking, place: Place, code: str | None) -> Row | None:
    """Find the subject of a group; all groups share one read."""
    if code is None:
        return None
    ask = subject_ask(asking, place)
    found = await asking.loaders.rows_by_key(ask, SUBJECT_CODE).load(code)
    return found.rows[0] if found.rows else None


def subject_ask(asking: Asking, place: Place) -> Ask:
    """Say what is read of the subjects of groups."""
    return by_key(asking, place, "EnforcementSubject")
