"""What cannot be applied for, and steps that are another's, each by its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import asyncpg
import pytest
from grant_desk import (
    APPLY,
    SUPPLEMENT,
    TAX,
    Asking,
    Desk,
    codes,
    form,
    step,
)

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Engine, Question
from zhitong.types import Occasion

pytestmark = pytest.mark.integration


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
        pytest.param({"receiver": "nobody"}, "GRANT_RECEIVER", id="no such receiver"),
        pytest.param({"receiver": "credit"}, "GRANT_RECEIVER", id="another's stream"),
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
        pytest.param({"receiver": "a\0"}, "GRANT_RECEIVER", id="no name of a receiver"),
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


@pytest.mark.parametrize(
    ("steps", "who", "document"),
    [
        ([], "data-authority", step("reviewGrant", "COMPLETE")),
        (["review"], "market-steward", step("decideGrant", "AGREE")),
        (["review", "reply"], "market-steward", step("provideGrant")),
    ],
    ids=["review", "reply", "provide"],
)
async def test_an_approval_whose_period_is_over_leads_nowhere(
    ask: Asking,
    addresses: Mapping[str, str],
    steps: list[str],
    who: str,
    document: str,
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    if "review" in steps:
        await desk.take("data-authority", "reviewGrant", "COMPLETE")
    if "reply" in steps:
        await desk.take("market-steward", "decideGrant", "AGREE")
    connection = await asyncpg.connect(addresses["platform"])
    try:
        await connection.execute(
            "update access_grant set valid_from = now() - interval '2 days', "
            "valid_to = now() - interval '1 second' where grant_id = $1",
            desk.given["grantId"],
        )
    finally:
        await connection.close()
    answer = await ask(who, document, {"step": desk.place(reason="理由")})
    assert codes(answer) == ["GRANT_EXPIRED"]


async def test_a_stream_is_named_by_its_own_unit_alone(
    ask: Asking, gateway: tuple[Gateway, Engine]
) -> None:
    its_own = replace(
        DEMO_PRINCIPALS["tax-officer"], unit=DEMO_PRINCIPALS["credit-system"].unit
    )
    answer = await gateway[1].answer(
        Question(
            document=APPLY,
            variables={"it": form(receiver="credit")},
            operation=None,
            principal=its_own,
            occasion=Occasion(),
            request_id="receiver",
        )
    )
    assert codes(answer) == []
    # Nor does it come in by a supplement.
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "INCOMPLETE")
    given = {**desk.given, "receiver": "credit"}
    answer = await ask("tax-officer", SUPPLEMENT, {"step": desk.place(), "it": given})
    assert codes(answer) == ["GRANT_RECEIVER"]


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
