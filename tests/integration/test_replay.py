"""What was sent is sent again: the same ids and bytes, on record, and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
import pytest
from entries import SEALING
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata
from ledger_rows import run
from receiver_files import changed
from receiving import Site, decision, entry, of_person, site, until, without_amount
from replaying import Platform, another, of_tenant, platform
from topic_reader import Kept

from zhitong.connectors.erasure import Erasure, Order
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.replays import Selection
from zhitong.decisions import Change, Decision
from zhitong.exceptions import ReplayError
from zhitong.streams.cloud_events import parse
from zhitong.streams.kafka_client import Access, connect

pytestmark = pytest.mark.integration

PERSON = "11010519491231002X"
ALL = "select min(sent_at) as since, max(sent_at) as before from outbox_sent"


@pytest.fixture
async def sending(
    database: str,
    postgres: str,
    broker: Access,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Platform]:
    """Give a platform, and a receiver with a database of its own."""
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    async with (
        another(postgres) as own,
        platform(database, own, broker, tmp_path) as made,
    ):
        yield made


def numbered(number: int, **changes: object) -> Decision:
    """Give a penalty of a case of its own."""
    return decision(f"R-{number}", **changes)


def same_case(number: int, of: int) -> Decision:
    """Give another penalty of the case of `numbered(of)`."""
    return decision(f"R-{number}", case_no=f"AZYJ-R-{of}")


async def everything(sending: Platform) -> Selection:
    ((since, before),) = await run(sending.url, ALL)
    return Selection(since=since, before=before + timedelta(microseconds=1))


def root(rows: Sequence[asyncpg.Record]) -> str:
    """Compute the root over ids and hashes by RFC 6962, anew."""

    def over(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        both = over(leaves[:half]) + over(leaves[half:])
        return hashlib.sha256(b"\1" + both).digest()

    said = [f"{row['event_id']} {row['payload_hash'].hex()}" for row in rows]
    return over([hashlib.sha256(b"\0" + one.encode()).digest() for one in said]).hex()


def ids(kept: Sequence[Kept]) -> list[str]:
    return [orjson.loads(value)["id"] for _, _, _, value, _ in kept]


def by_id(kept: Sequence[Kept]) -> Mapping[str, tuple[int, bytes, bytes]]:
    return {
        orjson.loads(value)["id"]: (partition, key, value)
        for partition, _, key, value, _ in kept
    }


async def test_a_window_comes_again_with_the_same_ids_bytes_and_places_on_record(
    sending: Platform,
) -> None:
    await sending.commit(*(entry(numbered(n)) for n in range(5)))
    await sending.commit(entry(of_person(local_id="P-1")))
    await sending.commit(entry(numbered(0), 2, Change.WITHDRAWN))
    rows = await sending.sent()
    before = sending.on(sending.credit.topic)
    assert len(before) == len(rows) == 7
    # It is sealed here, and was open where it was sent.
    assert [row["key_id"] is not None for row in rows].count(True) == 1

    selection = await everything(sending)
    assert await sending.replay(selection)

    again = sending.on(sending.topic)
    assert by_id(again) == by_id(before)
    assert len(again) == len(before)
    hashes = {hashlib.sha256(value).digest() for _, _, _, value, _ in again}
    assert hashes == {row["payload_hash"] for row in rows}
    begun, ended = await sending.deeds()
    for _, _, _, _, headers in again:
        said = dict(headers)
        assert said["replay"] == b"1"
        assert begun["target"] == f"credit/{said['replay-id'].decode()}"
        assert said["content-type"] == b"application/cloudevents+json"
    detail = begun["detail"]
    assert isinstance(detail, dict)
    assert detail["root"] == root(rows)
    assert (detail["events"], detail["erased"]) == (7, 0)
    assert detail["selection"].keys() == {"since", "before"}
    assert (begun["action"], begun["reason"]) == ("begin-replay", "收件箱损坏")
    end = ended["detail"]
    assert isinstance(end, dict)
    assert (end["sent"], end["root"], end["as_planned"]) == (7, root(rows), True)
    # Nothing of it is sent for the first time, or counts as such.
    assert await run(sending.url, "select from outbox") == []
    assert await run(sending.url, "select * from outbox_sent order by seq") == rows


async def test_each_way_to_select_gives_what_it_names_and_no_more(
    sending: Platform,
) -> None:
    first, second, third = numbered(1), same_case(2, of=1), numbered(3)
    await sending.commit(
        entry(first),
        entry(second),
        entry(third),
        entry(first, 2, Change.CORRECTED),
    )
    rows = await sending.sent()
    event = [str(row["event_id"]) for row in rows]
    where = rows[2]["kpartition"]
    same = [row["event_id"] for row in rows if row["kpartition"] == where]
    offsets = [row["koffset"] for row in rows if row["kpartition"] == where]
    cut = await run(sending.url, "select sent_at from outbox_sent order by sent_at")
    window = Selection(since=cut[0][0], before=cut[-1][0])
    in_window = [row["event_id"] for row in rows if row["sent_at"] < cut[-1][0]]
    asked = [
        (Selection(case="AZYJ-R-1"), [event[0], event[1], event[3]]),
        (Selection(decision=first.id), [event[0], event[3]]),
        (Selection(event=UUID(event[2])), [event[2]]),
        (Selection(partition=where, offsets=(min(offsets), max(offsets))), same),
        (window, in_window),
    ]
    seen = 0
    for selection, wanted in asked:
        if wanted:
            assert await sending.replay(selection)
            found = sending.on(sending.topic)
            name = (await sending.deeds())[-1]["target"]
            mine = [
                each
                for each in found
                if f"credit/{dict(each[4])['replay-id'].decode()}" == name
            ]
            seen += len(mine)
            assert sorted(ids(mine)) == sorted(wanted), selection
    assert seen == len(sending.on(sending.topic))
    with pytest.raises(ReplayError, match="was sent no such event"):
        await sending.replay(Selection(case="AZYJ-R-9"))


async def test_a_destroyed_inbox_is_rebuilt_to_exactly_what_it_was(
    sending: Platform, postgres: str, broker: Access
) -> None:
    moved = numbered(7)
    to_person = of_person(local_id="R-7", case_no="AZYJ-R-7")
    await sending.commit(
        *(entry(numbered(n)) for n in range(4)),
        entry(without_amount(local_id="R-5", case_no="AZYJ-R-5")),
        entry(moved),
    )
    await sending.commit(
        entry(numbered(0), 2, Change.WITHDRAWN),
        entry(numbered(1), 2, Change.CORRECTED, decision=numbered(1, title="更正")),
        entry(decision("R-5"), 2, Change.CORRECTED),
        entry(to_person, 2, Change.CORRECTED),
    )
    await sending.commit(entry(numbered(1, title="更正"), 3, Change.WITHDRAWN))
    rows = await sending.sent()
    async with sending.credit.consuming():
        await sending.credit.answered(len(rows))
    there = await state_of(sending.credit)
    answers = {row["answer"] for row in there["inbox"]}
    assert answers == {"HELD", "REJECTED"}

    assert await sending.replay(await everything(sending))
    async with another(postgres) as own, site("credit", broker, own) as made:
        fresh = of_tenant(made, sending.config, sending.credit)
        async with reading_again(fresh, sending):
            await fresh.answered(len(rows))
        assert await state_of(fresh) == there
        # Once more, to who has it already: nothing changes.
        before = await fresh.rows("select xmin::text as xmin, * from cf_fr order by 2")
        assert await sending.replay(await everything(sending), own=True)
        async with fresh.consuming():
            (row,) = await run(
                sending.url, "select sum(sent)::int as n from replay where sent > 0"
            )
            assert row["n"] == 2 * len(rows)
            await until_read(fresh, fresh.topic, 2 * len(rows))
        assert await state_of(fresh) == there
        after = await fresh.rows("select xmin::text as xmin, * from cf_fr order by 2")
        assert after == before


def reading_again(fresh: Site, sending: Platform) -> AbstractAsyncContextManager[None]:
    """Consume what is sent again."""
    return replace(fresh, topic=sending.topic).consuming()


async def until_read(receiver: Site, topic: str, count: int) -> None:
    """Wait until the receiver's group has committed *count* messages of *topic*."""

    def committed() -> int:
        admin = connect(KafkaAdminClient, receiver.broker)
        try:
            offsets = admin.list_group_offsets({receiver.group: None})  # type: ignore[no-untyped-call]
            found = offsets[receiver.group]
            return sum(
                each.offset for place, each in found.items() if place.topic == topic
            )
        finally:
            admin.close()

    async def there() -> bool:
        return await asyncio.to_thread(committed) >= count

    await until(there)


