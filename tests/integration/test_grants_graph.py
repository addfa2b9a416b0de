"""The life of a sharing grant over the graph, on the demo's city."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from grant_desk import (
    APPLY,
    MARKET,
    SUPPLEMENT,
    TAX,
    Asking,
    Desk,
    codes,
    form,
    in_force,
    step,
)

from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Engine

pytestmark = pytest.mark.integration


async def test_a_grant_goes_from_its_application_into_force_and_is_revoked(
    ask: Asking,
) -> None:
    desk = Desk(ask, form())
    made = await desk.apply()
    assert (made["state"], made["dueStep"], made["version"]) == ("APPLIED", "REVIEW", 1)
    assert made["grant"]["items"] == ["Counterparty.address", "Counterparty.phone"]
    passed = await desk.take("data-authority", "reviewGrant", "COMPLETE")
    assert (passed["state"], passed["dueStep"]) == ("REVIEWED", "REPLY")
    agreed = await desk.take("market-steward", "decideGrant", "AGREE")
    assert (agreed["state"], agreed["dueStep"]) == ("AGREED", "PROVIDE")
    assert passed["dueAt"] < agreed["dueAt"]
    provided = await desk.take("market-steward", "provideGrant")
    assert (provided["state"], provided["dueStep"]) == ("IN_FORCE", None)
    revoked = await desk.take("market-steward", "revokeGrant")
    assert (revoked["state"], revoked["version"]) == ("REVOKED", 5)


async def test_what_is_missing_is_told_and_added_and_told_no_second_time(
    ask: Asking,
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    told = await desk.take(
        "data-authority", "reviewGrant", "INCOMPLETE", "缺少依据条款"
    )
    assert (told["state"], told["dueStep"]) == ("INCOMPLETE", "SUPPLEMENT")
    fuller = {**desk.given, "basis": "税收征收管理法第五十四条"}
    answer = await ask("tax-officer", SUPPLEMENT, {"step": desk.place(), "it": fuller})
    assert desk.stands(answer)["state"] == "APPLIED"
    again = await ask(
        "data-authority",
        step("reviewGrant", "INCOMPLETE"),
        {"step": desk.place(reason="还缺")},
    )
    assert codes(again) == ["GRANT_STATE"]


async def test_a_refusal_is_disputed_and_overturned(ask: Asking) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    refused = await desk.take("market-steward", "decideGrant", "REFUSE")
    assert refused["state"] == "REFUSED"
    await desk.take("tax-officer", "disputeGrant")
    settled = await desk.take("data-authority", "settleDispute", "OVERTURNED")
    assert (settled["state"], settled["dueStep"]) == ("AGREED", "PROVIDE")


async def test_the_same_step_twice_is_one(
    ask: Asking, addresses: Mapping[str, str]
) -> None:
    desk = Desk(ask, form())
    first, again = await desk.apply(), await desk.apply()
    assert (first["replayed"], again["replayed"]) == (False, True)
    place = {"step": desk.place(reason="理由")}
    passing = step("reviewGrant", "COMPLETE")
    for replayed in (False, True):
        answer = await ask("data-authority", passing, place)
        assert desk.stands(answer)["replayed"] is replayed
        assert desk.version == 2
    refusing = step("reviewGrant", "INCOMPLETE")
    assert codes(await ask("data-authority", refusing, place)) == ["GRANT_STALE"]
    other = {**desk.given, "scene": "另一场景"}
    assert codes(await ask("tax-officer", APPLY, {"it": other})) == ["GRANT_CONFLICT"]
    connection = await asyncpg.connect(addresses["platform"])
    try:
        deeds = await connection.fetch(
            "select d.action, d.who, d.body, s.version from grant_step s "
            "join deed d on d.deed_id = s.grant_id || '/' || s.version "
            "where s.grant_id = $1 order by s.version",
            desk.given["grantId"],
        )
    finally:
        await connection.close()
    assert [(one["action"], one["who"]) for one in deeds] == [
        ("apply-grant", "邓海燕"),
        ("pass-grant", "沈洁"),
    ]
    assert orjson.loads(deeds[0]["body"])["detail"]["row"]["owner"] == MARKET


async def test_two_who_reply_at_once_are_one_reply(ask: Asking) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    place = {"step": desk.place(reason="理由")}
    answers = await asyncio.gather(
        *(
            ask("market-steward", step("decideGrant", outcome), place)
            for outcome in ("AGREE", "REFUSE") * 4
        )
    )
    done = [one for one in answers if not codes(one)]
    stale = [one for one in answers if codes(one) == ["GRANT_STALE"]]
    assert (len(done), len(stale)) == (4, 4)


async def test_a_look_up_by_a_withheld_number_may_be_applied_for(ask: Asking) -> None:
    desk = Desk(ask, form(lookups=["Counterparty.idNumber"]))
    assert (await desk.apply())["state"] == "APPLIED"


LIST = """query ($id: String!) { accessGrants(where: {grantId: {eq: $id}}) {
  nodes { grantId state unit owner refusal lateness dueUnit sharing } } }"""


async def test_both_units_and_those_who_oversee_see_it_and_nobody_else(
    ask: Asking,
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    variables = {"id": desk.given["grantId"]}
    for who in ("tax-officer", "market-steward", "data-authority", "auditor"):
        body: Any = (await ask(who, LIST, variables)).body
        (seen,) = body["data"]["accessGrants"]["nodes"]
        assert (seen["unit"], seen["owner"], seen["state"]) == (TAX, MARKET, "APPLIED")
        assert seen["lateness"] in {"IN_TIME", "PROVISIONAL"}
        assert seen["sharing"] == "CONDITIONAL"
    for who in ("police", "justice-steward", "operator", "public", "credit-system"):
        body = (await ask(who, LIST, variables)).body
        assert str(desk.given["grantId"]) not in orjson.dumps(body["data"]).decode()


async def test_what_is_due_is_listed_by_whose_turn_it_is(
    ask: Asking, addresses: Mapping[str, str]
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    connection = await asyncpg.connect(addresses["platform"])
    try:
        await connection.execute(
            "update access_grant set due_at = now() - interval '1 second' "
            "where grant_id = $1",
            desk.given["grantId"],
        )
    finally:
        await connection.close()
    due = """query ($unit: CreditCode!) { accessGrants(first: 200, where: {and: [
      {dueUnit: {eq: $unit}}, {lateness: {eq: LATE}}]}) {
      nodes { grantId dueStep } } }"""
    body: Any = (await ask("data-authority", due, {"unit": MARKET})).body
    assert {"grantId": desk.given["grantId"], "dueStep": "REPLY"} in (
        body["data"]["accessGrants"]["nodes"]
    )
    replied = await desk.take("market-steward", "decideGrant", "AGREE")
    assert replied["state"] == "AGREED"
    late = "query ($id: String!) { accessGrant(grantId: $id) { lateSteps } }"
    body = (await ask("market-steward", late, {"id": desk.given["grantId"]})).body
    assert body["data"]["accessGrant"]["lateSteps"] == ["REPLY"]


async def test_an_approval_whose_time_has_run_out_is_over_and_noted(
    ask: Asking, gateway: tuple[Gateway, Engine], addresses: Mapping[str, str]
) -> None:
    desk = await in_force(ask)
    connection = await asyncpg.connect(addresses["platform"])
    try:
        await connection.execute(
            "update access_grant set valid_from = now() - interval '2 days', "
            "valid_to = now() - interval '1 second' where grant_id = $1",
            desk.given["grantId"],
        )
        seen = "query ($id: String!) { accessGrant(grantId: $id) { state version } }"
        body: Any = (await ask("tax-officer", seen, {"id": desk.given["grantId"]})).body
        assert body["data"]["accessGrant"] == {"state": "EXPIRED", "version": 4}
        applications = gateway[0].applications
        assert applications is not None
        assert await applications.expire() >= 1
        steps = await connection.fetch(
            "select step, person from grant_step where grant_id = $1 "
            "order by version desc limit 1",
            desk.given["grantId"],
        )
    finally:
        await connection.close()
    assert [tuple(one) for one in steps] == [("EXPIRE", "zhitong")]


async def test_the_application_in_the_documents_is_taken_as_it_stands_there(
    ask: Asking,
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "grants.md").read_text("utf-8")
    apply, review, late, *_ = re.findall(r"```graphql\n(.*?)```", page, flags=re.DOTALL)
    (variables, *_) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    body: Any = (await ask("tax-officer", apply, json.loads(variables))).body
    assert body["data"]["applyForGrant"]["state"] == "APPLIED"
    body = (await ask("data-authority", review)).body
    assert body["data"]["reviewGrant"]["state"] == "REVIEWED"
    assert codes(await ask("data-authority", late)) == []
