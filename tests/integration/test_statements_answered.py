"""What is stated to a receiver, and what it answers: an inbox is reconciled too."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from entries import entry as ledger_entry
from entries import prepare
from receiving import Site, entry, site, until
from reconciled import RECEIVER, Way, named

from zhitong.connectors.inbox_stated import InboxStated
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.reconciliation import Reconciliations
from zhitong.decisions import Decision
from zhitong.infra.platform_keys import platform_keys
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.infra.stating import AnswerDesk, state
from zhitong.rules.reconciliation import Kind
from zhitong.streams.answering import Answering
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.receipts import ReceiptDesk, ReceiptReader
from zhitong.streams.receivers import Receivers
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration

UNFILED = """select from outbox_sent s
where not exists (select from receipt r where r.event_id = s.event_id)"""


@dataclass(frozen=True, kw_only=True)
class Both:
    """The platform's side and the receiver's."""

    on: Way
    at: Site
    config: Receivers
    keys: Path

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the receiver's consumer and answers, and the platform's desk."""
        book, desk = PlatformReceiptBook(self.on.url), AnswerDesk(self.on.url)
        known = {RECEIVER: self.at.keys.public}
        reader = ReceiptReader(
            ReceiptDesk(book, lambda: known, desk.file),
            lambda: self.on.broker,
            self.config.receipts,
            f"desk.{self.config.tenant}",
        )
        answering = Answering(
            InboxStated(self.at.inbox.pool, patience=3.0),
            self.at.keys,
            KafkaSender(lambda: self.on.broker, 10.0),
            tenant=self.config.tenant,
            topic=self.config.receipts,
            platform=lambda: platform_keys(Settings(state=self.keys)),
        )
        stated = self.config.recon(RECEIVER)
        tasks = [
            asyncio.create_task(reader.run()),
            asyncio.create_task(
                answering.run(lambda: self.on.broker, stated, f"g.{stated}")
            ),
        ]
        try:
            async with self.at.consuming():
                yield
        finally:
            for each in tasks:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each
            await book.close()
            await desk.close()

    async def reconcile(self, *, whole: bool = False) -> int:
        """Reconcile and state; say how many windows were stated."""
        await self.on.reconcile(whole=whole)
        book = Reconciliations(self.on.url)
        sender = KafkaSender(lambda: self.on.broker, 10.0)
        since = datetime.now(UTC) - timedelta(days=1)
        try:
            keys = Settings(state=self.keys).evidence
            return await state(book, sender, self.config, keys, since, whole=whole)
        finally:
            sender.close()
            await book.close()

    async def filed(self, count: int) -> None:
        """Wait until *count* events are taken and the platform has every receipt.

        A receipt that is under way is named as missing, until it is reconciled next.
        """
        await self.at.answered(count)

        async def there() -> bool:
            return not await self.on.sql(UNFILED)

        await until(there)

    async def answers(self) -> set[str]:
        """Give what stands answered, or not."""
        rows = await self.on.sql("select answer from reconciliation")
        return {row["answer"] for row in rows}

    async def agreed(self) -> None:
        """Wait until the receiver agrees with all that was stated."""

        async def there() -> bool:
            return await self.answers() == {"AGREES"}

        await until(there)

    async def open(self) -> set[tuple[Kind, str]]:
        """Give what stands open of what the receiver says."""
        book = Reconciliations(self.on.url)
        try:
            return {(each.kind, named(each)) for each in await book.open()}
        finally:
            await book.close()


@asynccontextmanager
async def both(
    broker: Access, database: str, receivers: str, keys: Path
) -> AsyncIterator[Both]:
    """Make a platform and a receiver, on topics of a tenant of their own."""
    config = read_receivers(tenant=f"t{uuid.uuid4().hex[:12]}")
    await asyncio.to_thread(ensure_topics, broker, config.topics)
    topic = config.kafka[RECEIVER].topic
    await prepare(database)
    async with site(RECEIVER, broker, receivers) as made:
        at = replace(made, topic=topic, receipts=config.receipts)

        def write(said: Decision) -> bytes:
            return at.outgoing(entry(said, at=ledger_entry(said).at)).payload

        on = Way(url=database, broker=broker, topic=topic, write=write)
        yield Both(on=on, at=at, config=config, keys=keys)


@pytest.fixture
async def pair(
    broker: Access, database: str, postgres: str, tmp_path: Path
) -> AsyncIterator[Both]:
    name = f"at_{uuid.uuid4().hex[:8]}"
    administrator = await asyncpg.connect(postgres)
    await administrator.execute(f"create database {name}")
    url = f"{postgres.rpartition('/')[0]}/{name}"
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(both(broker, database, url, tmp_path))
    await administrator.execute(f"drop database {name} with (force)")
    await administrator.close()


async def test_a_receiver_agrees_until_its_inbox_lacks_an_event_which_is_named(
    pair: Both,
) -> None:
    made = await pair.on.record(6)
    await pair.on.send()
    async with pair.running():
        await pair.filed(6)
        assert await pair.reconcile() == len({each.partition for each in made})
        await pair.agreed()
        assert await pair.open() == set()

        gone = made[2].event
        await pair.at.inbox.pool.execute("delete from inbox where event_id = $1", gone)
        # The next statement, of whatever place, has it look at the earlier ones.
        await pair.on.record(1, first=7)
        await pair.on.send()
        await pair.filed(6)
        assert await pair.reconcile() == 1

        async def told() -> bool:
            return await pair.open() == {(Kind.INBOX_MISSING, gone)}

        await until(told)
        (row,) = await pair.on.sql(
            "select * from reconciliation_difference where resolved_at is null"
        )
        assert row["decision_id"] == made[2].decision
        # Sent once more it is taken: what is stated again is agreed with.
        await asyncio.to_thread(pair.on.put, made[2].partition, made[2].payload)
        await pair.filed(7)
        await pair.reconcile()
        await pair.agreed()
        assert await pair.open() == set()


async def test_who_does_not_answer_in_time_is_named_and_answers_after_all(
    pair: Both,
) -> None:
    await pair.on.record(2)
    await pair.on.send()
    await pair.on.file()
    await pair.reconcile()
    report = await pair.on.reconcile()
    assert {(each.kind, each.receiver) for each in report.open} == {
        (Kind.ANSWER_MISSING, RECEIVER)
    }
    async with pair.running():
        await pair.agreed()
    assert (await pair.on.reconcile()).open == {}
