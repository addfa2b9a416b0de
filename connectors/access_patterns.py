"""Unusual looks found in the register, a day at a time, and told once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import asyncpg

from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.exceptions import RecordUnavailableError
from zhitong.rules.access_patterns import (
    Group,
    Noticed,
    Pattern,
    Unusual,
    in_force,
    noticed,
)

_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


async def review(
    url: str, patterns: Sequence[Pattern], days: Sequence[date]
) -> Sequence[Noticed]:
    """Look for what is unusual on *days*; give what was not told before."""
    try:
        connection = await asyncpg.connect(url)
        try:
            return [
                each
                for day in days
                for each in await _day(connection, in_force(patterns, day), day)
            ]
        finally:
            await connection.close()
    except _LOST as error:
        raise RecordUnavailableError(
            "调阅登记簿不可用，请稍后重试",
            "the access register is not available; try again shortly",
        ) from error


async def _day(
    connection: Connection, patterns: Mapping[Unusual, Pattern], day: date
) -> Sequence[Noticed]:
    found: dict[str, Noticed] = {}
    for check, pattern in patterns.items():
        sql = statements("access_patterns")[check.replace("-", "_")]
        rows = await connection.fetch(sql, day, pattern.at_least, *_more(pattern))
        for row in rows:
            group = Group(
                whose=row["whose"],
                many=row["many"],
                usual=row["usual"],
                record=row["record_id"],
                at=row["at"],
            )
            one = noticed(pattern, day, group)
            found[one.id] = one
    return await _tell(connection, found)


def _more(pattern: Pattern) -> tuple[float, ...]:
    if pattern.check is Unusual.VOLUME:
        return (pattern.times, pattern.days)
    return pattern.night if pattern.check is Unusual.NIGHT else ()


async def _tell(
    connection: Connection, found: Mapping[str, Noticed]
) -> Sequence[Noticed]:
    every = list(found.values())
    rows = await connection.fetch(
        statements("access_patterns")["tell"],
        [each.id for each in every],
        [each.record for each in every],
        [each.check for each in every],
        [each.text.zh for each in every],
        [each.text.en for each in every],
        [each.source for each in every],
        [each.at for each in every],
    )
    return [found[row["finding_id"]] for row in rows]
