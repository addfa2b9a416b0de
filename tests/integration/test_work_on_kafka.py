"""A rejection, from the receiver's own consumer to what mends it, on a real broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import msgspec
import pytest
from entries import ledger_over, prepare
from happenings import annotating, due, happen
from ledger_rows import run
from receiving import Site, decision, entry, site, until, without_amount
from reconciled import Way

from zhitong.connectors.annotations import Told
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.decisions import Change, Entry, Event, Happened
from zhitong.streams.kafka_client import Access
from zhitong.streams.receipts import ReceiptDesk, ReceiptReader
from zhitong.types import Inquiry

pytestmark = pytest.mark.integration

ANSWERS = """select p.answer from receipt p join outbox_sent s using (event_id)
    where s.change = 'ANNOTATED'"""
WORK = "select kind, fields, closed_by from work_item order by opened_at"


@pytest.fixture
async def receiver(broker: Access, postgres: str) -> AsyncIterator[Site]:
    name = f"at_{uuid.uuid4().hex[:8]}"
    administrator = await asyncpg.connect(postgres)
    await administrator.execute(f"create database {name}")
    try:
        url = f"{postgres.rpartition('/')[0]}/{name}"
        async with site("credit", broker, url) as made:
            yield made
    finally:
        await administrator.execute(f"drop database {name} with (force)")
        await administrator.close()


@asynccontextmanager
async def filing(url: str, at: Site) -> AsyncIterator[None]:
    """Run the platform's desk beside the block."""
    book = PlatformReceiptBook(url)
    desk = ReceiptDesk(book, lambda: {at.name: at.keys.public})
    reader = ReceiptReader(desk, lambda: at.broker, at.receipts, f"desk.{at.group}")
    task = asyncio.create_task(reader.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await book.close()


async def send(url: str, at: Site, said: Entry) -> None:
    """Enter a version with the event of *at*, and have it leave."""
    written = at.outgoing(said)
    event = Event(
        event_id=written.event_id,
        receiver=at.name,
        topic=at.topic,
        schema="credit/1",
        payload=written.payload,
    )
    async with ledger_over(url, size=2) as (ledger, _):
        await ledger.commit(msgspec.structs.replace(said, events=(event,)))
    await Way(url=url, broker=at.broker, topic=at.topic).send()


async def test_what_a_consumer_rejects_is_work_until_it_holds_the_correction(
    receiver: Site, database: str
) -> None:
    await prepare(database)
    async with filing(database, receiver), receiver.consuming():
        await send(database, receiver, entry(without_amount()))

        async def rejected() -> bool:
            return len(await run(database, WORK)) == 1

        await until(rejected)
        (item,) = await run(database, WORK)
        assert (item["kind"], item["closed_by"]) == ("REJECTED", None)
        assert "CF_NR_FK" in item["fields"]

        await send(database, receiver, entry(decision(), 2, Change.CORRECTED))

        async def mended() -> bool:
            (row,) = await run(database, WORK)
            return bool(row["closed_by"] == "VERSION")

        await until(mended)


async def test_what_happened_is_kept_by_a_consumer_beside_the_decision_and_answered(
    receiver: Site, database: str
) -> None:
    await prepare(database)
    said = entry(decision())

    async def by_topic(happened: Happened) -> list[tuple[Event, Inquiry]]:
        told = await annotating().of(happened)
        return [
            (msgspec.structs.replace(event, topic=receiver.topic), look)
            for event, look in told
        ]

    async with filing(database, receiver), receiver.consuming():
        await send(database, receiver, said)
        await happen(database, "REPAIRED", said.decision.id)
        async with ledger_over(database, size=2) as (_, pool):
            assert await due(pool).tell(by_topic) == Told(events=1, by_hand=0)
        await Way(url=database, broker=receiver.broker, topic=receiver.topic).send()

        async def answered() -> bool:
            rows = await run(database, ANSWERS)
            return [row["answer"] for row in rows] == ["HELD"]

        await until(answered)
    (row,) = await receiver.rows("select * from annotation")
    assert (row["decision_id"], row["happened"], row["expected"]) == (
        str(said.decision.id),
        "REPAIRED",
        "NOTE",
    )
    (shown,) = await receiver.rows("select shown($1) as shown", row["decision_id"])
    whole = msgspec.json.decode(shown["shown"])
    assert whole["row"]["version"] == 1
    assert [one["event_id"] for one in whole["annotations"]] == [row["event_id"]]
    assert await run(database, WORK) == []
