"""One small city behind a gateway, for tests that put questions to the engine."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest
from entries import prepare
from told_clocks import Ran

from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.cli import FAULT, main
from zhitong.infra.clients_file import read_clients
from zhitong.infra.deciding import Deciding
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster
from zhitong.infra.gateway import Gateway
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allowance, Occasion

OCCASIONS: Mapping[str, Occasion] = {
    "police": Occasion(
        purpose="criminal-investigation",
        basis="刑事诉讼法第54条",
        cause="安公立字1号",
        letter="安公介字1号",
    ),
    "own-officer": Occasion(purpose="case-handling", cause="东应急立字1号"),
}
NAMES = (*SOURCES, "platform")
CLIENTS = read_clients()
YEAR = 366 * 86_400.0
"""Seconds after which an event of these tests waits for long."""


@pytest.fixture(scope="session")
def cluster(cluster_factory: Callable[..., Cluster]) -> Cluster:
    """Give the servers of the city, each ``asked-<source>``."""
    return cluster_factory(*(f"asked-{name}" for name in NAMES))


@pytest.fixture(scope="session")
def addresses(cluster: Cluster) -> Mapping[str, str]:
    """Give the address of each source's database, the city loaded."""
    started = cluster.start()
    found = {name: started[f"asked-{name}"] for name in NAMES}
    asyncio.run(load_city({name: found[name] for name in SOURCES}, "small"))
    return found


@pytest.fixture
def bindings() -> Path:
    """Give the folder of the gateway's bindings: the demo's."""
    return BINDINGS


@pytest.fixture
def recorders() -> list[Recorder]:
    """Give what puts looks on record here: those of public fields may follow."""
    return []


@pytest.fixture
def executor() -> str:
    """Give what runs the questions: as the setting has it."""
    return Settings().executor


@pytest.fixture
async def gateway(
    addresses: Mapping[str, str],
    tmp_path: Path,
    bindings: Path,
    recorders: list[Recorder],
    executor: str,
) -> AsyncIterator[tuple[Gateway, Engine]]:
    """Give a gateway over the city, and its engine."""
    make_demo_keys(tmp_path, ["provincial", "credit"])
    settings = Settings(
        state=tmp_path,
        bindings=bindings,
        executor=executor,
        # No relay runs here: what earlier tests have left waits as long as all of them
        # take, and would press on a slow machine.
        pressure_alarm_seconds=YEAR,
        pressure_slow_seconds=YEAR,
        pressure_loud_seconds=YEAR,
    )
    made = Gateway(settings, addresses.get)
    async with made.running() as engine:
        assert made.recorder is not None
        recorders.append(made.recorder)
        yield made, engine


@pytest.fixture
async def decisions(
    gateway: tuple[Gateway, Engine],
    addresses: Mapping[str, str],
    tmp_path: Path,
    recorders: list[Recorder],
) -> AsyncIterator[Decisions]:
    """Give decisions over the gateway's sources, and a ledger that is real."""
    settings = Settings(state=tmp_path)
    policy = read_policy(settings.policy, ENTITIES)
    sources = gateway[0].sources
    pool = await open_pool(addresses["platform"])
    recorder = Recorder(PlatformAccessLog(pool, b"k" * 32))
    recorders.append(recorder)
    reader = Reader(sources, policy)
    try:
        async with Deciding(settings, policy).running(
            addresses["platform"], sources, reader, recorder
        ) as (made, _):
            yield made
    finally:
        await recorder.close()
        pool.terminate()


@pytest.fixture
def ask(
    gateway: tuple[Gateway, Engine], recorders: list[Recorder]
) -> Callable[..., Awaitable[Answer]]:
    """Give ``ask("police", document, variables)``: who asks, and what.

    What was answered before is on record by then.
    """

    async def asked(  # noqa: PLR0913 - a question has that much
        who: str,
        document: str,
        variables: Mapping[str, object] | None = None,
        *,
        operation: str | None = None,
        occasion: Occasion | None = None,
        allowance: Allowance | None = None,
    ) -> Answer:
        for recorder in recorders:
            await recorder.settled()
        return await gateway[1].answer(
            Question(
                document=document,
                variables=variables,
                operation=operation,
                principal=DEMO_PRINCIPALS[who],
                occasion=occasion or OCCASIONS.get(who, Occasion()),
                request_id=uuid.uuid4().hex,
                allowance=allowance or CLIENTS.allowance(DEMO_PRINCIPALS[who]),
            )
        )

    return asked


