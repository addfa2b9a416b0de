"""A fault of ours and a client that left: nothing leaks, nothing runs on."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Engine, Question

SECRETS = ("secret-literal", "hidden", "619900199001011234", "eyJ")
ASKED = {"query": '{ a(id: "secret-literal") }', "variables": {"v": "hidden"}}


class Broken:
    """An engine with a fault whose text quotes what it was asked."""

    async def answer(self, question: Question) -> Answer:
        raise RuntimeError(question.document) from ValueError("619900199001011234")


class Unwritable:
    """An engine whose answer is no JSON."""

    async def answer(self, question: Question) -> Answer:
        return Answer(body={"data": {question.document}}, executed=True)


class Impatient:
    """An engine with a time limit of its own."""

    async def answer(self, question: Question) -> Answer:
        raise TimeoutError(question.document)


class Slow:
    """An engine that works until it is stopped."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.stopped = False

    async def answer(self, question: Question) -> Answer:
        self.started.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.stopped = True
            raise
        raise AssertionError(question)


@pytest.fixture
def issuer(tmp_path: Path) -> DemoIssuer:
    return DemoIssuer(tmp_path)


def front(engine: Engine, issuer: DemoIssuer) -> GraphQLFront:
    verifier = Verifier({"demo": issuer.issuer}, "zhitong")
    return GraphQLFront(engine, verifier, Settings())


@pytest.mark.parametrize(
    ("engine", "named"),
    [
        (Broken(), ("builtins.RuntimeError", "builtins.ValueError", " in answer")),
        (Unwritable(), ("TypeError",)),
        (Impatient(), ("builtins.TimeoutError",)),
    ],
)
async def test_a_fault_is_masked_and_logged_without_what_was_asked(
    engine: Engine,
    named: tuple[str, ...],
    issuer: DemoIssuer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = issuer.issue(DEMO_PRINCIPALS["police"])
    transport = httpx.ASGITransport(front(engine, issuer))
    with caplog.at_level(logging.DEBUG):
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
            response = await http.post(
                "/graphql", json=ASKED, headers={"authorization": f"Bearer {token}"}
            )
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (500, "INTERNAL")
    request_id = response.headers["x-request-id"]
    assert request_id in error["message"]
    for word in (request_id, *named):
        assert word in caplog.text
    for secret in SECRETS:
        assert secret not in caplog.text
        assert secret not in response.text


def scope(issuer: DemoIssuer) -> dict[str, Any]:
    token = issuer.issue(DEMO_PRINCIPALS["police"])
    return {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {token}".encode()),
        ],
    }


async def test_the_engine_stops_when_the_client_leaves(issuer: DemoIssuer) -> None:
    engine = Slow()
    sent: list[Message] = []
    body: list[Message] = [{"type": "http.request", "body": b'{"query":"{a}"}'}]

    async def receive() -> Message:
        if body:
            return body.pop()
        await engine.started.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    gateway = front(engine, issuer)
    async with asyncio.timeout(5):
        await gateway(scope(issuer), receive, send)
    assert engine.stopped
    assert sent == []


async def test_a_server_that_stops_stops_the_request(issuer: DemoIssuer) -> None:
    engine = Slow()
    body: list[Message] = [{"type": "http.request", "body": b'{"query":"{a}"}'}]

    async def receive() -> Message:
        if body:
            return body.pop()
        await asyncio.sleep(30)
        raise AssertionError

    async def send(_message: Message) -> None:
        raise AssertionError

    gateway = front(engine, issuer)
    request = asyncio.create_task(gateway(scope(issuer), receive, send))
    await engine.started.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert engine.stopped
