"""Asking several sources at one time; one that fails is missing, and named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from zhitong.exceptions import SourceError
from zhitong.ports import Source
from zhitong.resolvers.looks import note_lost, note_missing
from zhitong.resolvers.readings import Asked, Reading
from zhitong.types import Inquiry, Row, Tally

Part = TypeVar("Part", Sequence[Row], Sequence[Tally])


async def gather(
    inquiry: Inquiry,
    reading: Reading,
    asked: Sequence[tuple[Asked, Callable[[], Awaitable[Part]]]],
    missing: set[str],
) -> list[tuple[Asked, Part]]:
    """Ask each its question; add those that gave no answer to *missing*."""
    answered: list[tuple[Asked, Part]] = []
    results = await asyncio.gather(
        *(_unless_away(inquiry, part.source, question) for part, question in asked),
        return_exceptions=True,
    )
    for (part, _), result in zip(asked, results, strict=True):
        source = part.source
        if isinstance(result, SourceError):
            missing.add(source.name)
            note_missing(inquiry, reading.entity, source, result)
        elif isinstance(result, BaseException):
            raise result
        else:
            answered.append((part, result))
            note_lost(inquiry, reading.entity, source, reading.needed)
            if reading.compared & source.lost(reading.entity.name).keys():
                missing.add(source.name)  # it compared with nothing
    return answered


async def _unless_away(
    inquiry: Inquiry, source: Source, question: Callable[[], Awaitable[Part]]
) -> Part:
    """Ask *source*; once it has failed a question, the rest does not wait for it."""
    if source.name in inquiry.away:
        raise inquiry.away[source.name]
    try:
        return await question()
    except SourceError as error:
        if error.retriable:
            inquiry.away[source.name] = error
        raise
