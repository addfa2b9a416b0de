"""Grants in the platform's database: each step one transaction; what is in force."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import asyncpg

from zhitong.connectors import deeds
from zhitong.connectors.grant_rows import (
    application,
    columns,
    deed,
    digest,
    grant,
    suspension,
)
from zhitong.connectors.loan import LOST, Connection, lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import (
    GrantConflictError,
    GrantStaleError,
    GrantUnknownError,
    LedgerUnavailableError,
)
from zhitong.grants import (
    Act,
    Application,
    GrantState,
    GrantStep,
    InForce,
    Person,
    Taken,
    Unreviewed,
)

SECONDS = 10.0


class PlatformGrants:
    """Answers the port `zhitong.ports.GrantBook`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def in_force(self, now: datetime) -> InForce:
        """Give the grants that are in force at *now*, or agreed to begin later.

        Raises `LedgerUnavailableError` where that cannot be read.
        """
        async with self._connection() as connection:
            statement = statements("grants")["in_force"]
            rows = await connection.fetch(statement, now, timeout=SECONDS)
        return InForce(
            counter=rows[0]["counter"],
            grants=tuple(grant(row) for row in rows if row["grant_id"] is not None),
        )

    async def counter(self) -> int:
        """Give the number of changes; while it stands, what is in force stands."""
        async with self._connection() as connection:
            statement = statements("grants")["counter"]
            return int(await connection.fetchval(statement, timeout=SECONDS))

    async def find(self, grant_id: str) -> Application | None:
        """Give the application as it stands."""
        async with self._connection() as connection:
            row = await connection.fetchrow(statements("grants")["find"], grant_id)
        return None if row is None else application(row)

    async def copied(self) -> None:
        """Wait until what was seen there is on the standby, if there is one."""
        async with self._connection() as connection:
            await connection.execute(statements("primary")["copied"])

    async def unreviewed(
        self, unit: str, person: str, at: datetime
    ) -> Sequence[Unreviewed]:
        """Give emergencies whose review is overdue *at* that moment, the oldest first.

        Those of *unit*, and those of whoever has this subject, anywhere.
        """
        async with self._connection() as connection:
            statement = statements("grants")["unreviewed"]
            rows = await connection.fetch(statement, unit, person, at)
        return [
            Unreviewed(
                grant=row["grant_id"],
                who=Person(issuer=row["issuer"], subject=row["person"]),
                due_at=row["due_at"],
            )
            for row in rows
        ]

    async def enter(self, made: Application, act: Act) -> Taken:
        """Enter a new application, or find that it was entered so.

        Raises `GrantConflictError` where another has its id.
        """
        async with self._connection() as connection, connection.transaction():
            return await enter(connection, made, act)

    async def take(
        self, act: Act, judge: Callable[[Application, Act], Application]
    ) -> Taken:
        """Have *judge* say what *act* makes of the application, and note it.

        Raises what *judge* raises, `GrantUnknownError`, and `GrantStaleError` where
        the application has gone on.
        """
        async with self._connection() as connection, connection.transaction():
            return await take(connection, act, judge)

    async def expire(
        self, now: datetime, judge: Callable[[Application], tuple[Act, Application]]
    ) -> int:
        """Note what has run out by *now*; give how many there were."""
        sql = statements("grants")
        async with self._connection() as connection, connection.transaction():
            rows = await connection.fetch(sql["over"], now)
            for row in rows:
                before = application(row)
                act, after = judge(before)
                await connection.execute(sql["change"], columns(after))
                await _note(connection, act, before, after)
            return len(rows)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with asyncio.timeout(SECONDS), lent(self._pool) as connection:
                yield connection
        except LOST as error:
            raise LedgerUnavailableError(
                "授权登记暂时不可用，请稍后重试",
                "the register of grants is not available now; try again shortly",
            ) from error


async def enter(connection: Connection, made: Application, act: Act) -> Taken:
    """Enter *made* in the transaction that *connection* is in.

    Raises `GrantConflictError` where another has its id.
    """
    sql = statements("grants")
    if await connection.fetchval(sql["enter"], columns(made)) is not None:
        await _note(connection, act, None, made)
        return Taken(application=made, replayed=False)
    if await connection.fetchval(sql["said"], made.id, 1) != digest(act):
        raise GrantConflictError(
            "这个申请编号已有另一件申请，请换一个编号",
            "another application has this id; choose another id",
        )
    (row,) = await connection.fetch(sql["find"], made.id)
    # Seen is not copied: what entered it may still wait for the standby.
    await connection.execute(statements("primary")["copied"])
    return Taken(application=application(row), replayed=True)


async def take(
    connection: Connection,
    act: Act,
    judge: Callable[[Application, Act], Application],
) -> Taken:
    """Take *act* in the transaction that *connection* is in."""
    sql = statements("grants")
    row = await connection.fetchrow(sql["lock"], act.grant)
    if row is None:
        raise unknown()
    before = application(row)
    if act.step is GrantStep.JUDGE:
        # It names no version: each emergency is judged once.
        if await connection.fetchval(sql["judged"], act.grant) == digest(act):
            return Taken(application=before, replayed=True)
    elif before.version != act.version:
        said = None
        if 0 < act.version < before.version:
            said = await connection.fetchval(sql["said"], act.grant, act.version + 1)
        if said != digest(act):
            raise _stale(before, act)
        return Taken(application=before, replayed=True)
    people = await _people(connection, before, act.at)
    after = judge(replace(before, people=people), act)
    await connection.execute(sql["change"], columns(after))
    await _note(connection, act, before, after)
    return Taken(application=after, replayed=False)


def unknown() -> GrantUnknownError:
    """Say that there is no such application, or none for the caller."""
    return GrantUnknownError(
        "没有这件申请，或者与你的单位无关，请核对编号",
        "there is no such application, or it is none of your unit's; check the id",
    )


async def _note(
    connection: Connection, act: Act, before: Application | None, after: Application
) -> None:
    """Write the step, and the deed that proves it."""
    due = None if before is None else before.due
    late = before is not None and len(after.late) > len(before.late)
    await connection.execute(
        statements("grants")["step"],
        after.id,
        after.version,
        act.step.value,
        after.state.value,
        act.at,
        act.actor.unit,
        act.actor.person,
        act.actor.issuer,
        act.actor.role,
        act.reason,
        None if due is None else due.at,
        late,
        digest(act),
    )
    await deeds.write(connection, deed(act, after, due, late=late))
    if before is not None and _ended(before, after):
        held = statements("grants")["held"]
        name = await connection.fetchval(held, after.terms.receiver, after.id)
        if name is not None:
            await deeds.write(connection, suspension(act, after))


async def _people(
    connection: Connection, stands: Application, at: datetime
) -> frozenset[Person]:
    """Name who has acted for the unit that applied."""
    statement = statements("grants")["people"]
    rows = await connection.fetch(statement, stands.id, stands.unit, at)
    return frozenset(Person(*row) for row in rows)


def _ended(before: Application, after: Application) -> bool:
    """Say whether a stream that rested on the grant rests on it no more."""
    in_force = GrantState.IN_FORCE
    ended = before.state is in_force and after.state is not in_force
    return ended and after.terms.receiver is not None


def _stale(stands: Application, act: Act) -> GrantStaleError:
    return GrantStaleError(
        f"要办理的是第 {act.version} 版，现行的是第 {stands.version} 版"
        f"（{stands.state}）；请读取后再办理",
        f"the step is about version {act.version}, version {stands.version} is present "
        f"({stands.state}); read it first",
        version=str(stands.version),
        state=stands.state,
    )
