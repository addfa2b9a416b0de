"""The page of deeds names every action, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from zhitong.evidence import DeedKind
from zhitong.grants import GrantStep
from zhitong.publishing import Step

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deeds.md").read_text("utf-8")
CODE = ("connectors", "infra", "resolvers", "schema", "streams")
ACTION = re.compile(r"[a-z]+(-[a-z]+)*")
TOLD = {
    # Named where they are called, not where the deed is made.
    "connectors/receiver_control.py": {"suspend", "resume"},
    "infra/broker_rotation.py": {"rotate-password", "rotate-certificates"},
    "connectors/trusted_documents.py": {"trust-document", "distrust-document"},
    "connectors/key_ring.py": {"add-key", "retire-key"},
    "connectors/grant_rows.py": {
        f"{step.lower().replace('_', '-')}-grant" for step in GrantStep
    },
    "connectors/publication_book.py": {
        f"{step.lower().replace('_', '-')}-publication" for step in Step
    },
}


def deeds() -> Iterator[tuple[str, ast.expr]]:
    """Find what each deed in the code calls its action, and in which file."""
    for path in (each for part in CODE for each in (ROOT / part).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Deed":
                (action,) = (k.value for k in node.keywords if k.arg == "action")
                yield str(path.relative_to(ROOT)), action


def actions() -> set[str]:
    found = set[str]()
    for file, action in deeds():
        if isinstance(action, ast.Constant):
            found.add(str(action.value))
        else:
            assert file in TOLD, f"{file}: name its actions here"
            found |= TOLD[file]
    return found


def listed() -> set[str]:
    """Read the first column of the table of actions."""
    table = PAGE.partition("| `action` | `kind`")[2].partition("\n\n")[0]
    rows = table.splitlines()[2:]
    return {
        name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }


def test_every_action_is_on_the_page_and_no_other() -> None:
    assert actions() == listed()
    assert all(ACTION.fullmatch(each) for each in listed())


def test_every_kind_of_deed_is_on_the_page() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `kind`"))
    assert re.findall(r"`([A-Z]+)`", row) == list(DeedKind)
