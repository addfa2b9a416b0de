"""A consumer that is killed at a chosen point, as by a power cut: a process of its own.

``python dying_consumer.py POINT < arguments.json``
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from zhitong.connectors import inbox as module
from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.decisions import Answer, Arrival, Due, Unreadable
from zhitong.streams.consumer import Consumer
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys

# The one who comes after shall not wait for what the dead one has been lent.
module.LENT_SECONDS = 1.0


class Arguments(msgspec.Struct, kw_only=True):
    receiver: str
    url: str
    broker: Access
    topic: str
    receipts: str
    group: str
    keys: str


class Dying:
    """An inbox that kills its process at *point*."""

    def __init__(self, inbox: ReceiverInbox, point: str) -> None:
        self._inbox = inbox
        self._point = point

    def _at(self, point: str) -> None:
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def take(self, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        self._at("before the transaction")
        answers = await self._inbox.take(arrivals)
        self._at("after the transaction")
        return answers

    async def set_aside(self, unreadable: Sequence[Unreadable]) -> None:
        await self._inbox.set_aside(unreadable)

    async def due(self, limit: int) -> Sequence[Due]:
        due = await self._inbox.due(limit)
        if due:
            self._at("after the offset")
        return due

    async def answered(self, sent: Sequence[Due]) -> None:
        self._at("after the receipts")
        await self._inbox.answered(sent)


async def main(point: str, given: Arguments) -> None:
    inbox = await open_inbox(given.url, given.receiver)
    consumer = Consumer(
        Dying(inbox, point),
        ReceiverKeys.load(Path(given.keys)),
        KafkaSender(lambda: given.broker),
        tenant="anze",
        receipts_topic=given.receipts,
    )
    await consumer.run(lambda: given.broker, given.topic, given.group)


if __name__ == "__main__":
    arguments = msgspec.json.decode(sys.stdin.buffer.read(), type=Arguments)
    asyncio.run(main(sys.argv[1], arguments))
