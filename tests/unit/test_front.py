"""GraphQL over HTTP as the front speaks it, with an engine that only listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from orjson import dumps

from zhitong.exceptions import DocumentInvalidError
from zhitong.infra.clients_file import Clients, read_clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.media import GRAPHQL, HTML, JSON
from zhitong.infra.pace import Pace
from zhitong.infra.receipts import content_digest
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Proof, Question, problem
from zhitong.types import Allowance, Occasion, Principal

SETTINGS = Settings(body_bytes=2_000, json_depth=5)
AT = datetime(2026, 11, 22, tzinfo=UTC)
DONE = Answer(body={"data": {"a": "甲"}}, executed=True, record_id="record-7")
REFUSED = Answer(
    body={"errors": [problem(DocumentInvalidError("文档无效", "invalid"))]},
    executed=False,
    status=400,
)


class Listener:
    """An engine that keeps the questions and gives one answer."""

    def __init__(self, answer: Answer = DONE) -> None:
        self.answers = answer
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        return self.answers


@pytest.fixture
def issuer(tmp_path: Path) -> DemoIssuer:
    return DemoIssuer(tmp_path)


Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
def connect(issuer: DemoIssuer) -> Connect:
    def to(engine: Listener, token: str | None = None) -> httpx.AsyncClient:
        verifier = Verifier({"demo": issuer.issuer}, "zhitong")
        front = GraphQLFront(engine, verifier, SETTINGS)
        token = token or issuer.issue(DEMO_PRINCIPALS["police"])
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(front),
            base_url="http://gateway",
            headers={"authorization": f"Bearer {token}", "accept": "*/*"},
        )

    return to


def code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    assert error["message"] == (
        f"{error['extensions']['zh']} / {error['extensions']['en']}"
    )
    return str(error["extensions"]["code"])


def code_of(response: httpx.Response) -> str:
    """Give the code of an error whose message is a word of another protocol's."""
    return str(response.json()["errors"][0]["extensions"]["code"])


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


async def test_a_post_becomes_a_question_and_its_answer_goes_out(
    connect: Connect,
) -> None:
    engine = Listener()
    response = await connect(engine).post(
        "/graphql",
        json={"query": "query A { a }", "variables": {"x": 1}, "operationName": "A"},
        headers={"zhitong-purpose": "%E6%89%A7%E6%B3%95", "zhitong-cause": "C-1"},
    )
    (question,) = engine.asked
    assert question == Question(
        document="query A { a }",
        variables={"x": 1},
        operation="A",
        principal=DEMO_PRINCIPALS["police"],
        occasion=Occasion(purpose="执法", cause="C-1"),
        request_id=response.headers["x-request-id"],
        read_only=False,
        allowance=read_clients().allowance(DEMO_PRINCIPALS["police"]),
    )
    assert response.status_code == 200
    assert response.json() == {"data": {"a": "甲"}}
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["zhitong-record"] == "record-7"
    assert response.headers["cache-control"] == "no-store"
    assert "set-cookie" not in response.headers


async def test_a_get_becomes_a_question_that_may_only_read(connect: Connect) -> None:
    engine = Listener()
    response = await connect(engine).get(
        "/graphql",
        params={"query": "{ a }", "variables": '{"名": "甲"}', "operationName": ""},
    )
    (question,) = engine.asked
    assert response.status_code == 200
    assert (question.document, question.variables) == ("{ a }", {"名": "甲"})
    assert question.operation is None
    assert question.read_only


async def test_an_answer_says_which_executor_gave_it(connect: Connect) -> None:
    by = replace(DONE, executor="graphql-core; why=mutation")
    response = await connect(Listener(by)).post("/graphql", json={"query": "{a}"})
    assert response.headers["zhitong-executor"] == "graphql-core; why=mutation"
    response = await connect(Listener(REFUSED)).post("/graphql", json={"query": "{a}"})
    assert "zhitong-executor" not in response.headers


async def test_a_large_answer_is_compressed_and_its_digest_is_that_of_the_answer(
    connect: Connect,
) -> None:
    payload = b'{"data":{"a":"%s"}}' % (b"x" * SETTINGS.compress_bytes)
    digest = sha256(payload).digest()
    proof = Proof(record="7", digest=digest, at=AT, unit="u", document=KNOWN)
    engine = Listener(replace(DONE, payload=payload, proof=proof))
    response = await connect(engine).post(
        "/graphql", json={"query": "{a}"}, headers={"accept-encoding": "br"}
    )
    assert response.headers["content-encoding"] == "br"
    assert response.headers["vary"] == "accept, accept-encoding"
    assert response.headers["zhitong-answer-digest"] == content_digest(digest)
    assert int(response.headers["content-length"]) < 200
    assert response.content == payload  # httpx unpacks it


