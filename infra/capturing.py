"""``zhitong capture``: a process that captures the decisions of one department."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

from zhitong.connectors.binding import Binding, CaptureMap
from zhitong.connectors.capture_book import CaptureBook
from zhitong.connectors.capture_table import CaptureTable
from zhitong.connectors.sealing import Sealing
from zhitong.exceptions import CaptureError, SourceDriftError, ZhitongError
from zhitong.infra import capture_metrics
from zhitong.infra.capture_entering import Entering, Step
from zhitong.infra.capture_looks import Looks
from zhitong.infra.embedded import address
from zhitong.infra.gateway import PLATFORM, Gateway
from zhitong.infra.platform_database import platform_that_answers
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.infra.workers import run_worker
from zhitong.ports import Pressure
from zhitong.resolvers.decisions import Decisions
from zhitong.schema.entities import ENTITIES
from zhitong.types import SERVICE, Principal

PATIENCE = 60.0
"""Seconds at most between two tries while something is away."""
_PAUSE = 1.0

_log = logging.getLogger("zhitong.capture")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capturing:
    """What a capture of one source works with."""

    settings: Settings
    binding: Binding
    url: str
    """Where the department's tables are."""
    platform: str
    decisions: Decisions
    pressure: Pressure | None = None
    rebind: str = ""
    """What becomes of rows where the binding has changed; empty: nobody has said."""

    @property
    def said(self) -> CaptureMap:
        """Give what the binding says of it; raise `CaptureError` where it is silent."""
        return declared(self.binding)

    @property
    def principal(self) -> Principal:
        """Give as whom it enters: the system of the department itself."""
        return captor(self.binding)

    @asynccontextmanager
    async def looks(self) -> AsyncIterator[Looks | None]:
        """Give what looks at the source, owning it; None: another process does.

        Raises `LedgerUnavailableError` and `SourceError`.
        """
        state, name = self.settings.state, self.binding.name
        said = self.said
        sealing = Sealing(secret(state / "subject.key"), secret(state / "person.key"))
        table = CaptureTable(self.binding, ENTITIES, self.url)
        digesting = secret(state / "subject.key")
        try:
            async with CaptureBook(self.platform, name, digesting) as book:
                if not await book.own():
                    yield None
                    return
                entering = Entering(
                    decisions=self.decisions,
                    book=book,
                    sealing=sealing,
                    principal=self.principal,
                    source=name,
                    keeps_cases="CaseRecord" in self.binding.types,
                    there=table.standing,
                    void=said.void,
                    overlap=said.version.overlap if said.version else 0,
                )
                looks = Looks(name, table, book, entering, self.pressure)
                await looks.begin(self.rebind)
                yield looks
        finally:
            await table.close()

    async def run(self) -> None:
        """Capture for ever; what is away is waited for, and said."""
        wait, said = _PAUSE, ""
        while True:
            try:
                async with self.looks() as looks:
                    if looks is not None:
                        wait, said = _PAUSE, ""
                        await self._rounds(looks)
                    else:
                        # Its owner tells how far it is.
                        capture_metrics.forget(self.binding.name)
            except ZhitongError as error:
                if not (error.retriable or isinstance(error, SourceDriftError)):
                    raise
                if error.code != said:
                    _log.warning("%s %s: %s", self.binding.name, error.code, error)
                said, wait = error.code, min(wait * 2, PATIENCE)
            await asyncio.sleep(wait)

    async def _rounds(self, looks: Looks) -> None:
        """Look by the version as often as is said, and sweep meanwhile."""
        said = self.said
        look_at = sweep_at = monotonic()
        while True:
            now = monotonic()
            if said.version is not None and now >= look_at:
                await looks.look()
                look_at = monotonic() + said.every
            elif now >= sweep_at:
                before = looks.busy
                # A page at a time: what is new does not wait for a long sweep.
                if await looks.sweep():
                    sweep_at = monotonic() + said.sweep
                # A sweep has half of one connection there, and no more.
                await asyncio.sleep(looks.busy - before)
            else:
                next_at = min(sweep_at, look_at) if said.version else sweep_at
                await asyncio.sleep(max(0.0, next_at - now))

    async def once(self) -> Mapping[Step, int]:
        """Sweep once to the end; say what became of rows, raise what is wrong."""
        async with self.looks() as looks:
            if looks is None:
                raise CaptureError(
                    f"{self.binding.name} 正由另一进程采集",
                    f"{self.binding.name} is being captured by another process",
                )
            if self.said.version is not None:
                await looks.look()
            if await looks.under_way():
                # What lies behind where that one is may have changed since.
                await looks.sweep_whole()
            await looks.sweep_whole()
            return Counter(looks.steps)


def declared(binding: Binding) -> CaptureMap:
    """Give what *binding* says of captured decisions; raise `CaptureError`."""
    if binding.capture is None:
        raise CaptureError(
            f"绑定 {binding.name}.toml 没有 [capture]，见 docs/capture.md",
            f"the binding {binding.name}.toml has no [capture]: docs/capture.md",
            source=binding.name,
        )
    return binding.capture


def captor(binding: Binding) -> Principal:
    """Give as whom decisions of *binding* are entered: its department's system."""
    return Principal(
        kind="department",
        unit=binding.owner,
        unit_name=binding.title.zh,
        person=f"采集 capture/{binding.name}",
        role=SERVICE,
        tenant=binding.tenant,
    )


@asynccontextmanager
async def capturing(
    settings: Settings, source: str, rebind: str = ""
) -> AsyncIterator[Capturing]:
    """Put the capture of *source* together; raise `CaptureError` without one."""
    url = await platform_that_answers(settings, PLATFORM, _log)
    gateway = Gateway(settings, address(settings.state, os.environ))
    async with gateway.running():
        entry = gateway.registry.entry(source)
        if entry is None:
            names = "、".join(sorted(gateway.registry.sources())) or "-"
            raise CaptureError(
                f"没有来源 {source}，有 {names}",
                f"there is no source {source}, only {names}",
                source=source,
            )
        declared(entry.binding)
        assert gateway.decisions is not None  # noqa: S101 - it runs
        yield Capturing(
            settings=settings,
            binding=entry.binding,
            url=entry.url,
            platform=url,
            decisions=gateway.decisions,
            pressure=gateway.pressure,
            rebind=rebind,
        )


def capture(settings: Settings, source: str, rebind: str = "") -> None:
    """Capture *source* until SIGINT or SIGTERM; several may run, one owns it."""
    work = partial(_capture, settings, source, rebind)
    run_worker(settings, f"capture-{source}", work, several=True)


async def _capture(settings: Settings, source: str, rebind: str, name: str) -> None:
    async with capturing(settings, source, rebind) as made:
        print(f"采集已启动 The capture runs: {name}", flush=True)  # noqa: T201 - what the command line says
        await made.run()


async def capture_once(
    settings: Settings, source: str, rebind: str = ""
) -> Mapping[Step, int]:
    """Sweep *source* once."""
    async with capturing(settings, source, rebind) as made:
        return await made.once()
