"""Forged tokens and certificates at the real front, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from forgeries import CERTIFICATE, POLICE, but, forgeries, token, verifier

from zhitong.infra.app import build_app
from zhitong.infra.pace import Pace
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer, Question

PROXY, ELSEWHERE = ("10.0.0.5", 4_000), ("10.0.0.6", 4_000)
HEADER = "x-client-cert"
ASKED = {"query": "{ a }"}
SAMPLE = dict(list(forgeries().items())[::7])
"""Every seventh of the corpus: all go through the same door."""

Connect = Callable[[tuple[str, int]], httpx.AsyncClient]


class Listener:
    """An engine that keeps who asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        return Answer(body={"data": {"a": 1}}, executed=True)


@pytest.fixture
def engine() -> Listener:
    return Listener()


@pytest.fixture
async def connect(
    engine: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Connect]:
    # Who is refused over and over is slowed down; that is another test's matter.
    monkeypatch.setattr(Pace, "stranger", lambda *_: None)
    settings = Settings(state=tmp_path, certificate_header=HEADER, proxies=PROXY[0])

    async def report(*_: object) -> dict[str, object]:
        return {}

    app = build_app(engine, verifier(), settings, report, report)
    made: list[httpx.AsyncClient] = []

    def to(peer: tuple[str, int] = PROXY) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=peer)
        client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        made.append(client)
        return client

    yield to
    await asyncio.gather(*(client.aclose() for client in made))


def code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize("name", SAMPLE, ids=[ascii(name) for name in SAMPLE])
@pytest.mark.parametrize("path", ["/graphql", "/live/stream", "/reload"])
async def test_a_forged_token_gets_no_further_than_the_door(
    name: str, path: str, connect: Connect, engine: Listener
) -> None:
    forgery = SAMPLE[name]
    sent = {"content-type": "application/json"}
    if forgery.certificate:
        sent[HEADER] = forgery.certificate
    headers = [(key.encode(), value.encode()) for key, value in sent.items()]
    if forgery.authorization is not None:
        raw = forgery.authorization.encode(errors="surrogatepass")
        headers.append((b"authorization", raw))
    response = await connect(PROXY).post(path, json=ASKED, headers=headers)
    assert (response.status_code, code(response)) == (401, forgery.code)
    assert engine.asked == []
    if forgery.authorization and len(forgery.authorization) > 20:
        assert forgery.authorization[-20:] not in response.text


async def test_of_two_authorization_headers_none_is_believed(
    connect: Connect, engine: Listener
) -> None:
    good, forged = f"Bearer {token()}", f"Bearer {token()[:-4]}AAAA"
    for pair in ((good, forged), (forged, good), (good, good)):
        response = await connect(PROXY).post(
            "/graphql", json=ASKED, headers=[("authorization", each) for each in pair]
        )
        assert (response.status_code, code(response)) == (401, "TOKEN_INVALID")
    assert engine.asked == []


async def test_a_token_anywhere_else_is_no_token(
    connect: Connect, engine: Listener
) -> None:
    sent = token()
    client = connect(PROXY)
    client.cookies.set("authorization", f"Bearer {sent}")
    client.cookies.set("access_token", sent)
    response = await client.post(
        f"/graphql?access_token={sent}",
        json={**ASKED, "access_token": sent},
        headers={"x-authorization": f"Bearer {sent}", "proxy-authorization": sent},
    )
    assert (response.status_code, code(response)) == (401, "TOKEN_MISSING")
    assert engine.asked == []


async def test_a_bound_token_is_good_with_its_certificate_from_our_proxy(
    connect: Connect, engine: Listener
) -> None:
    headers = {
        "authorization": f"Bearer {token(but(cnf={'x5t#S256': CERTIFICATE}))}",
        HEADER: CERTIFICATE,
    }
    response = await connect(PROXY).post("/graphql", json=ASKED, headers=headers)
    assert response.status_code == 200
    assert [each.principal for each in engine.asked] == [POLICE]
    response = await connect(ELSEWHERE).post("/graphql", json=ASKED, headers=headers)
    assert (response.status_code, code(response)) == (401, "CERTIFICATE_UNTRUSTED")
    del headers[HEADER]
    response = await connect(PROXY).post("/graphql", json=ASKED, headers=headers)
    assert (response.status_code, code(response)) == (401, "TOKEN_UNBOUND")
    assert len(engine.asked) == 1


@pytest.mark.parametrize("path", ["/graphql", "/live/stream", "/reload"])
async def test_who_is_no_proxy_is_refused_for_saying_which_certificate_he_has(
    path: str, connect: Connect, engine: Listener
) -> None:
    headers = {
        "authorization": f"Bearer {token()}",
        HEADER: CERTIFICATE,
        "x-forwarded-for": PROXY[0],
        "forwarded": f"for={PROXY[0]}",
    }
    response = await connect(ELSEWHERE).post(path, json=ASKED, headers=headers)
    assert (response.status_code, code(response)) == (401, "CERTIFICATE_UNTRUSTED")
    assert engine.asked == []


async def test_two_certificate_headers_are_none_that_can_be_read(
    connect: Connect,
) -> None:
    response = await connect(PROXY).post(
        "/graphql",
        json=ASKED,
        headers=[
            ("authorization", f"Bearer {token()}"),
            (HEADER, CERTIFICATE),
            (HEADER, "d" * 43),
        ],
    )
    assert (response.status_code, code(response)) == (401, "CERTIFICATE_UNTRUSTED")
