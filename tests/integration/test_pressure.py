"""What waits to leave presses: said, slowed, marked; and it clears by itself."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import pytest
from ledger_rows import prepare, put, run
from outgoing import TOPICS, outgoing

from zhitong.connectors import pressure as module
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.pressure import ALL, ROOM, PlatformPressure
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.rules.pressure import Limits, Stage
from zhitong.schema.engine import Engine, Question
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.relay import Relay
from zhitong.types import Occasion

pytestmark = pytest.mark.integration
ENDLESS = 60
LIMITS = Limits(seconds=(60.0, 300.0, 900.0), waiting=1_000_000, database=0)
STATE = "select receiver, pressure from receiver_state order by receiver"
STATUS = "select distinct receiver, status from delivery order by receiver"
AGED = """update outbox set created_at = clock_timestamp() - make_interval(secs => $1)
    where receiver = $2"""
LONG = 2 * 366 * 86_400.0
"""Seconds: longer than the gateways of these tests take for nothing."""
CODES = ("PRESSURE", "UNDELIVERED", "DATABASE_FULL")


@pytest.fixture
async def platform(database: str) -> str:
    await prepare(database)
    return database


class Opened(NamedTuple):
    url: str
    pressure: Callable[[Limits], PlatformPressure]


@pytest.fixture
def opened(platform: str) -> Iterator[Opened]:
    made: list[PlatformPressure] = []

    def make(limits: Limits) -> PlatformPressure:
        made.append(PlatformPressure(platform, limits))
        return made[-1]

    yield Opened(platform, make)
    for each in made:
        each.close()


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Give code and scope of each alarm."""
    found = [record.getMessage().split(": ") for record in caplog.records]
    return [(code, scope) for code, scope, *_ in found if code in CODES]


async def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await run(url, statement)]


async def test_each_receiver_is_measured_by_itself_marked_and_said_once(
    opened: Opened, platform: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "zhitong.pressure")
    first, second = (opened.pressure(LIMITS) for _ in range(2))
    await put(platform, [outgoing(1), outgoing(2, receiver="credit")])
    await first.look()
    assert set(first.stages.values()) == {Stage.NONE}
    await run(platform, AGED, 1_000.0, "provincial")
    await first.look()
    await second.look()
    assert first.stages == second.stages
    assert first.stages["provincial"] is first.stages[ALL] is Stage.UNDELIVERED
    assert first.stages["credit"] is Stage.NONE
    assert first.undelivered(["credit", "provincial"]) == ["provincial"]
    assert await rows(platform, STATE) == [
        ("credit", "NONE"),
        ("provincial", "UNDELIVERED"),
    ]
    assert await rows(platform, STATUS) == [
        ("credit", "PENDING"),
        ("provincial", "UNDELIVERED"),
    ]
    # Younger than it was entered at, and older than half of that.
    await run(platform, AGED, 500.0, "provincial")
    await second.look()
    assert second.stages["provincial"] is Stage.UNDELIVERED
    await run(platform, "delete from outbox")
    await second.look()
    await first.look()
    assert set(first.stages.values()) == {Stage.NONE}
    assert sorted(said(caplog)) == [
        ("PRESSURE", "*"),
        ("PRESSURE", "provincial"),
        ("UNDELIVERED", "*"),
        ("UNDELIVERED", "provincial"),
    ]


async def test_what_is_suspended_or_parked_is_no_delay_and_its_bytes_count(
    opened: Opened, platform: str
) -> None:
    pressure = opened.pressure(LIMITS)
    large = [outgoing(n, "sick", payload=bytes(100_000)) for n in range(1, 7)]
    await put(platform, [*large, outgoing(7, receiver="credit")])
    await run(platform, AGED, 1_000.0, "provincial")
    await run(platform, AGED, 1_000.0, "credit")
    await run(platform, "select park_event(1, 'too large')")
    await run(
        platform,
        "update receiver set suspended_at = now() where receiver = 'credit'",
    )
    await pressure.look()
    assert pressure.stages["credit"] is Stage.NONE
    # More than half of what is the most.
    assert pressure.stages["provincial"] is pressure.stages[ALL] is Stage.SLOWED


async def test_bytes_of_very_many_are_estimated_from_the_first(
    opened: Opened, platform: str
) -> None:
    pressure = opened.pressure(LIMITS)
    events = [outgoing(n, payload=bytes(300)) for n in range(1, 4_001)]
    await put(platform, events)
    # 1,200,000 in all, of which 300,000 are looked at.
    await pressure.look()
    assert pressure.stages[ALL] is Stage.UNDELIVERED


