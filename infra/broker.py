"""The embedded broker of the demo and the tests: Apache Kafka, one node.

Everything lies under the state folder: `kafka` the log, `port/kafka` the port,
`log/kafka.log` what it says. It outlives the process that started it; the next
one finds it by its command line. Linux only, because that is read in /proc.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from zhitong.exceptions import EmbeddedError, SettingsError
from zhitong.infra import broker_apache, broker_tansu
from zhitong.infra import processes as process
from zhitong.infra.broker_apache import Apache, password_file
from zhitong.infra.broker_jars import artefacts, fetch_jars, kept_jars
from zhitong.infra.broker_java import find_java
from zhitong.infra.broker_tansu import find_tansu
from zhitong.infra.lock import alone
from zhitong.infra.loopback import kept_port
from zhitong.infra.secret import passphrase, private, read_password
from zhitong.infra.server_log import failure, stuck, tail, unfinished
from zhitong.infra.settings import Settings
from zhitong.streams.kafka_client import Access, serves
from zhitong.streams.names import ADMIN

NAME = "kafka"
"""What the broker is called in the state folder, beside the databases."""

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
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

    def prepare(self, home: Path, port: int, controller: int, /) -> None:
        """Make what it needs under *home*."""
        ...

    def command(self, home: Path, port: int, /) -> Sequence[str]:
        """Give the command line of the broker of *home*."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Give all environment variables it has."""
        ...


class Broker:
    """The broker of the folder *state*; *program* is what a start starts.

    Without a program it can be looked at and ended, which needs neither Java
    nor jars. One process owns a state folder; a second one waits while the
    first starts or stops.
    """

    def __init__(self, state: Path, program: Program | None = None) -> None:
        self._state = state.resolve()
        self._program = program

    @property
    def home(self) -> Path:
        """The folder of its settings and its data."""
        return self._state / NAME

    @property
    def log(self) -> Path:
        """The log file."""
        return self._state / "log" / f"{NAME}.log"

    @property
    def title(self) -> str:
        """What it is, for people: the running one, else the one to be started."""
        return broker_apache.TITLE if self.keeps else broker_tansu.TITLE

    @property
    def keeps(self) -> bool:
        """Whether a restart finds what was there before."""
        pid = self._running()
        if pid is None:
            return self._program is None or self._program.keeps
        return not broker_tansu.runs(process.words(pid), self.home)

    def start(self) -> Access:
        """Start, or find running; return the admin's access when it takes clients."""
        with alone(self._state):
            pid = self._running()
            if pid is None:
                return self._start_anew()
            process.thaw(pid)
            return self._await_ready(pid, 0)

    def stop(self) -> None:
        """Stop cleanly, or less cleanly when that takes too long."""
        with alone(self._state):
            pid = self._running()
            if pid and not process.stop(pid, signal.SIGTERM, _STOP_SECONDS):
                self.kill()

    def restart(self) -> Access:
        """Stop it if it runs, start it, return the admin's access."""
        self.stop()
        return self.start()

    def kill(self) -> None:
        """End it as a power cut would."""
        pid = self._running()
        if pid and not process.kill(pid):
            raise stuck(NAME, pid)

    def freeze(self) -> None:
        """Halt it: connections stay, nothing answers."""
        if not process.freeze(self._pid()):
            raise EmbeddedError(
                f"{NAME} 无法冻结：请再试一次",
                f"{NAME} does not stand still: try again",
            )

    def thaw(self) -> None:
        """Let a frozen one go on."""
        process.thaw(self._pid())

    def status(self) -> str:
        """Say whether it is ``running``, ``frozen`` or ``stopped``."""
        pid = self._running()
        found = process.look(pid) if pid else None
        if found is None:
            return "stopped"
        return "frozen" if found.frozen else "running"

    def address(self) -> str | None:
        """Say where it listens, or will when it is started; None: never started."""
        file = self._port_file()
        return _address(int(file.read_text())) if file.exists() else None

    def access(self, user: str) -> Access:
        """Give the way in for *user*, by the password that lies here.

        Raises `SettingsError` where none does.
        """
        address = self.address() or ""
        if not self.keeps:
            return Access(address=address)
        return Access(
            address=address,
            protocol="SASL_PLAINTEXT",
            user=user,
            password=read_password(password_file(self.home, user)),
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

    def _pid(self) -> int:
        pid = self._running()
        if pid is None:
            raise EmbeddedError(
                f"{NAME} 没有运行：请先启动", f"{NAME} does not run: start it first"
            )
        return pid

    def _running(self) -> int | None:
        """Find its process, whoever started it."""
        for pid in process.everyone():
            words = process.words(pid)
            if any(
                kind.runs(words, self.home) for kind in (broker_apache, broker_tansu)
            ):
                return pid
        return None

    def _start_anew(self) -> Access:
        program = self._program
        if program is None:
            raise EmbeddedError(
                f"{NAME} 没有可启动的程序", f"there is no program to start {NAME} with"
            )
        for attempt in range(1, _ATTEMPTS + 1):
            begin = self.log.stat().st_size if self.log.exists() else 0
            port = kept_port(self._port_file())
            controller = kept_port(self._port_file("-controller"), but=port)
            program.prepare(self.home, port, controller)
            command = program.command(self.home, port)
            pid = process.launch(command, program.environment(), self.log)
            try:
                return self._await_ready(pid, begin)
            except EmbeddedError as error:
                passing = any(sign in str(error) for sign in _PASSING)
                if attempt == _ATTEMPTS or not passing:
                    raise
                time.sleep(attempt)
        raise AssertionError  # the last attempt returns or raises

    def _await_ready(self, pid: int, begin: int) -> Access:
        port = int(self._port_file().read_text())
        access = self.access(ADMIN)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if _open(port) and serves(access, _PROBE_SECONDS):
                return access
            if not process.alive(pid):
                raise failure(NAME, self.log, tail(self.log, begin))
            time.sleep(_PAUSE)
        raise unfinished(NAME, self.log, _START_SECONDS)

    def _port_file(self, listener: str = "") -> Path:
        return self._state / "port" / f"{NAME}{listener}"


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


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


def _open(port: int) -> bool:
    """Say whether something listens on *port*: cheaper than a client is."""
    try:
        socket.create_connection(("127.0.0.1", port), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True
