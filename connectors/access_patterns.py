"""Unusual looks found in the register, a day at a time, and told once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST, Connection
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


async def review(
    url: str, patterns: Sequence[Pattern], days: Sequence[date]
) -> Sequence[Noticed]:
    """Look for what is unusual on *days*; give what was not told before."""
    try:
        connection = await primary.connect(url)
        try:
            return await _days(connection, patterns, days)
        finally:
            await connection.close()
    except LOST as error:
        raise _unavailable() from error


class Reviewer:
    """Reviews the register as the only one who does, as long as its session lasts.

    The lock is the session's: another reviewer takes over where this one is lost.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    async def review(
        self, patterns: Sequence[Pattern], days: Sequence[date]
    ) -> Sequence[Noticed] | None:
        """Review *days*; None where another reviewer does it."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await primary.connect(self._url)
            sql = statements("access_patterns")["one_reviewer"]
            if not await self._connection.fetchval(sql):
                return None
            return await _days(self._connection, patterns, days)
        except LOST as error:
            await self.close()
            raise _unavailable() from error

    async def close(self) -> None:
        """Let another review."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _days(
    connection: Connection, patterns: Sequence[Pattern], days: Sequence[date]
) -> Sequence[Noticed]:
    return [
        each
        for day in days
        for each in await _day(connection, in_force(patterns, day), day)
    ]


def _unavailable() -> RecordUnavailableError:
    return RecordUnavailableError(
        "调阅登记簿不可用，请稍后重试",
        "the access register is not available; try again shortly",
    )


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
