"""Months of the sent log past their time: bytes archived, and all else stays known."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import uuid
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import orjson
import pytest
from ledger_rows import prepare, run

from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.replays import Replays, Selection
from zhitong.decisions import Answer, Receipt
from zhitong.infra.cli import main

pytestmark = pytest.mark.integration

OLD, NEW = "outbox_sent_2020_01", "outbox_sent_2026_10"
KEY = uuid.UUID(int=7)
PUT = """insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version,
    change, topic, key, schema, payload, payload_hash, key_id, traceparent, created_at,
    attempts, sent_at, kpartition, koffset)
select n, 1, $1::text || n, 'credit', 'd', n, 'RECORDED', 't', 'k', 's', $3::bytea,
    $4::bytea, $5::uuid, '', $2::timestamptz, 0, $2::timestamptz, 1, n
from generate_series($6::int, $7::int) n"""
STAYS = """select seq, event_id, receiver, decision_id, version, topic, key, key_id,
    coalesce(payload_hash, sha256(payload)) as payload_hash, sent_at, kpartition,
    koffset from outbox_sent order by event_id"""


@pytest.fixture
async def platform(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Give a sent log of January 2020 and of October 2026; six months are kept."""
    await prepare(database)
    rules = tmp_path / "retention.toml"
    rules.write_text(
        'tenant = "*"\n'
        + "".join(
            f"[[looks]]\nprotected = {protected}\nfrom = 2026-01-01\nmonths = 36\n"
            'source = "x"\n'
            for protected in ("true", "false")
        )
        + '[[sent]]\nfrom = 2020-01-01\nmonths = 6\nsource = "configured rule"\n',
        "utf-8",
    )
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ZHITONG_RETENTION", str(rules))
    (tmp_path / "kept").mkdir()
    await run(database, "insert into person_key (key_id, person) values ($1, 'p')", KEY)
    old = datetime(2020, 1, 31, 15, 59, 59, tzinfo=UTC)
    new = datetime(2026, 10, 1, tzinfo=UTC)
    for at in (old, new):
        await run(database, "select outbox_sent_month($1::date)", at.date())
    said = hashlib.sha256(b"said").digest()
    await run(database, PUT, "open-", old, b"said", None, None, 1, 3)
    await run(database, PUT, "sealed-", old, b"closed", said, KEY, 4, 4)
    await run(database, PUT, "history-", old, None, None, None, 0, 0)
    await run(database, PUT, "new-", new, b"said", said, None, 5, 6)
    return database


