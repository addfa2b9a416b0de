"""A receiver that takes pushes: a real server on this machine, and what it was sent."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from zhitong.decisions import Returned
from zhitong.streams.channels import HttpChannel
from zhitong.streams.http_push import HttpSender

SECRET = b"a secret of the receiver's"
RID, SID = "anze", "s_619900_2026"
Reply = Callable[["Pushed"], Response]


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """One call, as it arrived."""

    event: str
    """Its Idempotency-Key, without the quotes."""
    body: bytes
    headers: dict[str, str]
    number: int
    """How many calls came before it."""
    same: int
    """How many of them with this event."""


def ok(_: Pushed) -> Response:
    return JSONResponse({"code": 200, "message": "ok", "data": None})


def page(_: Pushed) -> Response:
    return HTMLResponse("<html><title>系统维护 maintenance</title></html>")


def status(code: int, **headers: str) -> Reply:
    return lambda _: Response(status_code=code, headers=headers)


def said(**members: object) -> Reply:
    return lambda _: JSONResponse({"code": 200, "message": "", **members})


@dataclass
class Server:
    """What the receiver is asked, how it answers, and what it holds."""

    url: str = ""
    reply: Reply = ok
    calls: list[Pushed] = field(default_factory=list)
    filed: list[Returned] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    """What was wrong with signatures."""
    open: int = 0
    most: int = 0
    """So many calls were open at once."""

    @property
    def bodies(self) -> list[bytes]:
        return [call.body for call in self.calls]

    async def answer(self, request: Request) -> Response:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            body = await request.body()
            headers = {name.lower(): value for name, value in request.headers.items()}
            event = headers["idempotency-key"].strip('"')
            self.unsigned += signature_faults(headers, body, self.url)
            call = Pushed(
                event=event,
                body=body,
                headers=headers,
                number=len(self.calls),
                same=sum(each.event == event for each in self.calls),
            )
            self.calls.append(call)
            await asyncio.sleep(0)
            return await asyncio.to_thread(self.reply, call)
        finally:
            self.open -= 1

    def sender(self, **more: object) -> HttpSender:
        """Make a sender to it."""
        return HttpSender(
            HttpChannel(
                **{"url": self.url, "requester": RID, "interface": SID, **more}  # type: ignore[arg-type]
            ),
            lambda: SECRET,
            self.filed.extend,
        )


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Server]:
    """Run a receiver beside the block; with a *certificate* it proves itself by it."""
    server = Server()
    app = Starlette(routes=[Route("/take", server.answer, methods=["POST"])])
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="off",
        ssl_certfile=certificate,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            time.sleep(0.01)
        port = running.servers[0].sockets[0].getsockname()[1]
        scheme = "https" if certificate else "http"
        server.url = f"{scheme}://127.0.0.1:{port}/take"
        yield server
    finally:
        running.should_exit = True
        running.force_exit = True
        thread.join()


def signature_faults(headers: dict[str, str], body: bytes, url: str) -> Sequence[str]:
    """Verify both signatures as a receiver does, with nothing of ours."""
    rtime = headers["gjgxjhpt_rtime"]
    sign = _mac(f"{headers['gjgxjhpt_sid']}{headers['gjgxjhpt_rid']}{rtime}")
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    label, _, params = headers["signature-input"].partition("=")
    lines = [
        '"@method": POST',
        f'"@target-uri": {url}',
        f'"content-type": {headers["content-type"]}',
        f'"idempotency-key": {headers["idempotency-key"]}',
        f'"content-digest": {headers["content-digest"]}',
        f'"@signature-params": {params}',
    ]
    right = {
        "sign": headers["gjgxjhpt_sign"] == sign,
        "rid": headers["gjgxjhpt_rid"] == RID and headers["gjgxjhpt_sid"] == SID,
        "digest": headers["content-digest"] == f"sha-256=:{digest}:",
        "covered": params.startswith(
            '("@method" "@target-uri" "content-type" "idempotency-key"'
            ' "content-digest");created='
        ),
        "signature": headers["signature"] == f"{label}=:{_mac(chr(10).join(lines))}:",
    }
    return [name for name, holds in right.items() if not holds]


def _mac(text: str) -> str:
    return base64.b64encode(
        hmac.new(SECRET, text.encode(), hashlib.sha256).digest()
    ).decode()
