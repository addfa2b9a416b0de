"""Counts: for those who may list the rows as they are, for others without small cells.

Who may have counts alone asks by the type's groupings: by equal values, and by spans
of whole months. A condition on a grouping is asked as a grouping, so that the same
cells are hidden whether the table, a part of it or one cell is asked for.
"""

from __future__ import annotations

import asyncio
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import combinations

from zhitong.exceptions import FieldHiddenError, TooWideError
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.merge import add_up
from zhitong.resolvers.narrowing import (
    EARLIEST,
    LATEST,
    Asked,
    Narrowing,
    Span,
)
from zhitong.resolvers.read import Ask, Reader
from zhitong.resolvers.rulings import plain
from zhitong.rules.cells import Cell, Margin, hidden_cells, summed
from zhitong.types import (
    All,
    Compare,
    EntityType,
    GroupBy,
    Inquiry,
    Kind,
    Op,
    Predicate,
    TypeVerdicts,
)

MOST_GROUPS = 5_000
MOST_CELLS = 1_000
"""Cells of a table with small ones hidden: each is weighed against its lines."""
MOST_GROUPINGS = 3
"""Fields of one such table: its sums along each are weighed as well."""
CHINA = timezone(timedelta(hours=8))
EDGES = frozenset({Op.GTE, Op.LTE})


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts by group; None is a count that is not told."""

    counts: Mapping[Cell, int | None]
    missing: tuple[str, ...] = ()
    smallest: int = 0


@dataclass(frozen=True, slots=True)
class _Condition:
    """What one who may have counts alone asks: values of groupings, and a span."""

    fixed: Mapping[str, str]
    span: Span
    bounds: tuple[Compare, ...]
    by: tuple[GroupBy, ...]

    @property
    def key(self) -> tuple[object, ...]:
        fixed = tuple(sorted(self.fixed.items()))
        return (fixed, self.span, bool(self.bounds), self.by)

    @property
    def groups(self) -> tuple[GroupBy, ...]:
        """What the whole table is by, in an order of its own."""
        return _ordered({*self.by, *map(GroupBy, self.fixed)})


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts for one question."""

    reader: Reader
    filters: Filters
    inquiry: Inquiry
    narrowing: Narrowing
    _lines: dict[object, asyncio.Future[Cells]] = field(default_factory=dict)

    def only(self, entity: EntityType) -> TypeVerdicts | None:
        """Give the verdicts on *entity* where counts are all the caller may have."""
        verdicts = self.reader.verdicts(self.inquiry, entity)
        return verdicts if verdicts.counts_only else None

    def check(
        self, entity: EntityType, where: Predicate | None, sources: object = None
    ) -> None:
        """Raise where a filter is not one by which counts alone may be asked."""
        if self.only(entity) is None:
            return
        if sources is not None:
            raise _not_by(entity)
        self._condition(entity, where, ())

    async def cells(
        self,
        entity: EntityType,
        where: Predicate | None,
        by: Sequence[GroupBy] = (),
        sources: frozenset[str] | None = None,
    ) -> Cells:
        """Count rows by groups, or all of them."""
        for group in by:
            self._whole(entity, group.field)
        verdicts = self.only(entity)
        if verdicts is not None:
            self.check(entity, where, sources)
            return await self._guarded(
                entity, self._condition(entity, where, tuple(by)), verdicts
            )
        settled = await self.filters.settle(entity, where)
        ask = Ask(
            entity=entity,
            where=settled.where,
            lacking=settled.lacking,
            limit=MOST_GROUPS + 1,
            sources=sources,
        )
        counted = await self.reader.tally(self.inquiry, ask, tuple(by), recent=True)
        totals = add_up([counted.tallies])
        _bound(totals, MOST_GROUPS)
        if not by:
            totals = {(): sum(totals.values())}
        return Cells(totals, counted.missing)

    async def below(
        self, entity: EntityType, where: Predicate | None, remote: str, key: str
    ) -> tuple[int | None, tuple[str, ...]]:
        """Count what one row leads to, for who may have counts alone.

        All rows of a level share one table; by anything but a grouping none is told.
        """
        groups = [one.by for one in entity.groupings if not one.by.month]
        group = GroupBy(remote)
        if group not in groups:
            self.check(entity, where)
            return None, ()
        name = (entity.name, where, remote)
        if name not in self._lines:
            self._lines[name] = asyncio.ensure_future(
                self.cells(entity, where, (group,))
            )
        line = await asyncio.shield(self._lines[name])
        return line.counts.get((key,), 0), line.missing

    # --- counts alone --------------------------------------------------------

    async def _guarded(
        self, entity: EntityType, condition: _Condition, verdicts: TypeVerdicts
    ) -> Cells:
        with self.narrowing.turn(self.inquiry, entity.name):
            self.narrowing.admit(self.inquiry, entity.name, condition.key)
        settled = await self.filters.settle(
            entity, All(condition.bounds) if condition.bounds else None
        )
        groups = condition.groups
        whole = self._with_coarser(entity, groups)
        ask = Ask(
            entity=entity,
            where=settled.where,
            lacking=settled.lacking,
            limit=MOST_CELLS + 1,
        )
        counted = await self.reader.tally(self.inquiry, ask, whole, recent=True)
        table = add_up([counted.tallies])
        _bound(table, MOST_CELLS)
        totals = summed(table, tuple(whole.index(group) for group in groups))
        with self.narrowing.turn(self.inquiry, entity.name):
            hidden = self._hidden(entity, condition, table, counted.missing, verdicts)
        shown = {
            tuple(cell[groups.index(group)] for group in condition.by): (
                None if cell in hidden else totals[cell]
            )
            # A hidden cell may be an empty one, which protects another.
            for cell in totals.keys() | hidden
            if _matches(cell, groups, condition.fixed)
        }
        if not condition.by and not shown:
            shown = {(): 0}
        return Cells(shown, counted.missing, verdicts.smallest_cell)

    def _hidden(
        self,
        entity: EntityType,
        condition: _Condition,
        table: Mapping[Cell, int],
        missing: tuple[str, ...],
        verdicts: TypeVerdicts,
    ) -> set[Cell]:
        """Say which cells are hidden; remember the others, and what was cut."""
        groups, smallest = condition.groups, verdicts.smallest_cell
        whole = self._with_coarser(entity, groups)
        shown = tuple(whole.index(group) for group in groups)
        cut = False
        asked = Asked(
            inquiry=self.inquiry,
            type=entity.name,
            span=condition.span,
            variant=(not condition.bounds, missing),
            smallest=smallest,
        )

        def names(margin: Margin) -> tuple[str, ...]:
            return tuple(f"{whole[place]}" for place in margin)

        def narrows(margin: Margin, cell: Cell, count: int) -> bool:
            nonlocal cut
            found = self.narrowing.narrows(asked, names(margin), cell, count)
            cut = cut or found
            return found

        inside = _inside(entity, whole)
        hidden = hidden_cells(table, len(whole), smallest, narrows, inside)[shown]
        told = _derivable(summed(table, shown), len(groups), hidden)
        self.narrowing.note(
            asked,
            (
                (names(tuple(shown[place] for place in margin)), cell, count)
                for margin, cell, count in told
            ),
        )
        if cut:
            self.narrowing.cut(self.inquiry, entity.name, condition.key)
        return hidden

    def _with_coarser(
        self, entity: EntityType, groups: tuple[GroupBy, ...]
    ) -> tuple[GroupBy, ...]:
        """Add the groupings that those of *groups* lie inside, where one may see them.

        Who may not see the coarser one is told no table by it to compare with.
        """
        seen = self.reader.verdicts(self.inquiry, entity).fields
        coarser = {
            one.inside
            for one in entity.groupings
            if one.inside is not None
            and one.by in groups
            and plain(seen[one.inside.field]) is True
        }
        return _ordered({*groups, *coarser})

    def _condition(
        self, entity: EntityType, where: Predicate | None, by: tuple[GroupBy, ...]
    ) -> _Condition:
        groups = {one.by.field: one.by for one in entity.groupings}
        fixed: dict[str, str] = {}
        start, end = EARLIEST, LATEST
        bounds: list[Compare] = []
        for part in _conjuncts(where):
            group = groups.get(part.field) if isinstance(part, Compare) else None
            if not isinstance(part, Compare) or group is None:
                raise _not_by(entity)
            self._whole(entity, part.field)
            if not group.month and part.op is Op.EQ and part.field not in fixed:
                fixed[part.field] = str(part.value)
            elif group.month and part.op in EDGES:
                kind = entity.fields[part.field].kind
                edge = _edge(entity, kind, part)
                bounds.append(part)
                if part.op is Op.GTE:
                    start = edge if start == EARLIEST else max(start, edge)
                else:
                    end = min(end, edge)
            else:
                raise _not_by(entity)
        found = _Condition(fixed, (start, end), tuple(bounds), by)
        if len(found.groups) > MOST_GROUPINGS:
            raise TooWideError(
                f"只给数量时，分组和相等条件合计最多 {MOST_GROUPINGS} 个字段",
                f"where only counts are given, groupings and equal values are of "
                f"{MOST_GROUPINGS} fields at most",
            )
        return found

    def _whole(self, entity: EntityType, name: str) -> None:
        """Raise unless *name* is visible for every row."""
        if self.reader.restriction(self.inquiry, entity, name) is not None:
            raise FieldHiddenError(
                f"{name} 只对部分记录可见，不能用来分组",
                f"{name} is visible for some rows only, so nothing can be "
                "grouped by it",
            )