async def state_of(receiver: Site) -> Mapping[str, list[asyncpg.Record]]:
    """Give all that a receiver has, but when and from where it came."""
    return {
        "inbox": await receiver.rows(
            "select event_id, decision_id, version, change, place, payload_hash, key,"
            " answer, reasons, statement, signature from inbox order by event_id"
        ),
        "seen": await receiver.rows("select * from seen order by decision_id"),
        "waiting": await receiver.rows("select * from waiting"),
        "cf_fr": await receiver.rows("select * from cf_fr order by decision_id"),
        "cf_zrr": await receiver.rows("select * from cf_zrr order by decision_id"),
    }


async def test_what_was_erased_comes_as_a_notice_of_the_same_id_that_is_answered(
    sending: Platform, postgres: str, broker: Access
) -> None:
    about = of_person(PERSON, local_id="P-1", case_no="AZYJ-P-1")
    await sending.commit(entry(about), entry(numbered(1)))
    first = await sending.sent()
    async with Erasure(sending.url) as erasure:
        order = Order(who="me", reason="本人申请", approval="安信〔2026〕3号")
        assert await erasure.erase(SEALING.person(PERSON), order)
    # What is registered afterwards has a key of its own.
    await sending.commit(entry(about, 2, Change.CORRECTED))
    await sending.sent()

    assert await sending.replay(await everything(sending))
    again = sending.on(sending.topic)
    assert len(again) == 3
    ((_, _, key, notice, _),) = [each for each in again if b"absent.v1" in each[3]]
    said = orjson.loads(notice)
    assert said["id"] == first[0]["event_id"]
    assert (said["decisionversion"], said["subject"]) == (1, str(about.id))
    assert said["partitionkey"].encode() == key
    assert said["data"] == {
        "change": "RECORDED",
        "payload_hash": first[0]["payload_hash"].hex(),
        "why": "ERASED",
    }
    assert "李四" not in notice.decode()
    begun, _ = await sending.deeds()
    assert isinstance(begun["detail"], dict)
    assert begun["detail"]["erased"] == 1

    async with another(postgres) as own, site("credit", broker, own) as made:
        fresh = of_tenant(made, sending.config, sending.credit)
        async with reading_again(fresh, sending):
            await fresh.answered(3)
        inbox = await fresh.rows(
            "select version, answer, reasons from inbox where decision_id = $1"
            " order by version",
            str(about.id),
        )
        assert [(row["version"], row["answer"]) for row in inbox] == [
            (1, "REJECTED"),
            (2, "HELD"),
        ]
        assert inbox[0]["reasons"] == [
            "第 1 版 version 1 RECORDED：正文已依法删除 its content was erased by law"
        ]
        assert len(await fresh.rows("select from cf_zrr")) == 1
        # The platform files the answer to its notice: it is for bytes that it sent.
        book = PlatformReceiptBook(sending.url)
        try:
            await book.file(fresh.answers())
        finally:
            await book.close()
    assert await run(sending.url, "select from stray_receipt") == []
    filed = await run(sending.url, "select answer from receipt order by 1")
    assert [row["answer"] for row in filed] == ["HELD", "HELD", "REJECTED"]


