"""Answers as they go out over ASGI, and what is logged about a fault."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from starlette.types import Send

from zhitong.exceptions import InternalError, ZhitongError, outline
from zhitong.infra.media import JSON
from zhitong.schema.engine import problem

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


async def send_reply(send: Send, reply: Reply, request_id: str) -> None:
    """Send *reply*; nothing that answers a question may be stored on the way."""
    headers = {
        "content-type": f"{reply.media}; charset=utf-8",
        "content-length": str(len(reply.body)),
        "cache-control": "no-store",
        "vary": "accept",
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
        **reply.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})
