"""The reconciliation: each fault on an event's way is named, and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest
from kafka import TopicPartition
from reconciled import PARTITIONS, RECEIVER, Sent, Way, way

from zhitong.exceptions import ZhitongError
from zhitong.rules.reconciliation import Kind
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import administering, ensure_topics, partitions

pytestmark = pytest.mark.integration


@pytest.fixture
async def on(broker: Access, database: str) -> Way:
    return await way(broker, database)


async def delivered(on: Way, count: int, first: int = 1) -> list[Sent]:
    """Enter, send and answer *count* decisions."""
    made = await on.record(count, first)
    await on.send()
    await on.file()
    return made


async def spoil(on: Way, table: str, what: str, event: str) -> None:
    """Do to a row what nobody may."""
    await on.sql(f"{what.format(table)} where event_id = $1", event)


def by_partition(made: list[Sent]) -> list[Sent]:
    """Give events that are alone on their partitions."""
    taken = [each.partition for each in made]
    return [each for each in made if taken.count(each.partition) == 1]


async def test_what_arrived_whole_and_what_was_doubled_by_a_crash_is_no_finding(
    on: Way,
) -> None:
    made = await delivered(on, 6)
    report = await on.reconcile()
    assert (report.records, report.open) == (6, {})
    # The relay died before it could move what was acknowledged: it is sent once more.
    first = made[0]
    await asyncio.to_thread(on.put, first.partition, first.payload)
    # Its bytes were erased by law: a notice was sent in its place.
    notice = made[1].payload.replace(b"filler", b"notice")
    hashed = hashlib.sha256(notice).digest()
    stands = "insert into notice values ($1, $2, $3, 'ERASED')"
    await on.sql(stands, made[1].event, RECEIVER, hashed)
    await asyncio.to_thread(on.put, made[1].partition, notice)
    await delivered(on, 3, first=7)
    report = await on.reconcile()
    assert (report.records, report.open) == (5, {})
    assert (await on.reconcile(whole=True)).open == {}
    rows = await on.sql("select records, doubles, logged from reconciliation")
    assert sum(row["records"] for row in rows) == 11
    assert sum(row["logged"] for row in rows) == 9


async def test_each_fault_is_named_by_the_next_run_and_nothing_else(on: Way) -> None:
    made = await delivered(on, 8)
    assert await on.found() == set()
    dropped, spoilt, forged, altered, silent, orphan, *_ = (each.event for each in made)
    await spoil(on, "outbox_sent", "delete from {}", dropped)
    await spoil(on, "outbox_sent", "update {} set payload = 'x'", spoilt)
    await spoil(on, "outbox_sent", "update {} set payload_hash = sha256('')", forged)
    await spoil(on, "receipt", "delete from {}", silent)
    await on.sql(
        "alter table decision_version drop constraint decision_version_decision_id_fkey"
    )
    version = "delete from decision_version where decision_id = $1"
    await on.sql(version, made[5].decision)
    tampered = made[3].payload.replace(b"filler", b"FILLER")
    await asyncio.to_thread(on.put, made[3].partition, tampered)
    await asyncio.to_thread(on.put, 0, b"nothing of ours")
    (place,) = [(p, o) for p, o, v in on.lying() if v == b"nothing of ours"]
    expected = {
        (Kind.SENT_LOG_MISSING, dropped),
        (Kind.SENT_LOG_ALTERED, spoilt),
        (Kind.SENT_LOG_ALTERED, forged),
        (Kind.TOPIC_ALTERED, altered),
        (Kind.RECEIPT_MISSING, silent),
        (Kind.DECISION_MISSING, orphan),
        (Kind.TOPIC_FOREIGN, f"{place[0]}@{place[1]}"),
    }
    assert await on.found() == expected
    # Neither forgotten nor told again as something new, whatever comes meanwhile; but
    # a receipt that comes after all settles it.
    await delivered(on, 2, first=20)
    expected.remove((Kind.RECEIPT_MISSING, silent))
    assert await on.found() == expected
    assert await on.found(whole=True) == expected
    (row,) = await on.sql(
        "select * from reconciliation_difference where event_id = $1", dropped
    )
    assert (row["receiver"], row["decision_id"]) == (RECEIVER, made[0].decision)
    assert row["kpartition"] == made[0].partition


async def test_an_old_row_altered_is_found_by_the_next_reading_of_everything(
    on: Way,
) -> None:
    spoilt, gone, *_ = await delivered(on, 4)
    assert await on.found() == set()
    later = "update reconciliation_run set began_at = began_at + interval '3 hours'"
    await on.sql(later)
    await spoil(on, "outbox_sent", "update {} set payload = 'x'", spoilt.event)
    assert await on.found() == set()
    # What is missing is missed at once, however old.
    await spoil(on, "outbox_sent", "delete from {}", gone.event)
    missing = (Kind.SENT_LOG_MISSING, gone.event)
    assert missing in await on.found()
    altered = (Kind.SENT_LOG_ALTERED, spoilt.event)
    assert await on.found(whole=True) == {missing, altered}


async def test_what_was_taken_out_of_the_outbox_is_lost_and_known_when_it_is_back(
    on: Way,
) -> None:
    await delivered(on, 2)
    gone, kept = await on.record(2, first=3)
    rows = await on.sql("select * from outbox where event_id = $1", gone.event)
    await spoil(on, "outbox", "delete from {}", gone.event)
    assert await on.found() == {(Kind.LOST, gone.event)}
    (row,) = await on.sql("select * from reconciliation_difference")
    assert (row["decision_id"], row["version"]) == (gone.decision, gone.version)
    await on.send()
    await on.file()
    assert await on.found() == {(Kind.LOST, gone.event)}
    # Whoever has its bytes puts it back.
    await on.sql(
        "insert into outbox (bucket, event_id, receiver, decision_id, version, change,"
        " topic, key, schema, payload, traceparent) select $1, $2, $3, $4, $5, $6, $7,"
        " $8, $9, $10, ''",
        *(
            rows[0][name]
            for name in (
                *("bucket", "event_id", "receiver", "decision_id", "version"),
                *("change", "topic", "key", "schema", "payload"),
            )
        ),
    )
    assert await on.found() == set()
    assert kept.event != gone.event


async def test_an_event_gone_from_ledger_register_and_outbox_is_named_by_its_leaf(
    on: Way,
) -> None:
    (gone,) = await on.record(1)
    # As the sealer does.
    await on.sql(
        "with taken as (delete from unsealed returning kind, id, leaf)"
        " insert into sealed_leaf select row_number() over (order by kind, id) - 1,"
        " kind, id, leaf from taken"
    )
    await spoil(on, "outbox", "delete from {}", gone.event)
    await on.sql("delete from access_entry")
    await on.sql("delete from audit_leaf")
    await on.sql("delete from decision_version")
    assert await on.found(whole=True) == {(Kind.LOST, gone.event)}


async def test_while_relays_come_and_go_under_load_there_is_no_finding(
    on: Way,
) -> None:
    entering = asyncio.create_task(on.record(60))
    found: set[Kind] = set()
    while not entering.done():
        async with on.relaying(), on.relaying():
            for _ in range(3):
                report = await on.reconcile(within=timedelta(hours=1))
                found |= {each.kind for each in report.open}
    await on.send()
    report = await on.reconcile(whole=True, within=timedelta(hours=1))
    assert (found, set(report.open)) == (set(), set())
    (row,) = await on.sql("select count(*) as sent from outbox_sent")
    assert row["sent"] == 60
    # A minute on what was under way is settled; all of it is stated by then.
    assert report.records >= 60


async def test_records_deleted_from_the_topic_are_named_until_they_lie_there_again(
    on: Way,
) -> None:
    made = await delivered(on, 8)
    assert await on.found() == set()
    gone = by_partition(made)[0]

    def delete() -> None:
        with administering(on.broker) as admin:
            admin.delete_records({TopicPartition(on.topic, gone.partition): 1})

    await asyncio.to_thread(delete)
    assert await on.found() == {(Kind.TOPIC_MISSING, gone.event)}
    assert await on.found(whole=True) == {(Kind.TOPIC_MISSING, gone.event)}
    await asyncio.to_thread(on.put, gone.partition, gone.payload)
    assert await on.found() == set()


async def test_what_the_retention_removed_is_no_finding(on: Way) -> None:
    made = await delivered(on, 4)
    await on.sql(
        "update outbox_sent set sent_at = date_trunc('month', now()),"
        " created_at = now() - interval '1 year'"
    )
    old = "create table outbox_sent_old partition of outbox_sent for values from"
    await on.sql(f"{old} ('2020-01-01') to ('2021-01-01')")
    await on.sql("update outbox_sent set sent_at = '2020-06-01'")

    def delete() -> None:
        with administering(on.broker) as admin:
            ends = {TopicPartition(on.topic, each.partition): -1 for each in made}
            admin.delete_records(ends)

    await asyncio.to_thread(delete)
    assert await on.found() == set()
    assert await on.found(whole=True) == set()


async def test_a_topic_made_again_without_its_records_is_noticed(on: Way) -> None:
    made = await delivered(on, 4)
    assert await on.found() == set()

    def again() -> None:
        with administering(on.broker) as admin:
            admin.delete_topics([on.topic])

    await asyncio.to_thread(again)
    await remade(on)
    # Who broke off a minute ago is not told apart from who sends just now.
    await on.sql("update outbox_sent set sent_at = sent_at - interval '2 minutes'")
    expected = {(Kind.TOPIC_MISSING, each.event) for each in made}
    assert await on.found() == expected
    await delivered(on, 2, first=10)
    assert await on.found() == expected
    assert await on.found(whole=True) == expected


async def remade(on: Way) -> None:
    """Make the topic again, as soon as the old one is gone."""
    for _ in range(100):
        try:
            await asyncio.to_thread(partitions, on.broker, on.topic)
        except ZhitongError:
            break
        await asyncio.sleep(0.05)
    await asyncio.to_thread(ensure_topics, on.broker, {on.topic: PARTITIONS})
