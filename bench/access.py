"""What the full duty of an answer costs: `make bench-access` (QUICK=1: a smaller city).

One gateway over the demo city's systems, 32 callers over HTTP, each question in two
forms that give as much (`access_questions`):

- public: of open fields alone. Verdicts; the record may follow the answer.
- full duty: some fields protected. Verdicts, masks in the departments' databases; the
  record, a keyed digest of every row in it, is committed before the first byte.

No answer leaves without token and receipt, so both forms have them. They are no part of
what full duty is compared with, so what they take, measured by itself, is taken off the
public form: the ratio is full duty / (public - token - receipt). That each form is what
it is called is read out of the register, with the records that shared a commit.

The CPU is that of the gateway's process and of all PostgreSQL servers; the callers' is
in no figure. A round asks a question's forms in turns (one, other, other, one); its
ratio is that of both sums. Printed is the median of the rounds, with the least and the
largest. Nothing is judged; performance.md asks for the ratio that is last in each line.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import uvloop
from access_questions import WORKLOADS, Workload
from machine import Processes, others, running, until, zhitong

from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.infra.client import Client
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import address
from zhitong.infra.note import find
from zhitong.infra.occasions import said
from zhitong.infra.platform_database import OWNER
from zhitong.infra.receipts import Receipts, proof_headers
from zhitong.infra.serving import client, demo_issuer, note_path
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Proof
from zhitong.types import Occasion

CALLERS = 32
SETTLING = 0.3
"""Seconds until the records that follow an answer are all committed."""
HALF = 0.5
REPEATED = 100
LATE = (b'"SOURCE_TIMEOUT"', b'"SOURCE_UNAVAILABLE"', b'"SOURCE_RESTING"')
"""In an answer that lacks a department's part, which was late."""
WHY = Occasion(
    purpose="criminal-investigation", basis="刑事诉讼法", cause="1", letter="1"
)
RECORDED = """select count(*) as records, bool_or(e.protected) as protected,
    count(*)::float / count(distinct e.xmin::text) as shared,
    avg(octet_length(e.body))::float as size,
    (array_agg(convert_from(e.body, 'UTF8')::jsonb -> 'looks'))[1] as looks
from access_entry e where convert_from(e.body, 'UTF8')::jsonb ->> 'document' = $1
having count(*) > 0"""
CLIENTS = """tenant = "*"
[[clients]]
page = 500
cost = 1_000_000
rate = 1_000_000.0
burst = 1_000_000
concurrent = 256
trusted_only = false
introspection = true
source = "bench"
"""


@dataclass(slots=True)
class Measured:
    """What the rounds of one form took, in CPU milliseconds per question."""

    gateway: list[float] = field(default_factory=list)
    databases: list[float] = field(default_factory=list)

    @property
    def totals(self) -> Sequence[float]:
        """Both together, round by round."""
        return list(map(sum, zip(self.gateway, self.databases, strict=True)))


class Callers:
    """Asks over connections that stay open."""

    def __init__(self, caller: Client) -> None:
        self.again = 0
        """Questions whose record or sources were late: asked once more."""
        where = urlsplit(caller.url)
        self._host, self._port = where.hostname or "", where.port or 0
        self._head = "".join(
            f"{name}: {value}\r\n"
            for name, value in {
                "host": where.netloc,
                "authorization": f"Bearer {caller.token}",
                "content-type": "application/json",
                **said(WHY),
            }.items()
        )

    def _request(self, document: str, variables: Mapping[str, str]) -> bytes:
        body = json.dumps({"query": document, "variables": variables}).encode()
        length = f"content-length: {len(body)}\r\n\r\n"
        return f"POST /graphql HTTP/1.1\r\n{self._head}{length}".encode() + body

    async def ask(
        self, document: str, variables: Iterator[Mapping[str, str]], count: int
    ) -> None:
        """Ask *document* so often, by all callers."""
        numbers = iter(range(count))

        async def calling() -> None:
            reader, writer = await asyncio.open_connection(self._host, self._port)
            for _ in numbers:
                request = self._request(document, next(variables))
                while True:
                    writer.write(request)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = int(head.partition(b"content-length: ")[2].split()[0])
                    body = await reader.readexactly(length)
                    late = b" 503 " in head or any(code in body for code in LATE)
                    if not late:
                        break
                    self.again += 1  # a busy machine: a record or a source was late
                if b" 200 " not in head or b"zhitong-receipt" not in head:
                    raise SystemExit(body[:500].decode(errors="replace"))
            writer.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(calling())


