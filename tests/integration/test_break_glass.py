"""Break-glass: at once, in person, for hours; told, kept while the register is away."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.rules.freshness import Moment
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Ask = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
MARKET = "11619900MB0002006C"
EMERGENCY = Occasion(purpose="emergency")
OPEN = """mutation ($given: BreakGlassInput!) { breakGlass(emergency: $given) {
  grantId state dueStep dueAt replayed } }"""
REVIEW = """mutation ($given: BreakGlassReviewInput!, $outcome: BreakGlassReview!) {
  reviewBreakGlass(review: $given, outcome: $outcome) { state dueStep version } }"""
PHONES = """{ counterparties(first: 5, sources: ["market"],
  where: {kind: {eq: LEGAL_PERSON}}) { nodes { phone } } }"""

BESIDE = PHONES.removesuffix("}") + "accessGrants(first: 1) { nodes { grantId } } }"


@pytest.fixture
def given() -> dict[str, Any]:
    return {
        "grantId": f"紧急-{uuid.uuid4().hex}",
        "owner": MARKET,
        "items": ["Counterparty.phone"],
        "incident": "安泽市东岭县化工厂火灾",
        "reason": "联系企业负责人疏散人员，来不及申请",
    }


def code(answer: Answer) -> str:
    errors: Any = answer.body["errors"]
    return str(errors[0]["extensions"]["code"])


def phones(answer: Answer) -> list[str | None]:
    data: Any = answer.body["data"]
    return [node["phone"] for node in data["counterparties"]["nodes"]]


def shown(page: str) -> Any:  # noqa: ANN401 - JSON
    """Give the answer that an error's page shows."""
    text = (Path(__file__).parents[2] / f"docs/errors/{page}.md").read_text("utf-8")
    return json.loads(text.partition("```json\n")[2].partition("```")[0])


async def opened(ask: Ask, given: dict[str, Any]) -> dict[str, Any]:
    answer = await ask("police", OPEN, {"given": given})
    assert "errors" not in answer.body, answer.body
    data: Any = answer.body["data"]
    found: dict[str, Any] = data["breakGlass"]
    return found


async def test_it_is_not_for_whoever_has_the_same_subject_from_another_issuer(
    gateway: tuple[Gateway, Engine], given: dict[str, Any]
) -> None:
    async def asked(issuer: str, document: str, **variables: object) -> Answer:
        return await gateway[1].answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=replace(DEMO_PRINCIPALS["police"], issuer=issuer),
                occasion=EMERGENCY,
                request_id=uuid.uuid4().hex,
            )
        )

    made = await asked("https://one.example", OPEN, given=given)
    assert "errors" not in made.body
    assert all(phones(await asked("https://one.example", PHONES)))
    assert not any(phones(await asked("https://another.example", PHONES)))


async def test_it_gives_at_once_to_the_one_who_opened_it_and_says_so(
    ask: Ask, sql: Sql, gateway: tuple[Gateway, Engine], given: dict[str, Any]
) -> None:
    before = await ask("police", PHONES, occasion=EMERGENCY)
    assert not any(phones(before))
    now = datetime.now(UTC)
    made = await opened(ask, given)
    assert (made["state"], made["dueStep"]) == ("IN_FORCE", "REVIEW_USE")
    due = datetime.fromisoformat(made["dueAt"])
    assert due - now >= timedelta(hours=24)
    answer = await ask("police", PHONES, occasion=EMERGENCY)
    assert all(phones(answer))
    # The same officer for another purpose, and another officer, have nothing of it.
    assert not any(phones(await ask("police", PHONES, occasion=Occasion())))
    another = await gateway[1].answer(
        Question(
            document=PHONES,
            variables=None,
            operation=None,
            principal=replace(DEMO_PRINCIPALS["police"], person="另一人"),
            occasion=EMERGENCY,
            request_id=uuid.uuid4().hex,
        )
    )
    assert not any(phones(another))
    (row,) = await sql(
        "platform",
        "select valid_to - valid_from as hours, person from access_grant "
        "where grant_id = $1",
        given["grantId"],
    )
    assert row["hours"] == timedelta(hours=2)
    assert row["person"] == DEMO_PRINCIPALS["police"].person
    told = await sql(
        "platform",
        "select en from access_finding where check_name = 'break-glass' "
        "and en like '%' || $1 || '%' order by en",
        given["grantId"],
    )
    assert [one["en"].split(":")[0] for one in told] == [
        "break-glass opened",
        "break-glass used",
    ]
    deeds = await sql(
        "platform", "select action, who from deed where target = $1", given["grantId"]
    )
    assert [(one["action"], one["who"]) for one in deeds] == [
        ("break-glass-grant", DEMO_PRINCIPALS["police"].person)
    ]


