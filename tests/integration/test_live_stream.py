"""The live page's stream over real HTTP, a real ledger behind it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from streaming import BUREAU, Clock, events, penalty

from zhitong.infra.app import build_app, server
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.live_page import install
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import LEEWAY, Verifier
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Principal

pytestmark = pytest.mark.integration

PORTAL = Path(__file__).parents[2] / "portal"
ENDLESS = 60.0
"""Seconds after which a test would wait for ever."""
RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  decisionId version events { receiver } } }"""
WITHDRAW = """mutation($w: WithdrawalInput!) { withdrawDecision(withdrawal: $w) {
  version } }"""

Told = dict[str, Any]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]


class Counting:
    """The real engine, and how often it was asked; *hold* keeps it from answering."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.asked: list[Question] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.held = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        if not self.hold.is_set():
            self.held.set()
        try:
            await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await self.engine.answer(question)


@dataclass
class Live:
    """A gateway that serves the live page, and what steers it."""

    address: str
    engine: Counting
    issuer: DemoIssuer
    clock: Clock
    ending: asyncio.Event

    def bearer(self, principal: Principal) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.issue(principal)}"}

    @asynccontextmanager
    async def stream(
        self, who: str = "supervisor", method: str = "POST"
    ) -> AsyncIterator[AsyncIterator[tuple[str, Told]]]:
        """Open the stream; give its events, comments left out."""
        headers = self.bearer(DEMO_PRINCIPALS[who])
        async with (
            asyncio.timeout(ENDLESS),
            httpx.AsyncClient(timeout=None) as client,  # noqa: S113 - the line above
            client.stream(
                method, f"{self.address}/live/stream", headers=headers
            ) as response,
        ):
            assert response.status_code == 200, await response.aread()
            assert (
                response.headers["content-type"] == "text/event-stream; charset=utf-8"
            )
            assert response.headers["cache-control"] == "no-store"
            yield answers(response)

    async def say(self, document: str, **variables: object) -> Told:
        """Ask as the department, of the same gateway."""
        async with httpx.AsyncClient(timeout=ENDLESS) as client:
            response = await client.post(
                f"{self.address}/graphql",
                json={"query": document, "variables": variables},
                headers=self.bearer(BUREAU),
            )
        body: Told = response.json()
        assert "errors" not in body, body
        (only,) = body["data"].values()
        told: Told = only
        return told


async def answers(response: httpx.Response) -> AsyncIterator[tuple[str, Told]]:
    async for name, data in events(response):
        yield name, json.loads(data)


async def until(
    stream: AsyncIterator[tuple[str, Told]],
    wanted: str,
    holds: Callable[[Told], bool] = lambda _: True,
) -> Told:
    async for name, told in stream:
        if name == wanted and holds(told["answer"]):
            answer: Told = told["answer"]
            return answer
    raise AssertionError(wanted)


@asynccontextmanager
async def serving(
    engine: Engine, state: Path, **settings: object
) -> AsyncIterator[Live]:
    set_to = replace(Settings(state=state, live_seconds=0.05), **settings)  # type: ignore[arg-type]
    clock = Clock()
    issuer = DemoIssuer(state, clock=clock)
    verifier = Verifier({"demo": issuer.issuer}, "zhitong", clock=clock)
    ending = asyncio.Event()
    counting = Counting(engine)

    async def report(*_: object) -> Mapping[str, object]:
        return {"database": True, "sources": {}}

    app = build_app(counting, verifier, set_to, report, report, ending=ending)
    running = server(app, set_to)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(running.serve([listening]))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Live(address, counting, issuer, clock, ending)
        finally:
            ending.set()
            running.should_exit = True
            await task


@pytest.fixture
async def live(gateway: tuple[Gateway, Engine], tmp_path: Path) -> AsyncIterator[Live]:
    """Give the real engine behind the live page."""
    install(PORTAL, tmp_path / "live")
    async with serving(gateway[1], tmp_path) as one:
        yield one


def shown(answer: Told, document_no: object) -> Told | None:
    nodes = answer["data"]["decisions"]["nodes"]
    return next((one for one in nodes if one["documentNo"] == document_no), None)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_stream_begins_with_who_looks_the_words_and_the_state(
    live: Live, method: str
) -> None:
    async with live.stream(method=method) as stream:
        hello = await until(stream, "hello")
        assert hello == {
            "unit": "安泽市司法局",
            "person": DEMO_PRINCIPALS["supervisor"].person,
            "everySeconds": 0.05,
            "lateSeconds": 60.0,
        }
        words = await until(stream, "words")
        lists = {one["name"]: one["values"] for one in words["data"]["codeLists"]}
        assert set(lists) == {
            "ActType",
            "Change",
            "ClockState",
            "DeliveryStatus",
            "Pressure",
            "Severity",
        }
        now = await until(stream, "now")
        assert "errors" not in now
        assert [one["name"] for one in now["data"]["receivers"]["nodes"]] == [
            "credit",
            "provincial",
        ]
        assert {one["state"] for one in now["data"]["sources"]} == {"ready"}
        assert len(now["minutes"]["counts"]) == 60
        filled = await until(
            stream, "now", lambda it: None not in it["minutes"]["counts"]
        )
        total = filled["data"]["thisMinute"]["totalCount"]["count"]
        assert filled["minutes"]["counts"][-1] == total
        assert {one.principal for one in live.engine.asked} == {
            DEMO_PRINCIPALS["supervisor"]
        }


async def test_a_decision_and_its_withdrawal_move_the_page(live: Live) -> None:
    async with live.stream() as stream:
        before = await until(
            stream, "now", lambda it: it["minutes"]["counts"][0] is not None
        )
        stated = penalty()
        recorded = await live.say(RECORD, d=stated)
        number = stated["documentNo"]
        now = await until(stream, "now", lambda it: shown(it, number) is not None)
        found = shown(now, number)
        assert found is not None
        assert (found["version"], found["change"]) == (1, "RECORDED")
        assert {
            (one["receiver"], one["status"]) for one in found["deliveries"]["nodes"]
        } == {("credit", "PENDING"), ("provincial", "PENDING")}
        waiting = {
            one["name"]: one["waiting"] for one in now["data"]["receivers"]["nodes"]
        }
        was = {
            one["name"]: one["waiting"] for one in before["data"]["receivers"]["nodes"]
        }
        assert waiting == {name: count + 1 for name, count in was.items()}
        assert sum(now["minutes"]["counts"]) == sum(before["minutes"]["counts"]) + 1

        withdrawal = {
            "decisionId": recorded["decisionId"],
            "reason": "证据不足",
            "basis": "—",
        }
        await live.say(WITHDRAW, w=withdrawal)

        def withdrawn(answer: Told) -> bool:
            one = shown(answer, number)
            return one is not None and one["version"] == 2

        now = await until(stream, "now", withdrawn)
        found = shown(now, number)
        assert found is not None
        assert (found["change"], found["changeReason"]) == ("WITHDRAWN", "证据不足")
        # It stands first where it changed, and is counted in the minute it came.
        assert now["data"]["decisions"]["nodes"][0] == found
        assert sum(now["minutes"]["counts"]) == sum(before["minutes"]["counts"]) + 1


LEAVE = """with gone as (delete from outbox
    where decision_id = $1 and receiver = $2 returning *)
insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version,
    change, topic, key, schema, payload, traceparent, created_at, attempts)
select seq, bucket, event_id, receiver, decision_id, version, change, topic, key,
    schema, payload, traceparent, now() - interval '1 hour', attempts
from gone returning event_id"""
REFUSE = """insert into receipt (event_id, receiver, answer, at, payload_hash, reasons,
    key_id, signed) values ($1, $2, 'REJECTED', now(), '', $3, '', '')"""


async def test_late_and_rejected_deliveries_are_told(live: Live, sql: Sql) -> None:
    numbers = []
    for _ in range(3):
        stated = penalty()
        recorded = await live.say(RECORD, d=stated)
        numbers.append((recorded["decisionId"], stated["documentNo"]))
    (unsent, its_no), (unanswered, other_no), (refused, third_no) = numbers
    await sql(
        "platform",
        "update outbox set created_at = created_at - interval '40 days' "
        "where decision_id = $1 and receiver = 'credit'",
        unsent,
    )
    await sql("platform", "select outbox_sent_month(current_date)")
    await sql("platform", LEAVE, unanswered, "credit")
    (event,) = await sql("platform", LEAVE, refused, "provincial")
    await sql("platform", REFUSE, event["event_id"], "provincial", ["缺少必填列"])
    async with live.stream() as stream:
        standing = await until(stream, "standing")
    data = standing["data"]

    def told(name: str) -> list[tuple[str, str, str]]:
        return [
            (one["decision"]["documentNo"], one["receiver"], one["status"])
            for one in data[name]["nodes"]
        ]

    # However old: it has not left.
    assert told("unsent")[0] == (its_no, "credit", "PENDING")
    # Other tests leave events in this ledger, and some grow old meanwhile.
    assert (other_no, "credit", "SENT") in told("unanswered")
    assert told("rejected") == [(third_no, "provincial", "REJECTED")]
    assert data["rejected"]["nodes"][0]["reasons"] == ["缺少必填列"]
    (counted,) = await sql(
        "platform",
        "select count(*) from outbox where created_at < now() - interval '1 minute'",
    )
    assert 1 <= data["unsent"]["totalCount"]["count"] <= counted["count"]
    assert data["unanswered"]["totalCount"]["count"] >= 1
    assert data["rejected"]["totalCount"]["count"] == 1
    (breaches,) = await sql(
        "platform", "select count(*) from finding where severity = 'BREACH'"
    )
    assert data["breaches"]["totalCount"]["count"] == breaches["count"]


async def test_a_rejection_is_not_told_once_a_later_version_is_held(
    live: Live, sql: Sql
) -> None:
    stated = penalty()
    recorded = await live.say(RECORD, d=stated)
    number, number_of = recorded["decisionId"], stated["documentNo"]
    await sql("platform", "select outbox_sent_month(current_date)")
    (event,) = await sql("platform", LEAVE, number, "credit")
    await sql("platform", REFUSE, event["event_id"], "credit", ["缺少必填列"])

    async def rejected() -> tuple[list[str], int]:
        async with live.stream() as stream:
            found = (await until(stream, "standing"))["data"]["rejected"]
        numbers = [one["decision"]["documentNo"] for one in found["nodes"]]
        return numbers, found["totalCount"]["count"]

    numbers, before = await rejected()
    assert number_of in numbers
    withdrawal = {"decisionId": number, "reason": "证据不足", "basis": "—"}
    await live.say(WITHDRAW, w=withdrawal)
    (event,) = await sql("platform", LEAVE, number, "credit")
    # Sent is not held: the rejection still counts.
    numbers, count = await rejected()
    assert (number_of in numbers, count) == (True, before)
    hold = REFUSE.replace("'REJECTED'", "'HELD'")
    await sql("platform", hold, event["event_id"], "credit", [])
    numbers, count = await rejected()
    assert (number_of in numbers, count) == (False, before - 1)
    assert await standings(live, number) == {
        (1, "REJECTED", "SUPERSEDED"),
        (2, "HELD", "CURRENT"),
    }


async def test_clocks_stand_there_by_duty_and_the_first_due_by_name(
    live: Live, sql: Sql
) -> None:
    stated = penalty()
    recorded = await live.say(RECORD, d=stated)
    # Due before whatever other tests leave.
    clock = (
        "insert into clock (decision_id, duty, version, unit, started_on, due_on,"
        " near_on) values ($1, 'shown', 1, 'u', '2001-01-01', '2001-01-09',"
        " '2001-01-05')"
    )
    await sql("platform", clock, recorded["decisionId"])
    named = {"dutyTitleZh": "示例", "dutyTitleEn": "an example"}
    await sql(
        "platform",
        "insert into clock_duty values ('shown', '示例', 'an example', 'r', 'f')",
    )
    try:
        async with live.stream() as stream:
            data = (await until(stream, "standing"))["data"]
    finally:
        await sql("platform", "delete from clock where duty = 'shown'")
        await sql("platform", "delete from clock_duty where duty = 'shown'")
    first = data["due"]["nodes"][0]
    assert (first["state"], first["dueOn"]) == ("LATE", "2001-01-09")
    assert first["decision"]["documentNo"] == stated["documentNo"]
    assert {**named, "state": "LATE", "count": 1} in data["clocks"]["groups"]


async def standings(live: Live, number: str) -> set[tuple[int, str, str]]:
    """Ask where the decision stands at the credit system, as the department."""
    answer = await live.say(
        """query($id: String!) { decision(decisionId: $id) { deliveries(
        first: 5 where: { receiver: { eq: "credit" } }) {
        nodes { version status standing } } } }""",
        id=number,
    )
    return {
        (one["version"], one["status"], one["standing"])
        for one in answer["deliveries"]["nodes"]
    }


async def test_what_policy_hides_is_null_and_said_to_be_hidden(live: Live) -> None:
    async with live.stream("operator") as stream:
        now = await until(stream, "now")
    assert now["data"]["decisions"] is None
    assert now["data"]["receivers"]["nodes"] != []
    assert now["minutes"]["counts"] == [None] * 60
    hidden = {(one["type"], one["verdict"]) for one in now["extensions"]["access"]}
    assert ("Decision", "DENY") in hidden


async def test_every_look_of_the_page_is_in_the_access_register(
    live: Live, sql: Sql
) -> None:
    async with live.stream() as stream:
        await until(stream, "standing")
    asked = {one.request_id: one.operation for one in live.engine.asked}
    rows = await sql(
        "platform",
        "select record_id, operation, person from access_record "
        "where record_id = any($1)",
        list(asked),
    )
    assert {row["person"] for row in rows} == {DEMO_PRINCIPALS["supervisor"].person}
    assert {"Now", "Standing"} <= {row["operation"] for row in rows}


async def test_nothing_is_asked_once_the_client_has_gone(live: Live) -> None:
    async with live.stream() as stream:
        await until(stream, "standing")
        live.engine.hold.clear()
        await live.engine.held.wait()
    async with asyncio.timeout(ENDLESS):
        await live.engine.cancelled.wait()  # the question under way ends as well
    live.engine.hold.set()
    asked = len(live.engine.asked)
    await asyncio.sleep(0.5)
    assert len(live.engine.asked) == asked


async def test_an_answer_that_has_not_changed_is_not_sent_again(live: Live) -> None:
    headers = live.bearer(DEMO_PRINCIPALS["auditor"])
    seen = b""
    async with (
        asyncio.timeout(ENDLESS),
        httpx.AsyncClient() as client,
        client.stream(
            "GET", f"{live.address}/live/stream", headers=headers
        ) as response,
    ):
        async for part in response.aiter_bytes():
            seen += part
            if seen.count(b": alive\n\n") >= 10:
                break
    # The minute may turn meanwhile.
    assert 1 <= seen.count(b"event: now\n") <= 2
    assert seen.count(b"event: standing\n") == 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "TOKEN_MISSING", id="none"),
        pytest.param({"authorization": "Bearer a.b.c"}, "TOKEN_INVALID", id="forged"),
        pytest.param(
            {"authorization": "Bearer a", "Authorization": "Bearer b"},
            "TOKEN_INVALID",
            id="two",
        ),
    ],
)
async def test_without_a_token_nothing_is_asked(
    live: Live, headers: dict[str, str], code: str
) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{live.address}/live/stream", headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == code
    assert live.engine.asked == []


async def test_another_method_and_a_wrong_purpose_are_refused(live: Live) -> None:
    known = live.bearer(DEMO_PRINCIPALS["supervisor"])
    async with httpx.AsyncClient() as client:
        put = await client.put(f"{live.address}/live/stream", headers=known)
        odd = {**known, "zhitong-purpose": "a%0ab"}
        purpose = await client.get(f"{live.address}/live/stream", headers=odd)
    assert put.status_code == 405
    assert put.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert purpose.status_code == 400
    assert purpose.json()["errors"][0]["extensions"]["code"] == "OCCASION_MALFORMED"
    assert live.engine.asked == []


async def test_the_stream_ends_with_its_token(live: Live) -> None:
    async with live.stream() as stream:
        await until(stream, "standing")
        live.clock.ahead = 8 * 3600 + LEEWAY
        told = await until(stream, "error")
        assert told["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
        assert [name async for name, _ in stream] == []


async def test_one_user_has_so_many_streams_and_gets_places_back(
    gateway: tuple[Gateway, Engine], tmp_path: Path
) -> None:
    async with serving(gateway[1], tmp_path, live_streams=2) as live:
        async with live.stream() as first, live.stream() as second:
            await until(first, "hello")
            await until(second, "hello")
            async with httpx.AsyncClient() as client:
                third = await client.get(
                    f"{live.address}/live/stream",
                    headers=live.bearer(DEMO_PRINCIPALS["supervisor"]),
                )
            assert third.status_code == 429
            (error,) = third.json()["errors"]
            assert error["extensions"]["code"] == "LIVE_TOO_MANY"
            assert error["extensions"]["retriable"] is True
            async with live.stream("department") as other:
                await until(other, "hello")
        async with asyncio.timeout(ENDLESS):
            while True:
                try:
                    async with live.stream() as again:
                        await until(again, "hello")
                    break
                except AssertionError:  # the server has not noticed yet
                    await asyncio.sleep(0.01)


async def test_streams_end_when_the_gateway_is_asked_to(live: Live) -> None:
    async with live.stream() as stream:
        await until(stream, "now")
        live.ending.set()
        assert "error" not in [name async for name, _ in stream]


class Broken:
    """An engine with a fault nobody foresaw."""

    async def answer(self, question: Question) -> Answer:
        raise RuntimeError("11010519491231002X", question)


async def test_a_fault_ends_the_stream_and_is_masked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Broken(), tmp_path) as live, live.stream() as stream:
        told = await until(stream, "error")
        assert [name async for name, _ in stream] == []
    assert told["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "11010519491231002X" not in json.dumps(told) + caplog.text


async def test_the_page_is_served_beside_the_stream(live: Live) -> None:
    async with httpx.AsyncClient(follow_redirects=True) as client:
        page = await client.get(f"{live.address}/live")
        landing = await client.get(live.address)
    assert page.url.path == "/live/"
    assert page.status_code == 200
    assert "执通实时页面" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert 'href="live/"' in landing.text


async def test_what_presses_is_told_with_its_stage_and_since_when(
    live: Live, sql: Sql
) -> None:
    stated = penalty()
    await live.say(RECORD, d=stated)
    # What the receiver's oldest has waited counts: here it may be another test's.
    aged = await sql(
        "platform",
        "update outbox set created_at = created_at - interval '400 days' "
        "where receiver = 'credit' returning seq",
    )

    def receiver(it: Told) -> Told:
        (one,) = (x for x in it["data"]["receivers"]["nodes"] if x["name"] == "credit")
        return dict(one)

    try:
        async with live.stream() as stream:
            told = await until(
                stream, "now", lambda it: receiver(it)["pressure"] == "UNDELIVERED"
            )
        (row,) = await sql(
            "platform", "select since from pressure where scope = 'credit'"
        )
        assert datetime.fromisoformat(receiver(told)["pressureSince"]) == row["since"]
        found = shown(told, stated["documentNo"])
        assert found is not None
        statuses = {x["receiver"]: x["status"] for x in found["deliveries"]["nodes"]}
        assert statuses["credit"] == "UNDELIVERED"
    finally:
        await sql(
            "platform",
            "update outbox set created_at = created_at + interval '400 days' "
            "where seq = any($1)",
            [row["seq"] for row in aged],
        )
