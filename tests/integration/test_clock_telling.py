"""The stream of clocks: told as they change and as days go by, each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, timedelta

import asyncpg
import orjson
import pytest
from answers import file, held, leave
from entries import decision, entry, ledger_over, prepare
from ledger_rows import run
from told_clocks import CREDIT_DUTIES

from zhitong.connectors.clock_book import ClockBook
from zhitong.connectors.clock_events import ClockEvents
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, Decision
from zhitong.infra.clock_rules import clock_rules, read_clock_rules
from zhitong.infra.clock_telling import ClockTelling
from zhitong.infra.settings import Settings
from zhitong.rules.clock_events import ClockEvent
from zhitong.rules.clock_rules import ClockRules
from zhitong.rules.working_days import Calendar, Year
from zhitong.streams.clock_stream import send, source
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer

pytestmark = pytest.mark.integration

RULES = read_clock_rules(Settings(duties=CREDIT_DUTIES))
TOPIC = "zhitong.anze.clocks.v1"
OF = source("anze", "619900")
FIRST = date(2026, 11, 20)
"""Decided then; near on 27 November, due on 1 December."""


class Calm:
    async def calm(self) -> None:
        await asyncio.sleep(0)


class Watched:
    """Computes and tells by a day of its own, to a topic in memory."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.broker = MemoryBroker({TOPIC: 4})
        self.producer = MemoryProducer(self.broker)

    async def on(self, day: date, rules: ClockRules = RULES) -> list[str]:
        """Compute and tell as of *day*; give what came about, by its duty."""
        before = len(self.said)
        async with ClockBook(self.url) as book:
            await book.adopt(rules)
            while (await book.look(rules)).taken:
                pass
        async with ClockEvents(self.url) as events:
            while await events.tell(day):
                pass
            while await events.hand(self.send):
                pass
        return [f"{one['what']} {one['duty']}" for one in self.said[before:]]

    async def send(self, events: Sequence[ClockEvent]) -> Collection[int]:
        sent, _ = send(self.producer, events, "anze", OF)
        return sent

    @property
    def values(self) -> list[bytes]:
        return [one.value for one in self.broker.messages.get(TOPIC, ())]

    @property
    def said(self) -> list[dict[str, object]]:
        return [orjson.loads(value)["data"] for value in self.values]


def numbered(number: int) -> Decision:
    return decision(
        local_id=f"T-{number}",
        case_no=f"AZYJ-2026-T{number:04}",
        document_no=f"（安）应急罚〔2026〕9{number}号",
    )


@pytest.fixture
async def ledger(database: str) -> AsyncIterator[PlatformLedger]:
    await prepare(database)
    async with ledger_over(database) as (opened, _):
        yield opened


@pytest.fixture
def watched(database: str) -> Watched:
    return Watched(database)


