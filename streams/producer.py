"""What the relay asks of a channel: take a batch, forget all, end. Nothing else.

- A batch is answered event by event, in its order, when all is known of all.
- A fault of the event itself is `EventPoisonError`; whatever may pass when the broker
  is put right is `BrokerUnavailableError`, also a missing topic and a refused login;
  by channels without a broker, when the receiver is, `ReceiverUnavailableError`.
- A slow channel gives back what it has not begun, `Unsent`, before a batch lasts long:
  it is no fault, and comes with a later batch.
- A batch may hold several events of a key. Behind one with a fault none of its key is
  with the broker before it; each has a fault too, or an acknowledgement that is not
  to be believed: it comes again after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Protocol

import msgspec

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import (
    BrokerUnavailableError,
    EventPoisonError,
    ReceiverUnavailableError,
    TopicPartitionsError,
)
from zhitong.streams.cloud_events import CONTENT_TYPE

Headers = list[tuple[str, bytes]]

BATCHES_OF_A_DAY = 100_000
"""Batches are numbered as front-end databases do: the day, and a counter behind it."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event is not with the broker, as far as we know."""

    seq: int
    error: EventPoisonError | BrokerUnavailableError | ReceiverUnavailableError
    rest: float = 0.0
    """So many seconds the other side asks to be left alone."""


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was not begun, nor any after it in its case."""

    seq: int


class Producer(Protocol):
    """Sends; called from one thread at a time, `close` from any."""

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault | Unsent]:
        """Send *events* and wait for every answer; no fault of a channel is raised."""
        ...

    def reset(self) -> None:
        """Forget order and sequence numbers: begin anew with the next batch."""
        ...

    def close(self) -> None:
        """End; a batch under way is answered with faults."""
        ...


def headers(event: Outgoing) -> Headers:
    """Write the headers of *event*."""
    found = [("content-type", CONTENT_TYPE.encode())]
    if event.traceparent:
        found.append(("traceparent", event.traceparent.encode()))
    if event.replay:
        found += [("replay", b"1"), ("replay-id", event.replay.encode())]
    return found


def behind(seq: int) -> Fault:
    """Answer for an event that is not sent because one of its key before it was not."""
    error = BrokerUnavailableError(
        "同一案件的前一件事件没有送达，本件等待",
        "an event of its case before it is not with the broker; it waits",
    )
    return Fault(seq=seq, error=error)


def away(reason: str) -> ReceiverUnavailableError:
    """Say that a receiver takes nothing by its channel for now."""
    return ReceiverUnavailableError(
        f"接收方没有接收（{reason}）",
        f"the receiver does not take events ({reason})",
        reason=reason,
    )


def put(event: Outgoing, number: int) -> Ack:
    """Say that *event* lies in the batch *number*, by a channel that has batches.

    Its day stands for a partition, its counter for an offset: both are numbers that
    whoever asks the graph can be given. 0: it lies in none.
    """
    day, counter = divmod(number, BATCHES_OF_A_DAY)
    return Ack(
        seq=event.seq,
        partition=day,
        offset=counter,
        at=datetime.now(UTC),
        digest=hashlib.sha256(event.payload).digest(),
    )


def batch_number(ack: Ack) -> int:
    """Give the batch that *ack* speaks of."""
    return ack.partition * BATCHES_OF_A_DAY + ack.offset


def first_of(day: date) -> int:
    """Give the number that comes before the first batch of *day*."""
    return int(f"{day:%Y%m%d}") * BATCHES_OF_A_DAY


def miscounted(topic: str, found: int, configured: int) -> TopicPartitionsError:
    """Say that *topic* would put a case's events into two partitions."""
    return TopicPartitionsError(
        f"主题 {topic} 有 {found} 个分区，配置为 {configured} 个：分区数决定同一案件的"
        "先后次序，改回之前不发送",
        f"the topic {topic} has {found} partitions, configured are {configured}: the "
        "order within a case depends on their number; nothing is sent till it is right",
        topic=topic,
    )


def partition(bucket: int, partitions: int) -> int:
    """Say where a bucket's events go; every client of ours has to agree."""
    return bucket % partitions
