"""The ASGI callable behind ``/graphql``: GraphQL over HTTP, and nothing else.

From cheap to dear: method, content type, token, occasion, body, engine. What
fails leaves with its own status. What the engine answers without executing
anything leaves with 400 as ``application/graphql-response+json`` and with 200
as ``application/json``, as the GraphQL-over-HTTP draft has it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from opentelemetry.trace import Tracer
from starlette.types import Receive, Scope, Send

from zhitong.exceptions import (
    AcceptMissingError,
    MethodNotAllowedError,
    PersistedQueryNotFoundError,
    RateLimitedError,
    ZhitongError,
)
from zhitong.infra.attendance import ClientGoneError, attended
from zhitong.infra.clients_file import Clients, raised
from zhitong.infra.compression import compressed
from zhitong.infra.door import Door, peer
from zhitong.infra.heads import WHOLE
from zhitong.infra.intake import Intake
from zhitong.infra.media import GRAPHQL, HTML, JSON, check_encoding, choose
from zhitong.infra.occasions import read_occasion
from zhitong.infra.pace import Pace
from zhitong.infra.receipts import Receipts, proof_headers
from zhitong.infra.replies import Reply, fault, refusal, send_reply
from zhitong.infra.settings import Settings
from zhitong.infra.spans import RequestSpan, Spans
from zhitong.infra.tokens import Verifier
from zhitong.ports import Documents, Freshness
from zhitong.resolvers.granted import HeldGrants
from zhitong.schema.engine import Answer, Engine
from zhitong.schema.federated_trace import ASKED
from zhitong.schema.federated_trace import HEADER as TRACE
from zhitong.types import AUDITOR, OPERATOR, Allowance, Principal

Headers = Mapping[bytes, bytes]

_ALLOWED = {"allow": "GET, POST"}
_READ_ONLY = {"allow": "POST"}
_SERVED = (JSON, GRAPHQL)
_BAD_REQUEST = 400
_TOLD = frozenset({OPERATOR, AUDITOR})
"""Roles that an answer tells how the proof stands."""
_METHOD_NOT_ALLOWED = 405
_NONE: Mapping[str, Any] = {}
"""The extensions of a server that has none."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """One HTTP request on its way through the front."""

    id: str
    method: str
    query: bytes
    headers: Headers
    peer: str
    receive: Receive
    span: RequestSpan

    def header(self, name: bytes) -> bytes:
        return self.headers.get(name, b"")


class GraphQLFront:
    """Takes a request apart, lets the engine answer, puts the answer together."""

    def __init__(  # noqa: PLR0913 - everything a request meets, put together once
        self,
        engine: Engine,
        verifier: Verifier,
        settings: Settings,
        *,
        clients: Clients | None = None,
        documents: Documents | None = None,
        pace: Pace | None = None,
        explorer: str = "explorer/",
        traces: Tracer | None = None,
        receipts: Receipts | None = None,
        freshness: Freshness | None = None,
        grants: HeldGrants | None = None,
    ) -> None:
        self._engine = engine
        self._door = Door(verifier, settings)
        self._settings = settings
        self.intake = Intake(
            settings, clients=clients, documents=documents, pace=pace, grants=grants
        )
        self._pace = self.intake.pace
        self._explorer = explorer
        self._spans = Spans(traces)
        self._receipts = receipts
        self._freshness = freshness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = joined(scope)
        with self._spans.of(scope["method"], headers) as span:
            call = _Call(
                # As random as a UUID, for a fifth of its cost.
                id=os.urandom(16).hex(),
                method=scope["method"],
                query=scope["query_string"],
                headers=headers,
                peer=peer(scope),
                receive=receive,
                span=span,
            )
            try:
                reply = await self._guarded(call)
            except ClientGoneError:
                span.note_gone()
                return
            span.note_status(reply.status)
            least = self._settings.compress_bytes
            reply = await compressed(reply, headers.get(b"accept-encoding"), least)
            whole = scope.get("extensions", _NONE).get(WHOLE, _NONE).get("send")
            await send_reply(send, reply, call.id, whole)

    async def _guarded(self, call: _Call) -> Reply:
        media = choose(call.header(b"accept"), _SERVED)
        try:
            return await self._reply(call, media)
        except MethodNotAllowedError as error:
            return replace(refusal(error, media), headers=_ALLOWED)
        except RateLimitedError as error:
            after = {"retry-after": error.details["after"]}
            return replace(refusal(error, media), headers=after)
        except PersistedQueryNotFoundError as error:
            # As for a document that is wrong: what asks in JSON gets a 200 for it.
            return replace(refusal(error, media), status=200 if media == JSON else 404)
        except ZhitongError as error:
            return refusal(error, media)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: masked, logged
            return refusal(fault(error, call.id), media)

    async def _reply(self, call: _Call, media: str) -> Reply:
        if call.method == "POST":
            check_encoding(call.headers)
        elif _wants_page(call):
            return _see(self._explorer)
        caller = await self.intake.caller(self._door, call.peer, call.headers)
        principal = caller.principal
        configured = self.intake.allowance(principal)
        grants = self.intake.granted(principal, call.headers)
        allowance = raised(configured, grants, None)
        # What some documents alone may ask is known when the document is.
        some = any(grant.documents for grant in grants)
        if call.method == "GET":
            _check_get(call, allowance)
        with self._pace.running(principal, allowance):
            spend = None if some else self._pace.question(principal, allowance)
            occasion = read_occasion(call.headers)
            asked = await self.intake.parameters(
                call.method, call.query, call.headers, call.receive
            )
            text = await self.intake.document(asked, principal, allowance)
            if spend is None:
                allowance = raised(configured, grants, text[1])
                spend = self._pace.question(principal, allowance)
            question = self.intake.question(
                asked,
                text,
                caller,
                occasion=occasion,
                headers=call.headers,
                allowance=allowance,
                spend=spend,
                request_id=call.id,
                read_only=call.method == "GET",
            )
            question.traced = allowance.router and call.header(TRACE) == ASKED
            call.span.note_question(question)
            answer = await attended(self._engine.answer(question), call.receive)
        if answer.executed:
            self.intake.keep(asked, principal)
        return self._announcing(_answered(answer, media, self._receipts), principal)

    def _announcing(self, reply: Reply, principal: Principal) -> Reply:
        """Tell those who can do something about it that the proof is late."""
        if self._freshness is None or principal.role not in _TOLD:
            return reply
        said = self._freshness.announcement()
        if not said:
            return reply
        return replace(reply, headers={**reply.headers, "zhitong-evidence": said})


def _wants_page(call: _Call) -> bool:
    """Say whether a person looks here: with a bare GET, that likes a page best."""
    if call.method != "GET":
        raise MethodNotAllowedError(
            "本地址只接受 GET 与 POST 请求。", "This address answers GET and POST only."
        )
    return not call.query and choose(call.header(b"accept"), (*_SERVED, HTML)) == HTML


def _see(address: str) -> Reply:
    return Reply(status=303, body=b"", media=HTML, headers={"location": address})


def _check_get(call: _Call, allowance: Allowance) -> None:
    """Refuse what a page of another site could send in its reader's name.

    Clients that may not read the schema are those of the public: browsers hold them.
    """
    if allowance.introspection or _names_json(call.header(b"accept")):
        return
    raise AcceptMissingError(
        "用 GET 提问时请写明 Accept: application/json"
        "（或 application/graphql-response+json），网页的图片、链接不会这样发送。",
        "A question by GET says Accept: application/json (or "
        "application/graphql-response+json), as no image or link of a page does.",
    )


def _names_json(accept: bytes) -> bool:
    said = accept.lower()
    return any(media.encode() in said for media in (JSON, GRAPHQL))


def _answered(answer: Answer, media: str, receipts: Receipts | None) -> Reply:
    proof, body = answer.proof, answer.payload
    headers = {"zhitong-record": answer.record_id} if answer.record_id else {}
    if answer.executor:
        headers["zhitong-executor"] = answer.executor
    if proof is not None:
        headers |= proof_headers(proof, receipts)
    status = answer.status
    if status == _METHOD_NOT_ALLOWED:
        headers |= _READ_ONLY
    elif status == _BAD_REQUEST and not answer.executed and media == JSON:
        status = 200
    if body is None:
        body = orjson.dumps(answer.body)
    return Reply(status=status, body=body, media=media, headers=headers)


def joined(scope: Scope) -> Headers:
    """Join repeated headers with commas (RFC 9110 §5.2).

    A second Authorization or Content-Type thereby spoils the first instead of
    being seen by one part of the system and not by another.
    """
    joined: dict[bytes, bytes] = dict(scope["headers"])
    if len(joined) == len(scope["headers"]):
        return joined
    joined.clear()
    for name, value in scope["headers"]:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined
