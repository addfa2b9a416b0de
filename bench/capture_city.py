"""Five departments of the demo city whose tables are captured, and what they wrote.

Each has another key, other dates and amounts, and says otherwise, or not at all, that
a row has changed. Writers commit late, roll back, correct and declare void; each notes
in the department's own log, in the same transaction, what it did. What the ledger
should hold is read from the tables by SQL of its own, not by the bindings.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.connectors.binding import Binding
from zhitong.connectors.binding_file import read_binding
from zhitong.connectors.migrations import migrate
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.infra.capturing import Capturing
from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.deciding import Deciding
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.entities import ENTITIES

LOG = """
create table own_log (
    source text, key text, act text, at timestamptz default clock_timestamp())
"""
EVERY, SWEEP = 0.2, 2.0
ROLLED_BACK = 0.05
OVERLAP = 2
"""Seconds: no writer's transaction takes as long."""
Key = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A department's own shape, as its programmers would write it."""

    source: str
    table: str
    key: str
    new_key: Callable[[int], Key]
    number: str
    facts: str
    fine: str
    fen: str
    """Its fine in fen, as SQL."""
    decided: str
    """Which rows are decisions, as SQL."""
    links: Sequence[tuple[str, str]] = ()
    version: str = ""
    """The column that says that a row has changed; empty: none does."""
    type: str = ""
    stamp: str = ""
    """What its programs write there."""
    form: str = ""
    overlap: int = OVERLAP


SYSTEMS: Mapping[str, System] = {
    one.source: one
    for one in (
        System(
            source="market",
            table="scjg.aj",
            key="aj_id",
            new_key=lambda n: 5_000_000 + n,
            number="jdswh",
            facts="wfss",
            fine="fkje",
            fen="round(fkje * 100)",
            decided="jdrq is not null",
            version="gxsj",
            type="timestamptz",
            stamp="clock_timestamp()",
        ),
        System(
            source="emergency",
            table="yjj.aj_jbxx",
            key="ajid",
            new_key=lambda n: f"N{n:09d}",
            number="jdswh",
            facts="wfss",
            fine="fkje",
            fen="round(fkje * 1000000)",
            decided="jdrq like '____年%'",
            links=(("yjj.aj_zfry", "ajid"),),
        ),
        System(
            source="transport",
            table="jtys.zfaj",
            key="id",
            new_key=lambda n: 6_000_000 + n,
            number="cfwsh",
            facts="wfss",
            fine="fke",
            fen="case when fke ~ '^[0-9.]+$' then round(fke::numeric * 100) end",
            decided="cfjdrq like '____/%'",
            links=(("jtys.zfaj_ry", "aj_id"),),
            version="bbh",
            overlap=500,
            type="bigint",
            stamp="nextval('own_version')",
        ),
        System(
            source="dongling",
            table="dlx.zfaj",
            key="xh",
            new_key=lambda n: 7_000_000 + n,
            number="wh",
            facts="ss",
            fine="cfje",
            fen="round(cfje::numeric * 1000000)",
            decided="jdsj is not null",
            links=(("dlx.dsr", "ajxh"),),
            version="gxsj",
            form="epoch-ms",
            type="bigint",
            stamp="(extract(epoch from clock_timestamp()) * 1000)::bigint",
        ),
        System(
            source="xihe",
            table="xhx.aj_xx",
            key="aj_id",
            new_key=lambda n: f"XHN{n:09d}",
            number="jdws_h",
            facts="wf_ss",
            fine="fk_fen",
            fen="fk_fen",
            decided="jd_rq is not null",
            links=(("xhx.aj_ry", "aj_id"),),
            version="gxsj",
            form="yyyy-mm-dd hh:mm:ss",
            type="varchar(19)",
            stamp="to_char(clock_timestamp() at time zone 'Asia/Shanghai', "
            "'YYYY-MM-DD HH24:MI:SS')",
        ),
    )
}


def write_binding(
    folder: Path, system: System, every: float = EVERY, sweep: float = SWEEP
) -> Binding:
    """Write the demo's binding of a system, its decisions to be captured."""
    lines = [
        (BINDINGS / f"{system.source}.toml").read_text("utf-8"),
        "[capture]",
        'like = "CaseRecord"',
        f"every = {every}",
        f"sweep = {sweep}",
        'void = { column = "zfbj", values = ["1"] }',
    ]
    if system.version:
        form = f', format = "{system.form}"' if system.form else ""
        lines.append(
            f'version = {{ column = "{system.version}", '
            f"overlap = {system.overlap}{form} }}"
        )
    path = folder / f"{system.source}.toml"
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return read_binding(path, ENTITIES)


async def prepare_city(url: str, scale: str = "small") -> None:
    """Load the departments' tables, with their version columns, into one database."""
    await load_city(dict.fromkeys(SOURCES, url), scale)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(LOG)
        await connection.execute("create sequence own_version")
        for one in SYSTEMS.values():
            added = ["add zfbj varchar(4)"]
            if one.version:
                added.append(f"add {one.version} {one.type}")
            await connection.execute(f"alter table {one.table} {', '.join(added)}")
            if one.version:
                await connection.execute(
                    f"update {one.table} set {one.version} = {one.stamp}; "
                    f"create index on {one.table} ({one.version})"
                )
    finally:
        await connection.close()


# --- who captures -----------------------------------------------------------------


@asynccontextmanager
async def deciding(
    url: str, state: Path, sources: Mapping[str, PostgreSQLSource]
) -> AsyncIterator[Decisions]:
    """Give what enters decisions into the ledger at *url*, over *sources*."""
    make_demo_keys(state, ["provincial", "credit"])
    await migrate(url, MIGRATIONS, "anze")
    settings = Settings(state=state)
    policy = read_policy(settings.policy, ENTITIES)
    pool = await open_pool(url)
    recorder = Recorder(PlatformAccessLog(pool, b"k" * 32))
    try:
        async with Deciding(settings, policy).running(
            url, lambda: sources, Reader(lambda: sources, policy), recorder
        ) as (decisions, _):
            yield decisions
    finally:
        await recorder.close()
        for source in sources.values():
            await source.close()
        pool.terminate()


@asynccontextmanager
async def platform(
    city: str, url: str, state: Path
) -> AsyncIterator[Callable[[Binding], Capturing]]:
    """Give what makes a capture over the city at *city* and a ledger at *url*."""
    sources = {
        name: PostgreSQLSource(
            read_binding(BINDINGS / f"{name}.toml", ENTITIES), ENTITIES, city
        )
        for name in SOURCES
    }
    async with deciding(url, state, sources) as decisions:
        yield lambda binding: Capturing(
            settings=Settings(state=state),
            binding=binding,
            url=city,
            platform=url,
            decisions=decisions,
        )


# --- who writes -------------------------------------------------------------------


