"""Embedded PostgreSQL for the demo and the tests: one server per department.

Everything lies under one state folder: `postgres/<name>` the data, `port/<name>`
the port, `log/<name>.log` the log. Servers outlive the process that started
them; the next one finds them again. Linux only, because it reads /proc.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zhitong.exceptions import EmbeddedError
from zhitong.infra import processes as process
from zhitong.infra.broker import Broker
from zhitong.infra.lock import alone
from zhitong.infra.postgres_account import account_for, installation
from zhitong.infra.postgres_folder import SUPERUSER, make_template
from zhitong.infra.postgres_memory import release
from zhitong.infra.postgres_server import Server, password, password_file, url, urls

_Result = TypeVar("_Result")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
OURS = frozenset(
    [
        "backup",
        "bindings",
        "bureaus",
        "complainant.key",
        "cursor.key",
        "database",
        "demo-issuer.json",
        "demo.json",
        "evidence",
        "explorer",
        "gateway.json",
        "kafka",
        "live",
        "lock",
        "log",
        "person.key",
        "port",
        "postgres",
        "pseudonym.key",
        "receivers",
        "run",
        "spool",
        "subject.key",
        "tenant",
        "told",
        "witness",
    ]
)
"""What lies in a state folder; whatever else does is somebody's, and stays."""

ROLES: Mapping[str, tuple[str, str]] = {
    "platform": ("platform", "zhitong_gateway"),
    "platform-owner": ("platform", "zhitong_owner"),
    "platform-sealer": ("platform", "zhitong_sealer"),
}
"""The platform's own server by what is done with it: its name, and as which role."""

FELLOWS: Mapping[str, str] = {"platform": "platform-b"}
"""Which server may be the standby of which, and its primary after a promotion."""
_WRITTEN: Mapping[str, str] = {"shared_buffers": "256MB"}
"""Of the platform's own two: of an outbox that has piled up and is moved, what was
written a moment ago is read again. Others keep less; there are many on a machine."""
TIMELINE = "timeline"
"""The file beside the passwords that says since which timeline the primary counts."""


