"""The gateway as one ASGI application: /graphql bare, the rest on Starlette."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from zhitong.connectors.published import Published
from zhitong.exceptions import BindingError, ForbiddenError, ZhitongError
from zhitong.infra.door import Door, peer
from zhitong.infra.event_streams import EventStreams, wants_events
from zhitong.infra.evidence_pages import EvidencePages
from zhitong.infra.explorer import explorer
from zhitong.infra.frames import Frames
from zhitong.infra.front import GraphQLFront, joined
from zhitong.infra.heads import HEADERS, bounded_heads
from zhitong.infra.live import Live
from zhitong.infra.live_page import live_page
from zhitong.infra.public_page import public_page
from zhitong.infra.public_site import PublicSite
from zhitong.infra.receipts import Receipts
from zhitong.infra.replies import error_body, fault
from zhitong.infra.settings import Settings
from zhitong.infra.subscribing import Subscribing
from zhitong.infra.tokens import Verifier
from zhitong.infra.watching import Watching
from zhitong.infra.websocket import WebSockets
from zhitong.ports import Documents, Freshness
from zhitong.resolvers.granted import HeldGrants
from zhitong.schema.engine import Engine, problem
from zhitong.types import OPERATOR, Principal

Report = Callable[[], Awaitable[Mapping[str, object]]]
Reload = Callable[[Principal], Awaitable[Mapping[str, object]]]
"""Takes who asks for it."""
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]
Endpoint = Callable[[Request], Awaitable[Response]]

logger = logging.getLogger("zhitong.app")

_LANDING = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>执通 Zhitong</title>
<h1>执通</h1>
<p>一次查询，贯通全市各部门的行政执法数据。</p>
<p>打开<a href="live/">实时页面</a>或<a href="explorer/">查询界面</a>，或向
<code>/graphql</code> 发送请求。运行状态：<a href="ready">/ready</a>。</p>
<p>社会公众：<a href="public/">行政执法公示</a>，不需要令牌。</p>
<h1>Zhitong</h1>
<p>One question over the enforcement data of a city's departments.</p>
<p>Open the <a href="live/">live page</a> or the <a href="explorer/">explorer</a>, or
send requests to <code>/graphql</code>. Its state: <a href="ready">/ready</a>.</p>
<p>For everybody, without a token: <a href="public/">published decisions</a>.</p>
</html>
"""


