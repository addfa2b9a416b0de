"""What a sender sends us, from its topic into the platform: judged, then answered.

Messages are read and verified; verdicts, effects and receipts due are one transaction
of the platform's database; only after it the offsets are committed, and what is due is
signed and sent. Whatever is wrong with a message, those behind it go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec

from zhitong.decisions import Outgoing
from zhitong.exceptions import LedgerUnavailableError
from zhitong.inbound import Fate, InboundReceipt
from zhitong.ports import Inbound
from zhitong.streams import inbound_metrics
from zhitong.streams.group_reader import GroupReader, Message
from zhitong.streams.inbound_events import InboundReading
from zhitong.streams.inbound_receipts import receipted, write_inbound_receipt
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.kafka_client import Way
from zhitong.streams.producer import Fault, Producer

AT_ONCE = 200
"""Receipts of one batch."""
_LOOK_SECONDS = 1.0
_REST_SECONDS = 5.0
_COUNT_SECONDS = 15.0
_TOLD = 10
"""Messages in quarantine that are named of a batch, in the log."""

_log = logging.getLogger("zhitong.inbound")

Reading = Callable[[], InboundReading]
"""Gives what a sender's messages are read by, as it is now: it may have a new key."""
Signing = Callable[[bytes], str]
"""Signs for the platform: gives a compact JWS."""
Signer = Callable[[], Awaitable[Signing]]


class InboundConsumer:
    """Takes what one sender sends; there may be several, which share the partitions."""

    def __init__(self, inbound: Inbound, sender: InboundSender, read: Reading) -> None:
        self._inbound = inbound
        self._sender = sender
        self._reading = read

    async def run(self, way: Way) -> None:
        """Consume until cancelled."""
        one = self._sender
        reader = GroupReader(way, topic=one.topic, group=one.group, logger=_log)

        async def look() -> None:
            inbound_metrics.behind[one.name] = reader.behind

        await reader.run(self.take, look)

    async def take(self, messages: Sequence[Message]) -> None:
        """Take *messages*; raise `LedgerUnavailableError`: nothing is lost by it."""
        reading = self._reading()
        # Verifying hundreds of signatures must not hold up who renews our membership.
        arrivals = await asyncio.to_thread(
            lambda: [reading.read(message) for message in messages]
        )
        verdicts = await self._inbound.take(arrivals)
        odd = [each for each in verdicts if each.fate is Fate.QUARANTINED]
        for each in odd[:_TOLD]:
            why, name = ", ".join(each.reasons), self._sender.name
            _log.warning("来函隔离 in quarantine: %s %s: %s", name, each.message, why)
        if len(odd) > _TOLD:
            more = len(odd) - _TOLD
            _log.warning("来函隔离 in quarantine: %s +%d", self._sender.name, more)
        for fate, count in Counter(each.fate for each in verdicts).items():
            said = {"sender": self._sender.name, "verdict": fate.value}
            inbound_metrics.verdicts.add(count, said)


class InboundAnswers:
    """Sends the receipts that are due, to whichever sender."""

    def __init__(
        self,
        inbound: Inbound,
        senders: Mapping[str, InboundSender],
        producer: Producer,
        signer: Signer,
    ) -> None:
        self._inbound = inbound
        self._senders = senders
        self._producer = producer
        self._signer = signer
        self._thread = ThreadPoolExecutor(1, "inbound-answers")
        self._waits = False

    async def run(self) -> None:
        """Answer until cancelled."""
        count_at = 0.0
        try:
            while True:
                # Without its database nothing is due; who takes says what is wrong.
                with suppress(LedgerUnavailableError):
                    while (due := await self._inbound.due(AT_ONCE)) and (
                        await self.send(due)
                    ):
                        pass
                    # Seldom: a quarantine that nobody clears is read whole for it.
                    if time.monotonic() >= count_at:
                        inbound_metrics.counted(await self._inbound.held())
                        count_at = time.monotonic() + _COUNT_SECONDS
                await asyncio.sleep(_REST_SECONDS if self._waits else _LOOK_SECONDS)
        finally:
            self._thread.submit(self._producer.close)
            self._thread.shutdown(wait=False)

    async def send(self, due: Sequence[InboundReceipt]) -> bool:
        """Send *due*; say whether all are with the broker."""
        sign = await self._signer()
        outgoing = [
            self._outgoing(seq, each, sign)
            for seq, each in enumerate(due)
            if each.sender in self._senders
        ]
        answers = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._producer.send_batch, outgoing
        )
        later = {each.seq for each in answers if isinstance(each, Fault)}
        # A sender that is no longer declared has no topic to be answered on.
        sent = [each.receipt for seq, each in enumerate(due) if seq not in later]
        await self._inbound.answered(sent)
        if later:
            if not self._waits:
                _log.warning("来函回执待发 receipts to senders wait for the broker")
            reset = self._producer.reset
            await asyncio.get_running_loop().run_in_executor(self._thread, reset)
        self._waits = bool(later)
        return not later

    def _outgoing(self, seq: int, due: InboundReceipt, sign: Signing) -> Outgoing:
        sender = self._senders[due.sender]
        said = receipted(due, sender.tenant)
        return Outgoing(
            seq=seq,
            bucket=0,
            event_id=due.receipt,
            receiver=due.sender,
            topic=sender.receipts,
            # One partition, and one key: receipts lie in the order they are sent.
            key="0" * 16,
            payload=write_inbound_receipt(said, sign(msgspec.json.encode(said))),
            created_at=due.at,
        )
