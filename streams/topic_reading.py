"""Reading our own topics by place, as a member of no group: what lies there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import TopicPartition

from zhitong.exceptions import BrokerUnavailableError, StreamError, TopicMissingError
from zhitong.rules.reconciliation import Lying, Place
from zhitong.streams.kafka_client import AWAY, Way, connect

_SILENCE = 30.0
"""Seconds without a record that is there: the broker is away."""
_POLL_MS = 500
_REQUEST_MS = 11_000
_CLOSE_SECONDS = 2.0
_BOOTSTRAP_MS = 5_000
_AT_ONCE = 5_000


class _Head(msgspec.Struct, frozen=True):
    """What of an event is looked at."""

    id: UUID
    subject: UUID
    decisionversion: int


class TopicReading:
    """Reads places of topics, from one thread at a time; ended from any."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._consumer: KafkaConsumer | None = None
        self._alone = threading.Lock()
        self._ending = threading.Event()

    def bounds(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Say of each partition where it begins, and where it ends now.

        Raises `TopicMissingError`, `BrokerUnavailableError`.
        """
        with self._lent() as consumer:
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise TopicMissingError(
                    f"消息代理上没有主题 {topic}：请执行 zhitong up，或请管理员建立",
                    f"the broker has no topic {topic}: run zhitong up, or have it made",
                    topic=topic,
                )
            places = [TopicPartition(topic, each) for each in sorted(numbers)]
            first = consumer.beginning_offsets(places)
            last = consumer.end_offsets(places)
        return {each.partition: (first[each], last[each]) for each in places}

    def read(self, place: Place) -> Sequence[Lying]:
        """Give what lies at *place*, in the order of offsets."""
        with self._lent() as consumer:
            return list(self._read(consumer, place))

    def close(self) -> None:
        """Let go of the broker; what is being read is not read to its end."""
        self._ending.set()
        if self._alone.acquire(timeout=_CLOSE_SECONDS):
            self._drop()
            self._alone.release()

    def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1_000)

    @contextmanager
    def _lent(self) -> Iterator[KafkaConsumer]:
        with self._alone:
            try:
                yield self._open()
            except StreamError:
                raise
            except AWAY as error:
                self._drop()
                raise _away(error) from error

    def _read(self, consumer: KafkaConsumer, place: Place) -> Iterator[Lying]:
        where = TopicPartition(place.topic, place.partition)
        consumer.assign([where])
        consumer.seek(where, place.start)
        heard = time.monotonic()
        while (consumer.position(where) or 0) < place.end:
            polled = consumer.poll(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
            for record in polled.get(where, ()):
                heard = time.monotonic()
                if record.offset >= place.end:
                    return
                yield _lying(record)
            if self._ending.is_set() or time.monotonic() - heard > _SILENCE:
                raise TimeoutError

    def _open(self) -> KafkaConsumer:
        if self._consumer is None:
            self._consumer = connect(
                KafkaConsumer,
                self._way(),
                client_id="zhitong-reconcile",
                # What was removed while we read begins where there is something.
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                request_timeout_ms=_REQUEST_MS,
                session_timeout_ms=_REQUEST_MS - 1_000,
                reconnect_backoff_max_ms=1_000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        return self._consumer


def _away(error: Exception) -> BrokerUnavailableError:
    why = type(error).__name__
    return BrokerUnavailableError(
        f"消息代理没有应答（{why}），稍后再对账",
        f"the broker does not answer ({why}); it is reconciled later",
        reason=why,
    )


def _lying(record: ConsumerRecord) -> Lying:
    value = record.value or b""
    known = Lying(
        offset=record.offset,
        at=datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC),
        digest=hashlib.sha256(value).digest(),
    )
    try:
        head = msgspec.json.decode(value, type=_Head)
    except (msgspec.DecodeError, RecursionError):
        return known
    return Lying(
        offset=known.offset,
        at=known.at,
        digest=known.digest,
        event_id=str(head.id),
        decision_id=str(head.subject),
        version=head.decisionversion,
    )
