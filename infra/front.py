"""The ASGI callable behind ``/graphql``: GraphQL over HTTP, and nothing else.

From cheap to dear: method, content type, token, occasion, body, engine. What
fails leaves with its own status. What the engine answers without executing
anything leaves with 400 as ``application/graphql-response+json`` and with 200
as ``application/json``, as the GraphQL-over-HTTP draft has it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson
from opentelemetry.trace import Tracer
from starlette.types import Receive, Scope, Send

from zhitong.exceptions import (
    MediaTypeError,
    MethodNotAllowedError,
    ZhitongError,
)
from zhitong.infra.bodies import ClientGoneError, read_body
from zhitong.infra.media import GRAPHQL, HTML, JSON, check_content_type, choose
from zhitong.infra.occasions import read_occasion
from zhitong.infra.parameters import Parameters, from_body, from_query_string
from zhitong.infra.replies import Reply, fault, refusal, send_reply
from zhitong.infra.settings import Settings
from zhitong.infra.spans import RequestSpan, request_span, tracer
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Engine, Question

Headers = Mapping[bytes, bytes]

_ALLOWED = {"allow": "GET, POST"}
_READ_ONLY = {"allow": "POST"}
_BAD_REQUEST = 400
_METHOD_NOT_ALLOWED = 405


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One HTTP request on its way through the front."""

    id: str
    method: str
    query: bytes
    headers: Headers
    receive: Receive
    span: RequestSpan

    def header(self, name: bytes) -> bytes:
        return self.headers.get(name, b"")


class GraphQLFront:
    """Takes a request apart, lets the engine answer, puts the answer together."""

    def __init__(
        self,
        engine: Engine,
        verifier: Verifier,
        settings: Settings,
        *,
        explorer: str = "explorer/",
        traces: Tracer | None = None,
    ) -> None:
        self._engine = engine
        self._verifier = verifier
        self._settings = settings
        self._explorer = explorer
        self._traces = traces or tracer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = joined(scope)
        with request_span(self._traces, scope["method"], headers) as span:
            call = _Call(
                id=uuid.uuid4().hex,
                method=scope["method"],
                query=scope["query_string"],
                headers=headers,
                receive=receive,
                span=span,
            )
            try:
                reply = await self._guarded(call)
            except ClientGoneError:
                span.note_gone()
                return
            span.note_status(reply.status)
            await send_reply(send, reply, call.id)

    async def _guarded(self, call: _Call) -> Reply:
        media = choose(call.header(b"accept"), (JSON, GRAPHQL))
        try:
            return await self._reply(call)
        except MethodNotAllowedError as error:
            return replace(refusal(error, media), headers=_ALLOWED)
        except ZhitongError as error:
            return refusal(error, media)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: masked, logged
            return refusal(fault(error, call.id), media)

    async def _reply(self, call: _Call) -> Reply:
        media = choose(call.header(b"accept"), _served(call))
        if media == HTML:
            return _see(self._explorer)
        question = await self._question(call)
        call.span.note_question(question)
        answer = await _attended(self._engine, question, call.receive)
        return _answered(answer, media)

    async def _question(self, call: _Call) -> Question:
        if call.method == "POST":
            _check_encoding(call)
        principal = self._verifier.verify(
            call.header(b"authorization").decode("latin-1")
        )
        occasion = read_occasion(call.headers)
        asked = await self._parameters(call)
        return Question(
            document=asked.document,
            variables=asked.variables,
            operation=asked.operation,
            principal=principal,
            occasion=occasion,
            request_id=call.id,
            read_only=call.method == "GET",
        )

    async def _parameters(self, call: _Call) -> Parameters:
        limit, deepest = self._settings.body_bytes, self._settings.json_depth
        body = await read_body(
            call.receive,
            declared=call.headers.get(b"content-length"),
            limit=limit,
            seconds=self._settings.body_seconds,
        )
        if call.method == "POST":
            return from_body(body, deepest=deepest)
        return from_query_string(call.query, limit=limit, deepest=deepest)


def _served(call: _Call) -> tuple[str, ...]:
    """Name what this method can be answered with; a page only by a bare GET."""
    if call.method == "POST" or (call.method == "GET" and call.query):
        return (JSON, GRAPHQL)
    if call.method == "GET":
        return (JSON, GRAPHQL, HTML)
    raise MethodNotAllowedError(
        "本地址只接受 GET 与 POST 请求。", "This address answers GET and POST only."
    )


def _see(address: str) -> Reply:
    return Reply(status=303, body=b"", media=HTML, headers={"location": address})


def _check_encoding(call: _Call) -> None:
    check_content_type(call.header(b"content-type"))
    if call.headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeError(
            "不支持压缩的请求体，请不压缩发送。",
            "Compressed bodies are not read; send it uncompressed.",
        )


async def _attended(engine: Engine, question: Question, receive: Receive) -> Answer:
    """Let *engine* answer while somebody waits for it; no longer than that."""
    patience = asyncio.timeout(None)
    try:
        async with patience:
            watch = asyncio.create_task(_watch(receive, patience))
            try:
                return await engine.answer(question)
            finally:
                watch.cancel()
    except TimeoutError:
        if patience.expired():
            raise ClientGoneError from None
        raise


async def _watch(receive: Receive, patience: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    patience.reschedule(asyncio.get_running_loop().time())


def _answered(answer: Answer, media: str) -> Reply:
    headers = {"zhitong-record": answer.record_id} if answer.record_id else {}
    status = answer.status
    if status == _METHOD_NOT_ALLOWED:
        headers |= _READ_ONLY
    elif status == _BAD_REQUEST and not answer.executed and media == JSON:
        status = 200
    return Reply(
        status=status, body=orjson.dumps(answer.body), media=media, headers=headers
    )


def joined(scope: Scope) -> Headers:
    """Join repeated headers with commas (RFC 9110 §5.2).

    A second Authorization or Content-Type thereby spoils the first instead of
    being seen by one part of the system and not by another.
    """
    joined: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined
