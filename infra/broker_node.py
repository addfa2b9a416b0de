"""One node of the embedded broker: its folder, ports, log and process."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra import processes as process
from zhitong.infra.loopback import kept_port

NAME = "kafka"
"""What the broker is called in the state folder, beside the databases."""
NODES = "nodes"
"""The folder of its nodes."""
_FOUND: dict[Path, int] = {}
"""Which process each node was when it was looked for last."""


@dataclass(frozen=True, slots=True)
class Node:
    """The node *number* of the broker of the folder *state*."""

    state: Path
    number: int

    @property
    def name(self) -> str:
        """What it is called, for people and for files."""
        return f"{NAME}-{self.number}"

    @property
    def home(self) -> Path:
        """The folder of its settings, its certificate and its data."""
        return self.state / NAME / NODES / str(self.number)

    @property
    def scratch(self) -> Path:
        """The folder of what is forgotten with its process."""
        return self.state / NAME / "tmp" / self.name

    @property
    def log(self) -> Path:
        """The log file."""
        return self.state / "log" / f"{self.name}.log"

    @property
    def port(self) -> int:
        """Where it takes clients."""
        return int(self.port_file().read_text())

    @property
    def controller(self) -> int:
        """Where it takes the other nodes' controllers."""
        return int(self.port_file("-controller").read_text())

    @property
    def address(self) -> str | None:
        """Where it takes clients, or will; None: it was never started."""
        return f"127.0.0.1:{self.port}" if self.port_file().exists() else None

    def port_file(self, listener: str = "") -> Path:
        """Name the file that keeps a port."""
        return self.state / "port" / f"{self.name}{listener}"

    def take_ports(self, but: Collection[int]) -> set[int]:
        """Choose its ports, the kept ones where they are free, and give them."""
        port = kept_port(self.port_file(), but)
        controller = kept_port(self.port_file("-controller"), {*but, port})
        return {port, controller}

    @property
    def properties(self) -> Path:
        """The file of Apache Kafka's settings."""
        return self.home / "node.properties"

    def pid(self) -> int | None:
        """Find its process, whoever started it."""
        # Where it was last: a look at all there are on a machine is no small thing, and
        # who watches a broker looks each second.
        known = _FOUND.get(self.home)
        for pid in itertools.chain([known] if known else [], process.everyone()):
            words = process.words(pid)
            if self.is_apache(words) or self.is_tansu(words):
                _FOUND[self.home] = pid
                return pid
        return None

    def is_apache(self, words: Sequence[str]) -> bool:
        """Say whether *words* are the command line of this node as Apache Kafka."""
        return tuple(words[-2:]) == ("kafka.Kafka", str(self.properties))

    def is_tansu(self, words: Sequence[str]) -> bool:
        """Say whether *words* are the command line of this node as Tansu."""
        return f"--cluster-id={self.home}" in words and tuple(words[1:2]) == ("broker",)

    def running(self) -> int:
        """Give its process; raise `EmbeddedError` where there is none."""
        pid = self.pid()
        if pid is None:
            raise EmbeddedError(
                f"{self.name} 没有运行：请先启动",
                f"{self.name} does not run: start it first",
            )
        return pid

    def status(self) -> str:
        """Say whether it is ``running``, ``frozen`` or ``stopped``."""
        pid = self.pid()
        found = process.look(pid) if pid else None
        if found is None:
            return "stopped"
        return "frozen" if found.frozen else "running"
