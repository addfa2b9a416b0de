"""Asking several sources at one time; one that fails is missing, and named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from zhitong.exceptions import SourceError
from zhitong.ports import Source
from zhitong.resolvers.looks import note_lost, note_missing
from zhitong.resolvers.readings import Asked, Reading
from zhitong.types import Inquiry, Table, Tally

Part = TypeVar("Part", Table, Sequence[Tally])


async def gather(
    inquiry: Inquiry,
    reading: Reading,
    asked: Sequence[tuple[Asked, Callable[[], Awaitable[Part]]]],
    missing: set[str],
) -> list[tuple[Asked, Part]]:
    """Ask each its question; add those that gave no answer to *missing*."""
    name = reading.entity.name
    answered: list[tuple[Asked, Part]] = []
    for part, result in await _results(inquiry, asked):
        source = part.source
        if isinstance(result, SourceError):
            missing.add(source.name)
            note_missing(inquiry, reading.entity, source, result)
            continue
        answered.append((part, result))
        lost = source.lost(name)
        if lost:
            note_lost(inquiry, reading.entity, source, reading.needed)
            if not reading.compared.isdisjoint(lost):
                missing.add(source.name)  # it compared with nothing
    return answered


async def _results(
    inquiry: Inquiry, asked: Sequence[tuple[Asked, Callable[[], Awaitable[Part]]]]
) -> list[tuple[Asked, Part | SourceError]]:
    """Wait for all; one question alone is awaited where it is, without a task."""
    if len(asked) == 1:
        ((part, question),) = asked
        return [(part, await _unless_away(inquiry, part.source, question))]
    results = await asyncio.gather(
        *(_unless_away(inquiry, part.source, question) for part, question in asked),
        return_exceptions=True,
    )
    given: list[tuple[Asked, Part | SourceError]] = []
    for (part, _), result in zip(asked, results, strict=True):
        if isinstance(result, BaseException) and not isinstance(result, SourceError):
            raise result
        given.append((part, result))
    return given


async def _unless_away(
    inquiry: Inquiry, source: Source, question: Callable[[], Awaitable[Part]]
) -> Part | SourceError:
    """Ask *source*; once it has failed a question, the rest does not wait for it."""
    away = inquiry.away.get(source.name)
    if isinstance(away, SourceError):
        return away
    try:
        return await question()
    except SourceError as error:
        # Its frames hold the inquiry, which is to hold it: a cycle each question.
        fault = error.with_traceback(None)
        if fault.retriable:
            inquiry.away[source.name] = fault
        return fault
