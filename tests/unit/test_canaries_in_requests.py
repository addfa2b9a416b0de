"""What a request holds leaves in no log and no span, wherever it stood in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from memory_gateway import Made, Sent, answer, asked, build, posted

# The SDK is banned elsewhere; here it looks at what the API was told.
from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: TID251
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: TID251
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: TID251
    InMemorySpanExporter,
)

from zhitong.infra.replies import fault
from zhitong.infra.telemetry import providers

CANARY = "Q110101199003071234Z"
LONGEST = 1_024
"""Bytes of logs that one request may leave."""
FITTING = '{ search(name: "%s") { more } }'
TOKEN = b"authorization"

PLACES = {
    "literal": FITTING % CANARY,
    "node": f'{{ node(id: "{CANARY}") {{ id }} }}',
    "date": f'{{ caseRecords(where: {{filedOn: {{eq: "{CANARY}"}}}}) {{ missing }} }}',
    "number": f'{{ counterparty(code: "{CANARY}") {{ name }} }}',
    "cursor": f'{{ matters(after: "{CANARY}") {{ missing }} }}',
    "source": f'{{ matters(sources: ["{CANARY}"]) {{ missing }} }}',
    "alias": f"{{ {CANARY}: __typename }}",
    "alias of what fails": f'{{ {CANARY}: node(id: "x") {{ id }} }}',
    "field": f"{{ {CANARY} }}",
    "argument": f"{{ matters({CANARY}: 1) {{ missing }} }}",
    "type": f"{{ ... on {CANARY} {{ id }} }}",
    "fragment": f"{{ ...{CANARY} }}",
    "ring": f"{{ ...{CANARY} }} fragment {CANARY} on Query {{ ...{CANARY} }}",
    "directive": f"{{ __typename @{CANARY} }}",
    "variable's name": f"query (${CANARY}: Nothing) {{ __typename }}",
    "operation": f"query {CANARY} {{ __typename }}",
    "enum": f"{{ matters(orderBy: {{by: {CANARY}}}) {{ missing }} }}",
    "comment": f"{{ __typename }} # {CANARY}",
    "syntax": f"{{ {CANARY}(",
    "block string": f'{{ search(name: """{CANARY}""") {{ more ',
    "introspection": f'{{ __type(name: "{CANARY}") {{ name }} }}',
    "mutation": f'mutation {{ withdrawDecision(decision: "{CANARY}") {{ x }} }}',
}
VARIABLE = "query A($v: Int, $s: String) { matters(first: $v, after: $s) { missing } }"


def requests(token: str) -> Iterator[Sent]:
    for document in PLACES.values():
        yield asked(document, token)
        yield asked(document, token, operationName=CANARY)
        yield Sent(
            method="GET",
            query=b"query=" + document.replace(" ", "%20").encode(),
            headers=posted(b"", token).headers,
        )
    for name in ("v", "s", CANARY):
        yield asked(VARIABLE, token, variables={name: CANARY})
    yield asked(VARIABLE, token, operationName=CANARY)
    yield asked(None, token, documentId=CANARY)
    yield asked(None, token, extensions={"persistedQuery": {"sha256Hash": CANARY}})
    yield asked(VARIABLE, token, extensions={CANARY: CANARY})
    yield asked(CANARY * 20_000, token)
    yield asked("{a}", f"{CANARY}.{CANARY}.{CANARY}")
    yield asked("{a}", token + CANARY)
    yield posted(f'{{"{CANARY}":1,"{CANARY}":2}}'.encode(), token)
    yield posted(f'{{"query": {CANARY}'.encode(), token)
    good = asked("{ __typename }", token)
    for header in (
        b"zhitong-purpose",
        b"zhitong-basis",
        b"zhitong-cause",
        b"accept",
        b"content-type",
        b"content-length",
        b"traceparent",
        b"tracestate",
        b"user-agent",
        b"cookie",
        b"x-request-id",
        CANARY.encode(),
    ):
        kept = tuple(pair for pair in good.headers if pair[0] != header)
        for text in (CANARY, "%FF" + CANARY):
            yield replace(good, headers=(*kept, (header, text.encode())))
    yield replace(good, method=CANARY)


@pytest.fixture
def spans() -> Iterator[tuple[InMemorySpanExporter, object]]:
    exporter = InMemorySpanExporter()
    made, meters = providers(SimpleSpanProcessor(exporter), InMemoryMetricReader())
    yield exporter, made.get_tracer("front")
    made.shutdown()
    meters.shutdown()


@pytest.fixture
def made(tmp_path: Path, spans: tuple[InMemorySpanExporter, object]) -> Made:
    return build(tmp_path, traces=spans[1])


@pytest.mark.parametrize("who", ["police", "public", "department", "operator"])
def test_no_request_leaves_what_it_holds_in_a_log_or_a_span(
    made: Made,
    spans: tuple[InMemorySpanExporter, object],
    caplog: pytest.LogCaptureFixture,
    who: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    front, tokens = made
    sent = list(requests(tokens[who]))
    statuses = set()
    for one in sent:
        before = len(caplog.text)
        statuses.add(asyncio.run(answer(front, one)).status)
        ours = caplog.text[before:].replace("Using selector: EpollSelector\n", "")
        assert len(ours) <= LONGEST
    assert statuses >= {200, 400, 401, 405, 413, 415}
    exported = [span.to_json() for span in spans[0].get_finished_spans()]
    assert len(exported) == len(sent)
    found = [text for text in (*exported, caplog.text) if CANARY in text]
    assert found == []
    token = tokens[who].split(".")[2]
    assert not [text for text in (*exported, caplog.text) if token in text]


def test_the_canary_is_found_where_somebody_logs_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logging.getLogger("zhitong.front").error("%s", CANARY)
    assert CANARY in caplog.text


def test_a_fault_of_ours_logs_where_it_arose_and_not_what_it_was_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError(CANARY)
    fault(caught.value, "request-7")
    assert "request-7" in caplog.text
    assert CANARY not in caplog.text
    assert len(caplog.text) <= LONGEST
