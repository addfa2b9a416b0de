"""Counts of departments' tables that may be a little old, and then say how old.

Whoever watches a screen asks the same table all day. Policy has spoken before this is
asked: the verdicts on the caller are in the statement, as the rows that it counts, so
equal statements to one source are equal answers. What filters rows is never from here,
nor what is told of one party or of single rows.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from opentelemetry import metrics

from zhitong.ports import Source
from zhitong.resolvers.looks import compared
from zhitong.types import EntityType, Inquiry, Label, Predicate, Tally, TallyQuery

MOST_GROUPS = 100_000
"""Groups that are kept at a time, of all sources together."""
_KEPT = metrics.get_meter("zhitong.resolvers").create_counter(
    "zhitong.counts.recent",
    description="Counts of departments' tables: kept (hit), asked for (miss)",
)
_HIT, _MISS = ({"outcome": one} for one in ("hit", "miss"))
Tallies = tuple[Tally, ...]
Key = tuple[Source, TallyQuery]


def for_everybody(entity: EntityType, where: Predicate | None) -> bool:
    """Say whether the question itself compares nothing but what the type groups by.

    A time that is told says that somebody has asked the same: whether anybody has
    asked about one party is on record, and for nobody else.
    """
    return {one.by.field for one in entity.groupings}.issuperset(compared(where))


@dataclass(slots=True, eq=False)
class _Statement:
    """What was asked when, and of which structure."""

    began: float
    at: datetime
    lost: Mapping[str, Label]
    sent: asyncio.Task[Tallies]
    waiting: int = 0

    async def answer(self) -> Tallies:
        """Wait for it; it is given up when the last that waited has gone."""
        self.waiting += 1
        try:
            return await asyncio.shield(self.sent)
        finally:
            self.waiting -= 1
            if not self.waiting:
                self.sent.cancel()


@dataclass(frozen=True, slots=True)
class _Answer:
    began: float
    at: datetime
    lost: Mapping[str, Label]
    tallies: Tallies


class RecentCounts:
    """What departments counted in the last *seconds*; none of *own* sources."""

    def __init__(
        self,
        seconds: float,
        own: frozenset[str] = frozenset(),
        clock: Callable[[], float] = monotonic,
        most: int = MOST_GROUPS,
    ) -> None:
        self._seconds = seconds
        self._own = own
        self._clock = clock
        self._most = most
        self._kept: OrderedDict[Key, _Answer] = OrderedDict()
        """Oldest first."""
        self._groups = 0
        self._sent: dict[Key, _Statement] = {}

    def question(
        self, inquiry: Inquiry, source: Source, query: TallyQuery
    ) -> Callable[[], Awaitable[Tallies]]:
        """Give what asks *source*, or gives what it said to somebody else."""
        return partial(self._tally, inquiry, source, query)

    def clear(self) -> None:
        """Forget what was counted."""
        self._kept.clear()
        self._groups = 0

    async def _tally(
        self, inquiry: Inquiry, source: Source, query: TallyQuery
    ) -> Tallies:
        if not self._seconds or source.name in self._own:
            return tuple(await source.tally(query))
        self._drop_old()
        key, lost = (source, query), dict(source.lost(query.type))
        kept = self._kept.get(key)
        if kept is not None and self._holds(kept, lost):
            _KEPT.add(1, _HIT)
            _note(inquiry, source, query, kept.at)
            return kept.tallies
        self._drop(key)
        statement = self._sent.get(key)
        # One that nobody waits for any more is being given up.
        if statement and statement.waiting and self._holds(statement, lost):
            _KEPT.add(1, _HIT)
            tallies = await statement.answer()
            _note(inquiry, source, query, statement.at)
            return tallies
        _KEPT.add(1, _MISS)
        return await self._asked(key, lost)

    async def _asked(self, key: Key, lost: Mapping[str, Label]) -> Tallies:
        source, query = key
        statement = _Statement(
            # From before it is sent: what it says is not newer than that.
            began=self._clock(),
            at=datetime.now(UTC),
            lost=lost,
            sent=asyncio.create_task(_sent(source, query)),
        )
        self._sent[key] = statement
        statement.sent.add_done_callback(partial(self._came, key, statement))
        return await statement.answer()

    def _came(
        self, key: Key, statement: _Statement, sent: asyncio.Task[Tallies]
    ) -> None:
        """Keep what was answered; a failure is of those alone who waited for it."""
        if self._sent.get(key) is statement:
            del self._sent[key]
        if sent.cancelled() or sent.exception() is not None:
            return
        self._drop(key)
        tallies = sent.result()
        self._kept[key] = _Answer(
            statement.began, statement.at, statement.lost, tallies
        )
        self._groups += _size(tallies)
        while self._groups > self._most:
            self._drop(next(iter(self._kept)))

    def _drop_old(self) -> None:
        """Drop what is too old, whoever asked for it: a source may have gone."""
        while self._kept:
            key, one = next(iter(self._kept.items()))
            if self._holds(one, one.lost):
                break
            self._drop(key)

    def _holds(self, one: _Statement | _Answer, lost: Mapping[str, Label]) -> bool:
        """Say whether it is young enough, and of the structure there is now."""
        return one.lost == lost and self._clock() - one.began < self._seconds

    def _drop(self, key: Key) -> None:
        with suppress(KeyError):
            self._groups -= _size(self._kept.pop(key).tallies)


def _size(tallies: Tallies) -> int:
    return 1 + len(tallies)  # one without groups takes its place as well


async def _sent(source: Source, query: TallyQuery) -> Tallies:
    return tuple(await source.tally(query))


def _note(inquiry: Inquiry, source: Source, query: TallyQuery, at: datetime) -> None:
    """Note how old the oldest is that the answer has of a source and type."""
    place = (source.name, query.type)
    inquiry.as_of[place] = min(at, inquiry.as_of.get(place, at))
