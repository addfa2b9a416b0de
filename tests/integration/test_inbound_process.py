"""Who takes what others send: over a real broker, killed, and told to let it go on."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from uuid import UUID

import pytest
from broker_users import known_users
from receiving import ENDLESS, until
from sending import CONFIG, KEYS, Line, Platform, line, platform, put, told, wire
from topic_reader import read

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.inbound import Fate
from zhitong.infra.broker import Broker
from zhitong.infra.cli import main
from zhitong.infra.receiver_keys import public_path
from zhitong.streams.access_lists import apply_grants
from zhitong.streams.inbound_receipts import read_inbound_receipt
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration

DYING = Path(__file__).parents[2] / "tests" / "contract" / "dying_receiver.py"


@pytest.fixture
async def here(database: str) -> AsyncIterator[Platform]:
    """Give the platform, its database empty."""
    async with platform(database) as made:
        yield made


@pytest.fixture
async def credit(here: Platform, broker: Access, tmp_path: Path) -> AsyncIterator[Line]:
    """Give the credit system's line to us."""
    async with line(here, broker, tmp_path / "evidence") as made:
        yield made


async def test_each_message_is_answered_by_a_signed_receipt_and_bad_ones_stop_none(
    credit: Line,
) -> None:
    good, late = told("listing.entered"), told("listing.removed", 2)
    values = [wire(late), b"nothing", wire(good), wire(good)]
    await credit.send(*values)
    async with credit.receiving():
        await credit.answered(5)
    said = [(each.event_id, each.verdict) for each in credit.receipts()]
    assert sorted(said, key=str) == sorted(
        [
            (str(late.event_id), Fate.WAITING),
            (str(late.event_id), Fate.ACCEPTED),
            (None, Fate.QUARANTINED),
            (str(good.event_id), Fate.ACCEPTED),
            (str(good.event_id), Fate.DUPLICATE),
        ],
        key=str,
    )
    (odd,) = (each for each in credit.receipts() if each.event_id is None)
    assert odd.reasons == ["UNREADABLE"]
    assert odd.of_hash == hashlib.sha256(b"nothing").hexdigest()
    assert await credit.platform.states() == {"LISTING L-1": "REMOVED 2"}


@pytest.mark.parametrize(
    "point", ["before the transaction", "after the transaction", "after the receipts"]
)
async def test_wherever_it_is_killed_effects_are_once_and_receipts_arrive(
    credit: Line, tmp_path: Path, point: str
) -> None:
    first, second = told("listing.entered"), told("repair.granted")
    await credit.send(wire(first), wire(second))
    keys = tmp_path / "credit.public.json"
    KEYS["credit"].public.save(keys)
    given = {
        "url": credit.platform.url,
        "broker": asdict(credit.broker),
        "own": credit.sender.own,
        "keys": str(keys),
        "folder": str(credit.folder),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(DYING), point, stdin=PIPE
    )
    async with asyncio.timeout(ENDLESS):
        await process.communicate(json.dumps(given).encode())
    assert process.returncode == -signal.SIGKILL
    rows = "select xmin::text, message_id from inbound_verdict order by message_id"
    before = await credit.platform.rows(rows)
    assert (before == []) is (point == "before the transaction")
    async with credit.receiving():
        await credit.answered(2)
    # What was judged is not judged again: the same rows, and none beside them.
    after = await credit.platform.rows(rows)
    assert len(after) == 2
    assert set(map(tuple, before)) <= set(map(tuple, after))
    answered = {(each.event_id, each.verdict) for each in credit.receipts()}
    assert answered == {
        (str(first.event_id), Fate.ACCEPTED),
        (str(second.event_id), Fate.ACCEPTED),
    }


