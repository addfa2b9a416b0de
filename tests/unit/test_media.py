"""Content types and Accept headers, as GraphQL over HTTP wants them read."""

from __future__ import annotations

import pytest

from zhitong.exceptions import MediaTypeError
from zhitong.infra.media import GRAPHQL, HTML, JSON, check_content_type, choose

BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ALL = (JSON, GRAPHQL, HTML)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param(b"", JSON, id="absent"),
        pytest.param(b"*/*", JSON, id="anything"),
        pytest.param(b"application/*", JSON, id="any application"),
        pytest.param(GRAPHQL.encode(), GRAPHQL, id="the newer type"),
        pytest.param(b"Application/JSON", JSON, id="in capitals"),
        pytest.param(
            b"application/graphql-response+json, application/json", GRAPHQL, id="order"
        ),
        pytest.param(
            b"application/json, application/graphql-response+json", JSON, id="order 2"
        ),
        pytest.param(
            b"application/json;q=0.9, application/graphql-response+json",
            GRAPHQL,
            id="quality before order",
        ),
        pytest.param(
            b"application/json;q=0, */*", GRAPHQL, id="anything but the older type"
        ),
        pytest.param(b"*/*, text/html", HTML, id="named before anything"),
        pytest.param(BROWSER, HTML, id="a browser"),
        pytest.param(b"image/png", JSON, id="nothing we have"),
        pytest.param(b"application/json;q=x, text/html;q=0.1", HTML, id="no number"),
        pytest.param(b"text/html," * 200, JSON, id="absurdly long"),
    ],
)
def test_the_answers_type_is_what_the_caller_likes_best(
    accept: bytes, chosen: str
) -> None:
    assert choose(accept, ALL) == chosen


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"Application/JSON ; Charset=utf8",
    ],
)
def test_json_in_utf_8_is_read(value: bytes) -> None:
    check_content_type(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/json; charset=gb18030",
        b"application/json, application/json",
        b"application/graphql",
        b"\xff",
    ],
)
def test_every_other_content_type_is_refused(value: bytes) -> None:
    with pytest.raises(MediaTypeError):
        check_content_type(value)


def test_a_content_type_without_end_is_refused_and_not_remembered() -> None:
    with pytest.raises(MediaTypeError):
        check_content_type(b"application/json; a=" + b"b" * 1_000)
