"""The gate: what a document may be, found in time linear in its length."""

from __future__ import annotations

from time import perf_counter

import pytest
from graphql import get_introspection_query

from zhitong.exceptions import (
    DocumentInvalidError,
    DocumentTooDeepError,
    RequestError,
)
from zhitong.schema.gate import Bounds, parsed

BOUNDS = Bounds()
FINITE = 30.0  # 2^60 steps would end with the sun


def deep(levels: int) -> str:
    return "{" + "a{" * (levels - 1) + "b" + "}" * levels


def bomb(levels: int, each: str) -> str:
    """Double at each of *levels*: 2^levels fields from a text of that length."""
    fragments = [
        f"fragment F{level} on T{{{each.format(next=level + 1)}}}"
        for level in range(levels)
    ]
    return f"{{...F0}} {' '.join(fragments)} fragment F{levels} on T{{leaf}}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(deep(16), id="as deep as allowed"),
        pytest.param("{a{" + "b " * 499 + "}}", id="as many fields as allowed"),
        pytest.param("{" + "a " * 20 + "}", id="as many roots as allowed"),
        pytest.param(
            "{a ...F ...F} fragment F on T{" + "b " * 19 + "}", id="roots once spread"
        ),
        pytest.param(get_introspection_query(), id="introspection"),
        pytest.param("{...F} fragment F on T{a}", id="a fragment"),
        pytest.param("{" + "...{" * 100 + "a" + "}" * 101, id="inline fragments"),
        pytest.param("{...Nowhere}", id="a fragment for validation to miss"),
    ],
)
def test_documents_within_bounds_pass(text: str) -> None:
    assert parsed(text, BOUNDS).definitions


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("", DocumentInvalidError, id="empty"),
        pytest.param("# nothing", DocumentInvalidError, id="a comment"),
        pytest.param("{", DocumentInvalidError, id="unfinished"),
        pytest.param("{a(b:\ud800)}", DocumentInvalidError, id="a lone surrogate"),
        pytest.param("{" + "a " * 2_001 + "}", DocumentInvalidError, id="tokens"),
        pytest.param("{a}" + " " * 32_768, DocumentTooDeepError, id="too long"),
        pytest.param(deep(17), DocumentTooDeepError, id="too deep"),
        pytest.param("{a{" + "b " * 500 + "}}", DocumentTooDeepError, id="fields"),
        pytest.param("{" + "a " * 21 + "}", DocumentTooDeepError, id="roots"),
        pytest.param(
            "{a ...F} fragment F on T{...{" + "b " * 20 + "}}",
            DocumentTooDeepError,
            id="roots in a fragment",
        ),
        pytest.param(
            "{a{...F}} fragment F on T" + deep(16), DocumentTooDeepError, id="spread"
        ),
        pytest.param(
            "{...F} fragment F on T{...F}", DocumentInvalidError, id="a ring of one"
        ),
        pytest.param(
            "{...F} fragment F on T{a{...G}} fragment G on T{a{...F}}",
            DocumentInvalidError,
            id="a ring of two",
        ),
        pytest.param(
            "{a} fragment F on T{...G} fragment G on T{...F}",
            DocumentInvalidError,
            id="a ring nobody spreads",
        ),
        pytest.param("{" * 5_000, RequestError, id="brackets"),
        pytest.param("{a(b:" + "[" * 1_900, RequestError, id="nested lists"),
        pytest.param(
            "{a(b:" + "{not:[" * 11 + "]}" * 11 + ")}",
            DocumentTooDeepError,
            id="nested argument",
        ),
        pytest.param(
            "query($b:B=" + "[" * 21 + "]" * 21 + "){a(b:$b)}",
            DocumentTooDeepError,
            id="nested default",
        ),
        pytest.param(
            bomb(60, "...F{next} ...F{next}"), DocumentTooDeepError, id="2^60"
        ),
        pytest.param(
            bomb(15, "a:x{{...F{next}}} b:x{{...F{next}}}"),
            DocumentTooDeepError,
            id="2^15 aliases",
        ),
    ],
)
def test_documents_out_of_bounds_are_refused_quickly(
    text: str, error: type[RequestError]
) -> None:
    began = perf_counter()
    with pytest.raises(error):
        parsed(text, BOUNDS)
    assert perf_counter() - began < FINITE


def test_a_refusal_gives_the_place_and_not_the_text() -> None:
    with pytest.raises(DocumentInvalidError) as caught:
        parsed('{ a(b: "110101199003071234" }', BOUNDS)
    assert "1:29" in str(caught.value)
    assert "110101199003071234" not in str(caught.value)
