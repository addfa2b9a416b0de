"""How cost grows with what is asked: `make bench-growth` (QUICK=1: a smaller city).

One gateway of ours, seven departments. Each table grows one thing and prints the CPU
milliseconds of a question, gateway and PostgreSQL apart, with its median seconds:

- rows of a page, 10 to 5,000 (beyond 1,000 page after page, as the limits want it);
- relations inside relations, 1 to 6;
- callers at a time, 1 to 256;
- documents in turn, 1 to 200: what holds compiled plans;
- sources of one type, 1 to 20: transport's tables under so many bindings;
- cases of the city, 10,000 to 1,000,000, each number a city of its own that is kept.

With `SOAK=10` it asks for ten minutes at 70 % of what it can, with `FROZEN=transport`
while a department stands still: `growth_steady`. Nothing is judged by a time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import uvloop
from access_questions import WORKLOADS
from callers import Caller, ask
from growth_steady import frozen, soak
from machine import Processes, others
from our_gateway import BENCH, City, Ours, city, gateway

import zhitong.infra.city
from zhitong.infra.city_load import BINDINGS

FLAT = WORKLOADS[4].public
RELATED = WORKLOADS[1].public
PAGES = (10, 50, 100, 500, 1_000, 5_000)
LARGEST_PAGE = 1_000
DEPTHS = (1, 2, 3, 4, 5, 6)
CALLERS = (1, 4, 16, 64, 256)
PLANS = (1, 10, 50, 100, 200)
SOURCES = (1, 2, 5, 10, 20)
CASES = (10_000, 100_000, 1_000_000)
QUESTIONS = 200
"""Questions of each line, where not said otherwise."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a question took when something was so large."""

    what: str
    size: int
    own: float
    databases: float
    seconds: float
    rate: float


