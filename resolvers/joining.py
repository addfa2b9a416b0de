"""Look-ups of one row, of several questions that read alike, in one statement.

What a small statement costs is its way there and back. So look-ups that come while
another of the same `Asked` is under way, and in one tick of the event loop, are sent
as one statement by their keys. An `Asked` is of one source and of one profile, so what
is joined has the same columns, masks and row scope. Each question has the rows, the
notes and the errors that it would have alone, and is cancelled alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from opentelemetry import metrics, trace

from zhitong.exceptions import SourceError
from zhitong.types import Compare, EntityType, Field, Keys, Kind, Op, Predicate, Table

MOST = 64
"""Look-ups of one statement."""
JOINED = frozenset({Kind.TEXT, Kind.CREDIT_CODE, Kind.DIVISION})
"""Kinds that a source finds by keys just as by equality, and tells back as given."""

TRACER = trace.get_tracer("zhitong.resolvers")
_joined = metrics.get_meter("zhitong.resolvers").create_counter(
    "zhitong.lookups.joined",
    description="Look-ups that were sent in one statement with others",
)


class Point(NamedTuple):
    """A look-up of one row: the field, its value, and which rows are given at all."""

    field: str
    value: str
    rest: Predicate | None


class Waiting(NamedTuple):
    """A look-up that waits: its value, what comes of it, its question's span."""

    value: str
    outcome: asyncio.Future[Table | None]
    span: trace.Span


Ask = Callable[[], Awaitable[Table]]
AskMany = Callable[[Keys], Awaitable[Table]]


def pointed(entity: EntityType, where: Predicate | None) -> tuple[str, str] | None:
    """Give field and value if *where* is a look-up that may be joined with others.

    Texts that databases compare each in its own way, or cannot take, go alone.
    """
    if not isinstance(where, Compare) or where.op is not Op.EQ:
        return None
    found = entity.fields.get(where.field)
    if found is None or not _plain(found) or not isinstance(where.value, str):
        return None
    value = where.value
    neat = value.isprintable() and value.strip() == value
    return (where.field, value) if neat else None


def _plain(found: Field) -> bool:
    return found.kind in JOINED and not found.named


@dataclass(slots=True, eq=False)
class _Batch:
    """Look-ups that wait for one statement."""

    loop: asyncio.AbstractEventLoop
    waiting: list[Waiting] = field(default_factory=list)
    task: asyncio.Future[Table] | None = None

    def left(self) -> None:
        """Give up the statement when nobody waits for it any more."""
        if self.task is not None and all(one.outcome.done() for one in self.waiting):
            self.task.cancel()


class Joining:
    """Joins look-ups of one kept reading in one source."""

    __slots__ = ("_open", "_under_way")

    def __init__(self) -> None:
        self._open: _Batch | None = None
        self._under_way = 0

    async def table(self, point: Point, alone: Ask, many: AskMany) -> Table:
        """Look up *point*: at once where none is under way, else with those waiting."""
        if not self._under_way:
            return await self._alone(alone)
        table = await self._together(point, many)
        return await self._alone(alone) if table is None else table

    async def _alone(self, alone: Ask) -> Table:
        self._under_way += 1
        try:
            return await alone()
        finally:
            self._under_way -= 1

    async def _together(self, point: Point, many: AskMany) -> Table | None:
        """Wait for a common statement; None: the look-up is to go alone."""
        loop = asyncio.get_running_loop()
        batch = self._open
        if batch is None or batch.loop is not loop:
            batch = self._open = _Batch(loop)
            loop.call_soon(self._send, batch, point.field, many)
        outcome: asyncio.Future[Table | None] = loop.create_future()
        batch.waiting.append(Waiting(point.value, outcome, trace.get_current_span()))
        if len(batch.waiting) == MOST:
            self._open = None
        try:
            return await outcome
        finally:
            batch.left()

    def _send(self, batch: _Batch, name: str, many: AskMany) -> None:
        if self._open is batch:
            self._open = None
        waiting = [one for one in batch.waiting if not one.outcome.done()]
        if len(waiting) == 1:
            waiting[0].outcome.set_result(None)
        elif waiting:
            self._under_way += 1
            values = tuple(dict.fromkeys(one.value for one in waiting))
            span = _span(waiting)
            with trace.use_span(span) if span else nullcontext():
                batch.task = asyncio.ensure_future(many(Keys(name, values)))
            batch.task.add_done_callback(partial(self._told, waiting, span))

    def _told(
        self,
        waiting: Sequence[Waiting],
        span: trace.Span | None,
        task: asyncio.Future[Table],
    ) -> None:
        """Give each what is its own of the statement's outcome."""
        self._under_way -= 1
        if span is not None:
            span.end()
        if task.cancelled():
            for one in waiting:
                one.outcome.cancel()
            return
        error = task.exception()
        if error is None:
            tables = _by_value(task.result(), [one.value for one in waiting])
            served = _give(waiting, tables, None)
            _joined.add(served if tables else 0)
        else:
            # Who is away is away for all; whatever else it is, each learns it alone.
            away = isinstance(error, SourceError) and error.retriable
            _give(waiting, {}, error if away else None)


def _span(waiting: Sequence[Waiting]) -> trace.Span | None:
    """Begin the span of a common statement: one trace has it, the others link to it.

    None where no question is traced.
    """
    traced = [*dict.fromkeys(one.span for one in waiting if one.span.is_recording())]
    if not traced:
        return None
    first, *others = traced
    span = TRACER.start_span(
        "lookups.joined",
        trace.set_span_in_context(first),
        attributes={"lookups": len(waiting)},
        links=[trace.Link(one.get_span_context()) for one in others],
    )
    for one in others:
        one.add_link(span.get_span_context())
    return span


def _give(
    waiting: Sequence[Waiting], tables: Mapping[str, Table], away: BaseException | None
) -> int:
    """Give each its table, or the error; without either it goes alone."""
    left = [one for one in waiting if not one.outcome.done()]
    for one in left:
        if away is None:
            one.outcome.set_result(tables.get(one.value))
        else:
            one.outcome.set_exception(away)
    return len(left)


def _by_value(table: Table, values: Sequence[str]) -> Mapping[str, Table]:
    """Give each value its table, laid out as if it had been asked for alone.

    None where records are of values that nobody asked for: all are asked for alone.
    """
    records: dict[str, list[tuple[object, ...]]] = {value: [] for value in values}
    for record in table.records:
        told = tuple(record)
        if table.match != 0 or told[0] not in records:
            return {}
        records[told[0]].append(told[1:])
    at = {name: place - 1 for name, place in table.at.items()}
    key, order = table.key - 1, table.order - 1
    return {
        value: Table(table.type, table.source, found, key, order, None, at)
        for value, found in records.items()
    }