@pytest.fixture
def sql(
    addresses: Mapping[str, str], recorders: list[Recorder]
) -> Callable[..., Awaitable[list[asyncpg.Record]]]:
    """Give ``sql("market", "select …")``: a department's own tables.

    What was answered before is on record by then.
    """

    async def fetched(
        source: str, statement: str, *values: object
    ) -> list[asyncpg.Record]:
        for recorder in recorders:
            await recorder.settled()
        connection = await asyncpg.connect(addresses[source])
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    return fetched


class Case(NamedTuple):
    """A case as its department's own table has it."""

    source: str
    key: str
    status: str
    division: str
    party: str | None
    subject: str | None
    month: str | None
    natural: bool


STATUSES = "FILED INVESTIGATING UNDER_REVIEW DECIDED CLOSED DISMISSED TRANSFERRED"
NONE = frozenset({"", "/", "无", "暂无", "-", "—", "不详", "空"})
CASES: Mapping[str, tuple[str, str]] = {
    "market": (
        "10 20 30 40 50 80 90",
        """select aj_id::text, ajzt, xzqh, dsr_dm, zfzt_dm,
        to_char(lasj at time zone 'Asia/Shanghai', 'YYYY-MM'), dsr_lx = '3'
        from scjg.aj""",
    ),
    "emergency": (
        "1 2 3 4 5 6 7",
        """select ajid::text, ajzt, xzqh, dsr_shxydm, cbjg_dm,
        left(larq, 4) || '-' || substr(larq, 5, 2), dsrlx = '自然人'
        from yjj.aj_jbxx""",
    ),
    "transport": (
        "已立案 调查中 法制审核中 已决定 已结案 已销案 已移送",
        """select id::text, blzt, cfdqh, dsrdm, jgdm, left(larq, 7),
        dsrlb = '个人' from jtys.zfaj""",
    ),
    "dongling": (
        "LA DC SH JD JA XA YS",
        """select xh::text, zt, '619921', d.dm, bmdm,
        to_char(to_timestamp(lasj / 1000) at time zone 'Asia/Shanghai', 'YYYY-MM'),
        d.lb = '2' from dlx.zfaj left join dlx.dsr d on d.ajxh = xh""",
    ),
    "xihe": (
        "01 02 03 04 05 08 09",
        """select aj_id::text, zt_dm, '619922', xdr_dm, zfjg_dm,
        to_char(la_rq, 'YYYY-MM'), xdr_lx = '30' from xhx.aj_xx""",
    ),
}


@pytest.fixture
async def cases(
    sql: Callable[..., Awaitable[list[asyncpg.Record]]],
) -> list[Case]:
    """Give every case, read from the five departments' tables by hand."""
    found = []
    for source, (codes, statement) in CASES.items():
        statuses = dict(zip(codes.split(), STATUSES.split(), strict=True))
        for key, code, division, stated, *more in await sql(source, statement):
            party = (stated or "").strip()
            status = statuses.get(code.strip(), "UNRECOGNISED")
            known = None if party in NONE else party
            found.append(Case(source, key, status, division, known, *more))
    return found


@pytest.fixture
def frozen(cluster: Cluster) -> Callable[[str], AbstractContextManager[None]]:
    """Give ``with frozen("transport"):``, a department that does not answer."""

    @contextmanager
    def froze(name: str) -> Iterator[None]:
        cluster.freeze(f"asked-{name}")
        try:
            yield
        finally:
            cluster.thaw(f"asked-{name}")

    return froze


@pytest.fixture
async def empty_platform(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Give an empty ledger that the command line finds."""
    await prepare(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    return database


@pytest.fixture
def commanded(capsys: pytest.CaptureFixture[str]) -> Ran:
    """Run the command line in a thread, where it may have a loop of its own."""

    async def run(*words: str, code: int = 0) -> str:
        def once() -> int:
            with pytest.raises(SystemExit) as ended:
                main(list(words))
            return int(str(ended.value.code))

        assert await asyncio.to_thread(once) == code
        told = capsys.readouterr()
        # What is wrong is said aloud; that something differs is an answer.
        return told.err if code == FAULT else told.out

    return run
