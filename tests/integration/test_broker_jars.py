"""The download of the broker's jars, from a repository that is not always honest."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from zhitong.exceptions import EmbeddedError
from zhitong.infra.broker_jars import Artefact, fetch_jars, kept_jars, main

pytestmark = pytest.mark.integration

BODIES = {name: name.encode() * 50_000 for name in ("one", "two", "three")}


def artefact(name: str) -> Artefact:
    digest = hashlib.sha256(BODIES[name]).hexdigest()
    return Artefact("org.example", name, "1.0", digest)


WANTED = tuple(map(artefact, BODIES))


class Repository:
    """A Maven repository on loopback: what it has, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {
            f"/m/{each.path}": BODIES[each.name] for each in WANTED
        }
        self.short_by = 0
        self.asked: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.asked.append(self.path)
                body = repository.files.get(self.path.removeprefix("http://maven.test"))
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) - repository.short_by])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's names
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/m"

    def holds(self, name: str) -> str:
        """Name the path under which the artefact *name* lies."""
        return f"/m/{artefact(name).path}"


@pytest.fixture
def repository() -> Iterator[Repository]:
    made = Repository()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def contents(folder: Path) -> Mapping[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


RIGHT = {f"{name}-1.0.jar": body for name, body in BODIES.items()}


def test_what_is_fetched_is_kept_and_not_fetched_again(
    tmp_path: Path, repository: Repository
) -> None:
    folder = tmp_path / "cache" / "kafka"
    assert kept_jars(folder, WANTED) == ()

    jars = fetch_jars(folder, WANTED, f"{repository.address}/")

    assert jars == tuple(folder / f"{name}-1.0.jar" for name in BODIES)
    assert contents(folder) == RIGHT
    assert fetch_jars(folder, WANTED, repository.address) == jars
    assert kept_jars(folder, WANTED) == jars
    assert len(repository.asked) == 3


def test_a_wrong_checksum_is_refused_and_leaves_nothing(
    tmp_path: Path, repository: Repository
) -> None:
    forged = repository.holds("two")
    repository.files[forged] = b"something else"
    digest = hashlib.sha256(b"something else").hexdigest()

    with pytest.raises(EmbeddedError) as refused:
        fetch_jars(tmp_path, [artefact("two")], repository.address)

    assert refused.value.label.en == (
        f"{repository.address.removesuffix('/m')}{forged} has the SHA-256 {digest} "
        f"and not {artefact('two').digest}, so it was not kept: look at the proxy or "
        "mirror, or name another with ZHITONG_MAVEN"
    )
    assert contents(tmp_path) == {}


def test_a_download_cut_short_leaves_nothing(
    tmp_path: Path, repository: Repository
) -> None:
    repository.short_by = 1_000

    with pytest.raises(EmbeddedError, match=r"cannot get .* run make broker"):
        fetch_jars(tmp_path, [artefact("one")], repository.address)

    assert contents(tmp_path) == {}
    repository.short_by = 0
    fetch_jars(tmp_path, WANTED, repository.address)
    assert contents(tmp_path) == RIGHT


def test_a_jar_that_was_damaged_is_fetched_anew(
    tmp_path: Path, repository: Repository
) -> None:
    fetch_jars(tmp_path, WANTED, repository.address)
    (tmp_path / "three-1.0.jar").write_bytes(b"damaged")

    assert kept_jars(tmp_path, WANTED) == ()
    fetch_jars(tmp_path, WANTED, repository.address)

    assert contents(tmp_path) == RIGHT
    assert repository.asked[3:] == [repository.holds("three")]


def test_what_a_repository_lacks_is_named(
    tmp_path: Path, repository: Repository
) -> None:
    missing = repository.holds("one")
    del repository.files[missing]

    with pytest.raises(EmbeddedError, match=rf"{missing} \(HTTP Error 404"):
        fetch_jars(tmp_path, WANTED, repository.address)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/m", "no address", "nowhere://x/m"]
)
def test_a_repository_that_is_away_or_no_address_is_explained(
    tmp_path: Path, address: str
) -> None:
    with pytest.raises(EmbeddedError, match="look at the network and HTTPS_PROXY"):
        fetch_jars(tmp_path, WANTED, address)
    assert contents(tmp_path) == {}


def test_the_proxy_of_the_environment_is_asked(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", repository.address.removesuffix("/m"))
    monkeypatch.delenv("no_proxy", raising=False)

    fetch_jars(tmp_path, WANTED, "http://maven.test/m")

    assert contents(tmp_path) == RIGHT
    assert all(path.startswith("http://maven.test/m/") for path in repository.asked)


def test_two_that_fetch_at_once_do_not_disturb_each_other(
    tmp_path: Path, repository: Repository
) -> None:
    found: list[tuple[Path, ...]] = []
    fetchers = [
        threading.Thread(
            target=lambda: found.append(
                fetch_jars(tmp_path, WANTED, repository.address)
            )
        )
        for _ in range(4)
    ]
    for each in fetchers:
        each.start()
    for each in fetchers:
        each.join()

    assert len(found) == 4
    assert len(set(found)) == 1
    assert contents(tmp_path) == RIGHT


def test_the_set_up_s_command_says_what_is_wrong(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHITONG_CACHE", str(tmp_path))
    monkeypatch.setenv("ZHITONG_MAVEN", repository.address)

    with pytest.raises(SystemExit, match=r"^EMBEDDED: 取不到 .*make broker") as ended:
        main()

    assert str(ended.value).splitlines()[1].startswith("  cannot get ")
