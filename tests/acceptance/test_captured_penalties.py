"""The fifteen real penalties, registered over HTTP and followed to both receivers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zhitong.infra.broker_apache import Apache

ROOT = Path(__file__).parents[2]
CAPTURE = (
    ROOT.parent / "shared/data/enterprise-risk-captures/administrative_penalties.json"
)
NO_PARTY = (1, 2, 3, 4, 5, 9, 10, 13)
REGISTERED = (6, 7, 8, 11, 14, 15)


@pytest.fixture(scope="module")
def outcomes(kafka_program: Apache) -> dict[int, dict[str, Any]]:
    assert kafka_program.jars
    if not CAPTURE.exists():
        pytest.skip(f"the captures are not here: {CAPTURE}")
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(ROOT / "bench" / "captures.py"), "--json"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert "下列代码是编造的" in done.stdout
    return {row["row"]: row for row in json.loads(done.stdout.splitlines()[-1])}


def test_every_row_is_answered_by_both_receivers_or_refused_with_a_reason(
    outcomes: dict[int, dict[str, Any]],
) -> None:
    assert sorted(outcomes) == list(range(1, 16))
    for row in outcomes.values():
        if row["refused"]:
            assert row["deliveries"] == {}
            continue
        assert sorted(row["deliveries"]) == ["credit", "provincial"]
        for delivery in row["deliveries"].values():
            assert delivery["status"] in {"HELD", "REJECTED"}
            assert bool(delivery["reasons"]) == (delivery["status"] == "REJECTED")
    held = [
        number
        for number, row in outcomes.items()
        if row["deliveries"] and row["deliveries"]["provincial"]["status"] == "HELD"
    ]
    assert len(held) == 5


def test_rows_without_a_party_and_the_one_written_twice_are_refused(
    outcomes: dict[int, dict[str, Any]],
) -> None:
    refused = {
        number: row["refused"].partition(":")[0] for number, row in outcomes.items()
    }
    assert {n: code for n, code in refused.items() if code} == {
        **dict.fromkeys(NO_PARTY, "DECISION_UNIDENTIFIED"),
        12: "DECISION_DUPLICATE",
    }


def test_what_was_registered_lacks_officers_and_says_so(
    outcomes: dict[int, dict[str, Any]],
) -> None:
    for number in REGISTERED:
        row = outcomes[number]
        assert row["decision_id"]
        assert any("执法人员不得少于 2 人" in finding for finding in row["findings"])


def test_a_receiver_rejects_for_what_the_page_did_not_say_and_nothing_else(
    outcomes: dict[int, dict[str, Any]],
) -> None:
    # Each reason is a finding too: the platform said it when it was registered.
    for number in REGISTERED:
        row = outcomes[number]
        for delivery in row["deliveries"].values():
            for reason in delivery["reasons"]:
                zh = reason.partition(" / ")[0]
                assert any(zh in finding for finding in row["findings"]), reason
    missing = [
        reason.split()[1] for reason in outcomes[7]["deliveries"]["credit"]["reasons"]
    ]
    assert missing == ["CF_SY", "CF_YJ", "CF_FRDB"]
