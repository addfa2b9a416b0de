"""The clocks as they are stored: computed anew for what was touched, and by new rules.

- Whatever happens to a decision touches it, in the transaction in which it happens; who
  computes takes touches and stores what the rules make of the decision as it is then.
  Killed anywhere, both happened or neither.
- A last day follows from a duty and a day on which it began: where the calendar changes
  these few hundred are computed, and the clocks follow in one statement.
"""

from __future__ import annotations

import operator
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg
import orjson

from zhitong.connectors.clock_facts import Facts, facts_of, pages, snapshot
from zhitong.connectors.loan import Connection
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.clock_rules import ClockRules, Digests
from zhitong.rules.clocks import Clock, Duty, State
from zhitong.rules.due_days import Basis, moved
from zhitong.rules.terms import Note
from zhitong.rules.working_days import day_of

TAKEN = 5_000
"""Touches that one transaction takes."""
SECONDS = 300.0

Row = tuple[
    str,
    str,
    int,
    str,
    date,
    date,
    date,
    date | None,
    datetime | None,
    str | None,
    bool,
]
"""A stored clock: decision, duty, version, unit, when it started, is due and near;
its end by day and moment, what ended it, whether that left nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look came to."""

    taken: int = 0
    """Touches; fewer than `TAKEN`: nothing is left."""
    turn: bool = True
    """Whether it was this process's turn: another computes at this moment if not."""
    replaced: bool = False
    """Another process has adopted other rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What new rules changed."""

    days: int
    """Days on which clocks began and that now have other last days or reasons."""
    clocks: int
    """Clocks whose last day, or the day from which it is near, is another."""
    again: bool
    """Whether every decision is computed anew: there are other duties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """How many clocks of a duty stand so, and are still to be done."""

    duty: str
    state: State
    many: int


class ClockBook(Session):
    """The stored clocks of the platform's database, for an ``async with``.

    Each call raises `LedgerUnavailableError`, and nothing was done then.
    """

    SQL = "clock_book"

    def __init__(self, url: str) -> None:
        super().__init__(url, SECONDS)

    async def adopt(self, rules: ClockRules) -> Moved | None:
        """Have the clocks go by *rules* from now on; None: another is at it."""
        async with self._connected() as connection, connection.transaction():
            if not await _alone(connection):
                return None
            await _run(connection, "name", *_named(rules.duties))
            before = await _digests(connection)
            if before == rules.digests:
                return Moved(days=0, clocks=0, again=False)
            found = await _move(connection, rules)
            again = before is not None and before.duties != rules.digests.duties
            if again:
                await _run(connection, "touch_all")
            await _run(connection, "adopt", *rules.digests)
        return Moved(days=found[0], clocks=found[1], again=again)

    async def look(self, rules: ClockRules) -> Looked:
        """Compute what was touched, at most `TAKEN` of it."""
        async with self._connected() as connection, connection.transaction():
            if not await _alone(connection):
                return Looked(turn=False)
            if await _digests(connection) != rules.digests:
                return Looked(replaced=True)
            taken = await _all(connection, "taken", TAKEN)
            ids = sorted({row["decision_id"] for row in taken})
            if ids:
                await _store(connection, rules, ids, await facts_of(connection, ids))
        return Looked(taken=len(taken))

    async def open(self) -> Sequence[Open]:
        """Count what is still to be done, by duty and by how it stands."""
        return [
            Open(
                duty=str(row["duty"]),
                state=State(str(row["state"])),
                many=int(str(row["many"])),
            )
            for row in await self._fetch("open")
        ]

    async def behind(self) -> int:
        """Count the touches that wait, to 100,000 exactly."""
        (row,) = await self._fetch("behind")
        return int(str(row["count"]))

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，时钟稍后再算",
            "the platform's database does not answer; clocks are computed later",
        )


async def differing(
    url: str, rules: ClockRules
) -> AsyncGenerator[tuple[int, Sequence[str]], None]:
    """Hold the stored clocks against what *rules* make of the ledger, page by page.

    Gives how many were compared and the ids of decisions whose clocks are otherwise;
    what is touched and not computed yet is passed over.
    Raises `LedgerUnavailableError`.
    """
    async with snapshot(url) as connection:
        waiting = {row[0] for row in await _all(connection, "touched")}
        async for page in pages(connection):
            asked = [one for one in page if str(one.id) not in waiting]
            stored = await _all(connection, "stored", [str(one.id) for one in asked])
            kept = {tuple(row.values())[:-1] for row in stored}
            made = {row for one in asked for row in rows_of(one, rules)}
            yield len(made), sorted({row[0] for row in kept ^ made})
        (strays,) = await _all(connection, "strays")
        if strays["count"]:
            yield 0, [f"{strays['count']} ?"]


def rows_of(facts: Facts, rules: ClockRules) -> Iterable[Row]:
    """Give the clocks of one decision as they are stored."""
    for clock in rules.clocks(facts.act, facts.party, facts.happenings):
        yield _row(facts, clock, rules)


def _row(facts: Facts, clock: Clock, rules: ClockRules) -> Row:
    ended = clock.ended
    moment = ended if isinstance(ended, datetime) else None
    due = clock.due.day
    return (
        str(facts.id),
        clock.duty.name,
        clock.version,
        facts.unit,
        clock.due.started,
        due,
        rules.near(clock.duty, due),
        day_of(moment) if moment else ended,
        moment,
        clock.by.value if clock.by else None,
        clock.by is not None and clock.by is not clock.duty.done,
    )


async def _store(
    connection: Connection,
    rules: ClockRules,
    ids: Sequence[str],
    every: Sequence[Facts],
) -> None:
    clocks: list[Row] = []
    rests: dict[tuple[str, date], tuple[Basis, date]] = {}
    for facts in every:
        for clock in rules.clocks(facts.act, facts.party, facts.happenings):
            row = _row(facts, clock, rules)
            clocks.append(row)
            key = clock.duty.name, clock.due.started
            if key not in rests:
                rests[key] = clock.due.basis, row[6]
    await _rest(connection, rests)
    columns = list(zip(*clocks, strict=True)) or [()] * 11
    await _run(connection, "store", ids, *columns)


async def _rest(
    connection: Connection, rests: Mapping[tuple[str, date], tuple[Basis, date]]
) -> None:
    if rests:
        await _run(
            connection,
            "rest",
            [duty for duty, _ in rests],
            [started for _, started in rests],
            [basis.day for basis, _ in rests.values()],
            [near for _, near in rests.values()],
            [basis.rule for basis, _ in rests.values()],
            [basis.source for basis, _ in rests.values()],
            [orjson.dumps(basis.calendars).decode() for basis, _ in rests.values()],
            [orjson.dumps(basis.notes).decode() for basis, _ in rests.values()],
        )


async def _move(connection: Connection, rules: ClockRules) -> tuple[int, int]:
    """Compute the last days anew; say how many days, and clocks, have others."""
    duties = {one.name: one for one in rules.duties}
    rests: dict[tuple[str, date], tuple[Basis, date]] = {}
    told: list[tuple[str, date, date, date, str, str]] = []
    gone: list[tuple[str, date]] = []
    for row in await _all(connection, "rests"):
        key = row["duty"], row["started_on"]
        duty = duties.get(row["duty"])
        after = rules.basis(duty, row["started_on"]) if duty else None
        if duty is None or after is None:
            gone.append(key)
            continue
        before = _basis(row)
        near = rules.near(duty, after.day)
        why = moved(before, after)
        if why is not None:
            told.append((*key, before.day, after.day, why.zh, why.en))
        if why is not None or near != row["near_on"]:
            rests[key] = after, near
    clocks = 0
    if rests:
        await _rest(connection, rests)
        done = await connection.execute(
            statements("clock_book")["move"],
            [duty for duty, _ in rests],
            [started for _, started in rests],
            [basis.day for basis, _ in rests.values()],
            [near for _, near in rests.values()],
        )
        clocks = int(done.rpartition(" ")[2])
    if told:
        await _run(connection, "told", *zip(*told, strict=True))
    if gone:
        await _run(connection, "forget", *zip(*gone, strict=True))
    return len(rests) + len(gone), clocks


def _basis(row: asyncpg.Record) -> Basis:
    return Basis(
        started=row["started_on"],
        day=row["due_on"],
        rule=row["rule"],
        source=row["source"],
        calendars=tuple(row["calendars"]),
        notes=tuple(map(Note, row["notes"])),
    )


def _named(duties: Sequence[Duty]) -> Sequence[Sequence[str | None]]:
    names, zh, en, receivers, figures = (
        list(map(operator.attrgetter(name), duties))
        for name in ("name", "title.zh", "title.en", "receiver", "figure.name")
    )
    return names, zh, en, [receiver or None for receiver in receivers], figures


async def _alone(connection: Connection) -> bool:
    (row,) = await _all(connection, "alone")
    return bool(row["alone"])


async def _digests(connection: Connection) -> Digests | None:
    for row in await _all(connection, "rules"):
        return Digests(duties=row["duties"], calendar=row["calendar"])
    return None


async def _run(connection: Connection, name: str, *values: object) -> None:
    await connection.execute(statements("clock_book")[name], *values)


async def _all(
    connection: Connection, name: str, *values: object
) -> Sequence[asyncpg.Record]:
    return list(await connection.fetch(statements("clock_book")[name], *values))
