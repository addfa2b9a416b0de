"""Kill what carries decisions while they are recorded: `make soak`, QUICK=1 smaller.

One command, everything real: embedded PostgreSQL and Kafka, a gateway, two relays and
a consumer for each receiver as processes, in a state folder made for it and removed.
Callers record decisions over HTTP, and withdraw every fifth, as a case system would:
what was not answered is sent again with the same id. Meanwhile relays, consumers,
broker and gateway are ended by kill -9 and started again. Then everything is compared:

- every acknowledged version is in the ledger, and every event its answer named is in
  its receiver's inbox, and nothing else is;
- each receiver's effect is there once, of the last version;
- on the topics each case's events first come in the order of the ledger;
- each event has its receipt, nothing is parked, dead or stray.

Prints figures, and ends with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from pathlib import Path

import uvloop
from machine import others, zhitong
from over_http import some_cases
from soak_check import Checker
from soak_crew import Crew, Kills
from soak_load import Load

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.serving import client
from zhitong.infra.settings import Settings


def row(what: str, found: object) -> None:
    """Print one figure."""
    print(f"{what:<44} {found}", flush=True)


async def soak(settings: Settings, given: argparse.Namespace) -> bool:
    """Record, kill, compare; say whether all held."""
    kills = Kills(
        relays=given.relay_kills,
        brokers=given.broker_kills,
        gateways=given.gateway_kills,
        consumers=given.consumer_kills,
    )
    crew = Crew(settings)
    try:
        await crew.start()
        caller = client(settings, DEMO_PRINCIPALS["department"])
        load = Load(caller, some_cases(caller), given.decisions, given.rate)
        began = time.perf_counter()
        await crew.during(load, kills)
        took = time.perf_counter() - began
        row("decisions acknowledged", f"{load.decided:,}")
        row("withdrawals acknowledged", f"{load.withdrawn:,}")
        row("took, kills included", f"{took:.1f} s, {load.decided / took:,.0f}/s")
        row("calls sent again without an answer", f"{load.repeated:,}")
        row("killed", ", ".join(crew.killed))
        checker = Checker(settings, load.acknowledged)
        began = time.perf_counter()
        await checker.arrived(given.patience)
        row("all arrived and answered after", f"{time.perf_counter() - began:.1f} s")
        for what, found in (await checker.compare()).items():
            row(what, found)
    finally:
        crew.stop()
    faults = [*load.refused, *checker.faults]
    for fault in faults[:20]:
        row("VIOLATION", fault)
    row("violations", len(faults))
    return not faults


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument(
        "--rate", type=float, default=150.0, help="decisions/s, at most"
    )
    parser.add_argument("--relay-kills", type=int, default=10)
    parser.add_argument("--broker-kills", type=int, default=2)
    parser.add_argument("--gateway-kills", type=int, default=1)
    parser.add_argument("--consumer-kills", type=int, default=2)
    parser.add_argument("--patience", type=float, default=300.0)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    state = given.state or Path(".zhitong/bench") / f"soak-{os.getpid()}"
    settings = Settings(state=state.resolve(), bindings=state.resolve() / "bindings")
    row("the machine before", others())
    try:
        subprocess.run(zhitong(settings.state, "up"), check=True)  # noqa: S603 - ours
        held = uvloop.run(soak(settings, given))
    finally:
        subprocess.run(zhitong(settings.state, "clean"), check=True)  # noqa: S603 - ours
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
