"""The demo's proof as people run it: a gateway, a sealer and a witness, by command."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra.note import find
from zhitong.infra.witness_client import WitnessClient

pytestmark = pytest.mark.integration

PATIENCE = 120.0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def processes(zhitong: Zhitong) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Give gateway, sealer and witness on the small city."""
    code, said = zhitong.run("up")
    assert code == 0, said
    with ExitStack() as stack:
        started: dict[str, subprocess.Popen[str]] = {}
        # The witness first: it waits for the key that the sealer makes.
        for words in (["witness"], ["serve", "--port", "0"], ["seal"]):
            started[words[0]] = stack.enter_context(zhitong.start(*words))
            stack.callback(started[words[0]].kill)
        until(lambda: zhitong.gateway() is not None)
        until(lambda: find(zhitong.state / "witness" / "witness.json") is not None)
        yield started


def test_what_is_asked_is_soon_under_a_witnesss_word(
    processes: dict[str, subprocess.Popen[str]], zhitong: Zhitong
) -> None:
    assert all(one.poll() is None for one in processes.values())
    gateway = zhitong.gateway()
    note = find(zhitong.state / "witness" / "witness.json")
    assert gateway is not None
    assert note is not None
    witness = WitnessClient(note.url)
    until(lambda: witness.head() is not None)
    before = witness.head()
    assert before is not None
    token = zhitong.run("token", "police")[1].strip()
    answer = httpx.post(
        f"{gateway.url}/graphql",
        json={"query": "{ officers(first: 1) { nodes { certificateNo } } }"},
        headers={"authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.headers["zhitong-record"]

    def grown() -> bool:
        last = witness.head()
        return last is not None and last.head.size > before.head.size

    until(grown)
    until(lambda: ready(gateway.url)["seen"] is not None)
    assert ready(gateway.url)["state"] == "FRESH"


def test_the_status_tells_how_the_proof_stands_and_who_runs(
    processes: dict[str, subprocess.Popen[str]], zhitong: Zhitong
) -> None:
    code, said = zhitong.run("status")
    assert code == 0, said
    assert "见证 Proof: FRESH" in said
    assert f"witness（pid {processes['witness'].pid}）" in said


def test_down_ends_them_all(
    processes: dict[str, subprocess.Popen[str]], zhitong: Zhitong
) -> None:
    code, said = zhitong.run("down")
    assert (code, "witness" in said, "seal" in said) == (0, True, True), said
    assert [one.wait(PATIENCE) for one in processes.values()] == [0, 0, 0]


def ready(url: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(httpx.get(f"{url}/ready").text)["evidence"]
    return found
