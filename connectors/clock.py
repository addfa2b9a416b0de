"""The wall clock, watched: heads bear its time, so that a jump of it is said."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from zhitong.connectors import sealer_metrics as metrics

JUMP_SECONDS = 5.0
"""How far wall and monotonic clocks may part between two looks."""

_log = logging.getLogger("zhitong.sealer")


def _now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Tells the time, and whether it has jumped since it was last watched."""

    def __init__(
        self,
        now: Callable[[], datetime] = _now,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = now
        self._steady = steady
        self._parted = self._difference()

    def watch(self) -> None:
        """Warn of a jump since the last look."""
        before, self._parted = self._parted, self._difference()
        jump = self._parted - before
        if abs(jump) > JUMP_SECONDS:
            metrics.jumps.add(1)
            _log.warning(
                "系统时钟跳变 %+.1f 秒，请检查对时 the clock jumped, see to its source",
                jump,
            )

    def _difference(self) -> float:
        return self.now().timestamp() - self._steady()
