"""Several gateway processes on one socket: begun, begun again, ended together.

The first begins alone, for it migrates the database and makes what keys there are none
of yet; the others follow when it is ready. One that ends is begun again, after a while
where it ends at once. Where the parent ends, however that is, the others find their
line to it cut, and end. What one process does to all is passed along these lines.

On SIGHUP all are replaced, one after the other: a new one begins, from what is
installed by then, and when it is ready an old one answers what it has and ends. The
socket stays.

uvicorn's own supervisor runs an application that is named; ours is put together out of
what lives in its process, and says when that is done.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from zhitong.exceptions import ZhitongError
from zhitong.infra.settings import Settings

LOGGER = logging.getLogger("zhitong.serving")
ENDING_SECONDS = 15.0
"""Until one that was told to end is ended."""
LONGEST_PAUSE = 30.0
FAULT = 2
"""Exit code of what could not begin, as the command line has it."""
SETTLED_SECONDS = 60.0
"""One that has run for so long is begun again at once."""
_LOOK_SECONDS = 0.2
_SPAWN = multiprocessing.get_context("spawn")

States = Mapping[str, str]
"""How a process found its sources, by their names."""
Body = Callable[[Settings, socket.socket, Connection], None]
"""What a process does; it sends its `States` when it is ready. Found by its name."""
RELOAD = "reload"
"""What a process sends when it was told to load its bindings again, and receives."""


@dataclass(slots=True, kw_only=True)
class _Process:
    """One of several, and our end of the line to it."""

    process: SpawnProcess
    line: Connection
    begun: float
    ready: bool = False


def told_folder(settings: Settings, supervisor: int) -> Path:
    """Name the folder of what the processes of one supervisor tell each other."""
    return settings.state / "told" / str(supervisor)


class Supervisor:
    """Keeps as many processes running as are set, until it is told to end."""

    def __init__(self, settings: Settings, listener: socket.socket, body: Body) -> None:
        self._settings = settings
        self._listener = listener
        self._body = body
        self._running: list[_Process] = []
        self._leaving: list[_Process] = []
        self._old: list[_Process] = []
        self._successor: _Process | None = None
        self._renewing = False
        self._pause = 0.0
        self._next = 0.0
        self._ending = False

    @contextmanager
    def running(self) -> Iterator[States]:
        """Begin them all, and give how the first found its sources; end them all."""
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._end)
        signal.signal(signal.SIGHUP, self._renew)
        told = told_folder(self._settings, os.getpid())
        try:
            # Of a process before us with our number, killed before it could do so.
            shutil.rmtree(told, ignore_errors=True)
            states = self._begun()
            for _ in range(self._settings.workers - 1):
                self._begun()
            yield states
        finally:
            self._stop()
            shutil.rmtree(told, ignore_errors=True)

    def watch(self) -> None:
        """Begin anew what ends or is to be renewed, until a signal comes."""
        while not self._ending:
            self._attend()
            self._change()
            self._part()
            self._replace()

    def _begun(self) -> States:
        """Begin one and wait until it is ready; end where it does not become so."""
        one = self._begin()
        while not self._ending:
            if one.line.poll(_LOOK_SECONDS):
                with suppress(EOFError, OSError):
                    states: States = one.line.recv()
                    one.ready = True
                    return states
            if not one.process.is_alive():
                raise SystemExit(one.process.exitcode or 1)
        raise SystemExit(0)

    def _begin(self) -> _Process:
        ours, theirs = _SPAWN.Pipe()
        # By their names: who comes after us may know settings that we do not.
        values = {
            each.name: getattr(self._settings, each.name)
            for each in fields(self._settings)
        }
        process = _SPAWN.Process(
            target=_work, args=(self._body, values, self._listener, theirs)
        )
        process.start()
        theirs.close()  # or it would not be cut when the process ends
        one = _Process(process=process, line=ours, begun=time.monotonic())
        self._running.append(one)
        return one

    def _attend(self) -> None:
        """Pass on what comes over the lines, for a while."""
        lines = {one.line: one for one in self._running}
        for line in wait(list(lines), _LOOK_SECONDS):
            assert isinstance(line, Connection)  # noqa: S101 - they are what was waited for
            one = lines[line]
            try:
                said = line.recv()
            except (EOFError, OSError):
                one.process.join(_LOOK_SECONDS)
                continue
            if said == RELOAD:
                self._tell_others(one)
            else:
                one.ready = True

    def _tell_others(self, speaker: _Process) -> None:
        for one in self._running:
            if one is not speaker:
                with suppress(OSError):
                    one.line.send(RELOAD)

    def _change(self) -> None:
        """Take a step on the way from the old ones to their successors."""
        if self._renewing:
            self._old, self._renewing = list(self._running), False
        self._old = [one for one in self._old if one in self._running]
        one = self._successor
        if one is not None and one.process.is_alive() and not one.ready:
            return
        self._successor = None
        if one is not None and not one.process.is_alive():
            LOGGER.error(
                "新的网关进程未能启动，原有进程继续 a new gateway process did not "
                "begin; the old ones stay"
            )
            self._old.clear()
        elif one is not None and self._old:
            self._dismiss(self._old.pop(0))
        if self._old:
            self._successor = self._begin()

    def _dismiss(self, one: _Process) -> None:
        """Have it answer what it has, and end; another is there in its place."""
        self._running.remove(one)
        self._leaving.append(one)
        one.begun = time.monotonic()
        one.process.terminate()

    def _part(self) -> None:
        """See those off that were told to end, and end those that do not."""
        for one in list(self._leaving):
            if one.process.is_alive():
                if time.monotonic() - one.begun > ENDING_SECONDS:
                    one.process.kill()
                continue
            one.process.join()
            one.line.close()
            self._leaving.remove(one)

    def _replace(self) -> None:
        now = time.monotonic()
        for one in [one for one in self._running if not one.process.is_alive()]:
            one.line.close()
            self._running.remove(one)
            lived = now - one.begun
            settled = one.ready and lived > SETTLED_SECONDS
            self._pause = 0.0 if settled else min(self._pause * 2 or 1.0, LONGEST_PAUSE)
            self._next = now + self._pause
            LOGGER.warning(
                "网关进程 %d 已结束（%s），%g 秒后重新启动 a gateway process ended, "
                "to begin again in as many seconds",
                one.process.pid,
                one.process.exitcode,
                self._pause,
            )
        missing = self._settings.workers - len(self._running)
        if missing > 0 and now >= self._next and not self._ending:
            for _ in range(missing):
                self._begin()

    def _end(self, *_: object) -> None:
        self._ending = True

    def _renew(self, *_: object) -> None:
        self._renewing = True

    def _stop(self) -> None:
        running = [*self._running, *self._leaving]
        for one in running:
            one.process.terminate()
        deadline = time.monotonic() + ENDING_SECONDS
        for one in running:
            one.process.join(max(0.0, deadline - time.monotonic()))
            if one.process.is_alive():
                one.process.kill()
                one.process.join()
            one.line.close()


def _work(
    body: Body,
    values: Mapping[str, object],
    listener: socket.socket,
    line: Connection,
) -> None:
    """Do what a process of several does; say on the error output why it cannot."""
    known = {each.name for each in fields(Settings)}
    settings = Settings(**{n: v for n, v in values.items() if n in known})  # type: ignore[arg-type]
    # Meant for who supervises us: a terminal that goes tells everybody.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        body(settings, listener, line)
    except ZhitongError as error:
        sys.stderr.write(f"{error.code}: {error.label.zh}\n  {error.label.en}\n")
        raise SystemExit(FAULT) from None
