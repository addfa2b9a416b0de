"""What nobody foresaw in one receiver's channel, and everybody else."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import pytest
from outgoing import TOPICS, outgoing

from zhitong.connectors.memory_outbox import MemoryOutbox
from zhitong.decisions import Ack
from zhitong.exceptions import SettingsError
from zhitong.infra.guarded import Guarded, guarded
from zhitong.infra.secret import read_private
from zhitong.streams.channels import FileChannel, HttpChannel
from zhitong.streams.file_drop import FileSender
from zhitong.streams.http_push import HttpSender
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.producer import Fault
from zhitong.streams.relay import Relay

TOPIC = TOPICS["provincial"]
CHANNEL = HttpChannel(url="http://127.0.0.1:9/take", requester="a", interface="s")


def broken() -> bytes:
    raise ValueError("李四 110105")


async def test_one_that_raises_ends_neither_the_relay_nor_another_lane(
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = MemoryBroker({TOPIC: 12})
    outbox = MemoryOutbox([outgoing(1, receiver="credit"), outgoing(2)])
    relay = Relay(
        outbox,
        lambda: MemoryProducer(there),
        others={
            "credit": lambda: Guarded("credit", HttpSender(CHANNEL, broken, print))
        },
        longest_rest=0.01,
    )
    task = asyncio.create_task(relay.run())
    async with asyncio.timeout(60):
        for seq in (2, 3, 4):
            outbox.rows[seq] = outgoing(seq)
            while seq in outbox.rows:  # noqa: ASYNC110 - a relay tells nobody
                await asyncio.sleep(0.01)
        while not caplog.records:  # noqa: ASYNC110 - nor does a log
            await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert list(outbox.rows) == [1]
    assert outbox.parked == {}, "nobody says that it is the event's fault"
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert said
    assert all("ValueError" in one and "test_guarded.py" in one for one in said)
    assert not any("李四" in one for one in said), "what is raised may quote a person"


def test_what_is_raised_is_a_fault_of_each() -> None:
    sender = Guarded("credit", HttpSender(CHANNEL, broken, print))
    answers = sender.send_batch([outgoing(1), outgoing(2)])
    sender.reset()
    sender.close()
    found = [each for each in answers if isinstance(each, Fault)]
    assert [(each.seq, each.error.code) for each in found] == [
        (1, "RECEIVER_UNAVAILABLE"),
        (2, "RECEIVER_UNAVAILABLE"),
    ]


def test_what_goes_well_is_not_touched(tmp_path: Path) -> None:
    sender = Guarded("credit", FileSender("credit", FileChannel(folder=str(tmp_path))))
    (answer,) = sender.send_batch([outgoing(1)])
    sender.close()
    assert isinstance(answer, Ack)


async def test_a_reader_that_raises_begins_anew() -> None:
    times: list[int] = []
    again = asyncio.Event()

    async def read() -> None:
        times.append(len(times))
        if len(times) > 2:
            again.set()
            await asyncio.Event().wait()
        raise OverflowError

    task = asyncio.create_task(guarded("credit", read, pause_seconds=0.0))
    async with asyncio.timeout(60):
        await again.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert times == [0, 1, 2]


def test_a_secret_is_for_us_alone_and_a_text(tmp_path: Path) -> None:
    path = tmp_path / "credit.secret"
    path.write_text("a secret\n", "utf-8")
    path.chmod(0o600)
    assert read_private(path) == "a secret"
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_private(path)
    path.chmod(0o600)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="UnicodeDecodeError"):
        read_private(path)
