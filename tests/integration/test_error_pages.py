"""The answers on the pages of docs/errors are those the gateway gives."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import orjson
import pytest

from zhitong.infra.app import build_app
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.media import GRAPHQL
from zhitong.infra.pace import STRANGERS
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Engine

pytestmark = pytest.mark.integration

PAGES = Path(__file__).parents[2] / "docs" / "errors"
JSON = {"content-type": "application/json"}
FIRST = "{ officers(first: 2) { pageInfo { endCursor } } }"
WIDE = """{ enforcementSubjects(first: 200) { nodes { code
  cases(first: 175) { nodes { caseNo } } } } }"""
CASES = (
    "{ caseRecords(first: 1) { nodes { source caseNo } "
    "missing totalCount { count partial missing } } }"
)


def page(code: str) -> tuple[int, object]:
    """Give status and body as the page of *code* shows them."""
    text = (PAGES / f"{code.lower().replace('_', '-')}.md").read_text("utf-8")
    status = re.search(r"^HTTP (\d+)", text, flags=re.MULTILINE)
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    return int(status.group(1)) if status else 0, json.loads(body)


def without_seconds(body: object) -> str:
    """Give an answer without the seconds that somebody is to wait."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    return re.sub(r'\d+ (s\b|秒)|"after": "\d+"', "", text)


class Caller:
    """Asks over HTTP, as one of the demo's people."""

    def __init__(self, client: httpx.AsyncClient, issuer: DemoIssuer) -> None:
        self.client = client
        self._issuer = issuer

    def bearer(self, who: str) -> dict[str, str]:
        token = self._issuer.issue(DEMO_PRINCIPALS[who])
        return {"authorization": f"Bearer {token}"}

    async def ask(
        self,
        document: str,
        who: str = "police",
        variables: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, object]:
        response = await self.client.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={**self.bearer(who), **(headers or {})},
        )
        return response.status_code, response.json()

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> tuple[int, object]:
        response = await self.client.request(
            method, path, content=content, headers=headers
        )
        return response.status_code, response.json()


@pytest.fixture
async def caller(
    gateway: tuple[Gateway, Engine], tmp_path: Path
) -> AsyncIterator[Caller]:
    made, engine = gateway
    issuer = DemoIssuer(tmp_path)
    settings = Settings(state=tmp_path)
    verifier = Verifier({"demo": issuer.issuer}, settings.audience)
    app = build_app(engine, verifier, settings, made.readiness, made.reload)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1"
    ) as client:
        yield Caller(client, issuer)


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("BODY_MALFORMED", b"{nope"),
        ("BODY_TOO_LARGE", b'{"query":"' + b"x" * 270_000 + b'"}'),
        (
            "BODY_TOO_DEEP",
            b'{"query":"{__typename}","variables":' + b"[" * 40 + b"]" * 40 + b"}",
        ),
    ],
)
async def test_a_body_that_cannot_be_read(
    caller: Caller, code: str, content: bytes
) -> None:
    headers = {**JSON, **caller.bearer("police")}
    found = await caller.send("POST", "/graphql", headers, content)
    assert found == page(code)


async def test_a_method_a_media_type_and_a_role_that_will_not_do(
    caller: Caller,
) -> None:
    police = caller.bearer("police")
    assert await caller.send("PUT", "/graphql") == page("METHOD_NOT_ALLOWED")
    plain = await caller.send("POST", "/graphql", {"content-type": "text/plain"}, b"x")
    assert plain == page("MEDIA_TYPE")
    assert await caller.send("POST", "/reload", police) == page("FORBIDDEN")


async def test_a_token_that_is_missing_old_or_forged(
    caller: Caller, tmp_path: Path
) -> None:
    police = DEMO_PRINCIPALS["police"]
    past = DemoIssuer(tmp_path, clock=lambda: time.time() - 90_000).issue(police)
    forged = DemoIssuer(tmp_path / "another").issue(police)
    for code, headers in (
        ("TOKEN_MISSING", {}),
        ("TOKEN_EXPIRED", {"authorization": f"Bearer {past}"}),
        ("TOKEN_INVALID", {"authorization": f"Bearer {forged}"}),
    ):
        found = await caller.send("POST", "/graphql", {**JSON, **headers}, b"{}")
        assert found == page(code)


