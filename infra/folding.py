"""Counts of decisions folded each minute, beside every relay."""

from __future__ import annotations

import asyncio
import logging

from zhitong.connectors.decision_counts import fold
from zhitong.exceptions import LedgerUnavailableError

SECONDS = 60.0
"""A thousand decisions a second leave 60,000 changes: some 20 ms to add up."""

_log = logging.getLogger("zhitong.folding")


async def folding(url: str, seconds: float = SECONDS) -> None:
    """Fold at once and at each interval, until cancelled."""
    while True:
        try:
            await fold(url)
        except LedgerUnavailableError as error:
            _log.warning("%s: %s", error.code, error)
        await asyncio.sleep(seconds)
