"""The small form of `make soak`: what serves is killed and cut off, all is compared."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zhitong.infra.broker import Broker

pytestmark = pytest.mark.integration
SOAK = Path(__file__).parents[2] / "bench" / "soak.py"
KINDS = (
    "relay killed",
    "consumer killed",
    "gateway worker killed",
    "platform database killed",
    "receiver database killed",
    "broker killed",
    "relay – broker deaf",
    "all sessions ended",
)


def test_what_is_acknowledged_arrives_once_and_in_order_though_everything_is_killed(
    kafka_factory: Callable[[str], Broker], tmp_path: Path
) -> None:
    # Where there is no Apache Kafka, this says so; the soak starts one of its own.
    kafka_factory("shared")
    words = {
        "minutes": "0.3",
        "rate": "8",
        "seeds": "7",
        "lanes": "4",
        "faults": ",".join(KINDS),
        "state": str(tmp_path / "state"),
        "reports": str(tmp_path),
    }
    done = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, str(SOAK)),
            *(part for key, word in words.items() for part in (f"--{key}", word)),
        ],
        cwd=SOAK.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "soak-7.json").read_text("utf-8"))
    assert report["violations"] == []
    struck = {fault["name"] for fault in report["faults"] if fault["healed"]}
    assert struck == set(KINDS)
    assert not any(fault["trouble"] for fault in report["faults"])
    assert report["results"]["ok"] > 50
    figures = dict(re.findall(r"^(\S.*?) {2,}(\S.*)$", done.stdout, re.MULTILINE))
    assert figures["violations"] == "0"
