"""Which operation of a document is run."""

from __future__ import annotations

import pytest
from graphql import parse

from zhitong.exceptions import DocumentInvalidError
from zhitong.schema.executor import check_operation

TWO = "query A { __typename } query B { __typename }"


@pytest.mark.parametrize(
    ("document", "name"),
    [
        pytest.param(TWO, None, id="two and none named"),
        pytest.param(TWO, "C", id="a name that is not there"),
        pytest.param("fragment F on Query { __typename }", None, id="no operation"),
        pytest.param("mutation { __typename }", None, id="a mutation"),
        pytest.param("subscription { __typename }", None, id="a subscription"),
    ],
)
def test_what_is_no_single_query_is_refused_as_the_callers_fault(
    document: str, name: str | None
) -> None:
    with pytest.raises(DocumentInvalidError):
        check_operation(parse(document), name)


def test_the_query_that_is_named_or_alone_may_run() -> None:
    check_operation(parse(TWO), "B")
    check_operation(parse("{ __typename }"), None)
