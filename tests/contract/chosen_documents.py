"""The documents of tests/differential/documents: what each is, and who asks it.

Above each stands a line ``#: {"askers": […], "variables": {…}, "operation": "…"}``.
Those that the demonstration and its live page ask are read where they stand:
`demonstration.json` has their paths, each with such lines.
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
ROOT = FOLDER.parents[2]
DEMONSTRATION = "demonstration"
HEAD = "#: "
NAMES = sorted({DEMONSTRATION, *(file.stem for file in FOLDER.glob("*.graphql"))})
"""Of the files, and of what the demonstration asks."""


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


def chosen(*names: str) -> Iterator[Chosen]:
    """Read the documents of *names*; of all without any."""
    for name in names or NAMES:
        yield from demonstrated() if name == DEMONSTRATION else _of_file(name)


def _of_file(name: str) -> Iterator[Chosen]:
    text = (FOLDER / f"{name}.graphql").read_text("utf-8")
    _, *texts = f"\n{text}".split(f"\n{HEAD}")
    for number, each in enumerate(texts, 1):
        head, _, document = each.partition("\n")
        # A remark at the end is about what comes next.
        lines = document.strip().splitlines()
        while lines and (not lines[-1] or lines[-1].startswith("#")):
            lines.pop()
        yield Chosen(f"{name}-{number}", "\n".join(lines), json.loads(head))


def demonstrated() -> Iterator[Chosen]:
    """Read what the demonstration asks, where it stands."""
    asked = json.loads((FOLDER / f"{DEMONSTRATION}.json").read_text("utf-8"))
    for path, some in asked.items():
        text = (ROOT / path).read_text("utf-8")
        for number, said in enumerate(some, 1):
            yield Chosen(f"{path}-{number}", text, said)
