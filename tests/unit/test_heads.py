"""Heads of requests that are too large or never end, against a listening gateway."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from zhitong.infra.app import server
from zhitong.infra.attendance import attended
from zhitong.infra.heads import HEADERS, WHOLE
from zhitong.infra.replies import Reply, send_reply
from zhitong.infra.serving import last_answer
from zhitong.infra.settings import Settings

QUERY = 1_000
"""Bytes of a query string beside the headers."""
ENDLESS = 60
PIECE = b"a" * 16_384


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def talking(
    state: Path, seconds: float = 60, app: ASGIApp | None = None
) -> AsyncIterator[Talk]:
    """Serve one who tells a body's length; give a connection to him."""
    app = app or Starlette(routes=[Route("/", _answer, methods=["GET", "POST"])])
    settings = Settings(state=state, body_bytes=QUERY, body_seconds=seconds)
    running = server(app, settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(running.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            running.should_exit = True
            await task


async def said(talk: Talk, head: bytes, endless: bytes = b"") -> bytes:
    """Send *head*, and *endless* until the other side ends it; give its answer."""
    reader, writer = talk
    writer.write(head)
    writing = asyncio.create_task(_write(writer, endless))
    try:
        async with asyncio.timeout(ENDLESS):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _write(writer: asyncio.StreamWriter, endless: bytes) -> None:
    while endless:
        writer.write(endless)
        await writer.drain()


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b"GET / HTTP/1.1\r\nx-long: ", PIECE),
        (b"GET / HTTP/1.1\r\n", b"x-many: a\r\n" * 1_000),
        (b"GET /?", PIECE),
        (b"GET ", PIECE),
        (b"", b"\r\n" * 1_000),
        (
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            b"x-after: a\r\n" * 1_000,
        ),
        (
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;x=",
            PIECE,
        ),
    ],
)
async def test_a_head_without_end_is_ended(
    tmp_path: Path, head: bytes, endless: bytes
) -> None:
    async with talking(tmp_path) as talk:
        answer = await said(talk, head, endless)
    # Who still writes as we close may lose the answer; never does it go on.
    assert b" 200 " not in answer


async def test_a_head_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async with talking(tmp_path, seconds=0.05) as talk:
        assert await said(talk, b"GET / HTTP/1.1\r\nhost: a\r\n") == b""


async def test_a_second_head_that_does_not_come_is_not_waited_for(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path, seconds=0.05) as talk:
        answer = await said(talk, b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT")
    assert answer.count(b" 200 ") == 1


async def test_a_head_and_a_body_within_bounds_are_read(tmp_path: Path) -> None:
    body = 10 * (HEADERS + QUERY)
    head = (
        b"POST / HTTP/1.1\r\nconnection: close\r\nx-long: %b\r\n"
        b"content-length: %d\r\n\r\n" % (b"a" * (HEADERS - 100), body)
    )
    async with talking(tmp_path) as talk:
        answer = await said(talk, head + b"b" * body)
    assert answer.endswith(str(body).encode())


async def _replying(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by the path, as a whole unless it is ``/parts``."""
    if scope["type"] == "lifespan":
        return
    await receive()
    path = scope["path"]
    offered = scope["extensions"].get(WHOLE, {}).get("send")
    whole = offered if path != "/parts" else None
    headers = {"x-forged": "a\r\nx-other: b"} if path == "/forged" else {}
    await send_reply(send, Reply(status=200, body=b"[1]", headers=headers), "7", whole)


def _asked(path: str, method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


async def test_an_answer_sent_as_a_whole_is_the_one_that_is_sent_in_parts(
    tmp_path: Path,
) -> None:
    found = {}
    for path in ("/whole", "/parts"):
        async with talking(tmp_path, app=_replying) as talk:
            requests = _asked(path) + _asked(path, "HEAD")
            found[path] = await said(
                talk, requests + _asked(path, more="Connection: close\r\n")
            )
    whole, parts = (
        [line for line in one.split(b"\r\n") if not line.startswith(b"date")]
        for one in found.values()
    )
    assert whole == parts
    assert whole.count(b"connection: close") == 1
    assert b"".join(whole).count(b"[1]") == 2


@pytest.mark.parametrize("path", ["/whole", "/parts"])
async def test_the_last_answer_of_a_process_says_that_it_is(
    tmp_path: Path, path: str
) -> None:
    # Else who asks again over the same connection is met by silence.
    async with talking(tmp_path, app=last_answer(_replying)) as talk:
        answer = await said(talk, _asked(path))
    assert answer.count(b"connection: close") == 1
    assert answer.endswith(b"[1]")


async def test_a_header_that_would_be_two_is_not_sent(tmp_path: Path) -> None:
    async with talking(tmp_path, app=_replying) as talk:
        answer = await said(talk, _asked("/forged", more="Connection: close\r\n"))
    assert answer == b""


async def _attending(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as a whole, after a moment in which the client is looked after."""
    if scope["type"] == "lifespan":
        return
    await receive()
    await attended(asyncio.sleep(0.03), receive)
    whole = scope["extensions"][WHOLE]["send"]
    await send_reply(send, Reply(status=200, body=b"[1]", headers={}), "7", whole)


async def test_answers_leave_no_cycles_for_the_collector(tmp_path: Path) -> None:
    # Where each answer leaves some, one collection halts everybody for 100 ms.
    count = 40
    async with talking(tmp_path, app=_attending) as (reader, writer):
        try:
            for number in range(2 * count):
                if number == count:
                    gc.collect()
                    gc.disable()
                writer.write(_asked("/"))
                await reader.readuntil(b"[1]")
            assert gc.collect() < count
        finally:
            gc.enable()
