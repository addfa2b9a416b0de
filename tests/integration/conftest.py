"""One small city behind a gateway, for tests that put questions to the engine."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster
from zhitong.infra.gateway import Gateway
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Occasion

OCCASIONS: Mapping[str, Occasion] = {
    "police": Occasion(
        purpose="criminal-investigation", basis="刑事诉讼法第54条", cause="安公立字1号"
    ),
    "county-officer": Occasion(purpose="case-handling", cause="东应急立字1号"),
}
NAMES = (*SOURCES, "platform")


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
async def gateway(
    addresses: Mapping[str, str], tmp_path: Path
) -> AsyncIterator[tuple[Gateway, Engine]]:
    """Give a gateway over the city, and its engine."""
    made = Gateway(Settings(state=tmp_path, bindings=BINDINGS), addresses.get)
    async with made.running() as engine:
        yield made, engine


@pytest.fixture
def ask(gateway: tuple[Gateway, Engine]) -> Callable[..., Awaitable[Answer]]:
    """Give ``ask("police", document, variables)``: who asks, and what."""

    async def asked(
        who: str,
        document: str,
        variables: Mapping[str, object] | None = None,
        *,
        operation: str | None = None,
        occasion: Occasion | None = None,
    ) -> Answer:
        return await gateway[1].answer(
            Question(
                document=document,
                variables=variables,
                operation=operation,
                principal=DEMO_PRINCIPALS[who],
                occasion=occasion or OCCASIONS.get(who, Occasion()),
                request_id=uuid.uuid4().hex,
            )
        )

    return asked


@pytest.fixture
def sql(
    addresses: Mapping[str, str],
) -> Callable[..., Awaitable[list[asyncpg.Record]]]:
    """Give ``sql("market", "select …")``: a department's own tables."""

    async def fetched(
        source: str, statement: str, *values: object
    ) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(addresses[source])
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    return fetched


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
