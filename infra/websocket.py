"""GraphQL over WebSocket: the protocol graphql-transport-ws, one connection at a time.

The token comes with the upgrade's Authorization header or in ``connection_init``; it is
looked at again for each answer and while there is none. Beside the protocol's own codes
a connection is closed with 4403 as soon as its token holds no longer, and with 1013 if
its reader takes nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing, suppress

import orjson
from starlette.types import Receive, Scope, Send

from zhitong.exceptions import (
    RateLimitedError,
    RequestError,
    TokenError,
    ZhitongError,
)
from zhitong.infra.attendance import GRACE
from zhitong.infra.bodies import parse_object
from zhitong.infra.door import Door, peer
from zhitong.infra.front import joined
from zhitong.infra.intake import Headers
from zhitong.infra.parameters import from_members
from zhitong.infra.places import Places
from zhitong.infra.replies import fault
from zhitong.infra.settings import Settings
from zhitong.infra.subscribing import Subscriber, Subscribing, dropped, too_many
from zhitong.infra.tokens import Caller
from zhitong.infra.websocket_messages import (
    BEATS,
    LONGEST_BEGINNING,
    LONGEST_PING,
    PROTOCOL,
    Closed,
    Code,
    GoneError,
    Message,
    check_length,
    closing,
    named,
    said,
)
from zhitong.schema.engine import problem
from zhitong.types import Principal

TRANSPORT = "websocket"
FAREWELL = 1.0
"""Seconds that are kept of the grace for saying that it is over."""


class WebSockets:
    """Answers connections to ``/graphql`` until *ending* is set.

    Then nothing new is taken, what is to have one answer has it, and all are told to
    come back: subscriptions go on from their positions elsewhere.
    """

    def __init__(
        self,
        door: Door,
        subscribing: Subscribing,
        settings: Settings,
        ending: asyncio.Event,
    ) -> None:
        self.door = door
        self.subscribing = subscribing
        self.settings = settings
        self.ending = ending
        self.places = Places(settings.subscriptions, too_many)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        await receive()  # that somebody wants one
        spoken = PROTOCOL in scope["subprotocols"]
        accepted = PROTOCOL if spoken else None
        await send({"type": "websocket.accept", "subprotocol": accepted})
        if spoken:
            await _Connection(self, scope, receive, send).run()
            return
        await send(closing(Closed(Code.PROTOCOL, "Subprotocol not acceptable")))


class _Connection:
    """One connection: who it is, and its operations that run, by their ids."""

    def __init__(
        self, served: WebSockets, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._served = served
        self._settings = served.settings
        self._peer = peer(scope)
        self._headers: Headers = joined(scope)
        self._receive = receive
        self._send = send
        self._writing = asyncio.Lock()
        self._held = ExitStack()
        self._asked = False
        self._caller: Caller | None = None
        self._verify: Callable[[], Principal] | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: dict[asyncio.Task[None], asyncio.Event] = {}
        """Operations, and whether all that is waited for of each is another answer."""
        self._broken: asyncio.Future[None] = asyncio.Future()

    async def run(self) -> None:
        """Serve until one side has had enough."""
        parts = [
            asyncio.ensure_future(part)
            for part in (self._read(), self._beat(), self._end(), self._broken)
        ]
        with self._held:
            try:
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                tasks = [*parts, *self._tasks]
                for task in tasks:
                    task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        closed = next((one for one in outcomes if isinstance(one, Closed)), None)
        if closed is not None:
            dropped(TRANSPORT, closed.code.name)
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._settings.slow_seconds):
                    await self._send(closing(closed))

    async def _read(self) -> None:
        """Take messages one by one, for ever."""
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while self._caller is None:
                    await self._take(await self._message())
        except TimeoutError as error:
            raise Closed(
                Code.INIT_TIMEOUT, "Connection initialisation timeout"
            ) from error
        while True:
            await self._take(await self._message())

    async def _beat(self) -> None:
        """Look at the token of a connection that may be silent for long."""
        while True:
            await asyncio.sleep(self._settings.alive_seconds)
            try:
                if self._verify is not None:
                    self._verify()
            except TokenError as error:
                raise Closed(Code.FORBIDDEN, error.code) from error

    async def _end(self) -> None:
        await self._served.ending.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE - FAREWELL):
                for follows in [*self._tasks.values()]:
                    await follows.wait()
        raise Closed(Code.ENDING, "The gateway ends")

    async def _message(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise GoneError
        text = message.get("text")
        if text is None:
            raise Closed(Code.BAD_MESSAGE, "A message is JSON in a text frame")
        if self._caller is None:
            check_length(text, LONGEST_BEGINNING)
        else:
            self._count(self._caller)
        try:
            # The question lies one level deeper than in a request's body.
            parsed = parse_object(
                text.encode(errors="surrogatepass"),
                deepest=self._settings.json_depth + 1,
            )
        except RequestError as error:
            raise Closed(Code.BAD_MESSAGE, error.label.en) from error
        if parsed.get("type") in BEATS:
            check_length(text, LONGEST_PING)
        if self._caller is None:
            self._check_beginning(parsed)
        return parsed

    def _count(self, caller: Caller) -> None:
        """Count a message, whatever it is, before anything is done with it."""
        intake = self._served.subscribing.intake
        allowance = intake.allowance(caller.principal)
        # What its headers say amiss each operation is told.
        with suppress(ZhitongError):
            allowance = intake.raised(caller.principal, self._headers)
        try:
            intake.pace.message(caller.principal, allowance)
        except RateLimitedError as error:
            raise Closed(Code.TOO_MANY, error.code) from error

    def _check_beginning(self, message: Message) -> None:
        """Refuse what somebody unknown may not say; their pings count by address."""
        if message.get("type") == "connection_init":
            return
        if message.get("type") not in BEATS:
            raise Closed(Code.UNAUTHORIZED, "Unauthorized")
        try:
            self._served.subscribing.intake.pace.stranger(self._peer)
        except RateLimitedError as error:
            raise Closed(Code.TOO_MANY, error.code) from error

    async def _take(self, message: Message) -> None:
        kind, payload = message.get("type"), message.get("payload")
        if payload is not None and not isinstance(payload, Mapping):
            raise Closed(Code.BAD_MESSAGE, "payload is no object")
        match kind:
            case "connection_init":
                await self._init(payload or {})
            case "ping":
                pong: Message = {"type": "pong"}
                await self._say(
                    pong if payload is None else pong | {"payload": payload}
                )
            case "pong":
                pass
            case "subscribe":
                self._subscribe(named(message), payload or {})
            case "complete":
                running = self._running.pop(named(message), None)
                if running is not None:
                    running.cancel()
            case _:
                raise Closed(Code.BAD_MESSAGE, "There is no such type of message")

    async def _init(self, payload: Mapping[str, object]) -> None:
        if self._asked:
            raise Closed(Code.TOO_MANY, "Too many initialisation requests")
        self._asked = True
        self._headers = said(self._headers, payload)
        door, intake = self._served.door, self._served.subscribing.intake
        try:
            caller = await intake.caller(door, self._peer, self._headers)
        except ZhitongError as error:
            raise Closed(Code.FORBIDDEN, error.code) from error
        try:
            self._held.enter_context(self._served.places.taken(caller.principal))
        except ZhitongError as error:
            raise Closed(Code.TOO_MANY, error.code) from error
        self._verify = door.again(self._peer, self._headers)
        self._caller = caller
        await self._say({"type": "connection_ack"})

    def _subscribe(self, name: str, payload: Mapping[str, object]) -> None:
        if self._served.ending.is_set():
            # An error would be its answer; who is told to come back asks again.
            return
        if name in self._running:
            raise Closed(Code.SAME_ID, f"Subscriber for {name} already exists")
        if len(self._tasks) >= 2 * self._settings.subscriptions:
            raise Closed(Code.TOO_MANY, "Too many operations at a time")
        follows = asyncio.Event()
        operating = asyncio.create_task(self._operate(name, payload, follows))
        self._running[name] = operating
        self._tasks[operating] = follows
        operating.add_done_callback(self._done)

    def _done(self, operating: asyncio.Task[None]) -> None:
        self._tasks.pop(operating).set()

    async def _operate(
        self, name: str, payload: Mapping[str, object], follows: asyncio.Event
    ) -> None:
        """Answer one operation, and say how it ended."""
        request_id = os.urandom(16).hex()
        door = self._served.door
        try:
            # Anew for each operation: its token may have ended since the last.
            caller = await door.caller(self._peer, self._headers)
            subscriber = await self._served.subscribing.subscriber(
                from_members(payload),
                caller,
                self._headers,
                verify=door.again(self._peer, self._headers),
                transport=TRANSPORT,
                request_id=request_id,
                follows=follows,
            )
            await self._tell(name, subscriber)
        except Closed as closed:
            self._break(closed)
        except TokenError as error:
            self._break(Closed(Code.FORBIDDEN, error.code))
        except ZhitongError as error:
            await self._refuse(name, [problem(error)])
        except GoneError:
            pass
        except Exception as error:  # noqa: BLE001 - the last resort: masked, logged
            await self._refuse(name, [problem(fault(error, request_id))])
        finally:
            # Who has said that it is complete may use its id again at once.
            if self._running.get(name) is asyncio.current_task():
                del self._running[name]

    async def _tell(self, name: str, subscriber: Subscriber) -> None:
        answers = self._served.subscribing.answers(subscriber)
        id_ = orjson.dumps(name)
        async with aclosing(answers):
            async for answer in answers:
                if answer is None:
                    continue
                if not answer.executed:
                    await self._refuse(name, answer.body["errors"])
                    return
                # Spliced, so that what leaves are the bytes that are on record.
                head = b'{"id":' + id_ + b',"type":"next","payload":'
                told = self._served.subscribing.written(answer)
                await self._write(head + told + b"}")
        await self._say({"id": name, "type": "complete"})

    async def _refuse(self, name: str, errors: object) -> None:
        with suppress(GoneError, Closed):
            await self._say({"id": name, "type": "error", "payload": errors})

    async def _say(self, message: Message) -> None:
        await self._write(orjson.dumps(message))

    async def _write(self, text: bytes) -> None:
        """Send one message; raise `Closed` where its reader takes nothing for long."""
        async with self._writing:
            try:
                async with asyncio.timeout(self._settings.slow_seconds):
                    await self._send({"type": "websocket.send", "text": text.decode()})
            except TimeoutError as error:
                slow = Closed(Code.SLOW, "The reader is too slow")
                self._break(slow)
                raise slow from error
            except OSError as error:
                raise GoneError from error

    def _break(self, closed: Closed) -> None:
        if not self._broken.done():
            self._broken.set_exception(closed)
