"""What a document would cost: fields times the lists above them."""

from __future__ import annotations

from time import perf_counter

import pytest
from graphql import parse

from zhitong.schema.cost import MOST, cost_of_values, prices
from zhitong.schema.graph import graph
from zhitong.types import Allowance

FINITE = 30.0  # 2^60 steps would end with the sun


def cost(document: str, **variables: object) -> int:
    (price,) = prices(parse(document), graph()._schema, 20).values()
    return price.cost(variables)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param("{ __typename }", 1, id="a field"),
        pytest.param("{ caseRecord: node(id: 1) { id source } }", 3, id="an object"),
        pytest.param("{ matters { nodes { name } } }", 1 + 20 * 2, id="default page"),
        pytest.param("{ matters(first: 7) { nodes { name } } }", 1 + 7 * 2, id="first"),
        pytest.param(
            "{ matters(first: null) { nodes { name } } }", 1 + 20 * 2, id="null"
        ),
        pytest.param(
            "{ matters(first: 7) { edges { node { name } cursor } nodes { name } } }",
            1 + 7 * (4 + 2),
            id="edges and nodes are one page",
        ),
        pytest.param(
            "{ matters(first: 7) { totalCount { count } pageInfo { endCursor } } }",
            5,
            id="what a page has once",
        ),
        pytest.param(
            "{ enforcementSubjects(first: 50) { nodes { cases(first: 50) { nodes "
            "{ subject { name } } } } } }",
            1 + 50 * (1 + 1 + 50 * 3),
            id="lists inside lists",
        ),
        pytest.param(
            "{ caseRecords(first: 3) { nodes { officers { name } } } }",
            1 + 3 * (1 + 1 + 10),
            id="a list without pages",
        ),
        pytest.param(
            "{ caseStatistics(by: [MONTH]) { groups { count } } }",
            1 + 1 + 200,
            id="groups",
        ),
        pytest.param(
            '{ search(name: "ab", types: [Matter, Officer], first: 5) '
            "{ nodes { id } } }",
            1 + 2 * 5 * 2,
            id="a search of two types",
        ),
        pytest.param(
            "{ matters(first: 7) { ...P } } fragment P on MatterConnection "
            "{ nodes { ...M } } fragment M on Matter { name code }",
            1 + 7 * 3,
            id="fragments",
        ),
        pytest.param(
            "{ matters(first: 201) { nodes { name } } }",
            1 + 201 * 2,
            id="a page beyond what most may ask",
        ),
        pytest.param(
            "{ matters(first: 2147483648) { nodes { name } } }",
            3,
            id="a page that nobody may ask is refused where it is read",
        ),
        pytest.param(
            "{ matters(first: -5) { nodes { name } } }", 3, id="less than one"
        ),
        pytest.param(
            "{ nowhere { nodes { name } } }", 1 + 10 * 2, id="for validation to refuse"
        ),
    ],
)
def test_a_cost_is_the_fields_times_the_lists_above_them(
    document: str, expected: int
) -> None:
    assert cost(document) == expected


VARIABLE = "query ($n: Int%s) { matters(first: $n) { nodes { name } } }"


@pytest.mark.parametrize(
    ("document", "variables", "rows"),
    [
        (VARIABLE % "", {"n": 9}, 9),
        (VARIABLE % "", {}, 20),
        (VARIABLE % "", {"n": None}, 20),
        (VARIABLE % " = 4", {}, 4),
        (VARIABLE % " = 4", {"n": 6}, 6),
        (VARIABLE % "", {"n": "9"}, 20),
        (VARIABLE % "", {"n": True}, 20),
        (VARIABLE % "", {"n": 200.0}, 200),
        (VARIABLE % "", {"n": 200.5}, 20),
        (VARIABLE % "", {"n": 10**40}, 1),
    ],
)
def test_a_page_of_a_variable_is_priced_with_the_question(
    document: str, variables: dict[str, object], rows: int
) -> None:
    assert cost(document, **variables) == 1 + rows * 2


def test_each_operation_has_its_own_price() -> None:
    document = parse("query A { __typename } query B { a: __typename b: __typename }")
    found = prices(document, graph()._schema, 20).values()
    assert [price.cost({}) for price in found] == [1, 2]


@pytest.mark.parametrize("first", ["200", "$n"])
def test_a_bomb_of_2_to_the_60_is_priced_at_once(first: str) -> None:
    fragments = " ".join(
        f"fragment F{level} on CaseRecordConnection "
        f"{{ nodes {{ subject {{ cases(first: {first}) {{ ...F{level + 1} }} "
        f"b: cases(first: {first}) {{ ...F{level + 1} }} }} }} }}"
        for level in range(60)
    )
    document = (
        "query ($n: Int) { caseRecords { ...F0 } } "
        + fragments
        + " fragment F60 on CaseRecordConnection { missing }"
    )
    began = perf_counter()
    assert cost(document, n=200) >= MOST
    assert perf_counter() - began < FINITE


def test_values_in_variables_are_paid_for() -> None:
    assert cost_of_values({"first": 20, "code": "91"}) == 0
    assert cost_of_values({"where": {"caseNo": {"in": ["a"] * 500}}}) == 5 * 502
    # What a body holds at most is beyond the default budget, a batch is not.
    assert cost_of_values({"codes": ["a"] * 28_000}) > Allowance().cost
    assert cost_of_values({"codes": ["a"] * 500}) < Allowance().cost / 5