def build_app(  # noqa: PLR0913 - the parts the gateway is put together from
    engine: Engine,
    verifier: Verifier,
    settings: Settings,
    readiness: Report,
    reload: Reload,
    *,
    documents: Documents | None = None,
    grants: HeldGrants | None = None,
    receipts: Receipts | None = None,
    freshness: Freshness | None = None,
    published: Published | None = None,
    lifespan: Lifespan | None = None,
    watching: Watching | None = None,
    ending: asyncio.Event | None = None,
) -> ASGIApp:
    """Put the gateway together.

    *readiness* tells ``database`` (bool: the platform's own) and ``sources``
    (name → state; ``"ready"`` is the one that answers). *reload* tells what was
    loaded and raises `BindingError`, or a group of them, where nothing was.
    *documents* are the trusted ones, *grants* those in force, *receipts* what signs
    those of answers, *freshness* how the proof stands; none without them.
    *published* is what anybody may see of the proof. *watching* is what subscribers
    wait for. *ending* ends what would go on for ever: streams and WebSockets.
    """
    front = GraphQLFront(
        engine,
        verifier,
        settings,
        documents=documents,
        grants=grants,
        receipts=receipts,
        freshness=freshness,
    )
    ending, door = ending or asyncio.Event(), Door(verifier, settings)
    live = Live(engine, verifier, settings, ending)
    subscribing = Subscribing(
        engine, front.intake, watching or Watching(), settings, receipts=receipts
    )
    streams = EventStreams(door, subscribing, ending, settings.slow_seconds)
    sockets = WebSockets(door, subscribing, settings, ending)
    evidence = EvidencePages(published)
    site = PublicSite(engine, settings)
    rest = Starlette(
        routes=[
            Route("/", _landing, methods=["GET"]),
            Route("/health", _health, methods=["GET"]),
            Route("/ready", _guarded(_ready(readiness)), methods=["GET"]),
            Route("/reload", _guarded(_reload(reload, door)), methods=["POST"]),
            Route("/evidence/keys", _guarded(evidence.keys), methods=["GET"]),
            Route("/evidence/head", _guarded(evidence.head), methods=["GET"]),
            Mount("/explorer", explorer(settings.explorer)),
            Route("/live/stream", live),
            Mount("/live", live_page(settings.live)),
            Route("/public/publications", site.publications, methods=["GET"]),
            Route("/public/words", site.words, methods=["GET"]),
            Mount("/public", public_page(settings.public)),
        ],
        lifespan=lifespan,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Before Starlette's router, which costs more than the front itself.
        if scope["type"] == "lifespan" or scope["path"] != "/graphql":
            await rest(scope, receive, send)
        elif scope["type"] == "websocket":
            await sockets(scope, receive, send)
        else:
            await (streams if wants_events(scope) else front)(scope, receive, send)

    return app


def server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    """Prepare uvicorn; its access log is off, a GET's address holds the document."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=bounded_heads(HEADERS + settings.body_bytes, settings.body_seconds),
            access_log=False,
            server_header=False,
            # Whoever connects is the peer: by it a word on certificates counts.
            proxy_headers=False,
            log_level="warning",
            ws=Frames,
            ws_max_size=settings.body_bytes,
            # An answer's size would tell its secrets to who mixes his words into it.
            ws_per_message_deflate=False,
        )
    )


async def _landing(_request: Request) -> Response:
    policy = "default-src 'none'; frame-ancestors 'none'"
    return HTMLResponse(_LANDING, headers={"content-security-policy": policy})


async def _health(_request: Request) -> Response:
    """Say that the process is alive; whether it can answer is /ready's matter."""
    return _json({"status": "alive"})


def _ready(readiness: Report) -> Endpoint:
    async def ready(_request: Request) -> Response:
        state = await readiness()
        sources = state.get("sources")
        states = dict(sources) if isinstance(sources, Mapping) else {}
        body = {
            **state,
            "answering": sum(each == "ready" for each in states.values()),
            "bound": len(states),
        }
        # A sick department does not make the gateway sick: it stays ready.
        return _json(body, 200 if state.get("database") is True else 503)

    return ready


def _reload(reload: Reload, door: Door) -> Endpoint:
    async def reload_bindings(request: Request) -> Response:
        caller = await door.caller(peer(request.scope), joined(request.scope))
        principal = caller.principal
        if principal.role != OPERATOR:
            raise ForbiddenError(
                "只有平台运维人员可以重新加载数据绑定，请使用运维令牌。",
                "Only the gateway's operators may reload bindings; "
                "use an operator's token.",
            )
        logger.info("reload asked for by %s of %s", principal.person, principal.unit)
        try:
            return _json(await reload(principal))
        except* BindingError as group:
            problems = [problem(error) for error in _leaves(group)]
        return _json({"errors": problems}, BindingError.status)

    return reload_bindings


def _leaves(group: BaseExceptionGroup[BindingError]) -> list[BindingError]:
    found: list[BindingError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found.extend(_leaves(error))
        else:
            found.append(error)
    return found


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ZhitongError as error:
            return _json(error_body(error), error.status)
        except Exception as error:  # noqa: BLE001 - the last resort: masked, logged
            masked = fault(error, uuid.uuid4().hex)
            return _json(error_body(masked), masked.status)

    return guarded


def _json(body: Mapping[str, object], status: int = 200) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        {"cache-control": "no-store"},
        media_type="application/json",
    )