@dataclass(slots=True)
class Writer:
    """Writes into one department's tables as its case system does."""

    url: str
    system: System
    rng: random.Random
    first: int
    """The first number of its new keys: no other writer has it."""
    delay: float = 0.05
    mine: list[Key] = field(default_factory=list)
    templates: Sequence[Key] = ()
    done: int = 0

    async def run(self, many: int) -> None:
        """Make *many* transactions."""
        connection = await asyncpg.connect(self.url)
        try:
            self.templates = [
                row[0]
                for row in await connection.fetch(
                    f"select {self.system.key} from {self.system.table} "
                    f"where {self.system.decided} and zfbj is null "
                    f"and {self.system.number} is not null "
                    f"and {self.system.key}::text !~ '^[5-7][0-9]{{6}}$|N' "
                    f"order by 1 limit 40"
                )
            ]
            for _ in range(many):
                await self._one(connection)
                self.done += 1
        finally:
            await connection.close()

    async def _one(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        act = self.rng.choices(("insert", "change", "void"), (60, 33, 7))[0]
        if act != "insert" and not self.mine:
            act = "insert"
        transaction = connection.transaction()
        await transaction.start()
        key: Key
        if act == "insert":
            key = self.system.new_key(self.first + self.done)
            await self._insert(connection, key)
        else:
            key = self.rng.choice(self.mine)
            await self._update(connection, act, key)
        await asyncio.sleep(self.rng.random() * self.delay)
        if self.rng.random() < ROLLED_BACK:
            await transaction.rollback()
            return
        await connection.execute(
            "insert into own_log values ($1, $2, $3)", self.system.source, str(key), act
        )
        await transaction.commit()
        if act == "insert":
            self.mine.append(key)
        if act == "void":
            self.mine.remove(key)

    async def _insert(
        self, connection: asyncpg.Connection[asyncpg.Record], key: Key
    ) -> None:
        one, template = self.system, self.rng.choice(self.templates)
        stamped = f", {one.version} = {one.stamp}" if one.version else ""
        await copy(connection, one.table, one.key, template, key)
        await connection.execute(
            f"update {one.table} set {one.number} = $2{stamped} where {one.key} = $1",
            key,
            f"（安）新罚〔2026〕{key}号",
        )
        for table, column in one.links:
            await copy(connection, table, column, template, key)

    async def _update(
        self, connection: asyncpg.Connection[asyncpg.Record], act: str, key: Key
    ) -> None:
        one = self.system
        stamped = f", {one.version} = {one.stamp}" if one.version else ""
        said = f"更正后的事实 {self.rng.randrange(10**9)}"
        what = "zfbj = '1'" if act == "void" else f"{one.facts} = '{said}'"
        await connection.execute(
            f"update {one.table} set {what}{stamped} where {one.key} = $1", key
        )


async def copy(
    connection: asyncpg.Connection[asyncpg.Record],
    table: str,
    column: str,
    template: Key,
    key: Key,
) -> None:
    """Copy the rows of *template* to *key*."""
    await connection.execute(
        f"insert into {table} select (jsonb_populate_record(t, "
        f"jsonb_build_object('{column}', $2::text))).* from {table} t "
        f"where {column} = $1",
        template,
        str(key),
    )


# --- what should be there ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A department's rows beside the ledger."""

    rows: int
    held: int
    """Decisions that are as the row is."""
    void: int
    waiting: Mapping[str, int]
    """Work, by its code."""
    missed: Sequence[str]
    doubled: Sequence[str]
    other: Sequence[str]
    events: int
    """Events there are too many or too few of."""
    written: int
    """Decisions that its programs have written meanwhile, by its own log."""
    refused: int
    """Of them those that are work: copies of a row that is refused."""

    @property
    def whole(self) -> bool:
        """Say whether nothing is wrong; who refuses all misses nothing, and is not."""
        wrong = self.missed or self.doubled or self.other or self.events
        return not wrong and self.refused <= self.written // 2


LEDGER = """
select local_id, document_no, facts, coalesce(fine::bigint, 0) as fen, change, version
from decision where case_source = $1
"""
EVENTS = """
select count(*) from (
    select decision_id, version, receiver, count(*) as many from (
        select decision_id, version, receiver from outbox union all
        select decision_id, version, receiver from outbox_sent) e
    group by 1, 2, 3 having count(*) > 1) doubled
"""
UNSENT = """
select count(*) from decision d join decision_version v using (decision_id)
where d.case_source = $1 and d.origin = 'PLATFORM' and not exists (
    select from outbox o
    where o.decision_id = v.decision_id and o.version = v.version
    union all
    select from outbox_sent s
    where s.decision_id = v.decision_id and s.version = v.version)
"""


async def compared(city: str, url: str, system: System) -> Compared:
    """Compare by hand: the department's rows, its own log, the ledger's decisions."""
    theirs, ours = await asyncpg.connect(city), await asyncpg.connect(url)
    try:
        rows = {
            str(row["key"]): row
            for row in await theirs.fetch(
                f"select {system.key}::text as key, btrim({system.number}) as number, "
                f"btrim({system.facts}) as facts, "
                f"coalesce(({system.fen})::bigint, 0) as fen, "
                f"coalesce(zfbj = '1', false) as void from {system.table} "
                f"where {system.decided} "
                f"or coalesce(btrim({system.number}), '') not in "
                "('', '/', '无', '暂无', '-', '—', '不详', '空')"
            )
        }
        logged = {
            row[0]
            for row in await theirs.fetch(
                "select key from own_log where source = $1 and act = 'insert'",
                system.source,
            )
        }
        held: dict[str, list[asyncpg.Record]] = {}
        for row in await ours.fetch(LEDGER, system.source):
            held.setdefault(row["local_id"], []).append(row)
        items = {
            row["key"]: row["code"]
            for row in await ours.fetch(
                "select key, code from capture_item where source = $1", system.source
            )
        }
        events = await ours.fetchval(EVENTS) + await ours.fetchval(
            UNSENT, system.source
        )
    finally:
        await theirs.close()
        await ours.close()
    codes = list(items.values())
    standing = {key: one for key, (one, *_) in held.items() if key in rows}
    return Compared(
        rows=len(rows),
        held=sum(_same(rows[key], one) for key, one in standing.items()),
        void=sum(row["void"] for row in rows.values()),
        waiting={code: codes.count(code) for code in sorted(set(codes))},
        missed=[
            key
            for key in rows.keys() | logged
            if key not in held and key not in items
            if key not in rows or not rows[key]["void"]
        ],
        doubled=[key for key, many in held.items() if len(many) > 1 or key not in rows],
        other=[
            key
            for key, one in standing.items()
            if not _same(rows[key], one) and key not in items
        ],
        events=events,
        written=len(logged),
        refused=len(logged & items.keys()),
    )


def _same(row: asyncpg.Record, one: asyncpg.Record) -> bool:
    void = one["change"] == "WITHDRAWN"
    if row["void"] or void:
        return bool(row["void"] and void)
    return (row["number"], row["facts"], row["fen"]) == (
        one["document_no"],
        one["facts"],
        one["fen"],
    )
