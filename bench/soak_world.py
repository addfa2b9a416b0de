"""The place of a soak: its servers, its processes, the lines between, its disks."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from chaos_proxy import Address, Upstream
from machine import until, zhitong
from soak_crew import GATEWAY, RECEIVERS, WORKERS, Crew, Way
from soak_disks import LARGE_MIB, may_mount, small_disk
from soak_facts import Places, groups, watch_effects
from soak_ledger import Attempt
from soak_lines import CutOff, Line, Room, has_rooms, sweep
from soak_load import Load

from zhitong.exceptions import ZhitongError
from zhitong.infra.broker import Broker, choose
from zhitong.infra.broker_access import administrator
from zhitong.infra.consuming import database_name
from zhitong.infra.embedded import Cluster, address, variable
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.platform_database import OWNER
from zhitong.infra.postgres_server import Server
from zhitong.infra.settings import Settings
from zhitong.infra.standby import MEMBERS, Pair
from zhitong.streams.kafka_client import AWAY

DEPARTMENT = "emergency"
"""The department whose cases are decided."""
BROKER = "broker"
_AWAY = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    TimeoutError,
    ZhitongError,
)
OPERATOR_SECONDS = 90.0
"""For which an operator tries again."""


class BrokenError(Exception):
    """A fault has broken what it must not break; its kind has seen it."""


class World:
    """Everything a nemesis can lay hands on.

    *standby*: the platform's database has one; *nodes*: how many brokers there are.
    """

    def __init__(self, settings: Settings, *, standby: bool = False) -> None:
        self.settings = settings
        self.standby = standby
        self.nodes = settings.kafka_nodes
        self.broker = Broker(settings.state, choose(settings), self.nodes)
        self.lines: dict[str, Line] = {}
        self.disks: dict[str, Path] = {}
        """Small disks of ours, by what lies on them."""
        self.crew: Crew
        self.load: Load
        self.imports: str
        """The platform's database, by the line the gateway has to it."""
        self.figures: dict[str, str] = {}
        """What kinds of faults have measured."""
        self._rooms: list[Room] = []
        self._cut_off: CutOff | None = None
        self._probe: asyncpg.Connection | None = None
        self._asking = asyncio.Lock()
        self._awaited: Attempt | None = None
        self._arrived: Attempt | None = None
        self._turns = itertools.count()

    async def start(self) -> None:
        """Lay the disks, the lines, and start everybody."""
        await asyncio.to_thread(self._small_disks)
        if has_rooms():
            sweep()
            self._cut_off = CutOff.made()
            self._rooms.append(self._cut_off)
        ways = await self._kafka_ways() if self.nodes > 1 else await self._clear_ways()
        self.crew = Crew(self.settings, _free_port(), ways)
        await self.crew.start()
        for name in RECEIVERS:
            # Each consumer begins its database, and makes its tables, by itself.
            await until(lambda name=name: self._watched(name), f"the tables of {name}")  # type: ignore[misc]

    def stop(self) -> None:
        """End everybody and take away what lies outside the state folder."""
        if hasattr(self, "crew"):
            self.crew.stop()
        for line in self.lines.values():
            line.close()
        for room in self._rooms:
            room.remove()

    @property
    def wire(self) -> CutOff | None:
        """The room on a wire of its own that one relay is in; None: there is none."""
        return self._cut_off

    def turn(self, count: int) -> int:
        """Give the next of 1 to *count*."""
        return next(self._turns) % count + 1

    async def operator(self, *words: str) -> None:
        """Run one of our commands as an operator would: again where it fails."""
        deadline = time.monotonic() + OPERATOR_SECONDS
        # Not a pipe: servers that it starts would keep that open.
        log = self.settings.state / "log" / "soak operator.log"
        while True:
            with log.open("ab") as out:
                began = out.tell()
                done = await asyncio.create_subprocess_exec(
                    *zhitong(self.settings.state, *words),
                    stdout=out,
                    stderr=out,
                    env={**os.environ, "ZHITONG_KAFKA_NODES": str(self.nodes)},
                )
                await done.wait()
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                said = log.read_bytes()[began:].decode(errors="replace")
                last = " / ".join(said.strip().splitlines()[-3:])
                raise BrokenError(f"zhitong {' '.join(words)}: {last}")
            await asyncio.sleep(2.0)

    def pair(self) -> Pair:
        """Give the platform's two servers."""
        return Pair(self.settings.state)

    def cluster(self, name: str) -> Cluster:
        """Give the server *name* by itself, or the two that are the platform's."""
        return Cluster(self.settings.state, [name])

    def leader(self, name: str) -> Server:
        """Give the server that takes writes as *name*."""
        if name == PLATFORM and self.standby:
            return self.pair().primary()
        return self.cluster(name).server(name)

    def revive(self, server: Server) -> None:
        """Start *server* again unless it has come back by itself."""
        if server.postmaster() is None:
            # Of the two neither is started without the other.
            name = PLATFORM if server.name in MEMBERS else server.name
            self.cluster(name).start()

    def superuser(self, name: str) -> str:
        """Give the address of the superuser of the server *name*."""
        return self.leader(name).address

    def places(self, seed: int) -> Places:
        """Say where the facts of a soak are."""
        return Places(
            settings=self.settings,
            platform=self.superuser(PLATFORM),
            receivers={n: self.superuser(database_name(n)) for n in RECEIVERS},
            seed=seed,
        )

    async def flows(self, since: float) -> bool:
        """Say whether something decided after *since* has gone all the way."""
        # The same until it has come: of what is newest receipts are never there yet.
        step = self._awaited
        if step is None or step.began < since:
            step = self._awaited = self.load.last_ok
        if self._arrived is not None and self._arrived.began >= since:
            return await self.crew.all_ready()
        if step is None or step.began < since or not await self.crew.all_ready():
            return False
        async with self._asking:
            if await self._is_answered([event for event, _ in step.events]):
                self._arrived = step
        return self._arrived is step

    async def note_groups(self, why: str) -> None:
        """Write down beside the logs how the broker's groups are."""
        with suppress(*AWAY):
            said = await asyncio.to_thread(groups, administrator(self.settings))
            path = self.settings.state / "log" / "soak groups.log"
            with path.open("a") as log:
                log.write(f"{datetime.now(UTC):%H:%M:%S} {why}\n{said}\n")

    async def _is_answered(self, events: Sequence[str]) -> bool:
        """Ask over a line that is kept: this is asked very often."""
        try:
            if self._probe is None:
                url = self.superuser(PLATFORM)
                self._probe = await asyncpg.connect(url, timeout=5)
            count = await self._probe.fetchval(
                "select count(distinct (event_id, receiver)) from receipt"
                " where answer <> 'WAITING' and event_id = any($1::text[])",
                events,
                timeout=5,
            )
        except _AWAY:
            self.forget()
            return False
        return bool(count == len(RECEIVERS))

    def forget(self) -> None:
        """Ask over another line from now on."""
        if self._probe is not None:
            self._probe.terminate()
            self._probe = None

    async def ask(
        self, statement: str, *values: object, name: str = PLATFORM
    ) -> object:
        """Ask a server for one value, as its superuser."""
        connection = await asyncpg.connect(self.superuser(name), timeout=5)
        try:
            return await connection.fetchval(statement, *values, timeout=10)
        finally:
            connection.terminate()

    async def _watched(self, name: str) -> bool:
        try:
            return await watch_effects(self.superuser(database_name(name)))
        except _AWAY:
            return False

    async def _clear_ways(self) -> dict[str, Way]:
        """Lead all over lines that can read what is said: one broker, without TLS."""
        broker = [self._port(self.broker.nodes[0].name)]
        relays = await self._line("relay – broker", broker, swap=True)
        consumers = await self._line("consumer – broker", broker, swap=True)
        ledger = await self._line("relay – platform", self._platform())
        relay = Way(variables={**_kafka(self, relays), **self._ledger(ledger)})
        ways = {"relay a": relay, "relay b": relay, GATEWAY: await self._gateway()}
        for name in RECEIVERS:
            ways[f"consumer {name}"] = Way(variables=_kafka(self, consumers))
        if (wire := self._cut_off) is not None:
            theirs = await self._line("wire – broker", broker, wire.outside, swap=True)
            own = await self._line("wire – platform", self._platform(), wire.outside)
            variables = {**_kafka(self, theirs), **self._ledger(own)}
            ways["relay b"] = Way(variables=variables, prefix=wire.prefix)
        return ways

    async def _kafka_ways(self) -> dict[str, Way]:
        """Lead to brokers that speak TLS, out of rooms where ours stand for them."""
        ways = {GATEWAY: await self._gateway()}
        if (wire := self._cut_off) is None:
            ledger = await self._line("relay – platform", self._platform())
            relay = Way(variables=self._ledger(ledger))
            return ways | {"relay a": relay, "relay b": relay}
        brokers = [self._port(node.name) for node in self.broker.nodes]
        room, other = Room.called("r"), Room.called("c")
        self._rooms += [room, other]
        for where, line in (
            (room, "relay – broker"),
            (other, "consumer – broker"),
            (wire, "wire – broker"),
        ):
            self.lines[line] = Line()
            await self.lines[line].lead_in(where, brokers, same=True)
        self.lines["relay – platform"] = Line()
        ledger = await self.lines["relay – platform"].lead_in(room, self._platform())
        ways["relay a"] = Way(variables=self._ledger(ledger), prefix=room.prefix)
        own = await self._line("wire – platform", self._platform(), wire.outside)
        ways["relay b"] = Way(variables=self._ledger(own), prefix=wire.prefix)
        # They are started here: a consumer would start one in its own room.
        names = [database_name(name) for name in RECEIVERS]
        cluster = Cluster(self.settings.state, names)
        found = await asyncio.to_thread(cluster.start)
        self.lines["consumer – database"] = Line()
        for name, own_database in zip(RECEIVERS, names, strict=True):
            at = await self.lines["consumer – database"].lead_in(
                other, [self._port(own_database)]
            )
            given = _through(found[own_database], at)
            ways[f"consumer {name}"] = Way(
                variables={variable(own_database): given}, prefix=other.prefix
            )
        return ways

    async def _gateway(self) -> Way:
        look_up = address(self.settings.state, os.environ)
        own = await self._line("gateway – platform", self._platform())
        theirs = await self._line("gateway – department", [self._port(DEPARTMENT)])
        self.imports = _through(look_up(PLATFORM), own)
        return Way(
            variables={
                "ZHITONG_WORKERS": str(WORKERS),
                variable(PLATFORM): _through(look_up(PLATFORM), own),
                variable(OWNER): _through(look_up(OWNER), own),
                variable(DEPARTMENT): _through(look_up(DEPARTMENT), theirs),
            }
        )

    def _ledger(self, at: Sequence[Address]) -> Mapping[str, str]:
        found = address(self.settings.state, os.environ)(PLATFORM)
        return {variable(PLATFORM): _through(found, at)}

    def _platform(self) -> Sequence[Upstream]:
        names = MEMBERS if self.standby else (PLATFORM,)
        return [self._port(name) for name in names]

    def _port(self, name: str) -> Upstream:
        file = self.settings.state / "port" / name

        def find() -> Address:
            return "127.0.0.1", int(file.read_text("ascii"))

        return find

    async def _line(
        self,
        name: str,
        upstreams: Sequence[Upstream],
        host: str = "127.0.0.1",
        *,
        swap: bool = False,
    ) -> Sequence[Address]:
        self.lines[name] = Line()
        return await self.lines[name].lead(upstreams, host, swap=swap)

    def _small_disks(self) -> None:
        """Put a broker's log on a disk that can be filled, as root may."""
        node = self.broker.nodes[0]
        data = node.home / "data"
        if not may_mount() or not data.exists():
            return
        self.broker.stop(node.number)
        small_disk(data, LARGE_MIB)
        self.disks["broker log"] = data
        self.broker.start(node.number)


def _kafka(world: World, at: Sequence[Address]) -> Mapping[str, str]:
    return {
        "ZHITONG_KAFKA": ",".join(f"{host}:{port}" for host, port in at),
        "ZHITONG_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "ZHITONG_KAFKA_USERS": str(world.broker.home / "users"),
    }


def _through(url: str | None, at: Sequence[Address]) -> str:
    """Write the address *url* by way of a line of ours."""
    parts = urlsplit(url or "")
    login, _, _ = parts.netloc.rpartition("@")
    hosts = ",".join(f"{host}:{port}" for host, port in at)
    return parts._replace(netloc=f"{login}@{hosts}").geturl()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
