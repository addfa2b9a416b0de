"""What a question costs: statements per source, whatever the size of its pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest

from zhitong.connectors.pool import Pool
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]


def data(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    assert "errors" not in answer.body, answer.body
    return answer.body["data"]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the statements sent to each source."""
    sent: Counter[str] = Counter()
    fetch = Pool.fetch

    async def counted(
        self: Pool, sql: str, parameters: Sequence[object], *, probe: bool = False
    ) -> list[asyncpg.Record]:
        sent[self._name] += 1
        return await fetch(self, sql, parameters, probe=probe)

    monkeypatch.setattr(Pool, "fetch", counted)
    return sent


DEEP = """query($first: Int) {
  counterparties(first: $first, where: {cases: {actType: {eq: PENALTY}}}) { nodes {
    name
    cases(first: 5) { nodes {
      caseNo status officers { name certificateNo } subject { name } } }
    listings(first: 5) { nodes { kind listedOn } } } } }"""


@pytest.mark.parametrize("first", [10, 50])
async def test_the_deep_question_costs_the_same_for_any_page(
    ask: Asking, statements: Counter[str], first: int
) -> None:
    rows = data(await ask("police", DEEP, {"first": first}))["counterparties"]["nodes"]
    assert len(rows) == first
    assert sum(len(row["cases"]["nodes"]) for row in rows) >= first
    assert statements == {
        "market": 3,  # who has a case, counterparties, their cases
        "emergency": 2,  # who has a case, cases
        "transport": 2,
        "dongling": 2,
        "xihe": 2,
        "credit": 1,  # listings
        "justice": 2,  # officers and subjects of all cases
    }


SEMI = """query($first: Int) {
  counterparties(first: $first, where: {cases: {status: {eq: CLOSED}}}) { nodes {
    cases(first: 3, where: {status: {eq: CLOSED},
        counterparty: {listings: {kind: {eq: SERIOUS_DISHONESTY}}}}) {
      nodes { caseNo } totalCount { count } } } } }"""


@pytest.mark.parametrize("first", [10, 50])
async def test_a_filter_across_sources_below_a_row_is_settled_once(
    ask: Asking, statements: Counter[str], first: int
) -> None:
    rows = data(await ask("police", SEMI, {"first": first}))["counterparties"]["nodes"]
    assert len(rows) == first
    assert statements == {
        "market": 5,  # keys of closed cases, page, keys of the listed, cases, counts
        "emergency": 3,  # keys of closed cases, cases, counts
        "transport": 3,
        "dongling": 3,
        "xihe": 3,
        "credit": 1,  # who is listed
    }


async def test_a_count_is_made_once_and_only_when_asked_for(
    ask: Asking, statements: Counter[str]
) -> None:
    data(await ask("police", "{ creditListings(first: 5) { nodes { kind } } }"))
    assert statements == {"credit": 1}
    statements.clear()
    query = """{ creditListings(first: 5) { nodes { kind }
      a: totalCount { count } b: totalCount { count } c: totalCount { partial } } }"""
    data(await ask("police", query))
    assert statements == {"credit": 2}


async def test_a_condition_that_a_source_cannot_meet_costs_it_nothing(
    ask: Asking, statements: Counter[str]
) -> None:
    query = """{ caseRecords(first: 5, where: {division: {within: "619922"}}) {
      nodes { caseNo } } }"""
    data(await ask("police", query))
    assert "dongling" not in statements
    assert statements["xihe"] == 1


async def test_what_is_not_selected_is_not_read(
    ask: Asking, statements: Counter[str]
) -> None:
    query = """query($more: Boolean!) { caseRecords(first: 5) { nodes { caseNo
      subject @include(if: $more) { name }
      ...F @skip(if: true) } } } fragment F on CaseRecord { officers { name } }"""
    data(await ask("police", query, {"more": False}))
    assert "justice" not in statements
    data(await ask("police", query, {"more": True}))
    assert statements["justice"] == 1
    query = """query($more: Boolean = true) { caseRecords(first: 5) { nodes { caseNo
      ... @include(if: $more) { officers { name } } } } }"""
    data(await ask("police", query))
    assert statements["justice"] == 2


async def test_how_a_row_was_found_is_read_with_the_row(
    ask: Asking, statements: Counter[str]
) -> None:
    query = """{ licences(first: 9) { nodes { subjectMatch subject { name } } } }"""
    rows = data(await ask("police", query))["licences"]["nodes"]
    assert {row["subjectMatch"] for row in rows} == {"EXACT"}
    assert statements == {"market": 1, "emergency": 1, "justice": 1}


async def test_what_nobody_may_see_costs_nothing(
    ask: Asking, statements: Counter[str]
) -> None:
    query = "{ inspections { nodes { kind } totalCount { count } } }"
    assert data(await ask("public", query)) == {"inspections": None}
    assert statements == {}


async def test_aliases_of_one_relation_keep_their_arguments(ask: Asking) -> None:
    query = """{ counterparties(first: 3, where: {cases: {status: {eq: CLOSED}}}) {
      nodes { one: cases(first: 1) { nodes { caseNo } totalCount { count } }
        all: cases(first: 100) { nodes { caseNo } }
        closed: cases(where: {status: {eq: CLOSED}}) {
          nodes { status } totalCount { count } } } } }"""
    for row in data(await ask("police", query))["counterparties"]["nodes"]:
        assert len(row["one"]["nodes"]) == 1
        assert row["one"]["totalCount"]["count"] == len(row["all"]["nodes"])
        assert row["one"]["nodes"] == row["all"]["nodes"][:1]
        assert {one["status"] for one in row["closed"]["nodes"]} == {"CLOSED"}
        assert row["closed"]["totalCount"]["count"] == len(row["closed"]["nodes"])


async def test_a_fragment_in_two_places_gives_each_its_own_fields(
    ask: Asking,
) -> None:
    query = """{ caseRecords(first: 5, where: {counterpartyKind: {eq: LEGAL_PERSON},
        counterparty: {kind: {eq: LEGAL_PERSON}}}) { nodes {
      b: counterparty { ...F }
      a: counterparty { ...F cases(first: 1) { nodes { fine status } } } } } }
    fragment F on Counterparty { cases(first: 1) { nodes { caseNo } } }"""
    for row in data(await ask("police", query))["caseRecords"]["nodes"]:
        (short,), (long,) = row["b"]["cases"]["nodes"], row["a"]["cases"]["nodes"]
        assert short == {"caseNo": long["caseNo"]}
        assert set(long) == {"caseNo", "fine", "status"}
