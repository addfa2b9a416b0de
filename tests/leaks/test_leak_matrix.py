"""Nobody sees what they may not see: every asker, every field, every way to ask."""

from __future__ import annotations

import os

import pytest
from leak_askers import askers
from leak_matrix import SHARES, Matrix
from leak_oracle import Oracle

from zhitong.schema.engine import Engine

pytestmark = pytest.mark.integration
TIMES = int(os.environ.get("LEAKS", "1"))
"""How much more than usual is asked: ``make leaks N=20``."""


async def test_every_answer_is_what_the_oracle_says(
    oracle: Oracle, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = list(askers(oracle.policy))
    shares = {path: max(share // TIMES, 1) for path, share in SHARES.items()}
    found = await Matrix(engine, oracle).run(asking, shares)
    with capsys.disabled():
        print(f"\n{len(found.cases)} cases in {found.documents} documents:")  # noqa: T201 - the figure that is asked for
        print(dict(found.by_path))  # noqa: T201 - the same
    assert found.faults[:20] == []
    assert len(found.cases) >= 10_000
    kinds = {asker.principal.kind for asker in asking}
    assert found.ways_of_kinds == {(kind, path) for kind in kinds for path in SHARES}
