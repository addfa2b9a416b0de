"""Counts alone, exact look-ups and causes, over the city's real databases."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from zhitong.schema.engine import Answer
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
SMALLEST = 5
TABLE = """query($by: [CaseGrouping!]!, $where: CaseRecordFilter) {
  caseStatistics(by: $by, where: $where) {
    groups { subjectCode status count suppressed } smallest } }"""
TOTAL = """query($where: CaseRecordFilter) {
  caseRecords(where: $where) { nodes { id } totalCount { count suppressed } } }"""


def data(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    assert "errors" not in answer.body, answer.body
    return answer.body["data"]


def codes(answer: Answer) -> list[str]:
    errors: Any = answer.body.get("errors", [])
    return [error["extensions"]["code"] for error in errors]


async def table(ask: Asking, *by: str) -> dict[tuple[str | None, ...], int | None]:
    names = {"SUBJECT": "subjectCode", "STATUS": "status"}
    found = data(await ask("dashboard", TABLE, {"by": by}))["caseStatistics"]
    assert found["smallest"] == SMALLEST
    assert all(one["suppressed"] == (one["count"] is None) for one in found["groups"])
    return {
        tuple(one[names[name]] for name in by): one["count"] for one in found["groups"]
    }


async def test_a_dashboard_has_counts_without_small_cells(
    ask: Asking, cases: list[Any]
) -> None:
    true: Counter[tuple[str | None, ...]] = Counter(
        (one.subject, one.status) for one in cases
    )
    found = await table(ask, "SUBJECT", "STATUS")
    assert found.keys() >= true.keys()
    told = {group: count for group, count in found.items() if count is not None}
    assert told
    assert all(true[group] == count for group, count in told.items())
    assert any(count < SMALLEST for count in true.values())
    assert all(found[group] is None for group, n in true.items() if n < SMALLEST)
    # No line of a told sum hides one cell alone.
    sums = await table(ask, "SUBJECT")
    for (subject,), count in sums.items():
        hidden = [n for group, n in found.items() if group[0] == subject and n is None]
        assert count is None or len(hidden) != 1


async def test_a_count_is_hidden_alike_in_a_table_a_page_and_below_a_row(
    ask: Asking,
) -> None:
    cells = await table(ask, "SUBJECT", "STATUS")
    for (subject, status), count in list(cells.items())[:12]:
        if subject is None:
            continue
        where = {"subjectCode": {"eq": subject}, "status": {"eq": status}}
        page = data(await ask("dashboard", TOTAL, {"where": where}))["caseRecords"]
        assert page["totalCount"] == {"count": count, "suppressed": count is None}
        assert page["nodes"] == []
    sums = await table(ask, "SUBJECT")
    query = """{ enforcementSubjects(first: 200) { nodes { code
      cases { nodes { id } totalCount { count } } } } }"""
    rows = data(await ask("dashboard", query))["enforcementSubjects"]["nodes"]
    assert len(rows) > 10
    for row in rows:
        assert row["cases"]["totalCount"]["count"] == sums.get((row["code"],), 0)
        assert row["cases"]["nodes"] == []


async def test_rows_of_a_counted_type_are_explained_and_lead_nowhere(
    ask: Asking,
) -> None:
    answer = await ask("dashboard", "{ caseRecords { nodes { caseNo } } }")
    extensions: Any = answer.body["extensions"]
    assert [(one["field"], one["rule"]) for one in extensions["access"]] == [
        ("*", "counts-only")
    ]
    across = (
        "{ enforcementSubjects(where: {cases: {status: {eq: FILED}}}) { missing } }"
    )
    assert codes(await ask("dashboard", across)) == ["FIELD_HIDDEN"]
    narrow = '{ caseRecords(where: {caseNo: {eq: "1"}}) { totalCount { count } } }'
    assert codes(await ask("dashboard", narrow)) == ["FIELD_HIDDEN"]
    chosen = '{ caseRecords(sources: ["xihe"]) { totalCount { count } } }'
    assert codes(await ask("dashboard", chosen)) == ["FIELD_HIDDEN"]


async def test_decisions_and_deliveries_are_counted_by_what_they_declare(
    ask: Asking,
) -> None:
    query = """{ decisionStatistics(by: [ACT_TYPE, CHANGE]) { groups { count } }
      deliveryStatistics(by: [RECEIVER, STATUS]) { groups { receiver status count } }
      inspectionStatistics(by: [MONTH]) { groups { month count } }
      decisions { totalCount { count } } deliveries { totalCount { count } }
      inspections { totalCount { count } } }"""
    found = data(await ask("supervisor", query))
    for statistics, page in (
        ("decisionStatistics", "decisions"),
        ("deliveryStatistics", "deliveries"),
        ("inspectionStatistics", "inspections"),
    ):
        counted = sum(one["count"] for one in found[statistics]["groups"])
        assert counted == found[page]["totalCount"]["count"]
    assert found["inspections"]["totalCount"]["count"] > 10


# --- exact look-ups ----------------------------------------------------------

FIND = """query($n: String!) { counterpartyByIdNumber(idNumber: $n) {
  source name idNumber } caseRecordByCounterpartyIdNumber(counterpartyIdNumber: $n) {
  source counterpartyIdNumber } }"""
NUMBERS = "select zjhm from scjg.xdr where zjhm ~ '^[0-9]{17}[0-9X]$' limit 1"
ONE = "query($n: String!) { counterpartyByIdNumber(idNumber: $n) { name } }"


@pytest.fixture
async def number(sql: Sql) -> str:
    """Give the ID number of a person in a department's own table."""
    found = await sql("market", NUMBERS)
    return str(found[0][0])


