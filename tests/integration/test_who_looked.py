"""Who looked at this: asked of one row, by those who may, and itself on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from zhitong.resolvers.nodes import NodeId
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Found = dict[str, Any]

CASE = '{ caseRecords(first: 2, sources: ["market"]) { nodes { id caseNo } } }'
ONE = "query ($id: ID!) { node(id: $id) { id } }"
WHO = """query ($id: ID!, $where: AccessRecordFilter, $since: DateTime,
    $until: DateTime) {
  whoLooked(id: $id, where: $where, since: $since, until: $until) {
    nodes { recordId at unitName person purpose cause looks }
    totalCount { count } } }"""


async def two_cases(ask: Asking) -> list[str]:
    body: Any = (await ask("police", CASE)).body
    return [row["id"] for row in body["data"]["caseRecords"]["nodes"]]


async def who(ask: Asking, node: str, by: str = "auditor", **more: object) -> Found:
    body: Any = (await ask(by, WHO, {"id": node, **more})).body
    assert "errors" not in body, body
    found: Found = body["data"]["whoLooked"]
    return found


def named(found: Found) -> list[str]:
    return [row["recordId"] for row in found["nodes"]]


async def test_an_auditor_is_told_who_saw_a_row_and_of_no_look_at_another(
    ask: Asking,
) -> None:
    one, other = await two_cases(ask)
    looked = await ask("police", ONE, {"id": one})
    aside = await ask("police", ONE, {"id": other})
    found = await who(ask, one)
    assert looked.record_id in named(found)
    assert aside.record_id not in named(found)
    assert found["totalCount"]["count"] == len(named(found))
    row = next(each for each in found["nodes"] if each["recordId"] == looked.record_id)
    assert (row["unitName"], row["person"], row["purpose"]) == (
        "安泽市公安局",
        "王建国",
        "criminal-investigation",
    )


async def test_looks_are_narrowed_by_person_unit_purpose_cause_and_time(
    ask: Asking,
) -> None:
    one, _ = await two_cases(ask)
    looked = await ask("police", ONE, {"id": one})
    everything = await who(ask, one)
    for name, value in (
        ("person", "王建国"),
        ("purpose", "criminal-investigation"),
        ("cause", "安公立字1号"),
    ):
        kept = await who(ask, one, where={name: {"eq": value}})
        assert looked.record_id in named(kept)
        gone = await who(ask, one, where={name: {"eq": "无"}})
        assert named(gone) == []
        assert gone["totalCount"]["count"] == 0
    at = next(
        row["at"] for row in everything["nodes"] if row["recordId"] == looked.record_id
    )
    assert looked.record_id in named(await who(ask, one, since=at))
    assert looked.record_id not in named(await who(ask, one, until=at))


async def test_asking_who_looked_is_itself_a_look_at_the_row(ask: Asking) -> None:
    one, other = await two_cases(ask)
    asked = await ask("auditor", WHO, {"id": one})
    (row,) = [
        row
        for row in (await who(ask, one))["nodes"]
        if row["recordId"] == asked.record_id
    ]
    assert "CaseRecord@market 0 *=LOOKERS" in row["looks"]
    assert asked.record_id not in named(await who(ask, other))


async def test_a_row_that_nobody_looked_at_has_no_looks(ask: Asking) -> None:
    never = str(NodeId("CaseRecord", "market", "nobody-looked-at-this"))
    assert named(await who(ask, never)) == []


@pytest.mark.parametrize(
    "by", ["police", "own-officer", "party", "operator", "data-authority", "public"]
)
async def test_whoever_may_see_no_records_is_told_nothing_and_why(
    ask: Asking, by: str
) -> None:
    one, _ = await two_cases(ask)
    body: Any = (await ask(by, WHO, {"id": one})).body
    assert body["data"] == {"whoLooked": None}
    assert {
        (entry["type"], entry["rule"]) for entry in body["extensions"]["access"]
    } == {("AccessRecord", "records-for-auditors-only")}


async def test_more_looks_than_a_question_carries_are_refused_not_cut(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhitong.schema.lookers.WIDEST", 1)
    one, _ = await two_cases(ask)
    await ask("police", ONE, {"id": one})
    body: Any = (await ask("auditor", WHO, {"id": one})).body
    assert [error["extensions"]["code"] for error in body["errors"]] == ["TOO_WIDE"]


@pytest.mark.parametrize("node", ["nonsense", str(NodeId("Nothing", "market", "1"))])
async def test_an_id_that_is_none_is_refused_by_its_code(
    ask: Asking, node: str
) -> None:
    body: Any = (await ask("auditor", WHO, {"id": node})).body
    assert [error["extensions"]["code"] for error in body["errors"]] == ["NODE_ID"]
