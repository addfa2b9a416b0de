"""Where the CPU of a decision goes, by process: `make bench-entry`.

A gateway over the embedded demo city takes decisions over HTTP, from one caller and
from sixteen. Printed is the CPU of the gateway, of the platform's PostgreSQL, of the
departments' and of the callers, per decision, with the rate; and how many statements
each server is sent for one. What they spend while nobody asks is taken off. With
``--before FOLDER`` the gateway of another checkout takes its turns in between. Nothing
is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import uvloop
from machine import cpu_seconds, others, running, servers, until, zhitong
from over_http import BARE, RECORD, Case, over_http, some_cases

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.note import find
from zhitong.infra.serving import client, note_path
from zhitong.infra.settings import Settings

DEPARTMENT = DEMO_PRINCIPALS["department"]
CALLERS = (1, 16)
COUNTED = 100
"""Decisions whose statements are counted."""
IDLE = 4.0
"""Seconds in which nobody asks: what a second costs then is no decision's."""
Figures = dict[str, float]


class Bench:
    """A city with its servers, and what they have spent."""

    def __init__(self, settings: Settings, document: str) -> None:
        self._settings = settings
        self._document = document
        self._servers = servers(settings.state)
        self._numbers = 0

    def spent(self, gateway: int) -> Figures:
        """Give the CPU seconds so far, by what has had them."""
        names = [*self._servers]
        pids = [self._servers[name] for name in names]
        ours, *theirs = cpu_seconds(gateway, *pids)
        by_name = dict(zip(names, theirs, strict=True))
        platform = by_name.pop(PLATFORM)
        return {
            "gateway": ours,
            "platform's PostgreSQL": platform,
            "departments' PostgreSQL": sum(by_name.values()),
            "callers": time.process_time(),
        }

    async def taken(self, folder: Path, count: int) -> dict[int, Figures]:
        """Let the gateway of *folder* take decisions; give figures by callers."""
        settings = self._settings
        more = {"PYTHONPATH": str(folder / "src")}
        found: dict[int, Figures] = {}
        with running(settings.state, "serve", "--port", "0", more=more):

            async def there() -> bool:
                return find(note_path(settings)) is not None

            await until(there, "the gateway")
            note = find(note_path(settings))
            pid = note.pid if note else 0
            cases = await asyncio.to_thread(some_cases, client(settings, DEPARTMENT))
            await self._decide(cases, 8, 200)  # what is made at first use
            before = self.spent(pid)
            await asyncio.sleep(IDLE)
            after = self.spent(pid)
            idle = {name: (after[name] - before[name]) / IDLE for name in before}
            idle["callers"] = 0.0  # what we spent was looking at the others
            for callers in CALLERS:
                number = count // 4 if callers == 1 else count
                before = self.spent(pid)
                rate = await self._decide(cases, callers, number)
                after = self.spent(pid)
                seconds = number / rate
                found[callers] = {
                    name: (after[name] - before[name] - idle[name] * seconds)
                    / number
                    * 1000
                    for name in before
                } | {"rate": rate}
            found[0] = await self._statements(cases)
        return found

    async def _decide(self, cases: Sequence[Case], callers: int, count: int) -> float:
        self._numbers += 1
        name = f"{os.getpid()}-{self._numbers}"
        caller = client(self._settings, DEPARTMENT)
        rate, _ = await over_http(
            caller, cases, callers, count, called=name, document=self._document
        )
        return rate

    async def _statements(self, cases: Sequence[Case]) -> Figures:
        """Count the statements that each server is sent for a decision."""
        logs = {
            name: self._settings.state / "log" / f"{name}.log" for name in self._servers
        }
        await self._logged("all")
        sizes = {name: log.stat().st_size for name, log in logs.items()}
        await self._decide(cases, 1, COUNTED)
        found: Figures = {}
        for name, log in logs.items():
            with log.open("rb") as file:
                file.seek(sizes[name])
                lines = file.read().decode(errors="replace").splitlines()
            sent = [line for line in lines if "execute" in line or "statement:" in line]
            found[name] = len(sent) / COUNTED
        await self._logged("none")
        return found

    async def _logged(self, what: str) -> None:
        """Have the servers log statements; departments let nobody else say so."""
        for name, pid in self._servers.items():
            folder = self._settings.state / "postgres" / name
            with (folder / "postgresql.auto.conf").open("a") as file:
                file.write(f"log_statement = '{what}'\n")
            os.kill(pid, signal.SIGHUP)
        await asyncio.sleep(0.3)  # a server reads its files when it comes to it


def told(found: Sequence[dict[int, Figures]]) -> None:
    """Print the medians of some rounds."""
    for callers in CALLERS:
        gathered: dict[str, list[float]] = defaultdict(list)
        for one in found:
            for name, value in one[callers].items():
                gathered[name].append(value)
        medians = {name: statistics.median(some) for name, some in gathered.items()}
        rate = medians.pop("rate")
        said = ", ".join(f"{name} {value:.2f}" for name, value in medians.items())
        print(f"  {callers:>2} callers: {rate:>4.0f}/s; CPU ms of each: {said}")
    said = ", ".join(f"{name} {value:.1f}" for name, value in found[-1][0].items())
    print(f"  statements of each: {said}", flush=True)


async def measure(settings: Settings, given: argparse.Namespace) -> None:
    """Print all figures."""
    here = Path(__file__).parents[1]
    folders = [given.before.resolve(), here] if given.before else [here]
    bench = Bench(settings, BARE if given.bare else RECORD)
    found: dict[Path, list[dict[int, Figures]]] = defaultdict(list)
    for _ in range(given.rounds):
        for folder in folders:
            found[folder].append(await bench.taken(folder, given.decisions))
    for folder in folders:
        print(f"{folder}: medians of {given.rounds}")
        told(found[folder])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout of this")
    parser.add_argument(
        "--bare", action="store_true", help="ask for nothing that is read again"
    )
    parser.add_argument("--state", type=Path, help="a city that is up, and stays so")
    given = parser.parse_args()
    made = Path(".zhitong/bench") / f"entry-{os.getpid()}"
    state: Path = (given.state or made).resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    print(f"the machine before: {others()}", flush=True)
    try:
        if not given.state:
            subprocess.run(zhitong(state, "up"), check=True)  # noqa: S603 - ours
        uvloop.run(measure(settings, given))
    finally:
        if not given.state:
            subprocess.run(zhitong(state, "clean"), check=True)  # noqa: S603 - ours
    print(f"the machine after: {others()}", flush=True)


if __name__ == "__main__":
    main()
