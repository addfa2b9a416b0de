"""Nobody sees what they may not see: every asker, every field, every way to ask."""

from __future__ import annotations

import os

import pytest
from leak_askers import askers
from leak_matrix import SHARES, Matrix
from leak_oracle import Oracle

from zhitong.schema.engine import Engine
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration
TYPES = tuple(ENTITIES.values())
TIMES = int(os.environ.get("LEAKS", "1"))
"""How much more than usual is asked: ``make leaks N=20``."""


async def test_every_answer_is_what_the_oracle_says(
    oracle: Oracle, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = list(askers(oracle.policy))
    shares = {path: max(share // TIMES, 1) for path, share in SHARES.items()}
    found = await Matrix(engine, oracle).run(asking, shares)
    with capsys.disabled():
        print(  # noqa: T201 - the figure that is asked for
            f"\n{len(found.cases)} cases in {found.documents} documents, "
            f"{found.spans} spans:"
        )
        print(dict(found.by_path))  # noqa: T201 - the same
    assert found.faults[:20] == []
    assert len(found.cases) >= 10_000
    assert found.spans > found.documents
    kinds = {asker.principal.kind for asker in asking}
    assert found.ways_of_kinds == {(kind, path) for kind in kinds for path in SHARES}
    exact = {
        (one.name, f.name) for one in TYPES for f in one.fields.values() if f.exact
    }
    counted = {(one.name, g.by.field) for one in TYPES for g in one.groupings}
    assert found.asked("exact") == {(kind, *at) for kind in kinds for at in exact}
    assert {at[1:] for at in found.asked("group")} == counted
