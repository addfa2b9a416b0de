"""A server has said its last word on a line, and the line is not closed yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from zhitong.connectors.receiver_control import ReceiverControl
from zhitong.exceptions import LedgerUnavailableError

pytestmark = pytest.mark.integration


@asynccontextmanager
async def never_closed(url: str) -> AsyncIterator[str]:
    """Lead to the server at *url* over a line whose end never comes."""
    where = urlsplit(url)
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, thither = await asyncio.open_connection(where.hostname, where.port)

        async def carry(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            while piece := await source.read(65_536):
                to.write(piece)

        ways = [
            asyncio.ensure_future(carry(reader, thither)),
            asyncio.ensure_future(carry(there, writer)),
        ]
        await over.wait()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        thither.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = where.netloc.rpartition("@")[0]
    try:
        yield where._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()
    finally:
        over.set()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)


async def test_a_session_that_was_ended_is_a_database_that_is_away(
    database: str,
) -> None:
    async with never_closed(database) as url, ReceiverControl(url) as control:
        operator = await asyncpg.connect(database)
        ended = await operator.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )
        assert len(ended) == 1
        await operator.close()
        # Its last word is there; that the line ends with it is not known yet.
        await asyncio.sleep(0.2)
        with pytest.raises(LedgerUnavailableError) as away:
            await control.states()
        assert isinstance(away.value.__cause__, asyncpg.InternalClientError)
