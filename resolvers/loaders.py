"""Loaders: what many rows ask one by one, asked once per level, source and type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from strawberry.dataloader import DataLoader

from zhitong.resolvers.budget import Budget
from zhitong.resolvers.keyed import Count, Keyed, Known
from zhitong.resolvers.read import Ask, Found, Reader
from zhitong.types import Inquiry


class Loaders:
    """The loaders of one question; equal asks share one."""

    def __init__(self, reader: Reader, inquiry: Inquiry, budget: Budget) -> None:
        self.keyed = Keyed(reader, inquiry, budget)
        """What the loaders ask, a level at a time."""
        self._rows: dict[tuple[Ask, str], DataLoader[str, Found]] = {}
        self._counts: dict[tuple[Ask, str], DataLoader[str, Count]] = {}

    def forget(self) -> None:
        """Let go of what was read: something has changed it."""
        self.keyed.forget()
        self._rows.clear()
        self._counts.clear()

    def rows_by_key(self, ask: Ask, field: str) -> DataLoader[str, Found]:
        """Find the loader of rows whose *field* equals a key."""
        if (ask, field) not in self._rows:
            batch = _batch(self.keyed.load, ask, field)
            self._rows[ask, field] = DataLoader(load_fn=batch)
        return self._rows[ask, field]

    def count_by_key(self, ask: Ask, field: str) -> DataLoader[str, Count]:
        """Find the loader of counts of rows whose *field* equals a key."""
        if (ask, field) not in self._counts:
            batch = _batch(self.keyed.count, ask, field)
            self._counts[ask, field] = DataLoader(load_fn=batch)
        return self._counts[ask, field]


def _batch(
    load: Callable[[Ask, str, Sequence[str]], Awaitable[Mapping[str, Known]]],
    ask: Ask,
    field: str,
) -> Callable[[list[str]], Awaitable[Sequence[Known]]]:
    async def load_all(keys: list[str]) -> Sequence[Known]:
        found = await load(ask, field, keys)
        return [found[key] for key in keys]

    return load_all
