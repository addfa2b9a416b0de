"""One embedded PostgreSQL server: its data folder, its port, its start and end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra import processes as process
from zhitong.infra.loopback import kept_port
from zhitong.infra.postgres_account import Account
from zhitong.infra.postgres_folder import ENVIRONMENT, SUPERUSER, make_data
from zhitong.infra.secret import passphrase
from zhitong.infra.server_log import failure, stuck, tail, unfinished

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
REPLICATED: Mapping[str, str] = {
    "wal_level": "replica",
    "max_wal_senders": "8",
    "max_replication_slots": "8",
    # While no standby answers, sessions that nobody waits for are kept up to 20 s: four
    # for each connection of a gateway's pools. Commands must still come in beside them.
    "max_connections": "400",
    # A standby that stays away costs so much of the primary's disk, and then its place.
    "max_slot_wal_keep_size": "2GB",
    # A line that is cut is noticed, and tried again, in seconds.
    "wal_sender_timeout": "10s",
    "wal_receiver_timeout": "10s",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "500ms",
}
"""What a server is run with besides whose log of changes others read."""
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
    def replicated(self) -> Path:
        """The mark in the data that others read its changes; copies have it too."""
        return self.data / "zhitong.replicated"

    @property
    def fenced(self) -> Path:
        """The mark in the data that another server has taken its place."""
        return self.data / "zhitong.fenced"

    @property
    def standing(self) -> str:
        """``primary``, ``standby``, ``fenced`` or ``missing``, by its data alone."""
        if not self.data.exists():
            return "missing"
        if self.fenced.exists():
            return "fenced"
        return "standby" if (self.data / "standby.signal").exists() else "primary"

    @property
    def address(self) -> str:
        """The superuser's address, whether it runs or not."""
        return url(int(self.port_file.read_text()), SUPERUSER, password(self.state))

    def mark(self, file: Path, text: str = "") -> None:
        """Write a *file* into the data, as the account that the data is of."""
        file.write_text(text)
        os.chown(file, self.account.user, self.account.group)

    @property
    def port_file(self) -> Path:
        """Where the port is kept from one start to the next."""
        return self.state / "port" / self.name

    def postmaster(self) -> Postmaster | None:
        """Find the running server of this data folder, and no other process."""
        noted = self._noted()
        if noted is None or not _serves(noted.pid, self.data):
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
        return self._url(self._await_ready(running.pid, 0))

    def stop(self) -> None:
        """Stop cleanly, or less cleanly when that takes too long."""
        running = self.postmaster()
        for request in (signal.SIGINT, signal.SIGQUIT):
            if running is None or process.stop(running.pid, request, _STOP_SECONDS):
                return
        self.kill()

    def kill(self) -> None:
        """End the server as a power cut would."""
        # Where the disk is gone, so is the file that says which process it is.
        for pid in [pid for pid in process.everyone() if _serves(pid, self.data)]:
            if not process.kill(pid):
                raise stuck(self.name, pid)

    def _url(self, running: Postmaster) -> str:
        return url(running.port, SUPERUSER, password(self.state))

    def _noted(self) -> Postmaster | None:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            status = lines[7].strip() if len(lines) > 7 else "starting"  # noqa: PLR2004 - the eighth line
            return Postmaster(int(lines[0]), int(lines[3]), status)
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _start_anew(self) -> str:
        if self.fenced.exists():
            raise EmbeddedError(
                f"{self.name} 已被另一台服务器接替：请执行 zhitong pg rejoin",
                f"another server has taken the place of {self.name}: "
                "run zhitong pg rejoin",
            )
        make_data(self.data, self.programs, self.account, password(self.state))
        self._forget_stale_pid()
        for attempt in range(1, _ATTEMPTS + 1):
            begin = self.log.stat().st_size if self.log.exists() else 0
            pid = self._launch(kept_port(self.port_file))
            try:
                return self._url(self._await_ready(pid, begin))
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

    def _launch(self, port: int) -> int:
        settings = {
            **SETTINGS,
            **(REPLICATED if self.replicated.exists() else {}),
            **self.settings,
            "port": port,
            "cluster_name": self.name,
        }
        postgres = str(self.programs / "bin/postgres")
        command = [*self.account.prefix, postgres, "-D", str(self.data)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        return process.launch(command, ENVIRONMENT, self.log)

    def _await_ready(self, pid: int, begin: int) -> Postmaster:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            running = self.postmaster()
            if running and running.pid == pid and running.status == "ready":
                return running
            if not process.alive(pid):
                raise failure(self.name, self.log, tail(self.log, begin))
            time.sleep(0.02)
        raise unfinished(self.name, self.log, _START_SECONDS)


def passing(message: str) -> bool:
    """Say whether a failed start may succeed when it is tried again."""
    return any(sign in message for sign in _PASSING)


def password(state: Path, role: str = SUPERUSER) -> str:
    """Give a role's password on the servers of *state*, drawn at first use."""
    return passphrase(password_file(state, role))


def password_file(state: Path, role: str) -> Path:
    """Say where a role's password lies."""
    return state / "database" / role


def url(port: int, role: str, secret: str) -> str:
    """Write the address of the server on *port*, for *role*."""
    return f"postgresql://{role}:{secret}@127.0.0.1:{port}/{SUPERUSER}"


def urls(ports: Sequence[int], role: str, secret: str, timeline: str = "") -> str:
    """Write the address of that of several servers that takes writes.

    None older than *timeline* is meant.
    """
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    least = f"&timeline={timeline}" if timeline else ""
    asked = f"target_session_attrs=read-write{least}"
    return f"postgresql://{role}:{secret}@{hosts}/{SUPERUSER}?{asked}"


def _serves(pid: int, data: Path) -> bool:
    """Say whether *pid* is the postmaster of the data folder *data*."""
    program, *arguments = process.words(pid) or ("",)
    return Path(program).name == "postgres" and arguments[:2] == ["-D", str(data)]
