"""The register reviewed by itself: unusual looks are found within the hour.

Beside every relay, whose account may say what was found; one of them reviews.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from zhitong.connectors.access_patterns import Reviewer
from zhitong.exceptions import RecordUnavailableError
from zhitong.ports import Pressure
from zhitong.rules.access_patterns import Noticed, Pattern

CITY = ZoneInfo("Asia/Shanghai")

_log = logging.getLogger("zhitong.reviewing")


class Reviewing:
    """Reviews yesterday and today, as long as it runs."""

    def __init__(
        self, url: str, patterns: Sequence[Pattern], minutes: float, pressure: Pressure
    ) -> None:
        self._pressure = pressure
        self._reviewer = Reviewer(url)
        self._patterns = patterns
        self._seconds = minutes * 60

    async def run(self) -> None:
        """Review at once and at each interval, until cancelled."""
        try:
            while True:
                # It reads through days of looks: decisions that wait come first.
                await self._pressure.calm()
                await self._pressure.prompt()
                try:
                    await self.once()
                except RecordUnavailableError as error:
                    _log.warning("%s: %s", error.code, error)
                await asyncio.sleep(self._seconds)
        finally:
            await self._reviewer.close()

    async def once(self) -> Sequence[Noticed] | None:
        """Review now; None where another does."""
        # Yesterday as well: what was looked at last night is told after midnight.
        days = days_from(datetime.now(CITY).date() - timedelta(days=1))
        return await self._reviewer.review(self._patterns, days)


def days_from(first: date) -> Sequence[date]:
    """List the days from *first* to today, by the city's calendar."""
    many = (datetime.now(CITY).date() - first).days + 1
    return [first + timedelta(days=each) for each in range(many)]
