"""Parked keys: shown, let go on, given up; each act with a reason that is kept."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from entries import SEALING
from ledger_rows import prepare, put, run
from outgoing import outgoing
from receiving import decision, entry, of_person, until
from replaying import Platform, another, platform

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.sealing import unseal_bytes
from zhitong.decisions import Change
from zhitong.infra.cli import main
from zhitong.streams.kafka_client import Access
from zhitong.streams.notices import read_notice

pytestmark = pytest.mark.integration
ACTIONS = "select who, action, target, reason from deed order by at"


@pytest.fixture
async def parked(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """Give a platform's address and a key that is parked there, of two events."""
    await prepare(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    events = [outgoing(1, "sick"), outgoing(2, "sick")]
    await put(database, events)
    outbox = PlatformOutbox(database, "one")
    await outbox.own()
    for _ in range(3):
        await outbox.failed(1, "too large")
    await outbox.park(1, "too large")
    await outbox.close()
    return database, events[0].key


async def zhitong(*words: str) -> int:
    """Run the command line in a thread, where it may have a loop of its own."""

    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["parked", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


async def test_a_parked_key_is_listed_shown_and_goes_on_when_it_is_released(
    parked: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    platform, key = parked
    assert await zhitong("list") == 0
    listed = capsys.readouterr().out
    assert f"provincial {key}  待发 waiting 2  自 since " in listed
    assert listed.endswith("  too large\n")
    assert await zhitong("list", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)
    dead = str(outgoing(1).event_id)
    assert (one["receiver"], one["key"], one["waiting"]) == ("provincial", key, 2)
    assert (one["first_event"], one["reason"]) == (dead, "too large")

    assert await zhitong("show", "provincial", key) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"死信 dead letter  {dead}  决定 decision {dead} 第 1 版")
    assert "尝试 attempts 3  too large" in first
    assert second.startswith(str(outgoing(2).event_id))
    assert await zhitong("show", "provincial", key, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [each["dead"] for each in shown] == [True, False]
    assert shown[0]["payload_hash"] == hashlib.sha256(b"1").hexdigest()

    assert await zhitong("release", "provincial", key, "--because", "已调大上限") == 0
    outbox = PlatformOutbox(platform, "one")
    await outbox.own()
    assert [(e.seq, e.attempts) for e in await outbox.waiting(10)] == [(1, 0), (2, 0)]
    await outbox.close()
    assert await run(platform, "select 1 from dead_letter") == []
    assert [tuple(row) for row in await run(platform, ACTIONS)] == [
        (getpass.getuser(), "release", f"provincial/{key}", "已调大上限")
    ]
    assert await zhitong("list") == 0
    assert "没有停发的键 No key is parked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("release", "credit", "{key}", "--because", "x"),
            "credit: no key {key} is parked",
            id="another receiver's",
        ),
        pytest.param(
            ("show", "provincial", "00"), "provincial: no key 00", id="not parked"
        ),
        pytest.param(
            ("release", "provincial", "{key}", "--because", " "),
            "say why",
            id="no reason",
        ),
        pytest.param(
            ("skip", "provincial", "{second}", "--because", "x"),
            "is no dead letter",
            id="only waits",
        ),
        pytest.param(
            ("skip", "credit", "{first}", "--because", "x"),
            "is no dead letter",
            id="another receiver's event",
        ),
        pytest.param(
            ("skip", "provincial", "{first}", "--because", "11010519491231002X"),
            "without a resident ID number",
            id="a number in the reason",
        ),
    ],
)
async def test_what_cannot_be_done_is_said_and_leaves_no_trace(
    parked: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    platform, key = parked
    first, second = outgoing(1).event_id, outgoing(2).event_id
    filled = [word.format(key=key, first=first, second=second) for word in words]
    assert await zhitong(*filled) == 2
    error = capsys.readouterr().err
    assert error.startswith("RECEIVER: ")
    assert said.format(key=key) in error
    assert await run(platform, ACTIONS) == []
    assert await run(platform, "select from skipped_event") == []
    assert len(await run(platform, "select from outbox where parked")) == 2


@pytest.fixture
async def sending(
    database: str,
    postgres: str,
    broker: Access,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Platform]:
    """Give a platform that sends, and a receiver with a database of its own."""
    async with (
        another(postgres) as own,
        platform(database, own, broker, tmp_path) as made,
    ):
        monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
        monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
        monkeypatch.setenv("ZHITONG_TENANT", made.settings.tenant)
        yield made


async def test_a_dead_letter_given_up_is_told_by_a_notice_and_its_bytes_are_kept(
    sending: Platform,
) -> None:
    sick, person = decision("S-1"), of_person(local_id="S-2", case_no="AZYJ-S-2")
    await sending.commit(entry(sick), entry(person))
    grown = "payload || convert_to(repeat(' ', 1100000), 'UTF8')"
    await run(sending.url, f"update outbox set payload = {grown}")  # noqa: S608 - ours
    await sending.commit(entry(sick, 2, Change.CORRECTED))
    bytes_of = {
        row["event_id"]: row["payload"]
        for row in await run(sending.url, "select * from outbox where version = 1")
    }
    async with sending.relaying(), sending.credit.consuming():

        async def stopped() -> bool:
            return len(await run(sending.url, "select from parked_key")) == 2

        await until(stopped)
        assert sending.on(sending.credit.topic) == []
        for event in bytes_of:
            words = ("skip", "credit", event, "--because", "超过上限，无法拆分")
            assert await zhitong(*words) == 0
        await sending.credit.answered(3)
    inbox = await sending.credit.rows(
        "select decision_id, version, answer, reasons from inbox order by 1, 2"
    )
    assert {tuple(row)[:3] for row in inbox} == {
        (str(sick.id), 1, "REJECTED"),
        (str(sick.id), 2, "HELD"),
        (str(person.id), 1, "REJECTED"),
    }
    assert "正文无法发送 its content could not be sent" in inbox[0]["reasons"][0] or (
        "正文无法发送" in inbox[1]["reasons"][0]
    )
    notices = [read_notice(value) for *_, value, _ in sending.on(sending.credit.topic)]
    told = {str(one.event_id): one.payload_hash for one in notices if one}
    assert told == {
        event: hashlib.sha256(value).hexdigest() for event, value in bytes_of.items()
    }
    book = PlatformReceiptBook(sending.url)
    try:
        await book.file(sending.credit.answers())
    finally:
        await book.close()
    assert await run(sending.url, "select from stray_receipt") == []

    # What was given up is kept: in clear, or sealed under the person's key.
    kept = {
        row["event_id"]: row
        for row in await run(
            sending.url,
            "select s.*, person, wrapped from skipped_event s"
            " left join person_key using (key_id)",
        )
    }
    assert kept.keys() == bytes_of.keys()
    for event, value in bytes_of.items():
        row = kept[event]
        assert row["payload_hash"] == hashlib.sha256(value).digest()
        if row["key_id"] is None:
            assert row["payload"] == value
            continue
        key = SEALING.unwrapped(row["key_id"], row["person"], row["wrapped"])
        # Sealed before it grew.
        assert value.startswith(
            unseal_bytes(key, row["payload"], f"payload/{event}/credit")
        )
    assert {row["key_id"] is None for row in kept.values()} == {True, False}
    assert await run(sending.url, "select from sealed_payload") == []
    done = await run(sending.url, "select target from deed where action = 'skip-event'")
    assert {row["target"] for row in done} == {f"credit/{event}" for event in bytes_of}
