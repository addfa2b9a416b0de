"""What the full duty of an answer costs: `make bench-access` (QUICK=1: a smaller city).

One gateway over the demo city's systems, 32 callers over HTTP, each question in two
forms that give as much (`access_questions`):

- public: of open fields alone. Verdicts; the record may follow the answer.
- full duty: some fields protected. Verdicts, masks in the departments' databases; the
  record, a keyed digest of every row in it, is committed before the first byte.

No answer leaves without token and receipt, so both forms have them. They are no part of
what full duty is compared with, so what they take, measured by itself over the public
form's own body (`our_gateway.beyond_naked`), is taken off it: the ratio is
full duty / (public - token - receipt). That each form is what
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
import random
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import asyncpg
import uvloop
from access_questions import WORKLOADS, Workload
from callers import ask
from machine import Processes, others
from our_gateway import WHY, Ours, beyond_naked, city, gateway, some_codes

from zhitong.infra.client import Client
from zhitong.infra.embedded import address
from zhitong.infra.platform_database import OWNER
from zhitong.infra.settings import Settings

CALLERS = 32
SETTLING = 0.3
"""Seconds until the records that follow an answer are all committed."""
HALF = 0.5
RECORDED = """select count(*) as records, bool_or(e.protected) as protected,
    count(*)::float / count(distinct e.xmin::text) as shared,
    avg(octet_length(e.body))::float as size,
    (array_agg(convert_from(e.body, 'UTF8')::jsonb -> 'looks'))[1] as looks
from access_entry e where convert_from(e.body, 'UTF8')::jsonb ->> 'document' = $1
having count(*) > 0"""


@dataclass(slots=True)
class Measured:
    """What the rounds of one form took, in CPU milliseconds per question."""

    gateway: list[float] = field(default_factory=list)
    databases: list[float] = field(default_factory=list)

    @property
    def totals(self) -> Sequence[float]:
        """Both together, round by round."""
        return list(map(sum, zip(self.gateway, self.databases, strict=True)))


class Bench:
    """Asks everything in shuffled rounds and keeps what it took."""

    def __init__(self, ours: Ours, processes: Processes, codes: Sequence[str]) -> None:
        self._processes = processes
        self._target = ours.target
        self._pid = ours.pid
        self._codes = codes
        self.again = 0
        """Questions asked once more, a record or a source being late."""
        self._chance = random.Random(1)  # noqa: S311 - an order, no secret
        self.found = {key: Measured() for key in product(WORKLOADS, (False, True))}

    async def round(self, part: float, *, kept: bool) -> None:
        """Ask every question's forms in turns; *kept* in what is printed."""
        for work in self._chance.sample(WORKLOADS, len(WORKLOADS)):
            one = self._chance.random() < HALF
            count = max(CALLERS, round(work.count * part / 2))
            again, took = self.again, {False: (0.0, 0.0), True: (0.0, 0.0)}
            # What else the machine does changes slowly, and so weighs on both.
            for full in (one, not one, not one, one):
                spent = await self._spent(work, count, full=full)
                took[full] = (took[full][0] + spent[0], took[full][1] + spent[1])
            if not kept or self.again != again:
                continue
            for full, (own, databases) in took.items():
                self.found[work, full].gateway.append(own * 1000 / (2 * count))
                self.found[work, full].databases.append(databases * 1000 / (2 * count))

    async def _spent(
        self, work: Workload, count: int, *, full: bool
    ) -> tuple[float, float]:
        requests = self._requests(work.full if full else work.public)
        before = self._processes.used(self._pid)
        self.again += (await ask(self._target, requests, CALLERS, count)).again
        await asyncio.sleep(SETTLING)
        after = self._processes.used(self._pid)
        return after[0] - before[0], after[1] - before[1]

    def _requests(self, document: str) -> Iterator[bytes]:
        while True:
            code = {"code": self._chance.choice(self._codes)}
            yield self._target.request(document, code if "$code" in document else {})


async def measure(ours: Ours, processes: Processes, rounds: int, part: float) -> None:
    """Ask everything and print what it took."""
    codes = await asyncio.to_thread(some_codes, ours)
    await asyncio.to_thread(_compare, ours.client, codes)
    bench = Bench(ours, processes, codes)
    for number in range(rounds + 1):
        await bench.round(part, kept=number > 0)  # the first fills caches
    print(f"asked once more, a record or a source being late: {bench.again}")
    await register(ours.settings)
    _print(bench.found, await beyond_naked(ours, codes[0]))


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


def _print(
    found: Mapping[tuple[Workload, bool], Measured], taken_off: Mapping[str, float]
) -> None:
    off = ", ".join(f"{name} {ms:.3f}" for name, ms in taken_off.items())
    print(f"token and receipt, taken off the public form, ms: {off}")
    title = "CPU ms per question: gateway + databases"
    print(f"{title:<56} public       full duty    ratio             asked for")
    for work in WORKLOADS:
        public, full = found[work, False], found[work, True]
        pairs = zip(public.totals, full.totals, strict=True)
        less = taken_off[work.name[:2]]
        ratios = sorted(two / (one - less) for one, two in pairs)
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
    print(f"the machine before: {others()}", flush=True)
    with (
        city(given.scale) as departments,
        gateway("access", departments.databases) as ours,
    ):
        processes = Processes(departments.state, ours.settings.state)
        uvloop.run(measure(ours, processes, given.rounds, given.part))
    print(f"the machine after: {others()}")


if __name__ == "__main__":
    main()
