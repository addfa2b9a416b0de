"""What reconciliations compared, found and were answered: asked for in the graph."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from zhitong.connectors.reconciliation_answers import Answers
from zhitong.infra.gateway import Gateway
from zhitong.rules.reconciliation import Difference, Kind, Place, Window
from zhitong.schema.engine import Answer, Engine

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

WINDOWS = """query($topic: String!) {
  reconciliations(where: {topic: {eq: $topic}}, orderBy: {by: closedAt, direction: ASC})
  { totalCount { count } nodes {
    statementId receiver topic partition fromOffset toOffset records doubles logged
    foreignOffsets root parts outcome statedAt answeredAt signed answerSigned
    differences(where: {state: {eq: OPEN}}) { totalCount { count } nodes {
      kind eventId topic partition offset decisionId version
      window { statementId } } } } } }"""
WRONG = """query($receiver: String!) {
  reconciliationDifferences(where: {receiver: {eq: $receiver}},
    orderBy: {by: foundAt, direction: ASC}) { nodes {
    kind state eventId statementId decisionId foundAt settledAt } } }"""
RUNS = """{ reconciliationRuns(first: 1, orderBy: {by: endedAt, direction: DESC})
  { nodes { extent since records windows differences endedAt } } }"""
EVENTS = {0: "e-0", 1: "e-1", 2: "e-1", 4: "e-4"}


@dataclass(frozen=True)
class Kept:
    """A window of a topic of this test's own, stated and answered."""

    receiver: str
    topic: str
    missing: Difference
    lost: Difference
    run_began: datetime


@pytest.fixture
async def kept(addresses: Mapping[str, str], gateway: tuple[Gateway, Engine]) -> Kept:
    """Keep what a reconciliation would, in the platform's own database."""
    del gateway  # it has migrated it
    name = uuid.uuid4().hex
    topic = f"zhitong.anze.{name}"
    place = Place(receiver=name, topic=topic, partition=3, start=0, end=6)
    window = Window(
        place=place,
        events=EVENTS,
        foreign=(5,),
        logged=3,
        differences=(),
        intact=frozenset(),
    )
    missing = Difference(
        kind=Kind.INBOX_MISSING,
        receiver=name,
        event_id=f"{name}-4",
        decision_id=f"{name}-d",
        version=2,
        topic=topic,
        partition=3,
        offset=4,
    )
    lost = Difference(kind=Kind.LOST, receiver=name, event_id=f"{name}-9")
    began = datetime.now(UTC)
    book = Answers(addresses["platform"])
    try:
        await book.keep(window)
        (stating,) = await book.unstated([name], began, whole=False)
        await book.stated({stating.statement: "ours.jws.text"})
        await book.file(
            stating.statement,
            place,
            seen=6,
            root=bytes(32),
            parts=(),
            at=began,
            signed="their.jws.text",
        )
        await book.tell([lost], [])
        await book.tell([missing], [lost])
        await book.ran(whole=True, since=began, began_at=began, seen=(4, 1))
    finally:
        await book.close()
    return Kept(name, topic, missing, lost, began)


def shown(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    body: Any = answer.body
    assert "errors" not in body, body
    (only,) = body["data"].values()
    return only


async def test_a_window_has_counts_roots_what_was_signed_and_what_is_wrong(
    ask: Asking, kept: Kept, sql: Sql
) -> None:
    found = shown(await ask("auditor", WINDOWS, {"topic": kept.topic}))
    (row,) = await sql(
        "platform", "select * from reconciliation where topic = $1", kept.topic
    )
    assert found["totalCount"] == {"count": 1}
    (node,) = found["nodes"]
    (wrong,) = node.pop("differences")["nodes"]
    assert isinstance(node.pop("statedAt"), str)
    assert isinstance(node.pop("answeredAt"), str)
    assert node == {
        "statementId": str(row["statement_id"]),
        "receiver": kept.receiver,
        "topic": kept.topic,
        "partition": 3,
        "fromOffset": 0,
        "toOffset": 6,
        "records": 4,
        "doubles": 1,
        "logged": 3,
        "foreignOffsets": ["5"],
        "root": row["root"].hex(),
        "parts": [each.hex() for each in row["parts"]],
        "outcome": "DIFFERS",
        "signed": "ours.jws.text",
        "answerSigned": "their.jws.text",
    }
    assert wrong == {
        "kind": "INBOX_MISSING",
        "eventId": kept.missing.event_id,
        "topic": kept.topic,
        "partition": 3,
        "offset": 4,
        "decisionId": kept.missing.decision_id,
        "version": 2,
        "window": {"statementId": str(row["statement_id"])},
    }


async def test_each_difference_is_named_and_says_whether_it_is_settled(
    ask: Asking, kept: Kept
) -> None:
    found = shown(await ask("auditor", WRONG, {"receiver": kept.receiver}))
    lost, missing = found["nodes"]
    assert (lost["kind"], lost["state"], lost["eventId"], lost["statementId"]) == (
        *("LOST", "SETTLED", kept.lost.event_id, None),
    )
    assert lost["settledAt"] is not None
    assert (missing["kind"], missing["state"]) == ("INBOX_MISSING", "OPEN")
    assert missing["settledAt"] is None
    (run,) = shown(await ask("operator", RUNS))["nodes"]
    assert datetime.fromisoformat(run.pop("endedAt")) >= kept.run_began
    assert datetime.fromisoformat(run.pop("since")) == kept.run_began
    assert run.pop("differences") >= 1
    assert run == {"extent": "WHOLE", "records": 4, "windows": 1}


async def test_who_runs_and_who_shares_see_what_is_theirs_and_nobody_else_anything(
    ask: Asking, kept: Kept, sql: Sql
) -> None:
    (node,) = shown(await ask("operator", WINDOWS, {"topic": kept.topic}))["nodes"]
    assert (node["signed"], node["answerSigned"]) == (None, None)
    assert node["differences"]["nodes"][0]["decisionId"] == kept.missing.decision_id

    asked = await ask("data-authority", WINDOWS, {"topic": kept.topic})
    (node,) = shown(asked)["nodes"]
    assert node["answerSigned"] == "their.jws.text"
    (wrong,) = node["differences"]["nodes"]
    assert wrong["eventId"] == kept.missing.event_id
    assert (wrong["decisionId"], wrong["version"]) == (None, None)

    for who in ("police", "department", "supervisor", "public", "dashboard"):
        answer: Any = (await ask(who, WINDOWS, {"topic": kept.topic})).body
        assert kept.receiver not in str(answer["data"])
        given = answer["data"]["reconciliations"]
        assert given is None or not given["nodes"]

    # Whoever looked is on record, with the names of the types.
    rows = await sql(
        "platform",
        "select distinct data_type from access_look where unit_name is not null "
        "and data_type like 'Reconciliation%'",
    )
    assert {row["data_type"] for row in rows} >= {
        *("Reconciliation", "ReconciliationDifference"),
    }
