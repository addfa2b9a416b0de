"""The gateway as a process: listens, says where, and ends when it is asked to."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from zhitong.connectors.told_counts import FileToldCounts
from zhitong.connectors.used_tokens import PlatformUsedTokens
from zhitong.exceptions import SettingsError
from zhitong.infra.app import build_app, server
from zhitong.infra.attendance import GRACE
from zhitong.infra.client import Client
from zhitong.infra.collecting import give_free_pages_back, spare_what_stays
from zhitong.infra.demo_issuer import NAME, DemoIssuer
from zhitong.infra.embedded import address
from zhitong.infra.gateway import PLATFORM, Gateway
from zhitong.infra.heads import WHOLE
from zhitong.infra.issuers import Issuer
from zhitong.infra.issuers_file import read_issuers
from zhitong.infra.lines import Line
from zhitong.infra.note import Note, find, noted
from zhitong.infra.settings import Settings
from zhitong.infra.supervising import Supervisor
from zhitong.infra.telemetry import set_up
from zhitong.infra.tokens import Verifier
from zhitong.infra.workers import log_plainly
from zhitong.types import Principal

_ENDING_SECONDS = 20.0
_PAUSE = 0.05
_LINGER_SECONDS = 1.0
"""For which somebody may still ask over a connection that he holds."""
STATES = {
    "ready": "正常 ready",
    "drift": "结构有变 drift",
    "away": "离线 away",
}
"""How a source is, for people."""


def note_path(settings: Settings) -> Path:
    """Say where the running gateway's note lies."""
    return settings.state / "gateway.json"


def running_gateway(settings: Settings) -> Note:
    """Find the gateway of the state folder; raise if none runs."""
    found = find(note_path(settings))
    if found is None:
        raise SettingsError(
            f"没有网关在使用 {settings.state}：请先执行 zhitong serve（或 make demo）",
            f"no gateway runs on {settings.state}: run zhitong serve (or make demo)",
        )
    return found


def client(settings: Settings, principal: Principal) -> Client:
    """Make a client of the running gateway for one of the demo's people."""
    url = running_gateway(settings).url
    return Client(url=url, token=demo_issuer(settings).issue(principal))


def serve(settings: Settings) -> None:
    """Run the gateway until SIGINT or SIGTERM."""
    log_plainly()
    with _listening(settings) as listener:
        if settings.workers == 1:
            _run(settings, listener)
            return
        crew = Supervisor(settings, listener, serve_one)
        with crew.running() as states, _introduced(settings, listener, states):
            crew.watch()


def serve_one(settings: Settings, listener: socket.socket, line: Connection) -> None:
    """Run one gateway process of several; *line* leads to their supervisor."""
    log_plainly()
    _run(settings, listener, Line(line))


def _run(settings: Settings, listener: socket.socket, line: Line | None = None) -> None:
    close = set_up(settings)
    try:
        with (
            asyncio.Runner(loop_factory=_loop_factory()) as runner,
            suppress(asyncio.CancelledError),
        ):
            runner.run(_serve(settings, listener, line))
    finally:
        close()


def stop(settings: Settings) -> bool:
    """End the gateway of the state folder; say whether there was one."""
    found = find(note_path(settings))
    if found is None:
        return False
    # The lock on its note shows that the process of this number is the gateway.
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + _ENDING_SECONDS
    while find(note_path(settings)) == found:
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
        time.sleep(_PAUSE)
    return True


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn raises them again, and would cut our end short."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    def stop(self) -> None:
        """End when what is under way is answered; what goes on for ever ends now.

        Who holds a connection may be about to ask over it: it is answered, and told
        with the answer that there is no other.
        """
        self._ending.set()
        for each in getattr(self, "servers", ()):  # none yet: it is told as it begins
            each.close()
        # Those that were let in just now and are no connection yet have it, too.
        if self.config.loaded:
            loaded: Any = self.config.loaded_app
            self.config.loaded_app = last_answer(loaded)
        for line in self._lines():
            app: Any = line.app
            line.app = last_answer(app)
        self._linger(time.monotonic() + _LINGER_SECONDS)

    def _linger(self, until: float) -> None:
        if not self._lines() or time.monotonic() > until:
            self.should_exit = True
            return
        asyncio.get_running_loop().call_later(_PAUSE, self._linger, until)

    def _lines(self) -> Sequence[HttpToolsProtocol]:
        """Give the connections over which somebody may ask."""
        held = self.server_state.connections
        return [line for line in held if isinstance(line, HttpToolsProtocol)]


