"""GraphQL over server-sent events: what is an event, and what leaves as ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from zhitong.exceptions import DocumentInvalidError, MethodNotAllowedError
from zhitong.infra.app import build_app
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.resolvers.changes import Topic
from zhitong.schema.engine import Answer, Question, problem

EVENTS = "text/event-stream"
HELLO = {"query": "{ hello }"}


class Speaking:
    """Answers everything but what is *wrong*."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.fault: Exception | None = None
        self.began, self.hold = asyncio.Event(), asyncio.Event()
        self.hold.set()

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        self.began.set()
        await self.hold.wait()
        if self.fault is not None:
            raise self.fault
        if question.document == "wrong":
            error = DocumentInvalidError("文档无效", "The document is invalid")
            return Answer(body={"errors": [problem(error)]}, executed=False, status=400)
        if question.read_only and question.document.startswith("mutation"):
            late = MethodNotAllowedError("须用 POST", "Use POST")
            return Answer(body={"errors": [problem(late)]}, executed=False, status=405)
        if question.watch is not None and question.document.startswith("subscription"):
            question.watch.topic, question.watch.told = Topic.SOURCES, True
        return Answer(body={"data": {"hello": "你好"}}, executed=True)


@pytest.fixture
def ending() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def engine() -> Speaking:
    return Speaking()


@pytest.fixture
def client(
    engine: Speaking, tmp_path: Path, ending: asyncio.Event
) -> httpx.AsyncClient:
    async def report(*_: object) -> Mapping[str, object]:
        return {"database": True, "sources": {}}

    issuer = DemoIssuer(tmp_path)
    verifier = Verifier({"demo": issuer.issuer}, "zhitong")
    settings = Settings(state=tmp_path)
    app = build_app(engine, verifier, settings, report, report, ending=ending)
    token = issuer.issue(DEMO_PRINCIPALS["police"])
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"authorization": f"Bearer {token}", "accept": EVENTS},
    )


def code(response: httpx.Response) -> str:
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_one_event_and_the_end(
    client: httpx.AsyncClient, method: str
) -> None:
    asked = {"params": HELLO} if method == "GET" else {"json": HELLO}
    response = await client.request(method, "/graphql", **asked)  # type: ignore[arg-type]
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{EVENTS}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.text == (
        'event: next\ndata: {"data":{"hello":"你好"}}\n\nevent: complete\ndata: \n\n'
    )


@pytest.mark.parametrize(
    ("document", "last"),
    [
        pytest.param("{ hello }", ": complete\ndata: \n\n", id="a query"),
        pytest.param("subscription { hello }", '你好"}}\n\n', id="a subscription"),
    ],
)
async def test_an_answer_under_way_is_given_before_the_end(
    client: httpx.AsyncClient,
    engine: Speaking,
    ending: asyncio.Event,
    document: str,
    last: str,
) -> None:
    engine.hold.clear()
    asking = asyncio.create_task(client.post("/graphql", json={"query": document}))
    await engine.began.wait()
    ending.set()
    await asyncio.sleep(0)
    engine.hold.set()
    response = await asking
    assert response.text.count("event: next") == 1
    assert response.text.endswith(last)


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        f"application/graphql-response+json, application/json, {EVENTS}",
        f"{EVENTS};q=0.5, application/json",
        f"{EVENTS};q=0",
    ],
)
async def test_who_likes_json_as_well_is_answered_in_json(
    client: httpx.AsyncClient, accept: str
) -> None:
    response = await client.post("/graphql", json=HELLO, headers={"accept": accept})
    assert "json" in response.headers["content-type"]
    assert response.json() == {"data": {"hello": "你好"}}


async def test_who_has_no_token_is_refused_under_its_status(
    client: httpx.AsyncClient, engine: Speaking
) -> None:
    del client.headers["authorization"]
    response = await client.post("/graphql", json=HELLO)
    assert (response.status_code, code(response)) == (401, "TOKEN_MISSING")
    assert response.headers["www-authenticate"] == "Bearer"
    assert engine.asked == []


async def test_what_is_not_run_is_refused_under_its_status(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/graphql", json={"query": "wrong"})
    assert (response.status_code, code(response)) == (400, "DOCUMENT_INVALID")


async def test_nothing_is_changed_by_get(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": "mutation { touch }"})
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("asked", "status", "name"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, ""),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, ""),
        ({"content": b"x" * 300_000}, 415, "MEDIA_TYPE"),
    ],
)
async def test_a_body_is_read_as_ever(
    client: httpx.AsyncClient, asked: Mapping[str, object], status: int, name: str
) -> None:
    response = await client.post("/graphql", **asked)  # type: ignore[arg-type]
    assert response.status_code == status
    assert code(response) == name or not name


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.put("/graphql", json=HELLO)
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")


async def test_a_fault_is_masked(client: httpx.AsyncClient, engine: Speaking) -> None:
    engine.fault = ValueError("110101199003070011")
    response = await client.post("/graphql", json=HELLO)
    assert (response.status_code, code(response)) == (500, "INTERNAL")
    assert "1101011990" not in json.dumps(response.json())