async def test_one_that_is_killed_goes_on_where_it_was_and_each_case_in_order(
    sending: Platform,
) -> None:
    said = [numbered(n) for n in range(40)]
    for version, change in (
        (1, Change.RECORDED),
        (2, Change.CORRECTED),
        (3, Change.WITHDRAWN),
    ):
        await sending.commit(*(entry(each, version, change) for each in said))
    rows = await sending.sent()
    selection = await everything(sending)
    words = command(selection, "--rate", "60")
    child = await asyncio.create_subprocess_exec(
        *words, stdout=DEVNULL, stderr=DEVNULL, env=environment(sending)
    )

    async def under_way() -> bool:
        found = await run(sending.url, "select sent from replay")
        return bool(found and found[0]["sent"] >= 36)

    try:
        await until(under_way)
        # While it runs there is no second one.
        with pytest.raises(ReplayError, match="another replay of credit is under way"):
            await sending.replay(selection)
    finally:
        child.send_signal(signal.SIGKILL)
        assert await child.wait() == -signal.SIGKILL
    ((left, reached),) = await run(sending.url, "select ended_at, sent from replay")
    assert left is None
    assert reached < len(rows)

    async def gone() -> bool:
        locks = "select from pg_locks where locktype = 'advisory' and classid = 7003"
        return not await run(sending.url, locks)

    await until(gone)
    assert await sending.replay(selection)
    again = sending.on(sending.topic)
    assert len(again) < len(rows) + reached
    assert set(ids(again)) == {row["event_id"] for row in rows}
    assert by_id(again) == by_id(sending.on(sending.credit.topic))
    versions: dict[UUID, list[int]] = {}
    for _, _, _, value, _ in again:
        event = parse(value)
        known = versions.setdefault(event.decision_id, [])
        if event.version not in known:
            known.append(event.version)
    assert all(known == [1, 2, 3] for known in versions.values())
    begun, ended = await sending.deeds()
    assert begun["target"] == ended["target"]
    assert isinstance(ended["detail"], dict)
    assert (ended["detail"]["sent"], ended["detail"]["root"]) == (120, root(rows))


