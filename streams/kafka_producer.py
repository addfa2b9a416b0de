"""The producer on Apache Kafka: idempotent, all in-sync replicas, waited for."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from types import MappingProxyType

from kafka import KafkaProducer, errors
from kafka.producer.future import FutureRecordMetadata

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import BrokerUnavailableError, EventPoisonError
from zhitong.streams.kafka_client import AWAY, Access, Way, connect
from zhitong.streams.producer import Fault, behind, headers, miscounted, partition
from zhitong.streams.topics import partitions

DELIVERY_SECONDS = 120.0
_BATCH_BYTES = 262_144
_BOOTSTRAP_MS = 5_000
_METADATA_MS = 3_000
# A frozen leader is given up after three seconds; nobody waits much longer for it.
_REQUEST_MS = 5_000
_LINGER_MS = 20
"""Records of a batch leave together, and that at once when it is whole: sent one by
one each would be a request of its own."""
_RECONNECT_MS = 1_000
_CLOSE_SECONDS = 1.0
_SLACK_SECONDS = 5.0
_LOOK_SECONDS = 2.0

# Of the event alone, whatever the broker's state; all else may pass.
_POISON = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidRecordError,
)
_UNSENDABLE = (TypeError, UnicodeEncodeError, errors.MessageSizeTooLargeError)


class KafkaSender:
    """A `Producer` on kafka-python; *way* is asked at each new beginning.

    A topic of *configured*, ``{name: partitions}``, is sent to only as it is there.
    """

    def __init__(
        self,
        way: Way,
        delivery_seconds: float = DELIVERY_SECONDS,
        configured: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._way = way
        self._delivery = delivery_seconds
        self._configured = configured
        self._producer: KafkaProducer | None = None
        self._entered: Access | None = None
        self._ending = threading.Event()

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault]:
        """Send *events* and wait for every answer."""
        answers = self._send(events)
        if len(events) == 1:
            return answers
        # A broker refuses a batch whole for one record: ask again of each alone.
        broken: set[str] = set()
        for index, answer in enumerate(answers):
            event = events[index]
            if not isinstance(answer, Fault):
                continue
            if isinstance(answer.error, EventPoisonError):
                self.reset()
                if event.key in broken:
                    answers[index] = behind(event.seq)
                else:
                    answers[index] = self._send([event])[0]
            if isinstance(answers[index], Fault):
                broken.add(event.key)
        return answers

    def reset(self) -> None:
        """Forget order and sequence numbers: begin anew with the next batch."""
        producer, self._producer = self._producer, None
        if producer is not None:
            _drop(producer)

    def close(self) -> None:
        """End; a batch under way is answered with faults."""
        self._ending.set()
        self.reset()

    def _send(self, events: Sequence[Outgoing]) -> list[Ack | Fault]:
        try:
            producer = self._open()
        except AWAY as error:
            return [Fault(seq=event.seq, error=_away(error)) for event in events]
        missing: dict[str, BrokerUnavailableError] = {}
        begun: list[FutureRecordMetadata | Fault] = []
        broken: set[str] = set()
        several = len({event.key for event in events}) < len(events)
        halt = partial(_halt, producer)
        there: dict[str, int] = {}
        for event in events:
            if known := missing.get(event.topic):
                # The topic's others would wait as long, each.
                begun.append(Fault(seq=event.seq, error=known))
                continue
            if event.key in broken:
                begun.append(behind(event.seq))
                continue
            one = self._begin(producer, event, there)
            begun.append(one)
            if isinstance(one, Fault):
                broken.add(event.key)
                if isinstance(one.error, BrokerUnavailableError):
                    missing[event.topic] = one.error
            elif several:
                # A partition has one batch under way. Where that fails nothing more
                # leaves: what follows it in its case would overtake it.
                one.add_errback(halt)
        deadline = time.monotonic() + self._delivery + _SLACK_SECONDS
        self._await(producer, deadline)
        return [
            _answer(event, each, deadline)
            for event, each in zip(events, begun, strict=True)
        ]

    def _begin(
        self, producer: KafkaProducer, event: Outgoing, counts: dict[str, int]
    ) -> FutureRecordMetadata | Fault:
        try:
            there = counts.get(event.topic)
            if there is None:
                there = counts[event.topic] = len(producer.partitions_for(event.topic))
            wanted = self._configured.get(event.topic, there)
            if there != wanted:
                error = miscounted(event.topic, there, wanted)
                return Fault(seq=event.seq, error=error)
            return producer.send(
                event.topic,
                value=event.payload,
                key=event.key.encode(),
                headers=headers(event),
                partition=partition(event.bucket, there),
            )
        except _UNSENDABLE as unsendable:
            return Fault(seq=event.seq, error=_poison(unsendable))
        except AWAY as away:
            return Fault(seq=event.seq, error=self._topic_fault(event.topic, away))

    def _await(self, producer: KafkaProducer, deadline: float) -> None:
        """Wait until all is known; each answer says itself how it went.

        Where the way in is another by now, as by a new password, what waits for the old
        one would wait in vain: it is given up, and sent by the new one.
        """
        while (left := deadline - time.monotonic()) > 0:
            try:
                producer.flush(min(left, _LOOK_SECONDS))
            except errors.KafkaTimeoutError as late:
                with suppress(*AWAY):
                    if self._way() != self._entered:
                        _halt(producer, late)
                        return
            except errors.KafkaError:
                return
            else:
                return

    def _open(self) -> KafkaProducer:
        if self._ending.is_set():
            raise errors.IllegalStateError("closed")
        if self._producer is None:
            self._entered = self._way()
            self._producer = connect(
                KafkaProducer,
                self._entered,
                client_id="zhitong-relay",
                acks="all",
                enable_idempotence=True,
                max_in_flight_requests_per_connection=5,
                delivery_timeout_ms=int(self._delivery * 1000),
                request_timeout_ms=min(
                    _REQUEST_MS, int(self._delivery * 1000) - _LINGER_MS
                ),
                linger_ms=_LINGER_MS,
                batch_size=_BATCH_BYTES,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                max_block_ms=_METADATA_MS,
                reconnect_backoff_max_ms=_RECONNECT_MS,
                metrics_enabled=False,
            )
        return self._producer

    def _topic_fault(self, topic: str, error: Exception) -> BrokerUnavailableError:
        """Tell a missing topic from a broker that does not answer."""
        if self._ending.is_set():
            return _away(error)
        try:
            partitions(self._way(), topic)
        except BrokerUnavailableError as found:
            return found
        except AWAY as away:
            return _away(away)
        return _away(error)


def _answer(
    event: Outgoing, begun: FutureRecordMetadata | Fault, deadline: float
) -> Ack | Fault:
    if isinstance(begun, Fault):
        return begun
    try:
        # Asked only where it is not known how it went: each question has a clock.
        metadata = (
            begun.value
            if begun.succeeded()
            else begun.get(max(0.0, deadline - time.monotonic()))  # type: ignore[no-untyped-call]
        )
    except _POISON as error:
        return Fault(seq=event.seq, error=_poison(error))
    except AWAY as error:
        return Fault(seq=event.seq, error=_away(error))
    return Ack(
        seq=event.seq,
        partition=metadata.partition,
        offset=metadata.offset,
        at=_at(metadata.timestamp),
        # Four times as fast here as in the database, and of what was sent.
        digest=hashlib.sha256(event.payload).digest(),
    )


@lru_cache(maxsize=256)
def _at(milliseconds: int | None) -> datetime | None:
    if milliseconds is None or milliseconds < 0:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _halt(producer: KafkaProducer, _error: BaseException) -> None:
    """Let nothing more leave; called in the sender's thread between two batches."""
    producer._sender.force_close()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public ends it


def _drop(producer: KafkaProducer) -> None:
    try:
        producer.close(timeout=_CLOSE_SECONDS)
    except errors.KafkaError:
        # Its close gives up while records are unfinished, and leaves the thread on.
        producer._sender.force_close()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public ends it


def _poison(error: Exception) -> EventPoisonError:
    why = type(error).__name__
    found = EventPoisonError(
        f"这件事件无法发送（{why}）", f"this event cannot be sent ({why})", reason=why
    )
    found.__cause__ = error
    return found


def _away(error: Exception) -> BrokerUnavailableError:
    why = type(error).__name__
    found = BrokerUnavailableError(
        f"消息代理没有接收（{why}）",
        f"the broker does not take events ({why})",
        reason=why,
    )
    found.__cause__ = error
    return found