async def zhitong(*words: str) -> int:
    """Run the command line in a thread, where it may have a loop of its own."""

    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["sent", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept" / f"{OLD}.jsonl.gz"


async def archived(tmp_path: Path) -> int:
    folder = str(tmp_path / "kept")
    return await zhitong("retain", "--folder", folder, "--because", "期限届满")


async def test_what_is_past_its_time_is_archived_and_who_had_it_stays_known(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await run(platform, STAYS)
    assert await archived(tmp_path) == 0
    said = capsys.readouterr().out
    assert f"{OLD}  4 件已归档 archived: {kept(tmp_path)}" in said
    assert f"{NEW}  2 件，保存至 kept until 2027-05-01" in said
    assert await run(platform, STAYS) == before
    left = await run(
        platform, "select event_id, payload from outbox_sent order by event_id"
    )
    assert {row["event_id"]: row["payload"] for row in left} == {
        "history-0": None,
        "new-5": b"said",
        "new-6": b"said",
        "open-1": b"",
        "open-2": b"",
        "open-3": b"",
        "sealed-4": b"",
    }
    # The months are as they were: whoever writes or asks finds them.
    parts = await run(
        platform,
        "select inhrelid::regclass::text as name from pg_inherits"
        " where inhparent = 'outbox_sent'::regclass order by 1",
    )
    assert [row["name"] for row in parts] == [OLD, NEW]
    statuses = await run(
        platform,
        "select event_id, status from delivery where event_id not like 'new-%'",
    )
    assert {row["event_id"]: row["status"] for row in statuses} == {
        "history-0": "BEFORE_PLATFORM",
        **dict.fromkeys(("open-1", "open-2", "open-3", "sealed-4"), "SENT"),
    }
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    first, *lines = gzip.decompress(kept(tmp_path).read_bytes()).splitlines()
    assert orjson.loads(first)["month"] == OLD
    assert [orjson.loads(line)["event_id"] for line in lines] == [
        *("open-1", "open-2", "open-3", "sealed-4")
    ]
    (deed,) = await run(platform, "select kind, action, target, body from deed")
    assert tuple(deed)[:3] == ("ARCHIVE", "archive-sent", OLD)
    detail = orjson.loads(deed["body"])["detail"]
    assert detail["sha256"] == hashlib.sha256(kept(tmp_path).read_bytes()).hexdigest()
    assert detail["events"] == 4
    # Once more there is nothing of that month.
    assert await archived(tmp_path) == 0
    assert f"{OLD}  没有原文 no bytes here" in capsys.readouterr().out


async def test_a_receipt_for_what_is_archived_is_filed_and_a_replay_says_what_lacks(
    platform: str, tmp_path: Path
) -> None:
    await archived(tmp_path)
    await run(
        platform,
        "update outbox_sent set event_id = $1 where event_id = 'open-1'",
        str(KEY),
    )
    book = PlatformReceiptBook(platform)
    try:
        await book.file(
            [
                Receipt(
                    event_id=KEY,
                    receiver="credit",
                    answer=Answer.HELD,
                    at=datetime.now(UTC),
                    payload_hash=hashlib.sha256(b"said").hexdigest(),
                )
            ]
        )
    finally:
        await book.close()
    assert len(await run(platform, "select from receipt")) == 1
    async with Replays(platform, None) as replays:
        plan = await replays.select(
            "credit",
            Selection(
                since=datetime(2020, 1, 1, tzinfo=UTC),
                before=datetime(2026, 11, 1, tzinfo=UTC),
            ),
        )
    assert (plan.events, plan.archived, plan.before) == (2, 4, 1)


async def test_an_archive_is_verified_against_its_deed(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(platform, "select from outbox_sent")
    await archived(tmp_path)
    path = kept(tmp_path)
    assert await zhitong("verify", str(path)) == 0
    assert "4 件 events  与操作登记一致 as its deed says" in capsys.readouterr().out
    whole = gzip.decompress(path.read_bytes())
    first, *lines = whole.splitlines(keepends=True)
    # An event left out, sealed bytes changed: of its form, and not what the deed says.
    other = lines[-1].replace(b'"Y2xvc2Vk"', b'"Y2xvc2Vl"')
    assert other != lines[-1]
    for forged in ([first, *lines[1:]], [first, *lines[:-1], other]):
        path.write_bytes(gzip.compress(b"".join(forged)))
        assert await zhitong("verify", str(path)) == 1
    # Open bytes changed, and a file that is cut off: no archive at all.
    path.write_bytes(gzip.compress(whole.replace(b'"c2FpZA=="', b'"c2FpZQ=="')))
    assert await zhitong("verify", str(path)) == 2
    path.write_bytes(gzip.compress(whole)[:-9])
    assert await zhitong("verify", str(path)) == 2
    assert "is none of a sent log, or was changed" in capsys.readouterr().err


async def test_what_is_not_due_or_only_asked_about_stays(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "kept")
    words = ("retain", "--folder", folder, "--because", "期限届满")
    assert await zhitong(*words, "--dry-run") == 0
    assert f"{OLD}  4 件将归档 would be archived" in capsys.readouterr().out
    assert await zhitong("retain", "--folder", folder, "--because", " ") == 2
    assert await zhitong("retain", "--folder", f"{folder}/no", "--because", "x") == 2
    kept(tmp_path).write_bytes(b"mine")
    assert await archived(tmp_path) == 2
    assert "exists already" in capsys.readouterr().err
    assert kept(tmp_path).read_bytes() == b"mine"
    assert await run(platform, "select from deed") == []
    left = "select from outbox_sent where payload <> ''"
    assert len(await run(platform, left)) == 6


async def test_a_month_that_somebody_reads_is_left_whole(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = await asyncpg.connect(platform)
    try:
        async with reader.transaction():
            await reader.fetch("select count(*) from outbox_sent")  # as a backup does
            assert await archived(tmp_path) == 2
    finally:
        await reader.close()
    assert "somebody reads that month" in capsys.readouterr().err
    assert list((tmp_path / "kept").iterdir()) == []
    assert await run(platform, "select from deed") == []
    assert len(await run(platform, "select from outbox_sent where payload <> ''")) == 6
    assert await archived(tmp_path) == 0


async def test_a_sent_log_goes_on_over_new_year_in_the_month_of_the_city(
    platform: str,
) -> None:
    # As a relay does each day: this month and the next.
    await run(
        platform,
        "select outbox_sent_month((day + next)::date)"
        " from (select date '2026-12-31' as day) today,"
        " unnest(array[interval '0', interval '1 month']) next",
    )
    for at in ("2026-12-31T15:59:59.999999Z", "2026-12-31T16:00:00Z"):
        moment = datetime.fromisoformat(at)
        await run(platform, PUT, at, moment, b"x", None, None, 9, 9)
    found = await run(
        platform,
        "select tableoid::regclass::text as part from outbox_sent where seq = 9"
        " order by sent_at",
    )
    assert [row["part"] for row in found] == [
        "outbox_sent_2026_12",
        "outbox_sent_2027_01",
    ]
