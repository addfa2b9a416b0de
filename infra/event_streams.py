"""GraphQL over server-sent events, in its distinct connections mode.

A question at ``/graphql`` that accepts ``text/event-stream`` above all is answered by
events: ``next`` for each answer, ``complete`` at the end. What is refused before there
is an answer leaves as it does for any other question, under its own status.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import orjson
from starlette.types import Receive, Send

from zhitong.exceptions import ZhitongError
from zhitong.infra.bodies import ClientGoneError
from zhitong.infra.replies import (
    Reply,
    error_body,
    fault,
    refusal,
    send_reply,
)
from zhitong.infra.sse import EventStream, attended
from zhitong.infra.subscribing import Subscriber, Subscribing, dropped
from zhitong.schema.engine import Answer



class EventStreams:
    """Streams answers; the streams end when *ending* is set."""

    def __init__(
        self, subscribing: Subscribing, ending: asyncio.Event, patience: float
    ) -> None:
        self._subscribing = subscribing
        self._ending = ending
        self._patience = patience

    async def run(self, subscriber: Subscriber, receive: Receive, send: Send) -> None:
        """Answer *subscriber* until one side ends it."""
        stream = EventStream(send, self._patience)
        telling = self._tell(subscriber, stream, send)
        for error in await attended(receive, self._ending, telling):
            await self._refuse(error, subscriber, stream, send)
        if stream.begun:
            await stream.end()

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
                    reply = Reply(status=answer.status, body=written(answer))
                    await send_reply(send, reply, request_id)
                    return
                if not stream.begun:
                    await stream.start(request_id)
                await stream.event("next", written(answer))
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


def written(answer: Answer) -> bytes:
    """Give the very bytes that are on record, or those of an answer without one."""
    return answer.payload or orjson.dumps(answer.body)
