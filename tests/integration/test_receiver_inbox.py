"""A receiver's database: events once, in order, with their effects and receipts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg
import msgspec
import pytest

from zhitong.connectors import inbox as module
from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.connectors.migrations import migrate
from zhitong.decisions import (
    NAMESPACE,
    Answer,
    Arrival,
    Change,
    SignatureState,
    Unreadable,
    annotation_id,
    event_id,
)
from zhitong.exceptions import InboxUnavailableError
from zhitong.infra.embedded import Cluster

RECEIVERS = Path(__file__).parents[2] / "infra" / "receivers"
HELD, REJECTED, WAITING = Answer.HELD, Answer.REJECTED, Answer.WAITING
ONE = uuid5(NAMESPACE, "one")
TWO = uuid5(NAMESPACE, "two")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]


async def migrated(url: str, receiver: str = "credit") -> ReceiverInbox:
    await migrate(url, RECEIVERS / "common")
    await migrate(url, RECEIVERS / receiver)
    return await open_inbox(url, receiver)


@pytest.fixture
async def inbox(database: str) -> AsyncIterator[ReceiverInbox]:
    opened = await migrated(database)
    yield opened
    await opened.pool.close()


@pytest.fixture
def rows(inbox: ReceiverInbox) -> Fetch:
    async def fetched(statement: str, *values: object) -> list[asyncpg.Record]:
        return list(await inbox.pool.fetch(statement, *values))

    return fetched


def arrival(  # noqa: PLR0913 - an arrival has many sides
    version: int,
    *,
    decision: UUID = ONE,
    change: Change | None = None,
    history: bool = False,
    reasons: tuple[str, ...] = (),
    table: str = "cf_fr",
    row: Mapping[str, object] | None = None,
) -> Arrival:
    change = change or (Change.RECORDED if version == 1 else Change.CORRECTED)
    return Arrival(
        event_id=event_id(decision, version, change),
        decision_id=decision,
        version=version,
        change=change,
        follows_history=history,
        table=table,
        row={
            "CF_XDR_MC": "安泽市恒达商贸有限公司",
            "CF_WSH": f"安应急罚〔2026〕{version}号",
            "CF_NR_FK": "2.000000",
            "CF_JDRQ": "2026/11/20",
        }
        | dict(row or {}),
        reasons=reasons,
        payload_hash="ab" * 32,
        topic="zhitong.anze.credit.v1",
        partition=3,
        offset=version,
        key="00000000000000ff",
        traceparent=TRACE,
    )


async def test_what_the_bureau_has_signed_is_kept_with_what_it_was_worth(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    bad = msgspec.structs.replace(
        arrival(1), statement="a.b.c", signature=SignatureState.INVALID
    )
    # It rejects nothing.
    assert await inbox.take([bad, arrival(1, decision=TWO)]) == [HELD, HELD]
    found = await rows("select statement, signature from inbox order by statement")
    assert [tuple(row) for row in found] == [("", ""), ("a.b.c", "INVALID")]


def happened(cause: int, **more: object) -> Arrival:
    """Give what happened to the decision; *more* of what is told of it."""
    name = UUID(int=cause)
    return msgspec.structs.replace(
        arrival(2),
        event_id=annotation_id(ONE, "REPAIRED", name),
        change=None,
        table="annotation",
        row={
            "happened": "REPAIRED",
            "cause": str(name),
            "expected": "NOTE",
            "number": "XF-7",
            "occurred_on": "2026-11-22",
            "withheld": ["decided_by"],
        }
        | more,
    )


async def test_what_happened_is_kept_beside_the_decision_and_changes_no_row(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    # Before its version has come, and once more behind it.
    assert await inbox.take([happened(1), arrival(2)]) == [HELD, WAITING]
    assert await inbox.take([arrival(1), happened(1), happened(2)]) == [HELD] * 3
    kept = await rows(
        "select decision_id, version, happened, cause, expected, number,"
        " occurred_on::text, withheld from annotation order by cause"
    )
    assert tuple(kept[0]) == (
        *(str(ONE), 2, "REPAIRED", str(UUID(int=1)), "NOTE", "XF-7"),
        *("2026-11-22", ["decided_by"]),
    )
    assert len(kept) == 2
    assert len(await inbox.due(10)) == 4
    entered = "select change, place from inbox where event_id = $1"
    (entry,) = await rows(entered, str(happened(1).event_id))
    assert tuple(entry) == ("ANNOTATED", "annotation")
    (seen,) = await rows("select version, place from seen")
    assert tuple(seen) == (2, "cf_fr")


async def test_what_happened_and_cannot_be_stored_is_rejected_alone(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    arrivals = [happened(1, occurred_on="2026-13-45"), happened(2)]
    assert await inbox.take(arrivals) == [REJECTED, HELD]
    assert len(await rows("select from annotation")) == 1


async def test_an_event_is_in_the_inbox_and_its_row_in_the_standards_columns(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    assert await inbox.take([arrival(1)]) == [HELD]
    (row,) = await rows(
        "select cf_xdr_mc, cf_wsh, cf_nr_fk, cf_jdrq::text, version, state, event_id"
        " from cf_fr where decision_id = $1",
        str(ONE),
    )
    assert tuple(row) == (
        "安泽市恒达商贸有限公司",
        "安应急罚〔2026〕1号",
        Decimal("2.000000"),
        "2026-11-20",
        1,
        "RECORDED",
        str(event_id(ONE, 1, Change.RECORDED)),
    )
    (entry,) = await rows(
        "select decision_id, version, change, place, payload_hash, topic, partition,"
        " koffset, key, traceparent, answer, reasons from inbox"
    )
    assert tuple(entry) == (
        str(ONE),
        1,
        "RECORDED",
        "cf_fr",
        "ab" * 32,
        "zhitong.anze.credit.v1",
        3,
        1,
        "00000000000000ff",
        TRACE,
        "HELD",
        [],
    )


async def test_a_receipt_falls_due_with_the_event_and_is_lent_to_one_consumer(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    await inbox.take([arrival(1)])
    (due,) = await inbox.due(10)
    assert due.key == "00000000000000ff"
    assert due.traceparent == TRACE
    (entry,) = await rows("select answered_at from inbox")
    receipt = due.receipt
    assert (receipt.event_id, receipt.receiver, receipt.answer, receipt.at) == (
        event_id(ONE, 1, Change.RECORDED),
        "credit",
        HELD,
        entry["answered_at"],
    )
    assert (receipt.payload_hash, receipt.reasons) == ("ab" * 32, ())
    assert await inbox.due(10) == []
    await inbox.answered([due])
    assert await rows("select * from receipt_due") == []


async def test_receipts_of_a_consumer_that_died_are_sent_by_another(
    inbox: ReceiverInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LENT_SECONDS", 0.0)
    await inbox.take([arrival(1)])
    (first,) = await inbox.due(10)
    assert await inbox.due(10) == [first]


async def test_a_duplicate_changes_nothing_and_is_answered_again_once(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    await inbox.take([arrival(1)])
    first = await inbox.due(10)
    await inbox.answered(first)
    before = await rows("select * from cf_fr")
    again = msgspec.structs.replace(
        arrival(1, row={"CF_XDR_MC": "他"}), offset=arrival(1).offset + 9
    )
    assert await inbox.take([again, arrival(1)]) == [HELD, HELD]
    assert await rows("select * from cf_fr") == before
    assert await inbox.due(10) == first
    assert len(await rows("select * from inbox")) == 1


async def test_what_is_read_again_where_it_lay_is_known_and_owes_no_receipt(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    wrong = arrival(1, decision=TWO, reasons=("没有文号",))
    wrong = msgspec.structs.replace(wrong, partition=4)
    assert await inbox.take([arrival(1), wrong]) == [HELD, REJECTED]
    due = await inbox.due(10)
    # Not sent yet: it stays due, however often it is read.
    assert await inbox.take([wrong]) == [REJECTED]
    assert len(await rows("select from receipt_due")) == 2
    await inbox.answered(due)
    found = await inbox.take([arrival(1), arrival(2), wrong, arrival(3)])
    assert found == [HELD, HELD, REJECTED, HELD]
    assert [each.receipt.event_id for each in await inbox.due(10)] == [
        arrival(2).event_id,
        arrival(3).event_id,
    ]
    # Of a topic that was made anew another event may lie there.
    other = msgspec.structs.replace(arrival(4), offset=1)
    assert await inbox.take([other]) == [HELD]


async def test_a_gap_waits_says_so_and_is_taken_when_it_closes(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    assert await inbox.take([arrival(1)]) == [HELD]
    await inbox.answered(await inbox.due(10))
    assert await inbox.take([arrival(3)]) == [WAITING]
    (due,) = await inbox.due(10)
    await inbox.answered([due])
    assert due.receipt.answer is WAITING
    assert due.receipt.reasons == ("等待第 2 版 waits for version 2",)
    (held,) = await rows("select version, cf_wsh from cf_fr")
    assert tuple(held) == (1, "安应急罚〔2026〕1号")

    assert await inbox.take([arrival(2)]) == [HELD]
    (held,) = await rows("select version, cf_wsh from cf_fr")
    assert tuple(held) == (3, "安应急罚〔2026〕3号")
    assert [(d.receipt.event_id, d.receipt.answer) for d in await inbox.due(10)] == [
        (event_id(ONE, 2, Change.CORRECTED), HELD),
        (event_id(ONE, 3, Change.CORRECTED), HELD),
    ]
    assert await rows("select * from waiting") == []


async def test_a_receipt_that_said_it_waits_is_void_once_it_is_held(
    inbox: ReceiverInbox,
) -> None:
    await inbox.take([arrival(2)])
    await inbox.take([arrival(1)])
    answers = {(d.receipt.event_id, d.receipt.answer) for d in await inbox.due(10)}
    assert answers == {
        (event_id(ONE, 1, Change.RECORDED), HELD),
        (event_id(ONE, 2, Change.CORRECTED), HELD),
    }


async def test_what_is_rejected_has_reasons_no_effect_and_may_be_corrected(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    reasons = ("缺少罚款金额 the fine is missing",)
    assert await inbox.take([arrival(1, reasons=reasons)]) == [REJECTED]
    (due,) = await inbox.due(10)
    assert (due.receipt.answer, due.receipt.reasons) == (REJECTED, reasons)
    assert await rows("select * from cf_fr") == []
    assert await inbox.take([arrival(2)]) == [HELD]
    (row,) = await rows("select version, state from cf_fr")
    assert tuple(row) == (2, "CORRECTED")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(
            {"CF_JDRQ": "某日"},
            "数据不符合表结构 does not fit the table (SQLSTATE 22007)",
            id="no date",
        ),
        pytest.param(
            {"CF_NR_FK": "1e40"},
            "数据不符合表结构 does not fit the table (SQLSTATE 22003)",
            id="too large an amount",
        ),
        pytest.param(
            {"CF_XDR_MC": "\0"},
            "含有空字符 has a null character, which no table can hold",
            id="a null character",
        ),
        pytest.param(
            {"CF_XDR_MC": 10**30},
            "数值过大或嵌套过深 too large a number, or nested too deep",
            id="a number beyond 64 bits",
        ),
    ],
)
async def test_a_row_no_table_can_hold_is_rejected_alone_and_blocks_nobody(
    inbox: ReceiverInbox, rows: Fetch, row: dict[str, object], reason: str
) -> None:
    bad = arrival(1, row=row)
    good = arrival(1, decision=TWO, row={"CF_XDR_MC": r"\u0000"})
    assert await inbox.take([bad, good]) == [REJECTED, HELD]
    (held,) = await rows("select decision_id, cf_xdr_mc from cf_fr")
    assert tuple(held) == (str(TWO), r"\u0000")
    (entry,) = await rows("select reasons from inbox where answer = 'REJECTED'")
    assert entry["reasons"] == [reason]


async def test_a_row_that_waits_and_fits_no_table_is_rejected_in_its_turn(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    assert await inbox.take([arrival(2, row={"CF_JDRQ": "某日"})]) == [WAITING]
    assert await inbox.take([arrival(1)]) == [HELD]
    (entry,) = await rows("select answer, reasons from inbox where version = 2")
    assert tuple(entry) == (
        "REJECTED",
        ["数据不符合表结构 does not fit the table (SQLSTATE 22007)"],
    )
    (row,) = await rows("select version from cf_fr")
    assert row["version"] == 1


async def test_a_table_of_somebody_else_cannot_be_written(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    assert await inbox.take([arrival(1, table="inbox")]) == [REJECTED]
    (entry,) = await rows("select reasons from inbox")
    assert entry["reasons"] == ["没有这样的表 there is no such table here"]


async def test_a_withdrawal_marks_the_row_and_removes_nothing(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    await inbox.take([arrival(1)])
    assert await inbox.take([arrival(2, change=Change.WITHDRAWN)]) == [HELD]
    (row,) = await rows("select version, state, cf_wsh from cf_fr")
    assert tuple(row) == (2, "WITHDRAWN", "安应急罚〔2026〕2号")


async def test_a_withdrawal_of_history_is_taken_with_nothing_before(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    late = arrival(2, change=Change.WITHDRAWN, history=True)
    assert await inbox.take([late]) == [HELD]
    (row,) = await rows("select version, state from cf_fr")
    assert tuple(row) == (2, "WITHDRAWN")


async def test_a_correction_that_moves_a_decision_leaves_one_row(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    await inbox.take([arrival(1)])
    assert await inbox.take([arrival(2, table="cf_zrr")]) == [HELD]
    assert await rows("select * from cf_fr") == []
    (row,) = await rows("select version from cf_zrr")
    assert row["version"] == 2
    await inbox.take([arrival(3)])
    assert await rows("select * from cf_zrr") == []


async def test_consumers_that_take_the_same_events_at_once_take_each_once(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    decisions = [uuid5(NAMESPACE, str(number)) for number in range(40)]
    forth = [arrival(v, decision=d) for d in decisions for v in (1, 2, 3)]
    back = [arrival(v, decision=d) for d in reversed(decisions) for v in (1, 2, 3)]
    taken = await asyncio.gather(*(inbox.take(b) for b in (forth, back, forth)))
    assert taken == [[HELD] * 120] * 3
    assert len(await rows("select * from inbox")) == 120
    versions = await rows("select version, count(*) from cf_fr group by version")
    assert [tuple(row) for row in versions] == [(3, 40)]


async def test_events_of_one_decision_taken_at_once_lose_no_version(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    each = [[arrival(version)] for version in range(1, 31)]
    answers = await asyncio.gather(*map(inbox.take, reversed(each)))
    assert {answer for (answer,) in answers} <= {HELD, WAITING}
    (row,) = await rows("select version from cf_fr")
    assert row["version"] == 30
    (held,) = await rows("select count(*) from inbox where answer = 'HELD'")
    assert held["count"] == 30
    assert await rows("select * from waiting") == []


async def test_bytes_that_are_no_event_are_kept_whole_and_once(
    inbox: ReceiverInbox, rows: Fetch
) -> None:
    odd = Unreadable(
        topic="zhitong.anze.credit.v1",
        partition=2,
        offset=7,
        value=b"\xff\0{",
        why="JSON",
    )
    await inbox.set_aside([odd])
    await inbox.set_aside([odd])
    (row,) = await rows("select topic, partition, koffset, value, why from undecodable")
    assert tuple(row) == ("zhitong.anze.credit.v1", 2, 7, b"\xff\0{", "JSON")


async def test_a_database_that_is_away_is_said_and_found_again(
    cluster_factory: Callable[..., Cluster],
) -> None:
    cluster = cluster_factory("inbox-away")
    url = cluster.start()["inbox-away"]
    inbox = await migrated(url)
    short = ReceiverInbox(
        pool=inbox.pool, receiver="credit", places=inbox.places, seconds=1.0
    )
    assert await short.take([arrival(1)]) == [HELD]
    cluster.freeze("inbox-away")
    with pytest.raises(InboxUnavailableError):
        await short.take([arrival(2)])
    cluster.thaw("inbox-away")
    assert await short.take([arrival(2)]) == [HELD]
    cluster.kill("inbox-away")
    with pytest.raises(InboxUnavailableError):
        await short.take([arrival(3)])
    with pytest.raises(InboxUnavailableError):
        await open_inbox(url, "credit")
    cluster.restart("inbox-away")
    await inbox.pool.close()


async def test_every_place_is_a_table_with_the_columns_of_an_effect(
    database: str,
) -> None:
    for receiver in ("credit", "provincial"):
        await _each_place_has(database, receiver)


async def _each_place_has(database: str, receiver: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("drop schema public cascade; create schema public")
    inbox = await migrated(database, receiver)
    found: Sequence[asyncpg.Record] = await connection.fetch(
        "select table_name, array_agg(column_name::text order by column_name) as has"
        " from information_schema.columns where table_schema = 'public'"
        " and column_name in ('decision_id', 'version', 'state', 'event_id')"
        " group by table_name"
    )
    whole = {r["table_name"] for r in found if len(r["has"]) == 4}
    assert inbox.places == whole
    await inbox.pool.close()
    await connection.close()
