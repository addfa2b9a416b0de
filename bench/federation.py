"""Let a federation's judges at our engine: `make federation`.

Three composers take the graph beside a neighbour's; Apollo's gateway and Hive's stand
in front of it and are asked what only both graphs together know; and Apollo's tests of
subgraphs ask Apollo's own products schema, run by our engine. Prints a line each, and
fails where one of them is not satisfied.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

BENCH = Path(__file__).parent
ROUTERS = BENCH / "routers"
TESTS = "@apollo/federation-subgraph-compatibility-tests"
SCRATCH = BENCH.parent / ".zhitong" / "federation"
PATIENCE = 90
"""Seconds that a server may take to answer for the first time."""
PRODUCTS, USERS, INVENTORY, ROUTER = 4001, 4002, 4003, 4000
"""Where Apollo's tests expect them."""
CITY, NEIGHBOUR, APOLLO, HIVE = 4011, 4012, 4013, 4014
PING = {"query": "{ __typename }"}
WHY = {
    "zhitong-purpose": "criminal-investigation",
    "zhitong-basis": "x",
    "zhitong-cause": "y",
}
ASKED = (
    "{ shifts { day officer { certificateNo name subject { code } } }"
    " officers(first: 2) { nodes { certificateNo shifts { day } } } }"
)
JEST = {
    "testEnvironment": "node",
    "testPathIgnorePatterns": [],
    "haste": {"retainAllFiles": True},
}


def main() -> None:
    """Ask all judges; exit with 1 where one is not satisfied."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    good = [*_composed(), *_routed(), *_tested()]
    sys.exit(0 if all(good) else 1)


def _composed() -> Iterator[bool]:
    with _graph("city", CITY), _neighbour():
        out = SCRATCH / "city.graphql"
        named = (f"zhitong={_url(CITY)}", f"neighbour={_url(NEIGHBOUR)}")
        for verdict in _compose(out, *named):
            told = "; ".join(verdict["errors"])
            yield _say(f"composed by {verdict['name']}", verdict["accepted"], told)


def _routed() -> Iterator[bool]:
    graph = SCRATCH / "city.graphql"
    hive = ["hive-gateway", "supergraph", str(graph), "--port", str(HIVE)]
    routers = {
        "@apollo/gateway": (["gateway.mjs", str(graph), str(APOLLO)], _url(APOLLO)),
        "@graphql-hive/gateway": (
            [
                f"node_modules/.bin/{hive[0]}",
                *hive[1:],
                "--host=127.0.0.1",
                "-chive.mjs",
            ],
            f"{_url(HIVE)}graphql",
        ),
    }
    with _graph("city", CITY), _neighbour():
        for name, (command, url) in routers.items():
            with _serving(["node", *command], url, ROUTERS):
                body = _ask(url, {"query": ASKED}, WHY)
                yield _say(f"asked through {name}", _joined(body), json.dumps(body))


def _joined(body: Mapping[str, Any]) -> bool:
    """Say whether each graph's part stands where it belongs."""
    data = body.get("data") or {}
    shifts = data.get("shifts") or []
    known = [each["officer"]["certificateNo"] for each in shifts]
    named = [each["officer"]["name"] for each in shifts]
    listed = (data.get("officers") or {}).get("nodes") or []
    return (
        "errors" not in body
        and known == ["Officer-001", "Officer-002", "Officer-001"]
        and all(named)
        and [each["shifts"] for each in listed] == [[], []]
    )


def _tested() -> Iterator[bool]:
    home = ROUTERS / "node_modules" / TESTS
    out = SCRATCH / "products.graphql"
    with ExitStack() as stack:
        stack.enter_context(_graph("products", PRODUCTS))
        for name, port in (("users", USERS), ("inventory", INVENTORY)):
            folder = home / "dist" / "subgraphs" / name
            stack.enter_context(_serving(["node", "index.js"], _url(port), folder))
        named = {"products": PRODUCTS, "users": USERS, "inventory": INVENTORY}
        _compose(out, *(f"{name}={_url(port)}" for name, port in named.items()))
        router = ["node", "gateway.mjs", str(out), str(ROUTER)]
        stack.enter_context(_serving(router, _url(ROUTER), ROUTERS))
        found = subprocess.run(  # noqa: S603 - Apollo's tests, pinned by their hash
            [
                *("node", str(ROUTERS / "node_modules/jest/bin/jest.js")),
                *("--ci", "--json", f"--rootDir={home}", "dist/tests"),
                f"--config={json.dumps(JEST)}",
            ],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
    told = json.loads(found.stdout)
    passed, total = told["numPassedTests"], told["numTotalTests"]
    failed = [
        f"{one['fullName']}: {' '.join(one['failureMessages'])[:300]}"
        for suite in told["testResults"]
        for one in suite["assertionResults"]
        if one["status"] != "passed"
    ]
    good = passed == total > 0
    yield _say(f"Apollo's tests of subgraphs: {passed} of {total}", good, str(failed))


def _compose(out: Path, *named: str) -> list[dict[str, Any]]:
    found = subprocess.run(  # noqa: S603 - our own script
        ["node", "compose.mjs", str(out), *named],  # noqa: S607 - the machine's Node
        cwd=ROUTERS,
        stdout=subprocess.PIPE,
        check=True,
    )
    verdicts: list[dict[str, Any]] = json.loads(found.stdout)
    return verdicts


def _graph(name: str, port: int) -> Any:  # noqa: ANN401 - a context manager
    command = [sys.executable, "federation_server.py", name, str(port)]
    return _serving(command, _url(port), BENCH)


def _neighbour() -> Any:  # noqa: ANN401 - a context manager
    command = ["node", "neighbour.mjs", "neighbour.graphql", str(NEIGHBOUR)]
    return _serving(command, _url(NEIGHBOUR), ROUTERS)


@contextmanager
def _serving(command: Sequence[str], url: str, folder: Path) -> Iterator[None]:
    """Run a server until the end of the block; wait until it answers."""
    log = (SCRATCH / "log.txt").open("ab")
    with log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as server:  # noqa: S603 - ours
        try:
            _wait(url, server)
            yield
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            if "data" in _ask(url, PING):
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.2)
    sys.exit(f"{url} does not answer; see {SCRATCH.name}/log.txt")


def _ask(
    url: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(url, json=body, headers=headers).json()
    return answer


def _url(port: int) -> str:
    return f"http://localhost:{port}/"


def _say(what: str, good: bool, told: str) -> bool:  # noqa: FBT001 - a verdict
    print(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good else f": {told[:2000]}"))
    return good


if __name__ == "__main__":
    main()
