"""Processes of ours beside a bench, their CPU, what else there is, and quantiles."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def zhitong(state: Path, *words: str) -> list[str]:
    """Write the command line of one of our own commands."""
    return [
        *(sys.executable, "-m", "zhitong.infra.cli"),
        *("--state", str(state), *words),
    ]


@contextmanager
def running(
    state: Path, *words: str, more: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run one of our own processes beside us, its log in the state folder.

    *more* are variables of its environment.
    """
    with (state / "log" / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            zhitong(state, *words),
            env={**os.environ, **(more or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
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
    """Say how busy the machine is, over two seconds, with what."""
    processes, before = _ticks(), _busy()
    time.sleep(2)
    after = _busy()
    share = (after[0] - before[0]) / max(1, after[1] - before[1])
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    spent: Counter[str] = Counter()
    for pid, (name, ticks) in _ticks().items():
        spent[name] += ticks - processes.get(pid, (name, 0))[1]
    names = [f"{name} {ticks / TICK / 2:.0%}" for name, ticks in spent.most_common(5)]
    named = ", ".join(one for one in names if not one.endswith(" 0%"))
    said = f"{os.cpu_count()} cores, others keep {share:.0%} busy, load {load}"
    return f"{said} ({named})" if named else said


def _ticks() -> dict[int, tuple[str, int]]:
    """Give each process but ours: its name, and the ticks it has had."""
    found = {}
    for pid, name, words in _processes():
        if pid != os.getpid():
            found[pid] = (name, int(words[11]) + int(words[12]))
    return found


def _processes() -> Iterator[tuple[int, str, list[str]]]:
    """Give each process: its number, its name, what follows in its stat."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = path.read_text().rpartition(")")
        except OSError:  # it has just ended
            continue
        yield int(path.parent.name), head.partition("(")[2], rest.split()


def _families() -> dict[int, list[int]]:
    """Give the children of each process."""
    found: dict[int, list[int]] = {}
    for pid, _, words in _processes():
        found.setdefault(int(words[1]), []).append(pid)
    return found


def _family(root: int, families: Mapping[int, Sequence[int]]) -> Iterator[int]:
    yield root
    for child in families.get(root, ()):
        yield from _family(child, families)


def cpu_seconds(*roots: int) -> Sequence[float]:
    """Give the CPU seconds of each process with all below it, ended ones included."""
    ended = {
        pid: (int(words[13]) + int(words[14])) / TICK for pid, _, words in _processes()
    }
    families = _families()
    found = []
    for root in roots:
        spent = 0.0
        for pid in _family(root, families):
            with suppress(OSError):  # it has just ended
                # A process's own clock (clock_getcpuclockid): ticks are too coarse.
                spent += time.clock_gettime(~pid << 3 | 2) + ended.get(pid, 0.0)
        found.append(spent)
    return found


def memory(root: int, line: str = "VmHWM") -> float:
    """Give the MiB of a process with all below it: its most, or *line*'s (VmRSS)."""
    kilobytes = 0
    for pid in _family(root, _families()):
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            found = re.search(rf"{line}:\s+(\d+) kB", status)
            kilobytes += int(found[1]) if found else 0
    return kilobytes / 1024


def servers(state: Path) -> Mapping[str, int]:
    """Give the processes of the databases of a state folder, by their names."""
    return {
        path.parent.name: int(path.read_text().split()[0])
        for path in sorted(state.glob("postgres/*/postmaster.pid"))
    }


class Processes:
    """The servers of the databases in some state folders, as far as CPU goes."""

    def __init__(self, *states: Path) -> None:
        self._servers = [pid for state in states for pid in servers(state).values()]

    def used(self, pid: int) -> tuple[float, float]:
        """Give the CPU seconds of process *pid*, and of the databases."""
        one, *theirs = cpu_seconds(pid, *self._servers)
        return one, sum(theirs)

    def elsewhere(self) -> float:
        """Give the CPU seconds that neither we nor the databases have had."""
        ours, *theirs = cpu_seconds(os.getpid(), *self._servers)
        return _busy()[0] / TICK - ours - sum(theirs)


def quantiles(seconds: Sequence[float]) -> str:
    """Write median, 99th percentile and worst in milliseconds."""
    parts = statistics.quantiles(seconds, n=100, method="inclusive")
    return (
        f"p50 {parts[49] * 1000:.1f} ms, p99 {parts[98] * 1000:.1f} ms, "
        f"worst {max(seconds) * 1000:.1f} ms"
    )