def command(selection: Selection, *more: str) -> list[str]:
    assert selection.since is not None
    assert selection.before is not None
    return [
        *(sys.executable, "-m", "zhitong.infra.cli", "replay", "--receiver", "credit"),
        *("--since", selection.since.isoformat()),
        *("--until", selection.before.isoformat()),
        *("--because", "收件箱损坏", *more),
    ]


def environment(sending: Platform) -> Mapping[str, str]:
    return {
        **os.environ,
        "ZHITONG_STATE": str(sending.settings.state),
        "ZHITONG_TENANT": sending.settings.tenant,
        "ZHITONG_KAFKA": sending.settings.kafka,
        "ZHITONG_KAFKA_SECURITY": sending.settings.kafka_security,
        "ZHITONG_KAFKA_CA": sending.settings.kafka_ca,
        "ZHITONG_KAFKA_USERS": sending.settings.kafka_users,
    }


async def test_beside_live_traffic_on_its_own_topic_each_version_takes_its_place(
    sending: Platform,
) -> None:
    said = [numbered(n) for n in range(30)]
    await sending.commit(*(entry(each) for each in said))
    await sending.commit(*(entry(each, 2, Change.CORRECTED) for each in said))
    await sending.sent()
    # The receiver has nothing of it: its group begins behind what was sent.
    credit = sending.credit

    def skip() -> None:
        consumer = connect(
            KafkaConsumer,
            credit.broker,
            group_id=credit.group,
            enable_auto_commit=False,
        )
        try:
            places = [TopicPartition(credit.topic, n) for n in range(12)]
            ends = consumer.end_offsets(places)
            consumer.commit(
                {place: OffsetAndMetadata(end, "", -1) for place, end in ends.items()}
            )
        finally:
            consumer.close(autocommit=False)

    await asyncio.to_thread(skip)
    selection = await everything(sending)
    async with credit.consuming(), sending.relaying():
        replaying = asyncio.create_task(sending.replay(selection, own=True, rate=120.0))
        for each in said:
            await sending.commit(entry(each, 3, Change.WITHDRAWN))
        assert await replaying
        await credit.answered(90)

        async def settled() -> bool:
            return not await credit.rows("select from waiting")

        await until(settled)
    held = await credit.rows(
        "select version, answer, count(*)::int from inbox group by 1, 2 order by 1"
    )
    assert [tuple(row) for row in held] == [(n, "HELD", 30) for n in (1, 2, 3)]
    effects = await credit.rows(
        "select state, version, count(*)::int from cf_fr group by 1, 2"
    )
    assert [tuple(row) for row in effects] == [("WITHDRAWN", 3, 30)]


