"""The states of a connection by graphql-transport-ws, and why it is closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from zhitong.exceptions import DocumentInvalidError
from zhitong.infra import websocket as module
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.door import Door
from zhitong.infra.intake import Intake
from zhitong.infra.pace import MESSAGES, STRANGERS, Pace
from zhitong.infra.settings import Settings
from zhitong.infra.subscribing import Subscribing
from zhitong.infra.tokens import LARGEST, Verifier
from zhitong.infra.watching import Watching
from zhitong.infra.websocket import WebSockets
from zhitong.infra.websocket_messages import (
    LONGEST_BEGINNING,
    LONGEST_PING,
    PROTOCOL,
    said,
)
from zhitong.resolvers.changes import Topic
from zhitong.schema.engine import Answer, Question, problem

ENDLESS = 60.0
HELLO = {"query": "{ hello }"}
FOREVER = {"query": "subscription { sourceHealth { name } }"}

Told = dict[str, Any]


class Speaking:
    """Answers everything; of a subscription it says that it waits for the sources."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.began, self.hold = asyncio.Event(), asyncio.Event()
        self.hold.set()
        self.fault: Exception | None = None

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        self.began.set()
        await self.hold.wait()
        if self.fault is not None:
            raise self.fault
        if question.document == "wrong":
            error = DocumentInvalidError("文档无效", "The document is invalid")
            return Answer(body={"errors": [problem(error)]}, executed=False, status=400)
        if question.watch is not None and question.document.startswith("sub"):
            question.watch.topic, question.watch.told = Topic.SOURCES, True
        return Answer(
            body={"data": {}},
            executed=True,
            payload=b'{"data":{"hello":"\xe4\xbd\xa0"}}',
        )


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Wire:
    """What a server does for an application: messages in, messages out."""

    incoming: asyncio.Queue[Told] = field(default_factory=asyncio.Queue)
    outgoing: asyncio.Queue[Told] = field(default_factory=asyncio.Queue)
    writable: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            await self.writable.wait()
        self.outgoing.put_nowait(dict(message))

    def say(self, **message: object) -> None:
        self.write(json.dumps(message))

    def write(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def hear(self) -> Told:
        """Give the next message of the protocol."""
        sent = await self.outgoing.get()
        assert sent["type"] == "websocket.send", sent
        heard: Told = json.loads(sent["text"])
        return heard

    async def closed(self) -> tuple[int, str]:
        while (sent := await self.outgoing.get())["type"] != "websocket.close":
            pass
        return sent["code"], sent["reason"]


@dataclass
class Served:
    """The application, its engine, and the clock its tokens are judged by."""

    engine: Speaking
    clock: Clock
    issuer: DemoIssuer
    states: dict[str, str]
    make: Callable[..., WebSockets]

    def bearer(self, who: str = "police") -> str:
        return f"Bearer {self.issuer.issue(DEMO_PRINCIPALS[who])}"

    @asynccontextmanager
    async def wire(
        self,
        *,
        protocols: tuple[str, ...] = (PROTOCOL,),
        headers: tuple[tuple[bytes, bytes], ...] = (),
        app: WebSockets | None = None,
    ) -> AsyncIterator[Wire]:
        """Open a connection to *app*, which ends with the block."""
        wire = Wire()
        wire.writable.set()
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "client": ("192.0.2.1", 5),
            "headers": list(headers),
            "subprotocols": list(protocols),
        }
        wire.incoming.put_nowait({"type": "websocket.connect"})
        served = app or self.make()
        task = asyncio.create_task(served(scope, wire.incoming.get, wire.send))
        async with asyncio.timeout(ENDLESS):
            accepted = await wire.outgoing.get()
            assert accepted["type"] == "websocket.accept"
            try:
                yield wire
            finally:
                wire.writable.set()
                wire.incoming.put_nowait({"type": "websocket.disconnect"})
                await task

    @asynccontextmanager
    async def acknowledged(self, app: WebSockets | None = None) -> AsyncIterator[Wire]:
        async with self.wire(app=app) as wire:
            wire.say(type="connection_init", payload={"authorization": self.bearer()})
            assert await wire.hear() == {"type": "connection_ack"}
            yield wire


