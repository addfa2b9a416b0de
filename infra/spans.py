"""What telemetry sees of a request: through the API only, and never a literal."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.trace import (
    ProxyTracerProvider,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_tracer,
    get_tracer_provider,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from zhitong.schema.engine import Question

_METHODS = {"GET": "GET", "POST": "POST"}
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,79}")
_NUMBER = re.compile(r"[0-9]{5}")
_PROPAGATOR = TraceContextTextMapPropagator()
_SERVER_ERROR = 500

_duration = metrics.get_meter("zhitong.front").create_histogram(
    "http.server.request.duration",
    unit="s",
    description="Time to answer a request to /graphql, by method and status.",
)


class RequestSpan:
    """One answer's span; says what the front learns as it learns it."""

    __slots__ = ("_method", "_open", "_span", "_started")

    def __init__(
        self, method: str, opened: AbstractContextManager[Span] | None
    ) -> None:
        self._method = method
        self._open = opened
        self._span: Span | None = None
        self._started = time.perf_counter()

    def __enter__(self) -> Self:
        """Begin the span, where there is one."""
        if self._open is not None:
            self._span = self._open.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_: TracebackType | None,
    ) -> None:
        """End it."""
        if self._open is not None:
            self._open.__exit__(kind, error, trace_)

    def note_question(self, question: Question) -> None:
        """Say which document and kind of principal it is, not what it asks."""
        if self._span is None or not self._span.is_recording():
            return
        self._span.set_attributes(
            {
                "zhitong.document_hash": question.digest,
                "zhitong.kind": question.principal.kind,
                "zhitong.request_id": question.request_id,
            }
        )
        # A caller may put anything there; only what can name an operation is noted.
        if _names(question.operation or ""):
            self._span.set_attribute("graphql.operation.name", question.operation)

    def note_status(self, status: int) -> None:
        """Say how it ended."""
        if self._span is not None:
            self._span.set_attribute("http.response.status_code", status)
            if status >= _SERVER_ERROR:
                self._span.set_status(Status(StatusCode.ERROR))
        _duration.record(
            time.perf_counter() - self._started,
            {
                "http.request.method": self._method,
                "http.response.status_code": status,
            },
        )

    def note_gone(self) -> None:
        """Say that the client left before its answer was there."""
        if self._span is not None:
            self._span.set_attribute("zhitong.client_gone", value=True)


class Spans:
    """Opens a span for each request, where somebody looks at spans."""

    def __init__(self, traces: Tracer | None = None) -> None:
        # Without an SDK a span is nothing, and opening it would cost more than the
        # rest of telemetry; only a trace that a caller has begun is passed on then.
        kept = traces or not isinstance(get_tracer_provider(), ProxyTracerProvider)
        self._kept = bool(kept)
        self._tracer = traces or get_tracer("zhitong.front")

    def of(self, method: str, headers: Mapping[bytes, bytes]) -> RequestSpan:
        """Give one request's span, a part of the caller's trace if it has one."""
        known = _METHODS.get(method, "_OTHER")
        return self._begun(known, headers, {"http.request.method": known})

    def answering(self, transport: str, headers: Mapping[bytes, bytes]) -> RequestSpan:
        """Give the span of one answer over *transport*, which may give many."""
        return self._begun(transport, headers, {"zhitong.transport": transport})

    def _begun(
        self, what: str, headers: Mapping[bytes, bytes], said: Mapping[str, str]
    ) -> RequestSpan:
        if self._kept or b"traceparent" in headers:
            return RequestSpan(what, self._opened(what, headers, said))
        return RequestSpan(what, None)

    def _opened(
        self, what: str, headers: Mapping[bytes, bytes], said: Mapping[str, str]
    ) -> AbstractContextManager[Span]:
        return self._tracer.start_as_current_span(
            f"{what} /graphql",
            context=_trace_context(headers),
            kind=SpanKind.SERVER,
            attributes={**said, "http.route": "/graphql"},
            # An exception's text may quote a literal: replies.fault says what may be.
            record_exception=False,
            set_status_on_exception=False,
        )


def _names(operation: str) -> bool:
    """Say whether *operation* is a name, and no number of somebody's in one."""
    return bool(_NAME.fullmatch(operation)) and not _NUMBER.search(operation)


def _trace_context(headers: Mapping[bytes, bytes]) -> Context:
    names = (b"traceparent", b"tracestate")
    carrier = {n.decode(): headers[n].decode("latin-1") for n in names if n in headers}
    # An empty base: the caller's trace or a new one, never what this task had.
    return _PROPAGATOR.extract(carrier, context=Context())
