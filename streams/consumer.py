"""A receiver's reference consumer: it misses nothing and takes nothing twice.

Messages are read, decoded and judged; inbox, effects and receipts due are one
transaction of the receiver's own database; only after it the offsets are committed, and
the receipts due are signed and sent. Wherever it dies, effects are there once and
receipts arrive at least once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec
from opentelemetry import metrics

from zhitong.decisions import (
    BUCKETS,
    Arrival,
    Due,
    Outgoing,
    SignatureState,
    Unreadable,
)
from zhitong.exceptions import EventPoisonError, InboxUnavailableError
from zhitong.ports import Inbox
from zhitong.streams import names
from zhitong.streams.cloud_events import write_receipt
from zhitong.streams.group_reader import GroupReader, Message
from zhitong.streams.intake import Intake, Read, Vouch
from zhitong.streams.kafka_client import Way
from zhitong.streams.keys import ReceiverKeys, sign_receipt
from zhitong.streams.producer import Fault, Producer
from zhitong.streams.tracing import Sending

AT_ONCE = 500
"""Receipts of one batch."""
_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_DOUBTFUL = frozenset({SignatureState.INVALID, SignatureState.DIFFERS})
_LOOK_SECONDS = 1.0
"""How often receipts that another consumer left are looked for,"""
_TOGETHER_SECONDS = 0.25
"""and for how long our own are gathered: whatever is sent together is one replicated
write of the broker's, one look and one transaction of who waits for them."""

_log = logging.getLogger("zhitong.consumer")
_taken = metrics.get_meter("zhitong.consumer").create_counter(
    "zhitong.receiver.events",
    unit="{event}",
    description="Events a receiver answered, by receiver and answer.",
)


class Consumer:
    """One consumer of a receiver; there may be several, which share the partitions."""

    def __init__(  # noqa: PLR0913 - what it speaks with, each on its own side
        self,
        inbox: Inbox,
        keys: ReceiverKeys,
        producer: Producer,
        *,
        tenant: str,
        receipts_topic: str = "",
        vouch: Vouch | None = None,
    ) -> None:
        """Answer on *receipts_topic*; empty: on that of *tenant*.

        *vouch* weighs bureaus' signatures.
        """
        self._inbox = inbox
        self._keys = keys
        self._intake = Intake(keys) if vouch is None else Intake(keys, vouch)
        self._producer = producer
        self._tenant = tenant
        self._topic = receipts_topic or names.receipts(tenant)
        self._thread = ThreadPoolExecutor(1, "receipts-out")
        self._unsent: Sequence[Due] = ()
        self._fresh = True
        self._looked = 0.0
        self._failures = 0
        self._rests_until = 0.0

    async def run(self, way: Way, topic: str, group: str) -> None:
        """Consume *topic* until cancelled, as one of *group*."""
        reader = GroupReader(way, topic=topic, group=group, logger=_log)
        try:
            await reader.run(self.take, self.answer)
        finally:
            self._thread.submit(self._producer.close)
            self._thread.shutdown(wait=False)

    async def take(self, messages: Sequence[Message]) -> None:
        """Take *messages*; raise `InboxUnavailableError`: nothing is lost by it."""
        found = [self._intake.read(message) for message in messages]
        odd = [each for each in found if isinstance(each, Unreadable)]
        reads = [each for each in found if isinstance(each, Read)]
        for each in odd:
            place = (each.topic, each.partition, each.offset)
            _log.warning("无法识别，另存待查 set aside %s[%d]@%d: %s", *place, each.why)
        for read in reads:
            self._doubt(read.arrival)
        await self._inbox.set_aside(odd)
        answers = await self._inbox.take([read.arrival for read in reads])
        for read, answer in zip(reads, answers, strict=True):
            read.end(answer)
        for answer, count in Counter(answers).items():
            said = {"receiver": self._keys.receiver, "answer": answer.value}
            _taken.add(count, said)
        self._fresh = True

    def _doubt(self, arrival: Arrival) -> None:
        """Say of a bureau's signature that it does not hold; it rejects nothing."""
        if arrival.signature in _DOUBTFUL:
            _log.warning(
                "决定机关的签署不成立 a bureau's signature does not hold: %s %s",
                arrival.event_id,
                arrival.signature,
            )

    async def answer(self) -> None:
        """Send the receipts due; what the broker does not take is sent later."""
        now = time.monotonic()
        wait = _TOGETHER_SECONDS if self._fresh else _LOOK_SECONDS
        if now < self._rests_until or not (self._unsent or now - self._looked >= wait):
            return
        # Without its database nothing is due; the next batch says what is wrong.
        with suppress(InboxUnavailableError):
            while due := self._unsent or await self._inbox.due(AT_ONCE):
                self._unsent = due
                await self._send(due)
                if self._unsent:
                    return
            self._fresh = False
            self._looked = time.monotonic()

    async def _send(self, due: Sequence[Due]) -> None:
        sending = Sending([self._signed(i, each) for i, each in enumerate(due)])
        answers = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._producer.send_batch, sending.events
        )
        sending.end(answers)
        faults = {each.seq: each for each in answers if isinstance(each, Fault)}
        later = {
            seq
            for seq, fault in faults.items()
            if not isinstance(fault.error, EventPoisonError)
        }
        for seq in faults.keys() - later:
            _log.error("receipt of %s cannot be sent", due[seq].receipt.event_id)
        await self._inbox.answered([d for i, d in enumerate(due) if i not in later])
        self._unsent = [due[seq] for seq in sorted(later)]
        if faults:
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._producer.reset
            )
        self._rest(faults)

    def _rest(self, faults: Mapping[int, Fault]) -> None:
        """Let the broker rest, longer each time; say once that receipts wait."""
        if self._unsent:
            if not self._failures:
                error = next(iter(faults.values())).error
                _log.warning("回执待发 receipts wait: %s %s", error.code, error)
            pause = min(_PAUSE * 2**self._failures, _LONGEST_PAUSE)
            self._rests_until = time.monotonic() + pause
            self._failures = min(self._failures + 1, 10)
        elif self._failures:
            _log.warning("回执已发 receipts are sent again")
            self._failures = 0

    def _signed(self, seq: int, due: Due) -> Outgoing:
        receipt = msgspec.structs.replace(
            due.receipt, signed=sign_receipt(due.receipt, self._keys)
        )
        return Outgoing(
            seq=seq,
            # The key is the case's hash, of which the bucket is a part.
            bucket=int(due.key, 16) % BUCKETS,
            event_id=receipt.event_id,
            receiver=receipt.receiver,
            topic=self._topic,
            key=due.key,
            payload=write_receipt(receipt, self._tenant, traceparent=due.traceparent),
            created_at=receipt.at,
            traceparent=due.traceparent,
        )