@pytest.fixture
def served(tmp_path: Path) -> Served:
    clock, engine, states = Clock(), Speaking(), {"market": "ready"}
    issuer = DemoIssuer(tmp_path, clock=clock)
    verifier = Verifier({"demo": issuer.issuer}, "zhitong", clock=clock)

    def make(**changed: object) -> WebSockets:
        quick: Any = {"alive_seconds": 0.02, "watch_seconds": 0.01, **changed}
        settings = replace(Settings(state=tmp_path), **quick)
        watching = Watching(states=lambda: states, seconds=settings.watch_seconds)
        subscribing = Subscribing(engine, Intake(settings), watching, settings)
        door = Door(verifier, settings)
        return WebSockets(door, subscribing, settings, asyncio.Event())

    return Served(engine, clock, issuer, states, make)


async def test_a_query_has_one_answer_and_is_complete(served: Served) -> None:
    async with served.acknowledged() as wire:
        wire.say(type="subscribe", id="1", payload=HELLO)
        told = {"data": {"hello": "你"}}
        assert await wire.hear() == {"id": "1", "type": "next", "payload": told}
        assert await wire.hear() == {"id": "1", "type": "complete"}
    (question,) = served.engine.asked
    assert question.principal == DEMO_PRINCIPALS["police"]
    assert question.once is not None


async def test_the_purpose_is_said_at_the_beginning(served: Served) -> None:
    async with served.wire() as wire:
        said = {"authorization": served.bearer(), "zhitong-purpose": "侦查"}
        wire.say(type="connection_init", payload=said)
        await wire.hear()
        wire.say(type="subscribe", id="1", payload=HELLO)
        await wire.hear()
    assert served.engine.asked[0].occasion.purpose == "侦查"


def test_the_trace_may_be_said_at_the_beginning() -> None:
    told = {"traceparent": "00-1-2-01", "tracestate": "a=b", "x": "y"}
    assert said({}, told) == {b"traceparent": b"00-1-2-01", b"tracestate": b"a=b"}


async def test_the_token_may_come_with_the_upgrade(served: Served) -> None:
    headers = ((b"authorization", served.bearer().encode()),)
    async with served.wire(headers=headers) as wire:
        wire.say(type="connection_init")
        assert await wire.hear() == {"type": "connection_ack"}


async def test_two_tokens_are_not_chosen_between(served: Served) -> None:
    headers = ((b"authorization", served.bearer().encode()),)
    async with served.wire(headers=headers) as wire:
        again = {"authorization": served.bearer("supervisor")}
        wire.say(type="connection_init", payload=again)
        assert await wire.closed() == (4403, "TOKEN_INVALID")


async def test_a_ping_is_answered_with_what_it_says(served: Served) -> None:
    async with served.wire() as wire:
        wire.say(type="ping", payload={"n": 1})
        assert await wire.hear() == {"type": "pong", "payload": {"n": 1}}
        wire.say(type="pong")
        wire.say(type="ping")
        assert await wire.hear() == {"type": "pong"}


BAD = [
    pytest.param("{", id="no JSON"),
    pytest.param("[]", id="no object"),
    pytest.param('{"type":"start"}', id="an older protocol's word"),
    pytest.param('{"payload":{}}', id="no type"),
    pytest.param('{"type":"ping","payload":[]}', id="payload is a list"),
    pytest.param('{"type":"ping","type":"ping"}', id="a member twice"),
    pytest.param('{"type":"subscribe","payload":{}}', id="no id"),
    pytest.param('{"type":"subscribe","id":"","payload":{}}', id="an empty id"),
    pytest.param(json.dumps({"type": "subscribe", "id": "x" * 129}), id="a long id"),
    pytest.param('{"type":"complete","id":7}', id="a number for an id"),
    pytest.param("[" * 100_000, id="too deep"),
]


