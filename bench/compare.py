"""Our gateway beside every peer that this machine can run: `make bench`.

The five questions of `access_questions` go to all in the very same words (PostGraphile
makes a graph of its own, and is asked the same in its words). Before anything is timed,
everybody's answers are compared with the hand-written limit's. Then all are asked in
shuffled turns, round by round, by one caller and by thirty-two: one row, one question
and one number of callers is a visit.

What is compared is CPU: that of the server's processes, and that of all PostgreSQL
servers. Peers know one database; theirs holds all departments' rows decoded and indexed
(`peer_tables`), which is their best case. Ours reads each department's server and
decodes as it answers. There are two cities, one after the other: the product's, with
seven servers and cases in five of them, and one as performance.md's figures have it,
with four servers and all cases in one of them (`one_department`). Each has peers over
the same rows, and a table of its own.

"Naked" is our answer of open fields less its token and its receipt, that no answer of
ours goes without and no peer has; "full duty" is the one of protected fields.
Nothing is judged by a time: it ends with 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import uvloop
from access_questions import WORKLOADS, Workload
from callers import AnswerError, Target, ask
from compare_plot import plot
from compare_report import Measured, Report, Visit
from machine import Processes, memory, others
from one_department import TOWNS
from our_gateway import BENCH, QUIET, City, Ours, beyond_naked, gateway, some_codes
from peer_builds import (
    LIMIT,
    OWN,
    PEERS,
    AbsentError,
    commands,
    documents,
    peers_place,
)
from peer_limit import Limit
from peer_servers import differences, serving, told
from peer_tables import cases, make

from zhitong.infra.embedded import Cluster
from zhitong.infra.settings import from_environment

SETTLING = 0.3
"""Seconds until the records that follow an answer of ours are all committed."""
STOPPING = 10
"""Seconds that are kept of a city's time for what comes after the last question."""
MOST = 20_000
"""Questions of one visit."""
FIRST = 10
"""Questions that tell how fast a row is."""
PEERS_SERVER = {"shared_buffers": "1GB", **QUIET}
"""As much as the departments' servers have together."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: who is asked, in which words."""

    name: str
    pid: int
    target: Target
    documents: Mapping[str, str]
    """The question's two letters → its document."""
    ours: bool = False


class Bench:
    """Asks everybody everything in shuffled rounds."""

    def __init__(
        self,
        rows: Sequence[Row],
        processes: Processes,
        codes: Sequence[str],
        given: argparse.Namespace,
    ) -> None:
        self._rows = list(rows)
        self._processes = processes
        self._codes = codes
        self._callers: Sequence[int] = given.callers
        self._seconds: float = given.seconds
        self._chance = random.Random(given.seed)  # noqa: S311 - an order, no secret
        self._rates: dict[tuple[str, str, int], float] = {}
        self.visits: list[Visit] = []
        self.gone: dict[str, str] = {}
        """Rows that failed on the way, and how."""

    async def round(self, number: int, until: float) -> bool:
        """Pay every visit once; round 0 warms up and is not kept.

        False if the time was over before the end of it.
        """
        visits = list(product(self._rows, WORKLOADS, self._callers))
        self._chance.shuffle(visits)
        for row, work, callers in visits:
            if row.name in self.gone:
                continue
            if time.time() > until:
                return False
            try:
                visit = await self._visit(row, work, callers, number)
            except (ExceptionGroup, AnswerError, OSError, EOFError) as error:
                self.gone[row.name] = repr(error)[:300]
                print(f"{row.name} 中途失败 failed on the way: {error!r}", flush=True)
                continue
            if number and visit is not None:
                self.visits.append(visit)
        return True

    async def _visit(
        self, row: Row, work: Workload, callers: int, number: int
    ) -> Visit | None:
        key = row.name, work.name[:2], callers
        requests = self._requests(row, row.documents[work.name[:2]])
        if key not in self._rates:
            first = await ask(row.target, requests, callers, max(FIRST, callers))
            self._rates[key] = len(first.seconds) / first.took
            if not number and first.took > self._seconds:
                return None  # slow ones need no more to be warm
        count = min(MOST, max(callers, round(self._rates[key] * self._seconds)))
        before = self._processes.used(row.pid)
        found = await ask(row.target, requests, callers, count)
        if row.ours:
            await asyncio.sleep(SETTLING)
        after = self._processes.used(row.pid)
        self._rates[key] = count / found.took
        if found.again:
            return None  # what was asked twice is no measure
        own, databases = (b - a for a, b in zip(before, after, strict=True))
        return Visit(
            row=row.name,
            question=work.name[:2],
            callers=callers,
            round=number,
            own=own * 1000 / count,
            databases=databases * 1000 / count,
            rate=count / found.took,
            seconds=tuple(found.seconds),
        )

    def _requests(self, row: Row, document: str) -> Iterator[bytes]:
        if "$code" not in document:
            request = row.target.request(document, {})
            while True:
                yield request
        some = [row.target.request(document, {"code": code}) for code in self._codes]
        while True:
            yield self._chance.choice(some)


