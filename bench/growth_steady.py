"""The gateway under a steady load: for long, or while a department stands still.

- `soak`: as much as 70 % of what 32 waiting callers get, for minutes; its memory every
  second, and how it grows; answers that failed, of which there may be none.
- `frozen`: a department's server is halted (SIGSTOP) in the middle and goes on later.
  Told are the 99th percentiles of questions that do not need it, before, meanwhile and
  after, how long those that do need it take to name it as missing, and how soon their
  answers are whole again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvloop
from access_questions import WORKLOADS
from callers import LATE, Caller, Target, ask
from machine import Processes, memory
from our_gateway import BENCH, City, Ours, gateway, some_codes
from steady import Heard, steady

from zhitong.connectors.binding_file import read_folder
from zhitong.infra.city_load import BINDINGS
from zhitong.schema.entities import ENTITIES

SHARE = 0.7
FROZEN_SHARE = 0.4
CALLERS = 32
TRYING = 600
"""Questions that tell what the gateway can."""
SECONDS = 20.0
"""Of each of the three parts around a department that stands still."""
PATIENCE = 120.0
WEIGHTS = (60, 25, 5, 0, 10)
"""Of a hundred questions, how many are Q1, Q2 …"""
ELSEWHERE = """{ caseRecords(first: 20, sources: ["SOURCE"]) { nodes { caseNo title
  status filedOn fine subject { name } } } }"""
NEEDS_ALL = "all departments"
NEEDS_OTHERS = "other departments"
Asked = Iterator[tuple[str, bytes]]


def mixed(target: Target, codes: Sequence[str]) -> Asked:
    """Give the five questions in both forms, mixed as a day may mix them."""
    chance = random.Random(1)  # noqa: S311 - an order, no secret
    while True:
        work = chance.choices(WORKLOADS, WEIGHTS)[0]
        document = chance.choice((work.public, work.full))
        code = {"code": chance.choice(codes)} if "$code" in document else {}
        yield work.name[:2], target.request(document, code)


def around(target: Target, codes: Sequence[str], without: str) -> Asked:
    """Give questions that need the department *without*, and such that do not."""
    others = "emergency" if without != "emergency" else "transport"
    elsewhere = target.request(ELSEWHERE.replace("SOURCE", others), {})
    everywhere = target.request(WORKLOADS[1].public, {})
    chance = random.Random(1)  # noqa: S311 - as above
    while True:
        by_code = target.request(WORKLOADS[0].public, {"code": chance.choice(codes)})
        yield NEEDS_OTHERS, by_code
        yield NEEDS_OTHERS, elsewhere
        yield NEEDS_ALL, everywhere


async def capacity(target: Target, asked: Asked) -> float:
    """Give the questions a second that waiting callers get answered."""
    requests = (request for _, request in asked)
    await ask(target, requests, CALLERS, TRYING // 4)  # warm
    found = await ask(target, requests, CALLERS, TRYING)
    return TRYING / found.took


def p99(heard: Sequence[Heard]) -> float:
    """Give the 99th percentile in milliseconds."""
    ordered = sorted(one.seconds for one in heard) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000


def soak(departments: City, minutes: float) -> None:
    """Ask for *minutes*; print memory, latency and what failed."""
    with gateway("soak", departments.databases, patient=False) as ours:
        codes = some_codes(ours)
        uvloop.run(_soak(departments, ours, codes, minutes * 60))


async def _soak(
    departments: City, ours: Ours, codes: Sequence[str], seconds: float
) -> None:
    most = await capacity(ours.target, mixed(ours.target, codes))
    rate = most * SHARE
    print(f"{most:,.0f} questions/s can be had, {rate:,.0f} are asked", flush=True)
    ending, sizes = asyncio.Event(), list[float]()
    processes = Processes(departments.state, ours.settings.state)
    before = processes.used(ours.pid)
    asking = asyncio.create_task(
        steady(ours.target, mixed(ours.target, codes), rate, ending)
    )
    began = time.monotonic()
    while time.monotonic() - began < seconds and not asking.done():
        sizes.append(await asyncio.to_thread(memory, ours.pid, "VmRSS"))
        await asyncio.sleep(1)
    ending.set()
    heard = await asking
    after = processes.used(ours.pid)
    own, databases = (
        (b - a) * 1000 / len(heard) for a, b in zip(before, after, strict=True)
    )
    # What fills at first (plans, statements, pools) is no leak.
    later = sizes[len(sizes) // 3 :]
    slope = statistics.linear_regression(range(len(later)), later).slope * 60
    faults = [one for one in heard if one.failed or not one.whole]
    print(f"{len(heard):,} questions, {own:.2f}+{databases:.2f} CPU ms each")
    for name in sorted({one.name for one in heard}):
        print(f"  {name} p99 {p99([one for one in heard if one.name == name]):.1f} ms")
    print(
        f"memory: {sizes[0]:.0f} MiB at first, {later[0]:.0f} after a third, "
        f"{sizes[-1]:.0f} at the end; {slope:+.2f} MiB a minute since that third"
    )
    print(f"answers that failed or lack a part: {len(faults)}")
    for fault in faults[:5]:
        print(f"  {fault}")
    path = BENCH / "soak-gateway.json"
    path.write_text(json.dumps({"rate": rate, "memory": sizes}), "utf-8")
    print(f"figures: {path}")


def frozen(departments: City, name: str) -> None:
    """Halt the department *name* for a while under load; print what others feel."""
    with gateway("frozen", departments.databases, patient=False) as ours:
        codes = some_codes(ours)
        uvloop.run(_frozen(departments, ours, codes, name))


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds since the beginning at which a department halted, went on, was back."""

    halted: float
    thawed: float
    whole: float
    """Infinite where it was not back in time."""