async def test_two_processes_share_the_work_one_is_killed_and_nothing_is_lost(
    here: Platform,
    kafka_factory: Callable[[str], Broker],
    tmp_path: Path,
) -> None:
    address = kafka_factory("consumed").start()
    environment = {
        **os.environ,
        "ZHITONG_STATE": str(tmp_path),
        **known_users(address, tmp_path / "users"),
        "ZHITONG_DATABASE_PLATFORM": here.url,
    }
    await asyncio.to_thread(apply_grants, address, CONFIG)
    await asyncio.to_thread(ensure_topics, address, CONFIG.topics)
    for name, keys in KEYS.items():
        keys.public.save(public_path(tmp_path, name))
    user = "zhitong.anze.credit"
    credit = replace(address, user=user, password=f"password of {user}")
    (sender,) = (each for each in CONFIG.inbound if each.name == "credit")
    numbers = [f"P-{number}" for number in range(30)]
    listings = [told("listing.entered", subject=each) for each in numbers]
    repairs = [told("repair.granted", subject=each, listingNo=each) for each in numbers]
    # Repairs lie in other partitions than their listings, and begin before them.
    sent = [(each, n) for n, each in enumerate(repairs)]
    sent += [(each, n + 1) for n, each in enumerate(listings)]
    children = [await _receive(environment), await _receive(environment)]
    try:
        for first in range(0, len(sent), 12):
            some = sent[first : first + 12]
            values = [(wire(each), n) for each, n in some]
            await put(credit, sender.topic, values)
        await _until(here, 20)
        children[0].kill()
        children.append(await _receive(environment))
        await _until(here, len(sent), "where verdict = 'ACCEPTED'")
        assert len(await here.states()) == len(sent)
        assert await here.rows("select from inbound_held") == []
        await _until(here, 0, table="inbound_receipt")
        rows = await here.rows("select key_id, spki from evidence_key")
        known = {row["key_id"]: pem(PUBLIC, row["spki"]) for row in rows}
        there = read(credit, sender.receipts, 1)
        receipts = [read_inbound_receipt(one[3], known) for one in there]
        accepted = {one.event_id for one in receipts if one.verdict is Fate.ACCEPTED}
        assert accepted == {str(each.event_id) for each, _ in sent}
        for child in children[1:]:
            # A process that has not said that it runs knows no signals yet.
            assert child.stdout is not None
            assert await child.stdout.readline()
            child.terminate()
            async with asyncio.timeout(ENDLESS):
                assert await child.wait() == 0
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                child.kill()
            await child.communicate()


async def _receive(environment: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "zhitong.infra.cli", "receive"),
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
    )


async def _until(
    here: Platform, count: int, where: str = "", table: str = "inbound_verdict"
) -> None:
    """Wait until *table* has *count* rows; 0: until it has none."""

    async def there() -> bool:
        rows = await here.rows(f"select from {table} {where}")
        return len(rows) >= count if count else not rows

    await until(there)


# --- the operator --------------------------------------------------------------


