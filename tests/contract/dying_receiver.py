"""A receiving process that is killed at a chosen point, as by a power cut.

``python dying_receiver.py POINT < arguments.json``
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import msgspec
from sending import Elsewhere, reading

from zhitong.connectors import inbound_book as module
from zhitong.connectors.inbound_book import PlatformInbound
from zhitong.inbound import Arrived, Fate, InboundReceipt, Judged
from zhitong.infra.receipts import compact
from zhitong.streams.inbound_consumer import InboundAnswers, InboundConsumer, Signing
from zhitong.streams.inbound_receipts import JWS
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys

# The one who comes after shall not wait for what the dead one has been lent.
module.LENT_SECONDS = 1.0


class Arguments(msgspec.Struct, kw_only=True):
    url: str
    broker: Access
    own: str
    keys: str
    folder: str


class Dying:
    """What kills its process at *point*."""

    def __init__(self, inbound: PlatformInbound, point: str) -> None:
        self._inbound = inbound
        self._point = point

    def _at(self, point: str) -> None:
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def take(self, arrivals: Sequence[Arrived]) -> Sequence[Judged]:
        self._at("before the transaction")
        judged = await self._inbound.take(arrivals)
        self._at("after the transaction")
        return judged

    async def due(self, limit: int) -> Sequence[InboundReceipt]:
        return await self._inbound.due(limit)

    async def answered(self, sent: Sequence[UUID]) -> None:
        self._at("after the receipts")
        await self._inbound.answered(sent)

    async def held(self) -> Mapping[tuple[str, Fate], int]:
        return await self._inbound.held()


async def main(point: str, given: Arguments) -> None:
    inbound = PlatformInbound(given.url)
    dying = Dying(inbound, point)
    sender = Elsewhere.of(reading().sender, given.own)
    keys = ReceiverKeys.load(Path(given.keys))
    read = replace(reading(), sender=sender, keys=keys)

    async def signer() -> Signing:
        found = await inbound.signer(Path(given.folder))
        return lambda said: compact(found, JWS, said).decode("ascii")

    answers = InboundAnswers(
        dying, {sender.name: sender}, KafkaSender(lambda: given.broker), signer
    )
    consumer = InboundConsumer(dying, sender, lambda: read)
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(lambda: given.broker))
        group.create_task(answers.run())


if __name__ == "__main__":
    arguments = msgspec.json.decode(sys.stdin.buffer.read(), type=Arguments)
    asyncio.run(main(sys.argv[1], arguments))
