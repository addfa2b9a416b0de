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
        request_id = uuid.uuid4().hex
        headers = _joined(scope)
        with request_span(self._traces, scope["method"], headers) as span:
            try:
                reply = await self._guarded(scope, receive, headers, request_id, span)
            except ClientGoneError:
                span.note_gone()
                return
            span.note_status(reply.status)
            await send_reply(send, reply, request_id)

    async def _guarded(
        self,
        scope: Scope,
        receive: Receive,
        headers: Headers,
        request_id: str,
        span: RequestSpan,
    ) -> Reply:
        media = choose(headers.get(b"accept", b""), (JSON, GRAPHQL))
        try:
            return await self._reply(scope, receive, headers, request_id, span)
        except MethodNotAllowedError as error:
            return _with_headers(refusal(error, media), _ALLOWED)
        except ZhitongError as error:
            return refusal(error, media)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: masked, logged
            return refusal(fault(error, request_id), media)

    async def _reply(
        self,
        scope: Scope,
        receive: Receive,
        headers: Headers,
        request_id: str,
        span: RequestSpan,
    ) -> Reply:
        served = _served(scope)
        media = choose(headers.get(b"accept", b""), served)
        if media == HTML:
            return Reply(
                status=303, body=b"", media=HTML, headers={"location": self._explorer}
            )
        reading = scope["method"] == "GET"
        if not reading:
            _check_encoding(headers)
        principal = self._verifier.verify(_text(headers.get(b"authorization")))
        occasion = read_occasion(headers)
        asked = await self._parameters(scope, receive, headers)
        question = Question(
            document=asked.document,
            variables=asked.variables,
            operation=asked.operation,
            principal=principal,
            occasion=occasion,
            request_id=request_id,
            read_only=reading,
        )
        span.note_question(question)
        return _answered(await _attended(self._engine, question, receive), media)

    async def _parameters(
        self, scope: Scope, receive: Receive, headers: Headers
    ) -> Parameters:
        settings = self._settings
        body = await read_body(
            receive,
            declared=headers.get(b"content-length"),
            limit=settings.body_bytes,
            seconds=settings.body_seconds,
        )
        if scope["method"] == "POST":
            return from_body(body, deepest=settings.json_depth)
        return from_query_string(
            scope["query_string"],
            limit=settings.body_bytes,
            deepest=settings.json_depth,
        )


def _served(scope: Scope) -> tuple[str, ...]:
    """Name what this method can be answered with; a page only by a bare GET."""
    if scope["method"] == "POST":
        return (JSON, GRAPHQL)
    if scope["method"] == "GET":
        return (JSON, GRAPHQL) if scope["query_string"] else (JSON, GRAPHQL, HTML)
    raise MethodNotAllowedError(
        "本地址只接受 GET 与 POST 请求。", "This address answers GET and POST only."
    )


def _check_encoding(headers: Headers) -> None:
    check_content_type(headers.get(b"content-type", b""))
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
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


def _with_headers(reply: Reply, headers: Mapping[str, str]) -> Reply:
    return Reply(
        status=reply.status,
        body=reply.body,
        media=reply.media,
        headers={**reply.headers, **headers},
    )


def _joined(scope: Scope) -> Headers:
    """Join repeated headers with commas (RFC 9110 §5.2).

    A second Authorization or Content-Type thereby spoils the first instead of
    being seen by one part of the system and not by another.
    """
    joined: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
