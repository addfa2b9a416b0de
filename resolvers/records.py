"""The record before the answer: no look leaves without its entry in the register."""

from __future__ import annotations

import asyncio
import logging

from zhitong.exceptions import RecordUnavailableError, ZhitongError
from zhitong.ports import AccessLog
from zhitong.types import Inquiry

LOGGER = logging.getLogger(__name__)
WAITING = 10_000
"""Public looks kept back while the register is away; more are refused."""
RETRY_SECONDS = 0.5


class Recorder:
    """Writes records; those of public fields alone may follow a little later."""

    def __init__(self, log: AccessLog) -> None:
        self._log = log
        self._waiting: list[Inquiry] = []
        self._retrying: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Count the looks not yet recorded."""
        return len(self._waiting)

    async def record(self, inquiry: Inquiry) -> str | None:
        """Commit the record of *inquiry*; raise if nothing may be answered."""
        looked = inquiry.looks or inquiry.restrictions or inquiry.gaps
        if not (looked or inquiry.findings):
            return None
        try:
            return await self._log.record(inquiry)
        except ZhitongError as error:
            protected = any(look.protected for look in inquiry.looks)
            if protected or len(self._waiting) >= WAITING:
                raise RecordUnavailableError(
                    "调阅登记簿暂时写不进去，受保护的数据不能给出，请稍后重试",
                    "the access register cannot be written, so protected data is not "
                    "given; try again shortly",
                ) from error
        self._waiting.append(inquiry)
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._retry())
        return inquiry.id

    async def _retry(self) -> None:
        while self._waiting:
            await asyncio.sleep(RETRY_SECONDS)
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        """Write what waits in one commit; what fails waits on, in its order."""
        batch = list(self._waiting)
        outcomes = await asyncio.gather(
            *map(self._log.record, batch), return_exceptions=True
        )
        failed = [
            inquiry
            for inquiry, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        ]
        self._waiting = failed + self._waiting[len(batch) :]
        if failed:
            LOGGER.warning("%d access records are waiting", len(self._waiting))

    async def close(self) -> None:
        """Try once more; what is still unwritten is said loudly."""
        if self._retrying is not None:
            self._retrying.cancel()
        if self._waiting:
            await self._write_waiting()
        if self._waiting:
            LOGGER.error("%d access records could not be written", len(self._waiting))
