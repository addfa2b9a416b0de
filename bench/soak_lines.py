"""The lines of a soak: between whom, through which proxies, in networks of their own.

Three brokers speak TLS and name themselves by address and port: nothing on the way can
write other names into that. Who is to reach them over a line of ours runs in a network
of its own, where our proxies listen under the brokers' own addresses.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos_proxy import Address, ChaosProxy, Mood, Upstream

_NETWORK = 0x40000000
"""CLONE_NEWNET."""
_PREFIX = "zts"


@dataclass(slots=True)
class Line:
    """A line that is one to its users, though it leads to several servers."""

    proxies: list[ChaosProxy] = field(default_factory=list)

    async def lead(
        self,
        upstreams: Sequence[Upstream],
        host: str = "127.0.0.1",
        *,
        swap: bool = False,
    ) -> Sequence[Address]:
        """Listen for each of *upstreams* at a port of *host*; give them."""
        found = []
        for upstream in upstreams:
            proxy = ChaosProxy(upstream, host, swap=swap)
            self.proxies.append(proxy)
            found.append((host, await proxy.start()))
        return found

    async def lead_in(
        self, room: Room, upstreams: Sequence[Upstream], *, same: bool = False
    ) -> Sequence[Address]:
        """Listen inside *room*; *same*: under the ports that are led to."""
        found = []
        for upstream in upstreams:
            sock = room.listen(upstream()[1] if same else 0)
            proxy = ChaosProxy(upstream)
            self.proxies.append(proxy)
            found.append(("127.0.0.1", await proxy.start(sock)))
        return found

    def suffer(self, mood: Mood) -> None:
        """Let all of it be as *mood* says."""
        for proxy in self.proxies:
            proxy.suffer(mood)

    def reset(self) -> None:
        """Reset all that is open."""
        for proxy in self.proxies:
            proxy.reset()

    def close(self) -> None:
        """Listen no more."""
        for proxy in self.proxies:
            proxy.close()


@dataclass(slots=True)
class Room:
    """A network of its own, with nothing in it but what we listen on."""

    name: str

    @classmethod
    def called(cls, letter: str) -> Room:
        """Make the room *letter* of this process."""
        room = cls(f"{_PREFIX}{os.getpid()}{letter}")
        _ip(f"netns add {room.name}", check=True)
        _ip(f"-n {room.name} link set lo up", check=True)
        return room

    @property
    def prefix(self) -> Sequence[str]:
        """The words before those of a command that is to run in it."""
        return ("ip", "netns", "exec", self.name)

    def listen(self, port: int) -> socket.socket:
        """Listen in it; whom we take there is then led out of it."""
        found: list[socket.socket] = []

        def inside() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            place = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            try:
                if libc.setns(place, _NETWORK):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(place)
            found.append(socket.create_server(("127.0.0.1", port), backlog=100))

        # A thread for this alone: it cannot be led back.
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        found[0].settimeout(0)
        return found[0]

    def remove(self) -> None:
        """Take it away."""
        _ip(f"netns del {self.name}")


@dataclass(slots=True)
class CutOff(Room):
    """A room on a wire that can be cut."""

    @property
    def outside(self) -> str:
        """Our end of the wire, another for each soak that runs beside this.

        As long as 127.0.0.1 is written, for Kafka's answers to be rewritten in place.
        """
        return f"10.{10 + os.getpid() % 90}.0.1"

    @classmethod
    def made(cls) -> CutOff:
        """Make it, and lay the wire."""
        room = cls(f"{_PREFIX}{os.getpid()}")
        ours, theirs = f"{room.name}o", f"{room.name}i"
        for words in (
            f"netns add {room.name}",
            f"link add {ours} type veth peer name {theirs}",
            f"link set {theirs} netns {room.name}",
            f"addr add {room.outside}/24 dev {ours}",
            f"link set {ours} up",
            f"-n {room.name} addr add {room.outside[:-1]}2/24 dev {theirs}",
            f"-n {room.name} link set {theirs} up",
            f"-n {room.name} link set lo up",
        ):
            _ip(words, check=True)
        return room

    def cut(self) -> None:
        """Cut the wire: nothing passes, and nobody is told."""
        _ip(f"link set {self.name}o down")

    def mend(self) -> None:
        """Let it pass again."""
        _ip(f"link set {self.name}o up")

    def swallow(self) -> None:
        """Let what goes out vanish; what comes in arrives."""
        _ip(f"-n {self.name} route add blackhole {self.outside}/32")

    def give_back(self) -> None:
        """Let it go out again."""
        _ip(f"-n {self.name} route del blackhole {self.outside}/32")

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
        pid = name.removeprefix(_PREFIX).rstrip("abcdefghijklmnopqrstuvwxyz")
        ours = name.startswith(_PREFIX) and pid.isdigit()
        if ours and not Path("/proc", pid).exists():
            CutOff(name).remove()


def has_rooms() -> bool:
    """Say whether networks can be made here."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


def _ip(words: str, *, check: bool = False) -> None:
    subprocess.run(["ip", *words.split()], check=check, capture_output=True)  # noqa: S603, S607
