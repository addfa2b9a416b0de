from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.settings import Settings
from zhitong.infra.workers import Worker, run_worker, stop_workers, workers

PROGRAM = """
import asyncio, sys
from pathlib import Path
from zhitong.infra.settings import Settings
from zhitong.infra.workers import run_worker

async def work(name):
    print(name, flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        print("ended", flush=True)

run_worker(Settings(state=Path(sys.argv[1])), sys.argv[2], work, several=True)
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(name: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", PROGRAM, str(tmp_path), name],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_several_of_a_kind_are_numbered_listed_and_ended_cleanly(
    start: Start, tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path)
    first = start("relay")
    assert line(first) == "relay-1"
    second = start("relay")
    assert line(second) == "relay-2"
    other = start("consume-credit")
    assert line(other) == "consume-credit-1"
    assert workers(settings) == [
        Worker("consume-credit-1", other.pid),
        Worker("relay-1", first.pid),
        Worker("relay-2", second.pid),
    ]
    assert stop_workers(settings, "relay") == ["relay-1", "relay-2"]
    assert [(line(e), line(e), e.wait(60)) for e in (first, second)] == [
        ("ended", "已停止 Stopped: relay-1", 0),
        ("ended", "已停止 Stopped: relay-2", 0),
    ]
    assert workers(settings) == [Worker("consume-credit-1", other.pid)]


def test_a_killed_workers_name_is_free_again(start: Start, tmp_path: Path) -> None:
    first = start("relay")
    assert line(first) == "relay-1"
    first.kill()
    first.wait(60)
    assert workers(Settings(state=tmp_path)) == []
    assert line(start("relay")) == "relay-1"


def test_a_halted_worker_is_ended_too(start: Start, tmp_path: Path) -> None:
    halted = start("relay")
    assert line(halted) == "relay-1"
    os.kill(halted.pid, signal.SIGSTOP)
    assert stop_workers(Settings(state=tmp_path)) == ["relay-1"]
    assert halted.wait(60) == 0


def test_of_a_kind_that_may_run_once_the_second_is_refused(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    seen = []

    async def inner(name: str) -> None:
        seen.append(name)

    async def outer(name: str) -> None:
        seen.append(name)
        with pytest.raises(SettingsError):
            await asyncio.to_thread(run_worker, settings, "consume-credit", inner)

    run_worker(settings, "consume-credit", outer)
    assert seen == ["consume-credit"]
    assert workers(settings) == []
