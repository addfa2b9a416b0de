"""Where the CPU of a question goes, part by part: `make bench-spent`.

The gateway serves the five questions of `access_questions` over a city, asked by many
callers, and its stack is noted at every few milliseconds of its CPU (`sampling`). Each
note counts for the part that its innermost known frame belongs to; what a library does
for one of ours is the library's. Shares times the process's own CPU are milliseconds of
a question. Nothing is judged by a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import uvloop
from access_questions import WORKLOADS, Workload
from callers import Target, ask
from machine import Processes, others
from one_department import TOWNS
from our_gateway import BENCH, Ours, gateway, some_codes

PARTS = (
    ("HTTP 服务 HTTP server", ("/uvicorn/", "infra/heads", "infra/replies")),
    (
        "令牌与回执 token and receipt",
        ("infra/receipts", "connectors/signers", "infra/tokens", "infra/door"),
    ),
    (
        "调阅登记 record",
        ("access_log", "access_entry", "resolvers/records", "resolvers/looks"),
    ),
    ("组装答案 answer", ("<plan>", "plan_helpers", "assemble", "schema/executor")),
    ("数据库驱动 driver", ("/asyncpg/",)),
    ("语句 statements", ("/connectors/",)),
    ("合并 merging", ("resolvers/merge", "resolvers/shares")),
    ("关系与键 relations and keys", ("resolvers/levels", "resolvers/keyed")),
    ("计划与裁定 plan and verdicts", ("/resolvers/",)),
    ("文档与变量 document", ("/schema/", "/graphql/", "/strawberry/")),
    ("循环、套接字、解码 loop, sockets, decoding", ("infra/serving", "infra/cli")),
    ("入口 front", ("/infra/",)),
    ("规则 rules", ("/zhitong/",)),
)
"""Parts, and what their frames have in their files' names; the first that fits."""
OTHER = "其余 other"
OURS = "/zhitong/"
SHOWN = 12
"""Functions that are named for each question."""


def part_of(stack: Sequence[str]) -> str:
    """Say to which part a stack, innermost first, belongs."""
    for frame in stack:
        for name, files in PARTS:
            if any(file in frame for file in files):
                return name
    return OTHER


def function_of(stack: Sequence[str]) -> str:
    """Name the innermost function of ours, or the innermost of all."""
    frame = next((one for one in stack if OURS in one or "<plan>" in one), stack[0])
    name, _, path = frame.partition(" ")
    return f"{path.rpartition(OURS)[2].removesuffix('.py')}.{name}"


class Sampled:
    """The gateway's samples: begun and ended by a signal."""

    def __init__(self, ours: Ours, path: Path) -> None:
        self._pid = ours.pid
        self._path = path

    def begin(self) -> None:
        """Begin to note stacks."""
        self._path.unlink(missing_ok=True)
        os.kill(self._pid, signal.SIGUSR2)

    def end(self) -> list[tuple[list[str], int]]:
        """Give each stack, innermost first, and how often it was seen."""
        os.kill(self._pid, signal.SIGUSR2)
        until = time.monotonic() + 60
        while not self._path.exists():
            if time.monotonic() > until:
                raise SystemExit("the gateway has written no samples")
            time.sleep(0.05)
        found: list[tuple[list[str], int]] = json.loads(self._path.read_text("utf-8"))
        return found


def requests(target: Target, document: str, codes: Sequence[str]) -> Iterator[bytes]:
    """Write the same question for ever, about one code after the other."""
    some = codes if "$code" in document else codes[:1]
    given = [
        target.request(document, {"code": code} if "$code" in document else {})
        for code in some
    ]
    while True:
        yield random.choice(given)  # noqa: S311 - an order, no secret


async def measured(
    ours: Ours, sampled: Sampled, processes: Processes, work: Workload, given: Given
) -> None:
    """Ask, and print where the CPU went."""
    document = work.full if given.full else work.public
    asked = requests(ours.target, document, given.codes)
    for count in (64, 64):
        first = await ask(ours.target, asked, given.callers, count)
    count = max(given.callers, round(len(first.seconds) / first.took * given.seconds))
    before = processes.used(ours.pid)
    sampled.begin()
    await ask(ours.target, asked, given.callers, count)
    await asyncio.sleep(0.3)
    stacks = sampled.end()
    after = processes.used(ours.pid)
    own, databases = (
        (b - a) * 1000 / count for a, b in zip(before, after, strict=True)
    )
    print(f"\n{work.name}: {own:.3f} ms + PostgreSQL {databases:.3f} ms, {count} asked")
    for line in lines(stacks, own):
        print(line)


def lines(stacks: Sequence[tuple[list[str], int]], own: float) -> Iterator[str]:
    """Write the parts of *own* milliseconds, and the functions that have most."""
    parts, functions = Counter[str](), Counter[str]()
    for stack, count in stacks:
        parts[part_of(stack)] += count
        functions[function_of(stack)] += count
    whole = sum(parts.values())
    if not whole:
        yield "  没有样本 no samples"
        return
    for name, count in parts.most_common():
        yield f"  {count / whole:6.1%}  {own * count / whole:7.3f} ms  {name}"
    most = [
        f"{name} {count / whole:.1%}" for name, count in functions.most_common(SHOWN)
    ]
    yield f"  其中 of it: {', '.join(most)}"


class Given(argparse.Namespace):
    """What the command line says."""

    scale: str
    departments: str
    questions: list[str]
    callers: int
    seconds: float
    full: bool
    executor: str
    codes: Sequence[str] = ()


def main() -> None:
    """Run from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scale", default="small")
    options.add_argument("--departments", default="all", choices=sorted(TOWNS))
    options.add_argument("--questions", nargs="*", default=[])
    options.add_argument("--callers", type=int, default=32)
    options.add_argument("--seconds", type=float, default=6.0)
    options.add_argument("--full", action="store_true", help="protected fields")
    options.add_argument("--executor", default="plan")
    given = options.parse_args(namespace=Given())
    print(f"the machine before: {others()}", flush=True)
    samples = (BENCH / f"samples-{os.getpid()}.json").resolve()
    environment = {
        "ZHITONG_EXECUTOR": given.executor,
        "CPU_SAMPLES": str(samples),
        "PYTHONPATH": f"{Path(__file__).parent / 'sampling'}{os.pathsep}"
        f"{os.environ.get('PYTHONPATH', '')}",
    }
    with ExitStack() as stack:
        stack.callback(samples.unlink, missing_ok=True)
        town = stack.enter_context(TOWNS[given.departments](given.scale))
        ours = stack.enter_context(
            gateway("spent", town.databases, environment, bindings=town.texts())
        )
        given.codes = some_codes(ours)
        processes = Processes(town.state, ours.settings.state)
        sampled = Sampled(ours, samples)
        for work in WORKLOADS:
            if not given.questions or work.name[:2] in given.questions:
                uvloop.run(measured(ours, sampled, processes, work, given))


if __name__ == "__main__":
    main()
