"""Four receivers by four channels, and what each should hold: `make bench-channels`.

Everything real: embedded PostgreSQL and Kafka, a relay, and four receivers as processes
of their own, three of them without a line of ours (outside_receivers.py):

- ``credit``: a topic, double publicity of 2018, our reference consumer;
- ``credit-older``: signed HTTP pushes, double publicity of 2015;
- ``provincial``: a front-end database with its own tables and its own importer;
- ``plain``: folders of files with manifests, our own form.

Decisions are entered at the ledger; of a hundred four are corrected, one is withdrawn,
and one lacks its facts, which every receiver rejects; every second of those is mended.
Meanwhile the second receiver shows a page of maintenance for a while, and the relay is
killed and started again. Then the store of each receiver is compared, decision by
decision, with what follows from what was decided by the words of docs/streams.md and
docs/forms.md alone, and the platform's receipts with what each must have answered.
Prints what was found; ends with 1 where anything differs. No rate is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
from channel_cases import FILES, FRONT, KAFKA, NAMES, OLDER, Case, Held
from machine import others, running, zhitong
from way import Way

from zhitong.connectors.receivers import name_receivers
from zhitong.decisions import Change, Entry
from zhitong.infra.broker_start import start_broker
from zhitong.infra.consuming import database_name
from zhitong.infra.embedded import clean, databases
from zhitong.infra.platform_database import PLATFORM, claim
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.receivers_file import RECEIVERS, receivers_of
from zhitong.infra.settings import Settings

PATIENCE = 3600.0
MOST = 2_000
"""Decisions entered until corrections of those before them follow."""
CALLERS = 8
HERE = Path(__file__).parent


def row(what: str, found: object) -> None:
    """Print one figure."""
    print(f"{what:<52} {found}", flush=True)


# --- what each receiver holds -------------------------------------------------


async def credit(url: str) -> Mapping[str, Held]:
    """Read our reference consumer's own table."""
    return await _database(
        url,
        "select cf_wsh, version, cf_zt, cf_xdr_mc, cf_xdr_shxym, cf_cfjgdm, "
        "cf_jdrq::text, cf_sy, cf_nr_fk, cf_nr from cf_fr",
    )


async def provincial(url: str) -> Mapping[str, Held]:
    """Read what the importer of the front-end database took in."""
    return await _database(
        url,
        "select document_no, data_version, status::text, party_name, party_code, "
        "agency_code, decided_on::text, facts, fine, result from held",
    )


async def _database(url: str, statement: str) -> Mapping[str, Held]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(statement)
    await connection.close()
    return {each[0]: tuple(each)[1:] for each in rows}


def older(folder: Path) -> Mapping[str, Held]:
    """Read the store of who takes pushes."""
    return _store(
        folder,
        *("CF_ZT", "CF_XDR_MC", "CF_XDR_SHXYM", "CF_XZJG", "CF_JDRQ", "CF_SY"),
        *("", "CF_JG"),
    )


def plain(folder: Path) -> Mapping[str, Held]:
    """Read the store of who collects files."""
    return _store(
        folder,
        *("change", "counterpartyName", "counterpartyCode", "subjectCode"),
        *("decidedOn", "facts", "fine", "result"),
    )


def _store(folder: Path, *columns: str) -> Mapping[str, Held]:
    found: dict[str, Held] = {}
    with sqlite3.connect(folder / "store.sqlite") as store:
        for number, version, text in store.execute("select * from held"):
            said: dict[str, Any] = json.loads(text)
            values = [said.get(name) for name in columns]
            if values[6] is not None:
                values[6] = Decimal(values[6])
            found[number] = (version, *values)
    return found


# --- the receivers, and their files -------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the bench has its parts."""

    state: Path
    around: Path
    """What is none of the platform's."""
    front: str
    """Address of the front-end database."""
    port: int

    def own(self, name: str) -> Path:
        """Name a receiver's own folder."""
        return self.around / name

    @property
    def receivers(self) -> Path:
        """Name the folder of receivers' files."""
        return self.around / "receivers"

    @property
    def drop(self) -> Path:
        """Name the folder that both sides reach."""
        return self.around / "drop"

    @property
    def maintenance(self) -> Path:
        """Name the file while there is which a page is shown."""
        return self.own(OLDER) / "maintenance"


