"""The small form of `make soak`: killed in the middle, everything compared."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zhitong.infra.broker import Broker

pytestmark = pytest.mark.integration
SOAK = Path(__file__).parents[2] / "bench" / "soak.py"


def test_what_is_acknowledged_arrives_once_and_in_order_though_everything_is_killed(
    kafka_factory: Callable[[str], Broker], tmp_path: Path
) -> None:
    # Where there is no Apache Kafka, this says so; the soak starts one of its own.
    kafka_factory("shared")
    words = {
        "decisions": 300,
        "rate": 30,
        "relay-kills": 2,
        "broker-kills": 1,
        "gateway-kills": 1,
        "consumer-kills": 1,
        "state": tmp_path / "state",
    }
    done = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, str(SOAK)),
            *(
                part
                for key, value in words.items()
                for part in (f"--{key}", str(value))
            ),
        ],
        cwd=SOAK.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(re.findall(r"^(\S.*?) {2,}(\S.*)$", done.stdout, re.MULTILINE))
    assert figures["decisions acknowledged"] == "300"
    assert figures["withdrawals acknowledged"] == "60"
    assert figures["killed"].count("relay") == 2
    for name in ("broker", "gateway", "consumer"):
        assert figures["killed"].count(name) == 1
    assert figures["events sent"] == figures["receipts filed"] == "720"
    assert figures["provincial: inbox"] == figures["credit: inbox"] == "360, HELD 360"
    assert figures["violations"] == "0"
