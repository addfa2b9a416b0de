"""Who is told of looks: parties, the data's stewards, the authority, auditors."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.rules.working_days import CHINA
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Found = dict[str, Any]

ENTERPRISE = DEMO_PRINCIPALS["party"].party_code
PERSON = DEMO_PRINCIPALS["natural-party"].party_number
OF_ENTERPRISE = f"""{{ caseRecords(first: 5,
    where: {{counterpartyCode: {{eq: "{ENTERPRISE}"}}}}) {{
  nodes {{ id caseNo }} }} }}"""
OF_OTHERS = f"""{{ caseRecords(first: 5,
    where: {{not: {{counterpartyCode: {{eq: "{ENTERPRISE}"}}}}}}) {{
  nodes {{ id caseNo }} }} }}"""
ME = """query ($since: DateTime, $until: DateTime, $where: AccessLookFilter) {
  whoLookedAtMe(first: 200, since: $since, until: $until, where: $where) {
    nodes { lookId at unit unitName purpose basis dataType fields }
    totalCount { count } } }"""
PARTY = """query ($code: CreditCode, $number: String) {
  whoLooked(code: $code, idNumber: $number, first: 200) { nodes { recordId } } }"""
LOOKS = """query ($where: AccessLookFilter) { accessLooks(first: 200, where: $where) {
  nodes { recordId unit person purpose cause dataType owner concerned } } }"""
COMPLAINT = Occasion(purpose="who-looked", cause="安审投诉〔2026〕1号")
HANDLING = Occasion(purpose="case-handling", basis="行政处罚法", cause="安应急立字1号")
MARKET = DEMO_PRINCIPALS["market-steward"].unit


async def given(
    ask: Asking, who: str, document: str, name: str, **variables: object
) -> Found:
    occasion = variables.pop("occasion", None)
    body: Any = (await ask(who, document, variables, occasion=occasion)).body
    assert "errors" not in body, body
    found: Found = body["data"][name]
    return found


async def told(ask: Asking, who: str = "party", **variables: object) -> Found:
    return await given(ask, who, ME, "whoLookedAtMe", **variables)


def records(found: Found) -> set[str]:
    return {node["lookId"].rpartition(":")[0] for node in found["nodes"]}


async def test_a_party_is_told_which_unit_looked_at_it_when_and_what_for(
    ask: Asking,
) -> None:
    looked = await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)
    aside = await ask("city-officer", OF_OTHERS, occasion=HANDLING)
    found = await told(ask)
    assert looked.record_id in records(found)
    assert aside.record_id not in records(found)
    (node, *_) = [
        each
        for each in found["nodes"]
        if each["lookId"].startswith(f"{looked.record_id}:")
    ]
    assert node["unitName"] == "安泽市应急管理局"
    assert (node["purpose"], node["basis"]) == ("case-handling", "行政处罚法")
    assert node["dataType"] == "CaseRecord"
    assert "caseNo=ALLOW" in node["fields"]
    assert found["totalCount"]["count"] == len(found["nodes"])


async def test_one_record_that_saw_others_as_well_tells_of_the_partys_rows_alone(
    ask: Asking,
) -> None:
    both = f"""{{ a: caseRecords(first: 5,
        where: {{counterpartyCode: {{eq: "{ENTERPRISE}"}}}}) {{ nodes {{ id }} }}
      b: officers(first: 3) {{ nodes {{ id }} }} }}"""
    looked = await ask("city-officer", both, occasion=HANDLING)
    seen = [
        node["dataType"]
        for node in (await told(ask))["nodes"]
        if node["lookId"].startswith(f"{looked.record_id}:")
    ]
    assert seen
    assert set(seen) == {"CaseRecord"}


async def test_a_natural_person_is_told_by_the_number_the_platform_has_checked(
    ask: Asking,
) -> None:
    found = await ask("natural-party", "{ caseRecords { nodes { id caseNo } } }")
    body: Any = found.body
    case = body["data"]["caseRecords"]["nodes"][0]
    looked = await ask(
        "city-officer",
        "query ($id: ID!) { node(id: $id) { id } }",
        {"id": case["id"]},
        occasion=HANDLING,
    )
    assert looked.record_id in records(await told(ask, "natural-party"))
    assert looked.record_id not in records(await told(ask, "party"))


async def test_a_party_learns_no_officers_name_and_no_case_of_others(
    ask: Asking,
) -> None:
    for name in ("person", "cause", "recordId", "owner"):
        await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)
        document = f"{{ whoLookedAtMe {{ nodes {{ lookId {name} }} }} }}"
        answer: Any = (await ask("party", document)).body
        nodes = answer["data"]["whoLookedAtMe"]["nodes"]
        assert nodes
        assert {node[name] for node in nodes} == {None}
        (why,) = answer["extensions"]["access"]
        assert (why["type"], why["field"]) == ("AccessLook", name)
    asked: Any = (await ask("party", ME, {"where": {"person": {"eq": "马晓东"}}})).body
    assert [one["extensions"]["code"] for one in asked["errors"]] == ["FIELD_HIDDEN"]


async def test_looks_that_telling_would_hinder_are_neither_told_nor_counted(
    ask: Asking,
) -> None:
    before = (await told(ask))["totalCount"]["count"]
    hidden = [
        await ask("police", OF_ENTERPRISE),
        await ask("audit", OF_ENTERPRISE, occasion=replace(HANDLING, purpose="audit")),
        # Whatever is stated, some bodies' looks are not told.
        await ask("discipline", OF_ENTERPRISE, occasion=HANDLING),
        await ask("public", OF_ENTERPRISE, occasion=HANDLING),
        await ask("party", OF_ENTERPRISE, occasion=HANDLING),
    ]
    found = await told(ask)
    assert {one.record_id for one in hidden} & records(found) == set()
    assert found["totalCount"]["count"] == before


async def test_a_party_whose_id_was_not_checked_is_told_nothing_and_why(
    gateway: tuple[Gateway, Engine],
) -> None:
    asked = Question(
        document=ME,
        variables=None,
        operation=None,
        principal=replace(DEMO_PRINCIPALS["party"], identity=False),
        occasion=Occasion(),
        request_id=uuid.uuid4().hex,
    )
    body: Any = (await gateway[1].answer(asked)).body
    assert body["data"] == {"whoLookedAtMe": None}
    assert {one["type"] for one in body["extensions"]["access"]} == {"AccessLook"}


@pytest.mark.parametrize("who", ["attorney", "police", "public", "operator"])
async def test_nobody_else_is_told_as_a_party(ask: Asking, who: str) -> None:
    body: Any = (await ask(who, ME)).body
    assert body["data"] == {"whoLookedAtMe": None}


async def test_a_party_sees_no_looks_but_by_asking_who_looked_at_it(
    ask: Asking,
) -> None:
    await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)
    document = "{ accessLooks { nodes { lookId } totalCount { count } } }"
    found = await given(ask, "party", document, "accessLooks")
    assert found == {"nodes": [], "totalCount": {"count": 0}}


async def test_time_and_conditions_narrow_what_a_party_is_told(ask: Asking) -> None:
    looked = await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)
    every = await told(ask)
    at = next(
        node["at"]
        for node in every["nodes"]
        if node["lookId"].startswith(f"{looked.record_id}:")
    )
    assert looked.record_id in records(await told(ask, since=at))
    assert looked.record_id not in records(await told(ask, until=at))
    other = {"purpose": {"eq": "inspection"}}
    assert looked.record_id not in records(await told(ask, where=other))


async def test_that_it_was_asked_is_on_record_as_a_look_at_each_row(
    ask: Asking,
) -> None:
    asked = await ask("party", ME)
    body: Any = (await ask("party", OF_ENTERPRISE)).body
    case = body["data"]["caseRecords"]["nodes"][0]["id"]
    document = (
        "query ($id: ID!) { whoLooked(id: $id, first: 200) { nodes { recordId } } }"
    )
    found = await given(ask, "auditor", document, "whoLooked", id=case)
    assert asked.record_id in {node["recordId"] for node in found["nodes"]}


# --- by identity, for those who oversee --------------------------------------------


async def test_an_auditor_asks_about_a_party_by_its_code(ask: Asking) -> None:
    looked = await ask("police", OF_ENTERPRISE)
    aside = await ask("police", OF_OTHERS)
    found = await given(ask, "auditor", PARTY, "whoLooked", code=ENTERPRISE)
    named = {node["recordId"] for node in found["nodes"]}
    assert looked.record_id in named
    assert aside.record_id not in named


async def test_an_auditor_asks_about_a_person_for_a_stated_cause(ask: Asking) -> None:
    body: Any = (await ask("natural-party", "{ caseRecords { nodes { id } } }")).body
    node = body["data"]["caseRecords"]["nodes"][0]["id"]
    one = "query ($id: ID!) { node(id: $id) { id } }"
    looked = await ask("police", one, {"id": node})
    found = await given(
        ask, "auditor", PARTY, "whoLooked", number=PERSON, occasion=COMPLAINT
    )
    assert looked.record_id in {row["recordId"] for row in found["nodes"]}
    bare: Any = (await ask("auditor", PARTY, {"number": PERSON})).body
    assert [one["extensions"]["code"] for one in bare["errors"]] == ["FIELD_HIDDEN"]
    assert PERSON not in str(bare)


async def test_one_way_to_say_whose_looks_is_stated_and_no_more(ask: Asking) -> None:
    for variables in ({}, {"code": ENTERPRISE, "number": PERSON}):
        body: Any = (await ask("auditor", PARTY, variables)).body
        assert [one["extensions"]["code"] for one in body["errors"]] == ["SCALAR"]


async def test_a_party_with_more_looks_than_a_question_carries_is_told_to_narrow(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)
    monkeypatch.setattr("zhitong.schema.lookers.MOST_TOLD", 1)
    body: Any = (await ask("party", ME)).body
    assert [one["extensions"]["code"] for one in body["errors"]] == ["TOO_WIDE"]


async def test_looks_that_are_not_told_do_not_count_against_that_bound(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    start: Any = (await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)).proof
    since = start.at.isoformat()
    monkeypatch.setattr("zhitong.schema.lookers.MOST_TOLD", 2)
    for _ in range(3):  # its own, and one that telling would hinder
        await ask("party", OF_ENTERPRISE)
    await ask("discipline", OF_ENTERPRISE, occasion=HANDLING)
    found = await told(ask, since=since)
    assert records(found) == {start.record}
    assert found["totalCount"]["count"] == len(found["nodes"])
    for _ in range(2):
        await ask("city-officer", OF_ENTERPRISE, occasion=HANDLING)
    body: Any = (await ask("party", ME, {"since": since})).body
    assert [one["extensions"]["code"] for one in body["errors"]] == ["TOO_WIDE"]


# --- stewards and the data authority -----------------------------------------------


async def test_a_steward_sees_looks_at_its_units_data_and_by_its_people(
    ask: Asking,
) -> None:
    market = '{ caseRecords(first: 2, sources: ["market"]) { nodes { id } } }'
    others = '{ caseRecords(first: 2, sources: ["transport"]) { nodes { id } } }'
    looked, aside = await ask("police", market), await ask("police", others)
    own = await ask("market-steward", others)
    found = await given(ask, "market-steward", LOOKS, "accessLooks")
    by_record = {node["recordId"]: node for node in found["nodes"]}
    assert aside.record_id not in by_record
    assert by_record[looked.record_id or ""]["owner"] == MARKET
    assert by_record[looked.record_id or ""]["person"] == "王建国"
    assert by_record[looked.record_id or ""]["cause"] == "安公立字1号"
    assert by_record[own.record_id or ""]["unit"] == MARKET
    assert all(MARKET in node["concerned"] for node in found["nodes"])


async def test_a_steward_is_not_told_of_those_who_inspect_his_unit(
    ask: Asking,
) -> None:
    market = '{ caseRecords(first: 2, sources: ["market"]) { nodes { id } } }'
    watched = [await ask(who, market) for who in ("discipline", "audit", "public")]
    found = await given(ask, "market-steward", LOOKS, "accessLooks")
    seen = {node["recordId"] for node in found["nodes"]}
    assert seen & {one.record_id for one in watched} == set()


async def test_an_officer_of_the_unit_who_is_no_steward_sees_no_looks(
    ask: Asking,
) -> None:
    for who in ("city-officer", "department", "tax-officer"):
        body: Any = (await ask(who, LOOKS)).body
        assert body["data"] == {"accessLooks": None}


async def test_the_data_authority_sees_how_data_are_used_and_no_case(
    ask: Asking,
) -> None:
    market = '{ caseRecords(first: 2, sources: ["market"]) { nodes { id } } }'
    looked = await ask("police", market)
    document = LOOKS.replace("recordId", "lookId")
    body: Any = (await ask("data-authority", document)).body
    nodes = body["data"]["accessLooks"]["nodes"]
    (node,) = [one for one in nodes if one["lookId"].startswith(f"{looked.record_id}:")]
    assert (node["purpose"], node["owner"]) == ("criminal-investigation", MARKET)
    assert {one["cause"] for one in nodes} == {None}


async def test_the_data_authority_learns_of_no_party_by_its_own_looks(
    ask: Asking,
) -> None:
    assert (await told(ask, "natural-party"))["nodes"] is not None
    name = DEMO_PRINCIPALS["natural-party"].person
    # It is on record in both ways: its own look, and the platform's for it.
    for kind in ("party", "platform"):
        where = {"requesterKind": {"eq": kind}}
        asked = "query ($where: AccessLookFilter) { accessLooks(where: $where) {"
        document = asked + " nodes { person basis } totalCount { count } } }"
        seen = await given(ask, "auditor", document, "accessLooks", where=where)
        assert name in str(seen["nodes"])
        found = await given(ask, "data-authority", document, "accessLooks", where=where)
        assert found == {"nodes": [], "totalCount": {"count": 0}}


async def test_the_data_authority_is_not_told_of_those_who_inspect_in_secret(
    ask: Asking,
) -> None:
    document = "{ matters(first: 1) { nodes { code } } }"
    for who in ("state-security", "discipline", "audit"):
        assert "errors" not in (await ask(who, document)).body
        where = {"requesterKind": {"eq": who}}
        asked = "query ($where: AccessLookFilter) { accessLooks(where: $where) {"
        count = asked + " totalCount { count } } }"
        seen = await given(ask, "auditor", count, "accessLooks", where=where)
        assert seen["totalCount"]["count"] > 0
        found = await given(ask, "data-authority", count, "accessLooks", where=where)
        assert found["totalCount"]["count"] == 0


async def test_a_look_is_found_by_its_global_id(ask: Asking) -> None:
    looked = await ask("police", OF_ENTERPRISE)
    where = {"recordId": {"eq": looked.record_id}}
    document = """query ($where: AccessLookFilter) {
      accessLooks(where: $where) { nodes { id lookId } } }"""
    found = await given(ask, "auditor", document, "accessLooks", where=where)
    one = "query ($id: ID!) { node(id: $id) { ... on AccessLook { id lookId } } }"
    for node in found["nodes"]:
        assert await given(ask, "auditor", one, "node", id=node["id"]) == node


# --- counts -------------------------------------------------------------------------

COUNTS = """query ($by: [AccessGrouping!]!, $where: AccessLookFilter, $since: DateTime!,
    $until: DateTime!) {
  accessStatistics(by: $by, where: $where, since: $since, until: $until) { smallest
    groups { unit purpose cause person day dataType protection month count
      suppressed } } }"""


def month(ahead: int) -> str:
    """Write when the month begins that comes *ahead* of the one that runs."""
    now = datetime.now(CHINA)
    years, number = divmod(now.month - 1 + ahead, 12)
    return datetime(now.year + years, number + 1, 1, tzinfo=CHINA).isoformat()


# Looks bear the time of the run, which may pass into the next month or year.
YEAR = {"since": month(-6), "until": month(6)}


async def counted(ask: Asking, who: str, *by: str, **more: object) -> list[Found]:
    found = await given(
        ask, who, COUNTS, "accessStatistics", by=list(by), **{**YEAR, **more}
    )
    groups: list[Found] = found["groups"]
    return groups


async def test_looks_are_counted_by_who_why_what_and_when(ask: Asking) -> None:
    looked = await ask("police", OF_ENTERPRISE)
    where = {"recordId": {"eq": looked.record_id}}
    for by, name, value in (
        ("UNIT", "unit", DEMO_PRINCIPALS["police"].unit),
        ("PERSON", "person", "王建国"),
        ("PURPOSE", "purpose", "criminal-investigation"),
        ("CAUSE", "cause", "安公立字1号"),
        ("TYPE", "dataType", "CaseRecord"),
        ("PROTECTION", "protection", "PUBLIC"),
    ):
        (group,) = await counted(ask, "auditor", by, where=where)
        assert group[name] == value
        assert group["count"] >= 1
        assert not group["suppressed"]
    (days,) = await counted(ask, "auditor", "DAY", "MONTH", where=where)
    assert days["day"].startswith(days["month"])


async def test_counts_of_looks_are_of_a_time_that_ends(ask: Asking) -> None:
    for since, until, code in (
        ("2024-01-01T00:00:00+08:00", "2026-01-01T00:00:00+08:00", "TOO_WIDE"),
        ("2026-01-01T00:00:00+08:00", "2026-01-01T00:00:00+08:00", "SCALAR"),
    ):
        variables = {"by": ["UNIT"], "since": since, "until": until}
        body: Any = (await ask("auditor", COUNTS, variables)).body
        assert [one["extensions"]["code"] for one in body["errors"]] == [code]


async def test_looks_before_and_after_the_time_are_not_counted(ask: Asking) -> None:
    looked = await ask("police", OF_ENTERPRISE)
    where = {"recordId": {"eq": looked.record_id}}
    before = {"since": month(-18), "until": YEAR["since"]}
    assert await counted(ask, "auditor", "UNIT", where=where, **before) == []


async def test_a_steward_counts_what_concerns_its_unit_alone(ask: Asking) -> None:
    market = '{ caseRecords(first: 2, sources: ["market"]) { nodes { id } } }'
    others = '{ caseRecords(first: 2, sources: ["transport"]) { nodes { id } } }'
    looked, aside = await ask("police", market), await ask("police", others)
    of = {"recordId": {"eq": looked.record_id}}
    assert await counted(ask, "market-steward", "UNIT", where=of)
    of = {"recordId": {"eq": aside.record_id}}
    assert await counted(ask, "market-steward", "UNIT", where=of) == []
    assert await counted(ask, "auditor", "UNIT", where=of)


async def test_the_data_authority_counts_by_no_cause(ask: Asking) -> None:
    assert await counted(ask, "data-authority", "PURPOSE")
    body: Any = (await ask("data-authority", COUNTS, {"by": ["CAUSE"], **YEAR})).body
    assert [one["extensions"]["code"] for one in body["errors"]] == ["FIELD_HIDDEN"]


async def test_who_may_have_counts_alone_is_told_no_small_ones(
    ask: Asking, gateway: tuple[Gateway, Engine]
) -> None:
    seldom = replace(DEMO_PRINCIPALS["state-security"], unit=uuid.uuid4().hex[:18])
    looked = await gateway[1].answer(
        Question(
            document="{ matters(first: 1) { nodes { code } } }",
            variables=None,
            operation=None,
            principal=seldom,
            occasion=Occasion(),
            request_id=uuid.uuid4().hex,
        )
    )
    assert "errors" not in looked.body
    document = """query ($since: DateTime!, $until: DateTime!) {
      accessStatistics(by: [UNIT], since: $since, until: $until) { smallest
        groups { unit count suppressed } } }"""
    found = await given(ask, "dashboard", document, "accessStatistics", **YEAR)
    assert found["smallest"] == 5
    shown = {group["unit"]: group["count"] for group in found["groups"]}
    assert shown[seldom.unit] is None
    assert all(count is None or count >= 5 for count in shown.values())
    own = DEMO_PRINCIPALS["dashboard"].unit
    assert own not in {
        group["unit"]
        for _ in range(7)  # however often it asks, its own looks fill no cell
        for group in (
            await given(ask, "dashboard", document, "accessStatistics", **YEAR)
        )["groups"]
    }
    within = month(1).replace("-01T", "-05T")
    partly: Any = (await ask("dashboard", document, {**YEAR, "until": within})).body
    assert [one["extensions"]["code"] for one in partly["errors"]] == ["FIELD_HIDDEN"]