async def test_every_request_has_an_id_of_our_own(connect: Connect) -> None:
    client = connect(Listener())
    ids = {
        (
            await client.post(
                "/graphql", json={"query": "{a}"}, headers={"x-request-id": "theirs"}
            )
        ).headers["x-request-id"]
        for _ in range(2)
    }
    assert len(ids) == 2
    assert "theirs" not in ids


@pytest.mark.parametrize(
    ("accept", "answer", "status", "media"),
    [
        (JSON, DONE, 200, JSON),
        (GRAPHQL, DONE, 200, GRAPHQL),
        (JSON, REFUSED, 200, JSON),
        (GRAPHQL, REFUSED, 400, GRAPHQL),
        (JSON, Answer(body={}, executed=False, status=503), 503, JSON),
        (GRAPHQL, Answer(body={}, executed=False, status=503), 503, GRAPHQL),
        (HTML, DONE, 200, JSON),
    ],
)
async def test_the_status_follows_the_media_type(
    connect: Connect, accept: str, answer: Answer, status: int, media: str
) -> None:
    response = await connect(Listener(answer)).post(
        "/graphql", json={"query": "{a}"}, headers={"accept": accept}
    )
    assert response.status_code == status
    assert response.headers["content-type"] == f"{media}; charset=utf-8"
    assert response.json() == answer.body


async def test_a_browser_is_shown_to_the_explorer(connect: Connect) -> None:
    engine = Listener()
    response = await connect(engine).get("/graphql", headers={"accept": HTML})
    assert response.status_code == 303
    assert response.headers["location"] == "explorer/"
    assert engine.asked == []


async def test_a_get_with_a_document_is_answered_even_to_a_browser(
    connect: Connect,
) -> None:
    response = await connect(Listener()).get(
        "/graphql?query={a}", headers={"accept": HTML}
    )
    assert response.json() == DONE.body


@pytest.mark.parametrize("accept", [HTML, "*/*", "image/avif,image/*,*/*;q=0.8"])
async def test_a_page_of_another_site_asks_nothing_as_the_public(
    connect: Connect, issuer: DemoIssuer, accept: str
) -> None:
    engine = Listener()
    client = connect(engine, issuer.issue(DEMO_PRINCIPALS["public"]))
    refused = await client.get("/graphql?query={a}", headers={"accept": accept})
    assert (refused.status_code, code(refused)) == (406, "ACCEPT_MISSING")
    assert engine.asked == []
    named = await client.get("/graphql?query={a}", headers={"accept": JSON})
    assert named.json() == DONE.body


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "X"])
async def test_other_methods_are_refused_with_those_allowed(
    connect: Connect, method: str
) -> None:
    response = await connect(Listener()).request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert code(response) == "METHOD_NOT_ALLOWED"


async def test_a_mutation_by_get_says_that_post_is_allowed(connect: Connect) -> None:
    engine = Listener(Answer(body={"errors": []}, executed=False, status=405))
    response = await connect(engine).get("/graphql?query=mutation{a}")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


MALFORMED = [
    pytest.param(b"", "对象|JSON", id="no body"),
    pytest.param(b"{", "JSON", id="cut off"),
    pytest.param(b'[{"query":"{a}"}]', "批量", id="batch"),
    pytest.param(b"{}", "query", id="no query"),
    pytest.param(b'{"query":null}', "query", id="null query"),
    pytest.param(b'{"query":""}', "query", id="empty query"),
    pytest.param(b'{"query":["{a}"]}', "query", id="list query"),
    pytest.param(b'{"query":"{a}","query":"{b}"}', "query", id="query twice"),
    pytest.param(b'{"query":"{a}","variables":[]}', "variables", id="list variables"),
    pytest.param(b'{"query":"{a}","variables":"{}"}', "variables", id="text variables"),
    pytest.param(b'{"query":"{a}","operationName":1}', "operationName", id="operation"),
    pytest.param(b'{"query":"{a}","extensions":0}', "extensions", id="extensions"),
]


