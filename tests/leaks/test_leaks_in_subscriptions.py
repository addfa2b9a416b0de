"""A subscriber is given what the oracle says, of all that has changed, and no more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from leak_askers import askers
from leak_matrix import WIDE, Matrix
from leak_oracle import Asker, Oracle
from leak_probes import Room, names_of
from leak_rows import Truth

from zhitong.decisions import Change, Changed
from zhitong.resolvers.changes import Topic, Watch
from zhitong.schema.engine import Engine, Question
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration

Json = Any
PATHS: Mapping[str, tuple[str, str]] = {
    "Decision": ("decisions", "version change decision {{ id {} }}"),
    "Finding": ("findings", "id {}"),
}
"""How each type is subscribed to: the field, and what is asked of each item."""


async def _nowhere() -> int:
    return 0


def changes(rows: Iterator[Truth]) -> tuple[Changed, ...]:
    """Let every version there is have changed just now."""
    found = {
        (str(row.values["decisionId"]), int(str(row.values["version"])))
        for row in rows
        if row.values.get("decisionId") and row.values.get("version")
    }
    return tuple(
        Changed(
            number=number, decision_id=one, version=version, change=Change.CORRECTED
        )
        for number, (one, version) in enumerate(sorted(found))
    )


async def told(engine: Engine, asker: Asker, kind: str, watch: Watch) -> Json:
    """Give an answer about *watch*, all fields asked for."""
    field, item = PATHS[kind]
    nodes = item.format(" ".join(names_of(ENTITIES[kind])))
    answer = await engine.answer(
        Question(
            document=f"subscription {{ {field} {{ position nodes {{ {nodes} }} }} }}",
            variables=None,
            operation=None,
            principal=asker.principal,
            occasion=asker.occasion,
            request_id=uuid.uuid4().hex,
            allowance=WIDE,
            watch=watch,
        )
    )
    assert answer.executed, answer.body
    return answer.body


@pytest.mark.parametrize("kind", PATHS)
async def test_a_subscriber_is_given_what_the_oracle_says(
    engine: Engine, oracle: Oracle, kind: str
) -> None:
    matrix = Matrix(engine, oracle)
    changed = changes(oracle.of(kind))
    assert changed
    names = names_of(ENTITIES[kind])
    faults: list[str] = []
    shown = 0
    for asker in askers(oracle.policy):
        room = Room(oracle, asker)
        watch = Watch(now=_nowhere, changed=changed)
        body = await told(engine, asker, kind, watch)
        (given,) = body["data"].values()
        who = f"{asker.principal.kind} ({asker.occasion.purpose})"
        rows = [row for row in room.visible(kind) if row.values.get("decisionId")]
        if given is None:
            faults += [f"{who}: nothing, with {len(rows)} rows to see"] if rows else []
            assert watch.topic is None
            continue
        assert watch.topic is Topic.LEDGER
        nodes = [one.get("decision") or one for one in given["nodes"]]
        shown += len(nodes)
        faults += [f"{who}: {one}" for one in room.whole(rows, names, "", nodes)]
        if kind == "Decision":
            for one in given["nodes"]:
                plain = one["decision"]["version"] is not None
                faults += (
                    [f"{who}: a version"] if (one["version"] is None) is plain else []
                )
        may_show = room.shown(rows, names)
        leaked = matrix.leaked(orjson.dumps(body).decode(), asker) - may_show
        faults += [f"{who} leaks {one}" for one in sorted(leaked)]
    assert faults[:20] == []
    assert shown
