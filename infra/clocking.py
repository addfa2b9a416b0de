"""Keeping the clocks: what happens to a decision is in its clocks a second later.

Beside every relay; one of them computes, and which it is does not matter: what is
stored follows from the ledger and the rules alone.
"""

from __future__ import annotations

import asyncio
import logging
import time

from zhitong.connectors.clock_book import TAKEN, ClockBook, Looked
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra import clock_metrics
from zhitong.ports import Pressure
from zhitong.rules.clock_rules import ClockRules

EVERY_SECONDS = 1.0
COUNTED_SECONDS = 60.0
"""Between two counts of what is open."""

_log = logging.getLogger("zhitong.clocks")


class Clocking:
    """Computes clocks by *rules*, as long as it runs."""

    def __init__(self, url: str, rules: ClockRules, pressure: Pressure) -> None:
        self._url = url
        self._rules = rules
        self._pressure = pressure
        self._adopted = False
        self._counted = -COUNTED_SECONDS

    async def run(self) -> None:
        """Compute until cancelled; what could not be done now is done later."""
        while True:
            # Decisions come first; clocks miss nothing by waiting.
            await self._pressure.calm()
            try:
                async with ClockBook(self._url) as book:
                    while await self.once(book):
                        await self._pressure.calm()
            except LedgerUnavailableError as error:
                _log.warning("%s: %s", error.code, error)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self, book: ClockBook) -> bool:
        """Look once and rest if nothing is left; say whether to go on."""
        if not self._adopted:
            self._adopted = await self._adopt(book)
        looked = await book.look(self._rules) if self._adopted else Looked(turn=False)
        if time.monotonic() - self._counted >= COUNTED_SECONDS:
            self._counted = time.monotonic()
            clock_metrics.observe(await book.open(), await book.behind())
            if looked.replaced:
                _log.warning(
                    "时钟已按另一套规则计算，本进程不再计算，请重新启动 "
                    "clocks go by other rules now: restart this process"
                )
        if looked.taken < TAKEN:
            await asyncio.sleep(EVERY_SECONDS)
        return True

    async def _adopt(self, book: ClockBook) -> bool:
        found = await book.adopt(self._rules)
        if found is None:
            return False
        if found.days or found.again:
            _log.info(
                "时钟改按新规则：%d 个起算日、%d 个时钟有变 by new rules: %d days, "
                "%d clocks%s",
                found.days,
                found.clocks,
                found.days,
                found.clocks,
                "; every decision is computed anew" if found.again else "",
            )
        return True