@asynccontextmanager
async def looking(pressure: PlatformPressure) -> AsyncIterator[None]:
    """Have *pressure* look again and again."""
    running = asyncio.create_task(pressure.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_is_not_urgent_waits_until_it_is_calm(
    opened: Opened, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.05)
    pressure = opened.pressure(LIMITS)
    await put(platform, [outgoing(1)])
    await run(platform, AGED, 400.0, "provincial")
    await pressure.look()
    waiting = asyncio.create_task(pressure.calm())
    async with looking(pressure):
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await run(platform, "delete from outbox")
        async with asyncio.timeout(ENDLESS):
            await waiting
    # It waits long, and not for ever.
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    pressure.stages = {ALL: Stage.UNDELIVERED}
    async with asyncio.timeout(ENDLESS):
        await pressure.calm()


async def test_what_takes_a_core_waits_until_relays_are_up_to_date(
    opened: Opened, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.05)
    pressure = opened.pressure(LIMITS)
    await put(platform, [outgoing(1)])
    await run(platform, AGED, module.LATE_SECONDS + 1, "provincial")
    await pressure.look()
    # It alarms nobody, but it waits: a relay has begun that is behind.
    assert max(pressure.stages.values()) is Stage.NONE
    await pressure.calm()
    waiting = asyncio.create_task(pressure.prompt())
    async with looking(pressure):
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await run(platform, "delete from outbox")
        async with asyncio.timeout(ENDLESS):
            await waiting
        # One topic may be away for days.
        await put(platform, [outgoing(2)])
        await run(platform, AGED, 4_000.0, "provincial")
        await pressure.look()
        monkeypatch.setattr(module, "LATE_PATIENCE", 0.1)
        async with asyncio.timeout(ENDLESS):
            await pressure.prompt()


async def test_a_database_that_grows_is_said_early(
    opened: Opened, platform: str, caplog: pytest.LogCaptureFixture
) -> None:
    ((size,),) = await run(platform, "select pg_database_size(current_database())")
    limits = Limits(seconds=(60.0, 300.0, 900.0), waiting=10**9, database=size)
    pressure = opened.pressure(limits)
    await pressure.look()
    assert pressure.stages[ROOM] is Stage.SLOWED
    assert said(caplog) == [("DATABASE_FULL", "/")]


async def test_without_a_database_all_stays_as_it_was(
    opened: Opened, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressure = opened.pressure(LIMITS)
    await put(platform, [outgoing(1)])
    await run(platform, AGED, 1_000.0, "provincial")
    await pressure.look()
    before = pressure.stages
    pressure.close()
    monkeypatch.setattr(pressure, "_url", "postgresql://127.0.0.1:1/nobody")
    await pressure.look()
    assert pressure.stages is before


async def test_a_broker_that_is_away_presses_and_its_return_clears_it(
    opened: Opened, platform: str
) -> None:
    there = MemoryBroker(dict.fromkeys(TOPICS.values(), 12))
    there.away = True
    limits = replace_seconds(LIMITS, 0.05)
    pressure = opened.pressure(limits)
    await put(platform, [outgoing(n) for n in range(1, 51)])
    outbox = PlatformOutbox(platform, "one")
    relay = Relay(outbox, lambda: MemoryProducer(there), longest_rest=0.05)
    task = asyncio.create_task(relay.run())
    try:
        await until(pressure, Stage.UNDELIVERED)
        # Taken all the same.
        await put(platform, [outgoing(51)])
        there.away = False
        await until(pressure, Stage.NONE)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    sent = sorted(int(m.value) for m in there.messages[TOPICS["provincial"]])
    assert sent == list(range(1, 52))


def replace_seconds(limits: Limits, seconds: float) -> Limits:
    steps = (seconds, 2 * seconds, 3 * seconds)
    return Limits(seconds=steps, waiting=limits.waiting, database=0)


async def until(pressure: PlatformPressure, stage: Stage) -> None:
    async with asyncio.timeout(ENDLESS):
        while pressure.stages.get("provincial") is not stage:
            await pressure.look()
            await asyncio.sleep(0.02)


# --- as departments see it ---------------------------------------------------

RECORD = """mutation Record($decision: DecisionInput!) {
  recordDecision(decision: $decision) {
    decisionId replayed warnings { code receiver messageZh messageEn }
    decision { deliveries(first: 5) { nodes { receiver status } } } } }"""
RECEIVERS = "{ receivers(first: 5) { nodes { name pressure } } }"
BUREAU = DEMO_PRINCIPALS["department"]


def penalty(number: str) -> Mapping[str, object]:
    return {
        "localId": number,
        "actType": "PENALTY",
        "subjectCode": BUREAU.unit,
        "documentNo": f"（安）应急罚〔2026〕{number}号",
        "decidedOn": "2026-06-01",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "安泽某某化工有限公司",
        "counterpartyCode": "91110000600037341L",
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
    }


async def test_a_decision_is_taken_marked_and_cleared_when_what_waits_has_left(
    gateway: tuple[Gateway, Engine], sql: Callable[..., Any]
) -> None:
    gate, engine = gateway
    pressure = gate._deciding.pressure
    assert pressure is not None

    async def ask(document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        answer = await engine.answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=BUREAU,
                occasion=Occasion(),
                request_id=uuid.uuid4().hex,
            )
        )
        assert "errors" not in answer.body, answer.body
        (only,) = dict(answer.body["data"]).values()  # type: ignore[call-overload]
        return only

    # What other tests have left would press as well.
    await sql("platform", "delete from outbox")
    await pressure.look()
    before = await ask(RECORD, decision=penalty("pressed-1"))
    assert before["warnings"] == []
    await sql("platform", AGED, LONG, "credit")
    await pressure.look()
    marked = await ask(RECORD, decision=penalty("pressed-2"))
    (warning,) = marked["warnings"]
    assert (warning["code"], warning["receiver"]) == ("UNDELIVERED", "credit")
    assert "不需重报" in warning["messageZh"]
    assert {
        one["receiver"]: one["status"]
        for one in marked["decision"]["deliveries"]["nodes"]
    } == {"credit": "UNDELIVERED", "provincial": "PENDING"}
    assert (await gate.readiness())["pressure"] == {
        "credit": "UNDELIVERED",
        ALL: "UNDELIVERED",
    }
    # Of what was there already nothing is known anew.
    again = await ask(RECORD, decision=penalty("pressed-2"))
    assert (again["replayed"], again["warnings"]) == (True, [])
    await sql("platform", "delete from outbox where receiver = $1", "credit")
    await pressure.look()
    after = await ask(RECORD, decision=penalty("pressed-3"))
    assert after["warnings"] == []
    assert (await gate.readiness())["pressure"] == {}
