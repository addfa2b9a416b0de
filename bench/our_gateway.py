"""Our own gateway over a made-up city whose departments' data is kept.

A city takes minutes to load, and so it stays in `.zhitong/bench/city-<scale>` and is
only stopped. What a gateway writes is made anew each time: its platform's server, its
keys and its bindings lie in a folder of their own, and are removed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import statistics
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from access_questions import WORKLOADS
from callers import Caller, Target
from machine import running, zhitong

from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.infra.city_commands import place, place_keys
from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.client import Client
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster, variable
from zhitong.infra.note import find
from zhitong.infra.occasions import said
from zhitong.infra.platform_database import PLATFORM, claim
from zhitong.infra.receipts import Receipts, proof_headers
from zhitong.infra.serving import client, demo_issuer, note_path
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Proof
from zhitong.types import Occasion

BENCH = Path(".zhitong/bench")
QUIET = {"autovacuum": "off"}
"""No housekeeping shall fall into what is timed: `tidy` does it before."""
LARGE = {"shared_buffers": "256MB", **QUIET}
STARTING = 120
REPEATED = 50
WHY = Occasion(
    purpose="criminal-investigation", basis="刑事诉讼法", cause="1", letter="1"
)
CLIENTS = """tenant = "*"
[[clients]]
page = 1_000
cost = 10_000_000
rate = 1_000_000.0
burst = 1_000_000
concurrent = 512
trusted_only = false
introspection = true
source = "bench"
"""


@dataclass(frozen=True, slots=True)
class City:
    """The departments' databases, as they run."""

    scale: str
    state: Path
    databases: Mapping[str, str]
    """The address of each department's."""
    cluster: Cluster
    bindings: Path
    """The folder of their bindings."""

    def texts(self) -> Mapping[str, str]:
        """Give the bindings, by department."""
        return {
            file.stem: file.read_text("utf-8") for file in self.bindings.glob("*.toml")
        }


@contextmanager
def city(
    scale: str, sources: Sequence[str] = SOURCES, bindings: Path = BINDINGS
) -> Iterator[City]:
    """Run the servers of a city until the block ends; load what is not there."""
    state = (BENCH / f"city-{scale}").resolve()
    cluster = Cluster(state, sources, LARGE)
    databases = cluster.start()
    try:
        loaded = asyncio.run(load_city(databases, scale))
        for url in databases.values() if loaded.loaded else ():
            asyncio.run(tidy(url))
        print(
            f"{scale} city: {loaded.total:,} rows, "
            f"{'loaded' if loaded.loaded else 'there'} in {loaded.seconds:.0f} s",
            flush=True,
        )
        yield City(scale, state, databases, cluster, bindings)
    finally:
        cluster.stop()


async def tidy(url: str) -> None:
    """Do at once what a database would do by itself later."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Ours:
    """A gateway that answers."""

    settings: Settings
    pid: int
    client: Client
    """Asks as the police, who may see most."""

    @property
    def target(self) -> Target:
        """Where the police's questions go, with token and occasion."""
        headers = {"authorization": f"Bearer {self.client.token}", **said(WHY)}
        return Target(f"{self.client.url}/graphql", headers, b"zhitong-receipt")


@contextmanager
def gateway(
    name: str,
    databases: Mapping[str, str],
    more: Mapping[str, str] | None = None,
    *,
    bindings: Mapping[str, str] | None = None,
    patient: bool = True,
) -> Iterator[Ours]:
    """Run a gateway over *databases* until the block ends, as *name*.

    *more* are variables of its environment, *bindings* texts of files besides those of
    the *databases*, or in their stead. One that is *patient* waits half a minute for a
    source: a busy machine is no sick department.
    """
    state = (BENCH / f"{name}-{os.getpid()}").resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    try:
        claim(settings, Cluster(state, (PLATFORM,)).start()[PLATFORM])
        place_keys(settings)
        for file in sorted(BINDINGS.glob("*.toml")):
            if file.stem in databases:
                place(file, settings)
        for source, text in (bindings or {}).items():
            (settings.bindings / f"{source}.toml").write_text(text, "utf-8")
        if patient:
            for path in settings.bindings.glob("*.toml"):
                text = re.sub(r"(?m)^timeout = .*\n", "", path.read_text("utf-8"))
                path.write_text(f"timeout = 30.0\n{text}", "utf-8")
        clients = state / "log" / "clients.toml"
        clients.write_text(CLIENTS, "utf-8")
        environment = {
            "ZHITONG_PAGE_LIMIT": "1000",
            "ZHITONG_CLIENTS": str(clients),
            **{variable(source): url for source, url in databases.items()},
            **(more or {}),
        }
        with running(state, "serve", "--port", "0", more=environment):
            yield _answering(settings)
    finally:
        subprocess.run(zhitong(state, "clean"), check=True)  # noqa: S603 - ours


def _answering(settings: Settings) -> Ours:
    deadline = time.monotonic() + STARTING
    while (note := find(note_path(settings))) is None:
        if time.monotonic() > deadline:
            log = (settings.state / "log" / "serve.log").read_text("utf-8")
            raise SystemExit(f"the gateway did not start: {log[-2000:]}")
        time.sleep(0.1)
    caller = client(settings, DEMO_PRINCIPALS["police"])
    return Ours(settings, note.pid, caller)


def some_codes(ours: Ours) -> list[str]:
    """Give the codes of two hundred counterparties."""
    document = "{ counterparties(first: 200) { nodes { code } } }"
    reply = ours.client.ask(document, WHY)
    if not reply.good:
        raise SystemExit(f"no whole answer: {reply.body}")
    nodes = reply.body["data"]["counterparties"]["nodes"]  # type: ignore[index]
    return [one["code"] for one in nodes if one["code"]]


async def beyond_naked(ours: Ours, code: str) -> Mapping[str, float]:
    """Give the CPU milliseconds that each open question's answer has beyond naked.

    Naked is what performance.md says: open fields, verdicts on, the record deferred.
    So verdicts, limits and gate stay in it, and so does the record: that it is written
    after the answer makes it no cheaper. Beyond it are the token, and the receipt, that
    no peer and no figure of performance.md has: the digest of the whole body, here of
    the question's own, its signature and its headers.
    """
    bodies = await _bodies(ours.target, code)
    return {name: await _beyond(ours, body) for name, body in bodies.items()}


async def _bodies(target: Target, code: str) -> Mapping[str, bytes]:
    """Ask each open question once, of the party with *code*; give what is answered."""
    caller, found = await Caller.at(target), {}
    for work in WORKLOADS:
        with_code = {"code": code} if "$code" in work.public else {}
        request = target.request(work.public, with_code)
        _, found[work.name[:2]] = await caller.ask(request)
    await caller.close()
    return found


async def _beyond(ours: Ours, body: bytes) -> float:
    settings = ours.settings
    verifier = Verifier({"demo": demo_issuer(settings).issuer}, settings.audience)
    receipts = Receipts(file_signer(generate(ECDSA)))
    record, at = uuid.uuid4().hex, datetime.now(UTC)
    took = []
    for _ in range(REPEATED):
        began = time.process_time()
        for _ in range(REPEATED):
            await verifier.admit(f"Bearer {ours.client.token}")
            proof = Proof(
                record=record,
                digest=hashlib.sha256(body).digest(),
                at=at,
                unit="1" * 18,
                document="0" * 64,
            )
            proof_headers(proof, receipts)
        took.append((time.process_time() - began) * 1000 / REPEATED)
    return statistics.median(took)
