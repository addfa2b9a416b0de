"""A receiver with a real database and a real topic, for tests of its consumer."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec
from topic_reader import read

from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.connectors.migrations import migrate
from zhitong.decisions import (
    BUCKETS,
    Act,
    Change,
    Decision,
    Entry,
    Outgoing,
    Party,
    Penalty,
    Receipt,
    bucket,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.cloud_events import parse_receipt
from zhitong.streams.consumer import Consumer
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.forms import form
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys, verify_receipt
from zhitong.streams.topics import ensure_topics

TABLES = Path(__file__).parents[2] / "infra" / "receivers"
CONFIG = read_receivers()
AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
UNIT = "11619900MB0004001B"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDLESS = 90.0
"""Seconds; only to tell endless from finite."""
_numbers = itertools.count(1)


def decision(number: str = "A-1", **changes: object) -> Decision:
    """Give a penalty that every receiver accepts."""
    return msgspec.structs.replace(
        Decision(
            local_id=number,
            act=Act.PENALTY,
            subject_code=UNIT,
            subject_name="安泽市应急管理局",
            case_source="emergency",
            case_no=f"AZYJ-{number}",
            document_no=f"（安）应急罚〔2026〕{number}号",
            document_title="行政处罚决定书",
            title="占用安全出口案",
            decided_on=date(2026, 11, 20),
            division="619900",
            facts="安全出口上锁。",
            basis="《安全生产法》第一百零五条",
            content="罚款人民币20000元",
            party=Party(
                kind="LEGAL_PERSON",
                name="安泽市某某化工有限公司",
                code="91110000600037341L",
                representative="张三",
            ),
            penalty=Penalty(
                kinds=("FINE",),
                violation_type="安全生产",
                fine=2_000_000,
                procedure="ORDINARY",
            ),
        ),
        **changes,
    )


def of_person(number: str = "11010519491231002X", **changes: object) -> Decision:
    """Give a penalty of a natural person."""
    party = Party(
        kind="NATURAL_PERSON", name="李四", id_kind="RESIDENT_ID", id_number=number
    )
    return msgspec.structs.replace(decision(), party=party, **changes)


def without_amount(**changes: object) -> Decision:
    """Give a penalty that the credit system rejects: a fine that is no amount."""
    penalty = Penalty(kinds=("FINE",), violation_type="安全生产", procedure="ORDINARY")
    return msgspec.structs.replace(decision(), penalty=penalty, **changes)


def entry(
    said: Decision, version: int = 1, change: Change = Change.RECORDED, **more: object
) -> Entry:
    """Give the ledger's entry of a version of *said*."""
    return msgspec.structs.replace(
        Entry(
            decision=said,
            version=version,
            change=change,
            at=AT,
            reason="" if change is Change.RECORDED else "事实不清",
            unit=UNIT,
            unit_name="安泽市应急管理局",
            person="王五",
            traceparent=TRACE,
        ),
        **more,
    )


@dataclass(frozen=True, kw_only=True)
class Site:
    """A receiver, its database, its topic and what it answers on."""

    name: str
    url: str
    broker: Access
    topic: str
    receipts: str
    keys: ReceiverKeys
    inbox: ReceiverInbox
    envelopes: ReceiverEnvelopes
    group: str

    def consumer(self) -> Consumer:
        """Make one of the receiver's consumers."""
        return Consumer(
            self.inbox,
            self.keys,
            KafkaSender(lambda: self.broker, 10.0),
            tenant=CONFIG.tenant,
            receipts_topic=self.receipts,
        )

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[None]:
        """Run a consumer beside the block."""
        task = asyncio.create_task(
            self.consumer().run(lambda: self.broker, self.topic, self.group)
        )
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def outgoing(self, said: Entry, *, follows_history: bool = False) -> Outgoing:
        """Write the event of *said*, as the relay would read it from the outbox."""
        (event,) = self.envelopes.events(
            [whole(said, self.name)], follows_history=follows_history
        )
        hashed = case_hash(said.decision.case_key)
        return Outgoing(
            seq=next(_numbers),
            bucket=bucket(hashed),
            event_id=event_id(said.decision.id, said.version, said.change),
            receiver=self.name,
            topic=self.topic,
            key=partition_key(hashed),
            payload=event.payload,
            created_at=said.at,
            traceparent=said.traceparent,
        )

    async def send(self, *events: Outgoing) -> None:
        """Put *events* on the topic, in their order."""
        sender = KafkaSender(lambda: self.broker, 30.0)
        try:
            for each in events:
                # One by one: two of a key in a batch would have no order.
                (answer,) = await asyncio.to_thread(sender.send_batch, [each])
                assert hasattr(answer, "offset"), answer
        finally:
            sender.close()

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Ask the receiver's database."""
        return list(await self.inbox.pool.fetch(statement, *values))

    async def answered(self, count: int) -> None:
        """Wait until *count* events are in the inbox and no receipt is due."""

        async def there() -> bool:
            (row,) = await self.rows(
                "select (select count(*) from inbox) as arrived,"
                " (select count(*) from receipt_due) as due"
            )
            return bool(row["arrived"] >= count and row["due"] == 0)

        await until(there)

    def answers(self) -> Sequence[Receipt]:
        """Give the receipts on their topic, verified by the public keys."""
        found = read(self.broker, self.receipts)
        return [
            verify_receipt(parse_receipt(value).jws, self.keys.public)
            for _, _, _, value, _ in found
        ]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until *holds* says so."""
    async with asyncio.timeout(ENDLESS):
        while not await holds():  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.05)


@asynccontextmanager
async def site(name: str, broker: Access, url: str) -> AsyncIterator[Site]:
    """Make the receiver *name* in the empty database under *url*."""
    kind = {each.name: form(each.format).name for each in CONFIG.receivers}[name]
    await migrate(url, TABLES / "common")
    await migrate(url, TABLES / kind)
    own = f"{name}.{os.getpid()}.{uuid4().hex[:8]}"
    topics = {f"test.{own}": 12, f"test.receipts.{own}": 12}
    await asyncio.to_thread(ensure_topics, broker, topics)
    keys = ReceiverKeys.generate(name)
    inbox = await open_inbox(url, name)
    try:
        yield Site(
            name=name,
            url=url,
            broker=broker,
            topic=f"test.{own}",
            receipts=f"test.receipts.{own}",
            keys=keys,
            inbox=inbox,
            envelopes=ReceiverEnvelopes(
                CONFIG, {each.name: keys.public for each in CONFIG.receivers}
            ),
            group=f"group.{own}",
        )
    finally:
        inbox.pool.terminate()


def noise(receiver: Site, value: bytes, number: int = 0) -> Outgoing:
    """Give bytes to be put on the topic, whatever they are."""
    return Outgoing(
        seq=next(_numbers),
        bucket=number % BUCKETS,
        event_id=uuid4(),
        receiver=receiver.name,
        topic=receiver.topic,
        key="00000000000000ff",
        payload=value,
        created_at=AT,
    )
