from __future__ import annotations

import asyncio
import getpass
from pathlib import Path

import pytest
from ledger_rows import prepare, put, run
from outgoing import outgoing

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.infra.cli import main

pytestmark = pytest.mark.integration
ACTIONS = "select who, action, target, reason from deed order by at"


@pytest.fixture
async def platform(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    await prepare(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    return database


async def zhitong(*words: str) -> int:
    """Run the command line in a thread, where it may have a loop of its own."""

    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["receivers", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


async def test_a_receiver_is_suspended_and_resumed_with_a_reason_that_is_kept(
    platform: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(platform, [outgoing(1, receiver="credit")])
    outbox = PlatformOutbox(platform, "one")
    await outbox.own()
    assert await zhitong("suspend", "credit", "--because", "对方停机维护") == 0
    assert await outbox.waiting(10) == []
    await run(platform, "update outbox set change = 'CORRECTED'")
    assert await zhitong("list") == 0
    listed = capsys.readouterr().out
    assert "其中更正和撤销 corrections 1" in listed
    assert "，自 since 20" in listed
    assert "credit       SUSPENDED  zhitong.anze.credit.v1  待发 waiting 1" in listed
    assert "原因 because: 对方停机维护" in listed
    assert (
        "provincial   ACTIVE     zhitong.anze.provincial.v1  待发 waiting 0" in listed
    )
    assert await zhitong("resume", "credit", "--because", "维护结束") == 0
    assert [event.seq for event in await outbox.waiting(10)] == [1]
    await outbox.close()
    me = getpass.getuser()
    assert [tuple(row) for row in await run(platform, ACTIONS)] == [
        (me, "suspend", "credit", "对方停机维护"),
        (me, "resume", "credit", "维护结束"),
    ]


async def test_more_than_ten_thousand_that_wait_are_said_to_be_more(
    platform: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(
        platform,
        "insert into outbox (bucket, event_id, receiver, decision_id, version, change,"
        " topic, key, schema, payload, traceparent)"
        " select 0, n, 'credit', n, 1, 'RECORDED', 't', n, 's', '', ''"
        " from generate_series(1, 10001) n",
    )
    assert await zhitong("list") == 0
    assert "zhitong.anze.credit.v1  待发 waiting 10,000+，" in capsys.readouterr().out
    await run(platform, "delete from outbox where key = '1'")
    assert await zhitong("list") == 0
    assert "zhitong.anze.credit.v1  待发 waiting 10,000，" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("suspend", "kredit", "--because", "x"),
            "kredit: there is no such receiver, only credit、provincial",
            id="unknown",
        ),
        pytest.param(
            ("resume", "credit", "--because", "x"),
            "credit: not suspended",
            id="not suspended",
        ),
        pytest.param(
            ("suspend", "credit", "--because", " "), "say why", id="no reason"
        ),
    ],
)
async def test_what_cannot_be_done_is_said_and_leaves_no_trace(
    platform: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert await zhitong(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("RECEIVER: ")
    assert said in error
    assert await run(platform, ACTIONS) == []


async def test_who_is_suspended_already_is_not_called_unknown(
    platform: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("suspend", "credit", "--because", "对方停机维护")
    assert await zhitong(*words) == 0
    assert await zhitong(*words) == 2
    said = capsys.readouterr().err
    assert said == "RECEIVER: credit：已经暂停\n  credit: suspended already\n"
    assert len(await run(platform, ACTIONS)) == 1


async def test_without_a_database_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    monkeypatch.delenv("ZHITONG_DATABASE_PLATFORM", raising=False)
    assert await zhitong("list") == 2
    assert "zhitong up" in capsys.readouterr().err
