"""A broker in memory, for tests and trials: it keeps nothing, and fails on demand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import (
    BrokerUnavailableError,
    EventPoisonError,
    TopicMissingError,
)
from zhitong.streams.producer import Fault, Headers, behind, headers, partition

LARGEST = 1_048_576


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a topic keeps it."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Headers


class MemoryBroker:
    """Topics and what was appended to them."""

    def __init__(self, topics: dict[str, int]) -> None:
        self.topics = topics
        """Partitions by topic; one that is added later is there from then on."""
        self.messages: dict[str, list[Message]] = {}
        self.away = False
        """It takes nothing."""
        self.acks_lost = 0
        """So many batches are taken and their acknowledgement is not given."""

    def append(self, event: Outgoing) -> Ack:
        """Keep *event*."""
        kept = self.messages.setdefault(event.topic, [])
        number = partition(event.bucket, self.topics[event.topic])
        offset = sum(message.partition == number for message in kept)
        kept.append(
            Message(
                partition=number,
                offset=offset,
                key=event.key.encode(),
                value=event.payload,
                headers=headers(event),
            )
        )
        return Ack(seq=event.seq, partition=number, offset=offset)


class MemoryProducer:
    """A `Producer` on a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._closed = False
        self.batches: list[list[int]] = []
        """The numbers of the events of every batch."""
        self.resets = 0

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault]:
        """Send *events* and wait for every answer."""
        self.batches.append([event.seq for event in events])
        answers: list[Ack | Fault] = []
        broken: set[str] = set()
        for event in events:
            answer = behind(event.seq) if event.key in broken else self._send(event)
            answers.append(answer)
            if isinstance(answer, Fault):
                broken.add(event.key)
        if self._broker.acks_lost:
            self._broker.acks_lost -= 1
            return [Fault(seq=event.seq, error=_away()) for event in events]
        return answers

    def reset(self) -> None:
        """Begin anew."""
        self.resets += 1

    def close(self) -> None:
        """End."""
        self._closed = True

    def _send(self, event: Outgoing) -> Ack | Fault:
        if self._broker.away or self._closed:
            return Fault(seq=event.seq, error=_away())
        if event.topic not in self._broker.topics:
            missing = TopicMissingError(
                f"消息代理上没有主题 {event.topic}",
                f"the broker has no topic {event.topic}",
                topic=event.topic,
            )
            return Fault(seq=event.seq, error=missing)
        if len(event.payload) > LARGEST:
            poison = EventPoisonError("事件过大", "the event is too large")
            return Fault(seq=event.seq, error=poison)
        return self._broker.append(event)


def _away() -> BrokerUnavailableError:
    return BrokerUnavailableError("消息代理没有接收", "the broker does not take events")
