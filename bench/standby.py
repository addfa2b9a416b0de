"""Destroy the disk of the platform's primary under load: `make bench-standby`.

One command, everything real: a city with its standby, two gateway processes, a relay
and a sealer, in a state folder that is made for it and removed. Departments register
decisions over HTTP, each sent again under its own id until it is answered, and others
read. Then the primary's processes are killed and its data removed, and ``zhitong pg
promote`` is run as an operator would. Prints, since the disk was lost and since the
command was begun:

- how long a command takes that does nothing: what is begun in an outage begins with it;
- when the first read was answered whole, and when the first decision was acknowledged;
- how many decisions were acknowledged, before and after;
- how many of them the new primary lacks: the exit code is 1 where it is not 0.

Then ``zhitong pg rejoin`` makes a new standby under the same load, which is timed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from machine import others, running, until, zhitong
from over_http import QUESTIONS, Case, some_cases

from zhitong.exceptions import SettingsError
from zhitong.infra.client import Client
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.demonstration_decisions import draft
from zhitong.infra.note import find
from zhitong.infra.serving import client, note_path
from zhitong.infra.settings import Settings
from zhitong.infra.standby import Pair
from zhitong.types import Occasion

WHY = Occasion(purpose="case-handling", cause="bench")
OWN = "{ decisions(first: 5) { nodes { documentNo } } }"
TARGET = 60.0


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<58} {found}", flush=True)


class Load:
    """Departments that register, and somebody who reads what is registered."""

    def __init__(self, caller: Client, cases: list[Case]) -> None:
        self._caller = caller
        self._cases = cases
        self._document = (QUESTIONS / "record-decision.graphql").read_text("utf-8")
        self._number = 0
        self.acknowledged: list[tuple[float, float, str]] = []
        """When it was asked for, when acknowledged, and its id."""
        self.read: list[tuple[float, float]] = []
        self.refused: dict[str, int] = {}

    async def register(self) -> None:
        """Register one decision after another, each until it is acknowledged."""
        while True:
            self._number += 1
            number = self._number
            decision = draft(self._cases[number % len(self._cases)]) | {
                "localId": f"standby-{number}",
                "documentNo": f"安应急罚〔2026〕8{number:07d}号",
            }
            while True:
                began = time.monotonic()
                said = await self._ask(self._document, {"decision": decision})
                if said is not None:
                    done = str(said["recordDecision"]["decisionId"])
                    self.acknowledged.append((began, time.monotonic(), done))
                    break
                await asyncio.sleep(0.1)

    async def look(self) -> None:
        """Read what the platform itself has, over and over."""
        while True:
            began = time.monotonic()
            said = await self._ask(OWN, {})
            if said is not None and said["decisions"]["nodes"]:
                self.read.append((began, time.monotonic()))
            await asyncio.sleep(0.05)

    async def _ask(self, document: str, variables: dict[str, Any]) -> Any:  # noqa: ANN401 - an answer
        try:
            reply = await asyncio.to_thread(
                self._caller.ask, document, WHY, variables=variables
            )
        except SettingsError:
            return None
        if not reply.good:
            for error in reply.body.get("errors", ()):  # type: ignore[attr-defined]
                code = error["extensions"]["code"]
                self.refused[code] = self.refused.get(code, 0) + 1
            return None
        return reply.body["data"]


async def measure(settings: Settings, given: argparse.Namespace) -> int:
    """Print all figures; give how many acknowledged decisions are lost."""
    caller = client(settings, DEMO_PRINCIPALS["department"])
    load = Load(caller, await asyncio.to_thread(some_cases, caller))
    tasks = [asyncio.create_task(load.register()) for _ in range(given.callers)]
    tasks.append(asyncio.create_task(load.look()))
    try:
        return await _destroyed(settings, load, given.seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _destroyed(settings: Settings, load: Load, seconds: float) -> int:
    await asyncio.sleep(seconds)
    before = len(load.acknowledged)
    row("acknowledged before, per second", f"{before:,}, {before / seconds:,.0f}/s")
    began = time.monotonic()
    asked = await asyncio.create_subprocess_exec(
        *zhitong(settings.state, "pg", "--help"), stdout=asyncio.subprocess.DEVNULL
    )
    await asked.wait()
    row("a command that does nothing", f"{time.monotonic() - began:.1f} s")
    pair = Pair(settings.state)
    old = pair.primary()
    lost_at = time.monotonic()
    old.kill()
    shutil.rmtree(old.data)
    command = zhitong(settings.state, "pg", "promote", "--because", "bench")
    done = await asyncio.create_subprocess_exec(*command)
    await done.wait()
    promoted = time.monotonic() - lost_at
    row("zhitong pg promote", f"{promoted:.1f} s")

    async def both() -> bool:
        asked = max(began for began, _ in load.read)
        return min(asked, max(one[0] for one in load.acknowledged)) > lost_at

    await until(both, "reads and writes")
    back = {
        "reads back": _since(load.read, lost_at),
        "writes back": _since([one[:2] for one in load.acknowledged], lost_at),
    }
    for what, took in back.items():
        held = "held" if took <= TARGET else "NOT HELD"
        row(f"{what}, after the disk was lost", f"{took:.1f} s (<= 60 s: {held})")
    began = time.monotonic()
    again = await asyncio.create_subprocess_exec(
        *zhitong(settings.state, "pg", "rejoin")
    )
    await again.wait()
    row("zhitong pg rejoin, from an empty disk", f"{time.monotonic() - began:.1f} s")
    await asyncio.sleep(seconds)
    row("acknowledged in all", f"{len(load.acknowledged):,}")
    row("answers that said: try again", json.dumps(load.refused))
    lost = await _lost(settings, [one[2] for one in load.acknowledged])
    row("acknowledged and lost", str(lost))
    late = any(took > TARGET for took in back.values())
    return lost or int(late)


def _since(answered: list[tuple[float, float]], when: float) -> float:
    """Say how long after *when* the first was answered that was asked after it."""
    return min(at for began, at in answered if began > when) - when


async def _lost(settings: Settings, names: list[str]) -> int:
    connection = await asyncpg.connect(Pair(settings.state).primary().address)
    rows = await connection.fetch("select decision_id from decision")
    await connection.close()
    held = {row["decision_id"] for row in rows}
    return len(set(names) - held)


def main() -> None:
    """Make the city, lose its disk, count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    row("this machine", others())
    with TemporaryDirectory(prefix="zhitong-standby-") as folder:
        state = Path(folder) / "state"
        settings = Settings(state=state, bindings=state / "bindings")
        try:
            up = zhitong(state, "up", "--standby")
            subprocess.run(up, check=True, env={**os.environ})  # noqa: S603 - our own program
            with (
                running(state, "serve", "--port", "0", more={"ZHITONG_WORKERS": "2"}),
                running(state, "relay"),
                running(state, "seal"),
            ):

                async def there() -> bool:
                    return find(note_path(settings)) is not None

                asyncio.run(until(there, "the gateway"))
                lost = asyncio.run(measure(settings, given))
                subprocess.run(zhitong(state, "pg", "status"), check=False)  # noqa: S603 - our own program
        finally:
            subprocess.run(zhitong(state, "clean"), check=False)  # noqa: S603 - our own program
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()