def _derivable(
    totals: Mapping[Cell, int], places: int, hidden: set[Cell]
) -> Iterator[tuple[Margin, Cell, int]]:
    """List what is told, and every sum of which all parts are told."""
    for size in range(places + 1):
        for margin in combinations(range(places), size):
            unknown = {tuple(cell[place] for place in margin) for cell in hidden}
            for cell, count in summed(totals, margin).items():
                if cell not in unknown:
                    yield margin, cell, count


def _ordered(groups: Iterable[GroupBy]) -> tuple[GroupBy, ...]:
    return tuple(sorted(groups, key=lambda group: (group.field, group.month)))


def _inside(entity: EntityType, groups: Sequence[GroupBy]) -> tuple[int, int] | None:
    """Say which two of *groups* lie one inside the other."""
    return next(
        (
            (groups.index(one.by), groups.index(one.inside))
            for one in entity.groupings
            if one.by in groups and one.inside in groups
        ),
        None,
    )


def _conjuncts(where: Predicate | None) -> Iterator[Predicate]:
    if isinstance(where, All):
        for part in where.parts:
            yield from _conjuncts(part)
    elif where is not None:
        yield where


def _matches(cell: Cell, groups: Sequence[GroupBy], fixed: Mapping[str, str]) -> bool:
    return all(
        group.month or group.field not in fixed or value == fixed[group.field]
        for group, value in zip(groups, cell, strict=True)
    )


