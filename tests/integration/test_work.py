"""Work: opened by what receivers answer or do not, ended by what they hold."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest
from answers import file, held, leave, rejected, said
from entries import AT, decision, entry, ledger_over, prepare
from ledger_rows import run

from zhitong.catalogue import Blamed, Rejections
from zhitong.connectors import work_chase
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.work_chase import Chase, Chased, OpenWork
from zhitong.connectors.work_desk import WorkDesk
from zhitong.decisions import Answer, Change, Entry
from zhitong.infra.calendar_file import read_work_clocks
from zhitong.infra.cli import main
from zhitong.infra.settings import Settings
from zhitong.rules.work import Due, WorkKind
from zhitong.rules.working_days import CHINA, Calendar, Year

pytestmark = pytest.mark.integration

CLOCKS = read_work_clocks(Settings().calendar)
ITEMS = """select kind, receiver, version, occasion, codes, fields, closed_by,
    closed_event from work_item order by kind, receiver, version"""
OPEN = "select count(*) from work_item where closed_at is null"


@pytest.fixture
async def ledger(database: str) -> AsyncIterator[PlatformLedger]:
    await prepare(database)
    async with ledger_over(database) as (opened, _):
        yield opened


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chase what has left this moment; that it waits ten minutes has a test."""
    monkeypatch.setattr(work_chase, "SETTLING", timedelta(0))


def over(_receiver: str, recorded: datetime) -> Due:
    return Due(recorded)


def later(_receiver: str, recorded: datetime) -> Due:
    return Due(recorded + timedelta(days=1))


async def look(url: str, answer_by: work_chase.AnswerBy = over) -> Chased | None:
    async with Chase(url) as chase:
        return await chase.look(CLOCKS, answer_by)


async def sent(ledger: PlatformLedger, url: str, *entries: Entry) -> None:
    for each in entries:
        await ledger.commit(each)
    await leave(url)


def versions(count: int) -> tuple[Entry, ...]:
    """Give the first versions of one decision: recorded, then corrected."""
    first = entry(decision())
    others = (
        entry(
            decision(facts=f"安全出口上锁，第 {version} 版。"),
            version,
            Change.CORRECTED,
            reason="更正",
        )
        for version in range(2, count + 1)
    )
    return (first, *others)


async def a_day_later(url: str) -> None:
    """Have a day pass for what is awaited: it is looked at again."""
    await run(
        url,
        "update awaited set left_at = left_at - interval '1 day',"
        " look_at = look_at - interval '1 day'",
    )


async def open_items(url: str) -> int:
    return int((await run(url, OPEN))[0][0])


async def test_a_rejection_is_work_until_the_receiver_holds_what_mends_it(
    ledger: PlatformLedger, database: str
) -> None:
    first, second, third = versions(3)
    await sent(ledger, database, first)
    await file(database, rejected(first, "provincial"), held(first, "credit"))
    # Read once more after a crash: nothing is opened twice.
    await file(database, rejected(first, "provincial"))
    (item,) = await run(database, ITEMS)
    assert tuple(item) == (
        *("REJECTED", "provincial", 1, "RECORDED"),
        *(["1003", ""], ["party_code", ""], None, None),
    )

    await sent(ledger, database, second)
    await file(
        database,
        held(second, "credit"),
        said(second, "provincial", Answer.WAITING),
    )
    assert await open_items(database) == 1
    # Mended badly: the first clock stands beside the second.
    await file(database, rejected(second, "provincial"))
    assert await open_items(database) == 2

    await sent(ledger, database, third)
    await file(database, held(third, "provincial"), held(third, "credit"))
    assert await open_items(database) == 0
    mended = str(third.events[0].event_id)
    rows = await run(database, ITEMS)
    assert [(row["closed_by"], row["closed_event"]) for row in rows] == [
        ("VERSION", mended),
        ("VERSION", mended),
    ]
    # The rejection again, out of an old topic: it stays done.
    await file(database, rejected(first, "provincial"))
    assert await look(database) == Chased(opened=0, ended=0, left=())
    assert await open_items(database) == 0


async def test_a_rejection_that_comes_behind_what_mends_it_is_no_work(
    ledger: PlatformLedger, database: str
) -> None:
    first, second = versions(2)
    await sent(ledger, database, first, second)
    await file(database, held(second, "provincial"))
    await file(database, rejected(first, "provincial"))
    assert await run(database, ITEMS) == []


async def test_what_one_statement_cannot_see_is_ended_by_the_look(
    ledger: PlatformLedger, database: str
) -> None:
    first, second = versions(2)
    await sent(ledger, database, first, second)
    await file(database, rejected(first, "provincial"), held(second, "provincial"))
    found = await look(database, later)
    assert found is not None
    assert (found.ended, await open_items(database)) == (1, 0)


