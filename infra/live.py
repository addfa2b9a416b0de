"""The stream behind the live page: the graph's answers, sent as they change.

``/live/stream`` takes the token and the headers that ``/graphql`` takes and answers
with server-sent events: ``hello`` and ``words`` once, ``now`` and ``standing`` whenever
their answer has changed, a comment where it has not, ``error`` before it ends for a
reason. EventSource cannot send a token, so the page reads it with fetch.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import orjson
from starlette.types import Receive, Scope, Send

from zhitong.exceptions import (
    LiveTooManyError,
    MethodNotAllowedError,
    ZhitongError,
)
from zhitong.infra.attendance import ClientGoneError
from zhitong.infra.door import Door, peer
from zhitong.infra.front import joined
from zhitong.infra.live_questions import Body, Clock, Questions, Viewer
from zhitong.infra.occasions import read_occasion
from zhitong.infra.places import Places
from zhitong.infra.replies import error_body, fault, refusal, send_reply
from zhitong.infra.settings import Settings
from zhitong.infra.sse import EventStream, attended
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Engine

STANDING_SECONDS = 5.0
"""Between two questions that count through all that was sent."""
NOW_REST, STANDING_REST = 1.0, 20.0
"""How many times as long as an answer took nothing is asked after it.

Where much is kept, or a database is busy, the page must not make it busier.
"""
FAILED_SECONDS = 60.0
"""Until it is tried again where it failed: a source that fails rests for everybody."""


class Live:
    """Answers ``/live/stream``; its streams end when *ending* is set."""

    def __init__(
        self,
        engine: Engine,
        verifier: Verifier,
        settings: Settings,
        ending: asyncio.Event,
        *,
        clock: Clock = time.time,
    ) -> None:
        self._engine = engine
        self._door = Door(verifier, settings)
        self._settings = settings
        self._ending = ending
        self._clock = clock
        self._places = Places(settings.live_streams, _too_many)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: refuse it, or stream until one side ends it."""
        request_id = uuid.uuid4().hex
        headers = joined(scope)
        try:
            viewer = await self._admit(scope, headers)
        except ZhitongError as error:
            await send_reply(send, refusal(error), request_id)
            return
        stream = _Stream(
            self._questions(viewer),
            _Wire(send, self._clock),
            self._settings,
            self._door.again(peer(scope), headers),
        )
        with self._places.taken(viewer.principal):
            await stream.run(viewer, receive, self._ending, request_id)

    async def _admit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Viewer:
        if scope["method"] not in {"GET", "POST"}:
            raise MethodNotAllowedError(
                "本地址只接受 GET 与 POST 请求。",
                "This address answers GET and POST only.",
            )
        principal = (await self._door.caller(peer(scope), headers)).principal
        self._places.check(principal)
        return Viewer(principal=principal, occasion=read_occasion(headers))

    def _questions(self, viewer: Viewer) -> Questions:
        return Questions(
            self._engine,
            viewer,
            late_seconds=self._settings.late_seconds,
            clock=self._clock,
        )


class _Wire(EventStream):
    """Says with each answer when it was given."""

    def __init__(self, send: Send, clock: Clock) -> None:
        super().__init__(send)
        self._clock = clock

    async def event(self, name: str, told: bytes) -> None:
        """Send *told*, a JSON value, with the moment as the event *name*."""
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        await super().event(name, f'{{"at":"{at}","answer":'.encode() + told + b"}")


class _Stream:
    """One viewer's stream: asks at its pace and says what has changed."""

    def __init__(
        self,
        questions: Questions,
        wire: _Wire,
        settings: Settings,
        verify: Callable[[], object],
    ) -> None:
        self._questions = questions
        self._wire = wire
        self._settings = settings
        self._verify = verify

    async def run(
        self, viewer: Viewer, receive: Receive, ending: asyncio.Event, request_id: str
    ) -> None:
        """Stream until the client goes, *ending* is set or something is wrong."""
        await self._wire.start(request_id)
        wrong = await attended(
            receive, self._tell_now(viewer), self._tell_standing(), ending.wait()
        )
        if wrong:
            await self._refuse(wrong[0], request_id)
        await self._wire.end()

    async def _refuse(self, error: Exception, request_id: str) -> None:
        if isinstance(error, ClientGoneError):
            return
        known = error if isinstance(error, ZhitongError) else fault(error, request_id)
        with suppress(ClientGoneError):
            await self._wire.event("error", orjson.dumps(error_body(known)))

    async def _tell_now(self, viewer: Viewer) -> None:
        await self._wire.event("hello", orjson.dumps(self._hello(viewer)))
        await self._wire.event("words", orjson.dumps(await self._questions.words()))
        told = b""
        while True:
            began = time.monotonic()
            self._verify()
            told = await self._tell("now", await self._questions.now(), told)
            await _rest(began, self._settings.live_seconds, NOW_REST)

    async def _tell_standing(self) -> None:
        told = b""
        while True:
            began = time.monotonic()
            body = await self._questions.standing()
            told = await self._tell("standing", body, told)
            while await self._questions.count_minutes():
                pass
            every = FAILED_SECONDS if _failed(body) else STANDING_SECONDS
            await _rest(began, every, STANDING_REST)

    async def _tell(self, name: str, body: Body, told: bytes) -> bytes:
        """Send *body* unless it is what was *told* before; give what is told now."""
        telling = orjson.dumps(body)
        if telling == told:
            await self._wire.alive()
        else:
            await self._wire.event(name, telling)
        return telling

    def _hello(self, viewer: Viewer) -> Body:
        return {
            "unit": viewer.principal.unit_name,
            "person": viewer.principal.person,
            "everySeconds": self._settings.live_seconds,
            "lateSeconds": self._settings.late_seconds,
        }


def _too_many(most: int) -> LiveTooManyError:
    return LiveTooManyError(
        f"同一用户最多同时打开 {most} 个实时页面，请关闭不用的页面后再试。",
        f"One user may have {most} live pages open at a time; close one and try again.",
    )


def _failed(body: Body) -> bool:
    """Say whether a source is missing from an answer; what policy hides is not."""
    extensions = body.get("extensions")
    return isinstance(extensions, Mapping) and "sources" in extensions


async def _rest(began: float, every: float, share: float) -> None:
    """Sleep until it is time again for what *began* then and is done now."""
    took = time.monotonic() - began
    await asyncio.sleep(max(every - took, took * share))
