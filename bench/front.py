"""What the front costs for a question that the engine answers at once.

Real requests as ASGI calls in the process: no socket, no server, no database. The
figures are CPU of one thread per request, in microseconds: medians of rounds in which
the questions take turns. ``--before REF`` measures another state of the code in turns
with this one, each in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.infra.clients_file import read_clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.pace import Pace
from zhitong.infra.receipts import Receipts
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Proof, Question, document_hash

ROOT = Path(__file__).parents[1]
DOCUMENT = """query Party($code: CreditCode!) {
  counterparty(code: $code) {
    code name kind status legalRepresentative registeredOn division address
  }
}
"""
VARIABLES = {"code": "91619900MA0000000X"}
ROW = {
    "code": "91619900MA0000000X",
    "name": "安泽市宏达化工有限公司",
    "kind": "ENTERPRISE",
    "status": "ACTIVE",
    "legalRepresentative": "王*",
    "registeredOn": "2019-03-04",
    "division": "619921",
    "address": "安泽市东风路 12 号",
}
BARE = "(no front: read, wait, answer)"
TOLD = ("zhitong-purpose", "zhitong-basis", "zhitong-cause")


class AtOnce:
    """An engine that has the answer; it waits once where a real one reads."""

    def __init__(self, *, recorded: bool) -> None:
        self._body = {"data": {"counterparty": ROW}}
        self._payload = orjson.dumps(self._body)
        self._digest = sha256(self._payload).digest()
        self._recorded = recorded

    async def answer(self, question: Question) -> Answer:
        """Answer, as from two statements and a commit."""
        for _ in range(3):
            await asyncio.sleep(0)
        if not self._recorded:
            return Answer(body=self._body, executed=True)
        proof = Proof(
            record=question.request_id,
            digest=self._digest,
            at=datetime.now(UTC),
            unit=question.principal.unit,
            document=document_hash(question.document),
        )
        return Answer(
            body=self._body,
            executed=True,
            record_id=question.request_id,
            payload=self._payload,
            proof=proof,
        )


class Unsigned(Receipts):
    """Receipts without their signature, so that the rest can be told from it."""

    def of(self, proof: Proof) -> str:
        """Write nothing."""
        return proof.record


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of request, and who answers it."""

    name: str
    front: ASGIApp
    headers: list[tuple[bytes, bytes]]
    method: str = "POST"
    query: bytes = b""
    body: bytes = b""


def cases(state: Path) -> list[Case]:
    """Put the requests together."""
    issuer = DemoIssuer(state)
    signer = file_signer(generate(ECDSA))
    settings = Settings(state=state)

    def front(*, recorded: bool, receipts: Receipts | None) -> GraphQLFront:
        return GraphQLFront(
            AtOnce(recorded=recorded),
            Verifier({"demo": issuer.issuer}, settings.audience),
            settings,
            clients=read_clients(),
            # A second passes at each look: nobody here is too fast.
            pace=Pace(clock=_ticking()),
            receipts=receipts,
        )

    token = issuer.issue(DEMO_PRINCIPALS["police"])
    plain = _headers(token)
    told = plain + [(name.encode(), b"%E6%89%A7%E6%B3%95") for name in TOLD]
    body = orjson.dumps({"query": DOCUMENT, "variables": VARIABLES})
    # As many bytes as a browser sends besides, which nobody here reads.
    long = [(f"x-other-{number}".encode(), b"some value") for number in range(12)]
    answering = front(recorded=False, receipts=None)
    recording = front(recorded=True, receipts=Unsigned(signer))
    full = front(recorded=True, receipts=Receipts(signer))
    return [
        Case(name=BARE, front=bare, headers=plain, body=body),
        Case(name="nothing looked at", front=answering, headers=plain, body=body),
        Case(name="recorded", front=recording, headers=plain, body=body),
        Case(name="with occasion", front=recording, headers=told, body=body),
        Case(
            name="a browser's headers", front=recording, headers=plain + long, body=body
        ),
        Case(name="receipt signed", front=full, headers=plain, body=body),
    ]


def _headers(token: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"host", b"127.0.0.1:8000"),
        (b"accept", b"*/*"),
        (b"user-agent", b"bench"),
        (b"authorization", f"Bearer {token}".encode()),
        (b"content-type", b"application/json"),
    ]