@pytest.mark.parametrize("text", BAD)
async def test_what_is_no_message_closes_with_4400(served: Served, text: str) -> None:
    async with served.acknowledged() as wire:
        wire.write(text)
        code, reason = await wire.closed()
    assert code == 4400
    assert 0 < len(reason.encode()) <= 123


async def test_bytes_are_no_message(served: Served) -> None:
    async with served.acknowledged() as wire:
        wire.incoming.put_nowait({"type": "websocket.receive", "bytes": b"{}"})
        assert (await wire.closed())[0] == 4400


async def test_who_subscribes_unannounced_is_closed_with_4401(served: Served) -> None:
    async with served.wire() as wire:
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert await wire.closed() == (4401, "Unauthorized")
    assert served.engine.asked == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param({}, "TOKEN_MISSING", id="none"),
        pytest.param({"authorization": "Bearer a.b.c"}, "TOKEN_INVALID", id="forged"),
        pytest.param({"authorization": 7}, "TOKEN_MISSING", id="a number"),
    ],
)
async def test_a_token_that_is_not_accepted_closes_with_4403(
    served: Served, payload: Told, code: str
) -> None:
    async with served.wire() as wire:
        wire.say(type="connection_init", payload=payload)
        assert await wire.closed() == (4403, code)


async def test_a_token_that_ends_closes_a_silent_connection_with_4403(
    served: Served,
) -> None:
    async with served.acknowledged() as wire:
        served.clock.now += 1e9
        assert await wire.closed() == (4403, "TOKEN_EXPIRED")


async def test_a_token_is_looked_at_before_each_answer(served: Served) -> None:
    app = served.make(alive_seconds=3_600)
    async with served.acknowledged(app) as wire:
        wire.say(type="subscribe", id="1", payload=FOREVER)
        await wire.hear()
        served.clock.now += 1e9
        served.states["market"] = "away"
        assert await wire.closed() == (4403, "TOKEN_EXPIRED")
    assert len(served.engine.asked) == 1


async def test_nothing_new_is_answered_under_a_token_that_has_ended(
    served: Served,
) -> None:
    app = served.make(alive_seconds=3_600)
    async with served.acknowledged(app) as wire:
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert [(await wire.hear())["type"] for _ in range(2)] == ["next", "complete"]
        served.clock.now += 1e9
        wire.say(type="subscribe", id="2", payload=HELLO)
        assert (await wire.outgoing.get())["type"] == "websocket.close"
    assert len(served.engine.asked) == 1


def ping(length: int) -> str:
    """Make a ping that is so long."""
    text = json.dumps({"type": "ping", "payload": {"a": ""}})
    return text.replace('""', f'"{"x" * (length - len(text))}"')


