"""Grants held in memory: read again when they change, and believed for a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from zhitong.exceptions import (
    GrantEndedError,
    LedgerUnavailableError,
    RecordUnavailableError,
)
from zhitong.grants import Grant, InForce
from zhitong.infra.clients_file import Clients, raised
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.pace import Pace
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.resolvers.granted import STALE_SECONDS, HeldGrants
from zhitong.resolvers.records import Recorder
from zhitong.schema.engine import Answer, Question, document_hash
from zhitong.types import Allowance, Inquiry, Look, Occasion, Principal

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERSON = Principal(kind="department", unit="U", unit_name="局", person="王")
GRANT = Grant(
    id="G1",
    unit="U",
    owner="O",
    fields={},
    lookups={},
    purpose="tax",
    basis="法",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)
EMERGENCY = replace(GRANT, id="B1", person="王", incident="火灾1号")


class Register:
    """A register whose content, answers and slowness are the test's."""

    def __init__(self, *grants: Grant) -> None:
        self.content = InForce(counter=1, grants=grants)
        self.failure: Exception | None = None
        self.read = 0
        self.slow = asyncio.Event()
        self.slow.set()

    async def counter(self) -> int:
        await self.slow.wait()
        if self.failure:
            raise self.failure
        return self.content.counter

    async def in_force(self, now: datetime) -> InForce:  # noqa: ARG002 - the port's
        self.read += 1
        return self.content


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - it is another's doing, and sets no event
            await asyncio.sleep(0.01)


async def test_grants_are_read_again_only_when_something_has_changed() -> None:
    register = Register(GRANT)
    grants = HeldGrants(register, Clock())
    assert grants.of(PERSON, NOW) == ()
    for _ in range(3):
        await grants.refresh()
    assert register.read == 1
    assert grants.of(PERSON, NOW) == (GRANT,)
    register.content = InForce(counter=2, grants=())
    await grants.refresh()
    assert grants.of(PERSON, NOW) == ()


async def test_another_unit_has_none_of_them() -> None:
    grants = HeldGrants(Register(GRANT), Clock())
    await grants.refresh()
    assert grants.of(replace(PERSON, unit="V"), NOW) == ()


async def test_while_the_database_is_silent_only_an_emergency_counts() -> None:
    register, clock = Register(GRANT, EMERGENCY), Clock()
    grants = HeldGrants(register, clock, lambda: NOW)
    await grants.refresh()
    register.failure = LedgerUnavailableError("没有答复", "no answer")
    clock.now += STALE_SECONDS
    with pytest.raises(LedgerUnavailableError):
        await grants.refresh()
    assert grants.of(PERSON, NOW) == (GRANT, EMERGENCY)
    clock.now += 0.001
    assert grants.of(PERSON, NOW) == (EMERGENCY,)
    register.failure = None
    await grants.refresh()
    assert grants.of(PERSON, NOW) == (GRANT, EMERGENCY)


class Away:
    """A register of looks that is away, and our own disk."""

    away = True

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def record(self, inquiry: Inquiry) -> str:
        raise RecordUnavailableError("不可用", f"away {inquiry.id}")

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        return inquiries

    async def keep(self, inquiry: Inquiry) -> None:
        self.kept.append(inquiry.id)


def urgent(number: str) -> Inquiry:
    """Make a look at what the emergency's grant has opened."""
    look = Look(
        type="T",
        source="s",
        fields={},
        rows=1,
        keys=("1",),
        protected=True,
        emergency=True,
    )
    return Inquiry(
        principal=PERSON,
        occasion=Occasion(),
        id=number,
        at=NOW,
        looks=[look],
        grants=(EMERGENCY,),
        grants_used={EMERGENCY.id},
    )


async def test_while_the_register_is_away_an_emergency_ends_in_its_own_time() -> None:
    two_hours = replace(EMERGENCY, valid_to=NOW + timedelta(hours=2))
    clock, log = Clock(), Away()
    # The machine's clock stands still: no time is won by setting it back.
    grants = HeldGrants(Register(two_hours), clock, lambda: NOW)
    await grants.refresh()
    recorder = Recorder(log, None, grants)
    clock.now += 7199
    await recorder.record(urgent("in time"))
    clock.now += 1
    assert grants.of(PERSON, NOW) == ()
    with pytest.raises(GrantEndedError):
        await recorder.record(urgent("over"))
    assert log.kept == ["in time"]


async def test_a_revocation_that_was_heard_holds_while_the_register_is_away() -> None:
    register, log = Register(EMERGENCY), Away()
    grants = HeldGrants(register, Clock(), lambda: NOW)
    await grants.refresh()
    recorder = Recorder(log, None, grants)
    asked = urgent("asked before, answered after")
    register.content = InForce(counter=2, grants=())
    await grants.refresh()
    with pytest.raises(GrantEndedError):
        await recorder.record(asked)
    assert log.kept == []


