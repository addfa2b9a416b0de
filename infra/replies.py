"""Answers as they go out over ASGI, and what is logged about a fault."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import orjson
from starlette.types import Send

from zhitong.exceptions import InternalError, ZhitongError, outline
from zhitong.infra.media import JSON
from zhitong.schema.engine import problem

Whole = Callable[[int, bytes, bytes], Awaitable[None]]
"""Sends status, head and body."""

logger = logging.getLogger("zhitong.front")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    body: bytes
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def error_body(error: ZhitongError) -> dict[str, object]:
    """Render *error* as the one shape in which every error leaves."""
    return {"errors": [problem(error)]}


def refusal(error: ZhitongError, media: str = JSON) -> Reply:
    """Answer *error* under its own status."""
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}  # noqa: PLR2004 - Unauthorized
    return Reply(
        status=error.status,
        body=orjson.dumps(error_body(error)),
        media=media,
        headers=headers,
    )


def fault(error: Exception, request_id: str) -> InternalError:
    """Log an *error* nobody foresaw and return what the caller may know of it.

    Exception texts are left out: a driver's or parser's message quotes the
    literal it stumbled over, and that may be somebody's ID number.
    """
    logger.error("request %s failed\n%s", request_id, outline(error))
    return InternalError(
        f"平台内部错误，请将请求编号 {request_id} 告知运维人员。",
        f"The gateway failed; give the request id {request_id} to its operators.",
    )


async def send_reply(
    send: Send, reply: Reply, request_id: str, whole: Whole | None = None
) -> None:
    """Send *reply*, as a whole where the server takes it so (`heads.WHOLE`).

    Nothing that answers a question may be stored on the way.
    """
    some = {
        "content-length": str(len(reply.body)),
        "x-request-id": request_id,
        **reply.headers,
    }
    if whole is not None:
        lines = "".join([f"{name}: {value}\r\n" for name, value in some.items()])
        head = lines.encode("latin-1")
        if head.count(b"\n") == head.count(b"\r") == len(some) and b"\0" not in head:
            await whole(reply.status, _beginning(reply.media) + head, reply.body)
            return
    headers = [*_always(reply.media)]
    for name, value in some.items():
        headers.append((name.encode(), value.encode("latin-1")))
    await send(
        {"type": "http.response.start", "status": reply.status, "headers": headers}
    )
    await send({"type": "http.response.body", "body": reply.body})


@cache
def _beginning(media: str) -> bytes:
    """Write the lines that every answer in *media* begins with."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in _always(media))


@cache
def _always(media: str) -> tuple[tuple[bytes, bytes], ...]:
    """Write the headers that every answer in *media* has."""
    return (
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept, accept-encoding"),
        (b"x-content-type-options", b"nosniff"),
    )
