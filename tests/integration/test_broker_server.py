"""The embedded broker, for real: start, freeze, crash, continue, leave nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from zhitong.infra.broker import Broker
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration


def produce(address: str, topic: str, *values: bytes) -> list[int]:
    """Send *values* to partition 0, one after the other; give their offsets."""
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    try:
        return [
            producer.send(topic, value, partition=0).get(60).offset for value in values
        ]
    finally:
        producer.close()


def consume(address: str, topic: str, count: int) -> list[bytes]:
    """Read partition 0 from its beginning until *count* messages are there."""
    place = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    try:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        found: list[bytes] = []
        for message in consumer:
            found.append(message.value)
            if len(found) == count:
                break
        return found
    finally:
        consumer.close()


def test_what_is_sent_is_read(broker: str) -> None:
    ensure_topics(broker, {"broker.read": 1})
    assert produce(broker, "broker.read", b"one", b"two") == [0, 1]
    assert consume(broker, "broker.read", 2) == [b"one", b"two"]


def test_a_killed_broker_has_what_it_acknowledged_and_its_port(
    kafka_factory: Callable[[str], Broker],
) -> None:
    server = kafka_factory("broker-killed")
    address = server.start()
    ensure_topics(address, {"broker.kept": 1})
    produce(address, "broker.kept", b"before")

    server.kill()

    assert server.status() == "stopped"
    assert server.start() == address
    produce(address, "broker.kept", b"after")
    assert consume(address, "broker.kept", 2) == [b"before", b"after"]