@pytest.mark.parametrize(("body", "named"), MALFORMED)
@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_a_malformed_body_is_a_400_that_names_the_member(
    connect: Connect, body: bytes, named: str, accept: str
) -> None:
    engine = Listener()
    response = await connect(engine).post(
        "/graphql",
        content=body,
        headers={"content-type": "application/json", "accept": accept},
    )
    assert response.status_code == 400
    assert code(response) == "BODY_MALFORMED"
    assert any(word in response.text for word in named.split("|"))
    assert response.headers["content-type"].startswith(accept)
    assert engine.asked == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "query=",
        "query={a}&query={b}",
        "query=%ff",
        "query={a}&variables=[]",
        "query={a}&variables=1",
        "query={a}&variables={",
        "query={a}&extensions=x",
        "query={a}" + "&x=1" * 20,
    ],
)
async def test_a_malformed_query_string_is_a_400(connect: Connect, query: str) -> None:
    response = await connect(Listener()).get(f"/graphql?{query}")
    assert response.status_code == 400
    assert code(response) == "BODY_MALFORMED"


async def test_members_we_do_not_know_are_ignored(connect: Connect) -> None:
    response = await connect(Listener()).post(
        "/graphql", json={"query": "{a}", "extensions": {"x": 1}, "id": "x"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("status", "expected", "request_"),
    [
        (413, "BODY_TOO_LARGE", {"json": {"query": "{a}" * 1_000}}),
        (400, "BODY_TOO_DEEP", {"json": {"query": "{a}", "variables": [[[[[[]]]]]]}}),
        (415, "MEDIA_TYPE", {"content": b"{}"}),
        (415, "MEDIA_TYPE", {"data": {"query": "{a}"}}),
        (415, "MEDIA_TYPE", {"files": {"query": b"{a}"}}),
        (
            415,
            "MEDIA_TYPE",
            {"json": {"query": "{a}"}, "headers": {"content-encoding": "gzip"}},
        ),
        (
            400,
            "OCCASION_MALFORMED",
            {"json": {"query": "{a}"}, "headers": {"zhitong-basis": "%00"}},
        ),
        (
            401,
            "TOKEN_INVALID",
            {"json": {"query": "{a}"}, "headers": {"authorization": "Bearer a.b.c"}},
        ),
        (
            401,
            "TOKEN_MISSING",
            {"json": {"query": "{a}"}, "headers": {"authorization": ""}},
        ),
    ],
)
async def test_what_cannot_be_taken_has_its_own_code_and_never_reaches_the_engine(
    connect: Connect, status: int, expected: str, request_: dict[str, Any]
) -> None:
    engine = Listener()
    response = await connect(engine).post("/graphql", **request_)
    assert (response.status_code, code(response)) == (status, expected)
    assert (response.headers.get("www-authenticate") == "Bearer") is (status == 401)
    assert engine.asked == []


async def test_a_long_query_string_is_too_large(connect: Connect) -> None:
    response = await connect(Listener()).get("/graphql?query=" + "a" * 2_000)
    assert (response.status_code, code(response)) == (413, "BODY_TOO_LARGE")


async def test_an_expired_token_is_told_so(issuer: DemoIssuer) -> None:
    old = issuer.issue(DEMO_PRINCIPALS["police"], timedelta(seconds=1))
    late = Verifier({"demo": issuer.issuer}, "zhitong", clock=lambda: 1e11)
    front = GraphQLFront(Listener(), late, SETTINGS)
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
        response = await client.post(
            "/graphql",
            json={"query": "{a}"},
            headers={"authorization": f"Bearer {old}"},
        )
    assert (response.status_code, code(response)) == (401, "TOKEN_EXPIRED")


async def test_two_authorization_headers_are_not_chosen_between(
    connect: Connect, issuer: DemoIssuer
) -> None:
    twice = [
        (b"authorization", f"Bearer {issuer.issue(DEMO_PRINCIPALS[name])}".encode())
        for name in ("operator", "public")
    ]
    client = connect(Listener())
    del client.headers["authorization"]
    response = await client.post(
        "/graphql", json={"query": "{a}"}, headers=httpx.Headers(twice)
    )
    assert code(response) == "TOKEN_INVALID"


# --- how much a client may ask -----------------------------------------------


class Cupboard:
    """Trusted documents of the police."""

    async def find(self, digest: str, principal: Principal) -> str | None:
        own = principal.kind == "police" and digest == sha256(TRUSTED).hexdigest()
        return TRUSTED.decode() if own else None


TRUSTED = "{ a { 甲 } }".encode()
KNOWN, UNKNOWN = sha256(TRUSTED).hexdigest(), "0" * 64


def narrow(issuer: DemoIssuer, engine: Listener, allowance: Allowance) -> GraphQLFront:
    return GraphQLFront(
        engine,
        Verifier({"demo": issuer.issuer}, "zhitong"),
        SETTINGS,
        clients=Clients([], allowance),
        documents=Cupboard(),
        pace=Pace(clock=lambda: 100.0),
    )


def client(
    front: GraphQLFront, issuer: DemoIssuer, who: str, address: str = "192.0.2.1"
) -> httpx.AsyncClient:
    token = issuer.issue(DEMO_PRINCIPALS[who]) if who else "a.b.c"
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(front, client=(address, 1)),
        base_url="http://gateway",
        headers={"authorization": f"Bearer {token}", "accept": GRAPHQL},
    )


