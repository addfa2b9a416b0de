"""Work, asked for in the graph: beside its decision, under policy."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

WORK = """query($receiver: String!) {
  workItems(where: {receiver: {eq: $receiver}},
    orderBy: {by: openedAt, direction: ASC}) { nodes {
    itemId kind state version occasion eventId deliveryId blamedCodes blamedFields
    dueAt dueCertainty endedBy because
    to { name workOpen workLate correctionsWaiting } } } }"""
COUNTED = """query($receiver: String!) {
  workItemStatistics(by: [STATE], where: {receiver: {eq: $receiver}}) {
    groups { state count } } }"""


@dataclass(frozen=True)
class Kept:
    """Work about a receiver of this test's own."""

    receiver: str
    event: str


@pytest.fixture
async def kept(gateway: tuple[Gateway, Engine], sql: Sql) -> AsyncIterator[Kept]:
    """Keep a late rejection, and an erasure that was told by letter."""
    del gateway  # it has migrated the database
    name, event = f"r{uuid.uuid4().hex[:12]}", str(uuid.uuid4())
    await sql(
        "platform",
        "insert into receiver (receiver, title_zh, title_en, topic)"
        " values ($1, '接收方', 'A receiver', $1)",
        name,
    )
    await sql(
        "platform",
        "insert into work_item (kind, receiver, cause, decision_id, version, occasion,"
        " codes, fields, opened_at, due_at, provisional)"
        " values ('REJECTED', $1, $2, $2, 1, 'RECORDED', '{1003,\"\"}',"
        " '{CF_WSH,\"\"}', now() - interval '2 h', now() - interval '1 h', true)",
        name,
        event,
    )
    await sql(
        "platform",
        "insert into work_item (kind, receiver, cause, decision_id, version, occasion,"
        " closed_at, closed_by, because)"
        " values ('UNTOLD', $1, 'k', $2, 2, 'ERASED', now(), 'DEED', '已去函')",
        name,
        event,
    )
    yield Kept(name, event)
    await sql("platform", "delete from work_item where receiver = $1", name)
    await sql("platform", "delete from receiver where receiver = $1", name)


def shown(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    body: Any = answer.body
    assert "errors" not in body, body
    (only,) = body["data"].values()
    return only


async def test_work_says_what_is_blamed_until_when_and_how_it_ended(
    ask: Asking, kept: Kept
) -> None:
    found = shown(await ask("supervisor", WORK, {"receiver": kept.receiver}))
    late, told = found["nodes"]
    assert (late["kind"], late["state"], late["occasion"]) == (
        *("REJECTED", "LATE", "RECORDED"),
    )
    assert (late["blamedCodes"], late["blamedFields"]) == (["1003"], ["CF_WSH"])
    assert (late["dueCertainty"], late["endedBy"]) == ("PROVISIONAL", None)
    assert late["eventId"] == kept.event
    assert late["deliveryId"] == f"{kept.event}:{kept.receiver}"
    assert late["to"] == {
        "name": kept.receiver,
        "workOpen": 1,
        "workLate": 1,
        "correctionsWaiting": 0,
    }
    assert (told["state"], told["occasion"], told["endedBy"], told["because"]) == (
        *("DONE", "ERASED", "DEED", "已去函"),
    )
    assert (told["eventId"], told["deliveryId"], told["dueAt"]) == (None, None, None)


async def test_operators_see_it_without_words_and_dashboards_count(
    ask: Asking, kept: Kept
) -> None:
    asked = await ask("operator", WORK, {"receiver": kept.receiver})
    assert {(one["state"], one["because"]) for one in shown(asked)["nodes"]} == {
        ("LATE", None),
        ("DONE", None),
    }
    counted = shown(await ask("operator", COUNTED, {"receiver": kept.receiver}))
    assert {(one["state"], one["count"]) for one in counted["groups"]} == {
        ("LATE", 1),
        ("DONE", 1),
    }
    # Small counts are nobody's whom the policy gives counts alone.
    few = shown(await ask("dashboard", COUNTED, {"receiver": kept.receiver}))
    assert all(one["count"] is None for one in few["groups"])


@pytest.mark.parametrize("who", ["department", "police", "public", "data-authority"])
async def test_nobody_else_sees_it(ask: Asking, kept: Kept, who: str) -> None:
    body: Any = (await ask(who, WORK, {"receiver": kept.receiver})).body
    assert kept.event not in str(body["data"])
    given = body["data"]["workItems"]
    assert given is None or not given["nodes"]
