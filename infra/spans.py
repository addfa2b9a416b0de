"""What telemetry sees of a request: through the API only, and never a literal."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
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
    """One request's span; says what the front learns as it learns it."""

    def __init__(self, span: Span, method: str) -> None:
        self._span = span
        self._method = method
        self._started = time.perf_counter()

    def note_question(self, question: Question) -> None:
        """Say which document and kind of principal it is, not what it asks."""
        if not self._span.is_recording():
            return
        text = question.document.encode(errors="replace")
        self._span.set_attributes(
            {
                "zhitong.document_hash": hashlib.sha256(text).hexdigest(),
                "zhitong.kind": question.principal.kind,
                "zhitong.request_id": question.request_id,
            }
        )
        # A caller may put anything there; only what can name an operation is noted.
        if _names(question.operation or ""):
            self._span.set_attribute("graphql.operation.name", question.operation)

    def note_status(self, status: int) -> None:
        """Say how it ended."""
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
        self._span.set_attribute("zhitong.client_gone", value=True)


@contextmanager
def request_span(
    tracer: Tracer, method: str, headers: Mapping[bytes, bytes]
) -> Iterator[RequestSpan]:
    """Open the span of one request, as part of the caller's trace if it has one."""
    known = _METHODS.get(method, "_OTHER")
    with tracer.start_as_current_span(
        f"{known} /graphql",
        context=_trace_context(headers),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": known, "http.route": "/graphql"},
        # An exception's text may quote a literal: replies.fault says what may be said.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield RequestSpan(span, known)


def _names(operation: str) -> bool:
    """Say whether *operation* is a name, and no number of somebody's in one."""
    return bool(_NAME.fullmatch(operation)) and not _NUMBER.search(operation)


def tracer() -> Tracer:
    """Return the front's tracer; it does nothing until an SDK is installed."""
    return trace.get_tracer("zhitong.front")


def _trace_context(headers: Mapping[bytes, bytes]) -> Context:
    names = (b"traceparent", b"tracestate")
    carrier = {n.decode(): headers[n].decode("latin-1") for n in names if n in headers}
    # An empty base: the caller's trace or a new one, never what this task had.
    return _PROPAGATOR.extract(carrier, context=Context())