class Bench:
    """Asks everything in shuffled rounds and keeps what it took."""

    def __init__(
        self, processes: Processes, callers: Callers, codes: Sequence[str]
    ) -> None:
        self._processes = processes
        self._callers = callers
        self._codes = codes
        self._chance = random.Random(1)  # noqa: S311 - an order, no secret
        self.found = {key: Measured() for key in product(WORKLOADS, (False, True))}

    async def round(self, part: float, *, kept: bool) -> None:
        """Ask every question's forms in turns; *kept* in what is printed."""
        for work in self._chance.sample(WORKLOADS, len(WORKLOADS)):
            one = self._chance.random() < HALF
            count = max(CALLERS, round(work.count * part / 2))
            again, took = self._callers.again, {False: (0.0, 0.0), True: (0.0, 0.0)}
            # What else the machine does changes slowly, and so weighs on both.
            for full in (one, not one, not one, one):
                spent = await self._spent(work, count, full=full)
                took[full] = (took[full][0] + spent[0], took[full][1] + spent[1])
            if not kept or self._callers.again != again:
                continue
            for full, (gateway, databases) in took.items():
                self.found[work, full].gateway.append(gateway * 1000 / (2 * count))
                self.found[work, full].databases.append(databases * 1000 / (2 * count))

    async def _spent(
        self, work: Workload, count: int, *, full: bool
    ) -> tuple[float, float]:
        before = self._processes.used()
        document = work.full if full else work.public
        await self._callers.ask(document, self._variables(work), count)
        await asyncio.sleep(SETTLING)
        after = self._processes.used()
        return after[0] - before[0], after[1] - before[1]

    def _variables(self, work: Workload) -> Iterator[Mapping[str, str]]:
        while True:
            code = self._chance.choice(self._codes)
            yield {"code": code} if "$code" in work.public else {}


async def measure(settings: Settings, rounds: int, part: float) -> None:
    """Ask everything and print what it took."""

    async def there() -> bool:
        return find(note_path(settings)) is not None

    await until(there, "the gateway")
    note = find(note_path(settings))
    if note is None:
        raise SystemExit("the gateway has gone")
    caller = client(settings, DEMO_PRINCIPALS["police"])
    callers = Callers(caller)
    codes = await asyncio.to_thread(_codes, caller)
    await asyncio.to_thread(_compare, caller, codes)
    bench = Bench(Processes(settings.state, note.pid), callers, codes)
    for number in range(rounds + 1):
        await bench.round(part, kept=number > 0)  # the first fills caches
    print(f"asked once more, a record or a source being late: {callers.again}")
    await register(settings)
    _print(bench.found, await common(settings, caller.token))


def _codes(caller: Client) -> Sequence[str]:
    reply = caller.ask("{ counterparties(first: 200) { nodes { code } } }", WHY)
    data: Any = reply.body["data"]
    return [one["code"] for one in data["counterparties"]["nodes"] if one["code"]]


def _compare(caller: Client, codes: Sequence[str]) -> None:
    """Say how large both forms' answers are; stop where one is not whole."""
    for work in WORKLOADS:
        sizes = []
        for document in (work.public, work.full):
            reply = caller.ask(document, WHY, variables={"code": codes[0]})
            if not reply.good:
                raise SystemExit(f"{work.name}: {reply.body}")
            sizes.append(len(json.dumps(reply.body["data"], ensure_ascii=False)))
        print(f"{work.name:<56} {sizes[0]:>8,} and {sizes[1]:>8,} characters")


