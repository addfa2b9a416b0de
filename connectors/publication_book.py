"""Publications in the platform's database: each step one transaction, with its deed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from zhitong.connectors import deeds
from zhitong.connectors.clock_facts import snapshot
from zhitong.connectors.loan import LOST, Connection, lent
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError, PublicationUnknownError
from zhitong.publishing import (
    Entry,
    Head,
    Published,
    Stage,
    Stood,
    Taken,
    Teller,
)

SECONDS = 10.0
SQL = "publication_book"


class PlatformPublications:
    """Answers the port `zhitong.ports.PublicationBook`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def take(
        self,
        said: Taken,
        teller: Teller,
        judge: Callable[[Entry | None, Published], Entry],
    ) -> Stood:
        """Have *judge* say what the step makes of the publication, and note it.

        Raises what *judge* raises, and `PublicationUnknownError`.
        """
        async with self._connection() as connection, connection.transaction():
            return await _take(connection, said, teller, judge)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with asyncio.timeout(SECONDS), lent(self._pool) as connection:
                yield connection
        except LOST as error:
            raise LedgerUnavailableError(
                "公示登记暂时不可用，请稍后重试",
                "the register of publications is not available now; try again shortly",
            ) from error


def unknown() -> PublicationUnknownError:
    """Say that there is no such decision, or none of the caller's unit."""
    return PublicationUnknownError(
        "没有这件决定，或者不是你的单位的决定，请核对编号",
        "there is no such decision, or it is none of your unit's; check the id",
    )


async def differing(url: str, stages: Mapping[str, str]) -> tuple[int, Sequence[str]]:
    """Hold how publications stand against their steps, and these against deeds.

    *stages* says where each step leads. Gives how many steps there are, and the ids of
    publications that are otherwise. Raises `LedgerUnavailableError`.
    """
    sql = statements(SQL)
    async with snapshot(url) as connection:
        many = int(await connection.fetchval(sql["counted"]))
        rows = await connection.fetch(
            sql["differing"], list(stages), list(stages.values())
        )
    return many, [row["publication_id"] for row in rows]


async def _take(
    connection: Connection,
    said: Taken,
    teller: Teller,
    judge: Callable[[Entry | None, Published], Entry],
) -> Stood:
    sql = statements(SQL)
    place = said.decision, said.channel
    await connection.execute(sql["turn"], said.decision)
    row = await connection.fetchrow(sql["decision"], said.decision)
    if row is None:
        raise unknown()
    stands = await connection.fetchrow(sql["stands"], *place)
    before = None if stands is None else _entry(stands)
    about = _published(row)
    if said.person.unit not in about.units:
        raise unknown()
    if before is not None and await _same(connection, said):
        # Seen is not copied: what took it may still wait for the standby.
        await connection.execute(statements("primary")["copied"])
        return Stood(entry=before, replayed=True)
    after = judge(before, about)
    await _note(connection, said, after)
    await connection.execute(sql["stand"], *_columns(after), teller is Teller.SITE)
    return Stood(entry=after, replayed=False)


async def _same(connection: Connection, said: Taken) -> bool:
    """Say whether the last step is *said*, by the same person in the same words."""
    last = await connection.fetchrow(
        statements(SQL)["last"], said.decision, said.channel
    )
    return last is not None and tuple(last) == (
        said.step.value,
        said.version,
        said.person.issuer,
        said.person.subject,
        said.reason.strip(),
        sorted(said.withheld),
        said.reference.strip(),
    )


async def _note(connection: Connection, said: Taken, after: Entry) -> None:
    """Write the step, and the deed that proves it."""
    who = said.person
    await connection.execute(
        statements(SQL)["step"],
        said.decision,
        said.channel,
        after.steps,
        said.step.value,
        said.version,
        said.at,
        who.unit,
        who.issuer,
        who.subject,
        who.role,
        said.reason.strip(),
        sorted(said.withheld),
        said.reference.strip(),
    )
    await deeds.write(connection, _deed(said, after))


def _deed(said: Taken, after: Entry) -> Deed:
    return Deed(
        kind=DeedKind.CHANGE,
        who=said.person.subject,
        unit=said.person.unit,
        action=f"{said.step.lower().replace('_', '-')}-publication",
        target=f"{said.decision}/{said.channel}",
        reason="",
        detail={
            "number": after.steps,
            "version": said.version,
            "stage": after.stage,
            "role": said.person.role,
            "withheld": sorted(after.withheld),
            "shown": after.shown,
            "downOn": after.down_on,
            "takenAt": said.at,
            # In somebody's own words, which may name a person: digests prove them.
            "reason": _digest(said.reason),
            "reference": _digest(said.reference),
        },
    )


def _digest(words: str) -> str:
    said = words.strip()
    return said and hashlib.sha256(said.encode()).hexdigest()


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(
        decision=row["decision_id"],
        channel=row["channel"],
        version=row["version"],
        stage=Stage(row["stage"]),
        steps=row["steps"],
        at=row["at"],
        withheld=frozenset(row["withheld"]),
        issuer=row["issuer"],
        collector=row["collector"],
        reason=row["reason"],
        shown=row["shown"],
        shown_at=row["shown_at"],
        first_at=row["first_at"],
        down_on=row["down_on"],
        reference=row["reference"],
    )


def _columns(entry: Entry) -> tuple[object, ...]:
    return (
        entry.decision,
        entry.channel,
        entry.version,
        entry.stage.value,
        entry.steps,
        entry.at,
        sorted(entry.withheld),
        entry.issuer,
        entry.collector,
        entry.reason,
        entry.shown,
        entry.shown_at,
        entry.first_at,
        entry.down_on,
        entry.reference,
    )


def _published(row: asyncpg.Record) -> Published:
    return Published(
        head=Head(version=row["version"], undone=row["change"] == "WITHDRAWN"),
        units=frozenset({row["subject_code"], row["recorded_by"]}),
        act=row["act_type"],
        party=row["party_kind"],
        kinds=frozenset(row["penalty_kinds"]),
        procedure=row["procedure"] or "",
        decided_on=row["decided_on"],
    )
