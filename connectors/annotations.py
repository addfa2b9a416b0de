"""What happened to decisions, told to who had them: the platform's one outbox.

One transaction for each: that it is taken, the events, what each receiver is given as
the register has it, and the work of telling whom no event can tell. Whoever is killed
has told nobody, and it is due still.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias
from uuid import UUID

import asyncpg

from zhitong.connectors.access_entry import grants_used
from zhitong.connectors.access_log import ENDED
from zhitong.connectors.loan import LOST, Connection, Pool, lent
from zhitong.connectors.sealing import Sealing
from zhitong.connectors.statements import statements
from zhitong.decisions import (
    ANNOTATED,
    Event,
    Happened,
    annotation_id,
    bucket,
    partition_key,
)
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.work import TOLD
from zhitong.types import Inquiry

PAGE = 1_000
"""What one look takes; the next goes on."""
_NOTICE = (
    *("noticeId", "kind", "status", "number", "sender", "listingNo", "decisionId"),
    *("counterpartyCode", "counterpartyName", "decidedBy", "documentNo", "reason"),
    *("basis", "occurredOn", "endsOn", "changedAt"),
)

Write: TypeAlias = Callable[[Happened], Awaitable[Sequence[tuple[Event, Inquiry]]]]
"""Makes the events of what happened, each with its receiver's look."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one look came to."""

    events: int = 0
    by_hand: int = 0
    """Receivers that somebody is to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAnnotations:
    """What happened to decisions of the platform's database."""

    pool: Pool
    sealing: Sealing
    tenant: str
    log: str = "sha256"
    """The digest that leaves of its log are over."""

    async def tell(self, write: Write) -> Told:
        """Tell what is due by what *write* makes of it.

        Raises `LedgerUnavailableError`: what was not told is due still.
        """
        queries = statements("annotations")
        events = by_hand = 0
        try:
            async with lent(self.pool) as connection:
                await connection.execute(queries["passed"], sorted(TOLD))
                due = await connection.fetch(queries["due"], PAGE)
            for row in due:
                one = await self._tell(row, write)
                events, by_hand = events + one.events, by_hand + one.by_hand
        except LOST as error:
            raise _unavailable() from error
        return Told(events, by_hand)

    async def _tell(self, due: asyncpg.Record, write: Write) -> Told:
        try:
            return await self._told(due, write)
        except asyncpg.PostgresError as error:
            if error.sqlstate != ENDED:
                raise
        # The grant that a receiver's look rests on has ended meanwhile.
        return await self._told(due, _nobody)

    async def _told(self, due: asyncpg.Record, write: Write) -> Told:
        """Tell one, and take it; nothing where another was quicker."""
        # The driver's own class of ids is not the library's.
        cause, decision = UUID(str(due["effect_id"])), UUID(due["decision_id"])
        name = annotation_id(decision, due["change"], cause)
        queries = statements("annotations")
        async with lent(self.pool) as connection, connection.transaction():
            await connection.execute(queries["lock"], due["decision_id"])
            row = await connection.fetchrow(queries["take"], cause, str(name))
            if row is None:
                return Told()
            happened = _happened(row, decision, cause)
            told = await write(happened)
            await self._enter(connection, happened, told)
            had = {event.receiver for event, _ in told}
            left = [one for one in happened.receivers if one not in had]
            await connection.execute(
                queries["leave"],
                str(cause),
                str(decision),
                happened.version,
                happened.what,
                left,
            )
        return Told(len(told), len(left))

    async def _enter(
        self,
        connection: Connection,
        happened: Happened,
        told: Sequence[tuple[Event, Inquiry]],
    ) -> None:
        if not told:
            return
        queries = statements("annotations")
        events, looks = [event for event, _ in told], [look for _, look in told]
        await connection.execute(
            queries["enter"],
            bucket(happened.order),
            str(happened.decision_id),
            happened.version,
            ANNOTATED,
            partition_key(happened.order),
            [str(event.event_id) for event in events],
            [event.receiver for event in events],
            [event.topic for event in events],
            [event.schema for event in events],
            [event.payload for event in events],
        )
        records = self.sealing.records(self.tenant, self.log)
        await connection.execute(
            queries["look"],
            self.tenant,
            [records.entry(look) for look in looks],
            grants_used(looks),
        )


async def _nobody(_: Happened) -> Sequence[tuple[Event, Inquiry]]:
    """Tell nobody by an event."""
    return ()


def _happened(row: asyncpg.Record, decision: UUID, cause: UUID) -> Happened:
    notice = {name: _written(row[name]) for name in _NOTICE}
    return Happened(
        cause=cause,
        what=row["change"],
        decision_id=decision,
        version=row["version"],
        order=row["case_hash"],
        at=row["at"],
        # Of an erasure nobody told us.
        notice={**notice, "version": row["notice_version"]} if row["noticeId"] else {},
        receivers=tuple(row["receivers"]),
        history=frozenset(row["history"]),
    )


def _written(value: object) -> str | None:
    """Write a value as every source gives it."""
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date) else str(value)


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复，标注稍后再发",
        "the platform's database does not answer; what happened is told later",
    )
