"""Telling how clocks stand: as they change, and as days go by.

Beside every relay; one of them tells, and which it is does not matter: what was told is
stored with the clock. Where the broker is away what is to be told waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

from zhitong.connectors.clock_events import PAGE, ClockEvents
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.clocking import EVERY_SECONDS
from zhitong.ports import Pressure
from zhitong.rules.clock_events import ClockEvent
from zhitong.rules.notices import Address
from zhitong.rules.working_days import day_of
from zhitong.streams.clock_stream import send
from zhitong.streams.producer import Producer

_PAUSE = 10.0
"""Between two attempts while the broker takes nothing."""

_log = logging.getLogger("zhitong.clocks")


def today() -> date:
    """Give the day in China by the machine's clock."""
    return day_of(datetime.now(UTC))


class ClockTelling:
    """Tells clocks on a topic, as long as it runs."""

    def __init__(  # noqa: PLR0913 - what it reads, sends with and is called
        self,
        url: str,
        producer: Producer,
        pressure: Pressure,
        *,
        tenant: str,
        source: str,
        addresses: Sequence[Address] = (),
        day: Callable[[], date] = today,
    ) -> None:
        self._url = url
        self._producer = producer
        self._pressure = pressure
        self._tenant = tenant
        self._source = source
        self._addresses = addresses
        self._day = day
        self._failed = False
        self._thread = ThreadPoolExecutor(1, "clocks-out")

    async def run(self) -> None:
        """Tell until cancelled; what could not be told now is told later."""
        try:
            while True:
                # Decisions come first; a clock is told a moment later.
                await self._pressure.calm()
                try:
                    async with ClockEvents(self._url, self._addresses) as events:
                        while await self.once(events):
                            await self._pressure.calm()
                except LedgerUnavailableError as error:
                    _log.warning("%s: %s", error.code, error)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            self._thread.submit(self._producer.close)
            self._thread.shutdown(wait=False)

    async def once(self, events: ClockEvents) -> bool:
        """Tell a page and send a page; rest if nothing is left."""
        told = await events.tell(self._day())
        sent = await events.hand(self._send)
        if self._failed:
            await asyncio.sleep(_PAUSE)
        elif max(told, sent) < PAGE:
            await asyncio.sleep(EVERY_SECONDS)
        return True

    async def _send(self, events: Sequence[ClockEvent]) -> Collection[int]:
        sent, faults = await asyncio.get_running_loop().run_in_executor(
            self._thread, send, self._producer, events, self._tenant, self._source
        )
        if faults and not self._failed:
            _log.warning("时钟待推送 clocks wait to be told: %s", min(faults))
        elif self._failed and not faults:
            _log.warning("时钟已推送 clocks are told again")
        if faults:
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._producer.reset
            )
        self._failed = bool(faults)
        return sent
