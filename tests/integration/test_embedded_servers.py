"""Embedded servers, for real: start, freeze, crash, continue, leave nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from zhitong.exceptions import EmbeddedError
from zhitong.infra import processes as process
from zhitong.infra.embedded import Cluster, clean, databases
from zhitong.infra.postgres_account import installation

pytestmark = pytest.mark.integration
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")


@pytest.fixture(scope="module")
def cluster(cluster_factory: Callable[..., Cluster]) -> Cluster:
    return cluster_factory("alpha", "beta")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    clean(tmp_path / "state")


async def ask(address: str, question: str) -> object:
    connection = await asyncpg.connect(address, timeout=5)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def data_folder(cluster: Cluster, name: str) -> Path:
    return cluster._server(name).data


def port(address: str) -> int:
    return urlsplit(address).port or 0


async def test_chinese_names_sort_by_code_point_and_have_trigrams(
    cluster: Cluster,
) -> None:
    address = cluster.start()["alpha"]

    words = "SELECT array_agg(w ORDER BY w) FROM unnest('{应急,Z,司法,a}'::text[]) w"
    assert await ask(address, words) == sorted(["应急", "Z", "司法", "a"])
    await ask(address, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
    assert await ask(address, "SELECT cardinality(show_trgm('应急管理局'))") == 6
    assert await ask(address, "SHOW timezone") == "Asia/Shanghai"


async def test_a_server_listens_on_loopback_only_and_keeps_its_data_safe(
    cluster: Cluster,
) -> None:
    address = cluster.start()["alpha"]

    assert await ask(address, "SHOW listen_addresses") == "127.0.0.1"
    assert await ask(address, "SHOW unix_socket_directories") == ""
    assert await ask(address, "SHOW fsync") == "on"


async def test_a_second_start_continues_with_data_and_port(cluster: Cluster) -> None:
    before = cluster.start()["beta"]
    await ask(before, "CREATE TABLE kept AS SELECT 7 AS n")
    cluster.stop()
    assert cluster.status() == {"alpha": "stopped", "beta": "stopped"}

    after = cluster.start()["beta"]

    assert after == before
    assert await ask(after, "SELECT n FROM kept") == 7


async def test_an_open_session_hangs_while_its_server_is_frozen(
    cluster: Cluster,
) -> None:
    addresses = cluster.start()
    session = await asyncpg.connect(addresses["alpha"])

    cluster.freeze("alpha")
    pending = asyncio.ensure_future(session.fetchval("SELECT 1"))
    await asyncio.wait([pending], timeout=0.3)
    assert not pending.done()
    assert cluster.status() == {"alpha": "frozen", "beta": "running"}
    assert await ask(addresses["beta"], "SELECT 2") == 2

    cluster.thaw("alpha")
    assert await asyncio.wait_for(pending, 5) == 1
    assert cluster.status() == {"alpha": "running", "beta": "running"}
    await session.close()


async def test_a_start_thaws_a_server_that_was_left_frozen(cluster: Cluster) -> None:
    cluster.freeze("alpha")

    address = cluster.start()["alpha"]

    assert await ask(address, "SELECT 1") == 1


async def test_a_killed_server_starts_again_with_what_was_committed(
    cluster: Cluster,
) -> None:
    address = cluster.start()["alpha"]
    await ask(address, "CREATE TABLE committed AS SELECT 8 AS n")

    cluster.kill("alpha")

    assert cluster.status()["alpha"] == "stopped"
    assert (data_folder(cluster, "alpha") / "postmaster.pid").exists()
    assert await ask(cluster.start()["alpha"], "SELECT n FROM committed") == 8


async def test_stop_ends_frozen_servers_with_open_sessions_at_once(
    cluster: Cluster,
) -> None:
    sessions = [await asyncpg.connect(address) for address in cluster.start().values()]
    pids = [cluster._running(name) for name in ("alpha", "beta")]
    cluster.freeze("alpha")
    begin = time.monotonic()

    cluster.stop()

    assert time.monotonic() - begin < 30
    assert [process.look(pid) for pid in pids] == [None, None]
    for session in sessions:
        session.terminate()


def test_another_process_that_took_the_pid_is_left_alone(cluster: Cluster) -> None:
    cluster.start()
    cluster.kill("alpha")
    noted = data_folder(cluster, "alpha") / "postmaster.pid"
    # PostgreSQL itself would take any process of its own user for a server.
    user = cluster._account.user
    with subprocess.Popen(["/bin/sleep", "15"], user=user) as stranger:
        _, *others = noted.read_text().splitlines()
        noted.write_text("\n".join([str(stranger.pid), *others]))

        assert cluster.status()["alpha"] == "stopped"
        cluster.kill("alpha")
        cluster.restart("alpha")

        assert cluster.status()["alpha"] == "running"
        assert stranger.poll() is None
        stranger.kill()


def test_a_port_taken_meanwhile_is_replaced(cluster: Cluster) -> None:
    before = cluster.start()["alpha"]
    cluster.stop()
    with socket.create_server(("127.0.0.1", port(before))):
        during = cluster.start()["alpha"]

    assert port(during) != port(before)
    assert cluster.restart("alpha") == during


async def test_a_failed_start_says_why_and_a_repaired_one_works(
    cluster: Cluster,
) -> None:
    cluster.start()
    cluster.stop()
    settings = data_folder(cluster, "alpha") / "postgresql.conf"
    whole = settings.read_text()
    settings.write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedError) as failed:
        cluster.start()

    assert 'unrecognized configuration parameter "no_such_setting"' in (
        failed.value.label.zh
    )
    assert failed.value.label.en.startswith("alpha did not start: read the log;")
    settings.write_text(whole)
    assert await ask(cluster.start()["alpha"], "SELECT 1") == 1


def test_unknown_and_stopped_names_are_explained(cluster: Cluster) -> None:
    cluster.stop()

    with pytest.raises(EmbeddedError, match="does not run: start it first"):
        cluster.freeze("alpha")
    with pytest.raises(EmbeddedError, match="there are: alpha, beta"):
        cluster.freeze("gamma")


async def test_servers_outlive_the_process_that_started_them(state: Path) -> None:
    code = (
        "import sys, pathlib; from zhitong.infra.embedded import Cluster; "
        "print(Cluster(pathlib.Path(sys.argv[1]), ['alpha']).start()['alpha'])"
    )
    # kafka-python reads its own files in a way that is going; what is left open counts.
    warnings = ["-W", "error", "-W", "ignore::DeprecationWarning"]
    command = [sys.executable, *warnings, "-c", code, str(state)]
    first = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: ASYNC221, S603 - our own interpreter

    cluster = Cluster(state, ["alpha"])

    assert first.stderr == ""
    assert cluster.status() == {"alpha": "running"}
    assert cluster.start() == {"alpha": first.stdout.strip()}
    assert await ask(first.stdout.strip(), "SELECT 1") == 1


async def test_what_an_interrupted_start_has_left_is_made_anew(state: Path) -> None:
    for half in (".template.made", ".alpha.made"):
        (state / "postgres" / half / "base").mkdir(parents=True)
        (state / "postgres" / half / "PG_VERSION").write_text("18\n")

    addresses = Cluster(state, ["alpha"]).start()

    assert await ask(addresses["alpha"], "SELECT 1") == 1
    made = sorted(entry.name for entry in (state / "postgres").iterdir())
    assert made == [".template", "alpha"]


async def test_servers_start_only_for_names_without_an_address(state: Path) -> None:
    environ = {"ZHITONG_DATABASE_BETA": "postgresql://a@db/b"}

    addresses = databases(["alpha", "beta"], environ, state, {"work_mem": "7MB"})

    assert addresses["beta"] == "postgresql://a@db/b"
    assert await ask(addresses["alpha"], "SHOW work_mem") == "7MB"
    assert [entry.name for entry in (state / "port").iterdir()] == ["alpha"]


def test_clean_leaves_neither_process_nor_folder(state: Path) -> None:
    cluster = Cluster(state, ["alpha"])
    cluster.start()
    pid = cluster._running("alpha")

    clean(state)

    left = process.look(pid)  # its starter, this process, may not have reaped it yet
    assert left is None or not left.alive
    assert not state.exists()


def test_clean_after_a_crash_leaves_no_shared_memory(state: Path) -> None:
    cluster = Cluster(state, ["alpha"])
    cluster.start()
    noted = data_folder(cluster, "alpha") / "postmaster.pid"
    segment = noted.read_text().splitlines()[6].split()[1]
    cluster.kill("alpha")
    assert segment in segments()

    clean(state)

    assert segment not in segments()


def segments() -> list[str]:
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()
    return [row.split()[1] for row in rows]


def capabilities(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("CapEff:")[2].split()[0], 16)


@as_root
def test_root_becomes_nobody_and_keeps_no_power_where_none_is_needed(
    cluster: Cluster,
) -> None:
    cluster.start()
    account = cluster._account
    folders = [*data_folder(cluster, "alpha").parent.parents, *installation().parents]
    closed = any(not folder.stat().st_mode & 0o001 for folder in folders)
    pid = cluster._running("alpha")

    assert Path(f"/proc/{pid}").stat().st_uid == account.user != 0
    assert bool(capabilities(pid)) is closed


@as_root
async def test_a_clone_in_a_closed_home_works_with_one_capability(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    cluster = Cluster(home / "state", ["alpha"])
    try:
        assert await ask(cluster.start()["alpha"], "SELECT 1") == 1
        assert capabilities(cluster._running("alpha")).bit_count() == 1
    finally:
        clean(home / "state")