@pytest.mark.parametrize(
    ("rejected_at", "still_open"),
    [
        pytest.param(AT + timedelta(minutes=1), 1, id="it changed its mind"),
        pytest.param(AT - timedelta(minutes=1), 0, id="it rejected it before"),
    ],
)
@pytest.mark.parametrize("order", [1, -1], ids=["held last", "held first"])
async def test_of_two_answers_to_one_event_the_later_counts_in_any_order(
    ledger: PlatformLedger,
    database: str,
    rejected_at: datetime,
    still_open: int,
    order: int,
) -> None:
    (first,) = versions(1)
    await sent(ledger, database, first)
    both = [rejected(first, "credit", rejected_at), held(first, "credit", AT)]
    for each in both[::order]:
        await file(database, each)
    assert await open_items(database) == still_open
    await look(database, later)
    assert await open_items(database) == still_open


async def test_what_answers_a_notice_has_nothing_to_mend(
    ledger: PlatformLedger, database: str
) -> None:
    (first,) = versions(1)
    await sent(ledger, database, first)
    notice = hashlib.sha256(b"notice")
    await run(
        database,
        "insert into notice (event_id, receiver, payload_hash, why)"
        " values ($1, 'credit', $2, 'ERASED')",
        str(first.events[0].event_id),
        notice.digest(),
    )
    answer = said(first, "credit", Answer.REJECTED, hashed=notice.hexdigest())
    await file(database, answer)
    assert len(await run(database, "select from receipt")) == 1
    assert await run(database, ITEMS) == []


async def test_a_correction_is_chased_when_its_time_is_over_until_it_is_answered(
    ledger: PlatformLedger, database: str
) -> None:
    first, second = versions(2)
    await sent(ledger, database, first, second)
    assert await look(database, later) == Chased(opened=0, ended=0, left=())
    await file(database, held(first, "credit"))
    # Its clock is not over: until then nobody looks at it.
    assert await look(database) == Chased(opened=0, ended=0, left=())
    await a_day_later(database)
    found = await look(database)
    assert found is not None
    assert found == Chased(
        opened=2,
        ended=0,
        left=tuple(
            OpenWork(receiver=name, kind=WorkKind.UNACKNOWLEDGED, open=1, late=1)
            for name in ("credit", "provincial")
        ),
    )
    # The first version is not chased, and the second only once.
    assert (await look(database)) == Chased(opened=0, ended=0, left=found.left)
    assert await run(database, "select from awaited") == []

    await file(
        database,
        said(second, "provincial", Answer.WAITING),
        rejected(second, "credit"),
    )
    rows = await run(database, ITEMS)
    assert [(row["kind"], row["receiver"], row["closed_by"]) for row in rows] == [
        ("REJECTED", "credit", None),
        ("UNACKNOWLEDGED", "credit", "RECEIPT"),
        ("UNACKNOWLEDGED", "provincial", None),
    ]
    await file(database, held(second, "provincial"))
    assert await open_items(database) == 1
    # Its own rule mended there: held, behind the rejection.
    await file(database, held(second, "credit", AT + timedelta(hours=1)))
    assert await open_items(database) == 0


