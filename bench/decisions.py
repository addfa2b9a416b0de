"""Time a decision's way on this machine: `make bench-decisions`.

One command, everything real: embedded PostgreSQL and Kafka, a gateway and a relay as
processes of their own, in a state folder that is made for it and removed. Prints

- what else the machine did, for nothing here is measured alone on it;
- bare commits/s of the same server: pgbench, a one-row insert per transaction;
- decisions/s the ledger takes, called in this process with entries made before;
- events/s a relay moves from that full outbox to Kafka, until it is empty, what the
  empty one takes on disk, and how soon another has the buckets of one that was killed;
- decisions/s the gateway takes over HTTP, registers asked and rules applied, and how
  long one takes with a single caller;
- at a steady rate of commits, how long after the outbox row was written (just before
  its commit) a consumer in another process has the event: p50, p99, worst.

Nothing is judged. Callers, relay, servers and consumer share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import time
from pathlib import Path

import asyncpg
import uvloop
from machine import others, running, until, zhitong
from over_http import Case, over_http, some_cases
from way import CALLERS, Way

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import address
from zhitong.infra.gateway import OWNER, PLATFORM
from zhitong.infra.note import find
from zhitong.infra.postgres_account import installation
from zhitong.infra.serving import client, note_path
from zhitong.infra.settings import Settings

DEPARTMENT = DEMO_PRINCIPALS["department"]


def pgbench(url: str, clients: int, seconds: int) -> float:
    """Give transactions/s of one-row inserts, as pgbench counts them."""
    program = installation() / "bin" / "pgbench"
    done = subprocess.run(  # noqa: S603 - the wheel's own program
        [
            *(str(program), "-n", "-M", "prepared", "-f", "/dev/stdin"),
            *("-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds), url),
        ],
        input="insert into bare (words) values (repeat('x', 450));\n",
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise SystemExit(done.stdout)
    return float(found[1])


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<52} {found}", flush=True)


async def bare(url: str, seconds: int) -> None:
    """Time commits that do next to nothing."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table bare (id bigint generated always as identity primary key, "
        "words text, at timestamptz default clock_timestamp())"
    )
    for clients in (1, CALLERS):
        rate = await asyncio.to_thread(pgbench, url, clients, seconds)
        row(f"bare commits (pgbench), {clients} clients", f"{rate:,.0f}/s")
    await connection.execute("drop table bare")
    await connection.close()


async def gateway(settings: Settings, count: int) -> list[Case]:
    """Time decisions over HTTP; give the cases they were about."""
    with running(settings.state, "serve", "--port", "0"):

        async def there() -> bool:
            return find(note_path(settings)) is not None

        await until(there, "the gateway")
        caller = client(settings, DEPARTMENT)
        cases = await asyncio.to_thread(some_cases, caller)
        row("over HTTP, different cases", str(len(cases)))
        await over_http(caller, cases, 2, 50)  # what is made at first use
        for callers in (1, CALLERS):
            number = count // 4 if callers == 1 else count
            rate, taken = await over_http(caller, cases, callers, number)
            row(
                f"the gateway over HTTP, {callers} callers, {number:,} decisions",
                f"{rate:,.0f}/s; each {taken}",
            )
    return cases


async def measure(settings: Settings, given: argparse.Namespace) -> None:
    """Print all figures."""
    look_up = address(settings.state, os.environ)
    url = look_up(PLATFORM) or ""
    # Its table is none of the platform's, whose gateway makes none.
    await bare(look_up(OWNER) or url, given.seconds)
    cases = await gateway(settings, given.decisions // 5)
    way = Way(settings, url, given.seconds)
    # Many decisions of a few cases leave one by one: no bureau has such cases.
    await way.drained()
    rate = await way.alone(cases, given.decisions)
    row(
        f"the ledger alone, {CALLERS} callers, {given.decisions:,} decisions",
        f"{rate:,.0f}/s, each with two events",
    )
    count, rate, each = await way.drained()
    row(f"a relay empties an outbox of {count:,} events", f"{rate:,.0f} events/s")
    row("µs of CPU an event", each)
    row("the outbox after it", await way.bloat())
    row("a relay is killed: the other has its buckets", f"{await way.takeover():.1f} s")
    for name, found in (await way.steady(cases, given.rate)).items():
        row(f"{given.rate}/s for {given.seconds} s: {name}", str(found))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=5_000)
    parser.add_argument("--rate", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    state = Path(".zhitong/bench") / f"decisions-{os.getpid()}"
    settings = Settings(state=state.resolve(), bindings=state.resolve() / "bindings")
    row("the machine before", others())
    try:
        began = time.perf_counter()
        subprocess.run(zhitong(settings.state, "up"), check=True)  # noqa: S603 - ours
        row("servers, city, broker", f"{time.perf_counter() - began:.1f} s")
        uvloop.run(measure(settings, given))
    finally:
        subprocess.run(zhitong(settings.state, "clean"), check=True)  # noqa: S603 - ours
    row("the machine after", others())


if __name__ == "__main__":
    main()
