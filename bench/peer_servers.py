"""Peers as they run: started, asked once, compared.

Each serves on 127.0.0.1, on a port that was free a moment before, from one process with
one thread that works, over eight connections, as ours does over eight to each source.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from urllib.request import Request, urlopen

from callers import AnswerError, Target
from peer_builds import AbsentError

ONE_THREAD = {
    "GOMAXPROCS": "1",
    "GRAPHILE_ENV": "production",
    "NODE_ENV": "production",
}
"""Python, Node and the Rust peer's runtime have one thread as they are written."""
STARTING = 60


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that answers."""

    pid: int
    target: Target


@contextmanager
def serving(command: Sequence[str], place: Path, database: str) -> Iterator[Running]:
    """Run a peer over *database* until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    own = {
        **os.environ,
        **ONE_THREAD,
        "PEER_DATABASE": database,
        "PEER_PORT": str(port),
        "PYTHONPATH": f"{place / 'packages'}{os.pathsep}{place.parent}",
    }
    with (place.parent / f"{place.name}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - what we built
            command, cwd=place, env=own, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield _answering(process, f"http://127.0.0.1:{port}/graphql")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answering(process: subprocess.Popen[bytes], url: str) -> Running:
    port = int(url.rpartition(":")[2].split("/")[0])
    deadline = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return Running(process.pid, Target(url))
    raise AbsentError("启动失败 / it did not start, see its log")


def asked(target: Target, document: str, variables: Mapping[str, str]) -> object:
    """Ask once and give the data; raise where there are errors."""
    return told(target, document, variables)[0]


def told(
    target: Target, document: str, variables: Mapping[str, str]
) -> tuple[object, str]:
    """Ask once; give the data, and of ours which executor answered."""
    body = json.dumps({"query": document, "variables": variables}).encode()
    headers = {"content-type": "application/json", **target.headers}
    request = Request(target.url, body, headers)  # noqa: S310 - our own address
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            found, executor = json.load(answer), answer.headers.get("zhitong-executor")
    except OSError as error:
        raise AnswerError(str(error)) from error
    if found.get("errors"):
        raise AnswerError(f"{found['errors'][:1]}")
    return plain(found["data"]), executor or ""


def plain(value: object, name: str = "") -> object:
    """Bring an answer into one form: no wrappers, no order of names, lists as sent.

    ``nodes`` and ``groups`` are the only wrappers; PostGraphile's names of roots are
    its own, and so the roots' values alone are compared.
    """
    if isinstance(value, dict):
        for wrapper in ("nodes", "groups"):
            if value.keys() == {wrapper}:
                return plain(value[wrapper], name)
        if not name and len(value) == 1:
            return plain(next(iter(value.values())), "~")
        return {key: plain(each, key) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [plain(each, name or "~") for each in value]
    return value


def differences(ours: object, theirs: object) -> tuple[int, int, int]:
    """Count the values of both, and those that are not the same in the same place."""
    one, two = list(_leaves(ours)), list(_leaves(theirs))
    return len(one), len(two), sum(a != b for a, b in zip_longest(one, two))


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    # Counts by group have no order, and are sorted.
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}")
    elif isinstance(value, list):
        rows = value
        if value and isinstance(value[0], dict) and "month" in value[0]:
            rows = sorted(value, key=lambda row: f"{row['subjectCode']} {row['month']}")
        for number, each in enumerate(rows):
            yield from _leaves(each, f"{path}[{number}]")
    else:
        yield path, value
