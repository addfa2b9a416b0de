"""Real PostgreSQL and Kafka for tests: of this session only, gone at its end."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import settings

from zhitong.exceptions import EmbeddedError
from zhitong.infra.broker import Broker, apache
from zhitong.infra.broker_apache import Apache
from zhitong.infra.embedded import Cluster, clean
from zhitong.infra.settings import Settings, from_environment
from zhitong.schema.executor import GraphEngine
from zhitong.streams.kafka_client import Access

# Slow is not wrong: no example fails on the clock (in CI the rest is Hypothesis's own).
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

# ZHITONG_EXECUTOR=graphql-core has all run field by field; also what is made by hand.
if os.environ.get("ZHITONG_EXECUTOR"):
    for made in (Settings, GraphEngine):
        defaults: Any = made.__init__.__kwdefaults__
        defaults["executor"] = os.environ["ZHITONG_EXECUTOR"]

_SESSIONS = Path(__file__).parents[1] / ".zhitong" / "test"
_CACHE = Path(__file__).parents[1] / ".zhitong" / "cache"
# ZHITONG_KAFKA_NODES=3 has all run on brokers of three.
_NODES = int(os.environ.get("ZHITONG_KAFKA_NODES", "1"))
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster_factory() -> Iterator[Callable[..., Cluster]]:
    """Give ``cluster_factory("market", "credit")``: a cluster, started.

    The same name is the same server all session long: who freezes or kills one
    takes a name of their own.
    """
    _sweep()
    state = _SESSIONS / str(os.getpid())

    def start(*names: str) -> Cluster:
        cluster = Cluster(state, names)
        cluster.start()
        return cluster

    yield start
    clean(state)


@pytest.fixture(scope="session")
def kafka_program() -> Apache:
    """Give Apache Kafka; without it whoever asks is skipped, and fails in CI."""
    # The cache of the clone, wherever a test has its state.
    settings = from_environment({"ZHITONG_CACHE": str(_CACHE), **os.environ})
    try:
        return apache(settings)
    except EmbeddedError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Apache Kafka: {error.label.en}")


@pytest.fixture(scope="session")
def kafka_factory(kafka_program: Apache) -> Iterator[Callable[[str], Broker]]:
    """Give ``kafka_factory("killed")``: an Apache Kafka of its own, started.

    The same name is the same broker all session long.
    """
    _sweep()
    made: dict[str, Broker] = {}

    def start(name: str) -> Broker:
        if name not in made:
            state = _SESSIONS / f"{os.getpid()}.{name}"
            made[name] = Broker(state, kafka_program, _NODES)
        made[name].start()
        return made[name]

    yield start
    for name in made:
        clean(_SESSIONS / f"{os.getpid()}.{name}")


@pytest.fixture(scope="session")
def broker(kafka_factory: Callable[[str], Broker]) -> Access:
    """Give the administrator's way to an Apache Kafka that all tests share.

    Topics and groups are named by each test for itself; none is ever deleted.
    """
    return kafka_factory("shared").start()


@pytest.fixture(scope="session")
def postgres(cluster_factory: Callable[..., Cluster]) -> str:
    """Give the address of a server that all tests share."""
    return cluster_factory("shared").start()["shared"]


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[str]:
    """Give the address of an empty database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    yield f"{postgres.rpartition('/')[0]}/{name}"
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _sweep() -> None:
    """Remove what sessions have left that were killed before their end."""
    for state in _SESSIONS.glob("*"):
        if not Path("/proc", state.name.partition(".")[0]).exists():
            with suppress(FileNotFoundError):  # another session sweeps as well
                clean(state)