async def test_what_waits_to_leave_is_chased_once_it_has_left(
    ledger: PlatformLedger, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in versions(2):
        await ledger.commit(each)
    # Long ago, as behind a receiver that is suspended.
    await run(database, "update outbox set created_at = created_at - interval '3 days'")
    assert await look(database) == Chased(opened=0, ended=0, left=())
    await leave(database)
    monkeypatch.setattr(work_chase, "SETTLING", timedelta(minutes=10))
    assert await look(database) == Chased(opened=0, ended=0, left=())
    await a_day_later(database)
    found = await look(database)
    assert found is not None
    assert found.opened == 2


async def test_what_is_answered_is_no_longer_awaited_and_pages_follow_one_another(
    ledger: PlatformLedger, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = versions(3)
    await sent(ledger, database, first, second, third)
    await file(database, held(second, "credit"), held(third, "provincial"))
    awaited = "select version, receiver from awaited order by version, receiver"
    assert [tuple(row) for row in await run(database, awaited)] == [
        *((2, "credit"), (2, "provincial"), (3, "credit"), (3, "provincial")),
    ]
    monkeypatch.setattr(work_chase, "PAGE", 1)
    found = await look(database)
    # Of the second version the province holds a later one.
    assert found is not None
    assert (found.opened, await run(database, awaited)) == (1, [])
    (item,) = await run(database, ITEMS)
    assert (item["kind"], item["receiver"], item["version"]) == (
        *("UNACKNOWLEDGED", "credit", 3),
    )


async def test_work_is_looked_through_while_an_answer_may_not_have_been_seen(
    ledger: PlatformLedger, database: str
) -> None:
    first, second = versions(2)
    await sent(ledger, database, first, second)
    await file(database, rejected(first, "provincial"))
    checked = "select checked from work_item"
    await look(database, later)
    assert [row["checked"] for row in await run(database, checked)] == [False]
    await run(database, "update work_item set opened_at = opened_at - interval '1 h'")
    await look(database, later)
    assert [row["checked"] for row in await run(database, checked)] == [True]
    # Whatever is filed from now on sees it, and ends it by itself.
    await file(database, held(second, "provincial"))
    assert await open_items(database) == 0


async def test_a_day_that_was_provisional_is_computed_anew_when_days_off_are_known(
    ledger: PlatformLedger, database: str
) -> None:
    (first,) = versions(1)
    await sent(ledger, database, first)
    await file(database, rejected(first, "credit"))
    due = "select due_at, provisional from work_item"
    async with Chase(database) as chase:
        await chase.look(replace(CLOCKS, calendar=Calendar({})), later)
    ((_, provisional),) = await run(database, due)
    assert provisional
    years = {
        datetime.now(CHINA).year + more: Year(frozenset(), frozenset())
        for more in (0, 1)
    }
    async with Chase(database) as chase:
        await chase.look(replace(CLOCKS, calendar=Calendar(years)), later)
    ((due_at, provisional),) = await run(database, due)
    assert not provisional
    assert due_at > datetime.now(UTC)


async def test_one_looks_at_a_time(ledger: PlatformLedger, database: str) -> None:
    await sent(ledger, database, *versions(2))
    other = await asyncpg.connect(database)
    try:
        async with other.transaction():
            await other.execute("select pg_advisory_xact_lock(7041, 0)")
            assert await look(database) is None
            assert await run(database, ITEMS) == []
        assert await look(database) is not None
    finally:
        await other.close()
    assert len(await run(database, ITEMS)) == 2


async def test_an_operator_lists_and_settles_and_the_deed_says_how(
    ledger: PlatformLedger,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))

    async def zhitong(*words: str) -> tuple[int, str]:
        def ran() -> int:
            with pytest.raises(SystemExit) as ended:
                main(["work", *words])
            return int(str(ended.value.code))

        code = await asyncio.to_thread(ran)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    (first,) = versions(1)
    await sent(ledger, database, first)
    assert "nothing to do" in (await zhitong("list"))[1]
    await file(database, rejected(first, "credit"))
    ((item,),) = await run(database, "select item_id::text from work_item")
    _, listed = await zhitong("list", "--receiver", "credit")
    assert item in listed
    assert "拒收 rejected  credit" in listed
    assert "RECORDED  1003 party_code  " in listed
    assert "nothing to do" in (await zhitong("list", "--receiver", "provincial"))[1]

    because = ("--because", "对方来函确认")
    assert "WORK: " in (await zhitong("settle", "0", *because))[1]
    assert (await zhitong("settle", item, "--because", " "))[0] == 2
    assert (await zhitong("settle", item, *because))[0] == 0
    assert (await zhitong("settle", item, *because))[0] == 2
    (deed,) = await run(database, "select * from deed")
    assert (deed["who"], deed["action"], deed["target"], deed["reason"]) == (
        getpass.getuser(),
        "settle-work",
        item,
        "对方来函确认",
    )
    detail = msgspec.json.decode(deed["body"])["detail"]
    assert detail["decision"] == str(first.decision.id)
    assert "nothing to do" in (await zhitong("list"))[1]
    assert "DEED" in (await zhitong("list", "--all"))[1]


async def test_a_receiver_says_what_it_holds_up_and_what_there_is_to_do(
    ledger: PlatformLedger, database: str
) -> None:
    first, second = versions(2)
    await sent(ledger, database, first)
    await file(database, rejected(first, "credit"))
    await ledger.commit(second)
    await look(database)
    await run(database, "update work_item set due_at = opened_at")
    state = "select corrections_waiting, work_open, work_late, waiting"
    (row,) = await run(
        database, f"{state} from receiver_state where receiver = 'credit'"
    )
    assert tuple(row) == (1, 1, 1, 1)
    (row,) = await run(
        database, f"{state} from receiver_state where receiver = 'provincial'"
    )
    assert tuple(row) == (1, 0, 0, 1)


async def test_what_was_rejected_is_a_figure_of_the_source_that_keeps_the_case(
    ledger: PlatformLedger, database: str
) -> None:
    first, second = versions(2)
    other = entry(decision(local_id="A-2", document_no="2号"))
    elsewhere = entry(decision(local_id="A-3", document_no="3号", case_source="market"))
    await sent(ledger, database, first, second, other, elsewhere)
    await file(
        database,
        rejected(first, "credit"),
        rejected(first, "provincial"),
        rejected(second, "credit"),
        held(other, "credit"),
    )
    since = datetime.now(UTC) - timedelta(days=1)
    async with WorkDesk(database) as desk:
        found = await desk.rejections(since, ["emergency", "market", "transport"])
        none = await desk.rejections(since + timedelta(days=2), ["emergency"])
    assert found == {
        "emergency": Rejections(
            sent=2,
            rejected=1,
            blamed=(
                Blamed(code="", field="", decisions=1),
                Blamed(code="1003", field="party_code", decisions=1),
            ),
        ),
        "market": Rejections(sent=1, rejected=0, blamed=()),
    }
    assert none == {}
