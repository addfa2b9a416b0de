"""A request's JSON, limited in size, time and nesting before it is parsed.

The survey is one linear pass over the bytes that skips strings: a parser that
recurses, or a regular expression that backtracks, would be the attack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson
from starlette.types import Receive

from zhitong.exceptions import (
    BodyMalformedError,
    BodyTooDeepError,
    BodyTooLargeError,
)
from zhitong.infra.attendance import ClientGoneError, within

# Possessive: an unterminated string must not be scanned twice.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
_FRAME = b"[{]},"
_NO_FRAME = bytes(byte for byte in range(256) if byte not in _FRAME)
_COMMA = ord(",")
_COLON = re.compile(rb"[ \t\r\n]*+:")
_LONGEST_LENGTH = 18
"""Digits of a Content-Length beyond which int() need not be asked."""


async def read_body(
    receive: Receive, *, declared: bytes | None, limit: int, seconds: float
) -> bytes:
    """Read a body of at most *limit* bytes; never hold more than that."""
    if declared is not None:
        _check_length(declared, limit)
    try:
        return await within(seconds, _collect(receive, limit))
    except TimeoutError as error:
        raise BodyMalformedError(
            f"请求体未在 {seconds:g} 秒内到齐，请检查网络后重新发送。",
            f"The body did not arrive within {seconds:g} seconds; send it again.",
        ) from error


def _check_length(declared: bytes, limit: int) -> None:
    if not declared.isdigit():
        raise BodyMalformedError(
            "Content-Length 不是数字，请更正。",
            "Content-Length is not a number; correct it.",
        )
    if len(declared) > _LONGEST_LENGTH or int(declared) > limit:
        raise _too_large(limit)


async def _collect(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def parse_object(body: bytes, *, deepest: int) -> dict[str, object]:
    """Parse *body* as one JSON object whose members are named once each."""
    members = _members(body, deepest)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyMalformedError(
            f"请求体不是合法的 UTF-8 JSON（第 {error.pos} 个字符附近），请更正。",
            f"The body is not JSON in UTF-8 (near character {error.pos}); correct it.",
        ) from error
    if isinstance(parsed, list):
        raise BodyMalformedError(
            "不支持批量请求，请逐个发送。",
            "Batches are not supported; send one request at a time.",
        )
    if not isinstance(parsed, dict):
        raise BodyMalformedError(
            "请求体必须是 JSON 对象。", "The body must be a JSON object."
        )
    if len(parsed) != members and parsed:
        raise _duplicate(body)
    return parsed


def _members(body: bytes, deepest: int) -> int:
    """Count the outermost members, were it an object; refuse what is too deep."""
    depth, members = 0, 1
    for sign in _frame(body):
        if sign == _COMMA:
            members += depth == 1
        elif sign in b"[{":
            depth += 1
            if depth > deepest:
                raise _too_deep(deepest)
        else:
            depth -= 1
    return members


def _frame(body: bytes) -> bytes:
    """Leave brackets and commas alone that are in no string; nonsense of nonsense."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(body.split(b'"')[::2]).translate(None, _NO_FRAME)


def _names(body: bytes) -> Iterator[bytes]:
    """Give the raw names of the outermost members."""
    depth = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
        elif depth == 1 and _COLON.match(body, token.end()):
            yield token.group()


def _duplicate(body: bytes) -> BodyMalformedError:
    decoded = [orjson.loads(name) for name in _names(body)]
    twice = next(name for name in decoded if decoded.count(name) > 1)
    # The name is the caller's own text: shown to nobody else, but kept short.
    return BodyMalformedError(
        f"成员 {twice[:40]!r} 出现了多次，请只保留一个。",
        f"The member {twice[:40]!r} appears more than once; keep one.",
    )


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"请求体超过 {limit} 字节上限，请缩短查询或减少变量。",
        f"The body is larger than {limit} bytes; shorten the document or variables.",
    )


def _too_deep(deepest: int) -> BodyTooDeepError:
    return BodyTooDeepError(
        f"JSON 嵌套超过 {deepest} 层，请减少变量的嵌套。",
        f"The JSON is nested deeper than {deepest} levels; flatten the variables.",
    )