async def test_the_police_find_a_person_by_an_exact_number(
    ask: Asking, sql: Sql, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    spaced = f"{number[:6]} {number[6:14]} {number[14:]}"
    with caplog.at_level(logging.DEBUG):
        answer = await ask("police", FIND, {"n": spaced})
    found = data(answer)
    assert found["counterpartyByIdNumber"]
    shown = {one["idNumber"] for one in found["counterpartyByIdNumber"]}
    assert shown == {f"{number[0]}{'*' * 16}{number[-1]}"}
    assert number not in str(answer.body)
    assert number not in caplog.text
    (record,) = await sql(
        "platform", "select * from access_record where record_id = $1", answer.record_id
    )
    assert "MASK|LOOKUP" in str(record)
    assert number not in str(record)


async def test_a_number_that_is_found_nowhere_gives_an_empty_list(ask: Asking) -> None:
    found = data(await ask("police", ONE, {"n": "110101199003078515"}))
    assert found == {"counterpartyByIdNumber": []}


@pytest.mark.parametrize("text", ["110101199003078516", "1101", "", "1" * 500, "%"])
async def test_a_number_that_is_none_is_refused_and_not_repeated(
    ask: Asking, text: str
) -> None:
    answer = await ask("police", ONE, {"n": text})
    assert codes(answer) == ["SCALAR"]
    assert len(text) < 5 or text not in str(answer.body)


@pytest.mark.parametrize(
    "who", ["own-officer", "department", "supervisor", "public", "dashboard", "court"]
)
async def test_nobody_looks_up_a_number_without_a_grant(
    ask: Asking, number: str, who: str
) -> None:
    answer = await ask(who, ONE, {"n": number})
    assert codes(answer) == ["FIELD_HIDDEN"]
    assert number not in str(answer.body)


async def test_a_grant_says_for_what_and_with_which_papers(
    ask: Asking, number: str
) -> None:
    papers = {
        "basis": "民事诉讼法",
        "cause": "（2026）安01民初1号",
        "letter": "安法介1号",
    }
    granted = Occasion(purpose="trial", **papers)
    assert data(await ask("court", ONE, {"n": number}, occasion=granted))
    for occasion in (
        Occasion(purpose="curiosity", **papers),
        Occasion(purpose="trial", **(papers | {"letter": ""})),
    ):
        answer = await ask("court", ONE, {"n": number}, occasion=occasion)
        assert codes(answer) == ["FIELD_HIDDEN"]


# --- causes ------------------------------------------------------------------


OPEN = """{ caseRecords(first: 1, where: {
  subjectCode: {eq: "11619900MB0004001B"}
  status: {in: [FILED, INVESTIGATING, UNDER_REVIEW, DECIDED]}
}) { nodes { caseNo } } }"""


async def test_a_cause_that_is_no_open_case_stands_beside_the_look(
    ask: Asking, sql: Sql
) -> None:
    document = "{ matters(first: 5) { nodes { name } } }"
    (own,) = data(await ask("supervisor", OPEN))["caseRecords"]["nodes"]
    for cause, checks in (
        (own["caseNo"], []),
        ("没有这个案件", ["cause-not-open-case"]),
    ):
        occasion = Occasion(purpose="case-handling", cause=cause)
        answer = await ask("department", document, occasion=occasion)
        assert data(answer)["matters"]["nodes"]
        found = await sql(
            "platform",
            "select * from access_finding where record_id = $1",
            answer.record_id,
        )
        assert [row["check_name"] for row in found] == checks


async def test_a_cause_is_unverified_while_a_case_system_is_away(
    ask: Asking, sql: Sql, frozen: Callable[[str], AbstractContextManager[None]]
) -> None:
    occasion = Occasion(purpose="case-handling", cause="没有这个案件")
    with frozen("transport"):
        answer = await ask(
            "department", "{ matters(first: 5) { nodes { name } } }", occasion=occasion
        )
    assert data(answer)["matters"]["nodes"]
    (found,) = await sql(
        "platform",
        "select * from access_finding where record_id = $1",
        answer.record_id,
    )
    assert found["check_name"] == "cause-unverified"


NARROWED = "{ caseStatistics(by: [ACT_TYPE]) { smallest } }"
"""Asked after as many other conditions as a unit may ask."""


async def test_repeated_narrowing_is_refused_and_stands_beside_the_look(
    ask: Asking, sql: Sql
) -> None:
    for year in range(2000, 2005):
        asked = " ".join(
            f"m{month}: caseStatistics(by: [STATUS], "
            f'where: {{filedOn: {{gte: "{year}-{month:02}-01"}}}}) {{ smallest }}'
            for month in range(1, 13)
        )
        assert data(await ask("dashboard", f"{{ {asked} }}"))["m1"] is not None
    answer = await ask("dashboard", NARROWED)
    told = {name: answer.body[name] for name in ("data", "errors")}
    assert told == page("NARROWING")
    (found,) = await sql(
        "platform",
        "select * from access_finding where check_name = 'narrowing' "
        "and record_id = $1",
        answer.record_id,
    )
    assert found["source"] == "configured rule：反复缩小范围的报警"


def page(code: str) -> object:
    """Give the body that the page of *code* shows."""
    folder = Path(__file__).parents[2] / "docs" / "errors"
    text = (folder / f"{code.lower()}.md").read_text("utf-8")
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    return json.loads(body)
