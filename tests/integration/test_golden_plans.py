"""What documents cost and come to over the small city, word by word, by both ways.

Each document of tests/golden/plans stands with the statements that its departments
were sent and with its answer. ``GOLDEN=write`` in the environment writes both anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncpg
import pytest

from zhitong.connectors.pool import Pool
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
PLANS = Path(__file__).parents[1] / "golden" / "plans"
DOCUMENTS = sorted(path.stem for path in PLANS.glob("*.graphql"))
WRITING = os.environ.get("GOLDEN") == "write"
ASKER = re.compile(r"# ([a-z-]+): ")


@pytest.fixture(params=["plan", "graphql-core"])
def executor(request: pytest.FixtureRequest) -> str:
    """Give what runs the questions here: one way, then the other."""
    found: str = request.param
    return found


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep the statements sent to each source, with their parameters."""
    sent: list[str] = []
    fetch = Pool.fetch

    async def kept(
        self: Pool, sql: str, parameters: Sequence[object], *, probe: bool = False
    ) -> list[asyncpg.Record]:
        values = json.dumps(parameters, ensure_ascii=False, default=str)
        sent.append(f"-- {self._name} {values}\n{sql}\n")
        return await fetch(self, sql, parameters, probe=probe)

    monkeypatch.setattr(Pool, "fetch", kept)
    return sent


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_costs_these_statements_and_comes_to_this(
    ask: Asking, statements: list[str], name: str, executor: str
) -> None:
    document = (PLANS / f"{name}.graphql").read_text("utf-8")
    asker = ASKER.match(document)
    assert asker, "the first line says who asks"
    statements.clear()  # of the departments' inspection

    answer = await ask(asker[1], document)

    assert answer.executor == executor
    told = json.dumps(answer.body, ensure_ascii=False, indent=1) + "\n"
    agree(PLANS / f"{name}.sql", "\n".join(sorted(statements)))
    agree(PLANS / f"{name}.json", told)


def agree(golden: Path, found: str) -> None:
    if WRITING:
        golden.write_text(found, "utf-8")
    assert found == golden.read_text("utf-8")


def test_nothing_is_written_down_of_a_document_that_is_gone() -> None:
    assert {path.stem for path in PLANS.iterdir()} == set(DOCUMENTS)
