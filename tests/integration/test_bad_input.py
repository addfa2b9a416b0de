"""Wrong questions: each has its code, is told what to do, and leaves no literal."""

from __future__ import annotations

import base64
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import pytest
from graphql import get_introspection_query

from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
LITERAL = "110101199003071234"


def identity(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def codes(answer: Answer) -> list[str]:
    errors: Any = answer.body.get("errors", [])
    return [one["extensions"]["code"] for one in errors]


REFUSED = [
    pytest.param("", None, "DOCUMENT_INVALID", id="an empty document"),
    pytest.param("# nothing", None, "DOCUMENT_INVALID", id="a comment alone"),
    pytest.param("{", None, "DOCUMENT_INVALID", id="half a document"),
    pytest.param("{ nope }", None, "DOCUMENT_INVALID", id="an unknown field"),
    pytest.param(
        "{ caseRecords { nodes } }", None, "DOCUMENT_INVALID", id="no selection"
    ),
    pytest.param("mutation { x }", None, "DOCUMENT_INVALID", id="a mutation"),
    pytest.param("subscription { x }", None, "DOCUMENT_INVALID", id="a subscription"),
    pytest.param(
        "query A { __typename } query B { __typename }",
        None,
        "DOCUMENT_INVALID",
        id="two operations, none named",
    ),
    pytest.param(
        "{...F} fragment F on Query {...G} fragment G on Query {...F}",
        None,
        "DOCUMENT_INVALID",
        id="a ring of fragments",
    ),
    pytest.param(
        "{" + "a{" * 20 + "b" + "}" * 21, None, "DOCUMENT_TOO_DEEP", id="too deep"
    ),
    pytest.param(
        "{ __typename }" + " " * 40_000, None, "DOCUMENT_TOO_DEEP", id="too long"
    ),
    pytest.param(
        "{ caseRecords(first: 2147483648) { nodes { id } } }",
        None,
        "DOCUMENT_INVALID",
        id="a page of 2^31",
    ),
    pytest.param(
        "query($n: Int) { caseRecords(first: $n) { nodes { id } } }",
        {"n": LITERAL},
        "DOCUMENT_INVALID",
        id="a variable of another type",
    ),
    pytest.param(
        "query($n: CreditCode!) { counterparty(code: $n) { id } }",
        {},
        "DOCUMENT_INVALID",
        id="a variable that is missing",
    ),
    pytest.param(
        "query($w: CaseRecordFilter) { caseRecords(where: $w) { nodes { id } } }",
        {"w": {"caseNo": {"like": LITERAL}}},
        "DOCUMENT_INVALID",
        id="an unknown operator in a variable",
    ),
    pytest.param(
        "{ caseRecords(where: {status: {eq: OPEN}}) { nodes { id } } }",
        None,
        "DOCUMENT_INVALID",
        id="an unknown code",
    ),
    pytest.param(
        '{ counterparty(code: "9161990OMAKBRH808J") { id } }',
        None,
        "CREDIT_CODE",
        id="a look-alike letter",
    ),
    pytest.param(
        "query($n: CreditCode!) { counterparty(code: $n) { id } }",
        {"n": LITERAL},
        "CREDIT_CODE",
        id="an ID number for a code",
    ),
    pytest.param(
        '{ caseRecords(where: {filedOn: {gte: "2024-13-01"}}) { nodes { id } } }',
        None,
        "SCALAR",
        id="a wrong date",
    ),
    pytest.param(
        "query($m: Money) { caseRecords(where: {fine: {gte: $m}}) { nodes { id } } }",
        {"m": "1e3"},
        "SCALAR",
        id="a wrong amount",
    ),
    pytest.param(
        '{ caseRecords(where: {division: {within: "6199%"}}) { nodes { id } } }',
        None,
        "SCALAR",
        id="a wrong division",
    ),
]


@pytest.mark.parametrize(("document", "variables", "code"), REFUSED)
async def test_a_wrong_request_is_refused_before_anything_is_read(
    ask: Asking,
    caplog: pytest.LogCaptureFixture,
    document: str,
    variables: dict[str, object] | None,
    code: str,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await ask("police", document, variables)
    assert set(codes(answer)) == {code}
    assert (answer.executed, answer.status, answer.record_id) == (False, 400, None)
    assert "data" not in answer.body
    assert LITERAL not in caplog.text


FINITE = 30  # seconds; 2^60 steps end with the sun
PAGE = "{{ caseRecords(first: {}) {{ nodes {{ id }} }} }}"
NODE = '{{ node(id: "{}") {{ id }} }}'
WRONG = [
    pytest.param(PAGE.format(-1), "PAGE_SIZE", id="a page of -1"),
    pytest.param(PAGE.format(0), "PAGE_SIZE", id="a page of 0"),
    pytest.param(PAGE.format(201), "PAGE_SIZE", id="a page of 201"),
    pytest.param('{ search(name: "a") { more } }', "SEARCH_TERM", id="one letter"),
    pytest.param('{ search(name: "    ") { more } }', "SEARCH_TERM", id="blanks"),
    pytest.param(
        '{ search(name: "张三110101199003078515") { more } }',
        "SEARCH_TERM",
        id="a number in a name",
    ),
    pytest.param(NODE.format("nonsense"), "NODE_ID", id="no id"),
    pytest.param(NODE.format(identity("Nope:market:1")), "NODE_ID", id="a wrong type"),
    pytest.param(
        NODE.format(identity("CaseRecord:mars:1")), "NODE_ID", id="a wrong source"
    ),
    pytest.param(
        NODE.format(identity("Officer:market:1")),
        "NODE_ID",
        id="a source that does not feed the type",
    ),
    pytest.param(
        NODE.format(identity(f"CaseRecord:xihe:{LITERAL}\0")),
        "NODE_ID",
        id="U+0000 in an id",
    ),
    pytest.param(
        f'{{ search(name: "{LITERAL}\\u0000") {{ more }} }}',
        "SCALAR",
        id="U+0000 in a text",
    ),
    pytest.param(
        f'{{ caseRecords(where: {{caseNo: {{in: ["{LITERAL}\\u0000"]}}}}) '
        "{ nodes { id } } }",
        "SCALAR",
        id="U+0000 in a list",
    ),
    pytest.param(
        '{ caseRecords(after: "nonsense") { nodes { id } } }',
        "CURSOR_MALFORMED",
        id="no cursor",
    ),
    pytest.param(
        '{ caseRecords(after: "") { nodes { id } } }',
        "CURSOR_MALFORMED",
        id="an empty cursor",
    ),
]


@pytest.mark.parametrize(("document", "code"), WRONG)
async def test_a_wrong_argument_costs_its_field_alone(
    ask: Asking, caplog: pytest.LogCaptureFixture, document: str, code: str
) -> None:
    whole = document[:-1] + " sources { name } }"
    with caplog.at_level(logging.DEBUG):
        answer = await ask("police", whole)
    assert codes(answer) == [code]
    assert (answer.executed, answer.status) == (True, 200)
    body: Any = answer.body["data"]
    assert len(body.pop("sources")) == 8
    assert list(body.values()) == [None]
    assert LITERAL not in caplog.text


LIST = "query($after: String) {{ {}(first: 1, after: $after{}) {{ {} }} }}"
CURSOR = "pageInfo { endCursor } nodes { id }"


async def end(ask: Asking, who: str, document: str) -> str:
    body: Any = (await ask(who, document)).body["data"]
    (page,) = body.values()
    return str(page["pageInfo"]["endCursor"])


@pytest.mark.parametrize(
    ("root", "order", "who", "code"),
    [
        pytest.param("inspections", "", "police", "CURSOR_ELSEWHERE", id="type"),
        pytest.param(
            "caseRecords",
            ", orderBy: {by: fine}",
            "police",
            "CURSOR_ELSEWHERE",
            id="order",
        ),
        pytest.param(
            "caseRecords",
            ", orderBy: {by: filedOn, direction: ASC}",
            "police",
            "CURSOR_ELSEWHERE",
            id="direction",
        ),
        pytest.param("caseRecords", "", "public", "CURSOR_FOREIGN", id="principal"),
    ],
)
async def test_a_cursor_of_another_list_or_principal(
    ask: Asking, root: str, order: str, who: str, code: str
) -> None:
    cursor = await end(ask, "police", LIST.format("caseRecords", "", CURSOR))
    answer = await ask(who, LIST.format(root, order, CURSOR), {"after": cursor})
    assert codes(answer) == [code]
    assert answer.body["data"] == {root: None}


async def test_a_cursor_of_another_parent(ask: Asking) -> None:
    listing = """{ counterparties(first: 2, where: {cases: {status: {eq: CLOSED}}}) {
      nodes { code cases(first: 1) { pageInfo { endCursor } } } } }"""
    body: Any = (await ask("police", listing)).body["data"]
    one, other = body["counterparties"]["nodes"]
    below = """query($code: CreditCode!, $after: String) { counterparty(code: $code) {
      cases(first: 1, after: $after) { nodes { id } } } }"""
    cursor = one["cases"]["pageInfo"]["endCursor"]
    right = await ask("police", below, {"code": one["code"], "after": cursor})
    wrong = await ask("police", below, {"code": other["code"], "after": cursor})
    assert (codes(right), codes(wrong)) == ([], ["CURSOR_ELSEWHERE"])


async def test_without_a_page_size_a_page_has_twenty(ask: Asking) -> None:
    body: Any = (await ask("police", PAGE.format("null"))).body["data"]
    assert len(body["caseRecords"]["nodes"]) == 20


async def test_the_operation_that_is_named_is_run(ask: Asking) -> None:
    document = "query A { a: __typename } query B { b: __typename }"
    answer = await ask("police", document, operation="B")
    assert answer.body["data"] == {"b": "Query"}
    answer = await ask("police", document, operation="C")
    assert codes(answer) == ["DOCUMENT_INVALID"]


async def test_the_explorers_introspection_works(ask: Asking) -> None:
    answer = await ask("police", get_introspection_query())
    body: Any = answer.body["data"]
    assert body["__schema"]["queryType"]["name"] == "Query"
    assert answer.record_id is None


@pytest.mark.parametrize(
    "day", ["1000-01-01", "9999-12-31"], ids=["the first day", "the last day"]
)
@pytest.mark.parametrize("comparison", ["eq", "gte", "lte"])
@pytest.mark.parametrize("field", ["filedOn", "decidedOn", "closedOn"])
async def test_no_day_is_too_early_or_too_late_for_any_department(
    ask: Asking, field: str, comparison: str, day: str
) -> None:
    query = f"""{{ caseRecords(where: {{{field}: {{{comparison}: "{day}"}}}}) {{
      totalCount {{ count partial }} }} }}"""
    answer = await ask("police", query)
    assert codes(answer) == []
    body: Any = answer.body["data"]
    whole = (comparison == "gte") == day.startswith("1")
    count = body["caseRecords"]["totalCount"]
    assert (count["count"] > 0, count["partial"]) == (
        whole and comparison != "eq",
        False,
    )


@pytest.mark.parametrize("key", ["99999999999999999999", "-1", "1e3", "١", " 1", "x"])
async def test_a_key_that_no_number_column_can_hold_is_just_not_there(
    ask: Asking, key: str
) -> None:
    answer = await ask("police", NODE.format(identity(f"CaseRecord:market:{key}")))
    assert answer.body == {"data": {"node": None}}


async def test_wrong_keys_do_not_make_a_department_look_sick(ask: Asking) -> None:
    query = NODE.format(identity("Counterparty:market:99999999999999999999"))
    for _ in range(5):
        await ask("police", query)
    states: Any = (await ask("police", "{ sources { name state } }")).body["data"]
    assert {one["state"] for one in states["sources"]} == {"ready"}


async def test_a_bomb_of_fragments_is_refused_at_once(ask: Asking) -> None:
    doubled = "".join(
        f"fragment F{level} on CaseRecord {{ ...F{level + 1} ...F{level + 1} }}"
        for level in range(60)
    )
    document = (
        "{ caseRecords { nodes { ...F0 } } }"
        f"{doubled} fragment F60 on CaseRecord {{ caseNo }}"
    )
    began = perf_counter()
    answer = await ask("public", document)
    assert codes(answer) == ["DOCUMENT_TOO_DEEP"]
    assert perf_counter() - began < FINITE


async def test_empty_fragments_that_double_are_answered_at_once(ask: Asking) -> None:
    # Nothing to count in the gate: the selection itself must not walk 2^60 ways.
    doubled = "".join(
        f"fragment F{level} on CaseRecord {{ ...F{level + 1} ...F{level + 1} }}"
        for level in range(60)
    )
    document = (
        "{ caseRecords(first: 1) { nodes { caseNo ...F0 } } }"
        f"{doubled} fragment F60 on CaseRecord {{ ... @skip(if: true) {{ id }} }}"
    )
    began = perf_counter()
    answer = await ask("police", document)
    assert codes(answer) in ([], ["DOCUMENT_TOO_DEEP"])
    assert perf_counter() - began < FINITE


async def test_deeply_nested_filters_are_answered_or_refused(ask: Asking) -> None:
    for levels in (10, 60, 120, 300):
        where = "{not:" * levels + "{}" + "}" * levels
        answer = await ask(
            "police", f"{{ caseRecords(where: {where}) {{ nodes {{ id }} }} }}"
        )
        assert set(codes(answer)) <= {"DOCUMENT_TOO_DEEP", "DOCUMENT_INVALID"}
