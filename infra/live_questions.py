"""What one viewer of the live page is asked for: fixed questions, moving times.

All of it is asked of the engine like any caller's question, as the viewer: the same
policy, the same access record. Moments are text with the offset of Asia/Shanghai.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from zhitong.schema.engine import Engine, Question
from zhitong.types import Occasion, Principal

DOCUMENT = (Path(__file__).parent / "platform" / "live.graphql").read_text("utf-8")
MINUTES = 60
"""Bars of the chart, the running minute the last of them."""
AT_ONCE = 12
"""Minutes that one question counts; a document asks at most twenty questions."""

_ZONE = ZoneInfo("Asia/Shanghai")
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)
# A decision bears the moment it was taken in, and is seen once it is committed.
_COMMITTED = timedelta(seconds=10)

Clock = Callable[[], float]
Body = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks, and why."""

    principal: Principal
    occasion: Occasion


@dataclass(slots=True)
class Minutes:
    """How many decisions each minute of the last hour took; None: not known yet."""

    _counts: dict[datetime, int] = field(default_factory=dict)
    _over: set[datetime] = field(default_factory=set)
    """Minutes that will not change any more."""

    def note(self, minute: datetime, count: int | None, asked_at: datetime) -> None:
        """Keep what was counted in *minute* at *asked_at*."""
        if count is None:
            return
        self._counts[minute] = count
        if asked_at >= minute + _MINUTE + _COMMITTED:
            self._over.add(minute)

    def unknown(self, now: datetime) -> list[datetime]:
        """Name minutes that are to be counted anew, latest first; not the last two."""
        hour = _hour(now)
        for minute in self._counts.keys() - set(hour):
            del self._counts[minute]
        self._over.intersection_update(hour)
        return [minute for minute in reversed(hour[:-2]) if minute not in self._over]

    def shown(self, now: datetime) -> Body:
        """Give the hour's counts, the oldest first, and where it starts."""
        hour = _hour(now)
        return {
            "start": hour[0].isoformat(),
            "counts": [self._counts.get(minute) for minute in hour],
        }


class Questions:
    """Asks *engine* for one viewer, at the times of *clock*."""

    def __init__(
        self,
        engine: Engine,
        viewer: Viewer,
        *,
        late_seconds: float,
        clock: Clock = time.time,
    ) -> None:
        self._engine = engine
        self._viewer = viewer
        self._late = timedelta(seconds=late_seconds)
        self._clock = clock
        self._minutes = Minutes()

    async def words(self) -> Body:
        """Ask what the codes mean."""
        return await self._ask("Words", {})

    async def now(self) -> Body:
        """Ask for what moves; the counts by minute go with it as ``minutes``."""
        at = self._at()
        minute = at.replace(second=0, microsecond=0)
        before = minute - _MINUTE
        today = minute.replace(hour=0, minute=0)
        body = await self._ask(
            "Now",
            {
                "today": today.isoformat(),
                "minute": minute.isoformat(),
                "before": before.isoformat(),
                "beforeEnds": (minute - _INSTANT).isoformat(),
            },
        )
        self._minutes.note(minute, _count(body, "thisMinute"), at)
        self._minutes.note(before, _count(body, "lastMinute"), at)
        return {**body, "minutes": self._minutes.shown(at)}

    async def count_minutes(self) -> bool:
        """Count some minutes not known yet; say whether there may be more."""
        at = self._at()
        wanted = self._minutes.unknown(at)[:AT_ONCE]
        if not wanted:
            return False
        asked = [*wanted, *wanted[-1:] * (AT_ONCE - len(wanted))]
        body = await self._ask("Minutes", _spans(asked))
        counts = [_count(body, f"m{place:02}") for place in range(1, AT_ONCE + 1)]
        for minute, count in zip(wanted, counts, strict=False):
            self._minutes.note(minute, count, at)
        # What cannot be counted now, for policy or a missing source, is not hunted.
        return None not in counts

    async def standing(self) -> Body:
        """Ask for what needs counting through: late, rejected, findings."""
        at = self._at()
        return await self._ask(
            "Standing",
            {
                "day": (at - timedelta(days=1)).isoformat(),
                "late": (at - self._late).isoformat(),
            },
        )

    async def _ask(self, operation: str, variables: Mapping[str, object]) -> Body:
        question = Question(
            document=DOCUMENT,
            variables=variables,
            operation=operation,
            principal=self._viewer.principal,
            occasion=self._viewer.occasion,
            request_id=uuid.uuid4().hex,
            read_only=True,
        )
        answer = await self._engine.answer(question)
        return dict(answer.body)

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), _ZONE)


def _hour(now: datetime) -> list[datetime]:
    last = now.replace(second=0, microsecond=0)
    return [last - _MINUTE * back for back in reversed(range(MINUTES))]


def _spans(minutes: Sequence[datetime]) -> dict[str, object]:
    spans: dict[str, object] = {}
    for place, minute in enumerate(minutes, 1):
        spans[f"from{place:02}"] = minute.isoformat()
        spans[f"to{place:02}"] = (minute + _MINUTE - _INSTANT).isoformat()
    return spans


def _count(body: Body, name: str) -> int | None:
    """Find a whole count in an answer; None where it is hidden, partial or wrong."""
    found: object = body.get("data")
    for step in (name, "totalCount"):
        found = found.get(step) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or found.get("partial"):
        return None
    count = found.get("count")
    return count if isinstance(count, int) else None
