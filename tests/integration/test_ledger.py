"""The ledger: one transaction per entry, the same once more, and what it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta

import asyncpg
import msgspec
import pytest
from entries import AT, SEALING, UNIT, decision, entry, ledger_over, of_person, prepare
from ledger_rows import left

from zhitong.connectors.ledger import PlatformLedger
from zhitong.decisions import (
    Change,
    Committed,
    Decision,
    Finding,
    Party,
    Penalty,
    Severity,
    bucket,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionDuplicateError,
    DecisionFormatError,
    DecisionStaleError,
    DecisionUnknownError,
    ReceiverError,
)
from zhitong.types import Label

pytestmark = pytest.mark.integration

Sql = Callable[..., Awaitable[list[asyncpg.Record]]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    await prepare(database)
    async with ledger_over(database) as (_, pool):
        yield pool


@pytest.fixture
def ledger(pool: asyncpg.Pool[asyncpg.Record]) -> PlatformLedger:
    return PlatformLedger(pool, SEALING, 30, "anze")


@pytest.fixture
def sql(pool: asyncpg.Pool[asyncpg.Record]) -> Sql:
    async def fetched(statement: str, *values: object) -> list[asyncpg.Record]:
        return await pool.fetch(statement, *values)

    return fetched


async def test_an_entry_is_committed_with_all_that_goes_with_it(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = decision()
    found = Finding(
        check="officers",
        severity=Severity.DOUBT,
        detail=Label("中文", "English"),
        source="configured rule",
    )
    committed = await ledger.commit(entry(said, findings=(found, found)))
    assert committed == Committed(
        version=1,
        change=Change.RECORDED,
        content_hash=ledger.content_hash(said),
        at=AT + timedelta(hours=1),
    )
    (row,) = await sql("select * from decision")
    assert (row["decision_id"], row["document_key"], row["party_key"]) == (
        str(said.id),
        "(安)应急罚〔2026〕1号",
        "91110000600037341L",
    )
    assert (row["fine"], row["confiscated"], row["officers"], row["penalty_kinds"]) == (
        2_000_000,
        0,
        ["1900101", "1900102"],
        ["FINE"],
    )
    assert (row["decided_on"], row["reviewed_on"], row["collective"]) == (
        date(2026, 11, 20),
        date(2026, 11, 19),
        True,
    )
    assert (row["origin"], row["recorded_by"], row["licence_kind"]) == (
        "PLATFORM",
        UNIT,
        None,
    )
    (version,) = await sql("select * from decision_version")
    assert msgspec.json.decode(version["content"], type=Decision) == said
    assert version["content_hash"] == hashlib.sha256(version["content"]).hexdigest()
    assert (version["who"], version["unit"], version["basis"]) == (
        "王五",
        UNIT,
        "安全生产法第一百零五条",
    )
    assert [
        (line["finding_id"], line["severity"], line["zh"], line["source"])
        for line in await sql("select * from finding order by finding_id")
    ] == [(f"{said.id}/1/{n}", "DOUBT", "中文", "configured rule") for n in (1, 2)]
    hashed = case_hash("emergency|AZYJ-2026-00001")
    rows = await sql("select * from outbox order by seq")
    assert [(r["receiver"], r["topic"], r["schema"], r["payload"]) for r in rows] == [
        ("provincial", "zhitong.anze.provincial.v1", "provincial/1", b"provincial 1"),
        ("credit", "zhitong.anze.credit.v1", "credit/1", b"credit 1"),
    ]
    assert {(r["bucket"], r["key"], r["event_id"], r["change"]) for r in rows} == {
        (
            bucket(hashed),
            partition_key(hashed),
            str(event_id(said.id, 1, Change.RECORDED)),
            "RECORDED",
        )
    }
    assert row["case_hash"] == hashed


async def test_the_held_version_is_what_was_said(ledger: PlatformLedger) -> None:
    said = of_person()
    assert await ledger.held(said.id) is None
    await ledger.commit(entry(said))
    held = await ledger.held(said.id)
    assert held is not None
    assert held.decision == said
    assert (held.version, held.change, held.recorded_by, held.before_platform) == (
        1,
        Change.RECORDED,
        UNIT,
        False,
    )
    assert held.receivers == ("credit", "provincial")
    assert held.recorded_at == AT + timedelta(hours=1)


async def test_each_leaf_is_the_digest_of_its_body_and_names_the_one_before(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = decision()
    await ledger.commit(entry(said))
    await ledger.commit(entry(said, 2, Change.WITHDRAWN, reason="错误"))
    leaves = await sql("select * from audit_leaf order by version")
    for leaf in leaves:
        assert leaf["leaf"] == hashlib.sha256(b"\x00" + leaf["body"]).digest()
    assert [msgspec.json.decode(leaf["body"]) for leaf in leaves] == [
        {
            "at": f"2026-11-22T1{version - 1}:30:00.123456Z",
            "basis": "安全生产法第一百零五条",
            "change": change,
            "contentHash": ledger.content_hash(said),
            "decision": str(said.id),
            "findings": [],
            "form": 2,
            "origin": "PLATFORM",
            "previous": previous,
            "reason": reason,
            "signature": None,
            "tenant": "anze",
            "unit": UNIT,
            "version": version,
            "who": "王五",
        }
        for version, change, previous, reason in (
            (1, "RECORDED", None, ""),
            (2, "WITHDRAWN", leaves[0]["leaf"].hex(), "错误"),
        )
    ]


# --- the same once more ------------------------------------------------------


async def test_the_same_entry_again_is_replayed_and_changes_nothing(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = of_person()
    first = await ledger.commit(entry(said))
    before = await everything(sql)
    again = await ledger.commit(entry(said, at=AT + timedelta(days=1)))
    assert again == msgspec.structs.replace(first, replayed=True)
    assert await everything(sql) == before


async def test_a_first_version_that_comes_again_tells_the_version_that_stands(
    ledger: PlatformLedger,
) -> None:
    said, better = decision(), decision(title="更正后的标题")
    await ledger.commit(entry(said))
    await ledger.commit(entry(better, 2, Change.CORRECTED, reason="标题有误"))
    present = Committed(
        version=2,
        change=Change.CORRECTED,
        content_hash=ledger.content_hash(better),
        at=AT + timedelta(hours=2),
        replayed=True,
    )
    assert await ledger.commit(entry(said)) == present
    assert await ledger.commit(entry(better)) == present
    with pytest.raises(DecisionConflictError) as refused:
        await ledger.commit(entry(decision(title="第三种")))
    assert refused.value.details == {
        "stored_hash": ledger.content_hash(better),
        "sent_hash": ledger.content_hash(decision(title="第三种")),
    }


async def test_a_later_version_again_is_replayed_with_another_reason_it_is_stale(
    ledger: PlatformLedger,
) -> None:
    said, better = decision(), decision(title="更正后的标题")
    await ledger.commit(entry(said))
    correction = entry(better, 2, Change.CORRECTED, reason="标题有误")
    await ledger.commit(correction)
    assert (await ledger.commit(correction)).replayed
    for other in (
        entry(better, 2, Change.CORRECTED, reason="别的理由"),
        entry(said, 2, Change.CORRECTED, reason="标题有误"),
        entry(better, 2, Change.WITHDRAWN, reason="标题有误"),
        entry(said, 4, Change.CORRECTED, reason="越过一版"),
    ):
        with pytest.raises(DecisionStaleError) as refused:
            await ledger.commit(other)
        assert refused.value.details == {"version": "2"}


async def everything(sql: Sql) -> dict[str, list[asyncpg.Record]]:
    return {
        "decision": await sql("select * from decision"),
        "decision_version": await sql(
            "select * from decision_version order by version"
        ),
        "audit_leaf": await sql("select * from audit_leaf order by version"),
        "finding": await sql("select * from finding order by finding_id"),
        "sealed_number": await sql("select * from sealed_number"),
        "outbox": await sql("select * from outbox order by seq"),
    }


# --- what is refused ---------------------------------------------------------


async def test_the_same_id_with_other_content_is_refused_with_both_hashes(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said, other = decision(), decision(content="罚款人民币30000元")
    await ledger.commit(entry(said))
    before = await everything(sql)
    with pytest.raises(DecisionConflictError) as refused:
        await ledger.commit(entry(other))
    assert refused.value.details == {
        "stored_hash": ledger.content_hash(said),
        "sent_hash": ledger.content_hash(other),
    }
    assert await everything(sql) == before


@pytest.mark.parametrize(
    "same",
    [
        pytest.param({"document_no": "(安)应急罚[2026] １号"}, id="brackets"),
        pytest.param(
            {"party": Party(kind="OTHER", name="另名", code="91110000600037341L")},
            id="code",
        ),
        pytest.param({"case_no": "AZYJ-2026-00002"}, id="another case"),
    ],
)
async def test_the_same_agency_number_and_party_under_another_id_is_refused(
    ledger: PlatformLedger, sql: Sql, same: dict[str, object]
) -> None:
    said = decision()
    await ledger.commit(entry(said))
    before = await everything(sql)
    with pytest.raises(DecisionDuplicateError) as refused:
        await ledger.commit(entry(decision(local_id="A-2", **same)))
    assert refused.value.details == {
        "decision_id": str(said.id),
        "stored_hash": ledger.content_hash(said),
    }
    assert await everything(sql) == before


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"subject_code": "11619900MB0005004U"}, id="another agency"),
        pytest.param({"document_no": "（安）应急罚〔2026〕2号"}, id="another number"),
        pytest.param(
            {"party": Party(kind="LEGAL_PERSON", name="另一公司")}, id="another party"
        ),
    ],
)
async def test_another_agency_number_or_party_is_another_decision(
    ledger: PlatformLedger, sql: Sql, other: dict[str, object]
) -> None:
    await ledger.commit(entry(decision()))
    await ledger.commit(entry(decision(local_id="A-2", **other)))
    assert len(await sql("select 1 from decision")) == 2


async def test_persons_are_one_by_id_number_else_by_name(
    ledger: PlatformLedger, sql: Sql
) -> None:
    await ledger.commit(entry(of_person()))
    await ledger.commit(entry(of_person("110105194912310038", local_id="A-2")))
    nameless = Party(kind="LEGAL_PERSON", name="安泽（集团） 公司", code="0" * 17 + "X")
    await ledger.commit(entry(decision(local_id="A-3", party=nameless)))
    for again in (
        of_person("11010519491231002x ", local_id="A-4"),
        decision(local_id="A-5", party=Party(kind="OTHER", name="安泽(集团)公司")),
    ):
        with pytest.raises(DecisionDuplicateError):
            await ledger.commit(entry(again))
    keys = [row["party_key"] for row in await sql("select party_key from decision")]
    assert len(set(keys)) == 3
    assert not [key for key in keys if "1101051949" in key]


async def test_a_correction_may_not_take_another_decisions_number(
    ledger: PlatformLedger,
) -> None:
    first, second = (
        decision(),
        decision(local_id="A-2", document_no="应急罚〔2026〕2号"),
    )
    await ledger.commit(entry(first))
    await ledger.commit(entry(second))
    taking = decision(local_id="A-2")
    with pytest.raises(DecisionDuplicateError) as refused:
        await ledger.commit(entry(taking, 2, Change.CORRECTED, reason="文号"))
    assert refused.value.details["decision_id"] == str(first.id)


async def test_what_is_withdrawn_is_neither_corrected_nor_withdrawn_again(
    ledger: PlatformLedger,
) -> None:
    said = decision()
    await ledger.commit(entry(said))
    withdrawal = entry(said, 2, Change.WITHDRAWN, reason="撤销")
    await ledger.commit(withdrawal)
    assert (await ledger.commit(withdrawal)).change == Change.WITHDRAWN
    for change in (Change.CORRECTED, Change.WITHDRAWN):
        with pytest.raises(DecisionStaleError, match="withdrawn") as refused:
            await ledger.commit(entry(said, 3, change, reason="再次"))
        assert refused.value.details == {"version": "2"}


async def test_a_change_of_what_was_never_recorded_is_refused(
    ledger: PlatformLedger,
) -> None:
    with pytest.raises(DecisionUnknownError):
        await ledger.commit(entry(decision(), 2, Change.WITHDRAWN, reason="撤销"))


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"facts": "前\x00后"}, id="the character U+0000"),
        pytest.param({"penalty": Penalty(fine=2**70)}, id="a fine beyond all money"),
        pytest.param({"facts": "\ud800"}, id="half a character"),
    ],
)
async def test_what_cannot_be_stored_is_a_fault_of_its_form(
    ledger: PlatformLedger, sql: Sql, odd: dict[str, object]
) -> None:
    with pytest.raises(DecisionFormatError):
        await ledger.commit(entry(decision(**odd)))
    assert await sql("select 1 from outbox") == []


async def test_a_megabyte_of_facts_is_kept_whole(ledger: PlatformLedger) -> None:
    said = decision(facts="事实" * 174_763)
    await ledger.commit(entry(said))
    held = await ledger.held(said.id)
    assert held is not None
    assert held.decision.facts == said.facts


async def test_an_event_for_nobody_takes_the_whole_entry_back(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = entry(decision())
    lost = msgspec.structs.replace(said.events[0], receiver="nobody")
    with pytest.raises(ReceiverError):
        await ledger.commit(msgspec.structs.replace(said, events=(*said.events, lost)))
    assert await sql("select 1 from decision") == []
    assert await sql("select 1 from outbox") == []


async def test_who_had_a_decision_is_known_also_when_it_has_left(
    ledger: PlatformLedger, sql: Sql, database: str
) -> None:
    said = decision()
    await ledger.commit(entry(said))
    await left(database)
    assert await sql("select from outbox_sent") != []
    held = await ledger.held(said.id)
    assert held is not None
    # What corrects or withdraws it goes to them.
    assert held.receivers == ("credit", "provincial")


# --- the order of a case's events --------------------------------------------


async def test_a_corrected_case_number_leaves_the_order_of_events_alone(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said, moved = decision(), decision(case_no="AZYJ-2026-00777")
    await ledger.commit(entry(said))
    await ledger.commit(entry(moved, 2, Change.CORRECTED, reason="案号有误"))
    rows = await sql("select distinct key, bucket from outbox")
    hashed = case_hash(said.case_key)
    assert [tuple(row) for row in rows] == [(partition_key(hashed), bucket(hashed))]
    (row,) = await sql("select case_no, case_hash from decision")
    assert tuple(row) == ("AZYJ-2026-00777", hashed)


async def test_what_is_recorded_of_a_parked_case_waits_behind_it(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = decision()
    await ledger.commit(entry(said))
    await sql("select park_event(min(seq), 'too large') from outbox")
    await ledger.commit(entry(said, 2, Change.WITHDRAWN, reason="撤销"))
    parked = "select receiver, version, parked from outbox order by receiver, version"
    rows = [tuple(row) for row in await sql(parked)]
    first = next(receiver for receiver, _, held in rows if held)
    assert rows == [
        (receiver, version, receiver == first)
        for receiver in ("credit", "provincial")
        for version in (1, 2)
    ]


# --- what it costs -----------------------------------------------------------


async def test_an_entry_reads_as_little_when_hundreds_stand_as_when_none_did(
    database: str,
) -> None:
    await prepare(database)
    count = 300
    # One session that began with empty tables: its plans know no statistics.
    async with ledger_over(database, size=1) as (ledger, pool):
        for number in range(count):
            said = decision(local_id=f"A-{number}", document_no=f"{number}号")
            await ledger.commit(entry(said))
        await pool.fetch("select pg_stat_force_next_flush()")
        (read,) = await pool.fetch(
            "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as rows from "
            "pg_stat_user_tables where relname in ('decision', 'outbox')"
        )
    assert read["rows"] <= 3 * count
