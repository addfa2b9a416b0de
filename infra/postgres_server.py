"""One embedded PostgreSQL server: its data folder, its port, its start and end."""

from __future__ import annotations

import os
import signal
import socket
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra import postgres_process as process
from zhitong.infra.postgres_account import Account
from zhitong.infra.postgres_folder import ENVIRONMENT, failure, last_lines, make_data

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "128MB",
    # Nothing outside the state folder: the default leaves files in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    # Three processes fewer per server, and there are eight servers.
    "io_method": "sync",
    # Loading: COPY into a table of the same transaction is not logged twice.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}
# Below the ports that systems hand out to outgoing connections.
_PORTS = range(20_000, 32_000)
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0
_ATTEMPTS = 6
_PAUSE = 0.5
# The port went to somebody else; children of a killed server are still ending.
_PASSING = ("Address already in use", "pre-existing shared memory block")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a running server says of itself in postmaster.pid."""

    pid: int
    port: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server called *name* under the folder *state*."""

    name: str
    state: Path
    programs: Path
    account: Account
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.state / "postgres" / self.name

    @property
    def log(self) -> Path:
        """The log file."""
        return self.state / "log" / f"{self.name}.log"

    @property
    def port_file(self) -> Path:
        """Where the port is kept from one start to the next."""
        return self.state / "port" / self.name

    def postmaster(self) -> Postmaster | None:
        """Find the running server of this data folder, and no other process."""
        noted = self._noted()
        if noted is None or not process.serves(noted.pid, self.data):
            return None
        return noted

    def start(self) -> str:
        """Start, or find running; return the address when it takes connections."""
        running = self.postmaster()
        if running and running.status == "stopping":
            self.stop()
            running = None
        if running is None:
            return self._start_anew()
        process.thaw(running.pid)
        return url(self._await_ready(running.pid, 0).port)

    def stop(self) -> None:
        """Stop cleanly, or less cleanly when that takes too long."""
        running = self.postmaster()
        if running is None:
            return
        # A halted process does not see the request.
        process.thaw(running.pid)
        process.ask(running.pid, signal.SIGINT)
        if process.wait_gone(running.pid, _STOP_SECONDS):
            return
        process.ask(running.pid, signal.SIGQUIT)
        if not process.wait_gone(running.pid, _STOP_SECONDS):
            self.kill()

    def kill(self) -> None:
        """End the server as a power cut would."""
        running = self.postmaster()
        if running and not process.kill(running.pid):
            raise EmbeddedError(
                f"{self.name}: 进程 {running.pid} 无法结束，请查看磁盘是否卡住",
                f"{self.name}: process {running.pid} does not end; is the disk stuck?",
            )

    def _noted(self) -> Postmaster | None:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            status = lines[7].strip() if len(lines) > 7 else "starting"  # noqa: PLR2004 - the eighth line
            return Postmaster(int(lines[0]), int(lines[3]), status)
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _start_anew(self) -> str:
        make_data(self.data, self.programs, self.account)
        self._forget_stale_pid()
        self.log.parent.mkdir(exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            begin = self.log.stat().st_size if self.log.exists() else 0
            pid = self._launch(self._choose_port())
            try:
                return url(self._await_ready(pid, begin).port)
            except EmbeddedError as error:
                if attempt == _ATTEMPTS or not passing(str(error)):
                    raise
                time.sleep(_PAUSE * attempt)
        raise AssertionError  # the last attempt returns or raises

    def _forget_stale_pid(self) -> None:
        """Remove a pid file that PostgreSQL would take for a running server's."""
        noted = self._noted()
        if noted is None or process.look(noted.pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _choose_port(self) -> int:
        kept = self.port_file.read_text().strip() if self.port_file.exists() else ""
        port = int(kept) if kept.isdigit() and is_free(int(kept)) else self._free_port()
        self.port_file.parent.mkdir(exist_ok=True)
        self.port_file.write_text(f"{port}\n")
        return port

    def _free_port(self) -> int:
        # Where to begin depends on the folder, so that two clones seldom meet.
        first = zlib.crc32(os.fsencode(self.data)) % len(_PORTS)
        for step in range(len(_PORTS)):
            port = _PORTS[(first + step) % len(_PORTS)]
            if is_free(port):
                return port
        raise EmbeddedError(
            f"127.0.0.1 上 {_PORTS.start} 至 {_PORTS.stop - 1} 没有空闲端口："
            "请结束占用端口的程序",
            f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on 127.0.0.1: "
            "end the programs that hold them",
        )

    def _launch(self, port: int) -> int:
        settings = {
            **SETTINGS,
            **self.settings,
            "port": port,
            "cluster_name": self.name,
        }
        postgres = str(self.programs / "bin/postgres")
        command = [*self.account.prefix, postgres, "-D", str(self.data)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        with self.log.open("ab") as log:
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ]
            # Its own session: it outlives us, and Ctrl-C here does not reach it.
            return os.posix_spawn(
                command[0], command, ENVIRONMENT, file_actions=actions, setsid=True
            )

    def _await_ready(self, pid: int, begin: int) -> Postmaster:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            running = self.postmaster()
            if running and running.pid == pid and running.status == "ready":
                return running
            if not process.alive(pid):
                raise failure(self.name, self.log, self._tail(begin))
            time.sleep(0.02)
        raise EmbeddedError(
            f"{self.name}: {_START_SECONDS:.0f} 秒后仍在启动（可能在恢复数据），"
            f"请稍后再启动一次，日志：{self.log}",
            f"{self.name}: still starting after {_START_SECONDS:.0f} s (recovering, "
            f"perhaps): start again in a while; log: {self.log}",
        )

    def _tail(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            return last_lines(log.read().decode(errors="replace"))


def is_free(port: int) -> bool:
    """Say whether nobody listens on *port* of 127.0.0.1."""
    with socket.socket() as probe:
        # As PostgreSQL does; else a connection lately closed would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def passing(message: str) -> bool:
    """Say whether a failed start may succeed when it is tried again."""
    return any(sign in message for sign in _PASSING)


def url(port: int) -> str:
    """Write the address of the server on *port*."""
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"
