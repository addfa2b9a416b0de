"""Bodies are refused by size, time and nesting before anything parses them."""

from __future__ import annotations

import asyncio
import time

import orjson
import pytest
from starlette.types import Message, Receive

from zhitong.exceptions import (
    BodyMalformedError,
    BodyTooDeepError,
    BodyTooLargeError,
)
from zhitong.infra.attendance import ClientGoneError
from zhitong.infra.bodies import parse_object, read_body


class Sender:
    """Hands out messages and counts how many were asked for."""

    def __init__(self, *messages: Message) -> None:
        self.waiting = list(messages)
        self.taken = 0

    async def __call__(self) -> Message:
        self.taken += 1
        return self.waiting.pop(0)


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def read(receive: Receive, declared: bytes | None = None) -> bytes:
    return await read_body(receive, declared=declared, limit=10, seconds=1)


async def test_a_body_is_read_in_all_its_parts() -> None:
    sender = Sender(part(b"12345", more=True), part(b"67890"))
    assert await read(sender) == b"1234567890"


async def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    sender = Sender(part(b"x"))
    with pytest.raises(BodyTooLargeError):
        await read(sender, b"11")
    assert sender.taken == 0


async def test_an_undeclared_body_is_left_alone_once_it_is_too_large() -> None:
    sender = Sender(*[part(b"12345", more=True)] * 100)
    with pytest.raises(BodyTooLargeError):
        await read(sender)
    assert sender.taken == 3


async def test_a_length_that_lies_does_not_raise_the_limit() -> None:
    with pytest.raises(BodyTooLargeError):
        await read(Sender(part(b"12345678901")), b"1")


@pytest.mark.parametrize("declared", [b"", b"-1", b"5, 5", b"1e3", b"0x10"])
async def test_a_length_that_is_no_number_is_refused(declared: bytes) -> None:
    with pytest.raises(BodyMalformedError):
        await read(Sender(part(b"x")), declared)


async def test_a_length_of_thousands_of_digits_is_too_large() -> None:
    with pytest.raises(BodyTooLargeError):
        await read(Sender(part(b"x")), b"9" * 5_000)


async def test_a_body_that_dribbles_is_given_up() -> None:
    async def dribble() -> Message:
        await asyncio.sleep(0.01)
        return part(b"", more=True)

    with pytest.raises(BodyMalformedError, match=r"0\.05"):
        await read_body(dribble, declared=None, limit=10, seconds=0.05)


async def test_a_client_that_leaves_while_sending_is_gone() -> None:
    with pytest.raises(ClientGoneError):
        await read(Sender(part(b"1", more=True), {"type": "http.disconnect"}))


def test_an_object_is_parsed() -> None:
    assert parse_object(b' {"a": {"b": [1, "}]"]}, "c": null} ', deepest=3) == {
        "a": {"b": [1, "}]"]},
        "c": None,
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"a": "', id="cut off in a string"),
        pytest.param(b'{"a": "\\', id="cut off in an escape"),
        pytest.param(b'{"a": NaN}', id="not a JSON number"),
        pytest.param(b"{'a': 1}", id="single quotes"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"a": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="byte order mark"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"a": 1} {"a": 2}', id="two objects"),
        pytest.param(b"]" * 100, id="only closing brackets"),
    ],
)
def test_what_is_not_one_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(BodyMalformedError):
        parse_object(body, deepest=20)


def test_a_batch_is_refused_as_one() -> None:
    with pytest.raises(BodyMalformedError, match="批量"):
        parse_object(b'[{"query": "{a}"}]', deepest=20)


def test_nesting_is_allowed_up_to_the_limit_and_no_further() -> None:
    assert parse_object(b'{"a": [[1]]}', deepest=3) == {"a": [[1]]}
    with pytest.raises(BodyTooDeepError):
        parse_object(b'{"a": [[1]]}', deepest=2)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a":['])
def test_a_hundred_thousand_levels_are_refused(opening: bytes) -> None:
    with pytest.raises(BodyTooDeepError):
        parse_object(opening * 100_000, deepest=20)


def test_brackets_inside_strings_do_not_count() -> None:
    text = b"[{" * 1_000 + b'\\"[[[' + b"\\\\"
    assert len(parse_object(b'{"a": "' + text + b'"}', deepest=1)) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"query": 1, "query": 2}', id="plainly"),
        pytest.param(b'{"query": 1, "qu\\u0065ry": 2}', id="behind an escape"),
        pytest.param(b'{"query" \n: 1, "a": 0, "query":2}', id="apart"),
    ],
)
def test_a_member_named_twice_is_named_in_the_error(body: bytes) -> None:
    with pytest.raises(BodyMalformedError, match="'query'"):
        parse_object(body, deepest=20)


def test_a_value_that_equals_a_name_is_no_second_member() -> None:
    body = b'{"a": "a", "b": {"a": 1, "a": 2}}'
    assert parse_object(body, deepest=20) == {"a": "a", "b": {"a": 2}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'"' + b'\\"' * 500_000 + b"\\", id="escaped quotes, cut off"),
        pytest.param(b'"' * 1_000_000, id="quotes"),
        pytest.param(b'{"a"' + b" " * 1_000_000, id="a name without end"),
        pytest.param(b"\\" * 1_000_000, id="backslashes"),
    ],
)
def test_a_megabyte_made_to_backtrack_is_refused_at_once(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(BodyMalformedError):
        parse_object(body, deepest=20)
    # Quadratic work would take minutes; a busy machine still needs well under this.
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "text", ['"', "\\", '\\"', '"}', "[[[[[[", "{,}", ',"', "\n", '\\\\"[{']
)
def test_what_looks_like_structure_in_a_string_is_none(text: str) -> None:
    whole = {text: text, "b": [{"c": text}], "d": text}
    assert parse_object(orjson.dumps(whole), deepest=3) == whole
    with pytest.raises(BodyTooDeepError):
        parse_object(orjson.dumps(whole), deepest=2)
    twice = orjson.dumps(whole)[:-1] + b',"d":1}'
    with pytest.raises(BodyMalformedError):
        parse_object(twice, deepest=3)
