"""The embedded broker of the demo and the tests: Apache Kafka, of one node or three.

Everything lies under the state folder: `kafka/nodes/<n>` a node's log, `port/kafka-<n>`
its port, `log/kafka-<n>.log` what it says. It outlives the process that started it; the
next one finds it by its command line. Linux only, because that is read in /proc.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from zhitong.exceptions import EmbeddedError, SettingsError
from zhitong.infra import broker_apache, broker_tansu
from zhitong.infra import processes as process
from zhitong.infra.broker_apache import (
    Apache,
    directory_id,
    former,
    password_file,
    protocol,
    stop_former,
)
from zhitong.infra.broker_authority import authorities
from zhitong.infra.broker_jars import artefacts, fetch_jars, kept_jars
from zhitong.infra.broker_java import find_java
from zhitong.infra.broker_node import NAME, NODES, Node
from zhitong.infra.broker_tansu import find_tansu
from zhitong.infra.lock import alone
from zhitong.infra.secret import passphrase, private, read_password
from zhitong.infra.server_log import failure, stuck, tail, unfinished
from zhitong.infra.settings import Settings
from zhitong.streams.cluster import look, unled_groups, voters
from zhitong.streams.kafka_client import Access, serving
from zhitong.streams.names import ADMIN

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_LAST_SECONDS = 3.0
_GROUPS_SECONDS = 30.0
"""A share of the groups is loaded within milliseconds, where there are few."""
_ATTEMPTS = 4
_PAUSE = 0.05
# A port went to somebody else; a killed broker's threads are still ending.
_PASSING = ("Address already in use", "Failed to acquire lock on file")
_PROBE_SECONDS = 2.0


class Program(Protocol):
    """A broker's program."""

    @property
    def keeps(self) -> bool:
        """Whether a restart finds what was there before."""
        ...

    def prepare(self, folder: Path, nodes: Sequence[Node], /) -> None:
        """Make what *nodes* need under *folder*."""
        ...

    def command(self, node: Node, /) -> Sequence[str]:
        """Give the command line of *node*."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Give all environment variables it has."""
        ...


class _Launched(NamedTuple):
    """A node's process that is to take clients."""

    node: Node
    pid: int
    begin: int
    """Where in its log its words begin."""


