"""Loaders: what many rows ask one by one, asked once per level, source and type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from strawberry.dataloader import DataLoader

from zhitong.resolvers.budget import Budget
from zhitong.resolvers.read import Ask, Found, Reader
from zhitong.types import Inquiry, Keys, Row

Count = tuple[int | None, tuple[str, ...]]
"""How many, None where that is not told, and which sources did not say."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """One level: every key of it goes into one read."""

    reader: Reader
    inquiry: Inquiry
    budget: Budget
    ask: Ask
    field: str

    def _keyed(self, keys: Sequence[str]) -> Ask:
        return replace(self.ask, keys=Keys(self.field, tuple(keys)))

    async def rows(self, keys: list[str]) -> list[Found]:
        if not self.budget.may_read(len(keys) * (self.ask.limit + self.ask.peek)):
            return [Found(rows=()) for _ in keys]
        found = await self.reader.rows(self.inquiry, self._keyed(keys))
        by_key: dict[str, list[Row]] = {key: [] for key in keys}
        for row in found.rows:
            by_key[row.match or ""].append(row)
        return [
            Found(
                rows=tuple(by_key[key]),
                missing=found.missing,
                more=frozenset({None}) if key in found.more else frozenset(),
            )
            for key in keys
        ]

    async def counts(self, keys: list[str]) -> list[Count]:
        counted = await self.reader.tally(self.inquiry, self._keyed(keys), ())
        by_key = dict.fromkeys(keys, 0)
        for tally in counted.tallies:
            by_key[tally.match or ""] += tally.count
        return [(by_key[key], counted.missing) for key in keys]


class Loaders:
    """The loaders of one question; equal asks share one."""

    def __init__(self, reader: Reader, inquiry: Inquiry, budget: Budget) -> None:
        self._reader = reader
        self._inquiry = inquiry
        self._budget = budget
        self._rows: dict[tuple[Ask, str], DataLoader[str, Found]] = {}
        self._counts: dict[tuple[Ask, str], DataLoader[str, Count]] = {}

    def forget(self) -> None:
        """Let go of what was read: something has changed it."""
        self._rows.clear()
        self._counts.clear()

    def rows_by_key(self, ask: Ask, field: str) -> DataLoader[str, Found]:
        """Find the loader of rows whose *field* equals a key."""
        if (ask, field) not in self._rows:
            batch = _Batch(self._reader, self._inquiry, self._budget, ask, field)
            self._rows[ask, field] = DataLoader(load_fn=batch.rows)
        return self._rows[ask, field]

    def count_by_key(self, ask: Ask, field: str) -> DataLoader[str, Count]:
        """Find the loader of counts of rows whose *field* equals a key."""
        if (ask, field) not in self._counts:
            batch = _Batch(self._reader, self._inquiry, self._budget, ask, field)
            self._counts[ask, field] = DataLoader(load_fn=batch.counts)
        return self._counts[ask, field]
