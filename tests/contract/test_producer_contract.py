"""Every producer does the same: the one in memory and the one on Apache Kafka."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from kafka import KafkaConsumer
from outgoing import outgoing
from topic_reader import Kept, read

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import (
    BrokerUnavailableError,
    EventPoisonError,
    TopicMissingError,
)
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.memory_broker import LARGEST, MemoryBroker, MemoryProducer
from zhitong.streams.producer import Fault, Producer, Unsent
from zhitong.streams.topics import ensure_topics

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Side(NamedTuple):
    """A producer, a topic of twelve partitions, and what the topic keeps."""

    producer: Producer
    topic: str
    kept: Callable[[], Sequence[Kept]]


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    topic = f"contract.{uuid.uuid4().hex}"
    made = _in_memory(topic) if request.param == "memory" else _on_kafka(request, topic)
    yield made
    made.producer.close()


def _in_memory(topic: str) -> Side:
    broker = MemoryBroker({topic: 12})

    def kept() -> Sequence[Kept]:
        return [
            (each.partition, each.offset, each.key, each.value, each.headers)
            for each in broker.messages.get(topic, [])
        ]

    return Side(MemoryProducer(broker), topic, kept)


def _on_kafka(request: pytest.FixtureRequest, topic: str) -> Side:
    access: Access = request.getfixturevalue("broker")
    ensure_topics(access, {topic: 12})
    return Side(KafkaSender(lambda: access), topic, lambda: read(access, topic))


def faults(answers: Sequence[Ack | Fault | Unsent]) -> list[tuple[int, str]]:
    return [(a.seq, a.error.code) for a in answers if isinstance(a, Fault)]


def test_a_batch_is_answered_in_its_order_with_places_that_hold(side: Side) -> None:
    events = [outgoing(seq, topic=side.topic) for seq in range(1, 101)]
    answers = side.producer.send_batch(events)
    assert [answer.seq for answer in answers] == list(range(1, 101))
    places = {(p, o): (key, value) for p, o, key, value, _ in side.kept()}
    assert len(places) == 100
    for event, answer in zip(events, answers, strict=True):
        assert isinstance(answer, Ack)
        assert answer.partition == event.bucket % 12
        found = places[answer.partition, answer.offset]
        assert found == (event.key.encode(), event.payload)


@pytest.mark.integration
def test_an_acknowledgement_says_when_by_the_brokers_clock(broker: Access) -> None:
    topic = f"contract.{uuid.uuid4().hex}"
    ensure_topics(broker, {topic: 1})
    sender = KafkaSender(lambda: broker)
    (answer,) = sender.send_batch([outgoing(1, topic=topic)])
    sender.close()
    consumer = KafkaConsumer(topic, **broker.configs, auto_offset_reset="earliest")
    kept = next(iter(consumer))
    consumer.close(autocommit=False)
    assert isinstance(answer, Ack)
    assert answer.at == datetime.fromtimestamp(kept.timestamp / 1000, UTC)
    assert kept.timestamp_type == 1, "the broker's clock and not the sender's"


@pytest.mark.integration
def test_it_asks_for_every_copy_and_numbers_what_it_sends(broker: Access) -> None:
    # One broker cannot show what another would have lost: the client's word is taken.
    topic = f"contract.{uuid.uuid4().hex}"
    ensure_topics(broker, {topic: 1})
    sender = KafkaSender(lambda: broker)
    sender.send_batch([outgoing(1, topic=topic)])
    assert sender._producer is not None
    given = sender._producer.config
    assert (given["acks"], given["enable_idempotence"]) == (-1, True)
    sender.close()


def test_an_event_bears_its_content_type_and_its_trace(side: Side) -> None:
    traced = outgoing(1, topic=side.topic, traceparent=TRACEPARENT)
    plain = outgoing(2, topic=side.topic)
    side.producer.send_batch([traced, plain])
    found = {value: found for *_, value, found in side.kept()}
    assert found[b"1"] == [
        ("content-type", b"application/cloudevents+json"),
        ("traceparent", TRACEPARENT.encode()),
    ]
    assert found[b"2"] == [("content-type", b"application/cloudevents+json")]


def test_what_is_too_large_is_poison_and_the_others_of_its_batch_are_sent(
    side: Side,
) -> None:
    large = outgoing(2, topic=side.topic, payload=b"x" * (LARGEST + 1))
    batch = [outgoing(1, topic=side.topic), large, outgoing(3, topic=side.topic)]
    answers = side.producer.send_batch(batch)
    assert faults(answers) == [(2, "EVENT_POISON")]
    assert isinstance(answers[1], Fault)
    assert isinstance(answers[1].error, EventPoisonError)
    assert sorted(value for *_, value, _ in side.kept()) == [b"1", b"3"]


def test_behind_a_fault_nothing_of_its_case_is_sent(side: Side) -> None:
    large = outgoing(2, "one", topic=side.topic, payload=b"x" * (LARGEST + 1))
    one = [outgoing(1, "one", topic=side.topic), large]
    batch = [*one, outgoing(3, "one", topic=side.topic), outgoing(4, topic=side.topic)]
    answers = side.producer.send_batch(batch)
    assert faults(answers) == [(2, "EVENT_POISON"), (3, "BROKER_UNAVAILABLE")]
    assert sorted(value for *_, value, _ in side.kept()) == [b"1", b"4"]


def test_a_missing_topic_is_named_and_the_batchs_other_topic_is_served(
    side: Side,
) -> None:
    batch = [
        outgoing(1, topic=f"{side.topic}.wrong"),
        outgoing(2, topic=side.topic),
        outgoing(3, topic=f"{side.topic}.wrong"),
    ]
    answers = side.producer.send_batch(batch)
    assert faults(answers) == [(1, "TOPIC_MISSING"), (3, "TOPIC_MISSING")]
    assert isinstance(answers[0], Fault)
    assert isinstance(answers[0].error, TopicMissingError)
    assert answers[0].error.details == {"topic": f"{side.topic}.wrong"}
    assert [value for *_, value, _ in side.kept()] == [b"2"]


def test_after_a_reset_it_sends_on(side: Side) -> None:
    first: list[Outgoing] = [outgoing(1, "one", topic=side.topic)]
    second: list[Outgoing] = [outgoing(2, "one", topic=side.topic)]
    side.producer.send_batch(first)
    side.producer.reset()
    (answer,) = side.producer.send_batch(second)
    assert isinstance(answer, Ack)
    assert answer.offset == 1
    assert [value for *_, value, _ in side.kept()] == [b"1", b"2"]


def test_once_closed_it_takes_nothing(side: Side) -> None:
    side.producer.close()
    answers = side.producer.send_batch([outgoing(1, topic=side.topic)])
    assert faults(answers) == [(1, "BROKER_UNAVAILABLE")]
    assert isinstance(answers[0], Fault)
    assert type(answers[0].error) is BrokerUnavailableError
    assert side.kept() == []
