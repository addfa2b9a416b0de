"""What subscribers wait for, looked at once for all of them: the ledger, the sources.

There is no queue for anybody: a subscriber is a place in the log and reads on from it,
out of the latest changes kept here, or out of the ledger where it is far behind. So a
slow one costs no memory, and one that comes back has missed nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice

from zhitong.decisions import Changed
from zhitong.exceptions import LedgerUnavailableError, ZhitongError, outline
from zhitong.ports import LedgerChanges

KEPT = 2_000
"""Changes that are at hand for those who keep up."""
_AT_ONCE = 500

LOGGER = logging.getLogger("zhitong.subscriptions")
States = Callable[[], Mapping[str, str]]
"""Gives the state of each source by its name."""


class Watching:
    """Looks every so many *seconds* while anybody waits; never without."""

    def __init__(
        self,
        changes: LedgerChanges | None = None,
        states: States = dict,
        *,
        seconds: float = 1.0,
    ) -> None:
        self._changes = changes
        self._states = states
        self._seconds = seconds
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._latest: deque[Changed] = deque(maxlen=KEPT)
        self._from = self._end = 0
        """What was sealed between the two is in *latest*."""
        self._seen: Mapping[str, str] = {}
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Look for the time that somebody waits."""
        self._waiting += 1
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._task.cancel()
                self._task = None

    def states(self) -> Mapping[str, str]:
        """Give the state of each source."""
        return dict(self._states())

    async def now(self) -> int:
        """Give the place of what is sealed next; raise `LedgerUnavailableError`."""
        if self._changes is None:
            raise _without()
        return await self._changes.end()

    async def since(self, position: int, most: int) -> Sequence[Changed]:
        """Give up to *most* changes from *position* on, as soon as there are any."""
        while True:
            moved = self._moved
            found = await self._found(position, most)
            if found:
                return found
            await moved.wait()

    async def other(self, states: Mapping[str, str]) -> Mapping[str, str]:
        """Give the states of the sources as soon as they are not *states*."""
        while True:
            moved = self._moved
            found = dict(self._states())
            if found != states:
                return found
            await moved.wait()

    async def _found(self, position: int, most: int) -> Sequence[Changed]:
        if self._changes is None:
            raise _without()
        if not self._from <= position < self._end:
            # Behind what is at hand; or before the first look, which is to come.
            far = position < self._from
            return await self._changes.since(position, most) if far else ()
        later = (one for one in self._latest if one.number >= position)
        return tuple(islice(later, most))

    async def _watch(self) -> None:
        """Look until cancelled; what fails is tried again, and said once."""
        self._latest.clear()
        self._from = self._end = 0
        failed = begun = False
        while True:
            try:
                if not begun:
                    await self._begin()
                begun = True
                while await self._look():
                    pass
                failed = False
            except Exception as error:  # noqa: BLE001 - all who wait would wait for ever
                if not failed:
                    LOGGER.warning("%s", _said(error))
                failed = True
            await asyncio.sleep(self._seconds)

    async def _begin(self) -> None:
        self._seen = dict(self._states())
        if self._changes is not None:
            self._from = self._end = await self._changes.end()
        # Who looked before this may have seen less.
        self._wake()

    async def _look(self) -> bool:
        """Take what is new; say whether there may be more."""
        states = dict(self._states())
        found: Sequence[Changed] = ()
        if self._changes is not None:
            found = await self._changes.since(self._end, _AT_ONCE)
        for one in found:
            if len(self._latest) == KEPT:
                self._from = self._latest[0].number + 1
            self._latest.append(one)
            self._end = one.number + 1
        if found or states != self._seen:
            self._seen = states
            self._wake()
        return len(found) == _AT_ONCE

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


def _said(error: Exception) -> str:
    """Say what failed; of what nobody foresaw not its text, which may quote values."""
    return str(error) if isinstance(error, ZhitongError) else outline(error)


def _without() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "本网关没有决定台账", "this gateway has no ledger of decisions"
    )
