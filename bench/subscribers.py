"""What idle subscribers cost: `make bench-subscribers` (N=how many).

Everything real: a gateway and a sealer as processes of their own over embedded
PostgreSQL, and so many WebSockets, each of another person, subscribed to decisions.
Prints the gateway's resident memory before, with all of them, after they were silent
for longer than a head may take, after some decisions that each of them got, and when
they have gone; and what an answer costs. Exits with 1 where somebody missed a decision,
was closed, or one more costs over MOST KiB.

Memory is judged, time is not. The subscribers live in this process, on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from machine import cpu_seconds, memory, others, running
from our_gateway import Ours, city, gateway
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.serving import client, demo_issuer

MOST = 128
"""KiB of resident memory that one more idle subscriber may cost."""
AT_ONCE = 50
SILENT = 15.0
"""Seconds: more than a head may take, so that what waits for one would have ended."""
DECISIONS = 5
ENDLESS = 300.0
QUERY = "subscription { decisions { nodes { decision { decisionId title } } } }"
RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  decisionId } }"""


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<52} {found}", flush=True)


def resident(ours: Ours) -> float:
    """Give the gateway's memory in MiB."""
    return memory(ours.pid, "VmRSS")


async def opened(ours: Ours, number: int, stack: AsyncExitStack) -> ClientConnection:
    """Subscribe as person *number*, and take the first answer."""
    person = replace(DEMO_PRINCIPALS["supervisor"], person=f"subscriber-{number}")
    token = demo_issuer(ours.settings).issue(person)
    url = ours.client.url.replace("http", "ws", 1) + "/graphql"
    connection = await stack.enter_async_context(
        connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None)
    )
    init = {
        "type": "connection_init",
        "payload": {"authorization": f"Bearer {token}"},
    }
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}
    for message in (init, subscribe):
        await connection.send(json.dumps(message))
        heard = json.loads(await connection.recv())
        if heard["type"] not in {"connection_ack", "next"}:
            raise SystemExit(f"not subscribed: {heard}")
    return connection


async def heard(connection: ClientConnection, wanted: Sequence[str]) -> int:
    """Wait until all of *wanted* have come; say in how many answers."""
    found: list[str] = []
    answers = 0
    while not set(wanted) <= set(found):
        told = json.loads(await connection.recv())
        nodes = told["payload"]["data"]["decisions"]["nodes"]
        found += [node["decision"]["decisionId"] for node in nodes]
        answers += 1
    if len(found) != len(set(found)):
        raise SystemExit("a decision came twice")
    return answers


def recorded(ours: Ours) -> str:
    """Record a decision as the bureau; give its id."""
    bureau = DEMO_PRINCIPALS["department"]
    number = uuid.uuid4().int % 10**9
    stated = {
        "localId": f"bench-{number}",
        "actType": "PENALTY",
        "subjectCode": bureau.unit,
        "documentNo": f"（安）应急罚〔2026〕{number}号",
        "decidedOn": "2026-06-01",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "安泽金丝雀化工有限公司",
        "counterpartyCode": "91110000600037341L",
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
        "procedure": "ORDINARY",
    }
    reply = client(ours.settings, bureau).ask(RECORD, variables={"d": stated})
    if not reply.good:
        raise SystemExit(f"not recorded: {reply.body}")
    body: Any = reply.body
    found: str = body["data"]["recordDecision"]["decisionId"]
    return found


async def measured(ours: Ours, count: int) -> float:
    """Measure *count* subscribers; give the KiB that one of them costs."""
    recorded(ours)  # what is made once is there
    before = resident(ours)
    row("without subscribers", f"{before:.0f} MiB")
    async with AsyncExitStack() as stack:
        connections: list[ClientConnection] = []
        for first in range(0, count, AT_ONCE):
            part = range(first, min(first + AT_ONCE, count))
            connections += await asyncio.gather(
                *(opened(ours, number, stack) for number in part)
            )
        idle = resident(ours)
        each = (idle - before) * 1024 / count
        row(f"with {count:,}, idle", f"{idle:.0f} MiB: {each:.1f} KiB each")
        spent = cpu_seconds(ours.pid)[0]
        await asyncio.sleep(SILENT)
        busy = cpu_seconds(ours.pid)[0] - spent
        row(f"after {SILENT:.0f} silent seconds", f"{resident(ours):.0f} MiB")
        row("CPU while silent", f"{busy / SILENT:.1%} of a core")
        spent, began = cpu_seconds(ours.pid)[0], time.monotonic()
        wanted = [await asyncio.to_thread(recorded, ours) for _ in range(DECISIONS)]
        async with asyncio.timeout(ENDLESS):
            answers = sum(
                await asyncio.gather(*(heard(one, wanted) for one in connections))
            )
        busy = cpu_seconds(ours.pid)[0] - spent
        took, cost = time.monotonic() - began, busy / answers * 1000
        what = f"{DECISIONS} decisions to each, in {answers:,} answers"
        row(what, f"{took:.1f} s, {cost:.2f} ms CPU each")
        row("after them", f"{resident(ours):.0f} MiB")
    row("when they have gone", f"{resident(ours):.0f} MiB")
    return each


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    count = parser.parse_args().count
    print(others(), flush=True)
    with (
        city("small") as there,
        gateway("subscribers", there.databases) as ours,
        running(ours.settings.state, "seal"),
    ):
        each = asyncio.run(measured(ours, count))
    if each > MOST:
        raise SystemExit(f"one costs {each:.1f} KiB, more than {MOST}")


if __name__ == "__main__":
    main()