async def test_a_slow_answer_brings_nothing_back_that_was_revoked_since() -> None:
    class Slow(Register):
        """Answers the first question late, as of when it was asked."""

        gate = asyncio.Event()

        async def in_force(self, now: datetime) -> InForce:
            found = await super().in_force(now)
            if self.read == 1:
                await self.gate.wait()
            return found

    register = Slow(GRANT)
    grants = HeldGrants(register, Clock())
    slow = asyncio.create_task(grants.refresh())
    await until(lambda: register.read == 1)
    register.content = InForce(counter=2, grants=())
    later = asyncio.create_task(grants.refresh())
    for _ in range(10):
        await asyncio.sleep(0)
    register.gate.set()
    await asyncio.gather(slow, later)
    assert grants.of(PERSON, NOW) == ()


async def test_an_answer_is_as_old_as_its_question() -> None:
    register, clock = Register(GRANT), Clock()
    grants = HeldGrants(register, clock)
    register.slow.clear()
    asking = asyncio.create_task(grants.refresh())
    await asyncio.sleep(0)
    clock.now += STALE_SECONDS + 0.1
    register.slow.set()
    await asking
    assert not grants.fresh
    assert grants.of(PERSON, NOW) == ()


async def test_the_watch_outlives_a_register_that_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    register = Register(GRANT)
    register.failure = OSError("away")
    grants = HeldGrants(register)
    watching = asyncio.create_task(grants.watch())
    await until(lambda: bool(caplog.records))
    register.failure = None
    await until(lambda: bool(grants.of(PERSON, NOW)))
    watching.cancel()
    said = [one for one in caplog.records if one.name == "zhitong.resolvers.granted"]
    assert len(said) == 1


def test_a_grant_raises_what_may_be_asked_and_never_lowers_it() -> None:
    usual = Allowance(page=200, cost=20_000, rate=20.0)
    more = replace(GRANT, page=500, cost=100, rate=50.0)
    most = replace(GRANT, page=10**6, cost=30_000)
    assert raised(usual, [GRANT], None) == usual
    assert raised(usual, [more], None) == replace(usual, page=500, rate=50.0)
    assert raised(usual, [more, most], None) == replace(
        usual, page=1_000, cost=30_000, rate=50.0
    )


def test_a_grant_for_some_documents_raises_nothing_for_another() -> None:
    usual = Allowance()
    some = replace(GRANT, page=500, cost=10**6, rate=500.0, documents=frozenset({"a"}))
    assert raised(usual, [some], "a") == replace(usual, page=500, cost=10**6, rate=500)
    for other in ("b", None):
        assert raised(usual, [some], other) == usual


class Listener:
    """An engine that keeps what each question was allowed."""

    def __init__(self) -> None:
        self.allowed: list[Allowance] = []

    async def answer(self, question: Question) -> Answer:
        self.allowed.append(question.allowance)
        return Answer(body={"data": {}}, executed=True)


async def test_a_grant_raises_nothing_for_another_purpose_than_its_own(
    tmp_path: Path,
) -> None:
    issuer, engine = DemoIssuer(tmp_path), Listener()
    police = DEMO_PRINCIPALS["police"]
    ends = datetime.now(UTC) + timedelta(days=1)
    wide = replace(GRANT, unit=police.unit, page=500, rate=1_000.0, valid_to=ends)
    grants = HeldGrants(Register(wide), Clock())
    await grants.refresh()
    front = GraphQLFront(
        engine,
        Verifier({"demo": issuer.issuer}, "zhitong"),
        Settings(),
        clients=Clients([], Allowance()),
        grants=grants,
    )
    transport = httpx.ASGITransport(front)
    headers = {"authorization": f"Bearer {issuer.issue(police)}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=headers
    ) as client:
        for purpose in ("tax", "audit", ""):
            stated = {"zhitong-purpose": purpose} if purpose else {}
            await client.post("/graphql", json={"query": "{a}"}, headers=stated)
    assert [one.page for one in engine.allowed] == [500, 200, 200]


async def test_a_grant_for_some_documents_speeds_up_no_other_question(
    tmp_path: Path,
) -> None:
    issuer, engine = DemoIssuer(tmp_path), Listener()
    police = DEMO_PRINCIPALS["police"]
    ends = datetime.now(UTC) + timedelta(days=1)
    listed = "{listed}"
    wide = replace(
        GRANT,
        unit=police.unit,
        page=500,
        rate=10.0,
        valid_to=ends,
        documents=frozenset({document_hash(listed)}),
    )
    clock = Clock()
    grants = HeldGrants(Register(wide), clock)
    await grants.refresh()
    front = GraphQLFront(
        engine,
        Verifier({"demo": issuer.issuer}, "zhitong"),
        Settings(),
        clients=Clients([], Allowance(rate=0.1, burst=1)),
        pace=Pace(clock=lambda: clock.now),
        grants=grants,
    )
    headers = {
        "authorization": f"Bearer {issuer.issue(police)}",
        "zhitong-purpose": "tax",
    }
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(front), base_url="http://gateway", headers=headers
    ) as client:
        said = []
        for document in (listed, listed, "{other}", "{other}", listed):
            answer = await client.post("/graphql", json={"query": document})
            said.append(answer.status_code)
            clock.now += 0.2
    # One each tenth of a second where it is listed, one each ten seconds elsewhere.
    assert said == [200, 200, 200, 429, 429]
    assert [one.page for one in engine.allowed] == [500, 500, 200]
