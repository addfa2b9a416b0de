"""Questions to the small city, against the departments' own tables read by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from zhitong.resolvers import filters
from zhitong.resolvers.nodes import node_id
from zhitong.rules.identifiers import credit_code_fault
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

PUBLIC = {"DECIDED", "CLOSED"}


def data(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    assert "errors" not in answer.body, answer.body
    return answer.body["data"]


def errors(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    return answer.body.get("errors", [])


def place(identity: str) -> tuple[str, str]:
    found = node_id(identity)
    return found.source, found.key


WALK = """query($after: String, $order: CaseRecordOrder, $where: CaseRecordFilter) {
  caseRecords(first: 7, after: $after, orderBy: $order, where: $where) {
    nodes { id source caseId filedOn decidedOn fine }
    pageInfo { hasNextPage endCursor } } }"""


async def walk(ask: Asking, **variables: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    more, after = True, None
    while more:
        answer = await ask("police", WALK, {**variables, "after": after})
        page = data(answer)["caseRecords"]
        rows += page["nodes"]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        assert len(page["nodes"]) == 7 or not more
    return rows


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("by", ["filedOn", "decidedOn", "fine", "caseId"])
async def test_pages_of_seven_give_every_case_once_and_in_order(
    ask: Asking, cases: list[Any], by: str, direction: str
) -> None:
    # One year is enough to meet every source and rows without a value.
    where = {"status": {"in": ["FILED", "DECIDED"]}}
    rows = await walk(ask, order={"by": by, "direction": direction}, where=where)
    expected = {
        (one.source, one.key) for one in cases if one.status in {"FILED", "DECIDED"}
    }
    places = [place(row["id"]) for row in rows]
    assert len(places) == len(expected)
    assert set(places) == expected
    assert {source for source, _ in places} == {one.source for one in cases}
    values = [row[by] for row in rows]
    stated = [value for value in values if value is not None]
    assert values == stated + [None] * (len(values) - len(stated))
    key: Callable[[str], Any] = float if by == "fine" else str
    assert stated == sorted(stated, key=key, reverse=direction == "DESC")


async def test_counts_equal_the_departments_tables(
    ask: Asking, cases: list[Any]
) -> None:
    query = "{ caseRecords(first: 1) { totalCount { count partial missing } } }"
    whole = data(await ask("police", query))["caseRecords"]["totalCount"]
    assert whole == {"count": len(cases), "partial": False, "missing": []}
    published = data(await ask("public", query))["caseRecords"]["totalCount"]
    assert published["count"] == sum(one.status in PUBLIC for one in cases)
    own = data(await ask("own-officer", query))["caseRecords"]["totalCount"]
    assert own["count"] == sum(one.division == "619921" for one in cases)


@pytest.fixture
async def registered(sql: Sql) -> Counter[str]:
    rows = await sql("market", "select xdr_shxydm from scjg.xdr")
    return Counter(row[0] for row in rows if row[0])


@pytest.fixture
async def blacklisted(sql: Sql) -> set[str]:
    rows = await sql(
        "credit",
        "select xdr_dm from xyb.sxmd where mdlb = 'A' and lrzt in "
        "('在列', '列入中', '尚未移出') and xdr_dm is not null",
    )
    return {row[0] for row in rows}


SEMI = """query($where: CaseRecordFilter, $first: Int) {
  caseRecords(first: $first, where: $where) {
    nodes { id } totalCount { count partial } } }"""
LISTED = {
    "listings": {"kind": {"eq": "SERIOUS_DISHONESTY"}, "status": {"eq": "LISTED"}}
}


async def asked(ask: Asking, where: object) -> set[tuple[str, str]]:
    answer = await ask("police", SEMI, {"where": where, "first": 200})
    found = data(answer)["caseRecords"]
    places = {place(row["id"]) for row in found["nodes"]}
    assert found["totalCount"] == {"count": len(places), "partial": False}
    return places


async def test_open_cases_of_blacklisted_firms_in_a_county(
    ask: Asking,
    cases: list[Any],
    registered: Counter[str],
    blacklisted: set[str],
) -> None:
    expected = {
        (one.source, one.key)
        for one in cases
        if one.status in {"FILED", "INVESTIGATING"}
        and one.division == "619921"
        and one.party in registered
        and one.party in blacklisted
    }
    where = {
        "status": {"in": ["FILED", "INVESTIGATING"]},
        "division": {"within": "619921"},
        "counterparty": LISTED,
    }
    assert await asked(ask, where) == expected


async def test_cases_of_blacklisted_firms_and_of_others_are_all_cases(
    ask: Asking,
    cases: list[Any],
    registered: Counter[str],
    blacklisted: set[str],
) -> None:
    scope = {"status": {"eq": "UNDER_REVIEW"}}
    inside = await asked(ask, {**scope, "counterparty": LISTED})
    outside = await asked(ask, {**scope, "not": {"counterparty": LISTED}})
    expected = {
        (one.source, one.key)
        for one in cases
        if one.status == "UNDER_REVIEW"
        and one.party in registered
        and one.party in blacklisted
    }
    everything = {
        (one.source, one.key) for one in cases if one.status == "UNDER_REVIEW"
    }
    assert inside == expected
    assert outside == everything - expected


async def test_a_filter_through_a_list_of_certificates(ask: Asking, sql: Sql) -> None:
    query = """{ officers(first: 200, where: {cases: {status: {eq: FILED}}}) {
      nodes { certificateNo } } }"""
    found = data(await ask("police", query))["officers"]["nodes"]
    answers = await sql(
        "emergency",
        "select distinct zfzh from yjj.aj_zfry join yjj.aj_jbxx using (ajid) "
        "where ajzt = '1'",
    )
    of_emergency = {row[0] for row in answers}
    known = {row[0] for row in await sql("justice", "select zfzh from sfj.zfry")}
    certificates = {row["certificateNo"] for row in found}
    assert of_emergency & known
    assert of_emergency & known <= certificates <= known


async def test_a_filter_with_too_many_keys_is_refused(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "WIDEST", 20)
    where = {"counterparty": {"kind": {"eq": "LEGAL_PERSON"}}}
    answer = await ask("police", SEMI, {"where": where, "first": 5})
    assert [one["extensions"]["code"] for one in errors(answer)] == ["TOO_WIDE"]
    assert answer.body["data"] == {"caseRecords": None}


async def test_how_a_counterparty_was_found(
    ask: Asking, cases: list[Any], registered: Counter[str]
) -> None:
    query = """query($after: String) { caseRecords(first: 200, after: $after) {
      nodes { id counterpartyCode counterpartyMatch counterparty { code } }
      pageInfo { hasNextPage endCursor } } }"""
    found: dict[tuple[str, str], str] = {}
    more, after = True, None
    while more:
        page = data(await ask("police", query, {"after": after}))["caseRecords"]
        for row in page["nodes"]:
            found[place(row["id"])] = row["counterpartyMatch"]
            linked = row["counterparty"] is not None
            assert linked == (row["counterpartyMatch"] in {"EXACT", "AMBIGUOUS"})
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]

    def expected(code: str | None) -> str:
        if code is None:
            return "NOT_STATED"
        if registered[code]:
            return "EXACT" if registered[code] == 1 else "AMBIGUOUS"
        return "NOT_FOUND" if credit_code_fault(code) is None else "MALFORMED"

    assert found == {(one.source, one.key): expected(one.party) for one in cases}
    assert set(found.values()) == {"EXACT", "AMBIGUOUS", "NOT_STATED", "MALFORMED"}


async def test_a_right_code_that_nobody_registered_is_not_found(
    ask: Asking, sql: Sql
) -> None:
    code = "91619900MB0001003K"
    assert credit_code_fault(code) is None
    await sql(
        "market",
        "insert into scjg.aj (aj_id, ajbh, dsr_dm) values (-1, '无此企业', $1)",
        code,
    )
    try:
        query = """{ caseRecords(where: {caseNo: {eq: "无此企业"}}) {
          nodes { counterpartyCode counterpartyMatch counterparty { code } } } }"""
        assert data(await ask("police", query))["caseRecords"]["nodes"] == [
            {
                "counterpartyCode": code,
                "counterpartyMatch": "NOT_FOUND",
                "counterparty": None,
            }
        ]
    finally:
        await sql("market", "delete from scjg.aj where aj_id = -1")


STATISTICS = """query($by: [CaseGrouping!]!, $where: CaseRecordFilter) {
  caseStatistics(by: $by, where: $where) {
    groups { subjectCode month status division count suppressed }
    smallest missing } }"""


async def test_statistics_equal_the_departments_tables(
    ask: Asking, cases: list[Any]
) -> None:
    answer = await ask("police", STATISTICS, {"by": ["SUBJECT", "MONTH", "STATUS"]})
    found = data(answer)["caseStatistics"]
    groups = {
        (one["subjectCode"], one["month"], one["status"]): one["count"]
        for one in found["groups"]
    }
    assert groups == Counter((one.subject, one.month, one.status) for one in cases)
    assert (found["smallest"], found["missing"]) == (0, [])


async def test_statistics_by_act_type_equal_the_departments_tables(
    ask: Asking, sql: Sql
) -> None:
    query = """{ caseStatistics(by: [ACT_TYPE]) { groups { actType count } } }"""
    found = data(await ask("police", query))["caseStatistics"]["groups"]
    penalties = 0
    for source, statement in (
        ("market", "select count(*) from scjg.aj where xwlx = 'CF'"),
        ("emergency", "select count(*) from yjj.aj_jbxx where xwlb = '1'"),
        ("transport", "select count(*) from jtys.zfaj where xwzl = '行政处罚'"),
        ("dongling", "select count(*) from dlx.zfaj where zl = 'A'"),
        ("xihe", "select count(*) from xhx.aj_xx where xw_dm = '02'"),
    ):
        penalties += (await sql(source, statement))[0][0]
    assert penalties > 0
    counts = {one["actType"]: one["count"] for one in found}
    assert counts["PENALTY"] == penalties


async def test_who_may_list_the_rows_is_told_small_counts_too(
    ask: Asking, cases: list[Any]
) -> None:
    answer = await ask("public", STATISTICS, {"by": ["SUBJECT", "MONTH"]})
    found = data(answer)["caseStatistics"]
    counts = Counter((one.subject, one.month) for one in cases if one.status in PUBLIC)
    assert found["smallest"] == 0
    assert {
        (one["subjectCode"], one["month"]): (one["count"], one["suppressed"])
        for one in found["groups"]
    } == {group: (count, False) for group, count in counts.items()}
    assert any(count < 3 for count in counts.values())


async def test_groups_name_their_subject_in_one_read(ask: Asking) -> None:
    query = """{ caseStatistics(by: [SUBJECT]) {
      groups { subjectCode subject { code name } count } } }"""
    groups = data(await ask("police", query))["caseStatistics"]["groups"]
    found = [one for one in groups if one["subject"] is not None]
    assert len(found) > 10
    assert all(one["subject"]["code"] == one["subjectCode"] for one in found)


async def test_a_node_id_leads_back_to_its_row(ask: Asking) -> None:
    listing = "{ officers(first: 2) { nodes { id source name } } }"
    for row in data(await ask("police", listing))["officers"]["nodes"]:
        query = """query($id: ID!) { node(id: $id) {
          id source ... on Officer { name } ... on CaseRecord { caseNo } } }"""
        assert data(await ask("police", query, {"id": row["id"]}))["node"] == row


async def test_search_finds_by_part_of_a_name_in_every_department(
    ask: Asking, sql: Sql
) -> None:
    query = """{ search(name: "化工", types: [Counterparty], first: 200) {
      nodes { __typename ... on Counterparty { name } } more missing } }"""
    found = data(await ask("police", query))["search"]
    rows = await sql("market", "select xdr_mc from scjg.xdr where xdr_mc like '%化工%'")
    assert sorted(one["name"] for one in found["nodes"]) == sorted(
        row[0] for row in rows
    )
    assert (found["more"], found["missing"]) == (False, [])
    few = """{ search(name: "化工", types: [Counterparty], first: 2) {
      nodes { id } more } }"""
    short = data(await ask("police", few))["search"]
    assert (len(short["nodes"]), short["more"]) == (2, True)


async def test_a_list_may_be_of_one_source_alone(ask: Asking, sql: Sql) -> None:
    query = """{ caseRecords(first: 1, sources: ["transport"]) {
      nodes { source } totalCount { count } } }"""
    found = data(await ask("police", query))["caseRecords"]
    ((count,),) = await sql("transport", "select count(*) from jtys.zfaj")
    assert found == {"nodes": [{"source": "transport"}], "totalCount": {"count": count}}
    wrong = await ask("police", '{ caseRecords(sources: ["tax"]) { nodes { id } } }')
    assert "there is no source tax" in str(wrong.body["errors"])
