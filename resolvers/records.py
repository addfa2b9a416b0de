"""The record before the answer: no look leaves without its entry in the register."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from opentelemetry import metrics

from zhitong.exceptions import (
    DecisionError,
    RecordUnavailableError,
    ZhitongError,
    ended,
    unrecorded,
)
from zhitong.ports import AccessLog, Freshness
from zhitong.resolvers.granted import HeldGrants
from zhitong.types import Inquiry

LOGGER = logging.getLogger(__name__)
PLATFORM = "platform"
"""The kind of requester that no token has."""
FOLLOWING = 10_000
"""Public looks answered and not yet committed; more are refused."""
FOLLOW_SECONDS = 1.0
"""Until a public look's record is on our own disk, if it is not committed."""
TOGETHER_SECONDS = 0.01
"""For which public looks gather: thirty in a commit cost a tenth of thirty commits."""
_RECORDED = metrics.get_meter("zhitong.resolvers").create_counter(
    "zhitong.record.looks",
    "{record}",
    "Looks answered, by whether the answer waited for its record",
)


@dataclass(slots=True, eq=False)
class Pending:
    """A look that goes on record once what it is for has ended."""

    inquiry: Inquiry
    carried: bool = False
    """Whether it was committed with what it was for, in one transaction."""

    @property
    def looks(self) -> tuple[Inquiry, ...]:
        """Give what is to be carried: nothing where nothing was looked at."""
        return (self.inquiry,) if _looked(self.inquiry) else ()


class Recorder:
    """Writes records; those of public fields alone may follow a little later."""

    def __init__(
        self,
        log: AccessLog,
        freshness: Freshness | None = None,
        grants: HeldGrants | None = None,
    ) -> None:
        self._log = log
        self._freshness = freshness
        self._grants = grants
        self._gathered: list[Inquiry] = []
        self._gathering = False
        self._committing = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def following(self) -> int:
        """Count the looks that are answered and not yet on record."""
        return len(self._gathered) + self._committing

    async def record(self, inquiry: Inquiry) -> str | None:
        """Put *inquiry* on record; raise if nothing may be answered."""
        if not _looked(inquiry):
            return None
        if any(look.protected for look in inquiry.looks):
            self._check_fresh(inquiry)
            await self._waited(inquiry)
            _RECORDED.add(1, {"record": "before"})
        else:
            await self._followed(inquiry)
            _RECORDED.add(1, {"record": "after"})
        return inquiry.id

    @asynccontextmanager
    async def pending(self, inquiry: Inquiry) -> AsyncIterator[Pending]:
        """Put *inquiry* on record when the block has ended, if nothing carried it.

        A refusal may rest on what was looked at. A block that fails otherwise tells
        nothing of it: its record may follow.
        """
        look = Pending(inquiry)
        try:
            yield look
        except DecisionError:
            await self.record(inquiry)
            raise
        except BaseException:
            if _looked(inquiry) and not look.carried:
                await self._followed(inquiry)
            raise
        if look.carried:
            _RECORDED.add(1, {"record": "within"})
        else:
            await self.record(inquiry)

    def _check_fresh(self, inquiry: Inquiry) -> None:
        """Raise where looks have had no proof for too long.

        What the platform reads to check a decision leaves for nobody, and no decision
        waits for a witness; nor does an emergency.
        """
        if inquiry.break_glass or inquiry.principal.kind == PLATFORM:
            return
        stale = self._freshness.stale() if self._freshness else None
        if stale is not None:
            raise stale

    async def _waited(self, inquiry: Inquiry) -> None:
        """Commit the record; an emergency's is signed and kept where that fails."""
        if inquiry.break_glass and self._log.away:
            await self._kept(inquiry)
            return
        try:
            await self._log.record(inquiry)
        except RecordUnavailableError:
            if not inquiry.break_glass:
                raise
            await self._kept(inquiry)

    async def _kept(self, inquiry: Inquiry) -> None:
        """Put an emergency's look on our own disk, if what it rests on still stands.

        The register is not there to say so; what we know of it is.
        """
        if self._grants is not None and not self._grants.stand(inquiry):
            raise ended()
        await self._log.keep(inquiry)

    async def _followed(self, inquiry: Inquiry) -> None:
        """Begin to commit the record; once that has failed, have it kept first."""
        if self._log.away:
            await self._log.keep(inquiry)
            return
        if self.following >= FOLLOWING:
            raise unrecorded()
        self._gathered.append(inquiry)
        if not self._gathering:
            self._begin()

    def _begin(self) -> None:
        self._gathering = True
        task = asyncio.create_task(self._follow())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        """Commit what gathers in a moment; keep on our disk what cannot be in time."""
        due = asyncio.get_running_loop().time() + FOLLOW_SECONDS
        try:
            await asyncio.sleep(TOGETHER_SECONDS)
        finally:  # who is cancelled here leaves what has gathered to the next
            self._gathering = False
        some, self._gathered = self._gathered, []
        self._committing += len(some)
        try:
            left = await self._uncommitted(some, due)
            # At once: what comes together is one write to the disk.
            await asyncio.gather(*map(self._saved, left))
        except asyncio.CancelledError:
            self._gathered += some  # entered again, they are the same
            raise
        finally:
            self._committing -= len(some)

    async def _uncommitted(
        self, some: Sequence[Inquiry], due: float
    ) -> Sequence[Inquiry]:
        """Commit looks until *due*; give those that are not, or may not be."""
        try:
            async with asyncio.timeout_at(due):
                return await self._log.follow(some)
        except Exception as error:  # one fault loses no other look
            if not isinstance(error, ZhitongError | TimeoutError):
                LOGGER.exception("looks are not committed together")
            return some

    async def _saved(self, inquiry: Inquiry) -> None:
        """Put a look that is answered on our own disk, or say that it is lost."""
        try:
            await self._log.keep(inquiry)
        except Exception:
            LOGGER.exception("the record of %s is lost", inquiry.id)

    async def settled(self) -> None:
        """Wait until all that was answered is committed, or on our own disk."""
        while self._tasks or self._gathered:
            if not self._tasks:
                self._begin()
            await asyncio.wait([*self._tasks])

    async def close(self) -> None:
        """Wait for what follows; what is not committed is on our own disk."""
        await self.settled()


def _looked(inquiry: Inquiry) -> bool:
    """Say whether there is anything to put on record."""
    looked = inquiry.looks or inquiry.restrictions or inquiry.gaps
    return bool(looked or inquiry.findings)