@contextmanager
def our_rows(departments: City, executor: str) -> Iterator[tuple[Ours, Sequence[Row]]]:
    """Run a gateway; give it, and its rows: naked and with full duty."""
    name, more = f"zhitong {executor}", {"ZHITONG_EXECUTOR": executor}
    called, texts = f"compare-{executor}", departments.texts()
    with gateway(called, departments.databases, more, bindings=texts) as ours:
        public = {work.name[:2]: work.public for work in WORKLOADS}
        full = {work.name[:2]: work.full for work in WORKLOADS}
        yield (
            ours,
            (
                Row(name, ours.pid, ours.target, public, ours=True),
                Row(f"{name}, full duty", ours.pid, ours.target, full, ours=True),
            ),
        )


def compared(rows: Sequence[Row], code: str) -> tuple[list[Row], dict[str, str]]:
    """Leave the rows whose answers have as many values as the limit's; name the rest.

    Values that differ are counted and printed: ours blanks ID numbers in free text. So
    is which executor of ours answered.
    """
    variables = {"code": code}
    good, left_out = list[Row](), dict[str, str]()
    limit: dict[str, object] = {}
    for row in sorted(rows, key=lambda one: one.name != LIMIT):
        seen = []
        for work in WORKLOADS:
            document = row.documents[work.name[:2]]
            with_code = variables if "$code" in document else {}
            try:
                answer, executor = told(row.target, document, with_code)
            except AnswerError as error:
                left_out[row.name] = f"{work.name[:2]}: {error}"
                break
            same = limit.setdefault(work.name[:2], answer)
            expected, got, other = differences(same, answer)
            seen.append(f"{work.name[:2]} {got:,}/{other:,} {executor}".rstrip())
            if expected != got:
                left_out[row.name] = f"{work.name[:2]}: {got:,} ≠ {expected:,}"
                break
        else:
            good.append(row)
        print(f"{row.name:<32} {'  '.join(seen)}", flush=True)
    return good, left_out


