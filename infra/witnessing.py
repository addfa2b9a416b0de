"""``zhitong witness``: the witness as a process of its own, in a folder of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from zhitong.connectors.signers import ECDSA
from zhitong.connectors.witness_forms import Place
from zhitong.connectors.witness_store import WitnessStore
from zhitong.connectors.witness_trust import Trust
from zhitong.exceptions import BodyMalformedError, WitnessError, ZhitongError
from zhitong.infra.attendance import ClientGoneError
from zhitong.infra.bodies import read_body
from zhitong.infra.heads import HEADERS, bounded_heads
from zhitong.infra.note import Note, noted
from zhitong.infra.replies import error_body
from zhitong.infra.settings import Settings
from zhitong.infra.witness_desk import LARGEST_PAGE, WitnessDesk
from zhitong.infra.witness_key import own_public, read_public, witness_key
from zhitong.infra.workers import run_worker
from zhitong.rules.witnessing import Bounds

NAME = "witness"
NOTE = "witness.json"
"""In its folder while it runs: where it listens."""
TRUSTED = "trusted.jsonl"
PORT = 8_600
TOLERANCE = 300.0
LARGEST = 65_536
"""Bytes of a submission; one has two thousand."""
_SECONDS = 10.0
_JSON = "application/json"
_ENCODE = msgspec.json.Encoder().encode
_GRACE_SECONDS = 5
_PAUSE = 0.2

_log = logging.getLogger("zhitong.witness")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a witness is to be started."""

    folder: Path | None
    """None: that of the demo, in the operator's own state folder."""
    origin: str
    trust: tuple[Path, ...] = ()
    """Public keys of the operator, PEM; at the first start one is needed."""
    host: str = "127.0.0.1"
    port: int | None = None
    tolerance: float = TOLERANCE
    """Seconds that a head's time may be from its own clock."""
    algorithm: str = ECDSA
    """Of its own key, where it is made."""


def demo_folder(state: Path) -> Path:
    """Say where the demo's witness keeps its files."""
    return state / NAME


def run(settings: Settings, asked: Asked) -> None:
    """Witness until SIGINT or SIGTERM."""
    if not asked.tolerance > 0:
        raise WitnessError("--tolerance 必须大于 0", "--tolerance must be more than 0")
    demo = asked.folder is None
    folder = asked.folder or demo_folder(settings.state)
    port = (0 if demo else PORT) if asked.port is None else asked.port
    how = replace(asked, folder=folder, port=port)
    # Notes lie in its own folder: it shares nothing with an operator but in the demo.
    own = settings if demo else replace(settings, state=folder)
    operator = settings.evidence if demo else None
    run_worker(own, NAME, partial(_witness, how, folder, operator))


def witness_desk(how: Asked, folder: Path, known: Sequence[bytes] = ()) -> WitnessDesk:
    """Open the *folder* of a witness; raise `WitnessError` where that cannot be."""
    key = witness_key(folder, how.algorithm)
    trust = Trust(folder / TRUSTED, how.origin)
    for spki in [*map(read_public, how.trust), *known]:
        trust.name(spki)
    if not trust.current:
        raise WitnessError(
            "首次启动须用 --trust 给出平台的签名公钥（PEM 文件）",
            "at first the operator's public key is named with --trust (a PEM file)",
        )
    store = WitnessStore(folder)
    if store.last is not None and store.last.head.origin != how.origin:
        raise WitnessError(
            f"该目录见证的是 {store.last.head.origin} 的日志，不是 {how.origin} 的",
            f"this folder has the heads of {store.last.head.origin}, not of "
            f"{how.origin}: name its log with --origin",
        )
    tolerance = timedelta(seconds=how.tolerance)
    return WitnessDesk(
        store, trust, key, Bounds(origin=how.origin, tolerance=tolerance)
    )


