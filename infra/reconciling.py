"""Reconciliation by itself: hourly beside every relay, of which one does it.

In a process of its own: it compares for seconds at a time, and a relay whose loop that
held would send late, and be taken for dead. The process does one and ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from datetime import timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from subprocess import Popen

from zhitong.exceptions import LedgerUnavailableError, ZhitongError
from zhitong.infra import reconciliation_metrics
from zhitong.infra.reconciliation import Done, line, reconcile_in_turn
from zhitong.infra.settings import Settings
from zhitong.infra.workers import log_plainly
from zhitong.ports import Pressure
from zhitong.rules.reconciliation import Difference

_TOLD = 100
"""Differences that are named in the log; the rest are counted."""
_NICE = 10
"""Decisions come first, on a full machine too."""

_log = logging.getLogger("zhitong.reconciling")


class Reconciling:
    """Reconciles hourly, as long as it runs."""

    def __init__(self, url: str, settings: Settings, pressure: Pressure) -> None:
        self._url = url
        self._settings = settings
        self._pressure = pressure
        self._every = timedelta(minutes=settings.reconcile_minutes)
        self._told: frozenset[Difference] = frozenset()

    async def run(self) -> None:
        """Reconcile at once and at each interval, until cancelled."""
        while True:
            # It reads whole topics: decisions that wait come first.
            await self._pressure.calm()
            await self._pressure.prompt()
            try:
                done = await reconcile_apart(self._url, self._settings)
            except ZhitongError as error:
                _log.warning("%s: %s", error.code, error)
            else:
                if done is not None:
                    self._tell(done)
            await asyncio.sleep(self._every.total_seconds())

    def _tell(self, done: Done) -> None:
        """Say what is new to this process."""
        reconciliation_metrics.observe(done.open)
        reconciliation_metrics.records.add(done.records)
        for unread in done.unread:
            _log.warning("%s", unread)
        fresh = [each for each in done.open if each not in self._told]
        for each in fresh[:_TOLD]:
            _log.error("对账 reconciliation: %s", line(each))
        if len(fresh) > _TOLD:
            _log.error("对账 reconciliation: 另有 %d 件 more", len(fresh) - _TOLD)
        self._told = frozenset(done.open)


async def reconcile_apart(url: str, settings: Settings) -> Done | None:
    """Reconcile what is due in a process of its own; None where another does.

    Raises what was raised there, and `LedgerUnavailableError` where it has ended.
    """
    ours, theirs = Pipe()
    with ours:
        with theirs:
            end = theirs.fileno()
            process = Popen(  # noqa: S603, ASYNC220 - our own program, not waited for
                [sys.executable, "-P", "-m", __name__, str(end)], pass_fds=[end]
            )
        try:
            # By its line: whoever lists processes sees what they were called with.
            return await asyncio.to_thread(_answer, ours, url, settings)
        finally:
            # Whoever still waits for its answer is told that none comes.
            process.terminate()
            process.wait()


def _answer(
    ours: Connection[tuple[str, Settings], Done | ZhitongError | None],
    url: str,
    settings: Settings,
) -> Done | None:
    try:
        ours.send((url, settings))
        found = ours.recv()
    except (EOFError, OSError) as error:
        raise LedgerUnavailableError(
            "对账的进程中途结束：下次再对",
            "the process that reconciles has ended: the next one does it",
        ) from error
    if isinstance(found, ZhitongError):
        raise found
    return found


def serve(end: int) -> None:
    """Reconcile once, for who asks by the line *end*."""
    os.nice(_NICE)
    log_plainly()
    # Who asked may have ended: then nobody waits, and there is nothing to say.
    with Connection(end) as line_to, suppress(EOFError, BrokenPipeError):
        url, settings = line_to.recv()
        try:
            line_to.send(asyncio.run(reconcile_in_turn(url, settings)))
        except ZhitongError as error:
            line_to.send(error)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
