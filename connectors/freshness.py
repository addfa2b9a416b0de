"""How old the newest word of the witnesses is, watched each second.

The age is our own now less the time in that word, which a pinned key has signed, less
the heartbeat that a log without anything new has. Where there is no word at all it is
counted from the log's beginning. While the database does not answer it grows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.pinned_words import Keys, PinnedWords
from zhitong.connectors.sealer import HEARTBEAT_SECONDS
from zhitong.connectors.statements import statements
from zhitong.evidence import stamp
from zhitong.exceptions import EvidenceStaleError
from zhitong.rules.freshness import Moment, Patience, Proof, Standing
from zhitong.types import Label

EVERY_SECONDS = 1.0
_SECONDS = 2.0
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


def now() -> Moment:
    """Give this moment."""
    return Moment(wall=datetime.now(UTC), steady=time.monotonic())


class PlatformFreshness:
    """Watches the proof in the platform's database at *url*.

    *pinned* gives the keys that witnesses are believed by, as soon as there are any.
    """

    def __init__(  # noqa: PLR0913 - where, by whom, how patiently, by which clock
        self,
        url: str,
        patience: Patience,
        pinned: Callable[[], Keys],
        *,
        quorum: int = 1,
        heartbeat: float = HEARTBEAT_SECONDS,
        clock: Callable[[], Moment] = now,
    ) -> None:
        self._url = url
        self._patience = patience
        reach = timedelta(seconds=patience.limit + heartbeat)
        self._words = PinnedWords(pinned, quorum, reach)
        self._heartbeat = heartbeat
        self._clock = clock
        began = clock()
        self._begun = Proof(seen=began.wall, known=began)
        """What counts before there is a word: the log's beginning, once it is known."""
        self._asked = False
        self._said = Standing.FRESH
        self._silence = ""
        self._connection: Plain | None = None

    @property
    def age(self) -> float:
        """Seconds that a word of the witnesses is overdue; 0: none is."""
        moment = self._clock()
        last = self._words.proof(moment) or self._begun
        return max(0.0, last.age(moment) - self._heartbeat)

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
        last = self._words.proof(self._clock())
        told: dict[str, object] = {
            "state": standing,
            "overdueSeconds": round(self.age),
            "seen": None if last is None else stamp(last.seen),
        }
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
        except LOST as error:
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
        connection = await self._connected()
        if not self._asked:
            # Once: a beginning that is written anew makes nothing younger.
            since = await connection.fetchval(statements("freshness")["since"])
            self._begun = Proof(seen=since, known=self._clock())
            self._asked = True
        await self._words.look(connection, self._clock())

    async def _find(self, standing: Standing, words: Label) -> None:
        """Leave a finding for whoever supervises; gateways leave one together."""
        since = self._clock().wall - timedelta(seconds=self.age)
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
        except LOST:
            self._drop()

    async def _connected(self) -> Plain:
        if self._connection is None or self._connection.is_closed():
            self._connection = await primary.connect(
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
        return f"{self._clock().wall + left:%Y-%m-%dT%H:%M:%SZ}"


def _overdue(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(age()) for age in list(_ages.values())]


_meter.create_observable_gauge(
    "zhitong.evidence.overdue",
    [_overdue],
    unit="s",
    description="How long a word of the witnesses is overdue.",
)
