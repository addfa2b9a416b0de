"""One trace over the call, the relay and the receiver: W3C traceparents on events.

Only what the caller's trace samples is traced, and only where an SDK is installed;
else an event's own traceparent goes on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from zhitong.decisions import Ack, Outgoing
from zhitong.streams.producer import Fault, Unsent

HEADER = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("zhitong.streams")


def parent(traceparent: str) -> Context | None:
    """Read a traceparent; None where there is none or its trace is not sampled."""
    if not traceparent:
        return None
    context = _PROPAGATOR.extract({HEADER: traceparent}, context=Context())
    found = trace.get_current_span(context).get_span_context()
    return context if found.is_valid and found.trace_flags.sampled else None


def traceparent_of(span: Span) -> str:
    """Write the traceparent of *span*; empty where nothing is recorded."""
    carrier: dict[str, str] = {}
    if span.is_recording():
        _PROPAGATOR.inject(carrier, context=trace.set_span_in_context(span, Context()))
    return carrier.get(HEADER, "")


def begin(
    name: str, kind: SpanKind, traceparent: str, attributes: Mapping[str, str]
) -> Span | None:
    """Begin a span below *traceparent*; None where it would be recorded nowhere."""
    context = parent(traceparent)
    if context is None:
        return None
    span = _tracer.start_span(name, context, kind, dict(attributes))
    return span if span.is_recording() else None


class Sending:
    """The spans of one batch; *events* bear them on."""

    def __init__(self, events: Sequence[Outgoing]) -> None:
        self.events = list(events)
        self._spans: dict[int, Span] = {}
        for index, event in enumerate(events):
            if not event.traceparent:
                continue
            span = begin(
                f"send {event.topic}",
                SpanKind.PRODUCER,
                event.traceparent,
                {
                    "messaging.system": _system(event.topic),
                    "messaging.operation.type": "send",
                    "messaging.destination.name": event.topic,
                    "messaging.message.id": str(event.event_id),
                },
            )
            if span is not None:
                self._spans[event.seq] = span
                self.events[index] = msgspec.structs.replace(
                    event, traceparent=traceparent_of(span)
                )

    def end(self, answers: Sequence[Ack | Fault | Unsent]) -> None:
        """End each span with what became of its event."""
        if not self._spans:
            return
        for answer in answers:
            span = self._spans.pop(answer.seq, None)
            if span is None:
                continue
            if isinstance(answer, Fault):
                span.set_status(Status(StatusCode.ERROR, answer.error.code))
            elif isinstance(answer, Ack):
                span.set_attribute(
                    "messaging.destination.partition.id", str(answer.partition)
                )
                span.set_attribute("messaging.kafka.offset", answer.offset)
            span.end()


def _system(place: str) -> str:
    """Name what *place* is of: a topic of Kafka, or by its scheme another channel."""
    scheme, known, _ = place.partition("://")
    return scheme if known else "kafka"