class Dear(Listener):
    """An engine to which each question is dear."""

    async def answer(self, question: Question) -> Answer:
        assert question.spend is not None
        question.spend(20_000)
        return await super().answer(question)


async def test_dear_questions_are_too_fast_sooner(issuer: DemoIssuer) -> None:
    engine = Dear()
    front = narrow(issuer, engine, Allowance(rate=2.0, burst=50))
    police = client(front, issuer, "police")
    sent = [await police.post("/graphql", json={"query": "{a}"}) for _ in range(3)]
    assert [one.status_code for one in sent] == [200, 200, 429]
    assert code(sent[2]) == "RATE_LIMITED"
    # 42 of 50 are drawn, one more for this; 21 are due when it is asked again.
    assert sent[2].headers["retry-after"] == "7"


async def test_who_asks_too_fast_is_told_when_to_come_back(issuer: DemoIssuer) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance(rate=0.25, burst=2))
    police = client(front, issuer, "police")
    statuses = [
        (await police.post("/graphql", json={"query": "{a}"})).status_code
        for _ in range(4)
    ]
    assert statuses == [200, 200, 429, 429]
    refused = await police.post("/graphql", json={"query": "{a}"})
    assert code(refused) == "RATE_LIMITED"
    assert refused.headers["retry-after"] == "4"
    assert len(engine.asked) == 2
    others = client(front, issuer, "own-officer")
    assert (await others.post("/graphql", json={"query": "{a}"})).status_code == 200


async def test_forged_tokens_are_counted_by_address_and_hold_up_nobody_else(
    issuer: DemoIssuer,
) -> None:
    front = narrow(issuer, Listener(), Allowance())
    forger = client(front, issuer, "")
    json = {"query": "{a}"}
    statuses = Counter(
        [(await forger.post("/graphql", json=json)).status_code for _ in range(60)]
    )
    assert statuses == {401: 50, 429: 10}
    elsewhere = client(front, issuer, "", "192.0.2.2")
    assert (await elsewhere.post("/graphql", json=json)).status_code == 401
    neighbour = client(front, issuer, "police")
    assert (await neighbour.post("/graphql", json=json)).status_code == 200


@pytest.mark.parametrize(
    "members",
    [
        {"documentId": KNOWN},
        {"documentId": f"sha256:{KNOWN.upper()}"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": KNOWN}}},
        {"query": None, "documentId": KNOWN},
    ],
)
async def test_a_trusted_document_is_asked_by_its_hash(
    issuer: DemoIssuer, members: dict[str, object]
) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance(trusted_only=True))
    asked = {**members, "variables": {"x": 1}}
    response = await client(front, issuer, "police").post("/graphql", json=asked)
    assert response.status_code == 200
    (question,) = engine.asked
    assert (question.document, question.variables) == (TRUSTED.decode(), {"x": 1})


async def test_a_trusted_document_is_asked_by_get(issuer: DemoIssuer) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance(trusted_only=True))
    police = client(front, issuer, "police")
    persisted = f'{{"persistedQuery":{{"version":1,"sha256Hash":"{KNOWN}"}}}}'
    for members in ({"documentId": KNOWN}, {"extensions": persisted}):
        response = await police.get("/graphql", params=members)
        assert response.status_code == 200
    assert [question.document for question in engine.asked] == [TRUSTED.decode()] * 2
    assert all(question.read_only for question in engine.asked)


@pytest.mark.parametrize(
    ("who", "members", "status", "expected"),
    [
        ("police", {"documentId": UNKNOWN}, 404, "DOCUMENT_UNKNOWN"),
        ("public", {"documentId": KNOWN}, 404, "DOCUMENT_UNKNOWN"),
        ("police", {"documentId": "x"}, 400, "BODY_MALFORMED"),
        ("police", {"documentId": 1}, 400, "BODY_MALFORMED"),
        ("police", {"query": "{ a }"}, 403, "DOCUMENT_NOT_TRUSTED"),
        ("police", {"query": TRUSTED.decode() + " "}, 403, "DOCUMENT_NOT_TRUSTED"),
        ("public", {"query": TRUSTED.decode()}, 403, "DOCUMENT_NOT_TRUSTED"),
        ("police", {"query": "{ a }", "documentId": KNOWN}, 400, "BODY_MALFORMED"),
        (
            "police",
            {
                "query": "{ b }",
                "extensions": {
                    "persistedQuery": {"sha256Hash": sha256(b"{ b }").hexdigest()}
                },
            },
            403,
            "DOCUMENT_NOT_TRUSTED",
        ),
    ],
)
async def test_what_is_not_trusted_is_refused_and_never_registered(
    issuer: DemoIssuer,
    who: str,
    members: dict[str, object],
    status: int,
    expected: str,
) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance(trusted_only=True))
    for _ in range(2):
        response = await client(front, issuer, who).post("/graphql", json=members)
        assert (response.status_code, code(response)) == (status, expected)
    assert engine.asked == []