class Growth:
    """Measures lines of one gateway."""

    def __init__(self, departments: City, ours: Ours, questions: int) -> None:
        self._cases = zhitong.infra.city.SCALES[departments.scale].cases
        self._processes = Processes(departments.state, ours.settings.state)
        self._ours = ours
        self._questions = questions
        self.lines: list[Line] = []

    async def pages(self) -> None:
        """Grow a page; beyond the largest, a question is several, one after another."""
        for size in (one for one in PAGES if one <= self._cases):
            if size <= LARGEST_PAGE:
                document = FLAT.replace("first: 500", f"first: {size}")
                await self.line("rows of a page", size, [document])
            else:
                await self._followed(size)

    async def _followed(self, size: int) -> None:
        """Follow the cursors to *size* rows, a few times."""
        document = FLAT.replace("{ caseRecords", "query($after: String) { caseRecords")
        document = document.replace("first: 500", "first: 1000, after: $after")
        document = document.replace("nodes {", "pageInfo { endCursor } nodes {")
        caller, took = await Caller.at(self._ours.target), []
        before = self._processes.used(self._ours.pid)
        times = max(2, self._questions // 50)
        for _ in range(times):
            after, began = None, asyncio.get_running_loop().time()
            for _ in range(size // LARGEST_PAGE):
                request = self._ours.target.request(document, {"after": after})
                _, body = await caller.ask(request)
                page = json.loads(body)["data"]["caseRecords"]
                after = page["pageInfo"]["endCursor"]
            took.append(asyncio.get_running_loop().time() - began)
        await caller.close()
        after_it = self._processes.used(self._ours.pid)
        own, databases = (
            (b - a) * 1000 / times for a, b in zip(before, after_it, strict=True)
        )
        rate = times / sum(took)
        seconds = statistics.median(took)
        self._told(Line("rows of a page", size, own, databases, seconds, rate))

    async def depths(self) -> None:
        """Grow the number of relations inside relations, one row below each row."""
        for depth in DEPTHS:
            await self.line("relations inside relations", depth, [nested(depth)])

    async def callers(self) -> None:
        """Grow the number of callers."""
        for callers in CALLERS:
            await self.line("callers", callers, [RELATED], callers=callers)

    async def plans(self) -> None:
        """Grow the number of documents that are asked in turn."""
        for size in PLANS:
            some = [RELATED.replace("caseNo", f"a{one}: caseNo") for one in range(size)]
            await self.line("documents", size, some, at_least=2 * size)

    async def sources(self) -> None:
        """Grow the number of sources that have cases."""
        for size in SOURCES:
            named = json.dumps([bureau(number) for number in range(size)])
            document = RELATED.replace("first: 20", f"first: 20, sources: {named}")
            await self.line("sources", size, [document])

    async def line(
        self,
        what: str,
        size: int,
        documents: Sequence[str],
        *,
        callers: int = 4,
        at_least: int = 0,
    ) -> None:
        """Ask *documents* in turn, and keep what a question took."""
        target = self._ours.target
        requests = itertools.cycle([target.request(one, {}) for one in documents])
        count = max(self._questions, callers, at_least)
        await ask(target, requests, callers, max(callers, len(documents)))  # warm
        before = self._processes.used(self._ours.pid)
        found = await ask(target, requests, callers, count)
        await asyncio.sleep(0.3)
        after = self._processes.used(self._ours.pid)
        own, databases = (
            (b - a) * 1000 / count for a, b in zip(before, after, strict=True)
        )
        seconds = statistics.median(found.seconds)
        rate = count / found.took
        self._told(Line(what, size, own, databases, seconds, rate))

    def _told(self, line: Line) -> None:
        self.lines.append(line)
        print(
            f"{line.what:<28} {line.size:>9,} {line.own:>9.2f}+{line.databases:<8.2f} "
            f"{line.seconds * 1000:>9.1f} {line.rate:>9,.0f}",
            flush=True,
        )


def nested(depth: int) -> str:
    """Write a question of so many relations, one inside the other."""
    inside = "id"
    for level in range(depth, 0, -1):
        case = level % 2 == 1  # the first is followed from a case
        relation = "counterparty" if case else "cases(first: 1)"
        inner = inside if case else f"nodes {{ {inside} }}"
        inside = f"id {relation} {{ {inner} }}"
    return f"{{ caseRecords(first: 20) {{ nodes {{ {inside} }} }} }}"


def bureau(number: int) -> str:
    """Name one of the bindings over transport's tables."""
    return f"bureau{number:02}"


def bureaus() -> dict[str, str]:
    """Write twenty bindings over transport's tables."""
    text = (BINDINGS / "transport.toml").read_text("utf-8")
    names = [bureau(number) for number in range(max(SOURCES))]
    return {
        name: text.replace('name  = "transport"', f'name  = "{name}"') for name in names
    }


def measure(scale: str, questions: int) -> list[Line]:
    """Measure all that grows within one city."""
    print(f"{'':<38} {'CPU ms':>9}+{'database':<8} {'p50 ms':>9} {'a second':>9}")
    with city(scale) as departments:
        own = departments.databases
        with gateway("growth", own) as ours:
            growth = Growth(departments, ours, questions)
            for grow in (growth.pages, growth.depths, growth.callers, growth.plans):
                uvloop.run(grow())
        more = bureaus()
        with gateway(
            "growth", {**own, **dict.fromkeys(more, own["transport"])}, bindings=more
        ) as ours:
            sources = Growth(departments, ours, questions)
            uvloop.run(sources.sources())
    return [*growth.lines, *sources.lines]


def cities(sizes: Sequence[int], questions: int) -> list[Line]:
    """Measure two questions in cities of so many cases."""
    found: list[Line] = []
    scales = zhitong.infra.city.SCALES
    for size in sizes:
        name = f"cases-{size}"
        one = replace(scales["medium"], cases=size)
        zhitong.infra.city.SCALES = {**scales, name: one}
        with city(name) as departments, gateway("growth", departments.databases) as o:
            growth = Growth(departments, o, questions)
            uvloop.run(growth.line("cases, 20 of them", size, [RELATED]))
            uvloop.run(growth.line("cases, counted", size, [WORKLOADS[3].public]))
            found += growth.lines
    zhitong.infra.city.SCALES = scales
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="medium")
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--cases", type=int, nargs="*", default=CASES)
    parser.add_argument("--soak", type=float, default=0, help="minutes")
    parser.add_argument("--frozen", default="", help="a department's name")
    given = parser.parse_args()
    print(f"the machine before: {others()}", flush=True)
    if given.soak or given.frozen:
        with city(given.scale) as departments:
            if given.soak:
                soak(departments, given.soak)
            if given.frozen:
                frozen(departments, given.frozen)
    else:
        lines = measure(given.scale, given.questions)
        lines += cities(given.cases, given.questions)
        path = BENCH / "growth.json"
        path.write_text(json.dumps([asdict(line) for line in lines]), "utf-8")
        print(f"figures: {path}")
    print(f"the machine after: {others()}")


if __name__ == "__main__":
    main()
