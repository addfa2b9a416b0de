"""Processes of embedded servers: launched, seen in /proc, halted, resumed, ended.

The rules:

1. A pid counts as a server's only after its `words` were compared with the data
   folder: a pid file outlives its process, and pids are reused.
2. A server is its first process and that one's children. The first is halted
   first; a child it made meanwhile is met when they are listed again.
3. A zombie is dead: our own are reaped, others' are left to their parent.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PAUSE = 0.01
_WORDS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Process:
    """A line of the process table."""

    pid: int
    parent: int
    state: str
    threads: int

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not, once all its threads are gone."""
        # A killed program's first thread can be dead while others hold its ports.
        return self.state not in "ZXx" or self.threads > 1

    @property
    def frozen(self) -> bool:
        """Whether a signal has halted it."""
        return self.state == "T"


def look(pid: int) -> Process | None:
    """Find the process *pid*."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may hold brackets.
    fields = stat.rpartition(")")[2].split()
    return Process(pid, int(fields[1]), fields[0], int(fields[17]))


def alive(pid: int) -> bool:
    """Say whether the server process *pid* runs; reap it if it was our child."""
    # Only here, for pids of servers: whoever reaps another's child robs its owner.
    _reap(pid)
    process = look(pid)
    return process is not None and process.alive


def words(pid: int) -> tuple[str, ...]:
    """Give the command line of *pid*, the program first; none: it is gone."""
    try:
        line = (_PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(os.fsdecode(word) for word in line.split(b"\0")[:-1])


def launch(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Start *command*, its output at the end of *log*; give its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, file.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, file.fileno(), 2),
        ]
        # Its own session: it outlives us, and Ctrl-C here does not reach it.
        pid = os.posix_spawn(
            command[0], list(command), environment, file_actions=actions, setsid=True
        )
    # We go on before the system has given it its words, and by those it is found.
    deadline = time.monotonic() + _WORDS_SECONDS
    while not words(pid) and alive(pid) and time.monotonic() < deadline:
        time.sleep(0.001)
    return pid


def family(pid: int) -> tuple[Process, ...]:
    """List the process *pid* and its children, the living ones."""
    own = look(pid)
    if own is None:
        return ()
    return tuple(p for p in (own, *_children(pid)) if p.alive)


def freeze(pid: int) -> bool:
    """Halt a whole server; say whether it stands still."""

    def still() -> bool:
        moving = [process for process in family(pid) if not process.frozen]
        for process in moving:
            ask(process.pid, signal.SIGSTOP)
        return not moving

    return _until(still, 5.0)


def thaw(pid: int) -> None:
    """Let a halted server go on; children first, so that none is missed."""
    for process in reversed(family(pid)):
        ask(process.pid, signal.SIGCONT)


def stop(pid: int, request: signal.Signals, seconds: float) -> bool:
    """Ask a server to end; say whether it has within *seconds*."""
    # A halted process does not see the request.
    thaw(pid)
    ask(pid, request)
    return _until(lambda: not alive(pid), seconds)


def kill(pid: int) -> bool:
    """End a whole server without a chance to tidy up; say whether it is gone."""
    freeze(pid)
    doomed = [process.pid for process in family(pid)]
    for member in doomed:
        ask(member, signal.SIGKILL)
    return _until(lambda: not any(alive(member) for member in doomed), 5.0)


def ask(pid: int, request: signal.Signals) -> None:
    """Send *request* to *pid*, if it still is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, request)


def everyone() -> Iterator[int]:
    """Give the pid of every process."""
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _children(pid: int) -> Iterator[Process]:
    for process in map(look, everyone()):
        if process is not None and process.parent == pid:
            yield process


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