async def test_it_starts_is_due_soon_late_and_done_each_told_once(
    ledger: PlatformLedger, database: str, watched: Watched
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    duty = "credit-published"
    assert await watched.on(FIRST) == [f"STARTED {duty}"]
    assert await watched.on(FIRST) == []
    assert await watched.on(date(2026, 11, 26)) == []
    assert await watched.on(date(2026, 11, 27)) == [f"SOON {duty}"]
    assert await watched.on(date(2026, 12, 1)) == []
    assert await watched.on(date(2026, 12, 2)) == [f"LATE {duty}"]
    # A wall clock that is set back untells nothing, and what it missed is told once.
    assert await watched.on(date(2026, 11, 25)) == []
    assert await watched.on(date(2026, 12, 20)) == []
    await leave(database)
    await file(database, held(first, "credit"))
    # The receipt's own moment counts: it was in time, though that came to light later.
    assert await watched.on(date(2026, 12, 20)) == [f"DONE {duty}"]
    *_, last = watched.said
    assert (last["state"], last["ended_by"]) == ("DONE", "HELD")
    revisions = [int(str(one["revision"])) for one in watched.said]
    assert revisions == sorted(set(revisions))
    assert await run(database, "select from clock_event") == []


async def test_a_wall_clock_set_back_tells_by_no_earlier_day(
    ledger: PlatformLedger, watched: Watched
) -> None:
    await ledger.commit(entry(numbered(1)))
    await watched.on(date(2026, 12, 20))
    # What is new is told as of the latest day that clocks were told by.
    await ledger.commit(entry(numbered(2)))
    assert await watched.on(FIRST) == ["LATE credit-published"]


async def test_days_that_nobody_looked_on_are_told_as_they_stand(
    ledger: PlatformLedger, watched: Watched
) -> None:
    await ledger.commit(entry(numbered(1)))
    assert await watched.on(date(2026, 12, 20)) == ["LATE credit-published"]


async def test_another_calendar_moves_and_a_duty_that_goes_is_gone_and_comes_back(
    ledger: PlatformLedger, watched: Watched
) -> None:
    await ledger.commit(entry(numbered(1)))
    await watched.on(FIRST)
    year = RULES.calendar.years[2026]
    off = year.off | {date(2026, 12, 1)}
    other = Calendar({**RULES.calendar.years, 2026: Year(off, year.worked, ("雪",))})
    moved = clock_rules(RULES.duties, other)
    assert await watched.on(FIRST, moved) == ["MOVED credit-published"]
    assert watched.said[-1]["due_on"] == "2026-12-02"
    none = clock_rules(RULES.duties[1:], other)
    assert await watched.on(FIRST, none) == ["GONE credit-published"]
    assert await watched.on(FIRST, moved) == ["STARTED credit-published"]
    revisions = [int(str(one["revision"])) for one in watched.said]
    assert revisions == sorted(set(revisions))


async def test_a_withdrawal_lapses_one_and_starts_another(
    ledger: PlatformLedger, watched: Watched
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    await watched.on(FIRST)
    await ledger.commit(entry(first.decision, 2, Change.WITHDRAWN, reason="撤销"))
    assert sorted(await watched.on(date(2026, 11, 23))) == [
        "LAPSED credit-published",
        "STARTED credit-withdrawn",
    ]


async def test_what_the_broker_has_and_we_do_not_know_comes_again_the_same(
    ledger: PlatformLedger, watched: Watched
) -> None:
    for number in range(5):
        await ledger.commit(entry(numbered(number)))
    watched.broker.away = True
    await watched.on(FIRST)
    assert watched.values == []
    watched.broker.away = False

    async def dies(events: Sequence[ClockEvent]) -> Collection[int]:
        send(watched.producer, events, "anze", OF)
        raise ConnectionResetError

    async with ClockEvents(watched.url) as events:
        with pytest.raises(Exception, match=r".*"):
            await events.hand(dies)
    assert len(watched.values) == 5
    await watched.on(FIRST)
    assert len(watched.values) == 10
    assert sorted(watched.values[:5]) == sorted(watched.values[5:])
    assert len({orjson.loads(value)["id"] for value in watched.values}) == 5


async def test_one_tells_at_a_time(
    ledger: PlatformLedger, database: str, watched: Watched
) -> None:
    await ledger.commit(entry(numbered(1)))
    async with ClockBook(database) as book:
        await book.adopt(RULES)
        await book.look(RULES)
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction(), ClockEvents(database) as events:
            await connection.fetch(statements("clock_events")["alone"])
            assert await events.tell(FIRST) == 0
            assert await events.hand(watched.send) == 0
    finally:
        await connection.close()
    assert watched.values == []
    assert await watched.on(FIRST) == ["STARTED credit-published"]


async def test_it_goes_on_by_itself(
    ledger: PlatformLedger, database: str, watched: Watched
) -> None:
    await ledger.commit(entry(numbered(1)))
    async with ClockBook(database) as book:
        await book.adopt(RULES)
        await book.look(RULES)
    days = iter([FIRST, FIRST + timedelta(days=60)])
    seen = [FIRST]

    def day() -> date:
        seen[0] = next(days, seen[0])
        return seen[0]

    telling = ClockTelling(
        database,
        watched.producer,
        Calm(),  # type: ignore[arg-type]
        tenant="anze",
        source=OF,
        day=day,
    )
    task = asyncio.create_task(telling.run())
    try:
        async with asyncio.timeout(60):
            while len(watched.values) < 2:  # noqa: ASYNC110 - a broker in memory tells nobody
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
    assert [one["what"] for one in watched.said] == ["STARTED", "LATE"]
