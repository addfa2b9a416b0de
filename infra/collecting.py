"""Python's collector of cycles, told what need not be looked through.

Schema, bindings and plans live as long as the process, and are most of its objects:
looking through them again and again takes a quarter of the CPU of pages of 80 rows.
Answers make no cycles that wait to be collected: seldom will do.
"""

from __future__ import annotations

import asyncio
import gc

THRESHOLDS = (50_000, 20, 100)
"""A large answer is collected once or not at all; more than that saved nothing."""
WARM_SECONDS = 30.0
"""After which the documents that are asked again and again have their plans."""


def spare_what_stays() -> None:
    """Leave what there is out of collections; once more when the process is warm."""
    gc.set_threshold(*THRESHOLDS)
    _freeze()
    asyncio.get_running_loop().call_later(WARM_SECONDS, _freeze)


def _freeze() -> None:
    gc.collect()
    gc.freeze()
