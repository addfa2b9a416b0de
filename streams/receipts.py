"""Receipts 回执 from the topic into the book: verified, filed, only then left behind.

- An offset is committed after the filing, so a receipt is filed at least once; filing
  it twice changes nothing.
- What is no receipt, or not signed by the receiver it names, is kept apart with the
  reason. It never stops what comes after it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from opentelemetry.trace import SpanKind

from zhitong.decisions import Receipt
from zhitong.exceptions import ReceiptInvalidError
from zhitong.ports import ReceiptBook
from zhitong.streams.blaming import blamed
from zhitong.streams.cloud_events import parse_receipt
from zhitong.streams.group_reader import GroupReader, Message
from zhitong.streams.kafka_client import Way
from zhitong.streams.keys import ReceiverKeys, verify_receipt
from zhitong.streams.stated import Answered, is_answer, read_answer
from zhitong.streams.tracing import begin

UNKNOWN = "unknown"
"""Whose a receipt is that names nobody we know."""

_log = logging.getLogger("zhitong.receipts")

Keys = Callable[[], Mapping[str, ReceiverKeys]]
"""Gives the receivers' public keys, as they are now."""


Answers = Callable[[Answered, str], Awaitable[None]]
"""Files an answer to a statement, with the JWS it came as."""


class ReceiptDesk:
    """Takes messages, verifies what they bear, files it."""

    def __init__(
        self, book: ReceiptBook, keys: Keys, answers: Answers | None = None
    ) -> None:
        """File receipts in *book*; *answers* takes what answers statements."""
        self._book = book
        self._answers = answers
        self._read_keys = keys
        self._keys: Mapping[str, ReceiverKeys] = {}

    async def take(self, messages: Sequence[Message]) -> None:
        """File the receipts of *messages*; raise `LedgerUnavailableError`."""
        # A receiver may have given a new key since.
        self._keys = self._read_keys()
        receipts: dict[tuple[object, ...], Receipt] = {}
        for message in messages:
            try:
                if self._answers is not None and is_answer(message.value):
                    await self._answers(*read_answer(message.value, self._keys))
                    continue
                receipt = blamed(self._verified(message.value))
            except ReceiptInvalidError as error:
                receiver = self._claimed(message.value)
                _log.warning("%s: %s: %s", error.code, receiver, error)
                await self._book.stray(receiver, message.value, error.label.en)
                continue
            # One statement cannot file the same receipt twice.
            place = (receipt.event_id, receipt.receiver, receipt.answer)
            receipts.setdefault(place, receipt)
            _trace(message, receipt)
        if receipts:
            await self._book.file(list(receipts.values()))

    def _verified(self, value: bytes) -> Receipt:
        event = parse_receipt(value)
        if event.receiver not in self._keys:
            raise ReceiptInvalidError(
                "没有这个接收方登记的密钥；回执另存待查",
                "no receiver of that name has given us a key; it is kept apart",
            )
        receipt = verify_receipt(event.jws, self._keys[event.receiver])
        if receipt.event_id != event.event_id:
            raise ReceiptInvalidError(
                "签名回执说的是别的事件；回执另存待查",
                "what is signed is about another event; it is kept apart",
            )
        return receipt

    def _claimed(self, value: bytes) -> str:
        """Say whose it claims to be; nothing is verified by that."""
        try:
            claimed = parse_receipt(value).receiver
        except ReceiptInvalidError:
            return UNKNOWN
        return claimed if claimed in self._keys else UNKNOWN


class ReceiptReader:
    """Reads the topic as a member of the platform's group until it is cancelled."""

    def __init__(self, desk: ReceiptDesk, way: Way, topic: str, group: str) -> None:
        self._desk = desk
        self._reader = GroupReader(way, topic=topic, group=group, logger=_log)

    async def run(self) -> None:
        """Read until cancelled; a broker that is away is waited for."""
        await self._reader.run(self._desk.take, _nothing)


async def _nothing() -> None:
    """Do nothing after a batch."""


def _trace(message: Message, receipt: Receipt) -> None:
    span = begin(
        f"process {message.topic}",
        SpanKind.CONSUMER,
        message.traceparent,
        {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": message.topic,
            "messaging.message.id": str(receipt.event_id),
            "zhitong.receiver": receipt.receiver,
            "zhitong.answer": receipt.answer.value,
        },
    )
    if span is not None:
        span.end()
