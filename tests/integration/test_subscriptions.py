"""Subscriptions over real sockets, a real ledger and a real sealer behind them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import socket
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from sealing_log import sealing, until
from streaming import BUREAU, Clock, events, penalty
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from zhitong.infra.app import build_app, server
from zhitong.infra.cli import main
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.receipts import without_receipt
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.resolvers import changes
from zhitong.schema.engine import Answer, Engine
from zhitong.types import Principal

pytestmark = pytest.mark.integration

PORTAL = Path(__file__).parents[2] / "portal"
ENDLESS = 60.0
"""Seconds after which a test would wait for ever."""
PROTOCOL = Subprotocol("graphql-transport-ws")
DECISIONS = """subscription($after: String, $where: DecisionFilter) {
  decisions(after: $after, where: $where) { position nodes {
    version change decision { decisionId documentNo facts version } } } }"""
FINDINGS = """subscription($after: String) { findings(after: $after) {
  position nodes { check decisionId version } } }"""
ALL_FINDINGS = """query($id: String!) {
  findings(where: { decisionId: { eq: $id } }, first: 100) {
    nodes { check version } } }"""
HEALTH = "subscription { sourceHealth { name state } }"
RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  decisionId version } }"""
CORRECT = """mutation($c: CorrectionInput!) { correctDecision(correction: $c) {
  version } }"""
WITHDRAW = """mutation($w: WithdrawalInput!) { withdrawDecision(withdrawal: $w) {
  version } }"""

Told = dict[str, Any]
Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]


