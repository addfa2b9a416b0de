"""A receiver's places of events past their time are forgotten, daily, by dated rule."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, time, timedelta

from zhitong.connectors.inbox_stated import InboxStated
from zhitong.exceptions import InboxUnavailableError
from zhitong.infra.retention_file import read_places_retention
from zhitong.infra.reviewing import CITY
from zhitong.infra.settings import Settings
from zhitong.rules.retention import kept_since

_DAY = timedelta(days=1)
_SLACK = timedelta(days=2)
"""A window is stated daily as long as its topic keeps it."""

_log = logging.getLogger("zhitong.consumer")


async def forgetting(stated: InboxStated, settings: Settings) -> None:
    """Forget at once and each day, until cancelled; several may do so at a time."""
    while True:
        try:
            before = past(settings, datetime.now(UTC))
            if before is not None and (many := await stated.forget(before)):
                _log.info("对账区间到期 windows past their time: %d", many)
        except InboxUnavailableError as error:
            _log.warning("%s: %s", error.code, error)
        await asyncio.sleep(_DAY.total_seconds())


def past(settings: Settings, now: datetime) -> datetime | None:
    """Say before when places may be forgotten *now*; None: never, by no rule."""
    rules = read_places_retention(settings.retention)
    try:
        day = kept_since(rules, now.astimezone(CITY).date())
    except LookupError:
        return None
    kept = now - timedelta(days=settings.retention_days) - _SLACK
    return min(datetime.combine(day, time(), CITY), kept)
