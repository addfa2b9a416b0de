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
# Under this name what tests share outlives them; whoever set it ends it.
_KEPT = os.environ.get("TEST_SERVERS")
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
def kafka_factory(kafka_program: Apache) -> Iterator[Callable[..., Broker]]:
    """Give ``kafka_factory("used")``: an Apache Kafka of its own, started.

    The same name is the same broker all session long. Who freezes or kills one takes
    "suffering", and leaves it so that a start makes it whole.
    """
    _sweep()
    made: dict[str, Broker] = {}

    def start(name: str, nodes: int = _NODES) -> Broker:
        if name not in made:
            state = _SESSIONS / f"{os.getpid()}.{name}"
            made[name] = Broker(state, kafka_program, nodes)
        made[name].start()
        return made[name]

    yield start
    for name in made:
        clean(_SESSIONS / f"{os.getpid()}.{name}")


@pytest.fixture(scope="session")
def broker(kafka_factory: Callable[[str], Broker], kafka_program: Apache) -> Access:
    """Give the administrator's way to an Apache Kafka that all tests share.

    Topics and groups are named by each test for itself; none is ever deleted.
    """
    if _KEPT:
        return Broker(_SESSIONS / _KEPT, kafka_program, _NODES).start()
    return kafka_factory("shared").start()


@pytest.fixture(scope="module")
def three(kafka_factory: Callable[..., Broker]) -> Iterator[Broker]:
    """Give a broker of three nodes that all tests share, whatever they do to it.

    Between modules it is frozen: three that run and do nothing take 7 % of a processor,
    and to start them anew takes ten seconds of one.
    """
    broker = kafka_factory("three", 3)
    yield broker
    for node in broker.nodes:
        if node.pid() is not None:
            broker.freeze(node.number)


@pytest.fixture(scope="session")
def postgres(cluster_factory: Callable[..., Cluster]) -> str:
    """Give the address of a server that all tests share."""
    if _KEPT:
        return Cluster(_SESSIONS / _KEPT, ["shared"]).start()["shared"]
    return cluster_factory("shared").start()["shared"]


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[str]:
    """Give the address of an empty database, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
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
