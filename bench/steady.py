"""Questions that come at a steady rate, however long their answers take.

Callers that wait for an answer before they ask again would ask a sick server less, and
so hide how sick it is. Here each question is due at its time, and its time counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from callers import LATE, Caller, Target


@dataclass(frozen=True, slots=True)
class Heard:
    """One question: what it is called, when it was due, what became of it."""

    name: str
    at: float
    """Seconds since the first was due."""
    seconds: float
    """From when it was due to its last byte."""
    whole: bool
    """All departments' parts are there."""
    failed: str = ""
    """What was answered in the stead of an answer."""


async def steady(
    target: Target,
    asked: Iterator[tuple[str, bytes]],
    rate: float,
    ending: asyncio.Event,
) -> list[Heard]:
    """Ask *rate* questions a second until *ending*; give what was heard of each."""
    idle: list[Caller] = []
    heard: list[Heard] = []
    began = time.perf_counter()

    async def some_caller() -> Caller:
        """Give a connection of its own: no question waits for another here."""
        while idle:
            if not (caller := idle.pop()).gone:
                return caller
            await caller.close()
        return await Caller.at(target)

    async def ask(name: str, request: bytes, at: float) -> None:
        caller = await some_caller()
        try:
            head, body = await caller.ask(request)
        except (EOFError, OSError):  # it hung up as we began: ask elsewhere, once
            await caller.close()
            caller = await Caller.at(target)
            head, body = await caller.ask(request)
        idle.append(caller)
        seconds = time.perf_counter() - began - at
        late = any(code in body for code in LATE)
        good = b" 200 " in head.partition(b"\r\n")[0] and (late or _whole(body))
        failed = "" if good else f"{head[:40]!r} {body[:300]!r}"
        heard.append(Heard(name, at, seconds, whole=not late, failed=failed))

    async with asyncio.TaskGroup() as group:
        for number, (name, request) in enumerate(asked):
            at = number / rate
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            if ending.is_set():
                break
            group.create_task(ask(name, request, at))
    for caller in idle:
        await caller.close()
    return heard


def _whole(body: bytes) -> bool:
    return b'"errors"' not in body[:300] and b'"errors"' not in body[-300:]