@pytest.mark.parametrize(
    ("code", "who", "document"),
    [
        ("DOCUMENT_INVALID", "police", "{ caseRecord { nodes { id } } }"),
        (
            "DOCUMENT_TOO_DEEP",
            "police",
            "{ counterparties { nodes "
            + "{ cases { nodes { counterparty " * 6
            + "{ id }"
            + "}}}" * 6
            + "} }",
        ),
        (
            "COST_EXCEEDED",
            "police",
            WIDE,
        ),
        ("INTROSPECTION_DENIED", "public", "{ __schema { types { name } } }"),
        (
            "CURSOR_MALFORMED",
            "police",
            '{ officers(first: 2, after: "eyJub3QiOiJvdXJzIn0=") { nodes { name } } }',
        ),
        ("PAGE_SIZE", "police", "{ officers(first: -1) { nodes { name } } }"),
        ("NODE_ID", "police", '{ node(id: "12345") { id } }'),
        (
            "REPRESENTATION",
            "police",
            '{ _entities(representations: [{__typename: "Officer"}]) { __typename } }',
        ),
        (
            "SCALAR",
            "police",
            '{ caseRecords(where: {filedOn: {gte: "2026/09/01"}}) { nodes { id } } }',
        ),
        (
            "FIELD_HIDDEN",
            "public",
            "{ caseRecords(where: {contactPhone: {present: true}}) { nodes { id } } }",
        ),
    ],
)
async def test_a_question_that_is_wrong(
    caller: Caller, code: str, who: str, document: str
) -> None:
    assert await caller.ask(document, who) == page(code)


async def test_a_document_that_nobody_trusts(caller: Caller) -> None:
    content = orjson.dumps({"documentId": "0" * 64})
    headers = {**JSON, **caller.bearer("police")}
    assert await caller.send("POST", "/graphql", headers, content) == page(
        "DOCUMENT_UNKNOWN"
    )


async def test_a_hash_whose_text_was_not_sent(caller: Caller) -> None:
    said = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    headers = {**JSON, **caller.bearer("police"), "accept": GRAPHQL}
    content = orjson.dumps({"extensions": said})
    assert await caller.send("POST", "/graphql", headers, content) == page(
        "PERSISTED_QUERY_NOT_FOUND"
    )


async def test_a_question_by_get_that_a_link_could_ask(caller: Caller) -> None:
    headers = {**caller.bearer("public"), "accept": "*/*"}
    found = await caller.send("GET", "/graphql?query={__typename}", headers)
    assert found == page("ACCEPT_MISSING")


async def test_a_client_that_forges_tokens_as_fast_as_it_can(caller: Caller) -> None:
    headers = {**JSON, "authorization": "Bearer a.b.c"}
    found = [
        await caller.send("POST", "/graphql", headers, b"{}")
        for _ in range(STRANGERS.burst + 100)
    ]
    stated, body = page("RATE_LIMITED")
    # How long one is to wait is another matter on each machine.
    told = {(status, without_seconds(answer)) for status, answer in found}
    assert (stated, without_seconds(body)) in told


async def test_a_credit_code_with_a_letter_for_a_digit(caller: Caller) -> None:
    document = "query C($c: CreditCode!) { counterparty(code: $c) { name } }"
    found = await caller.ask(document, variables={"c": "91619900MA0000000O"})
    assert found == page("CREDIT_CODE")


async def test_an_occasion_that_is_no_text(caller: Caller) -> None:
    headers = {"zhitong-basis": "%FF"}
    assert await caller.ask("{ __typename }", headers=headers) == page(
        "OCCASION_MALFORMED"
    )


async def test_a_cursor_of_another_list_or_another_caller(caller: Caller) -> None:
    _, first = await caller.ask(FIRST)
    (cursor,) = re.findall(r"'endCursor': '([^']+)'", str(first))
    elsewhere = f'{{ licences(first: 2, after: "{cursor}") {{ nodes {{ name }} }} }}'
    assert await caller.ask(elsewhere) == page("CURSOR_ELSEWHERE")
    foreign = f'{{ officers(first: 2, after: "{cursor}") {{ nodes {{ name }} }} }}'
    assert await caller.ask(foreign, "own-officer") == page("CURSOR_FOREIGN")


async def test_a_department_that_does_not_answer_and_then_rests(
    caller: Caller, frozen: Callable[[str], AbstractContextManager[None]]
) -> None:
    with frozen("transport"):
        _, late = await caller.ask(CASES)
        for _ in range(2):
            await caller.ask(CASES)
        _, resting = await caller.ask(CASES)
    assert isinstance(late, dict)
    assert isinstance(resting, dict)
    assert (0, {"extensions": late["extensions"]}) == page("SOURCE_TIMEOUT")
    assert (0, {"extensions": resting["extensions"]}) == page("SOURCE_RESTING")
    assert late["data"]["caseRecords"]["missing"] == ["transport"]


async def test_protected_data_without_its_record(
    caller: Caller, frozen: Callable[[str], AbstractContextManager[None]]
) -> None:
    why = {
        "zhitong-purpose": "criminal-investigation",
        "zhitong-basis": "x",
        "zhitong-cause": "y",
        "zhitong-letter": "z",
    }
    with frozen("platform"):
        found = await caller.ask(
            "{ counterparties(first: 1) { nodes { name phone } } }", headers=why
        )
    assert found == page("RECORD_UNAVAILABLE")
