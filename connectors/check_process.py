"""Stretches of a log checked by several processes, which see one snapshot.

They are programs of their own: what `multiprocessing` spawns imports all its parent
has, here the whole platform, which takes as long as a hundred thousand rows.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from subprocess import Popen

from zhitong.connectors.evidence_rows import snapshot
from zhitong.connectors.log_check import Found, Plan, Stretch, check_stretch
from zhitong.exceptions import LedgerUnavailableError, ZhitongError


async def check_apart(
    url: str, name: str, plan: Plan, parts: Sequence[Stretch], many: int
) -> AsyncIterator[Found]:
    """Check *parts* by *many* processes that see the snapshot *name*; in order."""
    idle: asyncio.Queue[_Process] = asyncio.Queue()

    async def checked(part: Stretch) -> Found:
        process = await idle.get()
        try:
            return await asyncio.to_thread(process.check, part)
        finally:
            idle.put_nowait(process)

    with ExitStack() as stack:
        for _ in range(many):
            process = _Process(url, name, plan)
            stack.callback(process.end)
            idle.put_nowait(process)
        waiting = deque(asyncio.create_task(checked(part)) for part in parts)
        try:
            while waiting:
                yield await waiting.popleft()
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class _Process:
    def __init__(self, url: str, name: str, plan: Plan) -> None:
        self._line, theirs = Pipe()
        with theirs:
            end = theirs.fileno()
            # Not from the folder we happen to be in: -P.
            self._process = Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-m", __name__, str(end)], pass_fds=[end]
            )
        # By its line: whoever lists processes sees what they were called with. One that
        # has ended is found out when it is asked.
        with suppress(OSError):
            self._line.send((url, name, plan))

    def check(self, stretch: Stretch) -> Found:
        """Have *stretch* checked; raise what was raised there."""
        try:
            self._line.send(stretch)
            found = self._line.recv()
        except (EOFError, OSError) as error:
            raise LedgerUnavailableError(
                "核验的一个进程中途结束，未能核验：请稍后重试",
                "a process that verifies has ended, so nothing was verified: try again",
            ) from error
        if isinstance(found, ZhitongError):
            raise found
        if not isinstance(found, Found):
            raise TypeError(found)
        return found

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._line.close()


def serve(end: int) -> None:
    """Check what comes by the line *end* until it is closed."""
    # Nothing here is a ring, and a million small things are looked at again and again.
    gc.disable()
    with Connection(end) as line:
        url, name, plan = line.recv()
        try:
            asyncio.run(_answer(line, url, name, plan))
        except ZhitongError as error:
            line.send(error)


async def _answer(
    line: Connection[Found | ZhitongError, Stretch], url: str, name: str, plan: Plan
) -> None:
    async with snapshot(url, name) as rows:
        while True:
            try:
                stretch = line.recv()
            except EOFError:
                return
            line.send(await check_stretch(rows, plan, stretch))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