def declare(places: Places, secret: str, password: str) -> None:
    """Write the four receivers' files, and what of them is secret."""
    for folder in (places.receivers, places.drop, *map(places.own, NAMES)):
        folder.mkdir(parents=True)
    address = re.sub(r":[^:@/]*@", "@", places.front)
    channels = {
        OLDER: f'kind = "http"\nurl = "http://127.0.0.1:{places.port}/take"\n'
        'requester = "anze"\ninterface = "s_619900_2026"\n',
        FRONT: f'kind = "front-end"\naddress = "{address}"\ntables = ["penalty"]\n'
        '[channel.of_batch]\nanswer = "ack_status"\nat = "ack_time"\n'
        '[channel.of_row]\nanswer = "ack_status"\ncode = "ack_code"\n'
        'field = "ack_field"\n',
        FILES: f'kind = "file"\nfolder = "{places.drop}"\n',
    }
    for name in NAMES:
        shipped = RECEIVERS / f"{name}.toml"
        if not shipped.exists():
            shipped = RECEIVERS / "examples" / f"{name}.toml"
        text = shipped.read_text("utf-8")
        if name in channels:
            text = re.sub(
                r"^\[channel\]\n.*?(?=^\[\[rules\]\])",
                lambda _, name=name: f"[channel]\n{channels[name]}\n",  # type: ignore[misc]
                text,
                flags=re.MULTILINE | re.DOTALL,
            )
            unsigned = "[[rules]]\nacknowledge = { signed = false }\n"
            text = text.replace("[[rules]]\n", unsigned)
        (places.receivers / f"{name}.toml").write_text(text, "utf-8")
    # The others sign nothing, and nothing is sealed to them.
    make_demo_keys(places.state, [KAFKA])
    for file, said in ((f"{OLDER}.secret", secret), (f"{FRONT}.password", password)):
        path = places.state / "receivers" / file
        path.write_text(said)
        path.chmod(0o600)


@contextmanager
def outside(*words: str) -> Iterator[None]:
    """Run a receiver of somebody else's beside the block."""
    process = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, str(HERE / "outside_receivers.py"), *words]
    )
    try:
        yield
    finally:
        failed = process.poll()
        process.kill()
        process.wait()
        if failed is not None:
            raise SystemExit(f"the receiver {words[0]} has ended by itself")


class Killed:
    """A relay that can be killed and started again."""

    def __init__(self, state: Path, more: Mapping[str, str]) -> None:
        self._state, self._more = state, more
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._state / "log" / "relay.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own program
                zhitong(self._state, "relay"),
                env={**os.environ, **self._more},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def again(self) -> None:
        """Kill it as the machine would, and start another."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(60)


# --- the run ------------------------------------------------------------------


async def entries(way: Way, new: range, known: range) -> Sequence[Entry]:
    """Make the first versions of *new* ones, and what follows of those *known*."""
    found = [
        await way.version(case.decision(1), 1, Change.RECORDED)
        for case in map(Case, new)
    ]
    for case in map(Case, known):
        if case.follows:
            said = case.decision(2)
            found.append(await way.version(said, 2, case.follows, "复查有误"))
    return found


async def decide(way: Way, count: int, relay: Killed, places: Places) -> None:
    """Enter all decisions, and break two things on the way."""
    ledger, pool = await way.ledger()
    # As a gateway does when it starts: what leaves is for somebody who is known.
    named = receivers_of(way.settings).receivers
    await name_receivers(
        pool, {one.name: (one.title, one.channel.place) for one in named}
    )
    known, step = range(0), max(1, min(MOST, count // 10))
    while known.stop < count or known:
        new = range(known.stop, min(known.stop + step, count))
        rest = iter(await entries(way, new, known))

        async def call(rest: Iterator[Entry] = rest) -> None:
            for entry in rest:
                await ledger.commit(entry)

        await asyncio.gather(*(call() for _ in range(CALLERS)))
        if count // 3 in new:
            places.maintenance.touch()
        if count // 2 in new:
            relay.again()
        if count * 2 // 3 in new:
            places.maintenance.unlink()
        known = new
    pool.terminate()


async def settled(url: str, count: int) -> None:
    """Wait until nothing waits and every event has its final receipt."""
    connection = await asyncpg.connect(url)
    deadline = time.monotonic() + PATIENCE
    statement = (
        "select (select count(*) from outbox) as waits, (select count(*) from receipt "
        "where answer in ('HELD', 'REJECTED')) as answered"
    )
    while True:
        found = await connection.fetchrow(statement)
        assert found is not None  # noqa: S101 - two counts are a row
        if found["waits"] == 0 and found["answered"] >= count:
            break
        if time.monotonic() > deadline:
            raise SystemExit(f"not settled: {dict(found)} of {count:,} events")
        await asyncio.sleep(1)
    await connection.close()


async def compared(places: Places, urls: Mapping[str, str], count: int) -> bool:
    """Print what each receiver holds and should; say whether nothing differs."""
    cases, right = [Case(number) for number in range(count)], True
    held = {
        KAFKA: await credit(urls[database_name(KAFKA)]),
        OLDER: older(places.own(OLDER)),
        FRONT: await provincial(places.front),
        FILES: plain(places.own(FILES)),
    }
    for name, found in held.items():
        wanted = {case.document_no: said for case in cases if (said := case.held(name))}
        wrong = [key for key in {*wanted, *found} if wanted.get(key) != found.get(key)]
        row(f"{name} holds, should hold", f"{len(found):,}, {len(wanted):,}")
        row("  of these alike", f"{len({*wanted, *found}) - len(wrong):,}")
        for key in sorted(wrong)[:3]:
            row(f"  {key}", f"{found.get(key)} for {wanted.get(key)}")
        right &= not wrong
    inversions = await _inversions(places)
    row("versions that came behind newer ones", inversions)
    return right and not inversions and await _answers(urls[PLATFORM], cases)


async def _inversions(places: Places) -> int:
    connection = await asyncpg.connect(places.front)
    found = int(await connection.fetchval("select count(*) from inversion"))
    await connection.close()
    for name in (OLDER, FILES):
        with sqlite3.connect(places.own(name) / "store.sqlite") as store:
            found += store.execute("select count(*) from fault").fetchone()[0]
    return found


async def _answers(url: str, cases: Sequence[Case]) -> bool:
    """Compare the platform's deliveries with what receivers must have answered."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "select receiver, status, count(*)::int as n from delivery group by 1, 2"
    )
    stray = await connection.fetchval("select count(*) from stray_receipt")
    dead = await connection.fetchval("select count(*) from dead_letter")
    await connection.close()
    found = {(each["receiver"], each["status"]): each["n"] for each in rows}
    each = Counter(
        "REJECTED" if case.lacks and version == 1 else "HELD"
        for case in cases
        for version in range(1, 3 if case.follows else 2)
    )
    wanted = {(name, status): n for name in NAMES for status, n in each.items()}
    for name in NAMES:
        own = sorted((key[1], n) for key, n in found.items() if key[0] == name)
        said = ", ".join(f"{status} {n:,}" for status, n in own)
        row(f"{name}, as the platform has it", said)
    row("receipts of nothing we sent, dead letters", f"{stray}, {dead}")
    return found == wanted and not stray and not dead


