"""One trace over a call, the relay and the receiver, and nothing where none is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider  # noqa: TID251 - it looks on
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: TID251
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: TID251
    InMemorySpanExporter,
)
from opentelemetry.trace import SpanKind, StatusCode
from outgoing import event_uuid, outgoing

from zhitong.decisions import Ack
from zhitong.exceptions import TopicMissingError
from zhitong.streams import tracing
from zhitong.streams.producer import Fault
from zhitong.streams.tracing import Sending, begin, parent

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    made = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    return made


def test_each_sampled_event_has_a_producer_span_below_the_call_and_bears_it_on(
    exporter: InMemorySpanExporter,
) -> None:
    sending = Sending([outgoing(1, traceparent=SAMPLED), outgoing(2)])
    sending.end([Ack(seq=1, partition=7, offset=70), Ack(seq=2, partition=8, offset=9)])
    (span,) = exporter.get_finished_spans()
    context = span.get_span_context()
    assert context is not None
    assert f"{context.trace_id:032x}" == TRACE
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT
    assert (span.name, span.kind) == (
        "send zhitong.anze.provincial.v1",
        SpanKind.PRODUCER,
    )
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.destination.name": "zhitong.anze.provincial.v1",
        "messaging.message.id": str(event_uuid(1)),
        "messaging.destination.partition.id": "7",
        "messaging.kafka.offset": 70,
    }
    assert sending.events[0].traceparent == f"00-{TRACE}-{context.span_id:016x}-01"
    assert sending.events[1] == outgoing(2)


def test_an_event_that_was_not_taken_says_why(exporter: InMemorySpanExporter) -> None:
    sending = Sending([outgoing(1, traceparent=SAMPLED)])
    sending.end([Fault(seq=1, error=TopicMissingError("没有", "none"))])
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "TOPIC_MISSING"


@pytest.mark.parametrize(
    "traceparent",
    [
        pytest.param("", id="none"),
        pytest.param(UNSAMPLED, id="not sampled"),
        pytest.param("00-no-trace-01", id="damaged"),
    ],
)
def test_what_is_not_sampled_goes_on_as_it_is_and_makes_no_span(
    exporter: InMemorySpanExporter, traceparent: str
) -> None:
    event = outgoing(1, traceparent=traceparent)
    sending = Sending([event])
    sending.end([Ack(seq=1, partition=0, offset=0)])
    assert sending.events == [event]
    assert parent(traceparent) is None
    assert begin("look", SpanKind.CONSUMER, traceparent, {}) is None
    assert exporter.get_finished_spans() == ()


def test_without_an_sdk_the_events_own_trace_goes_on() -> None:
    event = outgoing(1, traceparent=SAMPLED)
    assert Sending([event]).events == [event]
    assert parent(SAMPLED) is not None


# In a process of its own: providers are set once per process and for good.
METRICS = """
import asyncio, json, sys
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from outgoing import outgoing
from zhitong.connectors.memory_outbox import MemoryOutbox
from zhitong.streams.memory_broker import LARGEST, MemoryBroker, MemoryProducer
from zhitong.streams import relay as module
from zhitong.streams.relay import Relay

module._LOOK = 0.02
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))

async def main():
    large = outgoing(9, payload=bytes(LARGEST + 1))
    outbox = MemoryOutbox([outgoing(1), outgoing(2), outgoing(3, receiver="credit")])
    broker = MemoryBroker({"zhitong.anze.provincial.v1": 12})
    relay = Relay(outbox, lambda: MemoryProducer(broker))
    outbox.rows[9] = large
    task = asyncio.create_task(relay.run())
    while len(outbox.rows) > 2 or not outbox.parked:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    task.cancel()

try:
    asyncio.run(main())
except asyncio.CancelledError:
    pass
found = {}
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            for point in metric.data.data_points:
                value = point.sum if hasattr(point, "bucket_counts") else point.value
                receiver = point.attributes["receiver"]
                code = point.attributes.get("code", "")
                found[" ".join([metric.name, receiver, code]).strip()] = value
print(json.dumps(found))
"""


def test_the_relay_counts_what_it_sends_and_what_waits() -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", METRICS],
        env={"PYTHONPATH": str(Path(__file__).parents[1] / "contract")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(done.stdout)
    assert found["zhitong.relay.sent provincial"] == 2
    assert found["zhitong.relay.faults provincial EVENT_POISON"] == 3
    assert found["zhitong.relay.faults credit TOPIC_MISSING"] >= 1
    assert found["zhitong.outbox.waiting provincial"] == 1
    assert found["zhitong.outbox.waiting credit"] == 1
    assert found["zhitong.outbox.parked provincial"] == 1
    assert found["zhitong.outbox.parked credit"] == 0
    assert found["zhitong.outbox.oldest credit"] == 0
    # Two and the large one together, then the large one alone, twice more.
    assert found["zhitong.relay.batch provincial"] == 5
