"""What the gate answers over a whole gateway: prices, the schema, one text for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from graphql import get_introspection_query
from memory_gateway import Made, answer, asked, build

from zhitong.schema.admission import Documents
from zhitong.schema.gate import INTROSPECTION, Bounds
from zhitong.schema.graph import graph


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return build(tmp_path_factory.mktemp("gate"))


def ask(
    made: Made, who: str, document: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    sent = asked(document, made[1][who])
    more = tuple((k.encode(), v.encode()) for k, v in (headers or {}).items())
    whole = type(sent)(headers=(*sent.headers, *more), body=sent.body)
    reply = asyncio.run(answer(made[0], whole))
    return reply.status, orjson.loads(reply.body)


def code(body: Any) -> str:  # noqa: ANN401 - JSON
    (error,) = body["errors"]
    return str(error["extensions"]["code"])


WIDE = """{ enforcementSubjects(first: 200) { nodes { cases(first: 200) {
  nodes { caseNo } } } } }"""


def test_a_document_beyond_the_budget_is_told_its_price_and_the_way_out(
    made: Made,
) -> None:
    status, body = ask(made, "police", WIDE)
    assert (status, code(body)) == (400, "COST_EXCEEDED")
    (error,) = body["errors"]
    assert error["extensions"]["details"] == {"estimate": "80401", "budget": "20000"}
    assert "first" in error["extensions"]["zh"]
    assert "smaller pages" in error["extensions"]["en"]


@pytest.mark.parametrize(
    ("who", "headers", "told"),
    [
        ("police", {"zhitong-cost": "1"}, {"estimate": 41, "budget": 20_000}),
        ("police", {}, None),
        ("public", {"zhitong-cost": "1"}, None),
    ],
)
def test_the_cost_is_told_on_request_to_those_who_may_read_the_schema(
    made: Made, who: str, headers: dict[str, str], told: object
) -> None:
    status, body = ask(made, who, "{ matters { nodes { name } } }", headers)
    assert status == 200
    assert body.get("extensions", {}).get("cost") == told


def schema_questions() -> Iterator[str]:
    yield get_introspection_query()
    for name in INTROSPECTION:
        field = f'{name}(name: "Query")' if name == "__type" else name
        yield f"{{ {field} {{ __typename }} }}"
        yield f"{{ a: {field} {{ __typename }} }}"
        yield f"{{ ...F }} fragment F on Query {{ {field} {{ __typename }} }}"
        yield f"{{ __typename }} fragment F on Query {{ {field} {{ __typename }} }}"
        yield f"query A {{ nothing }} query B {{ {field} {{ __typename }} }}"


@pytest.mark.parametrize("document", list(schema_questions()))
def test_the_public_is_not_told_the_schema_however_it_asks(
    made: Made, document: str
) -> None:
    status, body = ask(made, "public", document)
    assert (status, code(body)) == (403, "INTROSPECTION_DENIED")
    assert "data" not in body


def test_officials_read_the_schema_and_the_public_the_names_of_what_it_asked(
    made: Made,
) -> None:
    _, body = ask(made, "police", get_introspection_query())
    assert body["data"]["__schema"]["queryType"]["name"] == "Query"
    _, body = ask(made, "public", "{ __typename matters { __typename } }")
    assert body["data"]["__typename"] == "Query"


MISFITS = [
    "{ nowhere }",
    "{ matterz { missing } }",
    "{ matters }",
    "{ matters { nowhere } }",
    "{ matters { missing { x } } }",
    "{ matters(frist: 1) { missing } }",
    '{ matters(first: "1") { missing } }',
    "{ counterparty { name } }",
    "{ caseStatistics(by: [NOTHING]) { missing } }",
    "{ matters(where: {nothing: 1}) { missing } }",
    "{ ... on Nothing { id } }",
    "{ ... on Officer { id } }",
    "{ __typename @nothing }",
    "{ nowhere elsewhere more }",
    '{ nowhere caseRecords(where: {filedOn: {eq: "x"}}) { missing } }',
    "query ($v: Nothing) { __typename }",
    "query ($v: Int) { __typename }",
    "mutation { nowhere }",
]


def test_whatever_does_not_fit_the_public_is_told_one_text_without_a_place(
    made: Made,
) -> None:
    answers = [ask(made, "public", document) for document in MISFITS]
    assert {status for status, _ in answers} == {400}
    assert all(body == answers[0][1] for _, body in answers)
    (error,) = answers[0][1]["errors"]
    assert error.keys() == {"message", "extensions"}
    assert error["extensions"]["code"] == "DOCUMENT_INVALID"


def test_officials_are_told_where_a_document_does_not_fit(made: Made) -> None:
    _, body = ask(made, "police", "{ matters { nowhere } }")
    (error,) = body["errors"]
    assert "MatterConnection" in error["message"]
    assert error["locations"] == [{"line": 1, "column": 13}]


def test_the_public_is_told_which_value_of_its_own_will_not_do(made: Made) -> None:
    wrong = '{ caseRecords(where: {filedOn: {eq: "x"}}) { missing } }'
    _, body = ask(made, "public", wrong)
    assert code(body) == "SCALAR"
    sent = asked(
        "query ($n: Int) { matters(first: $n) { missing } }",
        made[1]["public"],
        variables={"n": "many"},
    )
    reply = asyncio.run(answer(made[0], sent))
    (error,) = orjson.loads(reply.body)["errors"]
    assert error["extensions"]["details"] == {"at": "$n"}
    assert "many" not in reply.body.decode()


def test_an_error_of_one_field_is_classified_as_the_askers(made: Made) -> None:
    _, body = ask(made, "police", "{ matters(first: 201) { missing } }")
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "PAGE_SIZE"
    assert error["extensions"]["classification"] == "BAD_REQUEST"


def test_what_was_refused_is_not_kept(made: Made) -> None:
    engine: Any = made[0]._engine
    kept = engine._documents._fitting
    before = len(kept)
    for number in range(30):
        ask(made, "police", f"{{ nowhere{number} }}")
    assert len(kept) == before
    for number in range(1_100):
        ask(made, "police", f"{{ a{number}: __typename }}")
    assert len(kept) == 1_024


def test_of_large_documents_fewer_are_kept(made: Made) -> None:
    engine: Any = made[0]._engine
    kept = engine._documents._fitting
    for number in range(150):
        ask(made, "police", f"{{ b{number}: __typename }} # {'x' * 32_000}")
    sizes = [len(text) for text in kept._values]
    assert 120 <= sum(size > 32_000 for size in sizes) < 150
    assert sum(sizes) == kept._sum <= 128 * 32_768


def test_of_short_documents_with_as_much_in_them_no_more_are_kept() -> None:
    documents = Documents(graph()._schema, Bounds(tokens=200), page=20)
    numbers = '"",' * 180
    for number in range(150):
        text = f"{{ d{number}: codeLists(names: [{numbers}]) {{ name }} }}"
        assert len(text) < 700
        assert not documents.unfit(text, documents.admitted(text))
    assert 120 <= len(documents._fitting) < 150


@pytest.mark.parametrize("who", ["police", "public"])
@pytest.mark.parametrize(
    "document",
    [
        "{ ... @defer { sources { name } } }",
        "{ sources @stream(initialCount: 1) { name } }",
        "query A { ...F @defer } fragment F on Query { sources { name } }",
    ],
)
def test_answers_in_parts_are_refused_and_everybody_is_told(
    made: Made, who: str, document: str
) -> None:
    status, body = ask(made, who, document)
    assert (status, code(body)) == (400, "DOCUMENT_INVALID")
    assert "@defer" in body["errors"][0]["extensions"]["en"]