async def test_the_same_once_more_changes_nothing_and_another_keeps_its_id(
    ask: Ask, given: dict[str, Any]
) -> None:
    assert (await opened(ask, given))["replayed"] is False
    assert (await opened(ask, given))["replayed"] is True
    other = await ask("police", OPEN, {"given": {**given, "incident": "另一事件"}})
    assert code(other) == "GRANT_CONFLICT"
    other = await ask("police", OPEN, {"given": {**given, "reason": "另一理由"}})
    assert code(other) == "GRANT_CONFLICT"


@pytest.mark.parametrize(
    ("who", "changes", "said"),
    [
        pytest.param("department", {}, "FORBIDDEN", id="an ID that was not checked"),
        pytest.param("public", {}, "FORBIDDEN", id="a kind that is not named"),
        pytest.param("operator", {}, "FORBIDDEN", id="operators"),
        pytest.param("police", {"reason": " "}, "GRANT_FORM", id="no reason"),
        pytest.param("police", {"incident": ""}, "GRANT_FORM", id="no incident"),
        pytest.param("police", {"incident": "a\0"}, "GRANT_FORM", id="no text"),
        pytest.param("police", {"grantId": " "}, "GRANT_FORM", id="no id"),
        pytest.param("police", {"grantId": "x" * 65}, "GRANT_FORM", id="a long id"),
        pytest.param(
            "police",
            {"items": ["Counterparty.idNumber"]},
            "GRANT_BEYOND",
            id="what is withheld",
        ),
        pytest.param(
            "police", {"items": ["Counterparty.none"]}, "GRANT_BEYOND", id="no field"
        ),
    ],
)
async def test_who_may_not_and_what_may_not_is_refused(
    ask: Ask, given: dict[str, Any], who: str, changes: dict[str, Any], said: str
) -> None:
    assert code(await ask(who, OPEN, {"given": {**given, **changes}})) == said


async def test_the_data_authority_reviews_each_use_once(
    ask: Ask, sql: Sql, given: dict[str, Any]
) -> None:
    await opened(ask, given)
    review = {"grantId": given["grantId"], "reason": "经核实确有火情"}
    asked = {"given": review, "outcome": "JUSTIFIED"}
    for who in ("police", "operator", "auditor", "market-steward"):
        assert code(await ask(who, REVIEW, asked)) == "FORBIDDEN"
    for unknown in ("无", "a\0"):
        nothing = {"given": {**review, "grantId": unknown}, "outcome": "JUSTIFIED"}
        assert code(await ask("data-authority", REVIEW, nothing)) == "GRANT_UNKNOWN"
    answer = await ask("data-authority", REVIEW, asked)
    data: Any = answer.body["data"]
    assert data["reviewBreakGlass"] == {
        "state": "IN_FORCE",
        "dueStep": None,
        "version": 2,
    }
    again = await ask("data-authority", REVIEW, asked)
    assert again.body["data"] == answer.body["data"]  # a retry changes nothing
    other = {**asked, "outcome": "NOT_JUSTIFIED"}
    assert code(await ask("data-authority", REVIEW, other)) == "GRANT_STATE"
    (row,) = await sql(
        "platform",
        "select review, late from access_grant where grant_id = $1",
        given["grantId"],
    )
    assert (row["review"], row["late"]) == ("JUSTIFIED", [])


async def test_of_two_reviews_at_once_the_other_outcome_is_not_taken_for_the_same(
    ask: Ask, given: dict[str, Any]
) -> None:
    await opened(ask, given)
    review = {"grantId": given["grantId"], "reason": "复核意见"}
    outcomes = ("JUSTIFIED", "NOT_JUSTIFIED") * 4
    answers = await asyncio.gather(
        *(
            ask("data-authority", REVIEW, {"given": review, "outcome": outcome})
            for outcome in outcomes
        )
    )
    refused = ["errors" in one.body for one in answers]
    assert refused in ([False, True] * 4, [True, False] * 4)


async def test_of_two_openings_at_once_the_other_is_not_taken_for_the_same(
    ask: Ask, given: dict[str, Any]
) -> None:
    other = {**given, "incident": "另一事件"}
    answers = await asyncio.gather(
        *(ask("police", OPEN, {"given": one}) for one in (given, other) * 4)
    )
    refused = ["errors" in one.body for one in answers]
    assert refused in ([False, True] * 4, [True, False] * 4)


async def test_what_was_not_justified_ends_with_the_review(
    ask: Ask, gateway: tuple[Gateway, Engine], given: dict[str, Any]
) -> None:
    await opened(ask, given)
    review = {"grantId": given["grantId"], "reason": "没有这起事件"}
    asked = {"given": review, "outcome": "NOT_JUSTIFIED"}
    answer = await ask("data-authority", REVIEW, asked)
    data: Any = answer.body["data"]
    assert data["reviewBreakGlass"]["state"] == "REVOKED"
    held = gateway[0].grants
    assert held is not None
    await held.refresh()
    found = held.of(DEMO_PRINCIPALS["police"], datetime.now(UTC))
    assert given["grantId"] not in {one.id for one in found}


