"""A member of a group that is given nothing to read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from zhitong.streams import group_reader
from zhitong.streams.group_reader import GroupReader, Message
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration


async def nothing() -> None:
    """Do nothing after a batch."""


async def test_who_has_no_partition_says_so(
    broker: Access, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    topic, taken = f"reader.{uuid4().hex}", asyncio.Event()
    ensure_topics(broker, {topic: 1})
    producer = KafkaProducer(**broker.configs)
    producer.send(topic, b"{}")
    producer.close()

    async def take(_: Sequence[Message]) -> None:
        taken.set()

    def reading(name: str) -> asyncio.Task[None]:
        logger = logging.getLogger(name)
        reader = GroupReader(lambda: broker, topic=topic, group=topic, logger=logger)
        return asyncio.create_task(reader.run(take, nothing))

    first = reading("first")
    async with asyncio.timeout(60):
        await taken.wait()
        monkeypatch.setattr(group_reader, "_IDLE_SECONDS", 0.5)
        second = reading("second")
        # The only partition is one's, and the other has none.
        while "has no partition" not in caplog.text:  # noqa: ASYNC110 - a log
            await asyncio.sleep(0.05)
    assert {each.name for each in caplog.records} & {"first", "second"} == {"second"}
    for task in (first, second):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
