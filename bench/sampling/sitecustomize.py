"""Notes where the process spends its CPU; Python imports what has this name by itself.

The first SIGUSR2 begins: at every few milliseconds of CPU, not of time, the stack is
noted. The second ends it and writes the stacks to the file that CPU_SAMPLES names.
Python hears of the signal at the end of a call and at the begin of a function: what C
code has spent is the caller's, or the loop's where the loop is what calls.
"""

from __future__ import annotations

import dis
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

SECONDS = 0.002
_BEGIN = dis.opmap["RESUME"]
_stacks: Counter[tuple[str, ...]] = Counter()
_running: list[bool] = []


def _note(_: int, frame: FrameType | None) -> None:
    stack: list[str] = []
    if frame is not None and frame.f_code.co_code[frame.f_lasti] == _BEGIN:
        frame = frame.f_back
    while frame is not None:
        stack.append(f"{frame.f_code.co_name} {frame.f_code.co_filename}")
        frame = frame.f_back
    _stacks[tuple(stack)] += 1


def _turn(_: int, __: FrameType | None) -> None:
    if not _running:
        _running.append(True)
        signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS)
        return
    _running.clear()
    signal.setitimer(signal.ITIMER_PROF, 0)
    found = [[list(stack), count] for stack, count in _stacks.items()]
    _stacks.clear()
    path = Path(os.environ["CPU_SAMPLES"])
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found), "utf-8")
    part.replace(path)


if "CPU_SAMPLES" in os.environ and "serve" in sys.orig_argv:
    signal.signal(signal.SIGPROF, _note)
    signal.signal(signal.SIGUSR2, _turn)