def _ticking() -> Any:  # noqa: ANN401 - a clock of floats
    moment = 0.0

    def tick() -> float:
        nonlocal moment
        moment += 1.0
        return moment

    return tick


async def ask(case: Case) -> None:
    """Send one request as the server hands it over; somebody waits for the answer."""
    left = asyncio.Event()
    given = False
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": case.body, "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    length = (b"content-length", str(len(case.body)).encode())
    scope = {
        "type": "http",
        "method": case.method,
        "path": "/graphql",
        "query_string": case.query,
        "headers": [*case.headers, length],
        "client": ("127.0.0.1", 40_000),
    }
    await case.front(scope, receive, send)
    if sent[0]["status"] != 200:  # noqa: PLR2004 - OK
        raise SystemExit(f"{case.name}: {sent}")


async def bare(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read a request and answer it, as little as any application does."""
    body = (await receive())["body"]
    for _ in range(3):
        await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def measure(state: Path, rounds: int, each: int) -> dict[str, list[float]]:
    """Give each case's microseconds, one figure per round."""
    found: dict[str, list[float]] = {}
    made = cases(state)
    for case in made:
        for _ in range(each):
            await ask(case)
    for _ in range(rounds):
        random.shuffle(made)
        for case in made:
            began = time.thread_time()
            for _ in range(each):
                await ask(case)
            spent = time.thread_time() - began
            found.setdefault(case.name, []).append(spent / each * 1e6)
    return found


def here(rounds: int, each: int) -> dict[str, list[float]]:
    """Measure the code that this process has loaded."""
    factory = uvicorn.Config(app="").get_loop_factory()
    with (
        tempfile.TemporaryDirectory() as state,
        asyncio.Runner(loop_factory=factory) as runner,
    ):
        return runner.run(measure(Path(state), rounds, each))


def there(tree: Path, each: int) -> dict[str, list[float]]:
    """Measure the code of *tree* in a process of its own, one round."""
    said = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, __file__, "--raw", "--rounds", "3", "--each", str(each)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
    )
    found: dict[str, list[float]] = json.loads(said.stdout)
    return found


def compare(ref: str, rounds: int, each: int) -> dict[str, dict[str, list[float]]]:
    """Measure *ref* and this tree in turns."""
    tree = ROOT / ".zhitong" / "bench" / "before"
    with suppress(subprocess.CalledProcessError):
        _git("worktree", "remove", "--force", str(tree))
    _git("worktree", "add", "--detach", str(tree), ref)
    found: dict[str, dict[str, list[float]]] = {"before": {}, "after": {}}
    trees = {"before": tree, "after": ROOT}
    try:
        for _ in range(max(1, rounds // 3)):
            for name in random.sample(sorted(trees), 2):
                for case, spent in there(trees[name], each).items():
                    found[name].setdefault(case, []).extend(spent)
    finally:
        _git("worktree", "remove", "--force", str(tree))
    return found


def _git(*words: str) -> None:
    subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True)  # noqa: S603, S607 - the person's own git


def table(found: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Write medians, a column for each state of the code."""
    names = list(next(iter(found.values())))
    lines = [f"{'µs of CPU per request':<30}" + "".join(f"{n:>10}" for n in found)]
    lines += [
        f"{name:<30}"
        + "".join(f"{statistics.median(each[name]):>10.1f}" for each in found.values())
        for name in sorted(names)
    ]
    return "\n".join(lines)


async def _profiled(state: Path, each: int) -> None:
    case = cases(state)[2]
    for _ in range(each):
        await ask(case)
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(each):
        await ask(case)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def main() -> None:
    """Measure, and print a table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=15)
    words.add_argument("--each", type=int, default=2_000)
    words.add_argument("--before", help="another state of the code: a commit")
    words.add_argument("--profile", action="store_true", help="say where it goes")
    words.add_argument("--raw", action="store_true", help="JSON instead of a table")
    said = words.parse_args()
    if said.profile:
        with tempfile.TemporaryDirectory() as state:
            asyncio.run(_profiled(Path(state), said.each))
    elif said.before:
        print(table(compare(said.before, said.rounds, said.each)))
    elif said.raw:
        print(json.dumps(here(said.rounds, said.each)))
    else:
        print(table({"now": here(said.rounds, said.each)}))


if __name__ == "__main__":
    main()