async def _frozen(
    departments: City, ours: Ours, codes: Sequence[str], name: str
) -> None:
    target, ending = ours.target, asyncio.Event()
    most = await capacity(target, around(target, codes, name))
    rate = most * FROZEN_SHARE
    print(f"{most:,.0f} questions/s can be had, {rate:,.0f} are asked", flush=True)
    asked = around(target, codes, name)
    asking = asyncio.create_task(steady(target, asked, rate, ending))
    times = await _halting(departments, target, name)
    ending.set()
    _told(await asking, times, name)


async def _halting(departments: City, target: Target, name: str) -> Times:
    """Halt *name* and let it go on, each after a while; give when."""
    began = time.perf_counter()
    await asyncio.sleep(SECONDS)
    await asyncio.to_thread(departments.cluster.freeze, name)
    halted = time.perf_counter() - began
    try:
        await asyncio.sleep(SECONDS)
    finally:
        await asyncio.to_thread(departments.cluster.thaw, name)
    thawed = time.perf_counter() - began
    back = await _whole_again(target)
    whole = time.perf_counter() - began if back else math.inf
    await asyncio.sleep(SECONDS)
    return Times(halted, thawed, whole)


async def _whole_again(target: Target) -> bool:
    """Ask for all departments until an answer has them all, or patience ends."""
    caller, ending = await Caller.at(target), time.monotonic() + PATIENCE
    request, late = target.request(WORKLOADS[1].public, {}), True
    while late and time.monotonic() < ending:
        _, body = await caller.ask(request)
        late = any(code in body for code in LATE)
        await asyncio.sleep(0.1)
    await caller.close()
    return not late


def _told(heard: Sequence[Heard], times: Times, name: str) -> None:
    parts = {
        "before": [one for one in heard if one.at < times.halted],
        "meanwhile": [one for one in heard if times.halted <= one.at < times.thawed],
        "after": [one for one in heard if one.at >= times.whole],
    }
    base = p99([one for one in parts["before"] if one.name == NEEDS_OTHERS])
    for part, some in parts.items():
        for kind in (NEEDS_OTHERS, NEEDS_ALL):
            of_kind = [one for one in some if one.name == kind]
            lacking = sum(not one.whole for one in of_kind)
            growth = f" {p99(of_kind) / base - 1:+.0%}" if kind == NEEDS_OTHERS else ""
            print(
                f"{part:<10} {kind:<18} {len(of_kind):>6,} asked, p99 "
                f"{p99(of_kind):7.1f} ms{growth}, without a part: {lacking:,}"
            )
    longest = max((one.seconds for one in parts["meanwhile"]), default=0.0)
    bindings, _ = read_folder(BINDINGS, ENTITIES)
    deadline = bindings[name].timeout
    print(f"the longest answer while {name} stood still: {longest:.2f} s", end="")
    print(f" (it is waited for {deadline:.1f} s)")
    print(f"whole again {times.whole - times.thawed:.1f} s after it went on")
    failed = Counter(one.failed[:60] for one in heard if one.failed)
    print(f"answers that failed: {failed.total():,}")
    for text, count in itertools.islice(failed.items(), 5):
        print(f"  {count:,} {text}")
