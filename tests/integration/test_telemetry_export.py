"""What is measured arrives at a collector, and only when one is named."""

from __future__ import annotations

import subprocess
import sys

import pytest
from collector import collector

pytestmark = pytest.mark.integration

# In a process of its own: providers are set once per process and for good.
PROGRAM = """
from zhitong.infra.settings import from_environment
from zhitong.infra.spans import Spans
from zhitong.infra.telemetry import set_up

close = set_up(from_environment())
with Spans().of("POST", {}) as span:
    span.note_status(200)
close()
"""


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
