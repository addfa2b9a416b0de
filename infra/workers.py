"""Processes beside the gateway: run one under its name, find them, end them.

A worker's note lies in ``run/<name>.json`` of the state folder while it lives. Of
some kinds there may be several; each takes the first free number: ``relay-1``.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from uvicorn import Config

from zhitong.exceptions import SettingsError
from zhitong.infra.collecting import give_free_pages_back
from zhitong.infra.note import Note, find, noted
from zhitong.infra.settings import Settings
from zhitong.infra.telemetry import set_up

_ENDING_SECONDS = 20.0
_PAUSE = 0.05

Work = Callable[[str], Awaitable[None]]
"""What a worker does, given its name, until it is cancelled."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that runs."""

    name: str
    pid: int


def log_plainly() -> None:
    """Write warnings to standard error, each in one line."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    # Its own warnings repeat each second while a broker is away; we say it once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def run_worker(
    settings: Settings, name: str, work: Work, *, several: bool = False
) -> None:
    """Do *work* as the worker *name* until SIGINT or SIGTERM, which cancels it.

    With *several* the name gets a number. Raises `SettingsError` when a worker of
    that name runs already.
    """
    log_plainly()
    close = set_up(settings)
    try:
        with (
            _announced(settings, name, several=several) as taken,
            asyncio.Runner(loop_factory=Config(app="").get_loop_factory()) as runner,
            suppress(asyncio.CancelledError),
        ):
            runner.run(_until_asked(work(taken), taken))
    finally:
        close()


def workers(settings: Settings) -> Sequence[Worker]:
    """Name the workers of the state folder that run."""
    found = [(path.stem, find(path)) for path in sorted(_folder(settings).glob("*"))]
    return [Worker(name, note.pid) for name, note in found if note]


def stop_workers(settings: Settings, kind: str = "") -> Sequence[str]:
    """End the workers whose name begins with *kind*; name those that ran."""
    running = [each for each in workers(settings) if each.name.startswith(kind)]
    for each in running:
        _signal(each, signal.SIGTERM)
    deadline = time.monotonic() + _ENDING_SECONDS
    while left := [each for each in workers(settings) if each in running]:
        if time.monotonic() > deadline:
            for each in left:
                _signal(each, signal.SIGKILL)
        time.sleep(_PAUSE)
    return [each.name for each in running]


def _signal(worker: Worker, number: signal.Signals) -> None:
    # The lock on its note shows that the process of this number is the worker.
    with suppress(ProcessLookupError):
        os.kill(worker.pid, number)
        # A halted process does not see the request.
        os.kill(worker.pid, signal.SIGCONT)


async def _until_asked(work: Awaitable[None], name: str) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    give_free_pages_back()
    try:
        await work
    except asyncio.CancelledError:
        print(f"已停止 Stopped: {name}", flush=True)  # noqa: T201 - what the command line says
        raise


@contextmanager
def _announced(settings: Settings, name: str, *, several: bool) -> Iterator[str]:
    for number in itertools.count(1):
        taken = f"{name}-{number}" if several else name
        path = _folder(settings) / f"{taken}.json"
        if several and find(path):
            continue
        with ExitStack() as stack:
            try:
                stack.enter_context(noted(path, Note(pid=os.getpid(), url=taken)))
            except SettingsError:
                # Another one of the kind was quicker.
                if several:
                    continue
                raise
            yield taken
            return


def _folder(settings: Settings) -> Path:
    return settings.state / "run"
