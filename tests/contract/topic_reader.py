"""What a topic keeps, read by a consumer of no group."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import KafkaConsumer, TopicPartition

from zhitong.streams.kafka_client import Access, connect

Kept = tuple[int, int, bytes, bytes, list[tuple[str, bytes]]]
"""Partition, offset, key, value, headers."""


def read(access: Access, topic: str, partitions: int = 12) -> Sequence[Kept]:
    """Read all a topic keeps, to the ends its partitions have now."""
    consumer = connect(KafkaConsumer, access, auto_offset_reset="earliest")
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[Kept] = []
        while any((consumer.position(p) or 0) < end for p, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                found += [
                    (each.partition, each.offset, each.key, each.value, each.headers)
                    for each in records
                ]
        return [(*each[:4], list(each[4])) for each in found]
    finally:
        consumer.close(autocommit=False)
