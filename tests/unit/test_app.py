"""The gateway around /graphql: life, readiness, reload, explorer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from zhitong.exceptions import BindingError
from zhitong.infra.app import Lifespan, build_app, server
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Question


class Greeter:
    async def answer(self, question: Question) -> Answer:
        return Answer(body={"data": question.document}, executed=True)


def reporting(
    result: Mapping[str, object] | Exception,
) -> Callable[..., Awaitable[Mapping[str, object]]]:
    async def report(*_: object) -> Mapping[str, object]:
        if isinstance(result, Exception):
            raise result
        return result

    return report


READY: Mapping[str, object] = {"database": True, "sources": {"a": "ready"}}


def gateway(
    state: Path,
    *,
    ready: Mapping[str, object] | Exception = READY,
    loaded: Mapping[str, object] | Exception = READY,
    lifespan: Lifespan | None = None,
) -> httpx.AsyncClient:
    verifier = Verifier({"demo": DemoIssuer(state).issuer}, "zhitong")
    app = build_app(
        Greeter(),
        verifier,
        Settings(state=state),
        reporting(ready),
        reporting(loaded),
        lifespan=lifespan,
    )
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


def bearer(state: Path, name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {DemoIssuer(state).issue(DEMO_PRINCIPALS[name])}"}


async def test_graphql_is_answered_by_the_front(tmp_path: Path) -> None:
    response = await gateway(tmp_path).post(
        "/graphql", json={"query": "{a}"}, headers=bearer(tmp_path, "police")
    )
    assert response.json() == {"data": "{a}"}


async def test_the_landing_page_leads_to_the_explorer(tmp_path: Path) -> None:
    response = await gateway(tmp_path).get("/")
    assert response.status_code == 200
    assert 'href="explorer/"' in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_health_says_only_that_the_process_is_alive(tmp_path: Path) -> None:
    response = await gateway(tmp_path, ready=RuntimeError("down")).get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


async def test_a_sick_department_leaves_the_gateway_ready(tmp_path: Path) -> None:
    state = {"database": True, "sources": {"sifa": "ready", "jiaotong": "resting"}}
    response = await gateway(tmp_path, ready=state).get("/ready")
    assert response.status_code == 200
    assert response.json() == {**state, "answering": 1, "bound": 2}


async def test_without_its_own_database_the_gateway_is_not_ready(
    tmp_path: Path,
) -> None:
    state = {"database": False, "sources": {"sifa": "ready"}}
    response = await gateway(tmp_path, ready=state).get("/ready")
    assert response.status_code == 503
    assert response.json() == {**state, "answering": 1, "bound": 1}


async def test_a_fault_in_readiness_is_masked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fault = RuntimeError("postgresql://user:secret@host")
    response = await gateway(tmp_path, ready=fault).get("/ready")
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in response.text + caplog.text


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({}, 401, "TOKEN_MISSING"), ({"authorization": "Bearer x"}, 401, "TOKEN_INVALID")],
)
async def test_nobody_unknown_may_reload(
    tmp_path: Path, headers: dict[str, str], status: int, code: str
) -> None:
    response = await gateway(tmp_path).post("/reload", headers=headers)
    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize("name", ["police", "own-officer", "public", "auditor"])
async def test_no_user_may_reload(tmp_path: Path, name: str) -> None:
    response = await gateway(tmp_path).post("/reload", headers=bearer(tmp_path, name))
    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_an_operator_reloads_and_is_told_the_outcome(tmp_path: Path) -> None:
    response = await gateway(tmp_path, loaded={"loaded": ["sifa"]}).post(
        "/reload", headers=bearer(tmp_path, "operator")
    )
    assert (response.status_code, response.json()) == (200, {"loaded": ["sifa"]})


@pytest.mark.parametrize(
    ("error", "messages"),
    [
        (BindingError("错", "wrong"), ["错 / wrong"]),
        (
            ExceptionGroup(
                "",
                [
                    BindingError("一", "one"),
                    ExceptionGroup("", [BindingError("二", "two")]),
                ],
            ),
            ["一 / one", "二 / two"],
        ),
    ],
)
async def test_wrong_bindings_are_all_named(
    tmp_path: Path, error: Exception, messages: list[str]
) -> None:
    response = await gateway(tmp_path, loaded=error).post(
        "/reload", headers=bearer(tmp_path, "operator")
    )
    assert response.status_code == 422
    assert [each["message"] for each in response.json()["errors"]] == messages


async def test_a_missing_explorer_says_how_to_install_it(tmp_path: Path) -> None:
    response = await gateway(tmp_path).get("/explorer/")
    assert response.status_code == 503
    assert "make setup" in response.text


async def test_the_explorer_may_load_only_what_is_ours(tmp_path: Path) -> None:
    (tmp_path / "explorer").mkdir()
    (tmp_path / "explorer/index.html").write_text("页面")
    client = gateway(tmp_path)
    page = await client.get("/explorer/")
    assert (page.status_code, page.text) == (200, "页面")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; connect-src 'self'" in policy
    assert (await client.get("/explorer/none.js")).status_code == 404
    assert (await client.get("/explorer/../demo-issuer.json")).status_code == 404
    assert (await client.get("/explorer/%2e%2e/demo-issuer.json")).status_code == 404


async def test_the_callers_lifespan_is_entered_and_left(tmp_path: Path) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        steps.append("in")
        yield
        steps.append("out")

    client = gateway(tmp_path, lifespan=lifespan)
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    events: list[Message] = [
        {"type": "lifespan.shutdown"},
        {"type": "lifespan.startup"},
    ]
    sent: list[str] = []

    async def receive() -> Message:
        return events.pop()

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await transport.app({"type": "lifespan"}, receive, send)
    assert steps == ["in", "out"]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_server_logs_no_addresses(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, port=1234)
    config = server(Starlette(), settings).config
    assert not config.access_log
    assert (config.host, config.port) == ("127.0.0.1", 1234)
