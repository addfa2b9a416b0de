"""The processes of a soak: started, killed at their time, started again."""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from machine import until, zhitong
from soak_load import Load

from zhitong.infra.broker import Broker, choose
from zhitong.infra.note import find
from zhitong.infra.serving import note_path
from zhitong.infra.settings import Settings

RECEIVERS = ("provincial", "credit")
_AWAY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Kills:
    """How many of each, evenly over the work."""

    relays: int
    brokers: int
    gateways: int
    consumers: int


class Crew:
    """A gateway, two relays, two consumers, and the broker below them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._broker = Broker(settings.state, choose(settings))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        self._words = {
            "gateway": ("serve", "--port", port),
            "relay a": ("relay",),
            "relay b": ("relay",),
            **{f"consumer {name}": ("consume", name) for name in RECEIVERS},
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._victims = itertools.cycle(("relay a", "relay b"))
        self._readers = itertools.cycle(RECEIVERS)
        self._returning: dict[str, asyncio.Task[None]] = {}
        self.killed: list[str] = []

    async def start(self) -> None:
        """Start all; the gateway answers when this returns."""
        # The gateway makes the tables the others want.
        self._start("gateway")
        await until(self._serves, "the gateway")
        for name in self._words:
            if name != "gateway":
                self._start(name)

    async def during(self, load: Load, kills: Kills) -> None:
        """Run *load*, killing while it runs."""
        plan: list[tuple[float, Callable[[], Awaitable[None]]]] = []
        kinds: tuple[tuple[float, int, Callable[[], Awaitable[None]]], ...] = (
            (0.0, kills.relays, self._kill_relay),
            # Each kind a little apart, so that several are away at a time.
            (0.01, kills.brokers, self._kill_broker),
            (-0.1, kills.gateways, self._kill_gateway),
            (0.03, kills.consumers, self._kill_consumer),
        )
        for lead, count, act in kinds:
            plan += [(lead + (n + 1) / (count + 1), act) for n in range(count)]
        working = asyncio.create_task(load.run())
        for share, act in sorted(plan, key=lambda one: one[0]):
            while load.progress < share and not working.done():  # noqa: ASYNC110 - as it goes
                await asyncio.sleep(0.01)
            await act()
        await working
        for back in self._returning.values():
            await back

    def stop(self) -> None:
        """End all that runs."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(60)

    def _start(self, name: str) -> None:
        log = self._settings.state / "log" / f"soak {name}.log"
        with log.open("ab") as out:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own program
                zhitong(self._settings.state, *self._words[name]),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def _kill(self, name: str) -> None:
        process = self._running[name]
        if process.poll() is not None:
            raise SystemExit(f"{name} had ended by itself with {process.returncode}")
        process.kill()
        process.wait(60)
        self.killed.append(name)

    async def _kill_relay(self) -> None:
        await self._kill_for_a_while(next(self._victims))

    async def _kill_consumer(self) -> None:
        await self._kill_for_a_while(f"consumer {next(self._readers)}")

    async def _kill_gateway(self) -> None:
        await self._kill_for_a_while("gateway")

    async def _kill_for_a_while(self, name: str) -> None:
        """Kill; the others go on, and so does the plan, while it is away."""
        await self._back(name)
        self._kill(name)

        async def again() -> None:
            await asyncio.sleep(_AWAY_SECONDS)
            self._start(name)
            if name == "gateway":
                await until(self._serves, "the gateway again")

        self._returning[name] = asyncio.create_task(again())

    async def _kill_broker(self) -> None:
        await self._back("broker")
        await asyncio.to_thread(self._broker.kill)
        place, began = len(self.killed), time.perf_counter()
        self.killed.append("broker")

        async def again() -> None:
            await asyncio.sleep(_AWAY_SECONDS)
            await asyncio.to_thread(self._broker.start)
            self.killed[place] += f" ({time.perf_counter() - began:.1f} s away)"

        self._returning["broker"] = asyncio.create_task(again())

    async def _back(self, name: str) -> None:
        if name in self._returning:
            await self._returning[name]

    async def _serves(self) -> bool:
        process = self._running["gateway"]
        if process.poll() is not None:
            raise SystemExit(f"the gateway ended with {process.returncode}")
        found = find(note_path(self._settings))
        return found is not None and found.pid == process.pid
