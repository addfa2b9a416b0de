"""Telemetry sees names and numbers, never what was asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry import trace

# The SDK is banned elsewhere; here it looks at what the API was told.
from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: TID251
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: TID251
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: TID251
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: TID251
    InMemorySpanExporter,
)
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from zhitong.exceptions import SettingsError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.settings import Settings
from zhitong.infra.spans import Spans
from zhitong.infra.telemetry import providers, set_up
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Question

TRACE = "0af7651916cd43dd8448eb211c80319c"
FIRST = (  # echo -n 'query First { a }' | sha256sum
    "c64f5acee17f09acc03670448e09612c7c4f44bf5ee98be8304f8125b06ebc98"
)
PARENT = "b7ad6b7169203331"


class Tracing:
    """An engine with a span of its own, and a fault when asked for one."""

    def __init__(self, spans: TracerProvider) -> None:
        self._tracer = spans.get_tracer("engine")

    async def answer(self, question: Question) -> Answer:
        with self._tracer.start_as_current_span("source"):
            if "fault" in question.document:
                raise RuntimeError(question.document)
        return Answer(body={"data": None}, executed=True)


def context(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


class Observed:
    """A front whose spans are kept in memory."""

    def __init__(self, state: Path) -> None:
        self.exporter = InMemorySpanExporter()
        self.spans, self.meters = providers(
            SimpleSpanProcessor(self.exporter), InMemoryMetricReader()
        )
        issuer = DemoIssuer(state)
        verifier = Verifier({"demo": issuer.issuer}, "zhitong")
        traces = self.spans.get_tracer("front")
        front = GraphQLFront(
            Tracing(self.spans), verifier, Settings(state=state), traces=traces
        )
        token = issuer.issue(DEMO_PRINCIPALS["police"])
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(front),
            base_url="http://gateway",
            headers={"authorization": f"Bearer {token}"},
        )

    def named(self, name: str) -> ReadableSpan:
        (span,) = [s for s in self.exporter.get_finished_spans() if s.name == name]
        return span


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Observed]:
    it = Observed(tmp_path)
    yield it
    it.spans.shutdown()
    it.meters.shutdown()


async def test_a_request_is_one_span_and_the_engines_work_lies_in_it(
    observed: Observed,
) -> None:
    response = await observed.client.post(
        "/graphql", json={"query": "query First { a }", "operationName": "First"}
    )
    span = observed.named("POST /graphql")
    assert span.kind is SpanKind.SERVER
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "graphql.operation.name": "First",
        "zhitong.document_hash": FIRST,
        "zhitong.kind": "police",
        "zhitong.request_id": response.headers["x-request-id"],
    }
    inner = observed.named("source")
    assert inner.parent is not None
    assert inner.parent.span_id == context(span).span_id


async def test_a_callers_trace_is_continued(observed: Observed) -> None:
    await observed.client.post(
        "/graphql",
        json={"query": "{a}"},
        headers={"traceparent": f"00-{TRACE}-{PARENT}-01"},
    )
    span = observed.named("POST /graphql")
    assert trace.format_trace_id(context(span).trace_id) == TRACE
    assert span.parent is not None
    assert trace.format_span_id(span.parent.span_id) == PARENT


@pytest.mark.parametrize("traceparent", ["", "x", f"00-{'0' * 32}-{PARENT}-01"])
async def test_a_wrong_traceparent_begins_a_new_trace(
    observed: Observed, traceparent: str
) -> None:
    await observed.client.post(
        "/graphql", json={"query": "{a}"}, headers={"traceparent": traceparent}
    )
    assert observed.named("POST /graphql").parent is None


async def test_no_span_holds_a_literal_a_token_or_a_made_up_operation_name(
    observed: Observed,
) -> None:
    await observed.client.post(
        "/graphql",
        json={
            "query": '{ fault(id: "secret-1") }',
            "variables": {"v": "secret-2"},
            "operationName": "secret 3",
        },
        headers={"zhitong-purpose": "secret-4"},
    )
    span = observed.named("POST /graphql")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["http.response.status_code"] == 500
    told = span.to_json()
    assert "secret" not in told
    assert "eyJ" not in told


async def test_a_method_nobody_knows_does_not_name_a_span(observed: Observed) -> None:
    await observed.client.request("SECRET", "/graphql")
    observed.named("_OTHER /graphql")


def test_without_an_endpoint_nothing_is_set_up() -> None:
    before = trace.get_tracer_provider()
    set_up(Settings())()
    assert trace.get_tracer_provider() is before


def test_an_endpoint_without_the_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    with pytest.raises(SettingsError, match=r"zhitong\[telemetry\]"):
        set_up(Settings(otlp_endpoint="http://127.0.0.1:4318"))


def test_the_service_is_named_unless_the_operator_names_it(
    observed: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert observed.spans.resource.attributes["service.name"] == "zhitong"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "anze")
    spans, meters = providers(
        SimpleSpanProcessor(InMemorySpanExporter()), InMemoryMetricReader()
    )
    assert spans.resource.attributes["service.name"] == "anze"
    spans.shutdown()
    meters.shutdown()


def test_without_an_sdk_a_callers_trace_is_passed_on_and_no_other_begun() -> None:
    spans = Spans()
    with spans.of("POST", {b"traceparent": f"00-{TRACE}-{PARENT}-01".encode()}):
        passed = trace.get_current_span().get_span_context()
    with spans.of("POST", {}):
        none = trace.get_current_span().get_span_context()
    assert trace.format_trace_id(passed.trace_id) == TRACE
    assert not none.is_valid
