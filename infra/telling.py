"""Telling by itself: what happened to decisions leaves within a minute, as events.

Beside every gateway, which knows the policy; of several each tells what no other has.
"""

from __future__ import annotations

import asyncio
import logging

from zhitong.connectors.annotations import PlatformAnnotations, Told
from zhitong.exceptions import LedgerUnavailableError
from zhitong.ports import Pressure
from zhitong.resolvers.annotating import Annotating

EVERY_SECONDS = 60.0

_log = logging.getLogger("zhitong.telling")


class Telling:
    """Tells what happened, as long as it runs."""

    def __init__(
        self, due: PlatformAnnotations, annotating: Annotating, pressure: Pressure
    ) -> None:
        self._due = due
        self._annotating = annotating
        self._pressure = pressure

    async def run(self) -> None:
        """Tell at once and each minute, until cancelled."""
        while True:
            # Decisions come first.
            await self._pressure.calm()
            try:
                found = await self.once()
            except LedgerUnavailableError as error:
                _log.warning("%s: %s", error.code, error)
            else:
                if found.events or found.by_hand:
                    _log.info(
                        "标注 annotations: 事件 events %d，由人告知 by hand %d",
                        found.events,
                        found.by_hand,
                    )
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> Told:
        """Tell what is due now."""
        return await self._due.tell(self._annotating.of)
