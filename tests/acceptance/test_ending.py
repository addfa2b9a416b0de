"""The process is told to end while it is asked over WebSocket and SSE."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import httpx
import pytest
from sealing_log import until
from streaming import BUREAU, events, penalty
from tests.acceptance.conftest import Zhitong
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.embedded import Cluster
from zhitong.types import Principal

pytestmark = pytest.mark.integration

ENDLESS = 240.0
"""Seconds after which a test would wait for ever."""
SUPERVISOR = DEMO_PRINCIPALS["supervisor"]
DECISIONS = """subscription($after: String) { decisions(after: $after) {
  position nodes { decision { decisionId } } } }"""
PAGE = "{ decisions(first: 1) { nodes { decisionId } } }"
RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  decisionId } }"""
RESTART = 1012

Json = dict[str, Any]


@pytest.fixture
def city(zhitong: Zhitong) -> Iterator[Zhitong]:
    """Give a city whose log is sealed."""
    code, said = zhitong.run("up")
    assert code == 0, said
    with zhitong.start("seal") as sealer:
        try:
            yield zhitong
        finally:
            sealer.terminate()


async def begun(city: Zhitong, stack: ExitStack) -> subprocess.Popen[str]:
    """Begin a gateway, which ends with *stack*."""
    process = stack.enter_context(city.start("serve", "--port", "0"))
    stack.callback(process.kill)

    async def ready() -> bool:
        return city.gateway() is not None or process.poll() is not None

    await until(ready)
    return process


@asynccontextmanager
async def acknowledged(
    city: Zhitong, who: Principal
) -> AsyncIterator[ClientConnection]:
    note = city.gateway()
    assert note is not None
    url = note.url.replace("http", "ws", 1) + "/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(url, subprotocols=[protocol], proxy=None) as connection:
        said = {"authorization": f"Bearer {DemoIssuer(city.state).issue(who)}"}
        await say(connection, type="connection_init", payload=said)
        assert await hear(connection) == {"type": "connection_ack"}
        yield connection


async def say(connection: ClientConnection, **message: object) -> None:
    await connection.send(json.dumps(message))


async def subscribe(
    connection: ClientConnection, name: str, query: str, **variables: object
) -> None:
    payload = {"query": query, "variables": variables}
    await say(connection, type="subscribe", id=name, payload=payload)


async def hear(connection: ClientConnection) -> Json:
    heard: Json = json.loads(await connection.recv())
    return heard


async def position(connection: ClientConnection) -> str:
    """Give the position that the first answer of a subscription begins at."""
    found: str = (await hear(connection))["payload"]["data"]["decisions"]["position"]
    return found


async def closed(connection: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed):
        await hear(connection)
    return connection.close_code


@asynccontextmanager
async def held(url: str, table: str, waiting: int) -> AsyncIterator[asyncio.Event]:
    """Let nobody write to *table*; the event is set when so many wait to do so."""
    looking = await asyncpg.connect(url)
    holding = await asyncpg.connect(url)
    all_wait = asyncio.Event()

    async def look() -> None:
        while not all_wait.is_set():
            found = await looking.fetchval(
                "select count(distinct pid) from pg_locks"
                " where relation = $1::text::regclass and not granted",
                table,
            )
            if found >= waiting:
                all_wait.set()
            await asyncio.sleep(0.01)

    looks = asyncio.create_task(look())
    try:
        async with holding.transaction():
            await holding.execute(f"lock table {table} in exclusive mode")
            yield all_wait
    finally:
        looks.cancel()
        await asyncio.gather(looks, return_exceptions=True)
        await holding.close()
        await looking.close()


async def asked_by_events(city: Zhitong) -> httpx.Response:
    note = city.gateway()
    assert note is not None
    headers = {
        "authorization": f"Bearer {DemoIssuer(city.state).issue(BUREAU)}",
        "accept": "text/event-stream",
    }
    async with httpx.AsyncClient(timeout=ENDLESS) as client:
        return await client.post(
            f"{note.url}/graphql",
            json={"query": RECORD, "variables": {"d": penalty()}},
            headers=headers,
        )


async def refused(city: Zhitong) -> bool:
    """Say whether nobody is let in any more."""
    note = city.gateway()
    assert note is not None
    try:
        _, writer = await asyncio.open_connection(*note.url[7:].split(":"))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_what_is_under_way_is_answered_and_subscribers_come_back(
    city: Zhitong,
) -> None:
    superuser = Cluster(city.state, ["platform"]).start()["platform"]
    with ExitStack() as stack:
        async with asyncio.timeout(ENDLESS):
            process = await begun(city, stack)
            async with (
                acknowledged(city, SUPERVISOR) as watching,
                acknowledged(city, BUREAU) as asking,
            ):
                await subscribe(watching, "1", DECISIONS)
                place = await position(watching)
                await subscribe(asking, "1", DECISIONS)
                await position(asking)
                async with held(superuser, "decision", 2) as all_wait:
                    await subscribe(asking, "2", RECORD, d=penalty())
                    streaming = asyncio.create_task(asked_by_events(city))
                    await all_wait.wait()
                    process.send_signal(signal.SIGTERM)
                    assert await closed(watching) == RESTART
                    # Only now has the server told its connections to end.
                    await until(partial(refused, city))
                    await subscribe(asking, "3", PAGE)
                    assert not streaming.done()
                answer = await hear(asking)
                assert (answer["id"], answer["type"]) == ("2", "next")
                assert await hear(asking) == {"id": "2", "type": "complete"}
                assert await closed(asking) == RESTART
                told = [one async for one in events(await streaming)]
                assert [name for name, _ in told] == ["next", "complete"]
                bodies = answer["payload"], json.loads(told[0][1])
                recorded = [body["data"]["recordDecision"] for body in bodies]
            assert await asyncio.to_thread(process.wait, 20) == 0
            await begun(city, stack)
            async with acknowledged(city, SUPERVISOR) as again:
                await subscribe(again, "1", DECISIONS, after=place)
                assert await position(again) == place
                found: list[Json] = []
                while len(found) < len(recorded):
                    told = (await hear(again))["payload"]["data"]["decisions"]
                    found += [one["decision"] for one in told["nodes"]]
            assert sorted(found, key=str) == sorted(recorded, key=str)
