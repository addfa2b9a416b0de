"""Which operation of a document is run."""

from __future__ import annotations

import pytest
from graphql import parse

from zhitong.exceptions import DocumentInvalidError, MethodNotAllowedError
from zhitong.schema.admission import chosen_operation

TWO = "query A { __typename } query B { __typename }"


@pytest.mark.parametrize(
    ("document", "name"),
    [
        pytest.param(TWO, None, id="two and none named"),
        pytest.param(TWO, "C", id="a name that is not there"),
        pytest.param("fragment F on Query { __typename }", None, id="no operation"),
        pytest.param("subscription { __typename }", None, id="a subscription"),
    ],
)
def test_what_is_no_single_operation_is_refused_as_the_callers_fault(
    document: str, name: str | None
) -> None:
    with pytest.raises(DocumentInvalidError):
        chosen_operation(parse(document), name)


def test_the_operation_that_is_named_or_alone_may_run() -> None:
    chosen_operation(parse(TWO), "B")
    chosen_operation(parse("{ __typename }"), None)
    chosen_operation(parse("mutation { __typename }"), None)


def test_by_a_method_that_reads_only_a_query_is_answered_and_a_mutation_is_not() -> (
    None
):
    both = parse("query A { __typename } mutation B { __typename }")
    chosen_operation(both, "A", read_only=True)
    with pytest.raises(MethodNotAllowedError):
        chosen_operation(both, "B", read_only=True)
