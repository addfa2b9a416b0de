"""One reconciliation, of all receivers or some, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from zhitong.connectors.reconciliation import Reconciliations
from zhitong.infra.broker_access import way
from zhitong.infra.calendar_file import read_work_clocks
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.reconciler import Reconciler, Terms
from zhitong.infra.settings import Settings
from zhitong.infra.stating import state
from zhitong.rules.reconciliation import MEANINGS, Difference
from zhitong.rules.work import due_before
from zhitong.rules.working_days import Calendar
from zhitong.streams import names
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.producer import Producer
from zhitong.streams.receivers import Receivers
from zhitong.streams.topic_reading import TopicReading

SEND_SECONDS = 30.0
"""How long the broker may take for statements."""
WHOLE = timedelta(days=1)
"""How often everything is compared, not only what is new."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a reconciliation found, as another process can be told it."""

    open: tuple[Difference, ...]
    records: int
    unread: tuple[str, ...]
    """Topics that could not be read, and why."""


async def reconcile_in_turn(url: str, settings: Settings) -> Done | None:
    """Reconcile what is due, and tell the receivers; None where another does."""
    book = Reconciliations(url)
    reading = TopicReading(way(settings, names.RECONCILER))
    producer = KafkaSender(way(settings, names.RECONCILER), SEND_SECONDS)
    try:
        if not await book.alone():
            return None
        last = await book.last()
        now, every = datetime.now(UTC), timedelta(minutes=settings.reconcile_minutes)
        # Beside another relay, which was quicker.
        if last.began_at and now - last.began_at < every / 2:
            return None
        whole = last.whole_at is None or now - last.whole_at > WHOLE
        report = await Reconciler(book, reading, terms(settings)).run(whole=whole)
        await tell_receivers(book, producer, settings, whole=whole)
    finally:
        reading.close()
        producer.close()
        await book.close()
    unread = report.unread.items()
    return Done(
        tuple(report.open),
        report.records,
        tuple(f"{topic}: {error.code}: {error}" for topic, error in unread),
    )


async def tell_receivers(
    book: Reconciliations, producer: Producer, settings: Settings, *, whole: bool
) -> int:
    """State to each receiver what is new, or the *whole*; say how many windows."""
    config = receivers_of(settings)
    since = datetime.now(UTC) - timedelta(days=settings.retention_days)
    return await state(book, producer, config, settings.evidence, since, whole=whole)


def terms(settings: Settings, only: Sequence[str] = ()) -> Terms:
    """Give the terms of the settings, for all receivers or for *only* some."""
    config = receivers_of(settings)
    calendar = read_work_clocks(settings.calendar).calendar
    return Terms(
        topics={
            name: channel.topic
            for name, channel in config.kafka.items()
            if not only or name in only
        },
        retention=timedelta(days=settings.retention_days),
        answered_within=timedelta(hours=settings.answer_hours),
        sent_before=partial(sent_before, config, calendar, settings.answer_hours),
        others=frozenset(
            one.name
            for one in config.receivers
            if one.name not in config.kafka and (not only or one.name in only)
        ),
    )


def sent_before(
    config: Receivers, calendar: Calendar, hours: float, receiver: str, at: datetime
) -> datetime:
    """Say before when *receiver* was sent what it must have answered *at* then.

    By its rules of that day, whatever they were when it was sent.
    """
    return due_before(config.clock(receiver, at, hours), at, calendar)


def line(each: Difference) -> str:
    """Write a difference in one line, without a word of its content."""
    where = f"{each.topic}[{each.partition}]@{each.offset}" if each.topic else ""
    version = f"{each.decision_id} v{each.version}" if each.decision_id else ""
    about = "  ".join(filter(None, (each.event_id, version, where)))
    said = MEANINGS[each.kind]
    told = (each.kind, each.receiver, about, f"{said.zh} {said.en}")
    return "  ".join(filter(None, told))
