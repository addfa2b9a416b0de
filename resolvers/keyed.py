"""What one question looks up by key: a level at a time, and each key once.

Equal asks share what is known, for the whole question: a level that comes later asks
for the keys alone that none before it has asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from zhitong.exceptions import ZhitongError
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.read import NOTHING, Ask, Found, Now, Reader, Reading
from zhitong.types import Inquiry, Keys, Table

Count = tuple[int | None, tuple[str, ...]]
"""How many, None where that is not told, and which sources did not say."""
MORE = frozenset[str | None]({None})
NO_MORE = frozenset[str | None]()
Known = TypeVar("Known")
Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, Known]]]


class Keyed:
    """Rows and counts by key; the one place where the budget is asked for them."""

    def __init__(self, reader: Reader, inquiry: Inquiry, budget: Budget) -> None:
        self._reader = reader
        self._inquiry = inquiry
        self._budget = budget
        self._rows: dict[tuple[Ask, str], _Once[Found]] = {}
        self._counts: dict[tuple[Ask, str], _Once[Count]] = {}

    def forget(self) -> None:
        """Let go of what was read: something has changed it."""
        self._rows.clear()
        self._counts.clear()

    async def load(
        self, ask: Ask, field: str, keys: Iterable[str], reading: Reading | None = None
    ) -> Mapping[str, Found]:
        """Find for each of *keys* the rows whose *field* equals it.

        A *reading* that was kept is read, if it is given; *ask* has no keys of its own.
        """
        once = self._rows.get((ask, field))
        if once is None:
            once = self._rows[ask, field] = _Once()
        return await once.take(keys, partial(self._read, ask, field, reading))

    async def count(
        self, ask: Ask, field: str, keys: Iterable[str], reading: Reading | None = None
    ) -> Mapping[str, Count]:
        """Say for each of *keys* how many rows there are whose *field* equals it."""
        once = self._counts.get((ask, field))
        if once is None:
            once = self._counts[ask, field] = _Once()
        return await once.take(keys, partial(self._count, ask, field, reading))

    async def _read(
        self, ask: Ask, field: str, reading: Reading | None, keys: Sequence[str]
    ) -> Mapping[str, Found]:
        if not self._budget.may_read(len(keys) * (ask.limit + ask.peek)):
            return dict.fromkeys(keys, NOTHING)
        asked = replace(ask, keys=Keys(field, tuple(keys)))
        if reading is None:
            reading = self._reader.reading(self._inquiry, asked)
        found = await self._reader.read(self._inquiry, reading, Now.of(asked))
        missing, more = found.missing, found.more
        by_key = dict.fromkeys(keys, Found(missing=missing))
        grouped: dict[str, tuple[list[Any], list[Table]]] = {}
        place = (
            found.tables[0].match if found.tables else None
        )  # it stands alike in all
        for record, table in zip(found.records, found.tables, strict=True):
            match = record[place]
            group = grouped.get(match)
            if group is None:
                grouped[match] = ([record], [table])
            else:
                group[0].append(record)
                group[1].append(table)
        for key, (records, tables) in grouped.items():
            beyond = MORE if key in more else NO_MORE
            by_key[key] = Found(records, tables, missing, beyond)
        return by_key

    async def _count(
        self, ask: Ask, field: str, reading: Reading | None, keys: Sequence[str]
    ) -> Mapping[str, Count]:
        asked = replace(ask, keys=Keys(field, tuple(keys)))
        if reading is None:
            reading = self._reader.counting(self._inquiry, asked, ())
        counted = await self._reader.count(self._inquiry, reading, Now.of(asked))
        by_key = dict.fromkeys(keys, 0)
        for tally in counted.tallies:
            by_key[tally.match or ""] += tally.count
        return {key: (many, counted.missing) for key, many in by_key.items()}


class _Once(Generic[Known]):
    """What is known by key of one ask, what is under way, and what failed."""

    __slots__ = ("_coming", "_known")

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._coming: dict[str, asyncio.Future[None]] = {}

    async def take(
        self, keys: Iterable[str], fetch: Fetch[Known]
    ) -> Mapping[str, Known]:
        """Give what is known of *keys*; *fetch* those that nobody asks for yet."""
        wanted = dict.fromkeys(keys)
        while lacking := [key for key in wanted if key not in self._known]:
            unknown = [key for key in lacking if key not in self._coming]
            if unknown:
                await self._fetch(unknown, fetch)
            else:
                # Shielded: who stops waiting takes nothing from those that still wait.
                await asyncio.shield(self._coming[lacking[0]])
        return {key: self._known[key] for key in wanted}

    async def _fetch(self, keys: Sequence[str], fetch: Fetch[Known]) -> None:
        coming = asyncio.get_running_loop().create_future()
        self._coming.update(dict.fromkeys(keys, coming))
        try:
            self._known.update(await fetch(keys))
        except ZhitongError as error:
            # It stays: whoever asks for these keys later is told the same.
            coming.set_exception(error)
            coming.exception()  # seen: perhaps nobody else asks
            raise
        finally:
            if not coming.done():
                # Known now; or it came to nothing, and who still waits asks again.
                for key in keys:
                    del self._coming[key]
                coming.set_result(None)
