"""Capture five departments while they write, and compare: `make bench-capture`.

Embedded PostgreSQL for the departments and for the platform, in a state folder that is
made for it and removed; a capture of each department as a process of its own. Sixteen
writers insert, correct, declare void, commit late and roll back; captures are killed
(``kill -9``) as they go. Then every row of every department is compared with the
ledger by SQL that knows no binding, and with the department's own log of what it
committed. Prints for each department, with its shape,

- rows that are decisions there, how many the ledger holds as they are, void ones;
- missed, doubled, otherwise, events too many or too few, work by its code;

and how long after the last write all of it was in the ledger. The command exits with 1
where anything is missed, doubled or otherwise. No rate is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from capture_city import (
    SYSTEMS,
    Compared,
    System,
    Writer,
    compared,
    prepare_city,
    write_binding,
)
from machine import others, zhitong

from zhitong.infra.city_load import BINDINGS, SOURCES
from zhitong.infra.embedded import clean, databases
from zhitong.infra.platform_database import PLATFORM, claim
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings

CITY = "departments"
WRITERS = 16
PATIENCE = 600.0
SHAPES: Mapping[str, str] = {
    "market": "bigint key, dates, yuan; timestamptz by the clock",
    "emergency": "text key, 2026年1月2日, 万元; no version at all",
    "transport": "bigint key, 2026/01/02, yuan as text; numbers of a sequence",
    "dongling": "bigint key, party apart, float 万元; epoch milliseconds",
    "xihe": "text key, dates, fen, officers apart; a clock as text",
}


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<34} {found}", flush=True)


class Captures:
    """A capture of each department, as processes that are killed and begun again."""

    def __init__(self, state: Path, environ: Mapping[str, str]) -> None:
        self._state = state
        self._environ = environ
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = 0

    def begin(self, source: str) -> None:
        """Begin a capture, its log in the state folder."""
        with (self._state / "log" / f"capture-{source}.log").open("ab") as log:
            self._running[source] = subprocess.Popen(  # noqa: S603 - our own program
                zhitong(self._state, "capture", "run", source),
                env=self._environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self, source: str) -> None:
        """Kill a capture where it is, and begin it again."""
        process = self._running[source]
        if process.poll() is not None:
            raise SystemExit(f"the capture of {source} ended by itself: see its log")
        process.kill()
        process.wait()
        self.kills += 1
        self.begin(source)

    def end(self) -> None:
        """End all of them."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(60)


async def strike(captures: Captures, kills: int, rng: random.Random) -> None:
    """Kill one capture after another, at random moments."""
    for _ in range(kills):
        await asyncio.sleep(1 + 4 * rng.random())
        captures.kill(rng.choice(list(SYSTEMS)))


async def write(url: str, each: int, seed: int) -> None:
    """Have all writers write."""
    systems = list(SYSTEMS.values())
    writers = [
        Writer(
            url,
            systems[number % len(systems)],
            random.Random(f"{seed}/{number}"),  # noqa: S311 - a seed
            10_000 * number,
        )
        for number in range(WRITERS)
    ]
    await asyncio.gather(*(writer.run(each) for writer in writers))


async def settled(city: str, platform: str) -> Sequence[tuple[System, Compared]]:
    """Compare until nothing is missed, or for long enough; give what was found."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = [
            (system, await compared(city, platform, system))
            for system in SYSTEMS.values()
        ]
        if all(one.whole for _, one in found) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(1)


async def measure(
    city: str, platform: str, captures: Captures, given: argparse.Namespace
) -> bool:
    """Run everything and print what was found; say whether it is whole."""
    rng = random.Random(given.seed)  # noqa: S311 - a seed
    began = time.monotonic()
    for source in SYSTEMS:
        captures.begin(source)
    async with asyncio.TaskGroup() as group:
        group.create_task(strike(captures, given.kills, rng))
        group.create_task(write(city, given.each, given.seed))
    wrote = time.monotonic()
    found = await settled(city, platform)
    row("seed", str(given.seed))
    row("transactions", f"{WRITERS * given.each:,} of {WRITERS} writers")
    row("captures killed", str(captures.kills))
    row("all written after", f"{wrote - began:.1f} s")
    row("all in the ledger", f"{time.monotonic() - wrote:.1f} s later")
    for system, one in found:
        print(f"\n{system.source}: {SHAPES[system.source]}")
        row("  decisions in its tables", f"{one.rows:,}, {one.void:,} of them void")
        row("  held as they are there", f"{one.held:,}")
        row("  written meanwhile, refused", f"{one.written:,}, {one.refused:,}")
        row("  work, by code", str(dict(one.waiting)) if one.waiting else "none")
        for name in ("missed", "doubled", "other"):
            keys = getattr(one, name)
            row(f"  {name}", f"{len(keys):,} {', '.join(keys[:5])}")
        row("  events too many or too few", f"{one.events:,}")
    return all(one.whole for _, one in found)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=300, help="transactions of each")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--scale", default="small")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    state = (Path(".zhitong/bench") / f"capture-{os.getpid()}").resolve()
    bindings = state / "bindings"
    settings = Settings(state=state, bindings=bindings)
    row("the machine before", others())
    captures: Captures | None = None
    try:
        # All departments are one server here, and each capture reads registers there.
        many = {"max_connections": "400"}
        urls = databases([CITY, PLATFORM], {}, state, many)
        platform = claim(settings, urls[PLATFORM])
        bindings.mkdir(parents=True, exist_ok=True)
        for name in SOURCES:
            shutil.copy(BINDINGS / f"{name}.toml", bindings)
        for system in SYSTEMS.values():
            write_binding(bindings, system)
        make_demo_keys(state, ["provincial", "credit"])
        asyncio.run(prepare_city(urls[CITY], given.scale))
        named = {f"ZHITONG_DATABASE_{name.upper()}": urls[CITY] for name in SOURCES}
        environ = {**os.environ, **named, "ZHITONG_BINDINGS": str(bindings)}
        (state / "log").mkdir(exist_ok=True)
        captures = Captures(state, environ)
        right = asyncio.run(measure(urls[CITY], platform, captures, given))
    finally:
        if captures is not None:
            captures.end()
        clean(state)
    row("the machine after", others())
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
