"""Differences planted in one of two executors, each as an executor could make it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from executors import Side
from pair_faults import PairFault
from wavering_sources import Wavering

from zhitong.resolvers.readings import Found, Now, Reading
from zhitong.schema.engine import Answer
from zhitong.types import Allow, Inquiry, Look, RowQuery, Ruling, Table

Json = Any


Records = list[Any]
"""Of one table, each a tuple of cells."""


def _of_tables(change: Callable[[Table], Records]) -> Callable[[Side], None]:
    """Have sources of one side give other records."""

    def plant(side: Side) -> None:
        for source in side.sources.values():
            _wrap(source, change)

    return plant


def _wrap(source: Wavering, change: Callable[[Table], Records]) -> None:
    table = source.table

    async def changed(query: RowQuery) -> Table:
        found = await table(query)
        return replace(found, records=change(found))

    source.table = changed  # type: ignore[method-assign] # that is the plant


def _off_by_one(table: Table) -> Records:
    """Put each value into the column beside it."""
    places = [*table.at.values()]
    beside = dict(zip(places, [*places[1:], *places[:1]], strict=True))
    return [
        tuple(record[beside.get(place, place)] for place in range(len(record)))
        for record in table.records
    ]


def _last_lost(table: Table) -> Records:
    return [*table.records[:-1]]


def masks_are_dropped(side: Side) -> None:
    """Ask sources for values as they are."""
    for source in side.sources.values():
        _unmask(source)


def _unmask(source: Wavering) -> None:
    table = source.table

    async def bare(query: RowQuery) -> Table:
        columns = tuple(
            replace(column, rulings=(Ruling(Allow("planted")),))
            for column in query.columns
        )
        return await table(replace(query, columns=columns))

    source.table = bare  # type: ignore[method-assign] # that is the plant


def _after_read(change: Callable[[Inquiry], None]) -> Callable[[Side], None]:
    """Spoil what a read of one side leaves in the inquiry."""

    def plant(side: Side) -> None:
        read = side.reader.read

        async def spoilt(inquiry: Inquiry, reading: Reading, now: Now) -> Found:
            found = await read(inquiry, reading, now)
            change(inquiry)
            return found

        side.reader.read = spoilt  # type: ignore[method-assign] # that is the plant

    return plant


def _forget_restriction(inquiry: Inquiry) -> None:
    if inquiry.restrictions:
        inquiry.restrictions.popitem()


def _forget_key(inquiry: Inquiry) -> None:
    for number, look in enumerate(inquiry.looks):
        if look.keys:
            inquiry.looks[number] = _shorter(look)
            return


def _shorter(look: Look) -> Look:
    return replace(look, keys=look.keys[:-1], rows=look.rows - 1)


def _forget_gap(inquiry: Inquiry) -> None:
    inquiry.gaps.clear()


def small_counts_are_shown(side: Side) -> None:
    """Say of every type that its smallest count may be told."""
    verdicts = side.reader.verdicts

    def open_(*given: Any) -> Any:  # noqa: ANN401 - as the reader has it
        return replace(verdicts(*given), smallest_cell=0)

    side.reader.verdicts = open_  # type: ignore[method-assign,assignment] # as above


def verdicts_are_kept_too_long(side: Side) -> None:
    """Remember a verdict by its type alone: the next asker has the last one's."""
    decide, known = side.reader._decide, {}

    def kept(inquiry: Inquiry, entity: Any, *given: Any) -> Any:  # noqa: ANN401 - as above
        if entity.name not in known:
            known[entity.name] = decide(inquiry, entity, *given)
        return known[entity.name]

    side.reader._decide = kept  # type: ignore[method-assign,assignment] # as above


def _of_answers(change: Callable[[Json], Json]) -> Callable[[Side], None]:
    """Spoil the body of one side's answers."""

    def plant(side: Side) -> None:
        engine = side.engine

        def spoiling(fault: Any) -> Any:  # noqa: ANN401 - as the side has it
            made, recorder, register = engine(fault)
            answer: Callable[..., Awaitable[Answer]] = made.answer

            async def spoilt(question: Any) -> Answer:  # noqa: ANN401 - as above
                given = await answer(question)
                body = change(orjson.loads(orjson.dumps(given.body)))
                return replace(given, body=body, payload=orjson.dumps(body))

            made.answer = spoilt  # type: ignore[method-assign] # that is the plant
            return made, recorder, register

        side.engine = spoiling  # type: ignore[method-assign] # that is the plant

    return plant


def _without_index(body: Json) -> Json:
    for error in body.get("errors", ()):
        if "path" in error:
            error["path"] = [step for step in error["path"] if isinstance(step, str)]
    return body


def _swapped(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _swapped(value[name]) for name in reversed(value)}
    return [_swapped(one) for one in value] if isinstance(value, list) else value


def _keys_swapped(body: Json) -> Json:
    return {**body, "data": _swapped(body.get("data"))}


def budgets_are_doubled(side: Side) -> None:
    """Let one side's questions read and build twice as much."""
    side.most = 2


@dataclass(frozen=True, slots=True)
class Planted:
    """One difference, and what it shows in where that is seldom asked."""

    name: str
    plant: Callable[[Side], None]
    asker: str = ""
    fault: PairFault | None = None


PLANTED = (
    Planted("a column off by one", _of_tables(_off_by_one)),
    Planted("the last row lost", _of_tables(_last_lost)),
    Planted("masks dropped", masks_are_dropped),
    Planted("a restriction not noted", _after_read(_forget_restriction)),
    Planted("a look's keys one short", _after_read(_forget_key)),
    Planted("a missing source not named", _after_read(_forget_gap)),
    Planted("small counts shown", small_counts_are_shown, asker="dashboard"),
    Planted("verdicts kept for another asker", verdicts_are_kept_too_long),
    Planted("an error's path without its place", _of_answers(_without_index)),
    Planted("keys in another order", _of_answers(_keys_swapped)),
    Planted("the budget doubled", budgets_are_doubled, fault=PairFault(budget=60)),
)
