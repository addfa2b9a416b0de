"""A ledger, a topic and relays in a test's own hands, to be reconciled."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import asyncpg
import msgspec
import orjson
from entries import AT, SEALING, decision, entry, ledger_over, prepare
from kafka import KafkaProducer
from topic_reader import read

from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.reconciliation import Reconciliations
from zhitong.decisions import Change, Decision, Event, bucket, case_hash, event_id
from zhitong.infra.reconciler import Reconciler, Report, Terms
from zhitong.rules.reconciliation import Difference, Kind
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.relay import Relay
from zhitong.streams.topic_reading import TopicReading
from zhitong.streams.topics import ensure_topics
from zhitong.types import Inquiry, Occasion, Principal

RECEIVER = "credit"
PARTITIONS = 12
FILED = """insert into receipt (event_id, receiver, answer, at, payload_hash, reasons,
    key_id, signed)
select event_id, receiver, 'HELD', now(), encode(payload_hash, 'hex'), '{}', 'k', 's'
from outbox_sent on conflict do nothing"""
ENDLESS = 90.0
ASKER = Principal(
    kind="credit-system", client="credit", unit="1", unit_name="credit", person=""
)


@dataclass(frozen=True, slots=True)
class Sent:
    """An event of the ledger's, by what it is known as."""

    event: str
    decision: str
    version: int
    partition: int
    payload: bytes


@dataclass(kw_only=True)
class Way:
    """The way of decisions to one receiver, without its consumer."""

    url: str
    broker: Access
    topic: str
    write: Callable[[Decision], bytes] | None = None
    """Writes an event's bytes; without it they are an event's head alone."""

    async def sql(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def record(self, count: int, first: int = 1) -> list[Sent]:
        """Enter *count* decisions, each of a case of its own."""
        made = []
        async with ledger_over(self.url, size=2) as (_, pool):
            ledger = PlatformLedger(pool, SEALING, 30, "anze")
            for number in range(first, first + count):
                case = f"AZYJ-{number}"
                said = decision(
                    local_id=f"A-{number}", case_no=case, document_no=f"第{number}号"
                )
                sent = _sent(said, self.write)
                event = Event(
                    event_id=uuid.UUID(sent.event),
                    receiver=RECEIVER,
                    topic=self.topic,
                    schema="credit/1",
                    payload=sent.payload,
                )
                look = Inquiry(
                    principal=ASKER,
                    occasion=Occasion(),
                    id=f"{sent.event}/{RECEIVER}",
                    at=AT + timedelta(seconds=number),
                )
                look.answer_digest = hashlib.sha256(sent.payload).digest()
                look.answer_size = len(sent.payload)
                await ledger.commit(
                    msgspec.structs.replace(
                        entry(said), at=look.at, events=(event,), looks=(look,)
                    )
                )
                made.append(sent)
        return made

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """Run a relay beside the block."""
        relay = Relay(
            PlatformOutbox(self.url, uuid.uuid4().hex),
            lambda: KafkaSender(lambda: self.broker, 30.0),
            longest_rest=1.0,
        )
        task = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def send(self) -> None:
        """Have a relay send all that waits."""
        async with asyncio.timeout(ENDLESS), self.relaying():
            while (await self.sql("select count(*) from outbox"))[0][0]:  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.05)

    async def file(self) -> None:
        """File the final receipt of all that was sent."""
        await self.sql(FILED)

    def put(self, partition: int, *values: bytes) -> None:
        """Put records on the topic, past the relay."""
        producer = KafkaProducer(**self.broker.configs)
        for value in values:
            producer.send(self.topic, value, key=b"0" * 16, partition=partition)
        producer.flush()
        producer.close()

    def lying(self) -> Sequence[tuple[int, int, bytes]]:
        """Give partition, offset and value of every record."""
        return [(p, o, v) for p, o, _, v, _ in read(self.broker, self.topic)]

    async def reconcile(
        self, *, whole: bool = False, within: timedelta = timedelta(0)
    ) -> Report:
        """Reconcile once, as a process of its own would."""
        book = Reconciliations(self.url)
        reading = TopicReading(lambda: self.broker)
        known = Terms(
            topics=MappingProxyType({RECEIVER: self.topic}),
            retention=timedelta(days=90),
            answered_within=within,
        )
        try:
            report = await Reconciler(book, reading, known).run(whole=whole)
            assert report.unread == {}
            return report
        finally:
            reading.close()
            await book.close()

    async def found(self, *, whole: bool = False) -> set[tuple[Kind, str]]:
        """Reconcile, and give what stands open: its kind and event, or place."""
        report = await self.reconcile(whole=whole)
        return {(each.kind, named(each)) for each in report.open}


def named(each: Difference) -> str:
    """Name what a difference is about."""
    return each.event_id or f"{each.partition}@{each.offset}"


def _sent(said: Decision, write: Callable[[Decision], bytes] | None) -> Sent:
    event = event_id(said.id, 1, Change.RECORDED)
    head = {"id": str(event), "subject": str(said.id), "decisionversion": 1}
    return Sent(
        event=str(event),
        decision=str(said.id),
        version=1,
        partition=bucket(case_hash(said.case_key)) % PARTITIONS,
        payload=write(said) if write else orjson.dumps(head | {"filler": "x"}),
    )


async def way(broker: Access, database: str) -> Way:
    """Prepare an empty database and a topic of its own."""
    await prepare(database)
    topic = f"reconciled.{uuid.uuid4().hex}"
    await asyncio.to_thread(ensure_topics, broker, {topic: PARTITIONS})
    return Way(url=database, broker=broker, topic=topic)
