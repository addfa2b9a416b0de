"""Filters: checked against the verdicts, and settled across sources.

A filter that reaches into another type is a semi-join: the keys on the far side are
read set-wise, one statement per source that feeds it, and become one ``in`` on the
near side. It is bounded: a filter that matches more keys than the bound is refused,
never cut. Where a source of the far side is missing the answer is a part, and says
so; under ``not`` it would be too much, so there the question is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field

from zhitong.exceptions import (
    FieldHiddenError,
    SearchTermError,
    SourceError,
    TooWideError,
)
from zhitong.resolvers.granting import both
from zhitong.resolvers.looks import note_restriction
from zhitong.resolvers.read import Ask, Reader
from zhitong.rules.resident_ids import has_resident_id
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    EntityType,
    GroupBy,
    Inquiry,
    Not,
    Op,
    Predicate,
    Related,
    Relation,
)

WIDEST = 10_000
MOST_COMPARISONS = 500
MOST_SEMI_JOINS = 20
"""Each is a reading of every source that feeds its type."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A filter that a source can be asked, and the sources it lacks."""

    where: Predicate | None = None
    lacking: tuple[str, ...] = ()


@dataclass(slots=True)
class _Course:
    """One filter on its way: what stands outside it, and what it lacks."""

    entity: EntityType
    guards: list[Predicate] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)


class Filters:
    """Settles filters for one question; an equal filter is settled once."""

    def __init__(
        self, reader: Reader, entities: Mapping[str, EntityType], inquiry: Inquiry
    ) -> None:
        self._reader = reader
        self._entities = entities
        self._inquiry = inquiry
        self._known: dict[
            tuple[str, Predicate, bool], Settled | asyncio.Future[Settled]
        ] = {}
        self._semi_joins = 0

    async def settle(
        self, entity: EntityType, where: Predicate | None, *, negated: bool = False
    ) -> Settled:
        """Turn what was asked into what a source can be asked."""
        if where is None:
            return Settled()
        asked = (entity.name, where, negated)
        known = self._known.get(asked)
        if known is None:
            semi_joins = self._weigh(where)
            whole = self._whole(entity, where, negated=negated)
            # Rows of one level ask the same: they wait for one reading of the keys.
            known = asyncio.ensure_future(whole) if semi_joins else _at_once(whole)
            self._known[asked] = known
        return known if isinstance(known, Settled) else await asyncio.shield(known)

    def _weigh(self, where: Predicate) -> int:
        """Say how many other types *where* reads.

        Raise before anything is read if it, with those before, is too much.
        """
        parts = list(_parts(where))
        semi_joins = sum(isinstance(part, Related) for part in parts)
        self._semi_joins += semi_joins
        too_long = len(parts) > MOST_COMPARISONS
        if too_long or self._semi_joins > MOST_SEMI_JOINS:
            raise TooWideError(
                f"筛选条件过多：一处最多 {MOST_COMPARISONS} 个，一次查询中"
                f"跨来源的最多 {MOST_SEMI_JOINS} 个，请分几次查询",
                f"too many conditions: a filter may have {MOST_COMPARISONS}, a "
                f"question {MOST_SEMI_JOINS} across sources; ask in several steps",
            )
        return semi_joins

    async def _whole(
        self, entity: EntityType, where: Predicate, *, negated: bool
    ) -> Settled:
        course = _Course(entity)
        settled = await self._settle(course, where, negated=negated)
        # Rows whose value is blurred or hidden can match no comparison of it, also
        # not a negated one: the guard stands outside the whole filter.
        if course.guards:
            settled = All((settled, *course.guards))
        return Settled(settled, tuple(sorted(course.lacking)))

    async def _settle(
        self, course: _Course, where: Predicate, *, negated: bool
    ) -> Predicate:
        if isinstance(where, Compare):
            guard = self._reader.restriction(self._inquiry, course.entity, where.field)
            if guard is not None and guard not in course.guards:
                course.guards.append(guard)
            _check_term(course.entity, where)
            return where
        if isinstance(where, Not):
            return Not(await self._settle(course, where.part, negated=not negated))
        if isinstance(where, Related):
            return await self._semi_join(course, where, negated=negated)
        parts = [
            await self._settle(course, part, negated=negated) for part in where.parts
        ]
        return type(where)(tuple(parts))

    async def _semi_join(
        self, course: _Course, where: Related, *, negated: bool
    ) -> Predicate:
        relation = course.entity.relations[where.relation]
        target = self._entities[relation.target]
        self._check(course.entity, relation)
        guard = self._reader.restriction(self._inquiry, target, relation.remote)
        if self._reader.verdicts(self._inquiry, target).counts_only:
            # Whether a row has such a one on the other side is a count of one.
            raise FieldHiddenError(
                f"{target.name} 只给出数量，不能用来筛选别的记录",
                f"only counts of {target.name} are given here, so no other rows are "
                "filtered by it",
            )
        inner = await self.settle(target, where.where, negated=negated)
        counted = await self._reader.tally(
            self._inquiry,
            Ask(
                entity=target,
                where=both(inner.where, guard),
                lacking=inner.lacking,
                limit=WIDEST + 1,
            ),
            (GroupBy(relation.remote),),
        )
        if counted.missing and negated:
            raise _unanswerable(relation, counted.missing)
        course.lacking.update(counted.missing)
        keys = sorted({key for (key,) in (t.group for t in counted.tallies) if key})
        if len(keys) > WIDEST:
            raise TooWideError(
                f"按 {relation.name} 筛选命中的键超过 {WIDEST} 个，请增加条件缩小范围",
                f"the filter by {relation.name} matches more than {WIDEST} keys; "
                "add conditions to narrow it",
            )
        return Compare(relation.local, Op.IN, tuple(keys))

    def _check(self, entity: EntityType, relation: Relation) -> None:
        rulings = self._reader.verdicts(self._inquiry, entity).fields[relation.name]
        comparable = self._reader.comparable(self._inquiry, entity, relation.name)
        if comparable is not True:
            note_restriction(self._inquiry, entity, relation.name, rulings)
            raise FieldHiddenError(
                f"{entity.name}.{relation.name} 对本次查询不可见，不能用来筛选",
                f"{entity.name}.{relation.name} is not visible here, so nothing can be "
                "filtered by it",
            )


