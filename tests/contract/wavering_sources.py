"""Sources in memory that take their time, and fail where a case says so."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pair_faults import NONE

from zhitong.connectors.memory import MemorySource
from zhitong.types import (
    Column,
    Keys,
    Label,
    Order,
    Position,
    Predicate,
    Row,
    RowQuery,
    Supply,
    Table,
    Tally,
    TallyQuery,
    Tightening,
)

MOST_TURNS = 4
"""Turns of the loop that a source takes at most."""


class Wavering:
    """A source that takes its time, and fails where the case says so."""

    def __init__(self, source: MemorySource) -> None:
        self._source = source
        self.name, self.title, self.owner = source.name, source.title, source.owner
        self.rng = random.Random(0)  # noqa: S311 - to be made again, not secret
        self.fault = NONE
        self.turns = MOST_TURNS
        self.statements = 0

    @property
    def state(self) -> str:
        """As the source itself."""
        return "away" if self.name in (self.fault.away or {}) else self._source.state

    def feeds(self, type_name: str) -> frozenset[str]:
        """As the source itself."""
        return self._source.feeds(type_name)

    def lost(self, type_name: str) -> Mapping[str, Label]:
        """As the source itself."""
        return self._source.lost(type_name)

    def tightened(self, type_name: str) -> Mapping[str, Tightening]:
        """As the source itself."""
        return self._source.tightened(type_name)

    def supply(self, type_name: str) -> Supply:
        """As the source itself."""
        return self._source.supply(type_name)

    def may_hold(self, type_name: str, where: Predicate | None) -> bool:
        """As the source itself."""
        return self._source.may_hold(type_name, where)

    def prepare(
        self, type_name: str, columns: tuple[Column, ...], order: Order
    ) -> WaveringPrepared:
        """Get ready; what is asked then takes its time as well."""
        return WaveringPrepared(self, type_name, columns, order)

    async def rows(self, query: RowQuery) -> Sequence[Row]:
        """Answer after a while."""
        return (await self.table(query)).rows()

    async def table(self, query: RowQuery) -> Table:
        """Answer after a while, with records as they are held."""
        await self._wait(query)
        return await self._source.table(query)

    async def tally(self, query: TallyQuery) -> Sequence[Tally]:
        """Count after a while."""
        await self._wait(query)
        return await self._source.tally(query)

    async def _wait(self, query: RowQuery | TallyQuery) -> None:
        self.statements += 1
        self._source.queries.clear()
        for _ in range(self.rng.randrange(self.turns)):
            await asyncio.sleep(0)
        error = self.fault.hits(self.name, query)
        if error is not None:
            raise error


@dataclass(frozen=True, slots=True)
class WaveringPrepared:
    """A source that takes its time, made ready for some columns."""

    source: Wavering
    type: str
    columns: tuple[Column, ...]
    order: Order

    async def table(
        self,
        *,
        limit: int,
        where: Predicate | None = None,
        keys: Keys | None = None,
        after: Position | None = None,
    ) -> Table:
        """Answer after a while."""
        asked = RowQuery(
            type=self.type,
            columns=self.columns,
            order=self.order,
            limit=limit,
            where=where,
            after=after,
            keys=keys,
        )
        return await self.source.table(asked)
