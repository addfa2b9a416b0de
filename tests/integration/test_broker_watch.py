"""That the broker is silent is said at once, whether anything is to be sent or not."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.broker import Broker
from zhitong.streams.broker_watch import BrokerWatch
from zhitong.streams.kafka_client import Access, Way

pytestmark = pytest.mark.integration
ENDLESS = 60
LOGGER = logging.getLogger("zhitong.watched")
SILENT = "BROKER_UNAVAILABLE: 消息代理没有应答"
BACK = "消息代理恢复应答 the broker answers again"


@asynccontextmanager
async def watching(way: Way) -> AsyncIterator[None]:
    task = asyncio.create_task(BrokerWatch(way, LOGGER).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def own(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the watch said: the client library warns of a busy machine as well."""
    return [record for record in caplog.records if record.name == LOGGER.name]


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in own(caplog)]


async def said(caplog: pytest.LogCaptureFixture, text: str, times: int) -> None:
    async with asyncio.timeout(ENDLESS):
        while caplog.text.count(text) < times:  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.05)


async def test_a_broker_frozen_and_killed_is_told_once_each_time_and_so_is_its_return(
    kafka_factory: Callable[[str], Broker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    kafka = kafka_factory("suffering")
    address = kafka.start()
    async with watching(lambda: address):
        await asyncio.sleep(2.5)
        assert texts(caplog) == []
        await asyncio.to_thread(kafka.freeze)
        await said(caplog, SILENT, 1)
        kafka.thaw()
        await said(caplog, BACK, 1)
        await asyncio.to_thread(kafka.kill)
        await said(caplog, SILENT, 2)
        await asyncio.sleep(2.5)
        assert await asyncio.to_thread(kafka.start) == address
        await said(caplog, BACK, 2)
    said_so = [text[: len(SILENT)] for text in texts(caplog)]
    assert said_so == [SILENT, BACK[: len(SILENT)]] * 2
    assert {record.levelname for record in own(caplog)} == {"WARNING"}


async def test_one_broker_of_several_that_answers_is_enough(
    broker: Access, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    async with watching(
        lambda: replace(
            broker, address=f"{nobody}, {broker.protocol}://{broker.address}"
        )
    ):
        await asyncio.sleep(2.5)
    assert texts(caplog) == []


@pytest.mark.parametrize(
    ("address", "why"),
    [("not an address:x", "ValueError"), ("", "ConnectionRefusedError")],
)
async def test_an_address_that_cannot_be_asked_is_as_silent(
    address: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    async with watching(lambda: Access(address=address or nobody)):
        await said(caplog, SILENT, 1)
    (message,) = texts(caplog)
    assert message.endswith(f"nothing is lost ({why})")


async def test_where_no_address_is_known_yet_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def unknown() -> Access:
        raise SettingsError("没有地址", "no address")

    async with watching(unknown):
        await said(caplog, SILENT, 1)
    (message,) = texts(caplog)
    assert message.endswith("(SettingsError)")


async def test_what_listens_and_is_no_broker_is_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        async with watching(lambda: Access(address=f"{host}:{port}")):
            await said(caplog, SILENT, 1)
    assert texts(caplog)[0].endswith("(ValueError)")
