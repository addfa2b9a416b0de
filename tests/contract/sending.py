"""A system that sends to us, with real topics and the platform's real database."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from receiving import until
from topic_reader import read

from zhitong.connectors.inbound_book import PlatformInbound
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.migrations import migrate
from zhitong.decisions import Outgoing
from zhitong.inbound import Arrived, Judged, Told
from zhitong.infra.inbound_file import needed_words
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.infra.receipts import compact
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.group_reader import Message
from zhitong.streams.inbound_consumer import InboundAnswers, InboundConsumer, Signing
from zhitong.streams.inbound_events import (
    InboundReading,
    sign_inbound,
    write_inbound,
)
from zhitong.streams.inbound_receipts import JWS, Receipted, read_inbound_receipt
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.topics import ensure_topics

CONFIG = read_receivers()
AT = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
PARTY = "91110000600037341L"
OTHER_PARTY = "91110000101234567X"
WORDS = needed_words(CONFIG)
KEYS = {name: ReceiverKeys.generate(name) for name in ("credit", "provincial")}
_numbers = itertools.count()

DATA: Mapping[str, Mapping[str, object]] = {
    "listing.entered": {
        "list": "安全生产严重失信主体名单",
        "counterpartyName": "安泽市某某化工有限公司",
        "counterpartyCode": PARTY,
        "decidedBy": "安泽市应急管理局",
        "reason": "瞒报事故",
        "listedOn": "2026-06-01",
    },
    "listing.removed": {"removedOn": "2026-11-01"},
    "repair.granted": {"listingNo": "L-1", "grantedOn": "2026-10-01"},
    "repair.revoked": {"revokedOn": "2026-10-09", "reason": "材料虚假"},
    "objection.raised": {
        "listingNo": "L-1",
        "raisedOn": "2026-07-01",
        "reason": "主体不符",
    },
    "objection.resolved": {"resolvedOn": "2026-07-09", "outcome": "REJECTED"},
    "supervision.issued": {
        "document": "NOTICE",
        "issuedOn": "2026-09-01",
        "issuedBy": "安泽市司法局",
        "content": "请说明检查频次",
    },
    "dictionary.updated": {
        "validFrom": "2026-12-01",
        "codes": [{"code": "1", "text": "法人及非法人组织"}],
    },
}
SUBJECTS = {
    "listing": "L-1",
    "repair": "R-1",
    "objection": "O-1",
    "supervision": "S-1",
    "dictionary": "party_kinds",
}


def told(what: str, version: int = 1, sender: str = "credit", **more: object) -> Told:
    """Give an event's content; *more* replaces parts of it, or adds to its data."""
    parts = {name: more.pop(name) for name in [*more] if name in Told.__struct_fields__}
    said = {
        "tenant": "anze",
        "sender": sender,
        "event_id": uuid4(),
        "type": f"cn.zhitong.inbound.{what}.v1",
        "subject": SUBJECTS[what.partition(".")[0]],
        "version": version,
        "at": AT,
        "data": {**DATA[what], **more},
    }
    return Told(**{**said, **parts})  # type: ignore[arg-type]


def wire(said: Told, signer: str = "") -> bytes:
    """Write *said* as its sender does; *signer*: as another one would."""
    return write_inbound(said, sign_inbound(said, KEYS[signer or said.sender]))


def reading(sender: str = "credit") -> InboundReading:
    """Give what reads a sender's messages, by its registered keys."""
    (one,) = (each for each in CONFIG.inbound if each.name == sender)
    return InboundReading(sender=one, keys=KEYS[sender].public, words=WORDS)


def came(value: bytes, sender: str = "credit", offset: int | None = None) -> Arrived:
    """Read *value* as it lies on a topic, each at a place of its own."""
    at = next(_numbers) if offset is None else offset
    return reading(sender).read(Message("test", 0, at, value, ""))


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The platform's database, and what is asked of it."""

    url: str
    book: PlatformInbound

    async def take(self, *said: Told | bytes, sender: str = "credit") -> list[Judged]:
        """Take messages in one batch; give their verdicts, and of what waited."""
        values = [each if isinstance(each, bytes) else wire(each) for each in said]
        found = await self.book.take([came(value, sender) for value in values])
        return list(found)

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Ask the database."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def states(self) -> Mapping[str, str]:
        """Give what stands: ``{"LISTING L-1": "ENTERED 1"}``."""
        found = await self.rows(
            "select kind || ' ' || subject as what, status || ' ' || version as how"
            " from inbound_state order by 1"
        )
        return {row["what"]: row["how"] for row in found}

    async def decision(self, name: UUID, party: str | None = PARTY) -> None:
        """Put a decision into the ledger, as far as it is looked at here."""
        await self.rows(
            """insert into decision (decision_id, local_id, act_type, subject_code,
            case_key, case_hash, document_no, document_key, decided_on, party_key,
            party_kind, party_name, party_code, officers, penalty_kinds, version,
            change, reason, content_hash, recorded_by, recorded_at, changed_at)
            values ($1, $1, 'PENALTY', '11619900MB0004001B', $1, 1, $1, $1,
            date '2026-05-01', $1, 'LEGAL_PERSON', '安泽市某某化工有限公司', $2, '{}',
            '{}', 1, 'RECORDED', '', '', '', now(), now())""",
            str(name),
            party,
        )


