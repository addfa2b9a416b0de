"""A receiver whose broker or database is away for a while: nothing is missing after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from receiving import Site, decision, entry, site, until
from topic_reader import read

from zhitong.decisions import Answer
from zhitong.infra.broker import Broker
from zhitong.infra.embedded import Cluster
from zhitong.streams.group_reader import Message
from zhitong.streams.kafka_client import Access


async def whole(receiver: Site, count: int) -> None:
    """Compare inbox, effects and receipts of *count* events, all of them held."""
    await receiver.answered(count)
    (row,) = await receiver.rows("select count(*) from cf_fr")
    assert row["count"] == count
    answers = {(r.event_id, r.answer) for r in receiver.answers()}
    assert len(answers) == count
    assert {answer for _, answer in answers} == {Answer.HELD}


def messages(receiver: Site) -> list[Message]:
    """Give what is on the topic, as the consumer's reader would."""
    return [
        Message(receiver.topic, partition, offset, value, "")
        for partition, offset, _, value, _ in read(receiver.broker, receiver.topic)
    ]


async def test_a_broker_that_is_killed_and_comes_back_costs_nothing(
    kafka_factory: Callable[[str], Broker], database: str
) -> None:
    server = kafka_factory("suffering")
    async with site("credit", server.start(), database) as credit:
        events = [credit.outgoing(entry(decision(f"O-{n}"))) for n in range(30)]
        async with credit.consuming():
            await credit.send(*events[:10])
            await credit.answered(10)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(2)
            assert await asyncio.to_thread(server.start) == credit.broker
            await credit.send(*events[10:])
            await whole(credit, 30)


async def test_receipts_due_while_the_broker_is_away_are_sent_when_it_is_back(
    kafka_factory: Callable[[str], Broker],
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = kafka_factory("suffering")
    async with site("credit", server.start(), database) as credit:
        consumer = credit.consumer()
        arrivals = [credit.outgoing(entry(decision(f"R-{n}"))) for n in range(3)]
        await credit.send(*arrivals)
        async with credit.consuming():
            await credit.answered(3)
        # Sent once more they have their receipts due again, while nobody takes those.
        await consumer.take(
            [each._replace(offset=each.offset + 100) for each in messages(credit)]
        )
        await asyncio.to_thread(server.kill)
        await consumer.answer()
        assert caplog.text.count("receipts wait") == 1
        (due,) = await credit.rows("select count(*) from receipt_due")
        assert due["count"] == 3
        await asyncio.to_thread(server.start)

        async def sent() -> bool:
            await consumer.answer()
            return not await credit.rows("select * from receipt_due")

        await until(sent)
        assert caplog.text.count("receipts wait") == 1
        assert len(credit.answers()) == 6


async def test_a_database_that_is_away_holds_events_up_and_loses_none(
    cluster_factory: Callable[..., Cluster],
    broker: Access,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = cluster_factory("outage")
    url = cluster.start()["outage"]
    async with site("credit", broker, url) as credit:
        events = [credit.outgoing(entry(decision(f"D-{n}"))) for n in range(30)]
        async with credit.consuming():
            await credit.send(*events[:10])
            await credit.answered(10)
            await asyncio.to_thread(cluster.kill, "outage")
            await credit.send(*events[10:])

            async def said() -> bool:
                return "INBOX_UNAVAILABLE" in caplog.text

            await until(said)
            assert await asyncio.to_thread(cluster.restart, "outage") == url
            await whole(credit, 30)
        assert caplog.text.count("INBOX_UNAVAILABLE") == 1
