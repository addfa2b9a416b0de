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
from zhitong.schema.gate import Bounds, introspects, parsed

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
        pytest.param(
            "{x{" + " ".join(f"a{n}:b" for n in range(30)) + "}}",
            id="as many aliases as allowed",
        ),
        pytest.param("{a" + "@b" * 20 + "}", id="as many directives as allowed"),
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
        pytest.param("{a{" + "b{c} " * 101 + "}}", DocumentTooDeepError, id="overlaps"),
        pytest.param(
            "{a{" + "...F " * 101 + "}} fragment F on T{b{c}}",
            DocumentTooDeepError,
            id="overlaps in a fragment",
        ),
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
            "{x{" + " ".join(f"a{n}:b" for n in range(31)) + "}}",
            DocumentTooDeepError,
            id="aliases",
        ),
        pytest.param(
            "{x{...F} y{...F}} fragment F on T{"
            + " ".join(f"a{n}:b" for n in range(16))
            + "}",
            DocumentTooDeepError,
            id="aliases in a fragment spread twice",
        ),
        pytest.param("{a" + "@b" * 21 + "}", DocumentTooDeepError, id="directives"),
        pytest.param(
            "query A" + "@b" * 11 + "{a ...F" + "@b" * 10 + "} fragment F on T{a}",
            DocumentTooDeepError,
            id="directives of an operation and a spread",
        ),
        pytest.param(
            "{x{...F} y{...F}} fragment F on T" + "@b" * 11 + "{a}",
            DocumentTooDeepError,
            id="directives of a fragment spread twice",
        ),
        pytest.param(
            "query($b:B" + "@b" * 21 + "){a(b:$b)}",
            DocumentTooDeepError,
            id="directives of a variable",
        ),
        pytest.param(
            "{" + "...{" * 120 + "a" + "}" * 121, DocumentTooDeepError, id="braces"
        ),
        pytest.param(
            bomb(200, "...F{next}"), DocumentTooDeepError, id="a chain of fragments"
        ),
        pytest.param(
            "{...F0}"
            + "".join(
                f"fragment F{n} on T" + "{..." * 90 + f"{{...F{n + 1}}}" + "}" * 90
                for n in range(3)
            )
            + "fragment F3 on T{a}",
            DocumentTooDeepError,
            id="braces in fragments in braces",
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


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("{ __schema { types { name } } }", True),
        ('{ __type(name: "Query") { name } }', True),
        ("{ _service { sdl } }", True),
        ("{ innocent: __schema { types { name } } }", True),
        ("{ a ...F } fragment F on Query { __schema { types { name } } }", True),
        ("{ ... on Query { ... { __schema { types { name } } } } }", True),
        ("query A { a } query B { __schema { types { name } } }", True),
        ("{ a } fragment Unused on Query { __schema { types { name } } }", True),
        ("{ ...__schema } fragment __schema on Query { a }", False),
        ("{ __schema: a }", False),
        ("{ __typename a { __typename } }", False),
        ('{ a(b: "__schema") }', False),
    ],
)
def test_who_asks_for_the_schema_is_found_wherever_it_is_written(
    text: str, *, asks: bool
) -> None:
    assert introspects(parsed(text, BOUNDS)) is asks
