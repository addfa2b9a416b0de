"""The processes of a soak: started, looked after, ended by the nemesis."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from machine import until, zhitong

from zhitong.infra.note import find
from zhitong.infra.serving import note_path
from zhitong.infra.settings import Settings

RECEIVERS = ("provincial", "credit")
GATEWAY = "gateway"
WORKERS = 2
_ENDING_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a member is started: variables, and words before its own."""

    variables: Mapping[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()


class Crew:
    """A gateway of two processes, relays, a sealer, two consumers."""

    def __init__(self, settings: Settings, port: int, ways: Mapping[str, Way]) -> None:
        self._settings = settings
        self._ways = dict(ways)
        self._words: Mapping[str, Sequence[str]] = {
            GATEWAY: ("serve", "--port", str(port)),
            "relay a": ("relay",),
            "relay b": ("relay",),
            "sealer": ("seal",),
            **{f"consumer {name}": ("consume", name) for name in RECEIVERS},
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._wanted: set[str] = set()
        self.fallen: list[str] = []
        """Members that ended though nobody had ended them, each with its last word."""

    async def start(self) -> None:
        """Start all; the gateway answers when this returns."""
        # The gateway makes the tables the others want.
        self.begin(GATEWAY)
        await until(lambda: self.ready(GATEWAY), "the gateway")
        for name in self._words:
            if name != GATEWAY:
                self.begin(name)
        for name in self._words:
            await until(lambda name=name: self.ready(name), name)  # type: ignore[misc]

    async def look_after(self) -> None:
        """Start again what has ended by itself, as what keeps services up does."""
        while True:
            for name in sorted(self._wanted):
                process = self._running[name]
                if process.poll() is not None:
                    said = _last_words(self._log(name))
                    self.fallen.append(f"{name} ended ({process.returncode}): {said}")
                    self.begin(name)
            await asyncio.sleep(0.5)

    def begin(self, name: str, way: Way | None = None) -> None:
        """Start *name*, in another *way* than usual where one is given."""
        way = way or self._ways.get(name) or Way()
        with self._log(name).open("ab") as out:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own program
                [*way.prefix, *zhitong(self._settings.state, *self._words[name])],
                env={**os.environ, **way.variables},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._wanted.add(name)

    def way(self, name: str) -> Way:
        """Say how *name* is started usually."""
        return self._ways.get(name) or Way()

    def kill(self, name: str) -> None:
        """End it as a power cut would."""
        self._wanted.discard(name)
        process = self._running[name]
        process.kill()
        process.wait(_ENDING_SECONDS)

    async def end(self, name: str) -> None:
        """Ask it to end, and wait until it has."""
        self._wanted.discard(name)
        process = self._running[name]
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.fallen.append(f"{name} did not end within {_ENDING_SECONDS:.0f} s")
            self.kill(name)

    def tell(self, name: str, number: signal.Signals) -> None:
        """Send a signal to it and to all below it."""
        for pid in self.family(name):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to its first process alone."""
        self._running[name].send_signal(number)

    def family(self, name: str) -> Sequence[int]:
        """Give its process, and after it those it has begun."""
        pid = self._running[name].pid
        found = [pid]
        with suppress(OSError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
            found += [int(child) for child in text.split()]
        return found

    def workers(self) -> Sequence[int]:
        """Give the gateway's processes that answer."""
        found = []
        for pid in self.family(GATEWAY)[1:]:
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    async def ready(self, name: str) -> bool:
        """Say whether it is at its work."""
        process = self._running[name]
        if process.poll() is not None:
            return False
        if name == GATEWAY:
            found = find(note_path(self._settings))
            return bool(found and found.pid == process.pid)
        notes = (self._settings.state / "run").glob("*.json")
        return any((note := find(path)) and note.pid == process.pid for path in notes)

    async def all_ready(self) -> bool:
        """Say whether everybody is."""
        return all([await self.ready(name) for name in self._words])

    def members(self) -> Mapping[str, Sequence[int]]:
        """Give each member that is to run, with its processes."""
        return {name: self.family(name) for name in sorted(self._wanted)}

    def stop(self) -> None:
        """End all that runs."""
        self._wanted.clear()
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self._running.values():
            try:
                process.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def _log(self, name: str) -> Path:
        return self._settings.state / "log" / f"soak {name}.log"


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return lines[-1][:200] if lines else "it said nothing"


@dataclass(slots=True)
class Memory:
    """What each process holds, in MiB, as time goes by."""

    crew: Crew
    samples: dict[tuple[str, int], list[tuple[float, float]]] = field(
        default_factory=dict
    )
    most: float = 0.0
    """Of the machine's, used by all there is on it."""

    async def watch(self, seconds: float = 2.0) -> None:
        """Look again and again."""
        while True:
            self.most = max(self.most, _used())
            for name, pids in self.crew.members().items():
                for pid in pids:
                    if held := _resident(pid):
                        at = self.samples.setdefault((name, pid), [])
                        at.append((time.monotonic(), held))
            await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How one process grew: its median of the last third over that of the first."""

    name: str
    seconds: float
    first: float
    last: float

    @property
    def share(self) -> float:
        """By which share."""
        return self.last / self.first - 1.0


def growths(
    samples: Mapping[tuple[str, int], Sequence[tuple[float, float]]],
    since: float,
    warm: float,
    least: float,
) -> Sequence[Growth]:
    """Give the growth of each that ran *least* seconds after *warm* ones.

    Both from *since* on, or from its beginning.
    """
    found = []
    for (name, _), each in samples.items():
        begun = max(since, each[0][0])
        settled = [(at, held) for at, held in each if at - begun >= warm]
        if not settled or settled[-1][0] - settled[0][0] < least:
            continue
        third = max(1, len(settled) // 3)
        found.append(
            Growth(
                name=name,
                seconds=settled[-1][0] - settled[0][0],
                first=_median([held for _, held in settled[:third]]),
                last=_median([held for _, held in settled[-third:]]),
            )
        )
    return sorted(found, key=lambda one: -one.share)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _used() -> float:
    found = dict(
        line.split(":")
        for line in Path("/proc/meminfo").read_text("ascii").splitlines()
    )
    total, free = (int(found[n].split()[0]) for n in ("MemTotal", "MemAvailable"))
    return (total - free) / 1024


def _resident(pid: int) -> float:
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0
