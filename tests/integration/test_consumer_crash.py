"""Consumers that are killed: effects once, receipts at least once, nothing missing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
from broker_users import known_users
from kafka import KafkaAdminClient
from receiving import (
    CONFIG,
    ENDLESS,
    Site,
    decision,
    entry,
    site,
    until,
)

from zhitong.decisions import Answer, Change
from zhitong.infra.broker import Broker
from zhitong.infra.receiver_keys import make_demo_keys, private_keys
from zhitong.infra.settings import Settings
from zhitong.infra.workers import workers
from zhitong.streams.access_lists import apply_grants
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import ensure_topics

ROOT = Path(__file__).parents[2]
DYING = ROOT / "tests" / "contract" / "dying_consumer.py"


@pytest.mark.parametrize(
    "point", ["after the transaction", "after the offset", "after the receipts"]
)
async def test_wherever_a_consumer_is_killed_effects_are_once_and_receipts_arrive(
    broker: Access, database: str, tmp_path: Path, point: str
) -> None:
    async with site("credit", broker, database) as credit:
        events = [
            credit.outgoing(entry(decision("A"))),
            credit.outgoing(entry(decision("A"), 2, Change.WITHDRAWN)),
            credit.outgoing(entry(decision("B"))),
        ]
        await credit.send(*events)
        keys = tmp_path / "credit.private.json"
        credit.keys.save(keys)
        await _killed(credit, keys, point)
        taken = await credit.rows("select xmin::text as xmin, * from cf_fr")
        assert taken != []

        async with credit.consuming():
            await credit.answered(3)
        after = await credit.rows("select xmin::text as xmin, * from cf_fr")
        # The rows that were there are the same rows: nothing was written again.
        assert set(map(tuple, taken)) <= set(map(tuple, after))
        states = await credit.rows("select state, version from cf_fr order by version")
        assert [tuple(row) for row in states] == [("RECORDED", 1), ("WITHDRAWN", 2)]
        answers = {(r.event_id, r.answer) for r in credit.answers()}
        assert answers == {(event.event_id, Answer.HELD) for event in events}


async def test_what_a_consumer_had_not_taken_when_it_was_killed_comes_again(
    broker: Access, database: str, tmp_path: Path
) -> None:
    async with site("credit", broker, database) as credit:
        event = credit.outgoing(entry(decision("A")))
        await credit.send(event)
        keys = tmp_path / "credit.private.json"
        credit.keys.save(keys)
        await _killed(credit, keys, "before the transaction")
        assert await credit.rows("select from inbox") == []
        administrator = KafkaAdminClient(**broker.configs)
        offsets = administrator.list_group_offsets({credit.group: None})  # type: ignore[no-untyped-call]
        administrator.close()
        assert offsets == {credit.group: {}}
        async with credit.consuming():
            await credit.answered(1)


async def test_who_ends_leaves_behind_how_far_it_has_come(
    broker: Access, database: str
) -> None:
    async with site("credit", broker, database) as credit:

        async def known(count: int) -> bool:
            administrator = KafkaAdminClient(**broker.configs)
            groups = administrator.list_group_offsets({credit.group: None})  # type: ignore[no-untyped-call]
            administrator.close()
            offsets = [int(one.offset) for one in groups[credit.group].values()]
            return sum(offsets) == count

        async with credit.consuming():
            for count, name in enumerate("ABC", 1):
                await credit.send(credit.outgoing(entry(decision(name))))
                await credit.answered(count)
        # The last were taken within a second of a commit: what ends makes one more.
        await until(lambda: known(3))


async def _killed(credit: Site, keys: Path, point: str) -> None:
    """Run a consumer that is killed at *point*."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(DYING), point, stdin=PIPE
    )
    await child.communicate(
        msgspec.json.encode(
            {
                "receiver": "credit",
                "url": credit.url,
                "broker": asdict(credit.broker),
                "topic": credit.topic,
                "receipts": credit.receipts,
                "group": credit.group,
                "keys": str(keys),
            }
        )
    )
    assert child.returncode == -signal.SIGKILL


class Running:
    """``zhitong consume credit`` as processes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.children: list[Process] = []

    async def start(self) -> Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "zhitong.infra.cli",
            "consume",
            "credit",
            env=self._environment,
            stdout=PIPE,
            stderr=PIPE,
        )
        self.children.append(child)
        return child


async def test_the_process_waits_is_killed_comes_again_and_ends_when_asked(
    kafka_factory: Callable[[str], Broker], database: str, tmp_path: Path
) -> None:
    started = kafka_factory("consumed")
    address = started.start()
    settings = Settings(state=tmp_path)
    make_demo_keys(tmp_path, ["credit", "provincial"])
    running = Running(
        {
            **os.environ,
            "ZHITONG_STATE": str(tmp_path),
            **known_users(address, tmp_path / "users"),
            "ZHITONG_DATABASE_AT_CREDIT": database,
        }
    )
    try:
        # The topic is not there yet: it waits, saying so.
        first = await running.start()
        await _says(first.stderr, "TOPIC_MISSING")
        assert [each.name for each in workers(settings)] == ["consume-credit-1"]
        await asyncio.to_thread(apply_grants, address, CONFIG)
        await asyncio.to_thread(ensure_topics, address, CONFIG.topics)
        await _kill_over_and_over(running, address, database, tmp_path)
        last = running.children[-1]
        last.terminate()
        async with asyncio.timeout(ENDLESS):
            assert await last.wait() == 0
        assert list(workers(settings)) == []
    finally:
        for child in running.children:
            with suppress(ProcessLookupError):
                child.kill()
            await child.communicate()


async def _kill_over_and_over(
    running: Running, address: Access, database: str, state: Path
) -> None:
    keys = private_keys(state, "credit")
    async with site("credit", address, database) as made:
        credit = replace(
            made,
            topic="zhitong.anze.credit.v1",
            receipts="zhitong.anze.receipts.v1",
            keys=keys,
            envelopes=ReceiverEnvelopes(
                CONFIG, {"credit": keys.public, "provincial": keys.public}
            ),
        )
        said = [decision(f"K-{number}") for number in range(120)]
        events = [
            credit.outgoing(entry(each, version, change))
            for version, change in ((1, Change.RECORDED), (2, Change.WITHDRAWN))
            for each in said
        ]

        async def arrived(count: int) -> None:
            async def there() -> bool:
                (row,) = await credit.rows("select count(*) from inbox")
                return bool(row["count"] >= count)

            await until(there)

        sending = asyncio.create_task(credit.send(*events))
        for count in (1, 60, 150):
            await arrived(count)
            running.children[-1].kill()
            await running.children[-1].wait()
            await running.start()
        await sending
        await credit.answered(len(events))
        rows = await credit.rows(
            "select state, version, count(*) from cf_fr group by state, version"
        )
        assert [tuple(row) for row in rows] == [("WITHDRAWN", 2, len(said))]
        held = await credit.rows("select count(*) from inbox where answer = 'HELD'")
        assert held[0]["count"] == len(events)
        # A receipt is sent at least once, and says what is so.
        assert {(r.event_id, r.answer) for r in credit.answers()} == {
            (event.event_id, Answer.HELD) for event in events
        }


async def _says(stream: asyncio.StreamReader | None, word: str) -> None:
    assert stream is not None
    async with asyncio.timeout(ENDLESS):
        while word not in (line := (await stream.readline()).decode()):
            assert line, "it ended"