def _edge(entity: EntityType, kind: Kind, part: Compare) -> str:
    """Write a bound as the moment it lies at; raise unless a month begins there."""
    text, after = str(part.value), part.op is Op.LTE
    if kind is Kind.DATE:
        day = date.fromisoformat(text)
        last = monthrange(day.year, day.month)[1]
        if day.day != (last if after else 1):
            raise _whole_months(entity, part.field)
        if after:
            return LATEST if day.year == date.max.year else _next(day)
        return day.isoformat()
    moment = datetime.fromisoformat(text).astimezone(CHINA)
    if after:
        moment = (moment + timedelta(seconds=1)).replace(microsecond=0)
    begins = (moment.day, moment.hour, moment.minute, moment.second)
    if begins != (1, 0, 0, 0) or moment.microsecond:
        raise _whole_months(entity, part.field)
    return moment.astimezone(UTC).isoformat()


def _next(day: date) -> str:
    return (day + timedelta(days=1)).isoformat()


def _bound(totals: Mapping[Cell, int], most: int) -> None:
    if len(totals) > most:
        raise TooWideError(
            f"分组超过 {most} 个，请减少分组或增加条件",
            f"more than {most} groups; group by less or add conditions",
        )


def _not_by(entity: EntityType) -> FieldHiddenError:
    named = ", ".join(one.by.field for one in entity.groupings)
    return FieldHiddenError(
        f"只给数量的类型 {entity.name} 只能按分组字段（{named}）的相等和整月起止筛选，"
        "各条件之间为并且，不能指定来源",
        f"of {entity.name} only counts are given here: it is filtered by equal values "
        f"of its groupings ({named}) and by spans of whole months, joined by and; no "
        "source can be chosen",
    )


def _whole_months(entity: EntityType, name: str) -> FieldHiddenError:
    return FieldHiddenError(
        f"只给数量的类型 {entity.name} 的 {name} 须从月初起、到月末止",
        f"of {entity.name} only counts are given here: {name} goes from the first of "
        "a month to the last",
    )
