"""Reconciliation by itself: hourly beside every relay, of which one does it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from zhitong.connectors.reconciliation import Reconciliations
from zhitong.exceptions import (
    LedgerUnavailableError,
    SettingsError,
    SignerUnavailableError,
)
from zhitong.infra import reconciliation_metrics
from zhitong.infra.broker_access import way
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.reconciler import Reconciler, Report, Terms
from zhitong.infra.settings import Settings
from zhitong.infra.stating import state
from zhitong.ports import Pressure
from zhitong.rules.reconciliation import MEANINGS, Difference
from zhitong.streams import names
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.producer import Producer
from zhitong.streams.topic_reading import TopicReading

SEND_SECONDS = 30.0
"""How long the broker may take for statements."""
WHOLE = timedelta(days=1)
"""How often everything is compared, not only what is new."""
_TOLD = 100
"""Differences that are named in the log; the rest are counted."""

_log = logging.getLogger("zhitong.reconciling")


class Reconciling:
    """Reconciles hourly, as long as it runs."""

    def __init__(self, url: str, settings: Settings, pressure: Pressure) -> None:
        self._pressure = pressure
        self._book = Reconciliations(url)
        self._reading = TopicReading(way(settings, names.RECONCILER))
        self._reconciler = Reconciler(self._book, self._reading, terms(settings))
        self._settings = settings
        self._producer = KafkaSender(way(settings, names.RECONCILER), SEND_SECONDS)
        self._every = timedelta(minutes=settings.reconcile_minutes)
        self._told: frozenset[Difference] = frozenset()

    async def run(self) -> None:
        """Reconcile at once and at each interval, until cancelled."""
        try:
            while True:
                # It reads whole topics: decisions that wait come first.
                await self._pressure.calm()
                try:
                    await self.once()
                except (
                    LedgerUnavailableError,
                    SettingsError,
                    SignerUnavailableError,
                ) as error:
                    _log.warning("%s: %s", error.code, error)
                await asyncio.sleep(self._every.total_seconds())
        finally:
            self._reading.close()
            self._producer.close()
            await self._book.close()

    async def once(self) -> Report | None:
        """Reconcile now; None where another does."""
        if not await self._book.alone():
            return None
        try:
            last = await self._book.last()
            now = datetime.now(UTC)
            # Beside another relay, which was quicker.
            if last.began_at and now - last.began_at < self._every / 2:
                return None
            whole = last.whole_at is None or now - last.whole_at > WHOLE
            report = await self._reconciler.run(whole=whole)
            await tell_receivers(
                self._book, self._producer, self._settings, whole=whole
            )
        finally:
            await self._book.release()
        self._tell(report)
        return report

    def _tell(self, report: Report) -> None:
        """Say what is new to this process."""
        reconciliation_metrics.observe(report.open)
        reconciliation_metrics.records.add(report.records)
        for topic, error in report.unread.items():
            _log.warning("%s: %s: %s", topic, error.code, error)
        fresh = [each for each in report.open if each not in self._told]
        for each in fresh[:_TOLD]:
            _log.error("对账 reconciliation: %s", line(each))
        if len(fresh) > _TOLD:
            _log.error("对账 reconciliation: 另有 %d 件 more", len(fresh) - _TOLD)
        self._told = frozenset(report.open)


async def tell_receivers(
    book: Reconciliations, producer: Producer, settings: Settings, *, whole: bool
) -> int:
    """State to each receiver what is new, or the *whole*; say how many windows."""
    config = read_receivers(settings.receivers, settings.tenant)
    since = datetime.now(UTC) - timedelta(days=settings.retention_days)
    return await state(book, producer, config, settings.evidence, since, whole=whole)


def terms(settings: Settings, only: Sequence[str] = ()) -> Terms:
    """Give the terms of the settings, for all receivers or for *only* some."""
    config = read_receivers(settings.receivers, settings.tenant)
    return Terms(
        topics={
            one.name: one.topic
            for one in config.receivers
            if not only or one.name in only
        },
        retention=timedelta(days=settings.retention_days),
        answered_within=timedelta(hours=settings.answer_hours),
    )


def line(each: Difference) -> str:
    """Write a difference in one line, without a word of its content."""
    where = f"{each.topic}[{each.partition}]@{each.offset}" if each.topic else ""
    version = f"{each.decision_id} v{each.version}" if each.decision_id else ""
    about = "  ".join(filter(None, (each.event_id, version, where)))
    said = MEANINGS[each.kind]
    told = (each.kind, each.receiver, about, f"{said.zh} {said.en}")
    return "  ".join(filter(None, told))