@dataclass
class Served:
    """A gateway with subscribers, and what steers it."""

    address: str
    issuer: DemoIssuer
    clock: Clock
    ending: asyncio.Event

    def bearer(self, principal: Principal) -> str:
        return f"Bearer {self.issuer.issue(principal)}"

    async def say(self, document: str, **variables: object) -> Told:
        """Ask as the department, of the same gateway."""
        async with httpx.AsyncClient(timeout=ENDLESS) as client:
            response = await client.post(
                f"http://{self.address}/graphql",
                json={"query": document, "variables": variables},
                headers={"authorization": self.bearer(BUREAU)},
            )
        body: Told = response.json()
        assert "errors" not in body, body
        (only,) = body["data"].values()
        told: Told = only
        return told

    @asynccontextmanager
    async def socket(self, who: str = "supervisor") -> AsyncIterator[Socket]:
        """Open a connection that is acknowledged."""
        async with self.upgraded() as connection:
            made = Socket(connection)
            bearer = self.bearer(DEMO_PRINCIPALS[who])
            await made.say(type="connection_init", payload={"authorization": bearer})
            assert await made.hear() == {"type": "connection_ack"}
            yield made

    @asynccontextmanager
    async def upgraded(
        self, protocol: Subprotocol = PROTOCOL
    ) -> AsyncIterator[ClientConnection]:
        url = f"ws://{self.address}/graphql"
        async with (
            asyncio.timeout(ENDLESS),
            connect(url, subprotocols=[protocol], proxy=None) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def stream(
        self, document: str, who: str = "supervisor", **variables: object
    ) -> AsyncIterator[AsyncIterator[tuple[str, Told]]]:
        """Subscribe by events; give them, comments left out."""
        headers = {
            "authorization": self.bearer(DEMO_PRINCIPALS[who]),
            "accept": "text/event-stream",
        }
        asked = {"query": document, "variables": variables}
        async with (
            asyncio.timeout(ENDLESS),
            httpx.AsyncClient(timeout=None) as client,  # noqa: S113 - the line above
            client.stream(
                "POST", f"http://{self.address}/graphql", json=asked, headers=headers
            ) as response,
        ):
            assert response.status_code == 200, await response.aread()
            kind = response.headers["content-type"]
            assert kind == "text/event-stream; charset=utf-8"
            yield answers(response)


@dataclass
class Socket:
    """A connection, message by message."""

    connection: ClientConnection

    async def say(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self) -> Told:
        heard: Told = json.loads(await self.connection.recv())
        return heard

    async def subscribe(self, document: str, **variables: object) -> Told:
        """Subscribe as ``one``; give the first answer."""
        payload = {"query": document, "variables": variables}
        await self.say(type="subscribe", id="one", payload=payload)
        return await self.next()

    async def next(self) -> Told:
        heard = await self.hear()
        assert (heard["type"], heard["id"]) == ("next", "one"), heard
        told: Told = heard["payload"]
        return told

    async def closed(self) -> tuple[int, str]:
        with suppress(ConnectionClosed):
            async for _ in self.connection:
                pass
        code, reason = self.connection.close_code, self.connection.close_reason
        assert code is not None
        return code, reason or ""


async def answers(response: httpx.Response) -> AsyncIterator[tuple[str, Told]]:
    async for name, data in events(response):
        yield name, json.loads(data) if data else {}


@asynccontextmanager
async def serving(
    gateway: tuple[Gateway, Engine], state: Path, **settings: object
) -> AsyncIterator[Served]:
    quick: Any = {"alive_seconds": 0.2, **settings}
    set_to = replace(Settings(state=state), **quick)
    clock, ending = Clock(), asyncio.Event()
    issuer = DemoIssuer(state, clock=clock)
    verifier = Verifier({"demo": issuer.issuer}, "zhitong", clock=clock)

    async def report(*_: object) -> Mapping[str, object]:
        return {"database": True, "sources": {}}

    app = build_app(
        gateway[1],
        verifier,
        set_to,
        report,
        report,
        receipts=gateway[0].receipts,
        published=gateway[0].published,
        watching=gateway[0].watching,
        ending=ending,
    )
    running = server(app, set_to)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(running.serve([listening]))
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Served(address, issuer, clock, ending)
        finally:
            ending.set()
            running.should_exit = True
            await task


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the sealer's key: the log has one for all tests here."""
    return tmp_path_factory.mktemp("sealer")


@pytest.fixture
async def served(
    gateway: tuple[Gateway, Engine],
    addresses: Mapping[str, str],
    tmp_path: Path,
    keys: Path,
    sql: Sql,
) -> AsyncIterator[Served]:
    async def sealed() -> bool:
        waiting = "select from unsealed where kind = 'DECISION' limit 1"
        return not await sql("platform", waiting)

    async with (
        sealing(addresses["platform"], keys),
        serving(gateway, tmp_path) as one,
    ):
        await until(sealed)  # what other tests have left is no news
        yield one


async def records(sql: Sql) -> int:
    (row,) = await sql("platform", "select count(*) from access_entry")
    found: int = row[0]
    return found


def nodes(told: Told) -> list[Told]:
    (only,) = told["data"].values()
    found: list[Told] = only["nodes"]
    return found


def position(told: Told) -> str:
    (only,) = told["data"].values()
    found: str = only["position"]
    return found


async def test_a_decision_and_its_withdrawal_arrive_over_a_websocket(
    served: Served,
) -> None:
    async with served.socket() as one:
        first = await one.subscribe(DECISIONS)
        assert nodes(first) == []
        stated = penalty()
        recorded = await served.say(RECORD, d=stated)
        told = await one.next()
        assert [(it["version"], it["change"]) for it in nodes(told)] == [
            (1, "RECORDED")
        ]
        (node,) = nodes(told)
        assert node["decision"]["documentNo"] == stated["documentNo"]
        assert int(position(told)) > int(position(first))
        withdrawal = {
            "decisionId": recorded["decisionId"],
            "reason": "事实有误",
            "basis": "《行政处罚法》",
        }
        await served.say(WITHDRAW, w=withdrawal)
        (node,) = nodes(await one.next())
        assert (node["version"], node["change"]) == (2, "WITHDRAWN")


async def test_a_decision_arrives_as_an_event(served: Served) -> None:
    async with served.stream(DECISIONS) as stream:
        name, first = await anext(stream)
        assert (name, nodes(first)) == ("next", [])
        recorded = await served.say(RECORD, d=penalty())
        name, told = await anext(stream)
        assert name == "next"
        assert nodes(told)[0]["decision"]["decisionId"] == recorded["decisionId"]


async def test_who_comes_back_has_missed_nothing_and_gets_nothing_twice(
    served: Served,
) -> None:
    async with served.socket() as one:
        first = await one.subscribe(DECISIONS)
        ids = [(await served.say(RECORD, d=penalty()))["decisionId"]]
        heard = nodes(await one.next())
    ids += [(await served.say(RECORD, d=penalty()))["decisionId"] for _ in range(3)]
    assert [it["decision"]["decisionId"] for it in heard] == ids[:1]
    async with served.stream(DECISIONS, after=position(first)) as stream:
        again, last = list[str](), ""
        while len(again) < len(ids):
            _, told = await anext(stream)
            again += [it["decision"]["decisionId"] for it in nodes(told)]
            last = position(told)
    assert again == ids
    async with served.stream(DECISIONS, after=last) as stream:
        await anext(stream)
        later = await served.say(RECORD, d=penalty())
        _, told = await anext(stream)
    assert [it["decision"]["decisionId"] for it in nodes(told)] == [later["decisionId"]]


async def test_only_what_is_asked_for_is_told(served: Served) -> None:
    wanted = penalty()
    where = {"documentNo": {"eq": wanted["documentNo"]}}
    async with served.stream(DECISIONS, where=where) as stream:
        await anext(stream)
        await served.say(RECORD, d=penalty())
        await served.say(RECORD, d=wanted)
        _, told = await anext(stream)
    (node,) = nodes(told)
    assert node["decision"]["documentNo"] == wanted["documentNo"]


async def test_findings_come_with_their_decision(served: Served) -> None:
    stated = {**penalty(), "counterpartyCode": "91110000600037342L"}
    async with served.stream(FINDINGS) as stream:
        await anext(stream)
        recorded = await served.say(RECORD, d=stated)
        _, told = await anext(stream)
    assert nodes(told)
    assert {it["decisionId"] for it in nodes(told)} == {recorded["decisionId"]}


async def test_findings_come_however_many_there_were_of_earlier_versions(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "FINDINGS_OF_ONE", (1, 100))
    stated = {**penalty(), "counterpartyCode": "91110000600037342L"}
    key = (await served.say(RECORD, d=stated))["decisionId"]
    async with served.stream(FINDINGS) as stream:
        _, told = await anext(stream)
    for version in (1, 2, 3):
        put_right = {"decisionId": key, "version": version, "reason": "误"}
        decision = {**stated, "fine": f"{version}.00"}
        await served.say(CORRECT, c=put_right | {"decision": decision})
    last = {**penalty(), "counterpartyCode": "91110000600037342L"}
    last_key = (await served.say(RECORD, d=last))["decisionId"]
    found = list[tuple[int, str]]()
    async with served.stream(FINDINGS, after=position(told)) as stream:
        while last_key not in {it["decisionId"] for it in nodes(told)}:
            _, told = await anext(stream)
            of_it = (it for it in nodes(told) if it["decisionId"] == key)
            found += [(it["version"], it["check"]) for it in of_it]
    async with served.stream(ALL_FINDINGS, id=key) as stream:
        _, told = await anext(stream)
    there = [(it["version"], it["check"]) for it in nodes(told)]
    assert max(Counter(version for version, _ in there).values()) > 1
    # What was recorded at first may be sealed before the subscription, or after.
    assert sorted(one for one in found if one[0] > 1) == sorted(
        one for one in there if one[0] > 1
    )


async def test_findings_that_cannot_all_be_read_are_not_passed_over(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "FINDINGS_OF_ONE", (1,))
    stated = {**penalty(), "counterpartyCode": "91110000600037342L"}
    key = (await served.say(RECORD, d=stated))["decisionId"]
    async with served.stream(FINDINGS) as stream:
        await anext(stream)
        put_right = {"decisionId": key, "version": 1, "reason": "误"}
        await served.say(CORRECT, c=put_right | {"decision": {**stated, "fine": "1"}})
        told: Told = {}
        while "errors" not in told:  # what was recorded before may be sealed after
            _, told = await anext(stream)
        assert told["errors"][0]["extensions"]["code"] == "TOO_WIDE"
        assert [name async for name, _ in stream] == ["complete"]


async def test_who_may_not_see_findings_is_told_so_and_nothing_more(
    served: Served,
) -> None:
    async with served.stream(FINDINGS, "police") as stream:
        heard = [one async for one in stream]
    assert [name for name, _ in heard] == ["next", "complete"]
    told = heard[0][1]
    assert told["data"] == {"findings": None}
    assert told["extensions"]["access"]


async def test_a_source_that_goes_away_is_told(
    served: Served, frozen: Callable[[str], AbstractContextManager[None]], ask: Asking
) -> None:
    async with served.stream(HEALTH) as stream:
        _, told = await anext(stream)
        states = {it["name"]: it["state"] for it in told["data"]["sourceHealth"]}
        assert states["transport"] == "ready"
        with frozen("transport"):
            for _ in range(4):
                await ask("police", "{ inspections(first: 5) { missing } }")
            while states["transport"] == "ready":
                _, told = await anext(stream)
                found = told["data"]["sourceHealth"]
                states = {it["name"]: it["state"] for it in found}
    assert states["transport"] == "away"


async def test_each_answer_is_on_record_before_it_leaves(
    served: Served, sql: Sql
) -> None:
    async with served.socket("police") as one:
        before = await records(sql)
        await one.subscribe(DECISIONS)
        recorded = await served.say(RECORD, d=penalty())
        (node,) = nodes(await one.next())
        assert node["decision"]["decisionId"] == recorded["decisionId"]
        after = await records(sql)
    assert after > before


@dataclass
class Keeper:
    """Keeps what a caller would, and checks it as a caller does."""

    folder: Path
    address: str

    async def holds(self, payload: bytes) -> bool:
        """Say whether the receipt that *payload* bears proves it."""
        async with httpx.AsyncClient() as client:
            keys = await client.get(f"http://{self.address}/evidence/keys")
        paths = {"keys": self.folder / "keys.json", "answer": self.folder / "answer"}
        paths["keys"].write_bytes(keys.content)
        paths["answer"].write_bytes(payload)
        words = [word for it, path in paths.items() for word in (f"--{it}", str(path))]
        with pytest.raises(SystemExit) as end:
            main(["receipt", "check", *words])
        assert end.value.code in {0, 1}
        return end.value.code == 0


def payload_of(message: str) -> bytes:
    """Give the very bytes of a message's payload."""
    return message.partition('"payload":')[2].removesuffix("}").encode()


async def test_the_receipt_in_each_payload_proves_it_and_its_record(
    served: Served, sql: Sql, tmp_path: Path
) -> None:
    keeper = Keeper(tmp_path, served.address)
    payloads: list[bytes] = []

    async def next_of(one: Socket) -> None:
        message = await one.connection.recv()
        assert isinstance(message, str)
        assert json.loads(message)["type"] == "next"
        payloads.append(payload_of(message))

    asked = {"query": "{ decisions(first: 2) { nodes { title } } }"}
    async with served.socket() as one:
        await one.say(type="subscribe", id="a", payload=asked)
        await next_of(one)
        assert (await one.hear())["type"] == "complete"
        await one.say(type="subscribe", id="b", payload={"query": DECISIONS})
        await one.hear()
        await served.say(RECORD, d=penalty())
        await next_of(one)
    headers = {
        "authorization": served.bearer(DEMO_PRINCIPALS["supervisor"]),
        "accept": "text/event-stream",
    }
    async with httpx.AsyncClient(timeout=ENDLESS) as client:
        url = f"http://{served.address}/graphql"
        response = await client.post(url, json=asked, headers=headers)
    payloads.append(response.content.split(b"\n")[1].removeprefix(b"data: "))
    for payload in payloads:
        assert await keeper.holds(payload)
        assert not await keeper.holds(payload.replace(b'{"data"', b'{"data" '))
        receipt, recorded = without_receipt(payload)
        said = json.loads(urlsafe_b64decode(receipt.split(".")[1] + "=="))
        (row,) = await sql(
            "platform",
            "select body from access_entry where record_id = $1",
            said["record"],
        )
        assert json.loads(row["body"])["answer"] == {
            "digest": hashlib.sha256(recorded).hexdigest(),
            "size": len(recorded),
        }


async def test_a_key_that_is_withdrawn_ends_a_silent_connection(
    served: Served,
) -> None:
    async with served.socket() as one:
        await one.subscribe(DECISIONS)
        served.clock.ahead = 1e9
        assert await one.closed() == (4403, "TOKEN_EXPIRED")


@pytest.mark.skipif(
    not (PORTAL / "node_modules/graphql-ws").is_dir() or not shutil.which("node"),
    reason="npm ci --prefix portal has not installed graphql-ws and graphql-sse",
)
async def test_the_public_clients_hear_of_a_decision_and_of_the_tokens_end(
    served: Served, tmp_path: Path
) -> None:
    client = await asyncio.create_subprocess_exec(
        "node",
        "subscribe.mjs",
        cwd=PORTAL,
        env={
            "PATH": os.environ["PATH"],
            "WS_URL": f"ws://{served.address}/graphql",
            "SSE_URL": f"http://{served.address}/graphql",
            "TOKEN": served.bearer(DEMO_PRINCIPALS["supervisor"]).split()[1],
            "QUERY": "subscription { decisions { nodes { decision { documentNo } } } }",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ENDLESS):
            assert client.stdout is not None
            assert await client.stdout.readline() == b'"ready"\n'
            stated = penalty()
            await served.say(RECORD, d=stated)
            told = [json.loads(await client.stdout.readline()) for _ in range(2)]
            assert {it["by"] for it in told} == {"graphql-ws", "graphql-sse"}
            (number,) = {
                nodes(it["answer"])[0]["decision"]["documentNo"] for it in told
            }
            assert number == stated["documentNo"]
            keeper = Keeper(tmp_path, served.address)
            for it in told:  # written again by JSON.stringify, or as that does
                assert await keeper.holds(orjson.dumps(it["answer"]))
            served.clock.ahead = 1e9
            last = [
                json.loads(one) for one in (await client.stdout.read()).splitlines()
            ]
    finally:
        if client.returncode is None:
            client.kill()
        await client.wait()
    assert {"closed": 4403, "reason": "TOKEN_EXPIRED"} in last
    assert "TOKEN_EXPIRED" in json.dumps([it for it in last if it.get("by")])