@asynccontextmanager
async def platform(url: str) -> AsyncIterator[Platform]:
    """Make the platform's tables in the empty database at *url*."""
    await migrate(url, MIGRATIONS, "anze")
    book = PlatformInbound(url)
    try:
        yield Platform(url=url, book=book)
    finally:
        await book.close()


async def put(access: Access, topic: str, values: Sequence[tuple[bytes, int]]) -> None:
    """Put values on *topic*, each in its bucket, in their order."""
    sender = KafkaSender(lambda: access, 30.0)
    events = [
        Outgoing(
            seq=seq,
            bucket=bucket,
            event_id=uuid4(),
            receiver="",
            topic=topic,
            key=f"{bucket:016x}",
            payload=value,
            created_at=AT,
        )
        for seq, (value, bucket) in enumerate(values)
    ]
    try:
        for answer in await asyncio.to_thread(sender.send_batch, events):
            assert hasattr(answer, "offset"), answer
    finally:
        sender.close()


@dataclass(kw_only=True)
class Line:
    """A sender's topics on a real broker, and who takes what lies there."""

    platform: Platform
    broker: Access
    sender: Elsewhere
    folder: Path
    keys: dict[str, str] = field(default_factory=dict)

    async def send(self, *values: bytes) -> None:
        """Put *values* on the topic, in their order."""
        await put(self.broker, self.sender.topic, [(value, 0) for value in values])

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Take and answer beside the block."""
        book = PlatformInbound(self.platform.url)
        read = replace(reading(), sender=self.sender)
        consumer = InboundConsumer(book, self.sender, lambda: read)
        sender = KafkaSender(lambda: self.broker, 10.0)
        senders = {self.sender.name: self.sender}
        answers = InboundAnswers(book, senders, sender, self._signer)
        tasks = [
            asyncio.create_task(consumer.run(lambda: self.broker)),
            asyncio.create_task(answers.run()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await book.close()

    async def _signer(self) -> Signing:
        signer = await self.platform.book.signer(self.folder)
        self.keys[signer.key_id] = pem(PUBLIC, signer.spki)
        return lambda said: compact(signer, JWS, said).decode("ascii")

    async def answered(self, count: int) -> None:
        """Wait until so many verdicts are given, and their receipts sent."""

        async def there() -> bool:
            (row,) = await self.platform.rows(
                "select (select count(*) from inbound_verdict) as given,"
                " (select count(*) from inbound_receipt) as due"
            )
            return bool(row["given"] >= count and row["due"] == 0)

        await until(there)

    def receipts(self) -> Sequence[Receipted]:
        """Give the receipts on their topic, verified."""
        found = read(self.broker, self.sender.receipts, 1)
        return [read_inbound_receipt(value, self.keys) for _, _, _, value, _ in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere(InboundSender):
    """A sender whose topics are of this test alone."""

    own: str

    @classmethod
    def of(cls, one: InboundSender, own: str) -> Elsewhere:
        """Give *one* under other topics."""
        known = {each.name: getattr(one, each.name) for each in fields(one)}
        return cls(own=own, **known)

    @property
    def topic(self) -> str:
        return f"test.inbound.{self.own}"

    @property
    def receipts(self) -> str:
        return f"test.inbound.receipts.{self.own}"

    @property
    def group(self) -> str:
        return f"group.inbound.{self.own}"


@asynccontextmanager
async def line(at: Platform, broker: Access, folder: Path) -> AsyncIterator[Line]:
    """Make the topics of the credit system under names of their own."""
    sender = Elsewhere.of(reading().sender, f"{os.getpid()}.{uuid4().hex[:8]}")
    await asyncio.to_thread(ensure_topics, broker, sender.topics)
    yield Line(platform=at, broker=broker, sender=sender, folder=folder)


def payload(value: bytes) -> dict[str, object]:
    """Read an event as JSON, to be changed and written again."""
    found = json.loads(value)
    assert isinstance(found, dict)
    return found
