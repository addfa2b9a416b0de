"""What is measured arrives at a collector, and only when one is named."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.integration

# In a process of its own: providers are set once per process and for good.
PROGRAM = """
from opentelemetry import trace
from zhitong.infra.settings import from_environment
from zhitong.infra.spans import request_span, tracer
from zhitong.infra.telemetry import set_up

early = tracer()
close = set_up(from_environment())
with request_span(early, "POST", {}) as span:
    span.note_status(200)
close()
"""


@contextmanager
def collector() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Listen as a collector; give its address and what it got by path."""
    got: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            got[self.path] = self.rfile.read(length)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Stay quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", got
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_a_span_and_a_duration_reach_the_collector() -> None:
    with collector() as (address, got):
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{address}/",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        }
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert b"POST /graphql" in got["/v1/traces"]
    assert b"zhitong" in got["/v1/traces"]
    assert b"http.server.request.duration" in got["/v1/metrics"]