async def register(settings: Settings) -> None:
    """Print what the register has of each form; stop where one is not what it is."""
    url = address(settings.state, {})(OWNER)
    connection = await asyncpg.connect(url)
    try:
        for work, full in product(WORKLOADS, (False, True)):
            document = work.full if full else work.public
            digest = hashlib.sha256(document.encode()).hexdigest()
            found = await connection.fetchrow(RECORDED, digest)
            name = f"{work.name[:2]} {'full duty' if full else 'public'}"
            if found is None or found["protected"] is not full:
                raise SystemExit(f"{name} is not on record as such")
            verdicts = Counter(
                how
                for look in json.loads(found["looks"])
                for how in look["fields"].values()
            )
            said_ = ", ".join(
                f"{count} {how}" for how, count in sorted(verdicts.items())
            )
            print(
                f"{name:<13} {found['records']:>6} records, {found['shared']:.1f} a "
                f"commit, {found['size']:,.0f} bytes; {said_}"
            )
    finally:
        await connection.close()


async def common(settings: Settings, token: str) -> float:
    """Give the CPU milliseconds of what every answer has: its token, its receipt."""
    verifier = Verifier({"demo": demo_issuer(settings).issuer}, settings.audience)
    receipts = Receipts(file_signer(generate(ECDSA)))
    proof = Proof(
        record=uuid.uuid4().hex,
        digest=bytes(32),
        at=datetime.now(UTC),
        unit="1" * 18,
        document="0" * 64,
    )
    took = []
    for _ in range(REPEATED):
        began = time.process_time()
        for _ in range(REPEATED):
            await verifier.admit(f"Bearer {token}")
            proof_headers(proof, receipts)
        took.append((time.process_time() - began) * 1000 / REPEATED)
    return statistics.median(took)


def _print(found: Mapping[tuple[Workload, bool], Measured], taken_off: float) -> None:
    print(f"token and receipt, taken off the public form: {taken_off:.3f} ms")
    title = "CPU ms per question: gateway + databases"
    print(f"{title:<56} public       full duty    ratio             asked for")
    for work in WORKLOADS:
        public, full = found[work, False], found[work, True]
        pairs = zip(public.totals, full.totals, strict=True)
        ratios = sorted(two / (one - taken_off) for one, two in pairs)
        if not ratios:
            print(f"{work.name:<56} no round in which nothing was late")
            continue
        parts = [
            f"{statistics.median(one.gateway):.2f}+"
            f"{statistics.median(one.databases):.2f}"
            for one in (public, full)
        ]
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        print(f"{work.name:<56} {parts[0]:<12} {parts[1]:<12} {spread} {work.most:>8}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="medium")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--part", type=float, default=1.0, help="of each round")
    given = parser.parse_args()
    state = (Path(".zhitong/bench") / f"access-{os.getpid()}").resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    print(f"the machine before: {others()}", flush=True)
    try:
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own program
            [*zhitong(state, "up"), "--scale", given.scale], check=True
        )
        print(f"{given.scale} city: {time.perf_counter() - began:.0f} s", flush=True)
        clients = state / "log" / "clients.toml"
        clients.write_text(CLIENTS, "utf-8")
        os.environ |= {"ZHITONG_PAGE_LIMIT": "500", "ZHITONG_CLIENTS": str(clients)}
        for path in settings.bindings.glob("*.toml"):
            # A busy machine is no sick department.
            text = re.sub(r"(?m)^timeout = .*\n", "", path.read_text("utf-8"))
            path.write_text(f"timeout = 30.0\n{text}", "utf-8")
        with running(state, "serve", "--port", "0"):
            uvloop.run(measure(settings, given.rounds, given.part))
    finally:
        subprocess.run(zhitong(state, "clean"), check=True)  # noqa: S603 - ours
    print(f"the machine after: {others()}")


if __name__ == "__main__":
    main()
