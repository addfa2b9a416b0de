"""What happened to decisions, as the ledger has it: what clocks are computed from.

Receipts are found by their events' ids, which are made of decision, version and change:
what has long been moved out of the sent log is found as well.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST, Connection
from zhitong.connectors.statements import statements
from zhitong.decisions import Act, Change, event_id
from zhitong.exceptions import LedgerUnavailableError
from zhitong.publishing import Person, Step, Taken
from zhitong.rules.clocks import Happening, Milestone
from zhitong.rules.figures import Trigger
from zhitong.rules.publication_flow import declined, released

PAGE = 2_000
SECONDS = 60.0
_UNDOING = {Change.CORRECTED.value, Change.WITHDRAWN.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One decision, as far as clocks need it, and what happened to it."""

    id: UUID
    unit: str
    act: Act
    party: str
    """A code of CounterpartyKind."""
    document_no: str
    decided_on: date
    before_platform: bool
    """Whether it was decided and delivered before the platform began."""
    happenings: tuple[Happening, ...]
    steps: tuple[Taken, ...] = ()
    """What people did to have it shown, in each channel in its order."""


async def clock_facts(
    url: str, unit: str | None = None, decision: UUID | None = None
) -> AsyncGenerator[Facts, None]:
    """Give every decision, *unit*'s or that one, at one moment of the ledger.

    Raises `LedgerUnavailableError`.
    """
    async with snapshot(url) as connection:
        if decision is not None:
            for one in await facts_of(connection, [str(decision)]):
                yield one
            return
        async for page in pages(connection, unit):
            for one in page:
                yield one


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Connection]:
    """Open the ledger at one moment: what is recorded meanwhile is in another report.

    Raises `LedgerUnavailableError`.
    """
    try:
        connection = await primary.connect(url, command_timeout=SECONDS)
        try:
            async with connection.transaction(
                isolation="repeatable_read", readonly=True
            ):
                yield connection
        finally:
            await connection.close()
    except LOST as error:
        raise LedgerUnavailableError(
            "决定台账暂时没有答复，请稍后重试",
            "the ledger does not answer; try again later",
        ) from error


async def pages(
    connection: Connection, unit: str | None = None
) -> AsyncGenerator[Sequence[Facts], None]:
    """Give every decision, or *unit*'s, in the order of their ids."""
    after = ""
    while rows := await connection.fetch(
        statements("clock_facts")["decisions"], after, PAGE, unit
    ):
        yield await _read(connection, rows)
        after = rows[-1]["decision_id"]


async def facts_of(connection: Connection, ids: Sequence[str]) -> Sequence[Facts]:
    """Give the decisions *ids*, those that there are."""
    rows = await connection.fetch(statements("clock_facts")["these"], ids)
    return await _read(connection, rows)


async def _read(
    connection: Connection, rows: Sequence[asyncpg.Record]
) -> Sequence[Facts]:
    events = [list(_events(row)) for row in rows]
    held = await _held(connection, events)
    steps = await _steps(connection, [row["decision_id"] for row in rows])
    return [
        _facts(row, its, held, steps.get(row["decision_id"], ()))
        for row, its in zip(rows, events, strict=True)
    ]


Named: TypeAlias = tuple[int, str]
"""A version, and its event."""
Held: TypeAlias = Mapping[str, Sequence[tuple[str, datetime]]]
"""By event: who holds it, and since when."""


async def _held(connection: Connection, events: Sequence[Sequence[Named]]) -> Held:
    every = [event for its in events for _, event in its]
    found: dict[str, list[tuple[str, datetime]]] = {}
    for one in await connection.fetch(statements("clock_facts")["held"], every):
        found.setdefault(one["event_id"], []).append((one["receiver"], one["at"]))
    return found


async def _steps(
    connection: Connection, ids: Sequence[str]
) -> Mapping[str, Sequence[Taken]]:
    found: dict[str, list[Taken]] = {}
    for one in await connection.fetch(statements("clock_facts")["steps"], ids):
        found.setdefault(one["decision_id"], []).append(_step(one))
    return found


def _step(row: asyncpg.Record) -> Taken:
    return Taken(
        step=Step(row["step"]),
        decision=row["decision_id"],
        channel=row["channel"],
        version=row["version"],
        person=Person(
            unit=row["unit"],
            issuer=row["issuer"],
            subject=row["person"],
            role=row["role"],
        ),
        at=row["at"],
        reason=row["reason"],
        withheld=frozenset(row["withheld"]),
        reference=row["reference"],
    )


def _events(row: asyncpg.Record) -> Iterator[Named]:
    decision = UUID(row["decision_id"])
    for version, change in zip(row["versions"], row["changes"], strict=True):
        yield version, str(event_id(decision, version, Change(change)))


def _facts(
    row: asyncpg.Record, events: Sequence[Named], held: Held, steps: Sequence[Taken]
) -> Facts:
    return Facts(
        id=UUID(row["decision_id"]),
        unit=row["subject_code"],
        act=Act(row["act_type"]),
        party=row["party_kind"],
        document_no=row["document_no"],
        decided_on=row["decided_on"],
        before_platform=row["before_platform"],
        happenings=(*_happenings(row, events, held), *_publication(steps)),
        steps=tuple(steps),
    )


def _happenings(
    row: asyncpg.Record, events: Sequence[Named], held: Held
) -> Iterator[Happening]:
    decided: date = row["decided_on"]
    if not row["before_platform"]:
        # What receivers had before the platform began was never the platform's to send.
        yield Happening(what=Trigger.DECIDED, at=decided, version=1)
    changes = zip(row["versions"], row["changes"], row["moments"], strict=True)
    for version, change, at in changes:
        if change in _UNDOING:
            yield Happening(what=Trigger.UNDONE, at=at, version=version)
        if change == Change.WITHDRAWN:
            yield Happening(what=Milestone.WITHDRAWN, at=at, version=version)
    for version, event in events:
        for receiver, at in held.get(event, ()):
            yield Happening(
                what=Milestone.HELD, at=at, version=version, receiver=receiver
            )


def _publication(steps: Sequence[Taken]) -> Iterator[Happening]:
    """Give what people did that a duty can end by."""
    for channel in {one.channel for one in steps}:
        its = [one for one in steps if one.channel == channel]
        for version, at in released(its).items():
            yield Happening(
                what=Milestone.SHOWN, at=at, version=version, receiver=channel
            )
        for one in declined(its):
            yield Happening(
                what=Milestone.DECLINED,
                at=one.at,
                version=one.version,
                receiver=channel,
            )