async def test_what_was_changed_in_the_sent_log_is_named_and_never_sent(
    sending: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    await sending.commit(entry(numbered(1)), entry(numbered(2)))
    await sending.commit(entry(of_person(PERSON, local_id="P-1", case_no="AZYJ-P-1")))
    rows = await sending.sent()
    forged = "update outbox_sent set payload = payload || '\\x20' where seq = any($1)"
    await run(sending.url, forged, [rows[0]["seq"], rows[2]["seq"]])
    assert not await sending.replay(await everything(sending))
    assert ids(sending.on(sending.topic)) == [rows[1]["event_id"]]
    said = capsys.readouterr().out
    assert f"not the bytes that left, left out: {rows[0]['event_id']}" in said
    _, ended = await sending.deeds()
    assert isinstance(ended["detail"], dict)
    assert ended["detail"]["as_planned"] is False
    assert ended["detail"]["unsent"] == [rows[0]["event_id"], rows[2]["event_id"]]


async def test_whose_basis_has_ended_gets_nothing_and_nothing_is_noted(
    sending: Platform, tmp_path: Path
) -> None:
    await sending.commit(entry(numbered(1)))
    await sending.sent()
    selection = await everything(sending)
    hold = "update receiver set suspended_at = $1, suspended_because = '授权终止'"
    await run(sending.url, hold, selection.since)
    with pytest.raises(ReplayError, match="credit is suspended"):
        await sending.replay(selection)
    await run(sending.url, "update receiver set suspended_at = null")
    since = "since = 2018-07-25"
    ended = changed(tmp_path, "credit", since, f"{since}\nuntil = 2026-01-01")
    other = replace(sending, settings=replace(sending.settings, receivers=ended))
    with pytest.raises(ReplayError, match="there are provincial"):
        await other.replay(selection)
    assert await sending.deeds() == []
    assert await run(sending.url, "select from replay") == []


async def test_a_dry_run_says_what_would_leave_and_leaves_no_trace(
    sending: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    await sending.commit(entry(numbered(1)))
    rows = await sending.sent()
    await run(
        sending.url,
        "insert into outbox_sent (seq, bucket, event_id, receiver, decision_id,"
        " version, change, topic, key, schema, traceparent, created_at, attempts,"
        " sent_at) select 0, 1, 'h', 'credit', $1, 1, 'RECORDED', '', '', '', '',"
        " created_at, 0, sent_at from outbox_sent",
        rows[0]["decision_id"],
    )
    selection = Selection(decision=UUID(rows[0]["decision_id"]))
    assert await sending.replay(selection, dry=True)
    said = capsys.readouterr().out
    assert "1 件事件 events" in said
    assert "had before the platform, left out: 1" in said
    assert root(rows) in said
    assert await sending.deeds() == []
    admin = connect(KafkaAdminClient, sending.admin)
    try:
        assert sending.topic not in admin.list_topics()
    finally:
        admin.close()
