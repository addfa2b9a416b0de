"""The documents of tests/differential/documents: what each is, and who asks it.

Above each stands a line ``#: {"askers": […], "variables": {…}, "operation": "…"}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executors import Case
from pair_askers import ASKERS
from pair_faults import NONE, PairFault

FOLDER = Path(__file__).parents[1] / "differential" / "documents"
HEAD = "#: "


@dataclass(frozen=True, slots=True)
class Chosen:
    """One document with what is asked along with it."""

    name: str
    """Its file, and its place in it."""
    text: str
    said: dict[str, Any]

    def cases(self, fault: PairFault = NONE, *, at_once: bool = False) -> list[Case]:
        """Have each of its askers ask it, and the first once more."""
        askers = self.said["askers"]
        return [
            Case(
                document=self.text,
                variables=self.said.get("variables"),
                operation=self.said.get("operation"),
                asker=ASKERS[asker],
                fault=fault,
                seed=number,
                at_once=at_once,
            )
            for number, asker in enumerate([*askers, askers[0]])
        ]


def chosen(name: str = "*") -> Iterator[Chosen]:
    """Read the documents of the files of *name*."""
    for file in sorted(FOLDER.glob(f"{name}.graphql")):
        _, *texts = f"\n{file.read_text('utf-8')}".split(f"\n{HEAD}")
        for number, text in enumerate(texts, 1):
            head, _, document = text.partition("\n")
            # A remark at the end is about what comes next.
            lines = document.strip().splitlines()
            while lines and (not lines[-1] or lines[-1].startswith("#")):
                lines.pop()
            yield Chosen(f"{file.stem}-{number}", "\n".join(lines), json.loads(head))
