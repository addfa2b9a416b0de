"""Decide at a constant rate while everything breaks, then compare: `make soak`.

One command, everything real: embedded PostgreSQL and Kafka, a gateway of two processes,
two relays, a sealer and a consumer for each receiver, in a state folder made for it and
removed. Callers record, correct and withdraw decisions over HTTP; a ledger outside the
system notes what each was told. Meanwhile a nemesis draws faults from the seed: what
serves is killed, halted and restarted, lines are cut, slowed, torn and silenced, disks
fill and fail, clocks jump. Then every part is compared with that ledger (soak_check).

Prints figures, writes a report as Markdown and JSON, and ends with 1 if anything was
found. `--check LEDGER --state FOLDER` compares what a killed soak has left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import uvloop
from machine import others, zhitong
from over_http import some_cases
from soak_check import check
from soak_crew import Memory, growths
from soak_direct import Direct
from soak_facts import at_rest, read_held
from soak_faults import kinds
from soak_ledger import PLANNED_REFUSALS, Attempt, Ledger, Result, read
from soak_load import CALM, Load
from soak_nemesis import Nemesis, plan
from soak_report import GROWTH, Report, grown
from soak_spent import spent, told
from soak_summary import Summary
from soak_world import World
from way import Way

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.serving import client
from zhitong.infra.settings import Settings
from zhitong.infra.standby import MEMBERS

REPORTS = Path(".zhitong/bench")
_WARM, _LEAST = 120.0, 480.0
"""Seconds until a process counts as warm, and for which it is watched at least."""
_BLOAT_MIB = 256.0
_CALM_SECONDS = 6.0
_LEAST_RATE = 1.0
_DATED = frozenset({"DECISION_FORMAT", "EVIDENCE_STALE"})
"""Refusals that a wrong clock leads to: of a decision of tomorrow, of an old proof."""


def row(what: str, found: object) -> None:
    """Print one figure."""
    print(f"{what:<44} {found}", flush=True)


async def soak(settings: Settings, given: argparse.Namespace, seed: int) -> Report:
    """Decide, break, wait, compare; say what was found."""
    world = World(settings, standby=given.standby)
    machine = await asyncio.to_thread(others)
    began = time.time()
    able, left_out = _chosen(world, given.faults)
    try:
        await world.start()
        able, left_out = _chosen(world, given.faults)
        caller = client(settings, DEMO_PRINCIPALS["department"])
        ledger = Ledger(
            given.reports / f"soak-{seed}.ledger.jsonl",
            seed=seed,
            rate=given.rate,
            state=str(settings.state),
        )
        imports = Direct(Way(settings, world.imports, 0))
        await imports.open()
        load = world.load = Load(
            caller,
            # Not in our loop: the lines to the department run in it.
            await asyncio.to_thread(some_cases, caller),
            ledger,
            imports,
            seed=seed,
            rate=given.rate,
            direct=given.direct,
        )
        memory = Memory(world.crew)
        nemesis = Nemesis(world, plan(able, seed), given.lanes, ledger)
        # Who wants it to end gets a report of what was done until then.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, nemesis.enough)
        beside = [
            asyncio.create_task(memory.watch()),
            asyncio.create_task(world.crew.look_after()),
        ]
        loading = asyncio.create_task(load.run())
        before, costs = await _paced(world, load)
        began, own = time.time(), time.process_time()
        await nemesis.run(began + given.minutes * 60, given.passes)
        # Each backlog takes what it needs: growth is told from where nothing is struck.
        quiet = time.monotonic()
        await nemesis.rest(given.steady * 60)
        load.enough()
        await loading
        imports.close()
        seconds = time.time() - began
        own = time.process_time() - own
        stuck = await at_rest(world.places(seed), given.patience)
        rested = time.time() - began - seconds
        for task in beside:
            task.cancel()
        held = await read_held(world.places(seed))
        ledger.close()
        report = Report(
            seed=seed,
            machine=machine,
            seconds=seconds,
            rate=load.rate,
            attempts=load.attempts,
            codes=load.codes,
            faults=nemesis.done,
            left_out=left_out,
            growths=growths(memory.samples, quiet, _WARM, _LEAST),
            fallen=world.crew.fallen,
        )
        report.figures |= {
            "before any fault": before,
            "ms of CPU a step, before any fault": costs,
        }
        report.figures["CPU of the soak itself"] = (
            f"{own / seconds:.0%} of a core, "
            f"{own / max(1, len(load.attempts)) * 1000:.1f} ms a step"
        )
        report.figures |= _remembered(memory)
        report.figures |= world.figures
        report.figures["came to rest after"] = f"{rested:.1f} s"
        report.figures["versions held"] = f"{len(held.kept):,}"
        for name, each in held.receivers.items():
            twice = len(each.messages) - len({m.event for m in each.messages})
            said = f"{len(each.messages):,} messages, {twice:,} of them again"
            report.figures[name] = f"{said}, {len(each.effects):,} effects"
        await _bloat(world, report)
        report.violations += [stuck] if stuck else []
        report.violations += check(load.attempts, held)
        report.violations += _odd(report)
        return report
    finally:
        world.stop()


def _remembered(memory: Memory) -> dict[str, str]:
    said = {"memory of all, at most": f"{memory.most:,.0f} MiB"}
    if struck := growths(memory.samples, 0.0, 0.0, _LEAST):
        said["memory with faults, most grown"] = grown(struck[0])
    return said


async def _paced(world: World, load: Load) -> tuple[str, str]:
    """Let nothing be wrong for a while; ask for less where that is too much already.

    What waits for others is late whatever is done to it: nothing could be told by it.
    Servers that have just begun are slow: a quarter is asked of them before, then half.
    """
    wanted = load.rate
    for load.rate in (wanted / 4, wanted / 2, wanted):
        await asyncio.sleep(_CALM_SECONDS * 2)
    while True:
        done, before = len(load.attempts), await asyncio.to_thread(spent, world)
        await asyncio.sleep(_CALM_SECONDS * 2)
        median = load.median(_CALM_SECONDS)
        said = f"half answered within {median * 1000:.0f} ms at {load.rate:g}/s"
        if median < CALM:
            after = await asyncio.to_thread(spent, world)
            return said, told(before, after, len(load.attempts) - done)
        row("too much for this machine", said)
        load.rate = max(load.rate * 0.75, _LEAST_RATE)
        await load.calms(_CALM_SECONDS * 10)


def _chosen(world: World, wanted: str) -> tuple[list, dict[str, str]]:  # type: ignore[type-arg]
    able, left_out = [], {}
    parts = [part for part in wanted.split(",") if part]
    named = [part for part in parts if not part.startswith("!")]
    spared = [part[1:] for part in parts if part.startswith("!")]
    for kind in kinds():
        if named and not any(part in kind.name for part in named):
            continue
        if any(part in kind.name for part in spared):
            continue
        if why := kind.lacks(world):
            left_out[kind.name] = why
        else:
            able.append(kind)
    return able, left_out


async def _bloat(world: World, report: Report) -> None:
    size = await world.ask("select pg_total_relation_size('outbox')")
    assert isinstance(size, int)  # noqa: S101 - that is what it gives
    mebibytes = size / 2**20
    report.figures["outbox, empty again"] = f"{mebibytes:.1f} MiB"
    if mebibytes > _BLOAT_MIB:
        report.violations.append(f"the outbox takes {mebibytes:.0f} MiB though empty")


def _odd(report: Report) -> list[str]:
    """Say what callers were told that nobody should be, and who grew."""
    found = [
        f"{each.mark}: {each.act.value} refused with {each.code}"
        for each in report.attempts
        if each.result is Result.REFUSED
        and each.act not in PLANNED_REFUSALS
        and not _by_the_clock(each, report)
    ]
    found += [
        f"{each.mark}: {each.act.value} was taken"
        for each in report.attempts
        if each.result is Result.OK and each.act in PLANNED_REFUSALS
    ]
    if count := report.codes.get("INTERNAL"):
        found.append(f"the gateway has answered INTERNAL {count} times")
    found += [
        f"{each.name} ({each.place}) was not healed"
        for each in report.faults
        if not each.healed
    ]
    found += [f"{one.name}: {one.broken}" for one in report.faults if one.broken]
    upgrades = [one for one in report.faults if one.name == "gateway upgraded"]
    if upgrades and all(one.trouble for one in upgrades):
        found.append("no upgrade was judged: callers waited for each other")
    found += [
        f"{one.name} grew by {one.share:.1%}"
        for one in report.growths
        if one.share > GROWTH
    ]
    return found


def _by_the_clock(attempt: Attempt, report: Report) -> bool:
    """Say whether a gateway whose clock was wrong has refused it: rightly, by that."""
    if not attempt.code.startswith("TOKEN_") and attempt.code not in _DATED:
        return False
    return any(
        fault.name.startswith("gateway's clock")
        and attempt.began < fault.healed
        and attempt.ended > fault.began
        for fault in report.faults
    )


async def checked(settings: Settings, path: Path) -> list[str]:
    """Compare what a killed soak has left, its servers running."""
    head, attempts = read(path)
    both = all((settings.state / "postgres" / name).exists() for name in MEMBERS)
    world = World(settings, standby=both)
    places = world.places(head["seed"])
    stuck = await at_rest(places, 30.0)
    held = await read_held(places)
    return [*([stuck] if stuck else []), *check(attempts, held)]


def _seeds(given: argparse.Namespace) -> list[int]:
    return [int(word) for word in given.seeds.replace(",", " ").split()]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--steady", type=float, default=0.0, help="minutes without faults after them"
    )
    parser.add_argument("--rate", type=float, default=20.0, help="decisions a second")
    parser.add_argument(
        "--direct", type=float, default=0.0, help="share that enters at the ledger"
    )
    parser.add_argument("--seeds", default=str(int(time.time())))
    parser.add_argument(
        "--faults", default="", help="parts of kinds' names, by commas; !: not these"
    )
    parser.add_argument("--passes", type=int, default=1, help="at least, if longer")
    parser.add_argument("--lanes", type=int, default=4, help="faults at a time")
    parser.add_argument(
        "--standby", action="store_true", help="with a standby of the database"
    )
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="brokers")
    parser.add_argument(
        "--go-on", action="store_true", help="leave out seeds that have a report"
    )
    parser.add_argument(
        "--summary", action="store_true", help="add up all reports that are there"
    )
    parser.add_argument("--patience", type=float, default=120.0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--reports", type=Path, default=REPORTS)
    parser.add_argument("--check", type=Path, metavar="LEDGER")
    parser.add_argument("--list", action="store_true", help="name the kinds of faults")
    given = parser.parse_args()
    if given.list:
        for kind in kinds():
            row(kind.name, ", ".join(kind.places))
        return
    if given.summary:
        raise SystemExit(_summed(given.reports))
    found = 0
    for seed in _seeds(given):
        there = given.reports / f"soak-{seed}.json"
        if given.go_on and there.exists():
            violations = json.loads(there.read_text("utf-8"))["violations"]
            row("seed", f"{seed}: its report is there, {len(violations)} violations")
            found += len(violations)
            continue
        state = given.state or REPORTS / f"soak-{os.getpid()}"
        settings = Settings(
            state=state.resolve(),
            bindings=state.resolve() / "bindings",
            kafka_nodes=given.nodes,
        )
        if given.check:
            faults = uvloop.run(checked(settings, given.check))
            for fault in faults:
                row("VIOLATION", fault)
            found += len(faults)
            continue
        found += _one(settings, given, seed)
    raise SystemExit(1 if found else 0)


def _one(settings: Settings, given: argparse.Namespace, seed: int) -> int:
    row("seed", seed)
    try:
        up = zhitong(settings.state, "up", *(["--standby"] if given.standby else []))
        nodes = {"ZHITONG_KAFKA_NODES": str(given.nodes)}
        subprocess.run(up, check=True, env={**os.environ, **nodes})  # noqa: S603 - ours
        report = uvloop.run(soak(settings, given, seed))
        if report.violations:
            logs = given.reports / f"soak-{seed}.logs"
            shutil.copytree(settings.state / "log", logs, dirs_exist_ok=True)
    finally:
        _swept(settings)
    for what, said in report.lines():
        row(what, said)
    for fault in report.violations[:20]:
        row("VIOLATION", fault)
    row("report", report.write(given.reports, f"soak-{seed}"))
    return len(report.violations)


def _summed(reports: Path) -> int:
    """Print what all reports say together; write it beside them."""
    summary = Summary.of(reports)
    for what, said in summary.lines():
        row(what, said)
    row("summary", summary.write(reports))
    return 1 if summary.violations else 0


def _swept(settings: Settings) -> None:
    """Stop the servers, take the small disks away, remove the folder."""
    subprocess.run(zhitong(settings.state, "down"), check=False)  # noqa: S603 - ours
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        place = line.split()[1]
        if Path(place).is_relative_to(settings.state):
            subprocess.run(["umount", "-l", place], check=False)  # noqa: S603, S607
    subprocess.run(zhitong(settings.state, "clean"), check=True)  # noqa: S603 - ours


if __name__ == "__main__":
    main()