def _at_once(whole: Coroutine[object, None, Settled]) -> Settled:
    """Run to its end what waits for nothing: a filter that reads no other type."""
    try:
        whole.send(None)
    except StopIteration as end:
        settled: Settled = end.value
        return settled
    whole.close()
    raise AssertionError


def _check_term(entity: EntityType, where: Compare) -> None:
    """Raise, repeating nothing, if a name is compared with somebody's ID number."""
    field = entity.fields.get(where.field)
    if field is None or not field.named or isinstance(where.value, bool | int):
        return
    terms = [where.value] if isinstance(where.value, str) else where.value
    if any(map(has_resident_id, terms)):
        raise SearchTermError(
            f"不能用公民身份号码查找 {entity.name}.{field.name}，其中的号码不作比较；"
            "有授权的，请按证件号码精确查找，如 counterpartyByIdNumber",
            f"nothing is found in {entity.name}.{field.name} by a resident ID number: "
            "numbers inside names are not compared; where it is granted, use an exact "
            "look-up, as counterpartyByIdNumber",
        )


def _parts(where: Predicate) -> Iterator[Predicate]:
    """List the comparisons and relations in *where*, those inside relations apart."""
    if isinstance(where, Not):
        yield from _parts(where.part)
    elif isinstance(where, All | AnyOf):
        for part in where.parts:
            yield from _parts(part)
    else:
        yield where


def _unanswerable(relation: Relation, missing: tuple[str, ...]) -> SourceError:
    names = "、".join(missing)
    return SourceError(
        f"来源 {names} 暂缺，按“没有符合条件的{relation.label.zh}”筛选会多出记录，"
        "请稍后重试或去掉该条件",
        f"{', '.join(missing)} did not answer, so a filter by the absence of "
        f"{relation.name} would give too much; try again later or leave it out",
    )
