"""One trace over four processes: the call, the transaction, the relay, the receiver."""

from __future__ import annotations

import itertools
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.acceptance.conftest import Zhitong

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer

pytestmark = pytest.mark.integration

ENDLESS = 120.0
"""Seconds after which a test would wait for ever."""
BUREAU = DEMO_PRINCIPALS["department"]
RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  decisionId events { receiver eventId } } }"""
SENT = {"send zhitong.anze.credit.v1", "send zhitong.anze.provincial.v1"}
TAKEN = {"process zhitong.anze.credit.v1", "process zhitong.anze.provincial.v1"}
REPLIED, FILED = "send zhitong.anze.receipts.v1", "process zhitong.anze.receipts.v1"
CALL, COMMIT = "POST /graphql", "ledger.commit"
NAMES = {CALL, COMMIT, *SENT, *TAKEN, REPLIED, FILED}


class Collector:
    """What an OTLP collector was sent."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self._spans += [
                span
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]

    def trace(self, number: str) -> list[Span]:
        with self._lock:
            return [one for one in self._spans if one.trace_id.hex() == number]


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    """Listen as a collector; give its address."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Stay quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", collector
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@dataclass(frozen=True)
class Running:
    """Gateway, relay and both receivers, all of which export to one collector."""

    zhitong: Zhitong
    collector: Collector

    def record(self, traceparent: str) -> Mapping[str, object]:
        """Record a penalty under *traceparent*; give the answer's field."""
        note = self.zhitong.gateway()
        assert note is not None
        number = uuid.uuid4().hex[:12]
        stated = {
            "localId": f"trace-{number}",
            "actType": "PENALTY",
            "subjectCode": BUREAU.unit,
            "documentNo": f"（安）应急罚〔2026〕{int(number, 16)}号",
            "subjectName": BUREAU.unit_name,
            "documentTitle": "行政处罚决定书",
            "matterCode": "6199000000001",
            "decidedOn": "2026-06-01",
            "validTo": "2029-06-01",
            "publicityTo": "2029-06-01",
            "division": "619900",
            "title": "未按规定培训",
            "violationType": "未按规定培训",
            "facts": "金丝雀事实",
            "legalBasis": "安全生产法第九十七条",
            "result": "罚款人民币贰万元整",
            "representative": "金丝雀",
            "counterpartyKind": "LEGAL_PERSON",
            "counterpartyName": "安泽金丝雀化工有限公司",
            "counterpartyCode": "91110000600037341L",
            "penaltyKinds": ["FINE"],
            "fine": "20000.00",
            "procedure": "ORDINARY",
        }
        token = DemoIssuer(self.zhitong.state).issue(BUREAU)
        body = httpx.post(
            f"{note.url}/graphql",
            json={"query": RECORD, "variables": {"d": stated}},
            headers={"authorization": f"Bearer {token}", "traceparent": traceparent},
            timeout=30,
        ).json()
        assert "errors" not in body, body
        recorded: Mapping[str, object] = body["data"]["recordDecision"]
        return recorded

    def until(self, number: str) -> list[Span]:
        """Wait until the trace *number* is whole; give all of it.

        Each process exports in its own time: whole is a trace that has both receipts
        and every span's parent, but the one span that its caller keeps.
        """
        deadline = time.monotonic() + ENDLESS
        while time.monotonic() < deadline:
            spans = self.collector.trace(number)
            known = {one.span_id for one in spans}
            away = {one.parent_span_id for one in spans} - known
            receipts = [one for one in spans if one.name == FILED]
            names = {one.name for one in spans}
            if names >= NAMES and len(receipts) > 1 and len(away) == 1:
                return spans
            time.sleep(0.05)
        raise AssertionError({one.name for one in self.collector.trace(number)})


@pytest.fixture(scope="module")
def running(zhitong: Zhitong) -> Iterator[Running]:
    code, said = zhitong.run("up")
    assert code == 0, said
    with ExitStack() as stack:
        address, collector = stack.enter_context(collecting())
        told = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        started = [
            zhitong.start(*words, **told)
            for words in (
                ("serve", "--port", "0"),
                ("relay",),
                ("consume", "provincial"),
                ("consume", "credit"),
            )
        ]
        stack.callback(end, started)
        deadline = time.monotonic() + ENDLESS
        while zhitong.gateway() is None:
            assert started[0].poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Running(zhitong, collector)


def end(processes: list[subprocess.Popen[str]]) -> None:
    for one in processes:
        one.terminate()
    for one in processes:
        one.communicate(timeout=ENDLESS)


def attributes(span: Span) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        assert kind is not None
        found[each.key] = getattr(each.value, kind)
    return found


def test_one_trace_shows_call_transaction_relay_receivers_and_receipts(
    running: Running,
) -> None:
    number, caller = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    recorded = running.record(f"00-{number}-{caller}-01")
    spans = running.until(number)
    (call,) = [one for one in spans if one.name == CALL]
    (commit,) = [one for one in spans if one.name == COMMIT]
    assert call.parent_span_id.hex() == caller
    assert commit.parent_span_id == call.span_id
    assert attributes(commit) == {
        "zhitong.act": "PENALTY",
        "zhitong.change": "RECORDED",
        "zhitong.events": 2,
        "zhitong.outcome": "COMMITTED",
    }
    # At least once: an event may be sent, and so taken, again.
    sent = {one.span_id: one for one in spans if one.name in SENT}
    taken = {one.span_id: one for one in spans if one.name in TAKEN}
    events = recorded["events"]
    assert isinstance(events, list)
    by_receiver = {one["receiver"]: one["eventId"] for one in events}
    for span in sent.values():
        told = attributes(span)
        receiver = str(told["messaging.destination.name"]).split(".")[2]
        assert span.parent_span_id == call.span_id
        assert span.kind == Span.SPAN_KIND_PRODUCER
        assert told["messaging.message.id"] == by_receiver[receiver]
        assert "messaging.kafka.offset" in told
    for span in taken.values():
        producer = sent[span.parent_span_id]
        assert span.kind == Span.SPAN_KIND_CONSUMER
        assert span.name.replace("process", "send") == producer.name
        assert (
            attributes(span)["messaging.message.id"]
            == (attributes(producer)["messaging.message.id"])
        )
        assert span.start_time_unix_nano > commit.start_time_unix_nano
    # The receipts come back in the same trace.
    replied = {one.span_id: one for one in spans if one.name == REPLIED}
    assert {one.parent_span_id for one in replied.values()} <= taken.keys()
    filed = [one for one in spans if one.name == FILED]
    assert {one.parent_span_id for one in filed} <= replied.keys()
    assert {attributes(one)["zhitong.answer"] for one in filed} == {"HELD"}


def test_a_trace_its_caller_does_not_sample_is_not_exported(running: Running) -> None:
    silent, heard = uuid.uuid4().hex, uuid.uuid4().hex
    running.record(f"00-{silent}-{uuid.uuid4().hex[:16]}-00")
    running.record(f"00-{heard}-{uuid.uuid4().hex[:16]}-01")
    running.until(heard)
    assert running.collector.trace(silent) == []


def test_no_span_holds_what_was_decided(running: Running) -> None:
    number = uuid.uuid4().hex
    running.record(f"00-{number}-{uuid.uuid4().hex[:16]}-01")
    spans = running.until(number)
    written = b"".join(one.SerializeToString() for one in spans).decode(
        "utf-8", "replace"
    )
    for content in ("金丝雀", "91110000600037341L", "20000", "应急罚"):
        assert content not in written
    events = itertools.chain.from_iterable(one.events for one in spans)
    assert list(events) == []
