"""The place of a soak: its servers, its processes, the lines between, its disks."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from chaos_proxy import Address, ChaosProxy, Upstream
from machine import until
from soak_crew import GATEWAY, RECEIVERS, WORKERS, Crew, Way
from soak_facts import Places, watch_effects
from soak_load import Load

from zhitong.infra.broker import Broker, choose
from zhitong.infra.consuming import database_name
from zhitong.infra.embedded import Cluster, address, kept, variable
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.platform_database import OWNER
from zhitong.infra.settings import Settings

DEPARTMENT = "emergency"
"""The department whose cases are decided."""
BROKER = "broker"
_INSIDE, _OUTSIDE = "10.99.0.2", "10.99.0.1"
"""As long as 127.0.0.1 is written, for Kafka's answers to be rewritten in place."""
_SMALL_WAL: Mapping[str, str] = {"max_wal_size": "128MB", "min_wal_size": "48MB"}
_WAL_MIB, _LOG_MIB = 512, 2_048


class World:
    """Everything a nemesis can lay hands on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broker = Broker(settings.state, choose(settings))
        self.lines: dict[str, ChaosProxy] = {}
        self.disks: dict[str, Path] = {}
        """Small disks of ours, by what lies on them."""
        self.crew: Crew
        self.load: Load
        self.notes: list[str] = []
        """What this machine cannot do."""
        self._cut_off = CutOff() if _may_cut_off() else None
        self._names = kept(settings.state)

    async def start(self) -> None:
        """Lay the disks, the lines, and start everybody."""
        await asyncio.to_thread(self._small_disks)
        broker = await self._line("relay – broker", self._broker_at, swap=True)
        ledger = await self._line("relay – platform", self._at(PLATFORM))
        own = await self._line("gateway – platform", self._at(PLATFORM))
        theirs = await self._line("gateway – department", self._at(DEPARTMENT))
        consumers = await self._line("consumer – broker", self._broker_at, swap=True)
        look_up = address(self.settings.state, os.environ)
        relay = {
            **self._kafka(broker),
            variable(PLATFORM): _through(look_up(PLATFORM), ledger),
        }
        gateway = {
            "ZHITONG_WORKERS": str(WORKERS),
            variable(PLATFORM): _through(look_up(PLATFORM), own),
            variable(OWNER): _through(look_up(OWNER), own),
            variable(DEPARTMENT): _through(look_up(DEPARTMENT), theirs),
        }
        ways = {
            "relay a": Way(variables=relay),
            "relay b": Way(variables=relay),
            GATEWAY: Way(variables=gateway),
            **{
                f"consumer {name}": Way(variables=self._kafka(consumers))
                for name in RECEIVERS
            },
        }
        if self._cut_off is not None:
            ways["relay b"] = await self._beyond(self._cut_off)
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
        if self._cut_off is not None:
            self._cut_off.remove()

    def unmount(self) -> None:
        """Take the small disks away, once nobody uses them."""
        for disk in self.disks.values():
            subprocess.run(["umount", "-l", str(disk)], check=False)  # noqa: S603, S607 - our own mount

    @property
    def partition(self) -> CutOff | None:
        """The namespace that one relay runs in; None: this machine has none."""
        return self._cut_off

    def cluster(self, name: str) -> Cluster:
        """Give the server *name* by itself."""
        small = name == PLATFORM and "wal" in self.disks
        return Cluster(self.settings.state, [name], _SMALL_WAL if small else None)

    def superuser(self, name: str) -> str:
        """Give the address of the superuser of the server *name*."""
        secret = (self.settings.state / "database" / "postgres").read_text("ascii")
        host, port = self._at(name)()
        return f"postgresql://postgres:{secret}@{host}:{port}/postgres"

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
        step = self.load.last_ok
        if step is None or step.began < since or not await self.crew.all_ready():
            return False
        events = [event for event, _ in step.events]
        try:
            count = await self.ask(
                "select count(distinct (event_id, receiver)) from receipt"
                " where answer <> 'WAITING' and event_id = any($1::text[])",
                events,
            )
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return count == len(step.events)

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
        except (OSError, asyncpg.PostgresError):
            return False

    def _broker_at(self) -> Address:
        host, _, port = (self.broker.address() or "127.0.0.1:1").partition(":")
        return host, int(port)

    def _at(self, name: str) -> Upstream:
        def find() -> Address:
            port = (self.settings.state / "port" / name).read_text("ascii")
            return "127.0.0.1", int(port)

        return find

    async def _line(
        self,
        name: str,
        upstream: Upstream,
        host: str = "127.0.0.1",
        *,
        swap: bool = False,
    ) -> Address:
        line = ChaosProxy(upstream, host, swap=swap)
        self.lines[name] = line
        return host, await line.start()

    def _kafka(self, at: Address) -> Mapping[str, str]:
        return {
            "ZHITONG_KAFKA": f"{at[0]}:{at[1]}",
            "ZHITONG_KAFKA_SECURITY": "SASL_PLAINTEXT",
            "ZHITONG_KAFKA_USERS": str(self.broker.home / "users"),
        }

    async def _beyond(self, cut_off: CutOff) -> Way:
        """Let a relay run behind a wire of its own, which can be cut."""
        cut_off.make()
        broker = await self._line("wire – broker", self._broker_at, _OUTSIDE, swap=True)
        ledger = await self._line("wire – platform", self._at(PLATFORM), _OUTSIDE)
        look_up = address(self.settings.state, os.environ)
        return Way(
            variables={
                **self._kafka(broker),
                variable(PLATFORM): _through(look_up(PLATFORM), ledger),
            },
            prefix=("ip", "netns", "exec", cut_off.name),
        )

    def _small_disks(self) -> None:
        """Put WAL and broker's log on disks that can be filled, as root may."""
        if os.geteuid() != 0 or shutil.which("mount") is None:
            self.notes.append("no root: no small disks to fill")
            return
        wal = self.settings.state / "postgres" / PLATFORM / "pg_wal"
        self.cluster(PLATFORM).stop()
        if self._mounted(wal, _WAL_MIB):
            self.disks["wal"] = wal
        self.cluster(PLATFORM).start()
        log = self.broker.nodes[0].home / "data"
        self.broker.stop()
        if log.exists() and self._mounted(log, _LOG_MIB):
            self.disks["broker log"] = log
        self.broker.start()

    def _mounted(self, folder: Path, mebibytes: int) -> bool:
        owner, aside = folder.stat(), folder.with_name(f"{folder.name}.aside")
        folder.rename(aside)
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.st_uid, owner.st_gid)
        what = f"size={mebibytes}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
        done = subprocess.run(  # noqa: S603 - our own folder
            ["mount", "-t", "tmpfs", "-o", what, "tmpfs", str(folder)],  # noqa: S607
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            folder.rmdir()
            aside.rename(folder)
            self.notes.append(f"no small disk: {done.stderr.strip()}")
            return False
        subprocess.run(["cp", "-a", f"{aside}/.", str(folder)], check=True)  # noqa: S603, S607
        shutil.rmtree(aside)
        return True


@dataclass(slots=True)
class CutOff:
    """A network of its own for one process, on a wire that can be cut."""

    name: str = field(default_factory=lambda: f"zts{os.getpid()}")

    def make(self) -> None:
        """Lay the wire."""
        sweep()
        ours, theirs = f"{self.name}o", f"{self.name}i"
        for words in (
            f"netns add {self.name}",
            f"link add {ours} type veth peer name {theirs}",
            f"link set {theirs} netns {self.name}",
            f"addr add {_OUTSIDE}/24 dev {ours}",
            f"link set {ours} up",
            f"-n {self.name} addr add {_INSIDE}/24 dev {theirs}",
            f"-n {self.name} link set {theirs} up",
            f"-n {self.name} link set lo up",
        ):
            _ip(words, check=True)

    def cut(self) -> None:
        """Cut the wire: nothing passes, and nobody is told."""
        _ip(f"link set {self.name}o down")

    def mend(self) -> None:
        """Let it pass again."""
        _ip(f"link set {self.name}o up")

    def swallow(self) -> None:
        """Let what goes out vanish; what comes in arrives."""
        _ip(f"-n {self.name} route add blackhole {_OUTSIDE}/32")

    def give_back(self) -> None:
        """Let it go out again."""
        _ip(f"-n {self.name} route del blackhole {_OUTSIDE}/32")

    def remove(self) -> None:
        """Take it all away."""
        _ip(f"link del {self.name}o")
        _ip(f"netns del {self.name}")


def sweep() -> None:
    """Remove the networks of soaks that were killed."""
    listed = subprocess.run(
        ["ip", "netns", "list"],  # noqa: S607 - where the system has it
        check=False,
        capture_output=True,
        text=True,
    )
    for line in listed.stdout.splitlines():
        name = line.split()[0]
        pid = name.removeprefix("zts")
        if name.startswith("zts") and pid.isdigit() and not Path("/proc", pid).exists():
            CutOff(name).remove()


def _ip(words: str, *, check: bool = False) -> None:
    subprocess.run(["ip", *words.split()], check=check, capture_output=True)  # noqa: S603, S607


def _may_cut_off() -> bool:
    return os.geteuid() == 0 and shutil.which("ip") is not None


def _through(url: str | None, at: Address) -> str:
    """Write the address *url* by way of a line of ours."""
    parts = urlsplit(url or "")
    login, _, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}@{at[0]}:{at[1]}").geturl()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
