"""Loading the city into its departments' databases, and the harbour later."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TypeAlias

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from zhitong.exceptions import SettingsError
from zhitong.infra.city import SEED, TODAY, City, build_city, scale_of
from zhitong.infra.city_cases import case_count
from zhitong.infra.city_registers import Batch, credit, justice, market_registers
from zhitong.infra.city_shapes import BATCH, case_batches, emergency_licences
from zhitong.infra.city_systems import SYSTEMS
from zhitong.infra.city_words import DEMO

SOURCES = (
    "justice",
    "market",
    "credit",
    "emergency",
    "transport",
    "dongling",
    "xihe",
)
BINDINGS = DEMO / "bindings"
SCHEMAS: Mapping[str, str] = {
    "justice": "sfj",
    "market": "scjg",
    "credit": "xyb",
    "emergency": "yjj",
    "transport": "jtys",
    "dongling": "dlx",
    "xihe": "xhx",
    "harbour": "ghj",
}
HARBOUR_CASES = 240

_INDEXES = "-- indexes, built after the load --"
_REGISTERS = {"justice": 1, "credit": 1, "market": 2, "emergency": 1}
"""Batches that come before the cases."""
_BUILDING = {
    "synchronous_commit": "off",
    "maintenance_work_mem": "256MB",
    "client_min_messages": "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a city holds: rows by source and table."""

    scale: str
    seed: int
    today: date
    rows: Mapping[str, Mapping[str, int]]
    loaded: tuple[str, ...] = ()
    """The sources loaded now; the others were there already."""
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """All rows of all tables."""
        return sum(sum(tables.values()) for tables in self.rows.values())


def batches(city: City, source: str) -> Iterator[Batch]:
    """Give all rows of *source*, a bounded number at a time."""
    match source:
        case "justice":
            return justice(city)
        case "credit":
            return credit(city)
        case "market":
            return chain(market_registers(city), case_batches(city, source))
        case "emergency":
            return chain(emergency_licences(city), case_batches(city, source))
        case _:
            return case_batches(city, source)


async def load_city(
    databases: Mapping[str, str],
    scale: str,
    seed: int = SEED,
    today: date = TODAY,
) -> Summary:
    """Load every source of *databases*, name to URL; leave what is there already.

    The departments' schemas are dropped and rebuilt, nothing else is touched.
    """
    scale_of(scale)
    unknown = sorted(set(databases) - set(SOURCES))
    if unknown:
        raise SettingsError(
            f"没有来源 {'、'.join(unknown)}，可用的有 {'、'.join(SOURCES)}",
            f"no source {', '.join(unknown)}; there are {', '.join(SOURCES)}",
        )
    started = monotonic()
    stamps = {source: _stamp(source, scale, seed, today) for source in databases}
    rows: dict[str, Mapping[str, int]] = {}
    for source, url in databases.items():
        async with _connect(source, url) as connection:
            found = await _found(connection, source, stamps[source])
        if found is not None:
            rows[source] = found
    missing = {source: url for source, url in databases.items() if source not in rows}
    if missing:
        city = build_city(scale, seed, today)
        rows |= await _load_all(city, missing, stamps)
    return Summary(
        scale=scale,
        seed=seed,
        today=today,
        rows={source: rows[source] for source in databases},
        loaded=tuple(missing),
        seconds=monotonic() - started,
    )


async def load_harbour(
    url: str, scale: str = "small", seed: int = SEED, today: date = TODAY
) -> Mapping[str, int]:
    """Load the sixth case system, the one that joins while the gateway runs."""
    city = build_city(scale, seed, today)
    with _progress() as progress:
        stamp = _stamp("harbour", scale, seed, today)
        load = _Load(progress, city, "harbour", url, stamp)
        return await load.run(case_batches(city, "harbour", HARBOUR_CASES))


async def _load_all(
    city: City, databases: Mapping[str, str], stamps: Mapping[str, str]
) -> dict[str, Mapping[str, int]]:
    with _progress() as progress:
        loads = [
            _Load(progress, city, source, url, stamps[source])
            for source, url in databases.items()
        ]
        # Making rows is one thread's work; servers copy and index side by side.
        counts = await asyncio.gather(
            *(load.run(batches(city, load.source)) for load in loads)
        )
    return {load.source: tables for load, tables in zip(loads, counts, strict=True)}


Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(slots=True)
class _Load:
    """One source on its way into its database."""

    progress: Progress
    city: City
    source: str
    url: str
    stamp: str
    rows: Counter[str] = field(default_factory=Counter)

    async def run(self, rows: Iterator[Batch]) -> Mapping[str, int]:
        """Rebuild the schema, copy *rows*, index, analyse, sign."""
        tables, indexes = _script(self.source).split(_INDEXES)
        schema = SCHEMAS[self.source]
        task = self.progress.add_task(self.source, total=_steps(self.city, self.source))
        async with _connect(self.source, self.url) as connection:
            await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            await connection.execute(tables)
            for batch in rows:
                await self._copy(connection, schema, batch)
                self.progress.advance(task)
            await connection.execute(indexes)
            for table in self.rows:
                await connection.execute(f"ANALYZE {schema}.{table}")
            await self._sign(connection, schema)
            self.progress.advance(task)
        return dict(self.rows)

    async def _copy(self, connection: Connection, schema: str, batch: Batch) -> None:
        for table, records in batch.items():
            self.rows[table] += len(records)
            await connection.copy_records_to_table(
                table, schema_name=schema, records=records
            )

    async def _sign(self, connection: Connection, schema: str) -> None:
        """Leave the mark that tells a whole load from an interrupted one."""
        await connection.execute(
            f"CREATE TABLE {schema}.zhitong_demo (stamp text, name text, rows bigint)"
        )
        await connection.copy_records_to_table(
            "zhitong_demo",
            schema_name=schema,
            records=[(self.stamp, table, count) for table, count in self.rows.items()],
        )


def _steps(city: City, source: str) -> int:
    if source not in SYSTEMS:
        return 2
    cases = case_count(city, source) or HARBOUR_CASES
    return _REGISTERS.get(source, 0) + math.ceil(cases / BATCH) + 1


def _script(source: str) -> str:
    folder = "tables" if source in SOURCES else "extra"
    return (DEMO / folder / f"{source}.sql").read_text(encoding="utf-8")


def _stamp(source: str, scale: str, seed: int, today: date) -> str:
    """Name a load; other tables or another generator make it another load."""
    made_by = hashlib.sha256(_script(source).encode())
    for module in sorted(Path(__file__).parent.glob("city*.py")):
        made_by.update(module.read_bytes())
    return f"{scale}/{seed}/{today}/{made_by.hexdigest()[:16]}"


async def _found(
    connection: Connection, source: str, stamp: str
) -> Mapping[str, int] | None:
    mark = f"{SCHEMAS[source]}.zhitong_demo"
    if await connection.fetchval("SELECT to_regclass($1)", mark) is None:
        return None
    signed = await connection.fetch(
        f"SELECT name, rows FROM {mark} WHERE stamp = $1",  # noqa: S608 - our own name
        stamp,
    )
    return {line["name"]: line["rows"] for line in signed} or None


@asynccontextmanager
async def _connect(source: str, url: str) -> AsyncIterator[Connection]:
    try:
        connection = await asyncpg.connect(url, server_settings=_BUILDING)
    except (OSError, asyncpg.PostgresError) as error:
        raise SettingsError(
            f"连不上 {source} 的数据库，请检查地址与口令：{error}",
            f"cannot reach the database of {source}, check its URL: {error}",
        ) from error
    try:
        yield connection
    finally:
        await connection.close()


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
