"""Chasing 催办: what is over its time becomes work, and what was answered ends.

One transaction behind a lock that one process holds, so that it may run beside every
relay, be killed anywhere, and be run again: what is work already is not work twice.

What it costs follows from what is new and what is due, and not from what was ever sent
or stands open: a correction is looked at soon after it has left, and when its time is
over; work is looked through while what was filed beside it may not have been seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from zhitong.connectors.loan import Plain
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.work import Due, WorkClocks, WorkKind

PAGE = 5_000
"""Rows of a kind that one statement takes."""
PAGES = 20
"""Of corrections, in one look; the next goes on."""
SETTLING = timedelta(minutes=10)
"""What has only just left is not chased, however long it was held here."""
BESIDE = timedelta(minutes=10)
"""No transaction that files receipts lasts as long."""
AGAIN = timedelta(days=1)
"""After which a correction's clock is computed anew: rules and days off change."""
SECONDS = 60.0

AnswerBy = Callable[[str, datetime], Due]
"""Says until when a receiver has to answer a version that was recorded then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """How much there is to do of a kind about a receiver."""

    receiver: str
    kind: WorkKind
    open: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chased:
    """What one look came to."""

    opened: int
    ended: int
    left: tuple[OpenWork, ...]


class Chase(Session):
    """The work of the platform's database, for the time of an ``async with``."""

    SQL = "work"

    def __init__(self, url: str) -> None:
        super().__init__(url, SECONDS)

    async def look(self, clocks: WorkClocks, answer_by: AnswerBy) -> Chased | None:
        """Open what is over its time, end what is answered; None where another does.

        Raises `LedgerUnavailableError`: nothing was done.
        """
        async with self._connected() as connection, connection.transaction():
            (turn,) = await _all(connection, "alone")
            if not turn["alone"]:
                return None
            now: datetime = turn["now"]
            ended = len(await _all(connection, "ended"))
            await _all(connection, "checked", now - BESIDE)
            opened = await _chase(connection, answer_by, now)
            await _time(connection, clocks)
            left = await _all(connection, "counts")
        return Chased(
            opened=opened,
            ended=ended,
            left=tuple(
                OpenWork(
                    receiver=row["receiver"],
                    kind=WorkKind(row["kind"]),
                    open=row["open"],
                    late=row["late"],
                )
                for row in left
            ),
        )

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，稍后再催办",
            "the platform's database does not answer; it is chased later",
        )


async def _chase(connection: Plain, answer_by: AnswerBy, now: datetime) -> int:
    """Open what receivers should have answered by *now*; say how many."""
    opened = 0
    for _ in range(PAGES):
        found = await _all(connection, "awaited", now, PAGE)
        late: list[tuple[asyncpg.Record, Due]] = []
        waits: list[tuple[asyncpg.Record, datetime]] = []
        for row in found:
            if row["answered"]:
                continue
            due = answer_by(row["receiver"], row["recorded_at"])
            first = max(due.at, row["left_at"] + SETTLING)
            if first <= now:
                late.append((row, due))
            else:
                waits.append((row, min(first, now + AGAIN)))
        opened += await _open(connection, late)
        await _wait(connection, waits)
        if len(found) < PAGE:
            break
    return opened


async def _open(connection: Plain, late: Sequence[tuple[asyncpg.Record, Due]]) -> int:
    if not late:
        return 0
    made = await _all(
        connection,
        "chase",
        [row["receiver"] for row, _ in late],
        [row["event_id"] for row, _ in late],
        [row["decision_id"] for row, _ in late],
        [row["version"] for row, _ in late],
        [row["change"] for row, _ in late],
        [due.at for _, due in late],
        [due.provisional for _, due in late],
    )
    return len(made)


async def _wait(
    connection: Plain, waits: Sequence[tuple[asyncpg.Record, datetime]]
) -> None:
    if waits:
        await _all(
            connection,
            "look_later",
            [row["event_id"] for row, _ in waits],
            [row["receiver"] for row, _ in waits],
            [at for _, at in waits],
        )


async def _time(connection: Plain, clocks: WorkClocks) -> None:
    """Say until when work is due, where nobody did or days off were not known."""
    timed = sorted({one.kind for one in clocks.clocks})
    dues = [
        (row["item_id"], due)
        for row in await _all(connection, "untimed", timed, PAGE)
        if (due := clocks.due(WorkKind(row["kind"]), row["opened_at"])) is not None
    ]
    if dues:
        await _all(
            connection,
            "time",
            [item for item, _ in dues],
            [due.at for _, due in dues],
            [due.provisional for _, due in dues],
        )


async def _all(
    connection: Plain, name: str, *values: object
) -> Sequence[asyncpg.Record]:
    return list(await connection.fetch(statements("work")[name], *values))
