"""Let outside judges at the gateway: `make judges`.

graphql-cop's checks, written from its source; clairvoyance with every name of our own
schema as its list of words; schemathesis as an official. By default they meet a gateway
over sources in memory, served on a free port; ``--url`` and two tokens name another,
as the demonstration's. Prints a line each, and fails where one of them has found
something.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz
import httpx
import uvicorn
from memory_gateway import build
from starlette.types import Receive, Scope, Send

ROOT = Path(__file__).parents[1]
HOOKS = Path(__file__).parent / "schemathesis_hooks.txt"
LONGEST = 900
"""Seconds that one judge may take."""


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway, with a token of the public and one of an official."""

    url: str
    public: str
    official: str


@contextmanager
def served() -> Iterator[Target]:
    """Serve a gateway over sources in memory."""
    scratch = ROOT / ".zhitong" / "judges"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        front, tokens = build(Path(folder))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await front(scope, receive, send)

        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.05)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        try:
            yield Target(url, tokens["public"], tokens["police"])
        finally:
            server.should_exit = True
            thread.join()


# --- graphql-cop -------------------------------------------------------------

ALIASES = " ".join(f"alias{number}: __typename" for number in range(101))
CIRCLE = (
    "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
)
RING = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"


def cop(target: Target) -> list[str]:
    """Name the checks of graphql-cop that hit, asked as the public."""
    headers = {"authorization": f"Bearer {target.public}", "user-agent": "graphql-cop"}
    with httpx.Client(headers=headers, timeout=30.0) as client:

        def post(document: object, **more: Any) -> Any:  # noqa: ANN401 - JSON
            given = more or {"json": {"query": document}}
            return _json(client.post(target.url, **given))

        def get(document: str) -> Any:  # noqa: ANN401 - JSON
            return _json(client.get(target.url, params={"query": document}))

        batch = post(None, json=[{"query": "{ __typename }"}] * 11)
        pages = [
            client.get(str(httpx.URL(target.url).join(path))).text
            for path in ("/graphiql", "/playground", "/console", "/graphql")
        ]
        form = post(None, data={"query": "{ __typename }"})
        unhandled = json.dumps(post("qwerty cop { abc }")).lower()
        hits = {
            "alias overloading": _data(post("{" + ALIASES + "}"), "alias100"),
            "array batching": isinstance(batch, list),
            "circular fragments": bool(_data(post(RING), "__typename")),
            "circular introspection": _data(post(CIRCLE), "__schema"),
            "directive overloading": len(
                _errors(post("{ __typename " + "@aa" * 10 + "}"))
            )
            == 10,  # noqa: PLR2004 - as graphql-cop has it
            "field duplication": _data(
                post("{" + "__typename " * 500 + "}"), "__typename"
            ),
            "field suggestions": "did you mean"
            in json.dumps(post("query cop { __schema { directive } }")).lower(),
            "GET mutations": _data(get("mutation cop { __typename }"), "__typename"),
            "GET queries": _data(get("{__typename}"), "__typename"),
            "GraphQL IDE": any(
                word in page for page in pages for word in ("GraphiQL", "Playground")
            ),
            "introspection": _data(post("{ __schema { types { name } } }"), "__schema"),
            "POST of a form": _data(form, "__typename"),
            "tracing": "tracing" in (post("{ __typename }").get("extensions") or {}),
            "unhandled errors": '"exception"' in unhandled or "traceback" in unhandled,
        }
    return [name for name, hit in hits.items() if hit]


def _json(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    return response.json()


def _data(answer: Any, name: str) -> bool:  # noqa: ANN401 - JSON
    return isinstance(answer, dict) and bool((answer.get("data") or {}).get(name))


def _errors(answer: Any) -> list[object]:  # noqa: ANN401 - JSON
    return answer.get("errors", []) if isinstance(answer, dict) else []


# --- the others --------------------------------------------------------------


def clairvoyance(target: Target, tools: Path, folder: Path) -> tuple[int, str]:
    """Count the names that it learns, knowing every word there is."""
    words, found = folder / "words.txt", folder / "schema.json"
    words.write_text("\n".join(fuzz.names()), "ascii")
    bearer = f"Authorization: Bearer {target.public}"
    command = [tools / "clairvoyance", "-H", bearer, "-w", words, "-o", found]
    done = _run([*command, "-p", "slow", target.url], folder)
    if not found.exists():
        gave_up = "Unable to get TypeRef" in done.stdout + done.stderr
        return int(not gave_up), "gives up, no type learnt" if gave_up else _last(done)
    types: list[Mapping[str, Any]] = json.loads(found.read_text())["data"]["__schema"][
        "types"
    ]
    learnt = [
        f"{kind['name']}.{field['name']}"
        for kind in types
        if not kind["name"].startswith("__")
        for field in kind.get("fields") or ()
    ]
    return len(
        learnt
    ), f"{len(learnt)} fields of {len(fuzz.names())} words: {learnt[:5]}"


def schemathesis(
    target: Target, tools: Path, folder: Path, examples: int
) -> tuple[int, str]:
    """Count its failures, asked as an official, who may read the schema.

    That an argument is refused which its type allows is no failure: no type of GraphQL
    says that a page has at most 200 rows, or that a cursor was given to the asker.
    """
    bearer = f"Authorization: Bearer {target.official}"
    command = [tools / "schemathesis", "run", target.url, "-H", bearer, "--no-color"]
    command += ["--max-examples", str(examples)]
    command += ["--exclude-checks", "positive_data_acceptance"]
    (folder / "our_scalars.py").write_text(HOOKS.read_text("ascii"), "ascii")
    done = _run(
        command, folder, SCHEMATHESIS_HOOKS="our_scalars", PYTHONPATH=str(folder)
    )
    failures = re.search(r"(\d+) failures?", _last(done))
    cases = re.search(r"(\d+) generated", done.stdout)
    told = f"{cases[1] if cases else '?'} cases: {_last(done)}"
    if done.returncode or not cases:
        sys.stderr.write(done.stdout[-6_000:])
    if failures:
        return int(failures[1]), told
    return done.returncode + (not cases), told


def _run(
    command: list[Any], folder: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the judges' own programs
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
        cwd=folder,  # what they leave behind goes with it
        env={**os.environ, **more},
    )


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1].strip("= ") if lines else ""


def main() -> None:
    """Let them judge."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tools", type=Path, required=True, help="their programs")
    options.add_argument("--url", help="a gateway that runs")
    options.add_argument("--public", help="a token of the public there")
    options.add_argument("--official", help="a token of an official there")
    options.add_argument("--examples", type=int, default=20)
    given = options.parse_args()
    given.tools = given.tools.resolve()
    if given.url:
        found = judge(Target(given.url, given.public, given.official), given)
    else:
        with served() as target:
            found = judge(target, given)
    sys.exit(bool(found))


def judge(target: Target, given: argparse.Namespace) -> int:
    """Ask each of them, and count what they have found."""
    hits = cop(target)
    print(f"graphql-cop    {len(hits)} of 14 checks hit {hits or ''}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        learnt, told = clairvoyance(target, given.tools, Path(folder))
        print(f"clairvoyance   {told}", flush=True)
        failures, told = schemathesis(target, given.tools, Path(folder), given.examples)
        print(f"schemathesis   {told}", flush=True)
    return len(hits) + learnt + failures


if __name__ == "__main__":
    main()