async def zhitong(*words: str) -> int:
    """Run the command line in a thread, where it may have a loop of its own."""

    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["inbound", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


@pytest.fixture
def state(here: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the state folder of an operator; no sender has given a key yet."""
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", here.url)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    return tmp_path


async def test_what_is_in_quarantine_is_listed_and_released_once_its_cause_is_gone(
    here: Platform, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Signed by a key that was not here when it came, and a follower that waits.
    await here.take(told("repair.granted"))
    (odd,) = await here.take(wire(told("listing.entered"), "provincial"))
    assert odd.reasons == ("WRONG_SIGNER",)
    assert await zhitong("list") == 0
    waits, wrong = capsys.readouterr().out.splitlines()
    assert "WAITING" in waits
    assert waits.endswith("等待 waits for LISTING L-1")
    assert f"{odd.message} credit QUARANTINED" in wrong
    assert await zhitong("list", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 2

    # Not yet: it goes nowhere, and that it was tried is on record.
    assert await zhitong("release", str(odd.message), "--because", "再试") == 1
    assert "QUARANTINED WRONG_SIGNER" in capsys.readouterr().out
    assert await here.states() == {}

    registered(state, "provincial")
    assert await zhitong("release", str(odd.message), "--because", "补登公钥") == 0
    out = capsys.readouterr().out
    assert f"{odd.message} ACCEPTED" in out
    assert await here.states() == {
        "LISTING L-1": "ENTERED 1",
        "REPAIR R-1": "GRANTED 1",
    }
    assert await here.rows("select from inbound_held") == []
    deeds = await here.rows("select who, action, target, reason from deed order by at")
    target, who = f"credit/{odd.message}", getpass.getuser()
    assert [tuple(row) for row in deeds] == [
        (who, "release-inbound", target, "再试"),
        (who, "release-inbound", target, "补登公钥"),
    ]
    assert await zhitong("show", str(odd.message), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    # Its bytes have names in them: they are read for a reason, and on record.
    assert "raw" not in shown
    assert await zhitong("show", str(odd.message), "--raw") == 2
    capsys.readouterr()
    raw = ("show", str(odd.message), "--json", "--raw", "--because", "核对")
    assert await zhitong(*raw) == 0
    assert "jws" in json.loads(capsys.readouterr().out)["raw"]
    (deed,) = await here.rows("select reason from deed where action = 'read-inbound'")
    assert deed["reason"] == "核对"
    assert [each["verdict"] for each in shown["verdicts"]] == [
        "QUARANTINED",
        "QUARANTINED",
        "ACCEPTED",
    ]
    # Released for good: its event id is taken from now on.
    assert await zhitong("release", str(odd.message), "--because", "再来") == 2
    assert "INBOUND" in capsys.readouterr().err


async def test_all_that_are_held_for_one_reason_are_let_go_as_they_came(
    here: Platform, state: Path
) -> None:
    repair, listing = (told(what) for what in ("repair.granted", "listing.entered"))
    await here.take(*(wire(each, "provincial") for each in (repair, listing)))
    (odd,) = await here.take(b"nothing")
    assert await zhitong("release", "--because", "谁也没有写明") == 2
    registered(state, "provincial")
    every = ("--all", "WRONG_SIGNER", "--sender", "credit", "--because", "补登公钥")
    assert await zhitong("release", *every) == 0
    assert await here.states() == {
        "LISTING L-1": "ENTERED 1",
        "REPAIR R-1": "GRANTED 1",
    }
    (held,) = await here.rows("select message_id from inbound_held")
    assert held["message_id"] == odd.message
    unread = ("--all", "UNREADABLE", "--sender", "credit", "--because", "无用")
    assert await zhitong("give-up", *unread) == 0
    assert await here.rows("select from inbound_held") == []
    assert await zhitong("give-up", *unread) == 2  # there are none


def registered(state: Path, signer: str) -> None:
    """Register the keys of *signer* as those of the credit system."""
    path = public_path(state, "credit")
    KEYS[signer].public.save(path)
    text = path.read_text("utf-8").replace(
        f'"receiver":"{signer}"', '"receiver":"credit"'
    )
    path.write_text(text, "utf-8")


@pytest.mark.usefixtures("state")
async def test_what_is_given_up_has_no_effect_and_its_sender_is_told(
    here: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    (waits,) = await here.take(told("repair.granted"))
    assert await zhitong("give-up", str(waits.message), "--because", "重复推送") == 0
    await here.take(told("listing.entered"))
    assert await here.states() == {"LISTING L-1": "ENTERED 1"}
    due = await here.book.due(10)
    assert [each.fate for each in due] == [Fate.WAITING, Fate.GIVEN_UP, Fate.ACCEPTED]
    (deed,) = await here.rows("select action, reason from deed")
    assert tuple(deed) == ("give-up-inbound", "重复推送")
    assert await zhitong("give-up", str(waits.message), "--because", "重复") == 2
    assert await zhitong("show", str(UUID(int=0))) == 2
    number = "11010519491231002X"
    assert await zhitong("release", str(waits.message), "--because", number) == 2
    assert number not in capsys.readouterr().err
