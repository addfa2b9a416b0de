"""Trusted documents in a real database: added, asked, for others unknown, removed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from zhitong.connectors.access_log import open_pool
from zhitong.connectors.migrations import migrate
from zhitong.connectors.trusted_documents import KEPT_SECONDS, PlatformDocuments
from zhitong.exceptions import (
    ClientsError,
    DocumentInvalidError,
    DocumentsUnavailableError,
    IntrospectionDeniedError,
    RequestError,
)
from zhitong.infra.cli import parser
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster
from zhitong.infra.gateway import HERE
from zhitong.infra.settings import Settings

pytestmark = pytest.mark.integration

POLICE, PUBLIC = DEMO_PRINCIPALS["police"], DEMO_PRINCIPALS["public"]
TEXT = "query Count { caseRecords(first: 1) { totalCount { count } } }"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
async def settings(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    await migrate(database, HERE / "migrations", "anze")
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    return Settings(state=tmp_path)


@pytest.fixture
async def pool(
    settings: Settings,  # noqa: ARG001 - it has made the tables
    database: str,
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    pool = await open_pool(database)
    yield pool
    pool.terminate()


class Clock:
    """Moments that the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def command(*words: str) -> Callable[[Settings], object]:
    """Give what `zhitong documents …` does; its loop is its own, in a thread."""
    given = parser().parse_args(["documents", *words])
    return lambda settings: given.act(settings, given)


async def do(settings: Settings, *words: str) -> None:
    await asyncio.to_thread(command(*words), settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "count.graphql"
    path.write_text(TEXT, "utf-8")
    return path


async def test_a_document_is_added_asked_and_removed_within_seconds(
    settings: Settings,
    pool: asyncpg.Pool[asyncpg.Record],
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    documents = PlatformDocuments(pool, clock=clock)
    assert await documents.find(DIGEST, POLICE) is None
    await do(settings, "add", str(file), "--kind", "police", "--because", "月报")
    assert DIGEST in capsys.readouterr().out
    clock.now += KEPT_SECONDS
    assert await documents.find(DIGEST, POLICE) == TEXT
    assert await documents.find(DIGEST, PUBLIC) is None
    await do(settings, "list")
    listed = capsys.readouterr().out
    assert DIGEST in listed
    assert "police" in listed
    await do(settings, "remove", DIGEST, "--because", "不再使用")
    clock.now += KEPT_SECONDS
    assert await documents.find(DIGEST, POLICE) is None
    actions = await pool.fetch("select action, target, reason from deed order by at")
    assert [tuple(row) for row in actions] == [
        ("trust-document", f"{DIGEST}/police//", "月报"),
        ("distrust-document", f"{DIGEST}/police//", "不再使用"),
    ]


@pytest.mark.parametrize(
    ("options", "police", "public"),
    [
        ((), True, True),
        (("--kind", "public"), False, True),
        (("--unit", POLICE.unit), True, False),
        (("--unit", POLICE.unit, "--kind", "public"), False, False),
        (("--client", "another"), False, False),
    ],
)
async def test_a_document_is_for_those_it_names(  # noqa: PLR0913 - a table of five
    settings: Settings,
    pool: asyncpg.Pool[asyncpg.Record],
    file: Path,
    options: tuple[str, ...],
    *,
    police: bool,
    public: bool,
) -> None:
    await do(settings, "add", str(file), *options, "--because", "x")
    documents = PlatformDocuments(pool)
    assert (await documents.find(DIGEST, POLICE) is not None) is police
    assert (await documents.find(DIGEST, PUBLIC) is not None) is public


async def test_the_same_document_once_more_changes_nothing(
    settings: Settings, pool: asyncpg.Pool[asyncpg.Record], file: Path
) -> None:
    for _ in range(2):
        await do(settings, "add", str(file), "--because", "x")
    assert await pool.fetchval("select count(*) from trusted_document") == 1
    assert await pool.fetchval("select count(*) from deed") == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{ nowhere }", DocumentInvalidError),
        ("{", DocumentInvalidError),
        ("{ __schema { types { name } } }", IntrospectionDeniedError),
        ("query A { __typename } query B { __typename }", DocumentInvalidError),
        ("{" + "a: __typename b: __typename " * 20 + "}", RequestError),
    ],
)
async def test_what_could_not_be_asked_is_not_trusted(
    settings: Settings,
    pool: asyncpg.Pool[asyncpg.Record],
    file: Path,
    text: str,
    error: type[Exception],
) -> None:
    await asyncio.to_thread(file.write_text, text, "utf-8")
    with pytest.raises(error):
        await do(settings, "add", str(file), "--because", "x")
    assert await pool.fetchval("select count(*) from trusted_document") == 0


async def test_a_kind_there_is_not_and_a_hash_there_is_not_are_said(
    settings: Settings, file: Path
) -> None:
    with pytest.raises(ClientsError, match="polise"):
        await do(settings, "add", str(file), "--kind", "polise", "--because", "x")
    with pytest.raises(DocumentInvalidError, match="not registered"):
        await do(settings, "remove", DIGEST, "--because", "x")


async def test_what_is_remembered_is_bounded(
    pool: asyncpg.Pool[asyncpg.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhitong.connectors.trusted_documents.KEPT", 3)
    documents = PlatformDocuments(pool)
    for number in range(10):
        await documents.find(f"{number:064}", POLICE)
    assert len(documents._kept) == 3


async def test_a_register_that_is_away_is_said_to_be(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    documents = PlatformDocuments(pool)
    pool.terminate()
    with pytest.raises(DocumentsUnavailableError):
        await documents.find(DIGEST, POLICE)


async def test_a_frozen_register_is_said_in_time(
    cluster_factory: Callable[[str], Cluster],
) -> None:
    name = "documents-away"
    cluster = cluster_factory(name)
    url = cluster.start()[name]
    await migrate(url, HERE / "migrations", "anze")
    pool = await open_pool(url)
    documents = PlatformDocuments(pool, seconds=0.3)
    assert await documents.find("0" * 64, POLICE) is None
    cluster.freeze(name)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(DocumentsUnavailableError):
                await documents.find(DIGEST, POLICE)
    finally:
        cluster.thaw(name)
        pool.terminate()