def witness_app(desk: WitnessDesk) -> ASGIApp:
    """Answer for *desk* over HTTP."""
    return Starlette(
        routes=[
            Route(
                "/countersign", _guarded(partial(_countersign, desk)), methods=["POST"]
            ),
            Route("/head", _guarded(partial(_head, desk)), methods=["GET"]),
            Route("/heads", _guarded(partial(_heads, desk)), methods=["GET"]),
            Route("/key", _guarded(partial(_key, desk)), methods=["GET"]),
        ]
    )


async def _witness(how: Asked, folder: Path, operator: Path | None, _: str) -> None:
    known: Sequence[bytes] = ()
    if operator is not None and not how.trust and not (folder / TRUSTED).exists():
        known = await _operators(operator)
    desk = await asyncio.to_thread(witness_desk, how, folder, known)
    with _listening(how) as listener:
        config = uvicorn.Config(
            witness_app(desk),
            http=bounded_heads(HEADERS, _SECONDS),
            access_log=False,
            server_header=False,
            proxy_headers=False,
            log_level="warning",
            ws="none",
            lifespan="off",
            limit_concurrency=64,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        with noted(folder / NOTE, Note(pid=os.getpid(), url=url)):
            mine = desk.mine
            print(  # noqa: T201 - what the command line says
                f"见证人已启动 The witness runs: {url}\n"
                f"  日志 log   {mine.origin}\n"
                f"  公钥 key   {mine.key_id} {mine.algorithm}\n"
                f"  信任 trusts {', '.join(mine.trusts)}",
                flush=True,
            )
            await _Server(config).serve([listener])


async def _operators(folder: Path) -> Sequence[bytes]:
    """Wait for the keys that the demo's operator signs heads with."""
    said = False
    while not (files := await asyncio.to_thread(_signing, folder)):
        if not said:
            _log.warning(
                "等待平台的签名密钥 waiting for the operator's key: zhitong seal"
            )
        said = True
        await asyncio.sleep(_PAUSE)
    return [own_public(file) for file in files]


def _signing(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("head-*.pem"))


class _Server(uvicorn.Server):
    """Leaves signals to the worker, which cancels it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextmanager
def _listening(how: Asked) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in how.host else socket.AF_INET
    try:
        listener = socket.create_server((how.host, how.port or 0), family=family)
    except OSError as error:
        raise WitnessError(
            f"无法监听 {how.host}:{how.port}（{error}）：请用 --port 换一个端口",
            f"cannot listen on {how.host}:{how.port} ({error}): name another port "
            "with --port",
        ) from error
    with listener:
        yield listener


async def _countersign(desk: WitnessDesk, request: Request) -> Response:
    raw = await read_body(
        request.receive,
        declared=request.headers.get("content-length", "").encode() or None,
        limit=LARGEST,
        seconds=_SECONDS,
    )
    return _json(await desk.countersign(raw))


async def _head(desk: WitnessDesk, _request: Request) -> Response:
    return _json(desk.last, 200 if desk.last else 404)


async def _heads(desk: WitnessDesk, request: Request) -> Response:
    place = Place(size=_number(request, "from", 0), after=_number(request, "after", 0))
    limit = min(_number(request, "limit", LARGEST_PAGE), LARGEST_PAGE)
    return _json(await desk.page(place, max(1, limit)))


async def _key(desk: WitnessDesk, _request: Request) -> Response:
    return _json(desk.mine)


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - a bigint
        raise BodyMalformedError(
            f"{name} 应为不带符号的整数。", f"{name} must be a number without a sign."
        )
    return int(text)


def _guarded(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except ZhitongError as error:
            return _json(error_body(error), error.status)
        except ClientGoneError:
            return Response(status_code=400)
        except OSError as error:
            # A full disk: no word without its line.
            _log.error("%s: %s", WitnessError.code, error)
            full = WitnessError(
                "见证人写不了自己的目录", "its folder cannot be written"
            )
            return _json(error_body(full), full.status)

    return guarded


def _json(body: object, status: int = 200) -> Response:
    return Response(
        _ENCODE(body), status, {"cache-control": "no-store"}, media_type=_JSON
    )
