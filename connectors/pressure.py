"""What waits to leave, measured: who may wait asks here, and is held while it presses.

Every gateway and relay measures for itself; the stage is remembered in the platform's
database, so all agree, and whoever changes it says so in its log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager

import asyncpg
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST
from zhitong.connectors.statements import statements
from zhitong.exceptions import DatabaseFullError, PressureError, UndeliveredError
from zhitong.rules.pressure import Limits, Stage

EVERY_SECONDS = 2.0
SIZED = 15
"""So many looks are one at the size of the whole, which costs more."""
PATIENCE = 3_600.0
"""How long what is not urgent waits at most: slowed, not ended."""
LATE_SECONDS = 3.0
"""From such an age of the oldest on the relays are behind, as after a stop:"""
LATE_PATIENCE = 300.0
"""what takes a core of theirs waits so long at most. A topic may be away for days."""
ALL = "*"
ROOM = "/"
_SECONDS = 5.0
_SESSION = {
    "application_name": "zhitong-pressure",
    "statement_timeout": "4s",
    # Empty at one look and full at the next: plans must not follow statistics.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "jit": "off",
}
_WORDS = {
    Stage.NONE: "积压已消除 nothing presses any more",
    Stage.ALARM: "积压，请查看中继、消息代理和接收方 events wait too long or are too "
    "many: look at relay, broker, receiver",
    Stage.SLOWED: "积压加重，不急的工作已放缓 worse: what is not urgent waits",
    Stage.UNDELIVERED: "积压过多，决定照常登记并标为未送达 decisions are taken as "
    "ever, and marked undelivered",
}

_log = logging.getLogger("zhitong.pressure")
_stages: dict[str, Stage] = {}
_seen: dict[str, float] = {}


@asynccontextmanager
async def measured(url: str, limits: Limits) -> AsyncIterator[PlatformPressure]:
    """Give what waits at *url*, measured while the block runs."""
    pressure = PlatformPressure(url, limits)
    await pressure.look()
    running = asyncio.create_task(pressure.run())
    try:
        yield pressure
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class PlatformPressure:
    """The port `Pressure` over the platform's outbox, while it runs."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._url = url
        self._limits = limits
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._looks = 0
        self._oldest = 0.0
        self.stages: Mapping[str, Stage] = {}
        """By receiver, of `ALL` and of `ROOM`, as they were at the last look."""

    async def run(self) -> None:
        """Look until cancelled; without a database all stays as it was."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            self.close()

    async def look(self) -> None:
        """Measure now, and say what has changed."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._look()
        except LOST:
            self.close()
        except asyncio.CancelledError:
            self.close()
            raise

    def undelivered(self, receivers: Collection[str]) -> Collection[str]:
        """Say which of *receivers* will not have what is recorded now for long yet."""
        return [one for one in receivers if self.stages.get(one) is Stage.UNDELIVERED]

    async def calm(self, patience: float = 0.0) -> None:
        """Wait until what is not urgent may go on; after *patience* it may anyway."""
        await _until(
            lambda: max(self.stages.values(), default=Stage.NONE) < Stage.SLOWED,
            patience or PATIENCE,
        )

    async def prompt(self) -> None:
        """Wait until nothing waits for longer than moments, `LATE_PATIENCE` at most."""
        await _until(lambda: self._oldest < LATE_SECONDS, LATE_PATIENCE)

    async def _look(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await primary.connect(
                self._url, timeout=_SECONDS, server_settings=_SESSION
            )
        found: dict[str, Stage] = {}
        rows = await self._connection.fetch(statements("pressure")["waiting"])
        for receiver, seconds, waiting, before in rows:
            stage = self._limits.waits(Stage(before), seconds, waiting)
            found[receiver] = await self._entered(receiver, Stage(before), stage)
        before = await self._remembered(ALL)
        oldest = self._oldest = max((row["seconds"] for row in rows), default=0.0)
        waiting = sum(row["bytes"] for row in rows)
        stage = self._limits.waits(before, oldest, waiting)
        found[ALL] = await self._entered(ALL, before, stage)
        found[ROOM] = await self._room()
        self.stages = found
        _stages.update(found)
        _seen.update({"bytes": waiting, "seconds": oldest})
        self._looks += 1

    async def _room(self) -> Stage:
        assert self._connection is not None  # noqa: S101 - its caller has made it
        before = await self._remembered(ROOM)
        if self._looks % SIZED:
            return before
        size = await self._connection.fetchval(statements("pressure")["size"])
        return await self._entered(ROOM, before, self._limits.room(before, size))

    async def _remembered(self, scope: str) -> Stage:
        assert self._connection is not None  # noqa: S101 - as above
        statement = statements("pressure")["remembered"]
        return Stage(await self._connection.fetchval(statement, scope) or 0)

    async def _entered(self, scope: str, before: Stage, stage: Stage) -> Stage:
        if stage is before:
            return stage
        assert self._connection is not None  # noqa: S101 - as above
        statement = statements("pressure")["enter"]
        if await self._connection.fetchval(statement, scope, stage, before):
            _log.warning("%s: %s: %s", _code(scope, stage), scope, _words(scope, stage))
        return stage

    def close(self) -> None:
        """Let go of the database; the next look takes it again."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None


async def _until(holds: Callable[[], bool], patience: float) -> None:
    """Wait until *holds*, *patience* seconds at most."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and not holds():  # noqa: ASYNC110 - a look's doing
        await asyncio.sleep(EVERY_SECONDS)


def _code(scope: str, stage: Stage) -> str:
    if scope == ROOM:
        return DatabaseFullError.code
    if stage is Stage.UNDELIVERED:
        return UndeliveredError.code
    return PressureError.code


def _words(scope: str, stage: Stage) -> str:
    if scope != ROOM:
        return _WORDS[stage]
    if stage is Stage.NONE:
        return "数据库空间恢复 the database has room again"
    return "平台数据库接近上限，请扩容 the platform's database is nearly full"


def _observing(
    values: Callable[[], Mapping[str, float]], name: str
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observed(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(at, {name: key}) for key, at in list(values().items())]

    return observed


_meter = metrics.get_meter("zhitong.pressure")
_meter.create_observable_gauge(
    "zhitong.pressure.stage",
    [_observing(lambda: _stages, "scope")],
    unit="{stage}",
    description="How hard what waits presses: 0 to 3, by receiver, * all, / room.",
)
_meter.create_observable_gauge(
    "zhitong.pressure.waiting",
    [_observing(lambda: _seen, "measure")],
    description="Bytes that wait, about, and seconds the oldest has waited.",
)
