"""What is exported and logged of whole requests, from the front to the sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from leak_askers import askers
from leak_matrix import everything, listening
from leak_oracle import Oracle
from leak_rows import tokens
from leak_spans import Exported, exporting

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.occasions import said
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Engine
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration
Request = tuple[bytes, dict[str, str]]
"""A body, and headers beside the token's and the occasion's."""
MADE_LATER = {"AccessLook", "DecisionSignature"}
"""Types that the city has no rows of before somebody looks, or signs."""


def requests(oracle: Oracle) -> Iterator[Request]:
    """Put canaries wherever a request has a place for a text."""
    for entity in ENTITIES.values():
        row = next(oracle.of(entity.name), None)
        if row is None:
            assert entity.name in MADE_LATER
            continue
        for name in entity.fields:
            if not tokens(row.values[name]):
                continue
            word = json.dumps(str(row.values[name]), ensure_ascii=False)
            where = f"{{ {entity.plural}(where: {{ {name}: {{ eq: {word} }} }})"
            yield body(f"{where} {{ nodes {{ id {name} }} }} }}"), {}
        word = json.dumps(" ".join(sorted(tokens(str(row.values)))))
        yield (
            body("query ($w: String!) { search(name: $w) { nodes { id } } }", word),
            {},
        )
        yield body(f"{{ nope(is: {word}) }}"), {}
        yield b'{"query": ' + word.encode(), {}
        yield body("{ __typename }", operationName=word[:60]), {}
        headers = (
            "x-request-id",
            "traceparent",
            "accept",
            "user-agent",
            "content-type",
        )
        for header in headers:
            yield body("{ __typename }"), {header: quote(word)}
        yield body("{ __typename }"), {"authorization": f"Bearer {quote(word)}"}
        yield body("{ __typename }"), {"zhitong-cause": quote(word * 9)}


def body(query: str, word: str = '""', **more: str) -> bytes:
    asked = {"query": query, "variables": {"w": json.loads(word)}, **more}
    return json.dumps(asked).encode()


def front(engine: Engine, state: Path, exported: Exported) -> GraphQLFront:
    verifier = Verifier({"demo": DemoIssuer(state).issuer}, "zhitong")
    traces = exported.tracer("front")
    return GraphQLFront(engine, verifier, Settings(state=state), traces=traces)


async def test_no_span_and_no_line_has_what_was_asked_with_or_found(
    engine: Engine, oracle: Oracle, tmp_path: Path
) -> None:
    issuer, canaries = DemoIssuer(tmp_path), everything(oracle.rows) | oracle.beside
    asking = {one.principal: one for one in askers(oracle.policy)}
    shown: set[str] = set()
    statuses: set[int] = set()
    with listening() as heard, exporting() as exported:
        transport = httpx.ASGITransport(front(engine, tmp_path, exported))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://g"
        ) as client:
            for number, (content, headers) in enumerate(requests(oracle)):
                principals = [one for one in DEMO_PRINCIPALS.values() if one in asking]
                principal = principals[number % len(principals)]
                known = {
                    "content-type": "application/json",
                    "authorization": f"Bearer {issuer.issue(principal)}",
                    **said(asking[principal].occasion),
                }
                answer = await client.post(
                    "/graphql", content=content, headers={**known, **headers}
                )
                statuses.add(answer.status_code)
                shown |= tokens(answer.text) & canaries
    ours = [line for line in heard if not line.startswith("httpx")]
    assert exported.tokens & canaries == set()
    assert tokens("\n".join(ours)) & canaries == set()
    assert exported.names["POST /graphql"] > 100
    assert exported.names["source.read"] > 100
    assert shown, "nobody was shown anything: what was not exported was not there"
    assert {200, 400, 401} <= statuses