async def test_the_very_text_of_a_trusted_document_is_answered(
    issuer: DemoIssuer,
) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance(trusted_only=True))
    for members in ({}, {"documentId": KNOWN}):
        response = await client(front, issuer, "police").post(
            "/graphql", json={"query": TRUSTED.decode(), **members}
        )
        assert response.status_code == 200
    assert len(engine.asked) == 2


def persisted(text: str | None, of: str = "{ a }") -> dict[str, object]:
    """Write what a client of automatic persisted queries sends."""
    said = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(of)}}
    return {"extensions": said, **({"query": text} if text else {})}


@pytest.mark.parametrize(("media", "status"), [(JSON, 200), (GRAPHQL, 404)])
async def test_an_unknown_hash_is_told_in_the_words_of_the_protocol(
    issuer: DemoIssuer, media: str, status: int
) -> None:
    police = client(narrow(issuer, Listener(), Allowance()), issuer, "police")
    response = await police.post(
        "/graphql", json=persisted(None), headers={"accept": media}
    )
    (error,) = response.json()["errors"]
    assert response.status_code == status
    assert error["message"] == "PersistedQueryNotFound"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_text_that_was_answered_is_asked_by_its_hash_and_by_its_client_alone(
    issuer: DemoIssuer,
) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance())
    police, court = (client(front, issuer, who) for who in ("police", "court"))
    await police.post("/graphql", json=persisted("{ a }"))
    response = await police.post("/graphql", json=persisted(None))
    assert response.status_code == 200
    by_get = {"extensions": dumps(persisted(None)["extensions"]).decode()}
    await police.get("/graphql", params=by_get)
    assert [question.document for question in engine.asked] == ["{ a }"] * 3
    response = await court.post("/graphql", json=persisted(None))
    assert code_of(response) == "PERSISTED_QUERY_NOT_FOUND"
    response = await police.post("/graphql", json={"documentId": hash_of("{ a }")})
    assert code_of(response) == "DOCUMENT_UNKNOWN"


async def test_a_text_that_was_refused_is_not_kept(issuer: DemoIssuer) -> None:
    front = narrow(issuer, Listener(REFUSED), Allowance())
    police = client(front, issuer, "police")
    await police.post("/graphql", json=persisted("{ a }"))
    response = await police.post("/graphql", json=persisted(None))
    assert code_of(response) == "PERSISTED_QUERY_NOT_FOUND"


async def test_what_is_kept_makes_nothing_trusted(issuer: DemoIssuer) -> None:
    engine = Listener()
    front = narrow(issuer, engine, Allowance())
    police = client(front, issuer, "police")
    await police.post("/graphql", json=persisted("{ a }"))
    # The same client, allowed less from now on.
    front.intake.allowance = lambda _: Allowance(trusted_only=True)
    response = await police.post("/graphql", json=persisted(None))
    assert code_of(response) == "DOCUMENT_UNKNOWN"
    response = await police.post("/graphql", json=persisted("{ a }"))
    assert code_of(response) == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.parametrize(
    "members",
    [
        persisted("{ b }", of="{ a }"),
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}},
    ],
)
async def test_a_hash_of_another_text_or_protocol_is_malformed(
    issuer: DemoIssuer, members: dict[str, object]
) -> None:
    police = client(narrow(issuer, Listener(), Allowance()), issuer, "police")
    response = await police.post("/graphql", json=members)
    assert code(response) == "BODY_MALFORMED"


async def test_the_cost_is_asked_for_with_a_header(issuer: DemoIssuer) -> None:
    engine = Listener()
    police = client(narrow(issuer, engine, Allowance()), issuer, "police")
    for value in ("1", "0"):
        headers = {"zhitong-cost": value}
        await police.post("/graphql", json={"query": "{a}"}, headers=headers)
    assert [question.priced for question in engine.asked] == [True, False]
