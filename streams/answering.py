"""A receiver's answers to statements: what it was sent, held against what it has."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from zhitong.decisions import Outgoing
from zhitong.exceptions import InboxUnavailableError, ReceiptInvalidError
from zhitong.ports import Stated, StatedDue, StatedHere
from zhitong.streams.group_reader import GroupReader, Message
from zhitong.streams.kafka_client import Way
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.producer import Fault, Producer
from zhitong.streams.stated import (
    Statement,
    answered,
    read_statement,
    sign_answer,
    write_answer,
)

_LOOK_SECONDS = 2.0
"""How often it is looked whether a statement's end has come."""

_log = logging.getLogger("zhitong.consumer")


class Answering:
    """Reads what is stated to a receiver, and answers on the topic of receipts."""

    def __init__(  # noqa: PLR0913 - a receiver's side has so many
        self,
        stated: Stated,
        keys: ReceiverKeys,
        producer: Producer,
        *,
        tenant: str,
        topic: str,
        platform: Callable[[], Mapping[str, str]],
    ) -> None:
        """Answer on *topic* what a key of the *platform* has signed."""
        self._stated = stated
        self._keys = keys
        self._producer = producer
        self._tenant = tenant
        self._topic = topic
        self._platform = platform
        self._warned = False
        self._thread = ThreadPoolExecutor(1, "answers-out")
        self._looked = 0.0

    async def run(self, way: Way, topic: str, group: str) -> None:
        """Read statements on *topic* until cancelled, as one of *group*."""
        reader = GroupReader(way, topic=topic, group=group, logger=_log)
        try:
            await reader.run(self.take, self.answer)
        finally:
            self._thread.submit(self._producer.close)
            self._thread.shutdown(wait=False)

    async def take(self, messages: Sequence[Message]) -> None:
        """Keep what is stated; raise `InboxUnavailableError`: nothing is lost by it."""
        found: dict[tuple[str, int, int], StatedHere] = {}
        keys = self._platforms()
        for message in messages:
            try:
                said, signed = read_statement(message.value, self._keys.receiver, keys)
            except ReceiptInvalidError as error:
                place = (message.topic, message.partition, message.offset)
                _log.warning("不是对账声明 no statement %s[%d]@%d: %s", *place, error)
                continue
            # The last one of a place counts.
            found[(said.topic, said.partition, said.start)] = StatedHere(
                statement=said.statement,
                topic=said.topic,
                partition=said.partition,
                start=said.start,
                end=said.end,
                said=msgspec.json.encode(said),
                signed=signed,
            )
        if found:
            await self._stated.keep(list(found.values()))
            self._looked = 0.0

    def _platforms(self) -> Mapping[str, str]:
        """Give the platform's keys as they are now: it may have a new one."""
        keys = self._platform()
        if not keys and not self._warned:
            _log.warning(
                "没有平台的公钥，不核验对账声明的签名 no key of the platform: "
                "whether it signed its statements is not known"
            )
            self._warned = True
        return keys

    async def answer(self) -> None:
        """Answer what can be answered by now."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        # Without its database nothing can be said; the next statement says what is.
        with suppress(InboxUnavailableError):
            while (due := await self._stated.due()) and await self._answered(due):
                pass
        self._looked = time.monotonic()

    async def _answered(self, due: Sequence[StatedDue]) -> bool:
        """Send the answers to *due*; say whether all of them are with the broker."""
        counts, outgoing = [], []
        for seq, each in enumerate(due):
            stated = msgspec.json.decode(each.said, type=Statement)
            held = await self._stated.held(
                stated.topic, stated.partition, stated.start, stated.end
            )
            said = msgspec.structs.replace(
                answered(stated, held, datetime.now(UTC)), seen=each.seen
            )
            counts.append(len(held))
            outgoing.append(
                Outgoing(
                    seq=seq,
                    bucket=stated.partition,
                    event_id=stated.statement,
                    receiver=stated.receiver,
                    topic=self._topic,
                    key=f"{stated.partition:016x}",
                    payload=write_answer(
                        said, sign_answer(said, self._keys), self._tenant
                    ),
                    created_at=said.at,
                )
            )
        answers = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._producer.send_batch, outgoing
        )
        for each, count, answer in zip(due, counts, answers, strict=True):
            if not isinstance(answer, Fault):
                await self._stated.answered(each.statement, count)
        if any(isinstance(answer, Fault) for answer in answers):
            _log.warning("对账答复待发 answers to statements wait for the broker")
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._producer.reset
            )
            return False
        return True
