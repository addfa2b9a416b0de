"""The process as people run it: the command line, in a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from zhitong.infra.embedded import Cluster, kept
from zhitong.infra.note import Note, find


@dataclass(frozen=True)
class Zhitong:
    """The command ``zhitong`` on one state folder."""

    state: Path

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "zhitong.infra.cli", *words],
            env={**os.environ, "ZHITONG_STATE": str(self.state), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run a command to its end; give its exit code and what it said."""
        process = self.start(*words, **variables)
        said, _ = process.communicate(timeout=180)
        return process.returncode, said

    def gateway(self) -> Note | None:
        """Find the running gateway."""
        return find(self.state / "gateway.json")

    def servers(self) -> set[str]:
        """Say how the databases are."""
        return set(Cluster(self.state, kept(self.state)).status().values())


@pytest.fixture(scope="module")
def zhitong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zhitong]:
    """Give the command line on an empty folder, which is removed with all in it."""
    state = tmp_path_factory.mktemp("acceptance") / "state"
    made = Zhitong(state)
    yield made
    # The command, not its function: what a failed test left running ends with it.
    code, said = made.run("clean")
    assert code == 0, said
