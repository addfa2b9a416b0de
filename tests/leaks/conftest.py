"""A city of canaries: the demo's departments, with rows of our own in each table."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from leak_city import City, complain, connected
from leak_oracle import Oracle, read
from leak_rows import Truth, of_binding, of_platform, platform_rows, write

from zhitong.connectors.access_log import PlatformAccessLog
from zhitong.connectors.migrations import migrate
from zhitong.infra.city_load import BINDINGS, SOURCES
from zhitong.infra.city_words import DEMO
from zhitong.infra.embedded import Cluster
from zhitong.infra.gateway import Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Engine

INFRA = DEMO.parent
PLATFORM = INFRA / "platform" / "platform.toml"
TIGHTER = {
    ("xihe", "CaseRecord", "place"): "withheld",
    ("xihe", "CaseRecord", "counterpartyName"): "conditional",
    ("transport", "CaseRecord", "counterpartyCode"): "conditional",
    ("transport", "CaseRecord", "closedOn"): "withheld",
    ("emergency", "Inspection", "problems"): "withheld",
    ("market", "Counterparty", "representative"): "withheld",
    ("emergency", "Licence", "content"): "conditional",
}
"""What single departments share more strictly, keys and dates among it."""
_numbers = itertools.count(1)
BASIS = "某法律第一条：不予共享"


@pytest.fixture(scope="session")
def leak_servers(cluster_factory: Callable[..., Cluster]) -> Mapping[str, str]:
    return cluster_factory("leaks").start()


@pytest.fixture(scope="module")
def city(
    leak_servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> City:
    """Make a database for each department, fill it, and read back the platform's."""
    server, number = leak_servers["leaks"], next(_numbers)
    names = (*SOURCES, "platform", "complainants")
    addresses = {
        name: f"{server.rpartition('/')[0]}/leak{number}_{name}" for name in names
    }
    bindings = tmp_path_factory.mktemp("bindings")
    rows = asyncio.run(_built(server, addresses, bindings))
    policy = tmp_path_factory.mktemp("rules") / "policy.toml"
    parts = (INFRA / "rules" / "policy.toml", Path(__file__).parent / "strained.toml")
    policy.write_text("\n".join(part.read_text("utf-8") for part in parts), "utf-8")
    oracle = Oracle(policy=read(policy), rows=rows, tightened=TIGHTER)
    made = City(addresses, bindings, policy, oracle)
    beside = asyncio.run(complain(made, tmp_path_factory.mktemp("office")))
    return dataclasses.replace(made, oracle=dataclasses.replace(oracle, beside=beside))


async def _built(
    server: str, addresses: Mapping[str, str], bindings: Path
) -> tuple[Truth, ...]:
    rows: list[Truth] = []
    for name, address in addresses.items():
        async with connected(server) as connection:
            await connection.execute(f"create database {address.rpartition('/')[2]}")
        if name == "complainants":
            continue
        if name == "platform":
            await migrate(address, INFRA / "migrations", Settings().tenant)
            async with connected(address) as connection:
                await connection.execute("select outbox_sent_month('2026-06-01')")
                await write(connection, of_platform(PLATFORM))
                rows += await platform_rows(connection, read(PLATFORM))
            continue
        path = BINDINGS / f"{name}.toml"
        tightened = tighten(name, path.read_text(encoding="utf-8"))
        (bindings / path.name).write_text(tightened, encoding="utf-8")
        written = of_binding(path)
        rows += written.rows
        tables = (DEMO / "tables" / f"{name}.sql").read_text(encoding="utf-8")
        async with connected(address) as connection:
            await connection.execute(tables)
            await write(connection, written.records)
    return tuple(rows)


def tighten(source: str, text: str) -> str:
    """Have a binding share some fields more strictly, as a department may."""
    # What a busy machine leaves out is no answer to judge.
    lines, section = ["timeout = 60"], ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        name, equals, spelt = (part.strip() for part in line.partition("="))
        kind = section.removeprefix("types.").removesuffix(".fields")
        sharing = TIGHTER.get((source, kind, name))
        if equals and section.endswith(".fields") and sharing:
            inner = spelt.strip("{} ") if spelt.startswith("{") else f"column = {spelt}"
            more = f'sharing = "{sharing}", sharing_basis = "{BASIS}"'
            lines.append(f"{name} = {{ {inner}, {more} }}")
            continue
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture
async def gateway(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Gateway, Engine]]:
    """Give a gateway over the city, whose gate lets the matrix's documents pass."""
    # A busy machine is no register that is away.
    monkeypatch.setattr(PlatformAccessLog.__init__, "__defaults__", (60.0,))
    make_demo_keys(tmp_path, ["provincial", "credit"])
    settings = Settings(state=tmp_path, bindings=city.bindings, policy=city.policy)
    made = Gateway(settings, city.addresses.get)
    async with made.running() as engine:
        wide: Any = engine
        wide._documents._bounds = dataclasses.replace(
            wide._documents._bounds,
            tokens=50_000,
            size=1_000_000,
            roots=100,
            fields=10_000,
            aliases=1_000,
        )
        yield made, engine


@pytest.fixture
def engine(gateway: tuple[Gateway, Engine]) -> Engine:
    return gateway[1]


@pytest.fixture
def planted(
    gateway: tuple[Gateway, Engine], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[pytest.MonkeyPatch], None]], None]:
    """Give ``planted(fault)``: nothing decided or written before is remembered."""

    def plant(fault: Callable[[pytest.MonkeyPatch], None]) -> None:
        fault(monkeypatch)
        gateway[0]._reader._decided.clear()
        gateway[0]._reader._readings.clear()
        gateway[0]._reader._counts.clear()
        for source in gateway[0].sources().values():
            source._forms.clear()

    return plant


@pytest.fixture
def oracle(city: City) -> Oracle:
    return city.oracle
