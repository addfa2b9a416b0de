"""The hand-written limit: a document is looked up, one statement answers it whole."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from access_questions import WORKLOADS
from data import Pool, serve, statements

BY_NAME = statements(sys.argv[1] if sys.argv[1:] else "limit.sql")
SQL = {work.public: BY_NAME[work.name[:2]] for work in WORKLOADS}


def app(pool: Pool) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        asked = orjson.loads(body)
        found = await pool.fetchval(
            SQL[asked["query"]], *(asked.get("variables") or {}).values()
        )
        data = b'{"data":' + found.encode() + b"}"
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(data)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    return answer


async def keep(connection: Any) -> None:
    """Give a connection back as it is: nothing here changes a session."""


serve(app, reset=keep)