async def measure(
    settings: Settings, places: Places, urls: Mapping[str, str], count: int
) -> bool:
    """Run it all; say whether every store is as it should be."""
    way = Way(settings, urls[PLATFORM], 0)
    began = time.perf_counter()
    relay = Killed(settings.state, {"ZHITONG_RECEIVERS": str(places.receivers)})
    try:
        await decide(way, count, relay, places)
        row("entered", f"{count:,} decisions in {time.perf_counter() - began:.0f} s")
        versions = count + sum(Case(each).follows is not None for each in range(count))
        await settled(urls[PLATFORM], versions * len(NAMES))
    finally:
        relay.stop()
    took = time.perf_counter() - began
    row("sent, taken and answered", f"{versions * len(NAMES):,} events, {took:.0f} s")
    return await compared(places, urls, count)


async def prepared(url: str) -> None:
    """Have the province make its tables."""
    connection = await asyncpg.connect(url)
    await connection.execute((HERE / "outside_front.sql").read_text("utf-8"))
    await connection.close()


def run(state: Path, count: int) -> bool:
    """Start the servers and receivers, and run it."""
    names = [PLATFORM, "front", database_name(KAFKA)]
    urls = dict(databases(names, os.environ, state))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    around = state.with_name(f"{state.name}.outside")
    places = Places(state=state, around=around, front=urls["front"], port=port)
    secret = secrets.token_hex(16)
    password = re.search(r":([^:@/]*)@", urls["front"])
    declare(places, secret, password[1] if password else "")
    settings = Settings(
        state=state, bindings=state / "bindings", receivers=places.receivers
    )
    urls[PLATFORM] = claim(settings, urls[PLATFORM])
    start_broker(settings)
    asyncio.run(prepared(places.front))
    given = {"ZHITONG_RECEIVERS": str(places.receivers)}
    with ExitStack() as stack:
        stack.enter_context(running(state, "consume", KAFKA, more=given))
        own = str(places.own(OLDER))
        stack.enter_context(outside("http", own, str(port), secret))
        stack.enter_context(outside("folder", str(places.own(FILES)), str(places.drop)))
        stack.enter_context(outside("front", places.front))
        return asyncio.run(measure(settings, places, urls, count))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    name = Path(".zhitong/bench") / f"channels-{os.getpid()}"
    state = (given.state or name).resolve()
    row("the machine before", others())
    try:
        right = run(state, given.decisions)
    finally:
        clean(state)
        shutil.rmtree(state.with_name(f"{state.name}.outside"), ignore_errors=True)
    row("the machine after", others())
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
