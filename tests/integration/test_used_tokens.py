"""A token that may serve one change serves one, at every gateway, and reads on."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from zhitong.connectors.used_tokens import PlatformUsedTokens
from zhitong.infra.app import build_app
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Engine

pytestmark = pytest.mark.integration

PAGES = Path(__file__).parents[2] / "docs" / "errors"
BUREAU = DEMO_PRINCIPALS["department"]
PROXY = ("10.0.0.5", 4_000)
HEADER = "x-client-cert"
ONE, OTHER = "A" * 43, "B" * 43
RECORD = """mutation Record($decision: DecisionInput!) {
  recordDecision(decision: $decision) { decisionId version replayed }
}"""
READ: dict[str, object] = {"query": "{ decisions(first: 1) { nodes { documentNo } } }"}


def penalty() -> dict[str, object]:
    number = uuid.uuid4().hex[:12]
    decision = {
        "localId": f"once-{number}",
        "actType": "PENALTY",
        "subjectCode": BUREAU.unit,
        "documentNo": f"（安）应急罚〔2026〕{int(number, 16)}号",
        "decidedOn": "2026-06-01",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "安泽一次化工有限公司",
        "counterpartyCode": "91110000600037341L",
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
    }
    return {"query": RECORD, "variables": {"decision": decision}}


def page(code: str) -> tuple[int, object]:
    text = (PAGES / f"{code.lower().replace('_', '-')}.md").read_text("utf-8")
    status = re.search(r"^HTTP (\d+)", text, flags=re.MULTILINE)
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    return int(status.group(1)) if status else 0, json.loads(body)


def told(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


class Gateways:
    """Any number of gateways over one platform database."""

    def __init__(
        self, made: Gateway, engine: Engine, address: str, state: Path
    ) -> None:
        self.issuer = DemoIssuer(state)
        self._made, self._engine = made, engine
        self._address, self._state = address, state
        self._open: list[PlatformUsedTokens | httpx.AsyncClient] = []

    def another(self, *, single: bool) -> httpx.AsyncClient:
        """Give a client of one more gateway; *single*: a token for a change."""
        used = PlatformUsedTokens(self._address)
        issuer = replace(self.issuer.issuer, single_use_mutations=single)
        settings = Settings(
            state=self._state, certificate_header=HEADER, proxies=PROXY[0]
        )
        app = build_app(
            self._engine,
            Verifier({"demo": issuer}, settings.audience, used=used),
            settings,
            self._made.readiness,
            self._made.reload,
        )
        transport = httpx.ASGITransport(app, client=PROXY)
        client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        self._open += [used, client]
        return client

    def headers(self, certificate: str = "") -> dict[str, str]:
        sent = {"authorization": f"Bearer {self.issuer.issue(BUREAU)}"}
        return {**sent, HEADER: certificate} if certificate else sent

    async def close(self) -> None:
        for each in self._open:
            if isinstance(each, httpx.AsyncClient):
                await each.aclose()
            else:
                await each.close()


@pytest.fixture
async def gateways(
    gateway: tuple[Gateway, Engine], addresses: Mapping[str, str], tmp_path: Path
) -> AsyncIterator[Gateways]:
    made = Gateways(*gateway, addresses["platform"], tmp_path)
    yield made
    await made.close()


async def test_a_token_for_one_change_serves_one_and_reads_on(
    gateways: Gateways,
) -> None:
    one, other = (gateways.another(single=True) for _ in range(2))
    headers = gateways.headers()
    first = await one.post("/graphql", json=penalty(), headers=headers)
    assert first.json()["data"]["recordDecision"]["version"] == 1
    for client in (one, other, gateways.another(single=True)):
        again = await client.post("/graphql", json=penalty(), headers=headers)
        assert told(again) == page("TOKEN_REPLAYED")
        assert (await client.post("/graphql", json=READ, headers=headers)).json()[
            "data"
        ]


async def test_of_many_changes_at_once_with_one_token_one_is_made(
    gateways: Gateways,
) -> None:
    clients = [gateways.another(single=True) for _ in range(3)]
    headers = gateways.headers()
    answers = await asyncio.gather(
        *(
            client.post("/graphql", json=penalty(), headers=headers)
            for client in clients * 3
        )
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [401] * 8


async def test_what_is_no_change_uses_nothing_up(gateways: Gateways) -> None:
    client = gateways.another(single=True)
    headers = gateways.headers()
    asked: list[dict[str, object]] = [
        READ,
        {"query": "mutation {"},
        {"query": "{ decisions { nope } }"},
        {"query": f"{RECORD} query Read {READ['query']}", "operationName": "Read"},
    ]
    for each in asked:
        await client.post("/graphql", json=each, headers=headers)
    by_get = {"query": "mutation { recordDecision { version } }"}
    accepting = {**headers, "accept": "application/json"}
    response = await client.get("/graphql", params=by_get, headers=accepting)
    assert response.status_code == 405
    done = await client.post("/graphql", json=penalty(), headers=headers)
    assert done.json()["data"]["recordDecision"]["version"] == 1


async def test_a_session_changes_much_but_in_one_hand(gateways: Gateways) -> None:
    one, other = (gateways.another(single=False) for _ in range(2))
    headers = gateways.headers(ONE)
    for client in (one, other, one):
        done = await client.post("/graphql", json=penalty(), headers=headers)
        assert done.json()["data"]["recordDecision"]["version"] == 1
    stolen = {**headers, HEADER: OTHER}
    for client in (one, other):
        refused = await client.post("/graphql", json=penalty(), headers=stolen)
        assert told(refused) == page("TOKEN_REPLAYED")


async def test_without_the_platforms_database_no_change_is_begun(
    gateways: Gateways, frozen: Callable[[str], AbstractContextManager[None]]
) -> None:
    client = gateways.another(single=True)
    headers = gateways.headers()
    with frozen("platform"):
        refused = await client.post("/graphql", json=penalty(), headers=headers)
    assert refused.status_code == 503
    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "LEDGER_UNAVAILABLE"
    assert error["extensions"]["retriable"]


async def test_the_pages_on_certificates_show_what_is_said(gateways: Gateways) -> None:
    client = gateways.another(single=False)
    bound = gateways.issuer.issue(BUREAU, certificate=ONE)
    sent = {"authorization": f"Bearer {bound}"}
    assert told(await client.post("/graphql", json=READ, headers=sent)) == page(
        "TOKEN_UNBOUND"
    )
    sent[HEADER] = ONE
    fine = await client.post("/graphql", json=READ, headers=sent)
    assert fine.json()["data"]
    # From another address than the proxy's.
    client._transport.client = ("10.0.0.6", 1)  # type: ignore[attr-defined] # httpx's ASGI transport
    assert told(await client.post("/graphql", json=READ, headers=sent)) == page(
        "CERTIFICATE_UNTRUSTED"
    )
