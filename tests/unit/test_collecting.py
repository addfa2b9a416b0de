"""What stays is left out of collections."""

from __future__ import annotations

import gc

from zhitong.infra.collecting import THRESHOLDS, spare_what_stays


async def test_what_is_there_is_frozen_and_little_is_collected_after() -> None:
    before = gc.get_threshold()
    try:
        spare_what_stays()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == THRESHOLDS
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
