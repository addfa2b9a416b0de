"""Receipts 回执 from the topic into the book: verified, filed, only then left behind.

- An offset is committed after the filing, so a receipt is filed at least once; filing
  it twice changes nothing.
- What is no receipt, or not signed by the receiver it names, is kept apart with the
  reason. It never stops what comes after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from kafka import KafkaConsumer
from opentelemetry.trace import SpanKind

from zhitong.decisions import Receipt
from zhitong.exceptions import LedgerUnavailableError, ReceiptInvalidError
from zhitong.ports import ReceiptBook
from zhitong.streams.kafka_client import AWAY, connect
from zhitong.streams.keys import ReceiverKeys, verify_receipt
from zhitong.streams.tracing import HEADER, begin

TOPIC = "zhitong.receipts.v1"
GROUP = "zhitong-platform"
UNKNOWN = "unknown"
"""Whose a receipt is that names no key we know."""
_POLL_MS = 500
_AT_ONCE = 500
_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

_log = logging.getLogger("zhitong.receipts")


class Message(NamedTuple):
    """A message of the topic, as far as we look at it."""

    value: bytes
    traceparent: str


Keys = Callable[[], Mapping[str, ReceiverKeys]]
"""Gives the receivers' public keys, as they are now."""


class ReceiptDesk:
    """Takes messages, verifies what they bear, files it."""

    def __init__(self, book: ReceiptBook, keys: Keys) -> None:
        self._book = book
        self._read_keys = keys
        self._keys: Mapping[str, ReceiverKeys] = {}

    async def take(self, messages: Sequence[Message]) -> None:
        """File the receipts of *messages*; raise `LedgerUnavailableError`."""
        # A receiver may have given a new key since.
        self._keys = self._read_keys()
        receipts: dict[tuple[object, ...], Receipt] = {}
        for message in messages:
            try:
                receipt = self._verified(message.value)
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
        signed = value.decode("ascii", errors="replace")
        claimed = self._claimed(value)
        if claimed == UNKNOWN:
            raise ReceiptInvalidError(
                "签名密钥不是任何接收方登记的；回执另存待查",
                "the key is not one of any receiver's; it is kept apart",
            )
        return verify_receipt(signed, self._keys[claimed])

    def _claimed(self, value: bytes) -> str:
        """Say whose key the signature names; nothing is verified by that."""
        try:
            named = jws.extract_compact(value).headers().get("kid")
        except (JoseError, ValueError):
            return UNKNOWN
        for receiver, public in self._keys.items():
            if named in {key.thumbprint() for key in public.signing}:
                return receiver
        return UNKNOWN


class ReceiptReader:
    """Reads the topic as a member of the platform's group until it is cancelled."""

    def __init__(
        self, desk: ReceiptDesk, bootstrap: Callable[[], str], topic: str = TOPIC
    ) -> None:
        self._desk = desk
        self._bootstrap = bootstrap
        self._topic = topic
        # One thread: the consumer is not made for two.
        self._thread = ThreadPoolExecutor(1, "receipts")
        self._consumer: KafkaConsumer | None = None
        self._failures = 0

    async def run(self) -> None:
        """Read until cancelled; a broker that is away is waited for."""
        try:
            while True:
                try:
                    await self._read()
                except AWAY as error:
                    await self._rest(error)
        finally:
            # After the poll under way, in its thread; without waiting for a broker.
            self._thread.submit(self._leave)
            self._thread.shutdown(wait=False)

    async def _read(self) -> None:
        consumer = await self._in_thread(self._join)
        while True:
            polled = await self._in_thread(
                partial(consumer.poll, timeout_ms=_POLL_MS, max_records=_AT_ONCE)
            )
            found = [_message(record) for each in polled.values() for record in each]
            if not found:
                continue
            await self._filed(found)
            await self._in_thread(consumer.commit)
            if self._failures:
                _log.warning("receipts: 恢复接收 reading again")
            self._failures = 0

    async def _filed(self, messages: Sequence[Message]) -> None:
        pause = _PAUSE
        while True:
            try:
                await self._desk.take(messages)
            except LedgerUnavailableError as error:
                if pause == _PAUSE:
                    _log.warning("receipts: %s %s", error.code, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    async def _rest(self, error: Exception) -> None:
        if not self._failures:
            _log.warning("receipts: BROKER_UNAVAILABLE %s", type(error).__name__)
        await self._in_thread(self._leave)
        await asyncio.sleep(min(_PAUSE * 2**self._failures, _LONGEST_PAUSE))
        self._failures = min(self._failures + 1, 10)

    def _join(self) -> KafkaConsumer:
        self._consumer = connect(
            partial(KafkaConsumer, self._topic),
            bootstrap_servers=self._bootstrap(),
            client_id="zhitong-receipts",
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            # Tansu answers a join after half of the one; takeover takes the whole.
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
            reconnect_backoff_max_ms=1_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        return self._consumer

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1_000)

    async def _in_thread(self, act: Callable[[], object]):  # type: ignore[no-untyped-def] # noqa: ANN202 - kafka-python has no types
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)


def _message(record) -> Message:  # type: ignore[no-untyped-def] # noqa: ANN001 - as above
    traced = [value for name, value in record.headers or [] if name == HEADER]
    parent = traced[0].decode("ascii", errors="replace") if traced else ""
    return Message(record.value or b"", parent)


def _trace(message: Message, receipt: Receipt) -> None:
    span = begin(
        f"process {TOPIC}",
        SpanKind.CONSUMER,
        message.traceparent,
        {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": TOPIC,
            "messaging.message.id": str(receipt.event_id),
            "zhitong.receiver": receipt.receiver,
            "zhitong.answer": receipt.answer.value,
        },
    )
    if span is not None:
        span.end()
