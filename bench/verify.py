"""Time `zhitong audit verify` over a large log on this machine: `make bench-verify`.

Everything real: an embedded PostgreSQL in a state folder made for it and removed, looks
as the gateway writes them, one deed to twenty of them, a city's decisions, heads as the
sealer makes them, a witness's word for each. Prints rows and bytes, the time to seal,
leaves verified per second by all cores and by one process, the processor time of the
verifier and of the database, and what a quick check takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import asyncpg
from entries import AT, prepare
from machine import others
from sealed_log import KEY, SmallWitness, inquiry, seal

from zhitong.connectors import deeds
from zhitong.connectors.access_entry import LookEntry, Records
from zhitong.connectors.evidence_log import begin
from zhitong.connectors.evidence_rows import snapshot
from zhitong.connectors.key_ring import register
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.evidence import Deed, DeedKind
from zhitong.infra.audit import verified
from zhitong.infra.city_ledger import load_city_history
from zhitong.infra.embedded import Cluster, clean
from zhitong.rules.merkle import digest, leaf
from zhitong.rules.verification import DEEDS

BATCH = 20_000
EACH = 20
"""Looks to one deed."""
COLUMNS = LookEntry._fields[:-1]
OF = digest("sha256")


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<44} {found}", flush=True)


def entries(many: int, keys: int) -> Iterator[tuple[object, ...]]:
    """Give looks as the register keeps them, each at *keys* rows."""
    records = Records(KEY, "anze")
    for number in range(many):
        made = inquiry(number)
        names = tuple(f"{number}-{each}" for each in range(keys))
        made.looks[0] = replace(made.looks[0], rows=keys, keys=names)
        made.findings.clear()
        yield tuple(records.entry(made))[:-1]


async def fill(url: str, state: Path, many: int, keys: int) -> None:
    """Write a city's decisions, *many* looks, and deeds among them."""
    loaded = await load_city_history(url, state, "medium", tenant="anze")
    connection = await asyncpg.connect(url)
    made = entries(many, keys)
    while batch := list(islice(made, BATCH)):
        await connection.copy_records_to_table(
            "access_entry", records=batch, columns=COLUMNS
        )
        await connection.copy_records_to_table(
            "deed",
            records=acts(len(batch) // EACH),
            columns=[*DEEDS.columns, "body", "leaf"],
        )
    await connection.execute("vacuum analyze")
    size = await connection.fetchval(
        "select sum(pg_total_relation_size(inhrelid)) from pg_inherits "
        "where inhparent = 'access_entry'::regclass"
    )
    body = await connection.fetchval(
        "select avg(length(b.body))::int from "
        "(select body from access_entry limit 1000) b"
    )
    row("looks, bytes of a body, table with indexes", f"{many:,}, {body:,}, {size:,} B")
    row("decisions, deeds", f"{loaded.decisions:,}, {many // EACH:,}")
    await connection.close()


def acts(many: int) -> Iterator[tuple[object, ...]]:
    """Give deeds as their table keeps them."""
    for number in range(many):
        deed = Deed(
            kind=DeedKind.ACTION,
            who="李运维",
            action="suspend-receiver",
            target="credit",
            reason=f"检修 {number}",
            detail={"number": number},
        )
        text = deeds.body(deed, "anze")
        told = (getattr(deed, name) for name in DEEDS.columns[1:])
        yield deed.id, *told, text, leaf(OF, text)


async def measure(url: str, folder: Path, given: argparse.Namespace) -> None:
    """Print all figures."""
    await prepare(url)
    witness = SmallWitness(file_signer(generate(ECDSA)))
    connection = await asyncpg.connect(url)
    await begin(connection, "anze", "sha256")
    await register(connection, "witness", witness.signer.spki)
    await fill(url, folder.parent, given.rows, given.keys)
    began = time.perf_counter()
    await seal(url, folder, given.batch, patience=600)
    row("sealed in", f"{time.perf_counter() - began:.1f} s")
    await witness.countersign(connection)
    await connection.execute("analyze")
    await connection.close()
    wanted = Wanted(witnessed=witness.seen, grace=0)
    for times in range(2):
        began = time.perf_counter()
        before = cpu()
        server = server_cpu(folder.parent)
        found = await verified(url, wanted)
        spent = time.perf_counter() - began
        say(f"{os.cpu_count()} processes, run {times + 1}", found, spent)
        mine, theirs = cpu() - before, server_cpu(folder.parent) - server
        row("  processor time, verifier and database", f"{mine:.1f} s, {theirs:.1f} s")
        share = (mine + theirs) / (os.cpu_count() or 1)
        row("  with these cores alone, at best", f"{found.leaves / share:,.0f}/s")
    async with snapshot(url) as rows:
        began = time.perf_counter()
        found = await check(rows, wanted)
        say("one process", found, time.perf_counter() - began)
        began = time.perf_counter()
        found = await check(rows, replace(wanted, quick=True))
        say("quick", found, time.perf_counter() - began)


def say(what: str, found: Checked, seconds: float) -> None:
    """Print how fast a log was verified, and that it holds."""
    if found.faults.totals:
        raise SystemExit("\n".join(map(str, found.faults.listed[:20])))
    rate = found.leaves / seconds
    many = f"{found.leaves:,} leaves, {found.heads:,} heads"
    row(what, f"{many}: {seconds:.1f} s, {rate:,.0f}/s")


def server_cpu(state: Path) -> float:
    """Give the processor time of the server, ended sessions included."""
    (file,) = state.glob("postgres/*/postmaster.pid")
    postmaster = file.read_text().split()[0]
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            words = path.read_text().rpartition(")")[2].split()
            mine = path.parent.name == postmaster
            if mine or words[1] == postmaster:
                ticks += sum(map(int, words[11 : 15 if mine else 13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu() -> float:
    """Give the processor time of this process and of those that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=5)
    parser.add_argument("--batch", type=int, default=2_000)
    given = parser.parse_args()
    state = Path(".zhitong/bench") / f"verify-{os.getpid()}"
    row("the machine before", others())
    row("looks from", f"{AT:%Y-%m-%d}")
    try:
        url = Cluster(state, ("audited",)).start()["audited"]
        asyncio.run(measure(url, state / "evidence", given))
    finally:
        clean(state)


if __name__ == "__main__":
    main()
