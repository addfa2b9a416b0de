"""Python's collector of cycles, told what need not be looked through.

Schema, bindings and plans live as long as the process, and are most of its objects:
looking through them again and again takes a quarter of the CPU of pages of 80 rows.
Answers make no cycles that wait to be collected: seldom will do.

And the C library's allocator, told to give free pages back: a backlog is read in large
batches, and what one has taken would count as ours for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable

YOUNG = 50_000
"""A large answer is collected once or not at all; more than that saved nothing."""
YOUNG_OF_A_RELAY = 2_000
"""What is sent ends in cycles of the client's, and its bytes with it: two megabytes of
them waited. This often it costs nothing that can be seen."""
_OLDER = (20, 100)
WARM_SECONDS = 30.0
"""After which the documents that are asked again and again have their plans."""
FREE_SECONDS = 30.0
"""How often free pages are given back."""


def spare_what_stays(young: int = YOUNG) -> None:
    """Leave what there is out of collections; once more when the process is warm.

    What is new is looked through when there are *young* more containers of it.
    """
    gc.set_threshold(young, *_OLDER)
    _freeze()
    asyncio.get_running_loop().call_later(WARM_SECONDS, _freeze)


def give_free_pages_back() -> None:
    """Give back what is free, each half minute while the running loop runs."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    # The GNU C library alone has it, and alone keeps that much.
    if trim is not None:
        _each_time(trim)


def _each_time(trim: Callable[[int], int]) -> None:
    trim(0)
    asyncio.get_running_loop().call_later(FREE_SECONDS, _each_time, trim)


def _freeze() -> None:
    gc.collect()
    gc.freeze()