async def test_a_review_that_is_late_is_listed_and_noted(
    ask: Ask, sql: Sql, given: dict[str, Any]
) -> None:
    await opened(ask, given)
    await sql(
        "platform",
        "update access_grant set due_at = now() - interval '1 minute' "
        "where grant_id = $1 returning 1",
        given["grantId"],
    )
    late = "select lateness, due_step from access_grant_now where grant_id = $1"
    (row,) = await sql("platform", late, given["grantId"])
    assert (row["lateness"], row["due_step"]) == ("LATE", "REVIEW_USE")
    review = {"grantId": given["grantId"], "reason": "迟复核"}
    await ask("data-authority", REVIEW, {"given": review, "outcome": "JUSTIFIED"})
    (row,) = await sql(
        "platform",
        "select late from access_grant where grant_id = $1",
        given["grantId"],
    )
    assert row["late"] == ["REVIEW_USE"]


async def test_who_has_an_overdue_review_opens_no_other_and_a_colleague_does(
    ask: Ask, sql: Sql, gateway: tuple[Gateway, Engine], given: dict[str, Any]
) -> None:
    first = {**given, "grantId": f"紧急-未复核-{uuid.uuid4().hex[:8]}"}
    await opened(ask, first)
    (row,) = await sql(
        "platform",
        "update access_grant set due_at = '2026-11-01T08:00:00Z' "
        "where grant_id = $1 returning 1 as one",
        first["grantId"],
    )
    assert row["one"] == 1
    refused = await ask("police", OPEN, {"given": given})
    told = json.loads(
        json.dumps(shown("grant-unreviewed"), ensure_ascii=False).replace(
            "紧急-20261031-1", first["grantId"]
        )
    )
    assert refused.body == told
    # What was opened stands, and saying so again changes nothing.
    assert (await opened(ask, first))["replayed"] is True
    colleague = await gateway[1].answer(
        Question(
            document=OPEN,
            variables={"given": given},
            operation=None,
            principal=replace(DEMO_PRINCIPALS["police"], person="另一人"),
            occasion=EMERGENCY,
            request_id=uuid.uuid4().hex,
        )
    )
    assert "errors" not in colleague.body
    found = await sql(
        "platform",
        "select en from access_finding where record_id = $1 order by en",
        colleague.record_id,
    )
    assert [one["en"].partition(":")[2].split()[0] for one in found] == [
        "grant",
        "opened",
    ]
    review = {"grantId": first["grantId"], "reason": "迟复核"}
    await ask("data-authority", REVIEW, {"given": review, "outcome": "JUSTIFIED"})
    again = {**given, "grantId": f"紧急-{uuid.uuid4().hex}"}
    assert (await opened(ask, again))["replayed"] is False


async def test_it_works_while_the_register_is_away_and_is_on_record_afterwards(
    ask: Ask,
    sql: Sql,
    given: dict[str, Any],
    frozen: Callable[[str], AbstractContextManager[None]],
) -> None:
    await opened(ask, given)
    with frozen("platform"):
        answer = await ask("police", PHONES, occasion=EMERGENCY)
        assert all(phones(answer))
    assert answer.record_id is not None
    entered = "select 1 from access_entry where record_id = $1"
    async with asyncio.timeout(60):
        # The database sets no event.
        while not await sql("platform", entered, answer.record_id):  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.1)


async def test_what_a_rule_gives_beside_it_waits_for_the_witness(
    ask: Ask, gateway: tuple[Gateway, Engine], given: dict[str, Any]
) -> None:
    await opened(ask, given)
    assert "errors" not in (await ask("police", BESIDE, occasion=EMERGENCY)).body
    freshness = gateway[0].freshness
    freshness._clock = lambda: Moment(
        wall=datetime.now(UTC), steady=time.monotonic() + 48 * 3600
    )
    assert code(await ask("police", BESIDE, occasion=EMERGENCY)) == "EVIDENCE_STALE"
    assert all(phones(await ask("police", PHONES, occasion=EMERGENCY)))


async def test_a_revocation_that_this_gateway_has_heard_holds_without_the_register(
    ask: Ask,
    gateway: tuple[Gateway, Engine],
    given: dict[str, Any],
    frozen: Callable[[str], AbstractContextManager[None]],
) -> None:
    # Of a field that no other test has opened.
    await opened(ask, {**given, "items": ["Counterparty.address"]})
    asked = PHONES.replace("phone", "phone: address")
    assert all(phones(await ask("police", asked, occasion=EMERGENCY)))
    review = {"grantId": given["grantId"], "reason": "没有这起事件"}
    said = {"given": review, "outcome": "NOT_JUSTIFIED"}
    answer = await ask("data-authority", REVIEW, said)
    assert "errors" not in answer.body, answer.body
    held = gateway[0].grants
    assert held is not None
    await held.refresh()
    with frozen("platform"):
        assert not any(phones(await ask("police", asked, occasion=EMERGENCY)))
