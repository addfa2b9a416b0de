"""What stays is left out of collections."""

from __future__ import annotations

import gc
import subprocess
import sys

from zhitong.infra.collecting import YOUNG, spare_what_stays


async def test_what_is_there_is_frozen_and_little_is_collected_after() -> None:
    before = gc.get_threshold()
    try:
        spare_what_stays()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == (YOUNG, 20, 100)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


FREED = """
import asyncio, os
from pathlib import Path
from zhitong.infra.collecting import give_free_pages_back

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

async def main():
    batch = [os.urandom(3_000) for _ in range(20_000)]
    kept = batch[::500]
    del batch
    before = resident()
    give_free_pages_back()
    print(len(kept), before - resident())

asyncio.run(main())
"""


def test_what_a_large_batch_has_taken_is_given_back() -> None:
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", FREED], check=True, capture_output=True
    )
    kept, given_back = ran.stdout.split()
    assert (int(kept), float(given_back) > 30.0) == (40, True)
