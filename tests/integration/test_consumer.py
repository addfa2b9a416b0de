"""A receiver's consumer on a real topic and a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from receiving import (
    TRACE,
    Site,
    decision,
    entry,
    noise,
    of_person,
    site,
    until,
    without_amount,
)
from topic_reader import read

from zhitong.decisions import Answer, Change
from zhitong.exceptions import TopicMissingError
from zhitong.streams.examples import whole
from zhitong.streams.kafka_client import Access
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.schemas import tables

HELD, REJECTED, WAITING = Answer.HELD, Answer.REJECTED, Answer.WAITING


@pytest.fixture
async def credit(broker: Access, database: str) -> AsyncIterator[Site]:
    async with site("credit", broker, database) as made:
        yield made


@pytest.fixture
async def provincial(broker: Access, database: str) -> AsyncIterator[Site]:
    async with site("provincial", broker, database) as made:
        yield made


async def test_a_penalty_is_held_in_the_standards_columns_and_answered_signed(
    credit: Site,
) -> None:
    event = credit.outgoing(entry(decision()))
    await credit.send(event)
    async with credit.consuming():
        await credit.answered(1)
    (row,) = await credit.rows(
        "select cf_xdr_mc, cf_xdr_shxym, cf_wsh, cf_cflb, cf_nr_fk, cf_jdrq::text,"
        " cf_cfjgdm, cf_zt, version, state from cf_fr"
    )
    assert tuple(row) == (
        "安泽市某某化工有限公司",
        "91110000600037341L",
        "（安）应急罚〔2026〕A-1号",
        "罚款",
        Decimal("2.000000"),
        "2026-11-20",
        "11619900MB0004001B",
        "0",
        1,
        "RECORDED",
    )
    (receipt,) = credit.answers()
    assert (receipt.event_id, receipt.receiver, receipt.answer, receipt.reasons) == (
        event.event_id,
        "credit",
        HELD,
        (),
    )
    ((partition, _, key, _, headers),) = read(credit.broker, credit.receipts)
    assert key.decode() == event.key
    assert partition == event.bucket % 12
    # Nothing is traced here, so the event's own trace goes on.
    assert dict(headers)["traceparent"] == TRACE.encode()


async def test_an_id_number_is_opened_and_kept_in_the_restricted_column(
    credit: Site,
) -> None:
    event = credit.outgoing(entry(of_person()))
    assert b"11010519491231002X" not in event.payload
    await credit.send(event)
    async with credit.consuming():
        await credit.answered(1)
    (row,) = await credit.rows("select cf_xdr_mc, cf_xdr_zjhm from cf_zrr")
    assert tuple(row) == ("李四", "11010519491231002X")
    (said,) = await credit.rows(
        "select col_description('cf_zrr'::regclass, attnum) as said from pg_attribute"
        " where attrelid = 'cf_zrr'::regclass and attname = 'cf_xdr_zjhm'"
    )
    assert said["said"].startswith("受限 restricted")


async def test_what_is_sealed_for_somebody_else_is_rejected(credit: Site) -> None:
    await credit.send(credit.outgoing(entry(of_person())))
    stranger = replace(credit, keys=ReceiverKeys.generate("credit"))
    async with stranger.consuming():
        await stranger.answered(1)
    (row,) = await credit.rows("select answer, reasons from inbox")
    assert row["answer"] == "REJECTED"
    (reason,) = row["reasons"]
    assert reason.startswith("CF_XDR_ZJHM：")
    assert await credit.rows("select * from cf_zrr") == []


async def test_duplicates_are_taken_once_and_each_is_answered(credit: Site) -> None:
    event = credit.outgoing(entry(decision()))
    async with credit.consuming():
        await credit.send(event)
        await credit.answered(1)
        before = await credit.rows("select * from cf_fr")
        await credit.send(event, event)
        later = credit.outgoing(entry(decision("A-2")))
        await credit.send(later)
        await credit.answered(2)

        async def twice() -> bool:
            said = Counter(receipt.event_id for receipt in credit.answers())
            return said[event.event_id] >= 2

        await until(twice)
    assert len(await credit.rows("select * from inbox")) == 2
    assert before == await credit.rows(
        "select * from cf_fr where cf_wsh = '（安）应急罚〔2026〕A-1号'"
    )


async def test_a_gap_waits_and_is_taken_when_the_missing_version_comes(
    credit: Site,
) -> None:
    said = decision()
    first, second, third = (
        credit.outgoing(entry(said)),
        credit.outgoing(entry(decision(content="罚款1万元"), 2, Change.CORRECTED)),
        credit.outgoing(entry(decision(content="罚款3万元"), 3, Change.CORRECTED)),
    )
    async with credit.consuming():
        await credit.send(first, third)
        await credit.answered(2)
        (row,) = await credit.rows("select version from cf_fr")
        assert row["version"] == 1
        await credit.send(second)
        await credit.answered(3)
    (row,) = await credit.rows("select version, cf_nr from cf_fr")
    assert tuple(row) == (3, "罚款3万元")
    answers = [(r.event_id, r.answer) for r in credit.answers()]
    assert answers == [
        (first.event_id, HELD),
        (third.event_id, WAITING),
        (second.event_id, HELD),
        (third.event_id, HELD),
    ]
    waited = credit.answers()[1]
    assert waited.reasons == ("等待第 2 版 waits for version 2",)


async def test_what_breaks_the_published_rules_is_rejected_with_its_reasons(
    credit: Site,
) -> None:
    async with credit.consuming():
        await credit.send(credit.outgoing(entry(without_amount())))
        await credit.answered(1)
        assert await credit.rows("select * from cf_fr") == []
        await credit.send(credit.outgoing(entry(decision(), 2, Change.CORRECTED)))
        await credit.answered(2)
    rejected, held = credit.answers()
    assert rejected.answer is REJECTED
    assert rejected.reasons == (
        (
            "缺少 CF_NR_FK 罚款金额：处以罚款的须填罚款金额 / "
            "CF_NR_FK is missing: with a fine its amount is due"
        ),
    )
    assert held.answer is HELD
    (row,) = await credit.rows("select version, cf_nr_fk from cf_fr")
    assert tuple(row) == (2, Decimal("2.000000"))


@pytest.mark.parametrize(
    ("name", "statement", "expected"),
    [
        pytest.param(
            "credit",
            "select cf_zt, bz, state, version from cf_fr",
            ("1", "撤销（第2版）；原因：事实不清", "WITHDRAWN", 2),
            id="credit",
        ),
        pytest.param(
            "provincial",
            "select status, change_reason, state, version from penalty",
            ("1", "撤销（第2版）；原因：事实不清", "WITHDRAWN", 2),
            id="provincial",
        ),
    ],
)
async def test_a_withdrawal_marks_the_row_of_each_form(
    broker: Access,
    database: str,
    name: str,
    statement: str,
    expected: tuple[object, ...],
) -> None:
    async with site(name, broker, database) as receiver:
        await receiver.send(
            receiver.outgoing(entry(decision())),
            receiver.outgoing(entry(decision(), 2, Change.WITHDRAWN)),
        )
        async with receiver.consuming():
            await receiver.answered(2)
        (row,) = await receiver.rows(statement)
    assert tuple(row) == expected


async def test_a_withdrawal_of_what_it_had_before_the_platform_is_taken(
    provincial: Site,
) -> None:
    said = entry(decision(), 2, Change.WITHDRAWN)
    await provincial.send(provincial.outgoing(said, follows_history=True))
    async with provincial.consuming():
        await provincial.answered(1)
    (row,) = await provincial.rows("select status, version from penalty")
    assert tuple(row) == ("1", 2)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param(b"\xff\x00\x01", "JSON", id="bytes"),
        pytest.param(b"", "JSON", id="a tombstone"),
        pytest.param(b'{"specversion":"1.0"}', "", id="no event of ours"),
    ],
)
async def test_bytes_that_are_no_event_are_set_aside_and_block_nobody(
    credit: Site, caplog: pytest.LogCaptureFixture, value: bytes, why: str
) -> None:
    event = credit.outgoing(entry(decision()))
    bad = noise(credit, value, event.bucket)
    await credit.send(bad, event)
    async with credit.consuming():
        await credit.answered(1)
    (row,) = await credit.rows(
        "select topic, partition, koffset, value, why from undecodable"
    )
    assert (row["topic"], row["partition"], row["koffset"], row["value"]) == (
        credit.topic,
        event.bucket % 12,
        0,
        value,
    )
    assert why in row["why"]
    assert len(await credit.rows("select * from cf_fr")) == 1
    # kafka-python has warnings of its own.
    (said,) = [
        each.getMessage() for each in caplog.records if each.name == "zhitong.consumer"
    ]
    assert said.startswith("无法识别，另存待查 set aside")


async def test_an_event_for_another_receiver_is_set_aside(
    credit: Site, caplog: pytest.LogCaptureFixture
) -> None:
    (other,) = credit.envelopes.events(
        [whole(entry(decision()), "provincial")], follows_history=False
    )
    await credit.send(noise(credit, other.payload))

    async def aside() -> bool:
        return bool(await credit.rows("select * from undecodable"))

    async with credit.consuming():
        await until(aside)
    (row,) = await credit.rows("select why from undecodable")
    assert row["why"] == "this event is for another receiver"
    assert await credit.rows("select * from inbox") == []
    assert "化工" not in caplog.text


async def test_two_consumers_of_a_group_share_the_work_and_take_each_event_once(
    credit: Site,
) -> None:
    said = [decision(f"B-{number}") for number in range(60)]
    events = [credit.outgoing(entry(each)) for each in said]
    async with credit.consuming():
        await credit.send(*events[:20])
        await credit.answered(20)
        async with credit.consuming():
            await credit.send(*events[20:40])
            await credit.answered(40)
        await credit.send(*events[40:])
        await credit.answered(60)
    found = await credit.rows("select cf_wsh from cf_fr")
    assert {row["cf_wsh"] for row in found} == {each.document_no for each in said}
    assert {r.event_id for r in credit.answers()} == {e.event_id for e in events}


async def test_a_missing_topic_is_waited_for_and_said_once(
    credit: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async def said() -> bool:
        return TopicMissingError.code in caplog.text

    consumer = credit.consumer()
    task = asyncio.create_task(
        consumer.run(lambda: credit.broker, "test.nowhere", credit.group)
    )
    await until(said)
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    assert caplog.text.count(TopicMissingError.code) == 1


async def test_the_tables_have_exactly_the_columns_of_the_schemas(
    credit: Site,
) -> None:
    await _same_columns(credit, "credit")


async def test_the_provincial_tables_have_exactly_the_columns_of_the_schemas(
    provincial: Site,
) -> None:
    await _same_columns(provincial, "provincial")


async def _same_columns(receiver: Site, kind: str) -> None:
    ours = {"decision_id", "version", "state", "event_id"}
    expected = {
        name: {column.lower() for column in table.columns}
        for name, table in tables().items()
        if table.format == kind
    }
    assert receiver.inbox.places == set(expected)
    for name, columns in expected.items():
        found = await receiver.rows(
            "select attname from pg_attribute"
            " where attrelid = $1::text::regclass and attnum > 0",
            name,
        )
        assert {row["attname"] for row in found} == columns | ours, name
