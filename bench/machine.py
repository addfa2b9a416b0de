"""Processes of ours beside a bench, their CPU, what else there is, and quantiles."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def zhitong(state: Path, *words: str) -> list[str]:
    """Write the command line of one of our own commands."""
    return [
        *(sys.executable, "-m", "zhitong.infra.cli"),
        *("--state", str(state), *words),
    ]


@contextmanager
def running(state: Path, *words: str) -> Iterator[None]:
    """Run one of our own processes beside us, its log in the state folder."""
    with (state / "log" / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            zhitong(state, *words), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until *holds*, which is called *what* for people."""
    deadline = time.monotonic() + 300
    while not await holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited five minutes for {what}")
        await asyncio.sleep(0.02)


def _busy() -> tuple[int, int]:
    """Give the machine's clock ticks so far: at work, and all."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def others() -> str:
    """Say how busy the machine is with other things, over two seconds."""
    before = _busy()
    time.sleep(2)
    after = _busy()
    share = (after[0] - before[0]) / max(1, after[1] - before[1])
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{os.cpu_count()} cores, others keep {share:.0%} busy, load {load}"


def _cpu_seconds(root: int) -> float:
    """Give the CPU seconds of a process, of its children, and of those that ended."""
    found = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
            pid = int(path.parent.name)
            if root in (pid, int(words[1])):
                # A process's own clock (clock_getcpuclockid): ticks are too coarse.
                found += time.clock_gettime(~pid << 3 | 2)
                found += (int(words[13]) + int(words[14])) / TICK
        except OSError:  # it has just ended
            continue
    return found


class Processes:
    """The gateway and the servers of the databases, as far as CPU goes."""

    def __init__(self, state: Path, gateway: int) -> None:
        self._gateway = gateway
        self._servers = [
            int(path.read_text().split()[0])
            for path in state.glob("postgres/*/postmaster.pid")
        ]

    def used(self) -> tuple[float, float]:
        """Give the CPU seconds of the gateway, and of the databases."""
        return _cpu_seconds(self._gateway), sum(map(_cpu_seconds, self._servers))


def quantiles(seconds: Sequence[float]) -> str:
    """Write median, 99th percentile and worst in milliseconds."""
    parts = statistics.quantiles(seconds, n=100, method="inclusive")
    return (
        f"p50 {parts[49] * 1000:.1f} ms, p99 {parts[98] * 1000:.1f} ms, "
        f"worst {max(seconds) * 1000:.1f} ms"
    )