def measure(departments: City, given: argparse.Namespace, until: float) -> Report:
    """Start everybody over a city, compare, ask *until* then, say what was found."""
    began = time.time()
    with ExitStack() as stack:
        some = _everybody(stack, departments, given)
        processes, gateways = Processes(*some.states), some.gateways
        codes = some_codes(gateways[0])
        good, left_out = compared(some.rows, codes[0])
        absent = {**some.absent, **left_out}
        for name, why in absent.items():
            print(f"没有 without {name}: {why}", flush=True)
        idle, since = processes.elsewhere(), time.monotonic()
        bench = Bench(good, processes, codes, given)
        rounds = uvloop.run(_rounds(bench, given.rounds, until))
        share = (processes.elsewhere() - idle) / (time.monotonic() - since)
        return Report(
            scale=departments.scale,
            cases=some.cases,
            rounds=rounds,
            began=began,
            absent={**absent, **bench.gone},
            taken_off=asyncio.run(beyond_naked(gateways[0], codes[0])),
            elsewhere=share,
            memory={row.name: memory(row.pid) for row in good},
            found=Measured(bench.visits),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """Who runs over a city."""

    rows: Sequence[Row]
    gateways: Sequence[Ours]
    states: Sequence[Path]
    """Folders of database servers."""
    absent: Mapping[str, str]
    """Who is missing, and why."""
    cases: Mapping[str, int]
    """How many each department has."""


def _everybody(
    stack: ExitStack, departments: City, given: argparse.Namespace
) -> Everybody:
    """Start all."""
    cache = from_environment().cache
    built, absent = commands(cache, quick=given.quick)
    state = (BENCH / f"peers-{departments.scale}").resolve()
    cluster = Cluster(state, ("peers",), PEERS_SERVER)
    stack.callback(cluster.stop)
    database = cluster.start()["peers"]
    sources, folder = tuple(departments.databases), departments.bindings
    found = asyncio.run(make(database, departments.scale, sources, folder))
    (peers_place(cache) / OWN).write_text(Limit(found).text(), "utf-8")
    rows, gateways = list[Row](), list[Ours]()
    for executor in given.executors:
        ours, two = stack.enter_context(our_rows(departments, executor))
        gateways.append(ours)
        rows += two
    for peer in PEERS:
        if peer.name not in built:
            continue
        place = peers_place(cache) / peer.folder
        try:
            running = stack.enter_context(serving(built[peer.name], place, database))
        except AbsentError as error:
            absent[peer.name] = str(error)
        else:
            words = documents(peer)
            rows.append(Row(peer.name, running.pid, running.target, words))
    return Everybody(
        rows=rows,
        gateways=gateways,
        states=[departments.state, state, *(one.settings.state for one in gateways)],
        absent=absent,
        cases=asyncio.run(cases(database)),
    )


async def _rounds(bench: Bench, rounds: int, until: float) -> int:
    """Ask round by round, while there is time; give how many were kept."""
    if not rounds:
        return 0
    began = time.time()
    half = began + (until - began) / 2
    for number in range(rounds + 1):
        since = time.time()
        whole = await bench.round(number, until if number else half)
        took = time.time() - since
        cut = "" if whole else "，到时中止 cut short: no time"
        print(f"round {number} of {rounds}: {took:.0f} s{cut}", flush=True)
        if number and time.time() + took / 2 > until:
            return number  # most of another would come too late
    return rounds


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="large")
    parser.add_argument("--rounds", type=int, default=9, help="0: only compare")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a visit")
    parser.add_argument("--minutes", type=float, default=0, help="at most, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--departments", nargs="+", default=[*TOWNS], choices=TOWNS)
    parser.add_argument("--executors", nargs="+", default=["plan", "graphql-core"])
    parser.add_argument("--quick", action="store_true", help="compile nothing")
    given = parser.parse_args()
    ending = time.time() + given.minutes * 60 if given.minutes else math.inf
    for number, name in enumerate(given.departments):
        left = (ending - time.time()) / (len(given.departments) - number)
        until = time.time() + left - STOPPING
        before = others()
        print(f"the machine before: {before}", flush=True)
        with TOWNS[name](given.scale) as departments:
            report = measure(departments, given, until)
        after = others()
        for line in report.lines():
            print(line)
        print(f"the machine after: {after}")
        if report.found.visits:
            said = {"before": before, "after": after, "cores": os.cpu_count()}
            figures = {"machine": said, "python": sys.version, **report.figures()}
            path = BENCH / f"compare-{report.scale}.json"
            path.write_text(json.dumps(figures), "utf-8")
            print(f"figures: {path}, {plot(path)}", flush=True)


if __name__ == "__main__":
    main()
