"""The life of a sharing grant over the graph, on the demo's city."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]

MARKET = DEMO_PRINCIPALS["market-steward"].unit
TAX = DEMO_PRINCIPALS["tax-officer"].unit
TODAY = date.today()  # noqa: DTZ011 - a period that is far longer than a day
STANDS = "grantId version state dueStep dueAt replayed grant { state version items }"
APPLY = f"""mutation ($it: GrantApplicationInput!) {{
  done: applyForGrant(application: $it) {{ {STANDS} }} }}"""
SUPPLEMENT = f"""mutation ($step: GrantStepInput!, $it: GrantApplicationInput!) {{
  done: supplementGrant(step: $step, application: $it) {{ {STANDS} }} }}"""


def form(**changed: object) -> dict[str, object]:
    return {
        "grantId": uuid.uuid4().hex,
        "owner": MARKET,
        "items": ["Counterparty.phone", "Counterparty.address"],
        "purpose": "inspection",
        "basis": "税收征收管理法",
        "scene": "核实纳税人登记信息",
        "validFrom": TODAY.isoformat(),
        "validTo": (TODAY + timedelta(days=90)).isoformat(),
        **changed,
    }


def step(name: str, outcome: str = "") -> str:
    """Write the document of a step."""
    more = f", outcome: {outcome}" if outcome else ""
    return f"""mutation ($step: GrantStepInput!) {{
      done: {name}(step: $step{more}) {{ {STANDS} }} }}"""


class Desk:
    """One application as its people handle it."""

    def __init__(self, ask: Asking, given: Mapping[str, object]) -> None:
        self.ask = ask
        self.given = given
        self.version = 0

    async def apply(self, who: str = "tax-officer") -> dict[str, Any]:
        return self._stands(await self.ask(who, APPLY, {"it": self.given}))

    async def take(
        self, who: str, name: str, outcome: str = "", reason: str = "理由"
    ) -> dict[str, Any]:
        answer = await self.ask(
            who, step(name, outcome), {"step": self.place(reason=reason)}
        )
        return self._stands(answer)

    def place(self, **more: object) -> dict[str, object]:
        return {"grantId": self.given["grantId"], "version": self.version, **more}

    def _stands(self, answer: Answer) -> dict[str, Any]:
        body: Any = answer.body
        assert "errors" not in body, body
        done: dict[str, Any] = body["data"]["done"]
        self.version = done["version"]
        return done


def codes(answer: Answer) -> list[str]:
    body: Any = answer.body
    return [one["extensions"]["code"] for one in body.get("errors", [])]


async def in_force(ask: Asking, **changed: object) -> Desk:
    desk = Desk(ask, form(**changed))
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    await desk.take("market-steward", "decideGrant", "AGREE")
    await desk.take("market-steward", "provideGrant")
    return desk


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
    assert desk._stands(answer)["state"] == "APPLIED"
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
        assert desk._stands(answer)["replayed"] is replayed
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
    assert orjson.loads(deeds[0]["body"])["detail"]["terms"]["owner"] == MARKET


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


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"purpose": "curiosity"}, "GRANT_PURPOSE", id="no such purpose"),
        pytest.param({"items": ["Secret.x"]}, "GRANT_BEYOND", id="no such type"),
        pytest.param({"items": ["Counterparty.x"]}, "GRANT_BEYOND", id="no such field"),
        pytest.param(
            {"items": ["Counterparty.idNumber"]}, "GRANT_BEYOND", id="withheld"
        ),
        pytest.param(
            {"items": ["Officer.phone"]}, "GRANT_BEYOND", id="another's to give"
        ),
        pytest.param({"owner": TAX}, "GRANT_BEYOND", id="an owner without a source"),
        pytest.param(
            {"items": ["AccessRecord.person"]}, "GRANT_BEYOND", id="who looked"
        ),
        pytest.param({"receiver": "nobody"}, "GRANT_BEYOND", id="no such receiver"),
        pytest.param(
            {"lookups": ["Counterparty.name"]}, "GRANT_BEYOND", id="no exact look-up"
        ),
        pytest.param(
            {"ownCause": True}, "GRANT_BEYOND", id="own case of what has no case"
        ),
        pytest.param({"basis": " "}, "GRANT_FORM", id="no basis"),
        pytest.param({"items": []}, "GRANT_FORM", id="nothing"),
        pytest.param({"items": ["phone"]}, "GRANT_FORM", id="an item without a type"),
        pytest.param({"page": 0}, "GRANT_FORM", id="pages of nothing"),
        pytest.param({"grantId": "x" * 65}, "GRANT_FORM", id="a long id"),
        pytest.param({"validTo": "2020-01-01"}, "GRANT_FORM", id="ends first"),
        pytest.param({"scene": "a\0b"}, "GRANT_FORM", id="what no text has"),
        pytest.param({"documents": ["x"]}, "GRANT_FORM", id="no hash of a document"),
        pytest.param({"receiver": "a\0"}, "GRANT_BEYOND", id="no name of a receiver"),
        pytest.param(
            {"validFrom": "2020-01-01", "validTo": "2020-02-01"},
            "GRANT_EXPIRED",
            id="a period that is over",
        ),
    ],
)
async def test_what_cannot_be_applied_for_is_refused_and_not_entered(
    ask: Asking, changed: Mapping[str, object], code: str
) -> None:
    given = form(**changed)
    assert codes(await ask("tax-officer", APPLY, {"it": given})) == [code]
    found = await ask(
        "data-authority",
        "query ($id: String!) { accessGrant(grantId: $id) { state } }",
        {"id": given["grantId"]},
    )
    assert found.body["data"] == {"accessGrant": None}


async def test_a_look_up_by_a_withheld_number_may_be_applied_for(ask: Asking) -> None:
    desk = Desk(ask, form(lookups=["Counterparty.idNumber"]))
    assert (await desk.apply())["state"] == "APPLIED"


@pytest.mark.parametrize(
    "who",
    [
        *("operator", "auditor", "data-authority", "public", "party", "attorney"),
        *("other-place", "dashboard", "provincial-platform", "credit-system"),
    ],
)
async def test_others_than_government_departments_do_not_apply(
    ask: Asking, who: str
) -> None:
    assert codes(await ask(who, APPLY, {"it": form()})) == ["FORBIDDEN"]


async def test_an_application_of_others_is_as_if_it_were_none(ask: Asking) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    for who in ("operator", "auditor", "justice-steward", "police", "public"):
        for name in ("provideGrant", "revokeGrant", "withdrawGrant", "disputeGrant"):
            answer = await ask(who, step(name), {"step": desk.place()})
            assert codes(answer) == ["GRANT_UNKNOWN"], (who, name)
    for who in ("tax-officer", "market-steward", "data-authority"):
        answer = await ask(
            who, step("provideGrant"), {"step": {"grantId": "none", "version": 1}}
        )
        assert codes(answer) == ["GRANT_UNKNOWN"]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        pytest.param({"grantId": "\0"}, "GRANT_UNKNOWN", id="what no id has"),
        pytest.param({"version": 2**31 - 1}, "GRANT_STALE", id="a version to come"),
        pytest.param({"version": -1}, "GRANT_STALE", id="no version"),
        pytest.param({"reason": "\x1b"}, "GRANT_FORM", id="what no reason has"),
        pytest.param({"reason": "长" * 2_001}, "GRANT_FORM", id="a long reason"),
    ],
)
async def test_a_step_that_cannot_be_is_refused_by_its_code(
    ask: Asking, place: Mapping[str, object], code: str
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    given = {"step": {**desk.place(), **place}}
    assert codes(await ask("tax-officer", step("withdrawGrant"), given)) == [code]


async def test_a_supplement_is_of_the_application_it_is_sent_for(ask: Asking) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "INCOMPLETE")
    answer = await ask("tax-officer", SUPPLEMENT, {"step": desk.place(), "it": form()})
    assert codes(answer) == ["GRANT_FORM"]


async def test_systems_do_not_apply(gateway: tuple[Gateway, Engine]) -> None:
    system = replace(DEMO_PRINCIPALS["department"], role="service")
    answer = await gateway[1].answer(
        Question(
            document=APPLY,
            variables={"it": form()},
            operation=None,
            principal=system,
            occasion=Occasion(),
            request_id="system",
        )
    )
    assert codes(answer) == ["FORBIDDEN"]


async def test_each_side_takes_its_own_steps_alone(ask: Asking) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    place = {"step": desk.place(reason="理由")}
    passing = step("reviewGrant", "COMPLETE")
    for who in ("tax-officer", "market-steward"):
        assert codes(await ask(who, passing, place)) == ["FORBIDDEN"]
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    place = {"step": desk.place(reason="理由")}
    agreeing = step("decideGrant", "AGREE")
    for who in ("tax-officer", "data-authority"):
        assert codes(await ask(who, agreeing, place)) == ["FORBIDDEN"]


async def test_a_unit_does_not_apply_to_itself(ask: Asking) -> None:
    assert codes(await ask("market-steward", APPLY, {"it": form()})) == ["GRANT_OWN"]


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
    apply, late, *_ = re.findall(r"```graphql\n(.*?)```", page, flags=re.DOTALL)
    (variables, *_) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    body: Any = (await ask("tax-officer", apply, json.loads(variables))).body
    assert body["data"]["applyForGrant"]["state"] == "APPLIED"
    assert codes(await ask("data-authority", late)) == []
