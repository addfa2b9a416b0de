"""The age of the oldest leaf without a countersigned proof, watched each second.

While the database does not answer, the age grows by our own clock from the last answer
on: what may have been written since has no proof that we know of.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import asyncpg
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors.loan import Plain
from zhitong.connectors.statements import statements
from zhitong.exceptions import EvidenceStaleError
from zhitong.rules.freshness import Patience, Standing
from zhitong.types import Label

EVERY_SECONDS = 1.0
_SECONDS = 2.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_SOURCE = "配置规则 configured rule: ZHITONG_EVIDENCE_LIMIT_HOURS"
_WORDS: Mapping[Standing, Label] = MappingProxyType(
    {
        Standing.FRESH: Label(
            "登记重新有了见证签字", "records have a witness's word again"
        ),
        Standing.LATE: Label(
            "登记没有见证签字：请检查 zhitong seal 和见证人",
            "records have no witness's word: look at zhitong seal and at the witness",
        ),
        Standing.CLOSING: Label(
            "登记长时间没有见证签字，到期后停止提供受保护数据",
            "records have long had no witness's word; protected data will be held",
        ),
        Standing.CLOSED: Label(
            "登记太久没有见证签字，已停止提供受保护数据",
            "records have had no witness's word for too long; protected data is held",
        ),
    }
)
_LEVELS: Mapping[Standing, int] = MappingProxyType({Standing.CLOSED: logging.ERROR})
_log = logging.getLogger("zhitong.evidence")
_meter = metrics.get_meter("zhitong.evidence")
_ages: dict[int, Callable[[], float]] = {}


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the database said last, and when by our own clock."""

    age: float
    clock: float


class PlatformFreshness:
    """Watches the proof in the platform's database at *url*."""

    def __init__(
        self,
        url: str,
        patience: Patience,
        *,
        quorum: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._patience = patience
        self._quorum = quorum
        self._clock = clock
        self._seen = _Seen(0.0, clock())
        self._said = Standing.FRESH
        self._silence = ""
        self._connection: Plain | None = None

    @property
    def age(self) -> float:
        """Seconds that the oldest leaf without proof has waited; 0: none does."""
        silent = self._clock() - self._seen.clock
        # Between two looks nothing is late.
        return self._seen.age + (silent if silent > _SECONDS + EVERY_SECONDS else 0.0)

    @property
    def standing(self) -> Standing:
        """How the proof stands."""
        return self._patience.standing(self.age)

    def stale(self) -> EvidenceStaleError | None:
        """Give what refuses protected data now; None: nothing does."""
        if self.standing is not Standing.CLOSED:
            return None
        hours = f"{self._patience.limit / 3600:g}"
        return EvidenceStaleError(
            f"调阅登记已超过 {hours} 小时没有见证签字，受保护的数据暂不给出，"
            "恢复后自动放行",
            f"records of looks have had no witness's word for more than {hours} hours, "
            "so protected data is not given; it is again as soon as they have",
        )

    def announcement(self) -> str:
        """Say in a header's form what is to come; empty where all is well."""
        standing = self.standing
        if standing is Standing.FRESH:
            return ""
        return f"{standing.lower()}; closes={self._closes()}"

    def report(self) -> Mapping[str, object]:
        """Say how the proof stands, for /ready."""
        standing = self.standing
        told: dict[str, object] = {"state": standing, "oldestSeconds": round(self.age)}
        if standing is not Standing.FRESH:
            told["closes"] = self._closes()
        return told

    async def watch(self) -> None:
        """Look each second until cancelled."""
        _ages[id(self)] = lambda: self.age
        try:
            while True:
                await self.look()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            _ages.pop(id(self), None)
            self._drop()

    async def look(self) -> None:
        """Ask once, and say what has changed."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._ask()
            self._silence = ""
        except _LOST as error:
            self._drop()
            self._tell_silence(type(error).__name__)
        standing = self.standing
        if standing is self._said:
            return
        self._said = standing
        words = _WORDS[standing]
        _log.log(
            _LEVELS.get(standing, logging.WARNING),
            "EVIDENCE %s: %s %s (%.0f s; %s)",
            standing,
            words.zh,
            words.en,
            self.age,
            self.announcement(),
        )
        if standing is not Standing.FRESH:
            await self._find(standing, words)

    def _tell_silence(self, why: str) -> None:
        """Say once that the age is not known: it is taken to grow meanwhile."""
        if self._silence != why:
            _log.warning(
                "EVIDENCE: 问不到登记的见证情况 the proof's age cannot be asked (%s)",
                why,
            )
        self._silence = why

    async def _ask(self) -> None:
        row = await (await self._connected()).fetchrow(
            statements("freshness")["age"], self._quorum
        )
        assert row is not None  # noqa: S101 - an aggregate gives one
        # A clock that was set back makes nothing younger than now.
        self._seen = _Seen(max(0.0, row["age"]), self._clock())

    async def _find(self, standing: Standing, words: Label) -> None:
        """Leave a finding for whoever supervises; gateways leave one together."""
        since = datetime.now(UTC) - timedelta(seconds=self.age)
        name = f"evidence:{standing}:{since:%Y-%m-%dT%H:%MZ}"
        check = f"evidence-{standing.lower()}"
        try:
            async with asyncio.timeout(_SECONDS):
                await (await self._connected()).execute(
                    statements("freshness")["finding"],
                    name,
                    check,
                    words.zh,
                    words.en,
                    _SOURCE,
                )
        except _LOST:
            self._drop()

    async def _connected(self) -> Plain:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url,
                timeout=_SECONDS,
                server_settings={"application_name": "zhitong-freshness"},
            )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            # A frozen server would not answer a farewell.
            self._connection.terminate()
        self._connection = None

    def _closes(self) -> str:
        left = timedelta(seconds=self._patience.limit - self.age)
        return f"{datetime.now(UTC) + left:%Y-%m-%dT%H:%M:%SZ}"


def _oldest(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(age()) for age in list(_ages.values())]


_meter.create_observable_gauge(
    "zhitong.evidence.oldest",
    [_oldest],
    unit="s",
    description="Age of the oldest leaf that no countersigned head covers.",
)
