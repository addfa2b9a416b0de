"""Variables are coerced as graphql-core coerces them, whatever is given."""

from __future__ import annotations

import pytest
from graphql import GraphQLError, OperationDefinitionNode, get_variable_values, parse
from hypothesis import given
from hypothesis import strategies as st

from zhitong.schema.graph import graph
from zhitong.schema.variables import Variables

SCHEMA = graph()._schema
OPERATIONS = (
    "query($a: Int) { x }",
    "query($a: Int!, $b: Boolean = true) { x }",
    "query($a: CreditCode!) { x }",
    "query($a: SearchType, $b: Date) { x }",
    "query($a: Money = null, $b: ID) { x }",
    "query($a: [String!]) { x }",
    "query($a: CaseRecordFilter, $b: DivisionCode) { x }",
    "query($a: CaseRecord) { x }",
    "{ x }",
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(
        ["", "x", "CaseRecord", "2026-01-02", "12.50", "619900", "11619900001481213H"]
    ),
    st.lists(st.one_of(st.none(), st.text(max_size=2)), max_size=2),
    st.just({"title": {"contains": "x"}}),
)
KEPT = Variables(SCHEMA)


def told(error: GraphQLError) -> tuple[object, ...]:
    return error.message, error.locations, type(error.original_error)


@pytest.mark.parametrize("text", OPERATIONS)
@given(variables=st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_values_and_errors_are_graphql_core_s(
    text: str, variables: dict[str, object]
) -> None:
    operation = parse(text).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    due = get_variable_values(
        SCHEMA, operation.variable_definitions or (), variables, max_errors=50
    )

    for _ in range(2):  # the second time by what is kept
        found = KEPT.values(text, operation, variables)
        if isinstance(due, list):
            assert isinstance(found, list)
            assert list(map(told, found)) == list(map(told, due))
        else:
            assert not isinstance(found, list)
            assert found.coerced == due.coerced
            assert {name: one.value for name, one in found.sources.items()} == {
                name: one.value for name, one in due.sources.items()
            }
