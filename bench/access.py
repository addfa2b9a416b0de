"""What the full duty of an answer costs: `make bench-access` (QUICK=1: a smaller city).

One gateway over the demo city's five systems, 32 callers over HTTP. Each of the five
questions is asked in two forms that give as many rows and fields: of public fields
alone, whose record may follow, and of protected ones, masked by rule or whole, whose
record is committed before the first byte. Token, verdicts, receipt are in both. The
total CPU of a form is that of the gateway's process and of all PostgreSQL servers, by
/proc. In each round a question is asked in both forms, one right after the other, in a
shuffled order; the ratio is the median of the rounds', with the least and the largest.

Nothing is judged; performance.md asks for at most 2.0 for Q1, 1.2 for Q2 to Q4, 1.4 for
Q5. The caller's own CPU is in no figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from machine import others, running, until, zhitong

from zhitong.infra.client import Client
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.note import find
from zhitong.infra.occasions import said
from zhitong.infra.serving import client, note_path
from zhitong.infra.settings import Settings
from zhitong.types import Occasion

CALLERS = 32
SETTLING = 1.5
"""Seconds after a round until its records, all of them, are committed."""
LATE = (b'"SOURCE_TIMEOUT"', b'"SOURCE_UNAVAILABLE"', b'"SOURCE_RESTING"')
"""In an answer that lacks a department's part, which was late."""
TICK = os.sysconf("SC_CLK_TCK")
WHY = Occasion(
    purpose="criminal-investigation", basis="刑事诉讼法", cause="1", letter="1"
)
LISTED = "where: {listings: {kind: {eq: SERIOUS_DISHONESTY}}}"
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


@dataclass(frozen=True, slots=True)
class Workload:
    """One question of performance.md in its two forms."""

    name: str
    public: str
    full: str
    count: int
    """Times that a round asks it."""


WORKLOADS = (
    Workload(
        "Q1 one counterparty by code, 8 fields",
        """query($code: CreditCode!) { counterparty(code: $code) {
          code name registrationNo kind industry division establishedOn status } }""",
        """query($code: CreditCode!) { counterparty(code: $code) {
          code name kind industry representative phone address idNumber } }""",
        1_500,
    ),
    Workload(
        "Q2 20 cases x 10 fields, agency and officers",
        """{ caseRecords(first: 20) { nodes { caseNo title status division filedOn
          decidedOn documentNo counterpartyName counterpartyCode fine
          subject { name } officers { name certificateNo } } } }""",
        """{ caseRecords(first: 20) { nodes { caseNo title status division filedOn
          contactPhone place counterpartyName counterpartyIdNumber fine
          subject { name } officers { name phone } } } }""",
        200,
    ),
    Workload(
        "Q3 50 parties, 5 cases each, agency, officers, listings",
        f"""{{ counterparties(first: 50, {LISTED}) {{ nodes {{ code name kind status
          cases(first: 5) {{ nodes {{ caseNo status fine filedOn division
            subject {{ name }} officers {{ name certificateNo }} }} }}
          listings(first: 2) {{ nodes {{ kind listedOn reason }} }} }} }} }}""",
        f"""{{ counterparties(first: 50, {LISTED}) {{ nodes {{ code name kind phone
          cases(first: 5) {{ nodes {{ caseNo status fine filedOn contactPhone
            subject {{ name }} officers {{ name phone }} }} }}
          listings(first: 2) {{ nodes {{ kind listedOn reason }} }} }} }} }}""",
        40,
    ),
    Workload(
        "Q4 cases by agency and month of a year",
        """{ caseStatistics(by: [SUBJECT, MONTH], where: {filedOn: {gte: "2025-12-01"},
          archivedOn: {present: true}, not: {title: {eq: "-"}}}) {
          groups { subjectCode month count } } }""",
        """{ caseStatistics(by: [SUBJECT, MONTH], where: {filedOn: {gte: "2025-12-01"},
          archivedOn: {present: true}, not: {place: {eq: "-"}}}) {
          groups { subjectCode month count } } }""",
        100,
    ),
    Workload(
        "Q5 500 cases x 12 fields",
        """{ caseRecords(first: 500) { nodes { caseNo title actType status subjectCode
          matterCode division counterpartyName counterpartyKind filedOn documentNo
          fine } } }""",
        """{ caseRecords(first: 500) { nodes { caseNo title actType status subjectCode
          contactPhone place counterpartyName counterpartyIdNumber filedOn documentNo
          fine } } }""",
        40,
    ),
)


