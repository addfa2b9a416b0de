"""Chasing by itself: what is over its time is work within a minute or two.

Beside every relay; one of them looks, by the calendar and the receivers' rules of now.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from functools import partial

from zhitong.connectors.work_chase import Chase, Chased
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra import work_metrics
from zhitong.infra.calendar_file import read_work_clocks
from zhitong.infra.settings import Settings
from zhitong.ports import Pressure
from zhitong.rules.work import Due, WorkClocks, due_by
from zhitong.streams.receivers import Receivers

EVERY_SECONDS = 60.0

_log = logging.getLogger("zhitong.chasing")


class Chasing:
    """Looks for what is over its time, as long as it runs."""

    def __init__(
        self, url: str, settings: Settings, config: Receivers, pressure: Pressure
    ) -> None:
        self._url = url
        self._clocks = read_work_clocks(settings.calendar)
        self._answer_by = partial(
            answer_by, config, self._clocks, settings.answer_hours
        )
        self._pressure = pressure

    async def run(self) -> None:
        """Look at once and each minute, until cancelled."""
        while True:
            # Whom too much waits for is late anyhow: decisions come first.
            await self._pressure.calm()
            try:
                found = await self.once()
            except LedgerUnavailableError as error:
                _log.warning("%s: %s", error.code, error)
            else:
                _tell(found)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> Chased | None:
        """Look now; None where another process does."""
        async with Chase(self._url) as chase:
            return await chase.look(self._clocks, self._answer_by)


def answer_by(
    config: Receivers,
    clocks: WorkClocks,
    hours: float,
    receiver: str,
    recorded: datetime,
) -> Due:
    """Say until when *receiver* has to answer what was *recorded* then."""
    clock = config.clock(receiver, recorded, hours)
    return due_by(clock, recorded, clocks.calendar)


def _tell(found: Chased | None) -> None:
    if found is None:
        return
    work_metrics.observe(found.left)
    if found.opened or found.ended:
        late = sum(one.late for one in found.left)
        _log.info(
            "待办 work: 新增 opened %d，了结 ended %d，逾期 late %d",
            found.opened,
            found.ended,
            late,
        )
