"""Filters: checked against the verdicts, and settled across sources.

A filter that reaches into another type is a semi-join: the keys on the far side are
read set-wise, one statement per source that feeds it, and become one ``in`` on the
near side. It is bounded: a filter that matches more keys than the bound is refused,
never cut.
"""

from __future__ import annotations

from collections.abc import Mapping

from zhitong.exceptions import FieldHiddenError, TooWideError
from zhitong.resolvers.policy import plain
from zhitong.resolvers.read import Ask, Reader
from zhitong.types import (
    All,
    Compare,
    EntityType,
    GroupBy,
    Inquiry,
    Not,
    Op,
    Predicate,
    Related,
)

WIDEST = 10_000


class Filters:
    """Settles filters for one question; an equal filter is settled once."""

    def __init__(
        self, reader: Reader, entities: Mapping[str, EntityType], inquiry: Inquiry
    ) -> None:
        self._reader = reader
        self._entities = entities
        self._inquiry = inquiry

    async def settle(
        self, entity: EntityType, where: Predicate | None
    ) -> Predicate | None:
        """Turn what was asked into what a source can be asked."""
        if where is None:
            return None
        guards: list[Predicate] = []
        settled = await self._settle(entity, where, guards)
        # Rows whose value is blurred or hidden can match no comparison of it, also
        # not a negated one: the guard stands outside the whole filter.
        return All((settled, *guards)) if guards else settled

    async def _settle(
        self, entity: EntityType, where: Predicate, guards: list[Predicate]
    ) -> Predicate:
        if isinstance(where, Compare):
            guard = self._reader.restriction(self._inquiry, entity, where.field)
            if guard is not None and guard not in guards:
                guards.append(guard)
            return where
        if isinstance(where, Not):
            return Not(await self._settle(entity, where.part, guards))
        if isinstance(where, Related):
            return await self._semi_join(entity, where)
        parts = [await self._settle(entity, part, guards) for part in where.parts]
        return type(where)(tuple(parts))

    async def _semi_join(self, entity: EntityType, where: Related) -> Predicate:
        relation = entity.relations[where.relation]
        rulings = self._reader.verdicts(self._inquiry, entity).fields[relation.name]
        if plain(rulings) is not True:
            self._inquiry.restrictions[entity.name, relation.name] = rulings
            raise FieldHiddenError(
                f"{entity.name}.{relation.name} 对本次查询不可见，不能用来筛选",
                f"{entity.name}.{relation.name} is not visible here, so nothing can be "
                "filtered by it",
            )
        target = self._entities[relation.target]
        counted = await self._reader.tally(
            self._inquiry,
            Ask(
                entity=target,
                where=await self.settle(target, where.where),
                limit=WIDEST + 1,
            ),
            (GroupBy(relation.remote),),
        )
        keys = sorted({key for (key,) in (t.group for t in counted.tallies) if key})
        if len(keys) > WIDEST:
            raise TooWideError(
                f"按 {relation.name} 筛选命中的键超过 {WIDEST} 个，请增加条件缩小范围",
                f"the filter by {relation.name} matches more than {WIDEST} keys; "
                "add conditions to narrow it",
            )
        return Compare(relation.local, Op.IN, tuple(keys))
