"""GraphQL over server-sent events, in its distinct connections mode.

A question at ``/graphql`` that accepts ``text/event-stream`` above all is answered by
events: ``next`` for each answer, ``complete`` at the end. What is refused before there
is an answer leaves as it does for any other question, under its own status.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import orjson
from starlette.types import Receive, Scope, Send

from zhitong.exceptions import MethodNotAllowedError, ZhitongError
from zhitong.infra.attendance import ClientGoneError
from zhitong.infra.door import Door, peer
from zhitong.infra.front import joined
from zhitong.infra.media import GRAPHQL, JSON, check_encoding, choose
from zhitong.infra.replies import (
    Reply,
    error_body,
    fault,
    refusal,
    send_reply,
)
from zhitong.infra.sse import EVENTS, EventStream, attended
from zhitong.infra.subscribing import Subscriber, Subscribing, dropped


class EventStreams:
    """Streams answers; what would go on for ever ends when *ending* is set."""

    def __init__(
        self,
        door: Door,
        subscribing: Subscribing,
        ending: asyncio.Event,
        patience: float,
    ) -> None:
        self._door = door
        self._subscribing = subscribing
        self._ending = ending
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: refuse it, or stream until one side ends it."""
        request_id = os.urandom(16).hex()
        try:
            subscriber = await self._admit(scope, receive, request_id)
        except ZhitongError as error:
            await send_reply(send, refusal(error), request_id)
        except ClientGoneError:
            return
        else:
            await self._run(subscriber, receive, send)

    async def _admit(
        self, scope: Scope, receive: Receive, request_id: str
    ) -> Subscriber:
        method, headers = scope["method"], joined(scope)
        if method == "POST":
            check_encoding(headers)
        elif method != "GET":
            raise MethodNotAllowedError(
                "本地址只接受 GET 与 POST 请求。",
                "This address answers GET and POST only.",
            )
        intake, address = self._subscribing.intake, peer(scope)
        caller = await intake.caller(self._door, address, headers)
        asked = await intake.parameters(method, scope["query_string"], headers, receive)
        return await self._subscribing.subscriber(
            asked,
            caller,
            headers,
            verify=self._door.again(address, headers),
            transport=EVENTS,
            request_id=request_id,
            read_only=method == "GET",
        )

    async def _run(self, subscriber: Subscriber, receive: Receive, send: Send) -> None:
        stream = EventStream(send, self._patience)
        telling = self._tell(subscriber, stream, send)
        for error in await attended(receive, telling, self._ended(subscriber)):
            await self._refuse(error, subscriber, stream, send)
        if stream.begun:
            await stream.end()

    async def _ended(self, subscriber: Subscriber) -> None:
        """Wait until the gateway ends and no first answer is under way."""
        await self._ending.wait()
        await subscriber.follows.wait()

    async def _tell(
        self, subscriber: Subscriber, stream: EventStream, send: Send
    ) -> None:
        request_id = subscriber.question.request_id
        async with aclosing(self._subscribing.answers(subscriber)) as answers:
            async for answer in answers:
                if answer is None:
                    await stream.alive()
                    continue
                if not (stream.begun or answer.executed):
                    body = orjson.dumps(answer.body)
                    reply = Reply(status=answer.status, body=body)
                    await send_reply(send, reply, request_id)
                    return
                if not stream.begun:
                    await stream.start(request_id)
                await stream.event("next", self._subscribing.written(answer))
        await stream.event("complete", b"")

    async def _refuse(
        self, error: Exception, subscriber: Subscriber, stream: EventStream, send: Send
    ) -> None:
        """Say why it ends: as an answer of its own, or as the stream's last."""
        if isinstance(error, ClientGoneError):
            dropped(subscriber.transport, "GONE")
            return
        request_id = subscriber.question.request_id
        known = error if isinstance(error, ZhitongError) else fault(error, request_id)
        if not stream.begun:
            await send_reply(send, refusal(known), request_id)
            return
        try:
            await stream.event("next", orjson.dumps(error_body(known)))
            await stream.event("complete", b"")
        except ClientGoneError:
            dropped(subscriber.transport, "GONE")


def wants_events(scope: Scope) -> bool:
    """Say whether a request likes events best of what it may be answered with."""
    for name, value in scope["headers"]:
        if name == b"accept" and b"event-stream" in value:
            return choose(value, (JSON, GRAPHQL, EVENTS)) == EVENTS
    return False