@dataclass(slots=True)
class Measured:
    """What the rounds of one form took, in CPU milliseconds per question."""

    gateway: list[float] = field(default_factory=list)
    databases: list[float] = field(default_factory=list)

    def note(self, before: Sequence[float], after: Sequence[float], count: int) -> None:
        """Keep what one round of *count* questions took; none: it does not count."""
        for kept, one, two in zip(
            (self.gateway, self.databases), before, after, strict=True
        ):
            kept.append((two - one) * 1000 / count if count else 0.0)

    @property
    def totals(self) -> Sequence[float]:
        """Both together, round by round."""
        return list(map(sum, zip(self.gateway, self.databases, strict=True)))


def _children() -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        found.setdefault(int(words[1]), []).append(int(path.parent.name))
    return found


def _seconds(root: int) -> float:
    """Give the CPU seconds of a process and of all that came of it."""
    children, waiting, ticks = _children(), [root], 0
    while waiting:
        each = waiting.pop()
        waiting += children.get(each, [])
        try:
            stat = Path(f"/proc/{each}/stat").read_text()
        except OSError:
            continue
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return ticks / TICK


class Processes:
    """The gateway and the servers of the databases, as far as CPU goes."""

    def __init__(self, state: Path, gateway: int) -> None:
        self._gateway = gateway
        self._servers = [
            int(path.read_text().split()[0])
            for path in state.glob("postgres/*/postmaster.pid")
        ]

    def used(self) -> tuple[float, float]:
        """Give the CPU seconds of the gateway, and of the databases."""
        return _seconds(self._gateway), sum(map(_seconds, self._servers))


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


async def measure(settings: Settings, rounds: int, part: float) -> None:
    """Ask everything in shuffled rounds and print what it took."""

    async def there() -> bool:
        return find(note_path(settings)) is not None

    await until(there, "the gateway")
    note = find(note_path(settings))
    if note is None:
        raise SystemExit("the gateway has gone")
    caller = client(settings, DEMO_PRINCIPALS["police"])
    processes, callers = Processes(settings.state, note.pid), Callers(caller)
    codes = await asyncio.to_thread(_codes, caller)
    chance = random.Random(1)  # noqa: S311 - an order, no secret

    def variables(work: Workload) -> Iterator[Mapping[str, str]]:
        while True:
            yield {"code": chance.choice(codes)} if "$code" in work.public else {}

    await asyncio.to_thread(_compare, caller, codes)
    found = {(work, full): Measured() for work in WORKLOADS for full in (False, True)}
    for number in range(rounds + 1):
        # Both forms one after the other: what else the machine does changes slowly.
        for work in chance.sample(WORKLOADS, len(WORKLOADS)):
            for full in chance.sample((False, True), 2):
                count = max(CALLERS, round(work.count * part))
                before, again = processes.used(), callers.again
                document = work.full if full else work.public
                await callers.ask(document, variables(work), count)
                await asyncio.sleep(SETTLING)
                after = processes.used()
                # The first round fills caches; one with questions asked twice is none.
                whole = number > 0 and callers.again == again
                found[work, full].note(before, after, count if whole else 0)
    _print(found)
    print(f"asked once more, a record or a source being late: {callers.again}")


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


def _print(found: Mapping[tuple[Workload, bool], Measured]) -> None:
    title = "CPU ms per question: gateway + databases"
    print(f"{title:<56} public       full         ratio")
    for work in WORKLOADS:
        public, full = found[work, False], found[work, True]
        pairs = list(zip(public.totals, full.totals, strict=True))
        ratios = sorted(two / one for one, two in pairs if one and two)
        if not ratios:
            print(f"{work.name:<56} no round in which nothing was late")
            continue
        parts = [
            f"{statistics.median(filter(None, one.gateway)):.2f}+"
            f"{statistics.median(filter(None, one.databases)):.2f}"
            for one in (public, full)
        ]
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        print(f"{work.name:<56} {parts[0]:<12} {parts[1]:<12} {spread}")


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