def last_answer(app: ASGIApp) -> ASGIApp:
    """Let each answer of *app* say that the connection ends with it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        # In two messages: one that is sent as a whole would not say it.
        scope.get("extensions", {}).pop(WHOLE, None)
        await app(scope, receive, say)

    return answer


async def _serve(
    settings: Settings, listener: socket.socket, line: Line | None
) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    _on_end(task.cancel, line)
    look_up = address(settings.state, os.environ)
    told = FileToldCounts(line.told(settings)) if line else None
    gateway = Gateway(settings, look_up, told)
    used = PlatformUsedTokens(look_up(PLATFORM) or "")
    verifier = Verifier(
        _trusted(settings),
        settings.audience,
        tenant=settings.tenant,
        used=used,
        remembered=settings.token_cache,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(used.close)
        await verifier.refresh()
        watching = asyncio.create_task(verifier.watch())
        stack.callback(watching.cancel)
        engine = await stack.enter_async_context(gateway.running())
        ending = asyncio.Event()
        app = build_app(
            engine,
            verifier,
            settings,
            gateway.readiness,
            line.passing_on(gateway.reload) if line else gateway.reload,
            documents=gateway.documents,
            grants=gateway.grants,
            receipts=gateway.receipts,
            published=gateway.published,
            freshness=gateway.freshness,
            watching=gateway.watching,
            ending=ending,
        )
        config = server(app, settings).config
        config.timeout_graceful_shutdown = GRACE
        spare_what_stays()
        give_free_pages_back()
        running = _Server(config, ending)
        _on_end(running.stop, line, gateway.load)
        states = gateway.registry.states()
        if line is not None:
            line.ready(states)
        else:
            stack.enter_context(_introduced(settings, listener, states))
        await running.serve([listener])


def _trusted(settings: Settings) -> Mapping[str, Issuer]:
    """Say whose tokens count: those of the file, or else the demo's."""
    found, with_demo = (
        read_issuers(Path(settings.issuers)) if settings.issuers else ({}, True)
    )
    return {**found, NAME: demo_issuer(settings).issuer} if with_demo else found


def demo_issuer(settings: Settings) -> DemoIssuer:
    """Give the issuer of the state folder's demo."""
    return DemoIssuer(
        settings.state, audience=settings.audience, tenant=settings.tenant
    )


def _on_end(
    act: Callable[[], object],
    line: Line | None,
    load: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Do *act* when this process is to end, *load* when others load their bindings."""
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, act)
    if line is not None:
        line.heed(act, load)


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SettingsError(
            f"无法监听 {settings.host}:{settings.port}（{error}）："
            "请停止占用该端口的程序，或用 --port（0 为任意空闲端口）、"
            "ZHITONG_PORT 换一个",
            f"cannot listen on {settings.host}:{settings.port} ({error}): end the "
            "program that holds the port, or name another with --port (0: any) or "
            "ZHITONG_PORT",
        ) from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose the loop as uvicorn would: uvloop where it is installed."""
    return uvicorn.Config(app="").get_loop_factory()


@contextmanager
def _introduced(
    settings: Settings, listener: socket.socket, states: Mapping[str, str]
) -> Iterator[None]:
    """Say where the gateway is, to people and to programs, while it runs."""
    url = _url(listener)
    with noted(note_path(settings), Note(pid=os.getpid(), url=url)):
        _introduce(url, states)
        yield
        print("内置的服务仍在运行 Embedded servers still run: zhitong down", flush=True)  # noqa: T201


def _introduce(url: str, states: Mapping[str, str]) -> None:
    lines = [
        f"执通网关已就绪 The gateway is ready: {url}",
        f"  查询接口 GraphQL   {url}/graphql",
        f"  实时页面 live page {url}/live/",
        f"  查询界面 explorer  {url}/explorer/",
        f"  运行状态 state     {url}/ready",
        "数据来源 Sources:",
        *(f"  {name:<12} {STATES.get(state, state)}" for name, state in states.items()),
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - what the command line says


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
