"""The messages of graphql-transport-ws: what may be said, and why it is ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from zhitong.infra.front import joined
from zhitong.infra.intake import Headers
from zhitong.infra.occasions import HEADERS

PROTOCOL = "graphql-transport-ws"
_LONGEST_ID = 128
_LONGEST_REASON = 123
"""Bytes of a close frame's reason (RFC 6455)."""
_TRACE = (b"traceparent", b"tracestate")
_SAID = frozenset({b"authorization", b"zhitong-cost", *_TRACE, *HEADERS.values()})
"""Headers that ``connection_init`` may say instead: a browser can send no others."""
LONGEST_BEGINNING = 16_384
"""Characters of a message of somebody unknown: a token and what goes with it."""
LONGEST_PING = 1_024
BEATS = ("ping", "pong")

Message = dict[str, object]


class Code(IntEnum):
    """Why a connection is closed."""

    ENDING = 1012
    SLOW = 1013
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    PROTOCOL = 4406
    INIT_TIMEOUT = 4408
    SAME_ID = 4409
    TOO_MANY = 4429


class Closed(Exception):  # noqa: N818 - a way to end, no error of ours
    """This connection is to be closed."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GoneError(Exception):
    """The other side has left."""


def named(message: Message) -> str:
    """Give the id of the operation that *message* is about."""
    name = message.get("id")
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_ID:
        return name
    raise Closed(Code.BAD_MESSAGE, f"id is a text of 1 to {_LONGEST_ID} characters")


def check_length(text: str, most: int) -> None:
    """Raise `Closed` where *text* is longer than its sender may be here."""
    if len(text) > most:
        raise Closed(Code.BAD_MESSAGE, f"Such a message has {most} characters at most")


def said(headers: Headers, payload: Mapping[str, object]) -> Headers:
    """Add what ``connection_init`` says; said twice it spoils, as for any request."""
    pairs = list(headers.items())
    for name, value in payload.items():
        header = name.lower().encode(errors="replace")
        if header in _SAID and isinstance(value, str):
            pairs.append((header, value.encode(errors="replace")))
    return joined({"headers": pairs})


def closing(closed: Closed) -> dict[str, object]:
    """Give what a server is told to close a connection."""
    reason = closed.reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
    return {"type": "websocket.close", "code": int(closed.code), "reason": reason}
