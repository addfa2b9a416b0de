"""The graph as a subgraph: entities by key in one batch, under policy, faults told."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import memory_gateway
import orjson
import pytest
from graphql import build_schema
from memory_gateway import CODES, Made, answer, asked, build

from zhitong.connectors.memory import MemorySource
from zhitong.infra.clients_file import Clients, read_clients
from zhitong.resolvers.nodes import NodeId
from zhitong.resolvers.representations import MOST, keys_of
from zhitong.rules.identifiers import credit_code_fault
from zhitong.schema.entities import ENTITIES
from zhitong.schema.federation import VERSION
from zhitong.schema.graph import federated_sdl, sdl
from zhitong.types import Inquiry

DOCUMENT = (
    "query($representations: [_Any!]!) { _entities(representations: $representations) {"
    " __typename ... on Officer { certificateNo name subject { code } }"
    " ... on Counterparty { code name idNumber } ... on CaseRecord { id caseNo } } }"
)
TRACED = (b"apollo-federation-include-trace", b"ftv1")


@dataclass(frozen=True)
class City:
    """A gateway over sources in memory, and these sources."""

    made: Made
    sources: Mapping[str, MemorySource]

    async def ask(
        self,
        document: str,
        *more: tuple[bytes, bytes],
        who: str = "police",
        variables: object = None,
    ) -> dict[str, Any]:
        """Ask as a client of kind *who*; give the whole answer."""
        front, tokens = self.made
        sent = asked(document, tokens[who], variables=variables)
        reply = await answer(front, replace(sent, headers=sent.headers + more))
        body: dict[str, Any] = orjson.loads(reply.body)
        return body

    async def entities(self, *named: object, who: str = "police") -> dict[str, Any]:
        """Ask for entities as a router does."""
        said = {"representations": list(named)}
        return await self.ask(DOCUMENT, who=who, variables=said)

    def asked(self) -> int:
        """Count what the sources have been asked so far."""
        return sum(len(each.queries) for each in self.sources.values())


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> City:
    made = memory_gateway.sources()
    monkeypatch.setattr(memory_gateway, "sources", lambda: made)
    return City(build(tmp_path), made)


def officer(number: int) -> dict[str, str]:
    return {"__typename": "Officer", "certificateNo": f"Officer-{number:03}"}


async def test_entities_are_given_in_the_order_of_their_representations(
    city: City,
) -> None:
    case = str(NodeId("CaseRecord", "market", "CaseRecord-003"))
    body = await city.entities(
        officer(7),
        {"__typename": "CaseRecord", "id": case},
        {"__typename": "Counterparty", "code": CODES[0]},
        officer(2),
    )
    assert "errors" not in body
    found = body["data"]["_entities"]
    assert [one["__typename"] for one in found] == [
        *("Officer", "CaseRecord", "Counterparty", "Officer")
    ]
    assert found[0]["certificateNo"] == "Officer-007"
    assert found[1]["id"] == case
    assert found[2]["code"] == CODES[0]
    assert found[3]["certificateNo"] == "Officer-002"


async def test_a_type_is_read_once_however_many_entities_of_it_are_named(
    city: City,
) -> None:
    await city.entities(officer(1))
    one = city.asked()
    await city.entities(*map(officer, range(30)))
    assert city.asked() - one == one


async def test_what_names_nothing_is_null_beside_the_others(city: City) -> None:
    body = await city.entities(officer(1), officer(999), officer(2))
    given = [one and one["certificateNo"] for one in body["data"]["_entities"]]
    assert given == ["Officer-001", None, "Officer-002"]
    assert "errors" not in body


@pytest.mark.parametrize(
    ("named", "code"),
    [
        pytest.param({"__typename": "Nope", "id": "1"}, "REPRESENTATION", id="type"),
        pytest.param({"certificateNo": "1"}, "REPRESENTATION", id="no type"),
        pytest.param({"__typename": "Officer"}, "REPRESENTATION", id="no key"),
        pytest.param(
            {"__typename": "Officer", "certificateNo": ["1"]},
            "REPRESENTATION",
            id="a key of another form",
        ),
        pytest.param("Officer", "REPRESENTATION", id="no object"),
        pytest.param(None, "DOCUMENT_INVALID", id="nothing"),
        pytest.param(
            {"__typename": "Officer", "id": str(NodeId("Matter", "market", "1"))},
            "NODE_ID",
            id="another type's id",
        ),
        pytest.param({"__typename": "Officer", "id": "x"}, "NODE_ID", id="no id"),
    ],
)
async def test_a_representation_that_names_no_entity_is_told_at_its_place(
    city: City, named: object, code: str
) -> None:
    body = await city.entities(officer(1), named, officer(2))
    (error,) = body["errors"]
    assert error["extensions"]["code"] == code
    if code != "DOCUMENT_INVALID":  # a null is refused with its variable
        assert error["path"] == ["_entities", 1]
        assert error["extensions"]["classification"] == "BAD_REQUEST"
        first, second, third = body["data"]["_entities"]
        assert first
        assert third
        assert second is None


async def test_entities_are_seen_as_the_caller_sees_their_rows(city: City) -> None:
    known = next(code for code in CODES if credit_code_fault(code) is None)
    named = {"__typename": "Counterparty", "code": known}
    document = "{ counterparty(code: %s) { __typename code name idNumber } }"
    for who in ("police", "public", "credit-system"):
        by_key = await city.entities(named, who=who)
        root = await city.ask(document % f'"{known}"', who=who)
        assert by_key["data"]["_entities"] == [root["data"]["counterparty"]]


@pytest.mark.parametrize("way", ["entities", "node"])
async def test_by_its_key_no_row_is_given_that_is_not_the_caller_s(
    city: City, way: str
) -> None:
    listing = "{ caseRecords(first: 100) { nodes { id } } }"
    seen: dict[str, list[str]] = {}
    for who in ("police", "own-officer"):
        body = await city.ask(listing, who=who)
        seen[who] = [node["id"] for node in body["data"]["caseRecords"]["nodes"]]
    every = seen["police"][:20]
    own = {*seen["own-officer"]} & {*every}
    assert 0 < len(own) < len(every)
    if way == "entities":
        named = [{"__typename": "CaseRecord", "id": one} for one in every]
        body = await city.entities(*named, who="own-officer")
        found = body["data"]["_entities"]
    else:
        document = '{ node(id: "%s") { id } }'
        bodies = [await city.ask(document % one, who="own-officer") for one in every]
        found = [body["data"]["node"] for body in bodies]
    assert {one["id"] for one in found if one} == own


async def test_each_look_by_key_is_on_record(city: City) -> None:
    body = await city.entities(officer(1))
    assert body["data"]["_entities"][0]
    front, tokens = city.made
    said = {"representations": [officer(1)]}
    reply = await answer(front, asked(DOCUMENT, tokens["police"], variables=said))
    assert reply.headers[b"zhitong-record"]


async def until_there(looks: list[tuple[str, Mapping[str, str]]]) -> None:
    """Wait for the record: looks at open data are written within a second."""
    async with asyncio.timeout(60):
        while not looks:  # noqa: ASYNC110 - the record tells nobody that it was written
            await asyncio.sleep(0.01)


async def test_what_a_router_compares_is_on_record_as_a_direct_question_s(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[tuple[str, Mapping[str, str]]] = []
    follow = memory_gateway.Register.follow

    async def noting(
        register: memory_gateway.Register, inquiries: Sequence[Inquiry]
    ) -> Sequence[Inquiry]:
        looks.extend(
            (look.source, look.fields) for one in inquiries for look in one.looks
        )
        return await follow(register, inquiries)

    monkeypatch.setattr(memory_gateway.Register, "follow", noting)
    for key in ("Officer-001", "Officer-999"):
        said = f'__typename: "Officer", certificateNo: "{key}"'
        asked = "{ _entities(representations: [{%s}]) { ... on Officer { name } } }"
        await city.ask(asked % said)
        await until_there(looks)
        by_key = [*looks]
        looks.clear()
        await city.ask(f'{{ officer(certificateNo: "{key}") {{ name }} }}')
        await until_there(looks)
        assert by_key == looks
        looks.clear()


async def test_more_entities_than_are_given_at_once_are_refused(city: City) -> None:
    body = await city.entities(*map(officer, range(MOST + 1)))
    (error,) = body["errors"]
    assert error["extensions"]["code"] in {"TOO_WIDE", "COST_EXCEEDED"}


async def test_entities_cost_as_often_as_they_are_named(city: City) -> None:
    priced = (b"zhitong-cost", b"1")
    costs = []
    for many in (1, 11):
        said = {"representations": [officer(number) for number in range(many)]}
        body = await city.ask(DOCUMENT, priced, variables=said)
        costs.append(body["extensions"]["cost"]["estimate"])
    inline = "{ _entities(representations: [%s]) { ... on Officer { name } } }"
    literals = '{__typename: "Officer", certificateNo: "Officer-001"},'
    for many in (1, 11):
        body = await city.ask(inline % (literals * many), priced)
        costs.append(body["extensions"]["cost"]["estimate"])
    fields = 1 + 4 + 3 + 2  # of any, of officers, of parties and of cases
    values = 3 * 5  # each object and its two members are read before anything is run
    default = (
        "query($r: [_Any!]! = [%s]) { _entities(representations: $r) {"
        " ... on Officer { name } } }"
    )
    for many in (1, 11):
        body = await city.ask(default % (literals * many), priced)
        costs.append(body["extensions"]["cost"]["estimate"])
    assert costs[5] - costs[4] == 10
    assert costs[1] - costs[0] == 10 * (fields + values)
    assert costs[3] - costs[2] == 10


def test_the_published_schema_has_no_word_of_a_federation() -> None:
    text = sdl()
    for word in ("@key", "@link", "@shareable", "_Any", "_Entity", "_Service", "_ent"):
        assert word not in text
    build_schema(text)


def test_a_router_is_told_every_key() -> None:
    text = federated_sdl()
    assert f"federation/v{VERSION}" in text
    for name, entity in ENTITIES.items():
        line = next(
            each for each in text.splitlines() if each.startswith(f"type {name} ")
        )
        for key in keys_of(entity):
            assert f'@key(fields: "{key}", resolvable: true)' in line


async def test_the_service_tells_its_schema_to_who_may_read_it(city: City) -> None:
    body = await city.ask("{ _service { sdl } }", who="operator")
    assert body["data"]["_service"]["sdl"] + "\n" == federated_sdl()
    refused = await city.ask("{ _service { sdl } }", who="public")
    assert refused["errors"][0]["extensions"]["code"] == "INTROSPECTION_DENIED"


def routers() -> Clients:
    known = read_clients()
    return replace(known, default=replace(known.default, router=True))


async def test_a_trace_is_told_to_a_router_that_asks(tmp_path: Path) -> None:
    traced = City(build(tmp_path, clients=routers()), {})
    document = '{ officers(first: 1, after: "x") { nodes { name } } }'
    body = await traced.ask(document, TRACED)
    trace = fields(base64.b64decode(body["extensions"]["ftv1"]))
    assert trace.keys() == {3, 4, 11, 14}
    began, ended = fields(as_bytes(trace[4])), fields(as_bytes(trace[3]))
    assert int(str(began[1])) <= int(str(ended[1]))
    assert int(str(trace[11])) > 0
    (error,) = body["errors"]
    root = fields(as_bytes(trace[14]))
    said = fields(as_bytes(root[11]))
    assert as_bytes(said[1]).decode() == error["extensions"]["code"]
    asked_nothing = await traced.ask(document)
    assert "ftv1" not in asked_nothing.get("extensions", {})


async def test_nobody_else_is_told_a_trace(city: City) -> None:
    body = await city.ask("{ officers(first: 1) { nodes { name } } }", TRACED)
    assert "ftv1" not in body.get("extensions", {})


def as_bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def fields(message: bytes) -> dict[int, int | bytes]:
    """Read a message of protocol buffers, one value for each field."""
    found: dict[int, int | bytes] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            found[tag >> 3] = number()
        else:
            size = number()
            found[tag >> 3] = message[at : at + size]
            at += size
    return found
