"""Several processes of one gateway: one address, one memory of counts, one end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra.city_load import HARBOUR_CASES, load_harbour
from zhitong.infra.city_words import DEMO
from zhitong.infra.embedded import Cluster
from zhitong.infra.note import Note

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not Path("/proc/self/task").is_dir(), reason="finds processes in /proc"
    ),
]

WORKERS = 2
SECONDS = 240.0
HARBOUR = (
    '{ caseRecords(where: {subject: {name: {contains: "港航"}}}) '
    "{ totalCount { count } } }"
)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers(of: int) -> list[int]:
    """Find the gateway processes that *of* has begun, and that live."""
    found = []
    for child in Path(f"/proc/{of}/task/{of}/children").read_text("ascii").split():
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in line:
            found.append(int(child))
    return found


def alive(process: int) -> bool:
    """Say whether *process* runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8").rsplit(")", 1)[1]
    except OSError:
        return False
    return state.split()[0] != "Z"


@pytest.fixture(scope="module")
def city(zhitong: Zhitong) -> Zhitong:
    assert zhitong.run("up")[0] == 0
    return zhitong


@contextmanager
def running(city: Zhitong) -> Iterator[subprocess.Popen[str]]:
    """Run a gateway of several processes."""
    variables = {"ZHITONG_WORKERS": str(WORKERS)}
    with city.start("serve", "--port", "0", **variables) as process:
        try:
            until(lambda: city.gateway() is not None or process.poll() is not None)
            yield process
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def process(city: Zhitong) -> Iterator[subprocess.Popen[str]]:
    """Give one; to start another for each test takes longer than all of them."""
    with running(city) as process:
        yield process


def note(city: Zhitong) -> Note:
    found = city.gateway()
    assert found is not None
    return found


def ask(city: Zhitong, kind: str, documents: Sequence[str]) -> list[dict[str, Any]]:
    """Ask each document over a connection of its own, many at a time."""
    token = city.run("token", kind)[1].strip()
    url = f"{note(city).url}/graphql"

    def one(document: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx.post(
            url, json={"query": document}, headers=headers, timeout=SECONDS
        )
        found: dict[str, Any] = answer.json()
        return found

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(one, documents))


def test_conditions_on_counts_are_counted_together(
    city: Zhitong, process: subprocess.Popen[str]
) -> None:
    months = [f"{year}-{month:02}" for year in range(2000, 2006) for month in range(12)]
    asked = [
        f'{{ caseStatistics(by: [STATUS], where: {{filedOn: {{gte: "{first}-01"}}}}) '
        "{ smallest } }"
        for first in (f"{month[:4]}-{int(month[5:]) + 1:02}" for month in months)
    ]
    found = Counter(
        error["extensions"]["code"]
        for body in ask(city, "dashboard", asked)
        for error in body.get("errors", [{"extensions": {"code": ""}}])
    )
    assert process.poll() is None
    # So many conditions a unit may ask, whichever process is asked.
    assert found == {"": 60, "NARROWING": len(asked) - 60}


def test_one_that_is_killed_is_begun_again_and_the_others_answer(
    city: Zhitong, process: subprocess.Popen[str]
) -> None:
    before = workers(process.pid)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: not alive(before[0]))
    for body in ask(city, "police", ["{ sources { name } }"] * 20):
        assert "errors" not in body
    until(lambda: len(workers(process.pid)) == WORKERS)
    assert set(before[1:]) < set(workers(process.pid))


def test_they_are_renewed_one_by_one_and_nobody_goes_unanswered(
    city: Zhitong, process: subprocess.Popen[str]
) -> None:
    before = workers(process.pid)
    url, token = f"{note(city).url}/graphql", city.run("token", "police")[1].strip()
    renewed = threading.Event()

    def keep_asking(_: int) -> Counter[int | str]:
        """Ask over a connection that is kept: its end is told with an answer."""
        found: Counter[int | str] = Counter()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(headers=headers, timeout=SECONDS) as client:
            while not renewed.is_set():
                try:
                    answer = client.post(url, json={"query": "{ sources { name } }"})
                except httpx.HTTPError as error:
                    found[repr(error)] += 1
                else:
                    found[answer.status_code] += 1
                time.sleep(0.05)  # a unit's rate has an end
        return found

    def after() -> list[int]:
        return [pid for pid in workers(process.pid) if pid not in before]

    with ThreadPoolExecutor(4) as threads:
        asking = threads.map(keep_asking, range(4))
        process.send_signal(signal.SIGHUP)
        until(lambda: len(after()) == WORKERS and not any(map(alive, before)))
        renewed.set()
        answers = sum(asking, Counter())
    assert set(answers) == {200}
    assert answers[200] > 4
    assert process.poll() is None


def test_bindings_that_one_loads_are_loaded_by_all(
    city: Zhitong, process: subprocess.Popen[str]
) -> None:
    address = Cluster(city.state, ["harbour"]).start()["harbour"]
    asyncio.run(load_harbour(address))
    (city.state / "bindings" / "harbour.toml").write_bytes(
        (DEMO / "extra" / "harbour.toml").read_bytes()
    )
    assert city.run("reload")[0] == 0

    def everywhere() -> bool:
        bodies = ask(city, "police", [HARBOUR] * 30)
        if any("data" not in body for body in bodies):
            return False  # too fast, or a process that is just beginning again
        counts = {body["data"]["caseRecords"]["totalCount"]["count"] for body in bodies}
        return counts == {HARBOUR_CASES}

    until(everywhere)
    assert process.poll() is None


def test_they_end_together_with_their_supervisor(
    city: Zhitong, process: subprocess.Popen[str]
) -> None:
    begun = workers(process.pid)
    assert (len(begun), note(city).pid) == (WORKERS, process.pid)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, "Traceback" in said) == (0, False), said
    assert city.gateway() is None
    assert not any(map(alive, begun))


def test_without_their_supervisor_they_end(city: Zhitong) -> None:
    with running(city) as process:
        begun = workers(process.pid)
        process.kill()
        process.wait(SECONDS)
        until(lambda: not any(map(alive, begun)))
        assert city.gateway() is None


def test_what_keeps_the_first_from_beginning_is_said_once(city: Zhitong) -> None:
    variables = {"ZHITONG_WORKERS": "2", "ZHITONG_POLICY": "nowhere.toml"}
    code, said = city.run("serve", "--port", "0", **variables)
    assert code == 2
    assert (said.count("POLICY: "), "Traceback" in said) == (1, False), said
