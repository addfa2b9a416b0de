"""Decisions captured from a department's table, and the traps that lose rows there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import pytest
from captured_desk import BINDING, BY_CLOCK, BY_COUNT, UNIT, Desk, desk_at

from zhitong.connectors.capture_book import CaptureBook
from zhitong.decisions import Act, Change, Decision, Party
from zhitong.exceptions import (
    CaptureError,
    LedgerUnavailableError,
    SourceDriftError,
)
from zhitong.infra import capture_looks
from zhitong.infra.capturing import captor
from zhitong.infra.cli import main
from zhitong.resolvers.decisions import Correction
from zhitong.types import Principal

pytestmark = pytest.mark.integration
RECORDED, CORRECTED, WITHDRAWN = "RECORDED", "CORRECTED", "WITHDRAWN"


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(database, tmp_path) as made:
        yield made


async def test_what_is_new_changed_and_void_is_recorded_corrected_and_withdrawn(
    desk: Desk,
) -> None:
    for key in (1, 2, 3):
        await desk.decide(key)
    await desk.sql("insert into bm.ry values (1, 1, '61990500038')")
    await desk.decide(4, wh=None, rq=None)  # a case that is not decided
    assert await desk.sweep() == {"recorded": 3}
    assert await desk.sweep() == {}
    await desk.change(2, "ss = '另查明未制定预案'")
    await desk.change(3, "zt = '作废'")
    assert await desk.sweep() == {"corrected": 1, "withdrawn": 1}
    assert await desk.sweep() == {}
    assert await desk.ledger() == {
        "1": (1, RECORDED, "未按规定培训"),
        "2": (2, CORRECTED, "另查明未制定预案"),
        "3": (2, WITHDRAWN, "未按规定培训"),
    }
    reasons = await desk.sql(
        "select v.reason, v.basis, v.who, v.unit from decision_version v "
        "join decision d using (decision_id) where v.version = 2 order by local_id"
    )
    assert [tuple(row) for row in reasons] == [
        ("来源系统中的记录已变动（采集）：facts", "", "采集 capture/bm", UNIT),
        ("本局已作废", "来源系统的作废记录", "采集 capture/bm", UNIT),
    ]
    # One event for each version and receiver, as if the department had called.
    events = await desk.sql(
        "select version, receiver, count(*) from outbox group by 1, 2 order by 1, 2"
    )
    assert [tuple(row) for row in events] == [
        (1, "credit", 3),
        (1, "provincial", 3),
        (2, "credit", 2),
        (2, "provincial", 2),
    ]


async def test_a_row_that_changes_in_another_table_is_seen_by_the_sweep(
    desk: Desk,
) -> None:
    desk.bound(BY_CLOCK)
    await desk.decide(1)
    await desk.sql("update bm.jd set gxsj = gxsj - interval '1 hour'")
    assert await desk.sweep() == {"recorded": 1}
    await desk.sql("insert into bm.ry values (1, 1, '61990500038')")
    assert await desk.look() == {}
    assert await desk.sweep() == {"corrected": 1}


@pytest.mark.parametrize(("overlap", "seen"), [(600, 1), (0, 0)])
async def test_what_is_committed_late_is_seen_within_the_overlap_or_by_the_sweep(
    desk: Desk, overlap: int, seen: int
) -> None:
    desk.bound(f'version = {{ column = "gxsj", overlap = {overlap} }}')
    await desk.look()
    late = await asyncpg.connect(desk.url)
    transaction = late.transaction()
    await transaction.start()
    await late.execute(
        "insert into bm.jd (id, wh, rq, mc, ss) "
        "values (1, '某罚〔2026〕1号', '2026-06-12', '甲公司', '事实')"
    )
    await desk.decide(2)
    assert await desk.look() == {"recorded": 1}
    assert set(await desk.ledger()) == {"2"}
    await transaction.commit()
    await late.close()
    # Its moment lies before that of a row which was seen: a mark alone would lose it.
    assert await desk.look() == ({"recorded": 1} if seen else {})
    assert await desk.sweep() == ({} if seen else {"recorded": 1})
    assert set(await desk.ledger()) == {"1", "2"}


async def test_a_clock_that_jumps_hides_nothing(desk: Desk) -> None:
    desk.bound('version = { column = "gxsj", overlap = 60 }')
    await desk.decide(1, gxsj=None)
    await desk.sql("update bm.jd set gxsj = '2099-01-01'")
    assert await desk.sweep() == {"recorded": 1}
    # Forwards: what comes after it is still looked at.
    await desk.decide(2)
    assert await desk.look() == {"recorded": 1}
    # Backwards, and no moment at all: the sweep finds them; what is older than it was
    # may be a backup, or a replica that lags.
    await desk.sql("update bm.jd set ss = '改', gxsj = '2020-01-01' where id = 1")
    await desk.sql("update bm.jd set ss = '改', gxsj = null where id = 2")
    assert await desk.look() == {}
    assert await desk.sweep() == {"corrected": 1, "refused": 1}
    assert await desk.work() == {"1": "CAPTURE_BACKWARDS"}
    await desk.sql("update capture_item set settled = 'correction', tried_at = 'epoch'")
    assert await desk.sweep() == {"corrected": 1}
    assert await desk.work() == {}


CLOCKS = {
    "timestamptz": ("", "clock_timestamp()"),
    "timestamp": ("", "clock_timestamp() at time zone 'Asia/Shanghai'"),
    "bigint": ("epoch-ms", "(extract(epoch from clock_timestamp()) * 1000)::bigint"),
    "numeric": ("epoch-s", "extract(epoch from clock_timestamp())"),
    "text": (
        "yyyymmddhhmmss",
        "to_char(clock_timestamp() at time zone 'Asia/Shanghai', 'YYYYMMDDHH24MISS')",
    ),
}


@pytest.mark.parametrize("family", CLOCKS)
async def test_a_look_reads_what_any_clock_says_and_nothing_of_years_to_come(
    desk: Desk, family: str
) -> None:
    form, now = CLOCKS[family]
    said = f', format = "{form}"' if form else ""
    desk.bound(f'version = {{ column = "xgsj", overlap = 60{said} }}')
    await desk.sql(f"alter table bm.jd add xgsj {family}")
    await desk.sql("create index on bm.jd (xgsj)")
    await desk.look()
    await desk.decide(1)
    await desk.decide(2)
    later = now.replace("clock_timestamp()", "(clock_timestamp() + interval '9 years')")
    for key, said in ((1, now), (2, later)):
        await desk.sql(f"update bm.jd set xgsj = {said} where id = $1", key)  # noqa: S608 - ours
    assert await desk.look() == {"recorded": 1}
    assert set(await desk.ledger()) == {"1"}
    assert await desk.sweep() == {"recorded": 1}


async def test_numbers_that_were_drawn_early_and_committed_late_are_seen(
    desk: Desk,
) -> None:
    desk.bound(BY_COUNT)
    await desk.decide(1, bb=100)
    await desk.sweep()
    await desk.decide(2, bb=97)
    assert await desk.look() == {"recorded": 1}
    # Beyond the overlap, and after a sequence that began anew.
    await desk.decide(3, bb=3)
    assert await desk.look() == {}
    assert await desk.sweep() == {"recorded": 1}


async def test_another_decision_under_a_known_key_is_work_and_overwrites_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.decide(1)
    await desk.decide(2)
    await desk.sweep()
    await desk.change(1, "wh = '某罚〔2026〕77号', mc = '乙公司', ss = '另一件'")
    await desk.change(2, "rq = '2026-07-01', mc = '丙公司'")
    assert await desk.sweep() == {"refused": 2}
    assert await desk.sweep() == {}  # not tried again at once
    assert await desk.work() == dict.fromkeys("12", "CAPTURE_KEY_REUSED")
    before = await desk.ledger()
    assert {(version, change) for version, change, _ in before.values()} == {
        (1, RECORDED)
    }
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", desk.url)
    monkeypatch.setenv("ZHITONG_STATE", str(desk.folder))
    assert await zhitong("status") == 1
    assert "CAPTURE_KEY_REUSED 1" in capsys.readouterr().out
    assert await zhitong("settle", "bm", "1", "another", "--because", "主键重用") == 0
    assert await zhitong("settle", "bm", "2", "correction", "--because", "笔误") == 0
    assert await zhitong("settle", "bm", "9", "another", "--because", "x") == 2
    assert await desk.sweep() == {"recorded": 1, "corrected": 1}
    assert await desk.work() == {}
    stand = await desk.ledger()
    assert stand["1"] == before["1"]
    assert stand["1#某罚〔2026〕77号"] == (1, RECORDED, "另一件")
    assert stand["2"][:2] == (2, CORRECTED)
    # What changes there from now on is about the new one.
    await desk.change(1, "ss = '另一件，更正'")
    assert await desk.sweep() == {"corrected": 1}
    assert (await desk.ledger())["1"] == before["1"]
    assert await zhitong("status") == 0
    deeds = await desk.sql("select action, target from deed order by at")
    assert [tuple(row) for row in deeds] == [
        ("settle-capture", "bm/1"),
        ("settle-capture", "bm/2"),
    ]


async def zhitong(*words: str) -> int:
    """Run the command line in a thread, where it may have a loop of its own."""

    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["capture", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


async def test_a_number_that_was_miswritten_is_corrected(desk: Desk) -> None:
    await desk.decide(1)
    await desk.sweep()
    await desk.change(1, "wh = '某罚〔2026〕11号'")
    assert await desk.sweep() == {"corrected": 1}
    assert (await desk.ledger())["1"][:2] == (2, CORRECTED)


async def test_a_row_that_is_gone_is_work_and_no_withdrawal(desk: Desk) -> None:
    for key in (1, 2, 3):
        await desk.decide(key)
    await desk.sweep()
    await desk.sql("delete from bm.jd where id = 1")
    await desk.change(2, "wh = '/', rq = ''")
    await desk.change(3, "zt = '作废'")
    await desk.sweep()
    await desk.sql("delete from bm.jd where id = 3")  # withdrawn, so it may go
    assert await desk.sweep() == {}
    assert await desk.work() == dict.fromkeys("12", "CAPTURE_ROW_GONE")
    assert {one[1] for one in (await desk.ledger()).values()} == {RECORDED, WITHDRAWN}
    await desk.decide(1)
    assert await desk.sweep() == {}
    assert await desk.work() == {"2": "CAPTURE_ROW_GONE"}


async def test_a_withdrawn_decision_that_stands_again_is_work(desk: Desk) -> None:
    await desk.decide(1)
    await desk.decide(2, zt="作废")  # void before anybody had it
    assert await desk.sweep() == {"recorded": 1, "passed": 1}
    await desk.change(1, "zt = '作废'")
    await desk.sweep()
    await desk.change(1, "zt = '有效'")
    await desk.change(2, "zt = '有效'")
    assert await desk.sweep() == {"refused": 1, "recorded": 1}
    assert await desk.work() == {"1": "CAPTURE_REVIVED"}
    assert (await desk.ledger())["1"][:2] == (2, WITHDRAWN)
    # Taken anew, and that again: each is a decision of its own.
    anew = "update capture_item set settled = 'another', tried_at = 'epoch'"
    await desk.sql(anew)
    assert await desk.sweep() == {"recorded": 1}
    await desk.change(1, "zt = '作废'")
    assert await desk.sweep() == {"withdrawn": 1}
    await desk.change(1, "zt = '有效'")
    assert await desk.sweep() == {"refused": 1}
    await desk.sql(anew)
    assert await desk.sweep() == {"recorded": 1}
    stand = {name: how[1] for name, how in (await desk.ledger()).items()}
    first = "1#某罚〔2026〕1号"
    assert (stand[first], stand[f"{first}#"]) == (WITHDRAWN, RECORDED)


async def test_what_cannot_be_entered_is_work_and_nothing_waits_for_it(
    desk: Desk,
) -> None:
    await desk.decide(1, rq="2026-02-30")  # a day that cannot be read: not lost
    await desk.decide(2, wh=None)
    await desk.decide(3, lx="征")
    await desk.decide(4, mc="")
    await desk.decide(5, dm="110105194912310021")
    await desk.decide(6, rq="2099-01-01")
    await desk.decide(7)
    assert await desk.sweep() == {"refused": 6, "recorded": 1}
    await desk.decide(8, wh="某罚〔2026〕7号", mc="某某有限公司7")
    assert await desk.sweep() == {"refused": 1}
    assert await desk.work() == {
        "1": "DECISION_FORMAT",
        "2": "DECISION_UNIDENTIFIED",
        "3": "DECISION_FORMAT",
        "4": "DECISION_UNIDENTIFIED",
        "5": "DECISION_FORMAT",
        "6": "DECISION_FORMAT",
        "8": "DECISION_DUPLICATE",
    }
    await desk.change(1, "rq = '2026-02-28'")
    await desk.change(3, "lx = '罚'")
    assert await desk.sweep() == {"recorded": 2}
    assert "1" not in await desk.work()
    assert set(await desk.ledger()) == {"1", "3", "7"}


async def test_who_dies_between_the_ledger_and_the_note_doubles_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in range(1, 6):
        await desk.decide(key)

    async def dies(_: CaptureBook, noted: object, *_more: object) -> None:
        if noted:
            raise LedgerUnavailableError("死", "dead")

    with monkeypatch.context() as patch:
        patch.setattr(CaptureBook, "note", dies)
        with pytest.raises(LedgerUnavailableError):
            await desk.sweep()
    assert len(await desk.ledger()) == 5
    # One changes meanwhile, one is declared void.
    await desk.change(1, "ss = '更正'")
    await desk.change(2, "zt = '作废'")
    assert await desk.sweep() == {"found": 3, "corrected": 1, "withdrawn": 1}
    stand = await desk.sql("select version, count(*) from outbox group by 1 order by 1")
    assert [tuple(row) for row in stand] == [(1, 10), (2, 4)]


async def test_a_sweep_goes_on_where_it_was_and_in_pages(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_looks, "PAGE", 3)
    monkeypatch.setattr(capture_looks, "CHUNK", 2)
    for key in range(1, 11):
        await desk.decide(key)
    for _ in range(3):  # a process each, ended after a page
        async with desk.capturing.looks() as looks:
            assert looks is not None
            await looks.sweep()
    assert len(await desk.ledger()) == 5
    await desk.decide(0)  # behind where the sweep is: the one after it has it
    async with desk.capturing.looks() as looks:
        assert looks is not None
        await looks.sweep_whole()
    assert len(await desk.ledger()) == 10
    assert await desk.sweep() == {"recorded": 1}
    await desk.sql("delete from bm.jd where id in (2, 9)")
    await desk.sweep()
    assert set(await desk.work()) == {"2", "9"}


async def test_one_process_captures_a_source(desk: Desk) -> None:
    await desk.decide(1)
    async with desk.capturing.looks() as looks:
        assert looks is not None
        async with desk.capturing.looks() as other:
            assert other is None
        with pytest.raises(CaptureError, match="another process"):
            await desk.sweep()
    assert await desk.sweep() == {"recorded": 1}


async def test_a_column_that_is_lost_corrects_nothing(desk: Desk) -> None:
    await desk.decide(1)
    await desk.sweep()
    async with desk.capturing.looks() as looks:
        assert looks is not None
        await desk.sql("alter table bm.jd rename column ss to ssqk")
        with pytest.raises(SourceDriftError):
            await looks.sweep_whole()
    with pytest.raises(SourceDriftError):
        await desk.sweep()
    assert (await desk.ledger())["1"] == (1, RECORDED, "未按规定培训")


async def test_a_key_that_stands_twice_is_refused_or_work(desk: Desk) -> None:
    await desk.decide(1)
    await desk.decide(2)
    await desk.sweep()
    async with desk.capturing.looks() as looks:
        assert looks is not None
        await desk.sql("alter table bm.jd drop constraint jd_pkey")
        await desk.decide(2, wh="某罚〔2026〕99号")
        await looks.sweep_whole()
    assert await desk.work() == {"2": "CAPTURE_KEY_TWICE"}
    with pytest.raises(SourceDriftError, match="not unique"):
        await desk.sweep()


async def test_a_binding_that_reads_otherwise_waits_for_a_word(desk: Desk) -> None:
    await desk.decide(1, je=2)
    await desk.decide(2, je=2)
    await desk.sweep()
    otherwise = BINDING.replace(
        'fine                = "je"',
        'fine                = { column = "je", unit = "wan-yuan" }',
    )
    assert otherwise != BINDING
    desk.bound(text=otherwise)
    with pytest.raises(CaptureError, match="every row would look"):
        await desk.sweep()
    desk.capturing = replace(desk.capturing, rebind="adopt")
    assert await desk.sweep() == {"history": 2}
    await desk.change(2, "ss = '改'")
    assert await desk.sweep() == {"corrected": 1}
    fines = await desk.sql("select fine from decision order by local_id")
    assert [row["fine"] for row in fines] == [200, 2_000_000]


def said_by_a_call(key: int, facts: str) -> Decision:
    return Decision(
        local_id=str(key),
        act=Act.PENALTY,
        subject_code=UNIT,
        document_no=f"某罚〔2026〕{key}号",
        decided_on=date(2026, 6, 12),
        facts=facts,
        party=Party(kind="LEGAL_PERSON", name=f"某某有限公司{key}"),
    )


async def test_what_a_department_has_registered_by_itself_is_not_overwritten(
    desk: Desk,
) -> None:
    principal = captor(desk.capturing.binding)
    other = type(principal)(
        kind="department", unit=UNIT, unit_name="市某局", person="王五"
    )
    recorded = await desk.decisions.record(other, said_by_a_call(1, "电话登记的事实"))
    await desk.decide(1)
    assert await desk.sweep() == {"refused": 1}
    assert await desk.work() == {"1": "CAPTURE_DIFFERS"}
    await desk.sql("update capture_item set settled = 'correction', tried_at = 'epoch'")
    assert await desk.sweep() == {"corrected": 1}
    held = await desk.decisions.ledger.held(UUID(str(recorded.decision_id)))
    assert held is not None
    assert (held.version, held.change) == (2, Change.CORRECTED)


async def test_what_a_call_has_corrected_since_is_not_undone_by_the_row(
    desk: Desk,
) -> None:
    await desk.decide(1)
    await desk.sweep()
    (row,) = await desk.sql("select decision_id from decision")
    name = UUID(row["decision_id"])
    held = await desk.decisions.ledger.held(name)
    assert held is not None
    said = msgspec.structs.replace(held.decision, facts="当面更正的事实")
    await desk.decisions.correct(
        Principal(kind="department", unit=UNIT, unit_name="市某局", person="王五"),
        Correction(decision_id=name, version=1, decision=said, reason="笔误"),
    )
    assert await desk.sweep() == {}  # the row has not changed
    await desk.change(1, "jg = '罚款二千元'")
    assert await desk.sweep() == {"refused": 1}
    assert await desk.work() == {"1": "CAPTURE_DIFFERS"}
    assert (await desk.ledger())["1"] == (2, CORRECTED, "当面更正的事实")
    await desk.sql("update capture_item set settled = 'correction', tried_at = 'epoch'")
    assert await desk.sweep() == {"corrected": 1}
    # From here on its versions are the capture's own again.
    await desk.change(1, "jg = '罚款三千元'")
    assert await desk.sweep() == {"corrected": 1}


async def test_two_rows_of_one_local_id_do_not_overwrite_each_other(
    desk: Desk,
) -> None:
    await desk.sql("alter table bm.jd add bh text")
    desk.bound("[capture.fields]\nlocalId = 'bh'")
    await desk.decide(1, bh="甲")
    assert await desk.sweep() == {"recorded": 1}
    # A row for each party, say: the same number, the same day.
    await desk.decide(2, bh="甲", wh="某罚〔2026〕1号", ss="另一当事人的事实")
    assert await desk.sweep() == {"refused": 1}
    assert await desk.work() == {"2": "CAPTURE_KEY_TWICE"}
    await desk.change(1, "ss = '更正的事实'")
    assert await desk.sweep() == {"corrected": 1}
    assert await desk.ledger() == {"甲": (2, CORRECTED, "更正的事实")}
    # Both new at once: nobody knows which it is.
    await desk.decide(3, bh="乙")
    await desk.decide(4, bh="乙", wh="某罚〔2026〕3号", ss="另一事实")
    assert await desk.sweep() == {"refused": 2}
    await desk.sql("delete from bm.jd where id in (2, 4)")
    await desk.sql("update capture_item set tried_at = 'epoch'")
    assert await desk.sweep() == {"recorded": 1}
    assert await desk.work() == {}


async def test_a_table_that_is_loaded_anew_under_other_keys_is_the_same_by_local_id(
    desk: Desk,
) -> None:
    await desk.sql("alter table bm.jd add bh text")
    desk.bound("[capture.fields]\nlocalId = 'bh'")
    for key in (1, 2):
        await desk.decide(key, bh=f"甲{key}")
    await desk.sweep()
    await desk.sql("update bm.jd set id = id + 10")
    assert await desk.sweep() == {"found": 2}
    assert await desk.work() == {}  # nothing is gone
    await desk.change(11, "ss = '更正的事实'")
    assert await desk.sweep() == {"corrected": 1}
    assert (await desk.ledger())["甲1"] == (2, CORRECTED, "更正的事实")
    await desk.sql("delete from bm.jd where id = 12")
    await desk.sweep()
    assert set(await desk.work()) == {"2", "12"}


async def test_keys_that_are_of_another_type_now_are_other_keys(desk: Desk) -> None:
    await desk.sql("alter table bm.jd alter id type text using id::text")
    await desk.sql("alter table bm.ry alter id type text using id::text")
    await desk.decide(1, id="N1")
    assert await desk.sweep() == {"recorded": 1}
    await desk.sql("alter table bm.jd alter id type bigint using substr(id, 2)::bigint")
    await desk.sql("alter table bm.ry alter id type bigint using id::bigint")
    await desk.decide(2)
    assert await desk.sweep() == {"refused": 1, "recorded": 1}
    assert await desk.work() == {"1": "DECISION_DUPLICATE", "N1": "CAPTURE_ROW_GONE"}


@pytest.mark.parametrize(
    ("family", "spelt"),
    [("numeric", "id::numeric"), ("uuid", "lpad(id::text, 32, '0')::uuid")],
)
async def test_keys_are_compared_as_what_they_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, family: str, spelt: str
) -> None:
    monkeypatch.setattr(capture_looks, "PAGE", 3)
    for key in range(1, 12):
        await desk.decide(key)
    for table in ("jd", "ry"):
        await desk.sql(f"alter table bm.{table} alter id type {family} using {spelt}")
    assert await desk.sweep() == {"recorded": 11}
    assert await desk.sweep() == {}
    await desk.sql("update bm.jd set ss = '更正的事实' where wh like '%〕10号'")
    await desk.sql("delete from bm.jd where wh like '%〕2号'")
    assert await desk.sweep() == {"corrected": 1}
    assert list((await desk.work()).values()) == ["CAPTURE_ROW_GONE"]


async def test_a_key_of_two_columns_is_one_by_a_view_of_the_department(
    desk: Desk,
) -> None:
    await desk.sql("alter table bm.jd drop constraint jd_pkey")
    await desk.sql("alter table bm.jd add nd text default '2026'")
    await desk.sql("alter table bm.jd add primary key (nd, id)")
    await desk.sql(
        "create view bm.jdv as select nd || '-' || id as ajbh, lx, wh, rq, mc, dm, "
        "dsrlx, ss, jg, je, zt from bm.jd"
    )
    text = BINDING.replace('"bm.jd"', '"bm.jdv"').replace('= "id"\n', '= "ajbh"\n')
    lines = [one for one in text.splitlines() if "officerCertificates" not in one]
    desk.bound(text="\n".join(lines))
    await desk.decide(1)
    await desk.decide(1, nd="2025", wh="某罚〔2025〕1号", mc="乙公司")
    assert await desk.sweep() == {"recorded": 2}
    assert set(await desk.ledger()) == {"2026-1", "2025-1"}
    await desk.sql("update bm.jd set ss = '更正的事实' where nd = '2025'")
    assert await desk.sweep() == {"corrected": 1}
    assert (await desk.ledger())["2025-1"][:2] == (2, CORRECTED)


async def test_more_changes_at_once_than_may_be_wait_for_a_word(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.bound("most = 2")
    for key in range(1, 6):
        await desk.decide(key)
    assert await desk.sweep() == {"recorded": 5}
    await desk.sql("update bm.jd set ss = '旧的事实'")
    await desk.decide(6)
    # What is new goes on; it is not corrected a few at a time, sweep by sweep, either.
    assert await desk.sweep() == {"corrected": 2, "refused": 3, "recorded": 1}
    await desk.sql("update capture_item set tried_at = 'epoch'")
    assert await desk.sweep() == {"refused": 3}
    assert list((await desk.work()).values()) == ["CAPTURE_MANY"] * 3
    # One is as it was: nobody's work any more.
    (held, *_) = sorted(await desk.work())
    await desk.change(int(held), "ss = '未按规定培训'")
    assert await desk.sweep() == {}
    assert len(await desk.work()) == 2
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", desk.url)
    monkeypatch.setenv("ZHITONG_STATE", str(desk.folder))
    assert await zhitong("settle", "bm", "*", "another", "--because", "x") == 2
    assert await zhitong("settle", "bm", "*", "correction", "--because", "已核对") == 0
    assert await zhitong("settle", "bm", "*", "correction", "--because", "再次") == 2
    (deed,) = await desk.sql("select target, reason from deed")
    assert tuple(deed) == ("bm/*", "已核对")
    assert await desk.sweep() == {"corrected": 2}
    assert await desk.work() == {}
    # From the next sweep on it begins anew; what is declared void counts as well.
    await desk.sql("update bm.jd set zt = '作废'")
    assert await desk.sweep() == {"withdrawn": 2, "refused": 4}


async def test_a_word_is_about_the_row_that_was_seen(desk: Desk) -> None:
    await desk.decide(1)
    await desk.sweep()
    await desk.change(1, "wh = '某罚〔2026〕77号', mc = '乙公司', ss = '另一件'")
    assert await desk.sweep() == {"refused": 1}
    await desk.sql("update capture_item set settled = 'correction', tried_at = 'epoch'")
    # It is a third one before anybody looks again: that was not what was said.
    await desk.change(1, "wh = '某罚〔2026〕78号', mc = '丙公司', ss = '又一件'")
    assert await desk.sweep() == {"refused": 1}
    assert (await desk.ledger())["1"][:2] == (1, RECORDED)
    (row,) = await desk.sql("select code, settled from capture_item")
    assert tuple(row) == ("CAPTURE_KEY_REUSED", "")


async def test_a_row_that_waited_and_is_gone_waits_no_more(desk: Desk) -> None:
    await desk.decide(1, wh=None)
    assert await desk.sweep() == {"refused": 1}
    await desk.sql("delete from bm.jd")
    assert await desk.sweep() == {}
    assert await desk.work() == {}


async def test_an_amount_that_is_no_number_is_work(desk: Desk) -> None:
    await desk.decide(1, je=Decimal("NaN"))
    assert await desk.sweep() == {"refused": 1}
    assert await desk.work() == {"1": "DECISION_FORMAT"}


async def test_an_id_number_stays_where_it_is_sealed(desk: Desk) -> None:
    number = "11010519491231002X"
    desk.bound("[capture.fields]\ncounterpartyIdNumber = 'dm'\ncounterpartyCode = 'jg'")
    await desk.decide(1, dsrlx="人", mc="李四", dm=number, jg=None)
    assert await desk.sweep() == {"recorded": 1}
    assert await desk.sweep() == {}
    kept = await desk.sql(
        "select t::text from captured t union all select t::text from decision t"
    )
    assert len(kept) == 2
    assert not any(number in row[0] for row in kept)
    (sealed,) = await desk.sql("select count(*) from sealed_number")
    assert sealed[0] == 1
