"""The small form of `make bench-channels`: four receivers hold what they should."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zhitong.infra.broker import Broker

pytestmark = pytest.mark.integration
BENCH = Path(__file__).parents[2] / "bench" / "channels.py"


def test_four_receivers_by_four_channels_hold_what_was_decided(
    kafka_factory: Callable[[str], Broker], tmp_path: Path
) -> None:
    # Where there is no Apache Kafka, this says so; the bench starts one of its own.
    kafka_factory("shared")
    words = ("--decisions", "300", "--state", str(tmp_path / "state"))
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(BENCH), *words],
        cwd=BENCH.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REJECTED 3" in done.stdout, done.stdout