class Broker:
    """The broker of the folder *state*; *program* is what a start starts.

    Without a program it can be looked at and ended, which needs neither Java
    nor jars. One process owns a state folder; a second one waits while the
    first starts or stops. *count* is how many nodes a new one has; one that is
    there keeps its number. What names no node means all of them.
    """

    def __init__(
        self, state: Path, program: Program | None = None, count: int = 1
    ) -> None:
        self._state = state.resolve()
        self._program = program
        self._count = count

    @property
    def home(self) -> Path:
        """The folder of its settings and its data."""
        return self._state / NAME

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes, those it has or would have."""
        made = self.home / NODES
        there = [int(each.name) for each in made.iterdir()] if made.exists() else []
        if not there and former(self.home):
            # Its events have one copy each: it is taken over as what it is.
            there = [1]
        numbers = sorted(there) or range(1, self._count + 1)
        return tuple(Node(self._state, number) for number in numbers)

    @property
    def title(self) -> str:
        """What it is, for people: the running one, else the one to be started."""
        return broker_apache.TITLE if self.keeps else broker_tansu.TITLE

    @property
    def keeps(self) -> bool:
        """Whether a restart finds what was there before."""
        for node in self.nodes:
            if pid := node.pid():
                return not node.is_tansu(process.words(pid))
        return self._program is None or self._program.keeps

    @property
    def made(self) -> bool:
        """Whether its nodes are there, so that their number is given."""
        return (self.home / NODES).exists() or former(self.home)

    def node(self, number: int) -> Node:
        """Give the node *number*; raise `EmbeddedError` where there is none."""
        for node in self.nodes:
            if node.number == number:
                return node
        raise EmbeddedError(
            f"{NAME} 没有第 {number} 个节点，共 {len(self.nodes)} 个",
            f"{NAME} has no node {number}, there are {len(self.nodes)}",
        )

    def start(self, number: int | None = None) -> Access:
        """Start, or find running; return the admin's access when it takes clients.

        Where most of its nodes are away a single one takes nobody, and is not
        waited for.
        """
        with alone(self._state):
            wanted = self._named(number)
            launched = self._launch(wanted)
            if self._most():
                self._await_ready(wanted, launched)
                self._await_groups({node.number for node in wanted})
            return self.access(ADMIN)

    def stop(self, number: int | None = None) -> None:
        """Stop cleanly, or less cleanly when that takes too long."""
        with alone(self._state):
            stop_former(self.home)
            self._stop(self._named(number))

    def restart(self) -> Access:
        """Stop it if it runs, start it, return the admin's access."""
        self.stop()
        return self.start()

    def roll(self, ill: Collection[int] = ()) -> Access:
        """Restart node by node: of three, two are always there, with all there is.

        First those that are *ill*: what they lack, they have when they are back.
        """
        for node in sorted(self.nodes, key=lambda node: node.number not in ill):
            if node.number not in ill:
                self._await_copies()
            self.stop(node.number)
            self.start(node.number)
        self._await_copies()
        return self.access(ADMIN)

    def kill(self, number: int | None = None) -> None:
        """End it as a power cut would."""
        for node in self._named(number):
            pid = node.pid()
            if pid and not process.kill(pid):
                raise stuck(node.name, pid)

    def freeze(self, number: int | None = None) -> None:
        """Halt it: connections stay, nothing answers."""
        for node in self._named(number):
            if not process.freeze(node.running()):
                raise EmbeddedError(
                    f"{node.name} 无法冻结：请再试一次",
                    f"{node.name} does not stand still: try again",
                )

    def thaw(self, number: int | None = None) -> None:
        """Let a frozen one go on."""
        for node in self._named(number):
            process.thaw(node.running())

    def status(self) -> str:
        """Say whether all of it is ``running``, ``frozen`` or ``stopped``; or a part.

        ``partly``: some nodes run and some do not.
        """
        found = {node.status() for node in self.nodes}
        return found.pop() if len(found) == 1 else "partly"

    def address(self) -> str | None:
        """Say where it listens, or will when it is started; None: never started."""
        found = [node.address for node in self.nodes]
        return ",".join(filter(None, found)) or None

    def access(self, user: str) -> Access:
        """Give the way in for *user*, by the password that lies here.

        Raises `SettingsError` where none does.
        """
        address = self.address() or ""
        if not self.keeps:
            return Access(address=address)
        spoken = protocol(self.nodes)
        return Access(
            address=address,
            protocol=spoken,
            user=user,
            password=read_password(password_file(self.home, user)),
            authorities=str(authorities(self.home)) if spoken.endswith("SSL") else "",
        )

    def passwords(self, users: Iterable[str]) -> Mapping[str, str]:
        """Give each of *users* its password, made where there is none.

        Beside it lies what a Java client is told with ``--consumer.config``.
        """
        found = {}
        for name in users:
            file = password_file(self.home, name)
            found[name] = passphrase(file)
            own = file.with_name(f"{name}.properties")
            private(own, self.access(name).properties)
        return found

    def _named(self, number: int | None) -> tuple[Node, ...]:
        return self.nodes if number is None else (self.node(number),)

    def _stop(self, nodes: Sequence[Node]) -> None:
        """Ask all at once: each hands over what it leads, and asks the others for it.

        Who is left without most of the others could only wait.
        """
        left = {node.number: pid for node in nodes if (pid := node.pid())}
        for pid in left.values():
            process.thaw(pid)
            process.ask(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while left and time.monotonic() < deadline:
            left = {number: pid for number, pid in left.items() if process.alive(pid)}
            if not self._most():
                deadline = min(deadline, time.monotonic() + _LAST_SECONDS)
            time.sleep(_PAUSE)
        for number in left:
            self.kill(number)

    def _await_copies(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while (lacking := look(self.access(ADMIN)).lacking) > 0:
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{NAME} 有 {lacking} 个分区缺副本，未重启下一个节点",
                    f"{lacking} partitions of {NAME} lack copies: the next node was "
                    "not restarted",
                )
            time.sleep(_PAUSE)

    def _most(self) -> bool:
        """Say whether enough of its nodes run to agree on anything."""
        nodes = self.nodes
        return 2 * sum(node.pid() is not None for node in nodes) > len(nodes)

    def _launch(self, wanted: Sequence[Node]) -> list[_Launched]:
        """Start what does not run of *wanted*, thaw what is frozen."""
        for node in wanted:
            if pid := node.pid():
                process.thaw(pid)
        stopped = [node for node in wanted if node.pid() is None]
        if not stopped:
            return []
        program = self._program
        if program is None:
            raise EmbeddedError(
                f"{NAME} 没有可启动的程序", f"there is no program to start {NAME} with"
            )
        nodes, taken = self.nodes, set[int]()
        for node in nodes:
            if node.pid() is not None:
                taken |= {node.port, node.controller}
        for node in nodes:
            if node.pid() is None:
                taken |= node.take_ports(taken)
        program.prepare(self.home, nodes)
        return [_launched(program, node) for node in stopped]

    def _await_ready(
        self, wanted: Sequence[Node], launched: Sequence[_Launched]
    ) -> None:
        starting = {one.node.number: one for one in launched}
        waiting, attempt = list(wanted), 1
        deadline = time.monotonic() + _START_SECONDS
        while waiting:
            if time.monotonic() > deadline:
                raise unfinished(waiting[0].name, waiting[0].log, _START_SECONDS)
            waiting = [node for node in waiting if not self._serves(node)]
            for node, pid, begin in tuple(starting.values()):
                if process.alive(pid):
                    continue
                error = failure(node.name, node.log, tail(node.log, begin))
                passing = any(sign in str(error) for sign in _PASSING)
                if attempt == _ATTEMPTS or not passing:
                    raise error
                time.sleep(attempt)
                attempt += 1
                (starting[node.number],) = self._launch([node])
            time.sleep(_PAUSE)
        self._let_vote(wanted)

    def _serves(self, node: Node) -> bool:
        if not _open(node.port):
            return False
        access = replace(self.access(ADMIN), address=node.address or "")
        found = serving(access, _PROBE_SECONDS)
        return node.number in found if self.keeps else bool(found)

    def _await_groups(self, wanted: Collection[int]) -> None:
        """Restart who leads groups and does not coordinate them: it never will."""
        if not self.keeps:
            return
        unled: Mapping[int, int] = {}
        for _ in range(_ATTEMPTS):
            deadline = time.monotonic() + _GROUPS_SECONDS
            while unled := unled_groups(self.access(ADMIN), wanted):
                if time.monotonic() > deadline:
                    break
                time.sleep(_PAUSE)
            if not unled:
                return
            for number in sorted(set(unled.values())):
                node = [self.node(number)]
                self._stop(node)
                self._await_ready(node, self._launch(node))
        raise EmbeddedError(
            f"{NAME} 有 {len(unled)} 份消费组无人协调，重启无效：zhitong kafka status",
            f"{len(unled)} shares of the groups of {NAME} have no coordinator, also "
            "after restarts: zhitong kafka status",
        )

    def _let_vote(self, wanted: Sequence[Node]) -> None:
        """Let nodes vote that have lost their data, and came back without a vote."""
        program = self._program
        if len(self.nodes) == 1 or not isinstance(program, Apache):
            return
        for attempt in range(1, _ATTEMPTS + 1):
            known = voters(self.access(ADMIN))
            strange = [n for n in wanted if known.get(n.number) != directory_id(n)]
            try:
                for node in strange:
                    gone = known.get(node.number, "")
                    program.vote(self.home, self.nodes, node, gone)
            except EmbeddedError:
                # Who led the controllers may just have gone.
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(attempt)
            else:
                return


def choose(settings: Settings) -> Program:
    """Give Apache Kafka, its jars fetched if need be; else Tansu where installed.

    Raises `EmbeddedError` saying what lacks where neither is to be had.
    """
    java, wanted = find_java(), artefacts()
    if java and (jars := kept_jars(settings.jars, wanted)):
        return Apache(java, jars)
    # It is installed only where fetching has failed; each start would wait for that.
    return find_tansu() or apache(settings)


def apache(settings: Settings) -> Apache:
    """Give Apache Kafka, its jars fetched if need be; raise `EmbeddedError`."""
    java = find_java()
    if java is None:
        raise EmbeddedError(
            "没有 Java 17 或更高版本：请安装它，或执行 make broker，"
            "或用 ZHITONG_KAFKA 给出已有 Kafka 的地址",
            "there is no Java 17 or newer: install it, or run make broker, or give the "
            "address of a Kafka as ZHITONG_KAFKA",
        )
    return Apache(java, fetch_jars(settings.jars, artefacts(), settings.maven))


def bootstrap(settings: Settings) -> str:
    """Say where the broker is: as set, else the embedded one's address.

    Raises `SettingsError` where there is neither.
    """
    address = settings.kafka or Broker(settings.state).address()
    if address is None:
        raise SettingsError(
            f"{settings.state.resolve()} 中没有 Kafka：请先在那里执行 zhitong up，"
            "或用 ZHITONG_KAFKA 给出地址（主机:端口）",
            f"there is no Kafka in {settings.state.resolve()}: run zhitong up there "
            "first, or give an address as ZHITONG_KAFKA (host:port)",
        )
    return address


def _launched(program: Program, node: Node) -> _Launched:
    begin = node.log.stat().st_size if node.log.exists() else 0
    pid = process.launch(program.command(node), program.environment(), node.log)
    return _Launched(node, pid, begin)


def _open(port: int) -> bool:
    """Say whether something listens on *port*: cheaper than a client is."""
    try:
        socket.create_connection(("127.0.0.1", port), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True