class Cluster:
    """The servers called *names*, kept in the folder *state*.

    One process owns a state folder; a second one waits while the first starts
    or stops. *settings* are postgresql.conf settings that replace ours, and
    count from a server's next start: ``{"shared_buffers": "256MB"}``.
    """

    def __init__(
        self,
        state: Path,
        names: Sequence[str],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        for name in names:
            _check_name(name)
        self._state = state.resolve()
        # Neither of the two is started or stopped without the other.
        fellows = [FELLOWS[name] for name in names if name in FELLOWS]
        held = [each for each in fellows if (self._state / "postgres" / each).exists()]
        names = list(dict.fromkeys((*names, *held)))
        self._programs = installation()
        account = account_for(self._state / "postgres", self._programs)
        self._account = account
        written = {*FELLOWS, *FELLOWS.values()}
        self._servers = {
            name: Server(
                name=name,
                state=self._state,
                programs=self._programs,
                account=account,
                settings={
                    **(_WRITTEN if name in written else {}),
                    **(settings or {}),
                },
            )
            for name in names
        }

    def start(self) -> Mapping[str, str]:
        """Start what does not run yet; return an address per name."""
        with alone(self._state):
            # Before the servers start side by side, or each would make one.
            make_template(
                self._state / "postgres",
                self._programs,
                self._account,
                password(self._state),
            )
            servers = self._startable()
            urls = _each(Server.start, list(servers.values()))
            return self._led(dict(zip(servers, urls, strict=True)))

    def _led(self, found: dict[str, str]) -> Mapping[str, str]:
        """Give of two servers the primary's address for both."""
        for name, fellow in FELLOWS.items():
            if fellow in self._servers:
                pair = [name, fellow]
                leading = [
                    one
                    for one in pair
                    if one in found and self._servers[one].standing == "primary"
                ]
                if not leading:
                    raise EmbeddedError(
                        f"{name} 没有主库：请执行 zhitong pg promote",
                        f"{name} has no primary: run zhitong pg promote",
                    )
                found |= dict.fromkeys(pair, found[leading[0]])
        return found

    def _startable(self) -> Mapping[str, Server]:
        """Leave out whose place another has taken, and whose disk is gone."""
        servers = dict(self._servers)
        for name, fellow in FELLOWS.items():
            if fellow in servers:
                for one in {name, fellow} & set(servers):
                    if servers[one].standing in {"missing", "fenced"}:
                        del servers[one]
        return servers

    def server(self, name: str) -> Server:
        """Give the server called *name*."""
        return self._server(name)

    def stop(self) -> None:
        """Stop all: cleanly if they let themselves, in bounded time anyway."""
        with alone(self._state):
            _each(Server.stop, list(self._servers.values()))

    def freeze(self, name: str) -> None:
        """Halt a server and all its sessions: connections stay, nothing answers."""
        if not process.freeze(self._running(name)):
            raise EmbeddedError(
                f"{name} 无法冻结：请再试一次",
                f"{name} does not stand still: try again",
            )

    def thaw(self, name: str) -> None:
        """Let a frozen server go on."""
        process.thaw(self._running(name))

    def kill(self, name: str) -> None:
        """End a server as a power cut would."""
        self._server(name).kill()

    def restart(self, name: str) -> str:
        """Stop a server if it runs, start it, return its address."""
        with alone(self._state):
            server = self._server(name)
            server.stop()
            return server.start()

    def status(self) -> Mapping[str, str]:
        """Say of each server whether it is running, frozen or stopped."""
        return {name: _status(server) for name, server in self._servers.items()}

    def _server(self, name: str) -> Server:
        if name in self._servers:
            return self._servers[name]
        known = ", ".join(self._servers)
        raise EmbeddedError(
            f"没有名为 {name} 的数据库，可用名称：{known}",
            f"there is no database called {name}; there are: {known}",
        )

    def _running(self, name: str) -> int:
        running = self._server(name).postmaster()
        if running:
            return running.pid
        raise EmbeddedError(
            f"{name} 没有运行：请先启动", f"{name} does not run: start it first"
        )


def databases(
    names: Sequence[str],
    environ: Mapping[str, str],
    state: Path,
    settings: Mapping[str, str] | None = None,
) -> Mapping[str, str]:
    """Take each address from `ZHITONG_DATABASE_<NAME>`, else start a server."""
    given = {n: environ[v] for n in names if environ.get(v := variable(n))}
    missing = [name for name in names if name not in given]
    started = Cluster(state, missing, settings).start() if missing else {}
    return {name: given.get(name) or started[name] for name in names}


def address(state: Path, environ: Mapping[str, str]) -> Callable[[str], str | None]:
    """Look addresses up as `databases` gives them, without starting anything.

    Each call looks anew, so that a server started later is found. Of the platform's own
    it is the address of a role: the gateway's, the owner's or the sealer's.
    """

    def look_up(name: str) -> str | None:
        if given := environ.get(variable(name)):
            return given
        server, role = ROLES.get(name, (name, SUPERUSER))
        if server != name and environ.get(variable(server)):
            return None  # whose server is given elsewhere has its other roles there
        port, secret = state / "port" / server, password_file(state, role)
        if not _NAME.fullmatch(server) or not port.exists() or not secret.exists():
            return None
        word = secret.read_text("ascii")
        other = state / "port" / FELLOWS.get(server, server)
        if other == port or not other.exists():
            return url(int(port.read_text()), role, word)
        since = state / "database" / TIMELINE
        least = since.read_text().strip() if since.exists() else ""
        return urls([int(port.read_text()), int(other.read_text())], role, word, least)

    return look_up


def variable(name: str) -> str:
    """Name the environment variable that gives the address of *name*."""
    return f"ZHITONG_DATABASE_{name.upper().replace('-', '_')}"


def clean(state: Path) -> None:
    """Stop every server under *state* and remove the folder."""
    state = state.resolve()
    if not state.exists():
        return
    if Path.home().is_relative_to(state) or Path.cwd().is_relative_to(state):
        raise EmbeddedError(
            f"{state} 不是可以删除的状态目录", f"{state} is no state folder to remove"
        )
    foreign = sorted({entry.name for entry in state.iterdir()} - OURS)
    if foreign:
        raise EmbeddedError(
            f"{state} 中的 {foreign[0]} 不是本平台写的，未删除任何内容；"
            "请先移走它，或改正 --state",
            f"{foreign[0]} in {state} was not written by us, so nothing was removed; "
            "move it away or correct --state",
        )
    Broker(state).stop()
    names = kept(state)
    Cluster(state, names).stop()
    for name in names:
        release(state / "postgres" / name)
    shutil.rmtree(state)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise EmbeddedError(
            f"数据库名称 {name!r} 只能含小写字母、数字、_ 和 -",
            f"a database's name has small letters, digits, _ and - only, not {name!r}",
        )


def kept(state: Path) -> list[str]:
    """Name the servers that *state* holds data of."""
    folder = state / "postgres"
    names = [data.name for data in folder.iterdir()] if folder.exists() else []
    return [name for name in names if _NAME.fullmatch(name)]


def _status(server: Server) -> str:
    running = server.postmaster()
    found = process.look(running.pid) if running else None
    if found is None:
        return "stopped"
    return "frozen" if found.frozen else "running"


def _each(act: Callable[[Server], _Result], servers: Sequence[Server]) -> list[_Result]:
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        return list(pool.map(act, servers))