@pytest.mark.parametrize("payload", ["[]", "x"])
async def test_a_strangers_long_message_is_not_read(
    served: Served, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    def parse(*_: object, **__: object) -> Told:
        pytest.fail("parsed")

    monkeypatch.setattr(module, "parse_object", parse)
    async with served.wire() as wire:
        wire.write(payload * (LONGEST_BEGINNING // len(payload) + 1))
        assert (await wire.closed())[0] == 4400


def test_a_token_of_any_length_allowed_fits_into_the_beginning() -> None:
    assert LARGEST + 4_096 < LONGEST_BEGINNING


@pytest.mark.parametrize("kind", ["subscribe", "complete", "start", ["ping"], None])
async def test_a_stranger_may_only_begin(served: Served, kind: object) -> None:
    async with served.wire() as wire:
        wire.say(type=kind, id="1")
        assert await wire.closed() == (4401, "Unauthorized")


async def test_a_ping_is_short(served: Served) -> None:
    async with served.acknowledged() as wire:
        wire.write(ping(LONGEST_PING))
        assert (await wire.hear())["type"] == "pong"
        wire.write(ping(LONGEST_PING + 1))
        assert (await wire.outgoing.get())["code"] == 4400


async def test_a_strangers_pings_are_counted_by_address(served: Served) -> None:
    app = served.make()
    app.subscribing.intake.pace = Pace(lambda: 0.0)
    async with served.wire(app=app) as wire:
        for _ in range(STRANGERS.burst):
            wire.say(type="ping")
            assert await wire.hear() == {"type": "pong"}
        wire.say(type="ping")
        assert (await wire.outgoing.get())["code"] == 4429
    async with served.wire(app=app) as wire:  # one with a token is not held up
        wire.say(type="connection_init", payload={"authorization": served.bearer()})
        assert await wire.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize("kind", ["ping", "pong", "complete"])
async def test_a_flood_of_messages_closes_with_4429(served: Served, kind: str) -> None:
    app = served.make()
    burst = app.subscribing.intake.allowance(DEMO_PRINCIPALS["police"]).burst
    app.subscribing.intake.pace = Pace(lambda: 0.0)
    async with served.acknowledged(app) as wire:
        for _ in range(MESSAGES * burst):
            wire.say(type=kind, id="1")
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert await wire.closed() == (4429, "RATE_LIMITED")
    assert served.engine.asked == []


async def test_another_protocol_is_closed_with_4406(served: Served) -> None:
    async with served.wire(protocols=("graphql-ws",)) as wire:
        assert await wire.closed() == (4406, "Subprotocol not acceptable")


async def test_who_says_nothing_is_closed_with_4408(served: Served) -> None:
    async with served.wire(app=served.make(body_seconds=0.02)) as wire:
        assert await wire.closed() == (4408, "Connection initialisation timeout")


async def test_an_id_in_use_closes_with_4409(served: Served) -> None:
    async with served.acknowledged() as wire:
        wire.say(type="subscribe", id="1", payload=FOREVER)
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert await wire.closed() == (4409, "Subscriber for 1 already exists")


async def test_an_id_that_is_complete_may_be_used_again(served: Served) -> None:
    async with served.acknowledged() as wire:
        wire.say(type="subscribe", id="1", payload=FOREVER)
        assert (await wire.hear())["type"] == "next"
        wire.say(type="complete", id="1")
        wire.say(type="complete", id="unknown")
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert (await wire.hear())["type"] == "next"
        assert await wire.hear() == {"id": "1", "type": "complete"}


async def test_a_second_beginning_closes_with_4429(served: Served) -> None:
    async with served.acknowledged() as wire:
        wire.say(type="connection_init", payload={"authorization": served.bearer()})
        assert await wire.closed() == (4429, "Too many initialisation requests")


async def test_one_connection_too_many_is_closed_with_4429(served: Served) -> None:
    app = served.make(subscriptions=1)
    async with served.acknowledged(app):
        async with served.wire(app=app) as wire:
            said = {"authorization": served.bearer()}
            wire.say(type="connection_init", payload=said)
            assert await wire.closed() == (4429, "SUBSCRIPTIONS_TOO_MANY")
        async with served.wire(app=app) as other:
            said = {"authorization": served.bearer("supervisor")}
            other.say(type="connection_init", payload=said)
            assert await other.hear() == {"type": "connection_ack"}
    async with served.acknowledged(app):
        pass  # the place is free again


async def test_one_subscription_too_many_is_refused_and_others_go_on(
    served: Served,
) -> None:
    async with served.acknowledged(served.make(subscriptions=1)) as wire:
        wire.say(type="subscribe", id="1", payload=FOREVER)
        assert (await wire.hear())["type"] == "next"
        wire.say(type="subscribe", id="2", payload=FOREVER)
        refused = await wire.hear()
        assert (refused["id"], refused["type"]) == ("2", "error")
        code = refused["payload"][0]["extensions"]["code"]
        assert code == "SUBSCRIPTIONS_TOO_MANY"
        served.states["market"] = "away"
        assert (await wire.hear())["id"] == "1"


async def test_a_flood_of_operations_closes_with_4429(served: Served) -> None:
    served.engine.hold.clear()
    async with served.acknowledged(served.make(subscriptions=2)) as wire:
        for number in range(5):
            wire.say(type="subscribe", id=str(number), payload=FOREVER)
        assert await wire.closed() == (4429, "Too many operations at a time")


async def test_a_document_that_is_refused_is_an_error_of_its_operation(
    served: Served,
) -> None:
    async with served.acknowledged() as wire:
        wire.say(type="subscribe", id="1", payload={"query": "wrong"})
        refused = await wire.hear()
        assert (refused["id"], refused["type"]) == ("1", "error")
        code = refused["payload"][0]["extensions"]["code"]
        assert code == "DOCUMENT_INVALID"
        wire.say(type="subscribe", id="1", payload={"query": ""})
        assert (await wire.hear())["payload"][0]["extensions"]["code"] == (
            "BODY_MALFORMED"
        )
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert (await wire.hear())["type"] == "next"


async def test_a_fault_is_masked_and_the_connection_stays(served: Served) -> None:
    served.engine.fault = ValueError("110101199003070011")
    async with served.acknowledged() as wire:
        wire.say(type="subscribe", id="1", payload=HELLO)
        refused = await wire.hear()
        assert refused["payload"][0]["extensions"]["code"] == "INTERNAL"
        assert "1101011990" not in json.dumps(refused)
        served.engine.fault = None
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert (await wire.hear())["type"] == "next"


async def test_a_reader_that_takes_nothing_is_closed_with_1013(
    served: Served,
) -> None:
    async with served.acknowledged(served.make(slow_seconds=0.05)) as wire:
        wire.writable.clear()
        wire.say(type="subscribe", id="1", payload=HELLO)
        assert await wire.closed() == (1013, "The reader is too slow")


async def test_the_end_of_the_gateway_closes_with_1012(served: Served) -> None:
    app = served.make()
    async with served.acknowledged(app) as wire:
        app.ending.set()
        assert await wire.closed() == (1012, "The gateway ends")


async def test_what_is_under_way_is_answered_before_the_end(served: Served) -> None:
    app = served.make()
    async with served.acknowledged(app) as wire:
        wire.say(type="subscribe", id="1", payload=FOREVER)
        assert (await wire.hear())["id"] == "1"
        served.engine.hold.clear()
        served.engine.began.clear()
        wire.say(type="subscribe", id="2", payload=HELLO)
        await served.engine.began.wait()
        app.ending.set()
        wire.say(type="subscribe", id="3", payload=HELLO)
        wire.say(type="ping")
        assert await wire.hear() == {"type": "pong"}
        served.engine.hold.set()
        heard = [await wire.hear() for _ in range(2)]
        assert [(it["id"], it["type"]) for it in heard] == [
            ("2", "next"),
            ("2", "complete"),
        ]
        assert (await wire.outgoing.get())["code"] == 1012
    assert len(served.engine.asked) == 2


async def test_what_takes_longer_than_the_grace_is_told_to_come_back(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", module.FAREWELL + 0.05)
    served.engine.hold.clear()
    app = served.make()
    async with served.acknowledged(app) as wire:
        wire.say(type="subscribe", id="1", payload=HELLO)
        await served.engine.began.wait()
        app.ending.set()
        assert (await wire.outgoing.get())["code"] == 1012


async def test_what_was_asked_is_stopped_where_the_client_leaves(
    served: Served,
) -> None:
    served.engine.hold.clear()
    async with served.acknowledged() as wire:
        wire.say(type="subscribe", id="1", payload=HELLO)
        await served.engine.began.wait()
    left = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    assert left == []
