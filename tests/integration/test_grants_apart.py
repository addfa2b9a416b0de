"""Nobody decides for the owner what he has asked for in the applicant's name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

import pytest
from grant_desk import APPLY, MARKET, SUPPLEMENT, Asking, Desk, codes, form, step

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import STEWARD, Occasion, Principal

pytestmark = pytest.mark.integration

TAX_OFFICER = DEMO_PRINCIPALS["tax-officer"]
OWNER = DEMO_PRINCIPALS["market-steward"]


class TwoHats:
    """One person with a token of either unit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        name = uuid.uuid4().hex
        self.applicant = replace(TAX_OFFICER, person=name, role=STEWARD)
        self.steward = replace(OWNER, person=name)

    async def says(
        self, who: Principal, document: str, variables: Mapping[str, object]
    ) -> Answer:
        return await self._engine.answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=who,
                occasion=Occasion(),
                request_id=uuid.uuid4().hex,
            )
        )


@pytest.fixture
def two_hats(gateway: tuple[Gateway, Engine]) -> TwoHats:
    return TwoHats(gateway[1])


async def test_who_supplements_an_application_does_not_agree_to_it(
    ask: Asking, two_hats: TwoHats
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "INCOMPLETE")
    wider = {"step": desk.place(), "it": form(grantId=desk.given["grantId"])}
    desk.stands(await two_hats.says(two_hats.applicant, SUPPLEMENT, wider))
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    agrees = {"step": desk.place()}
    agreeing = step("decideGrant", "AGREE")
    answer = await two_hats.says(two_hats.steward, agreeing, agrees)
    assert codes(answer) == ["GRANT_OWN"]
    # A namesake whose tokens another issuer gives is somebody else.
    namesake = replace(two_hats.steward, issuer="https://sso.example")
    assert codes(await two_hats.says(namesake, agreeing, agrees)) == []


async def test_who_disputes_a_refusal_does_not_provide_the_data(
    ask: Asking, two_hats: TwoHats
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    await desk.take("market-steward", "decideGrant", "REFUSE")
    why = {"step": desk.place(reason="办案必需")}
    desk.stands(await two_hats.says(two_hats.applicant, step("disputeGrant"), why))
    await desk.take("data-authority", "settleDispute", "OVERTURNED")
    place = {"step": desk.place()}
    answer = await two_hats.says(two_hats.steward, step("provideGrant"), place)
    assert codes(answer) == ["GRANT_OWN"]
    assert (await desk.take("market-steward", "provideGrant"))["state"] == "IN_FORCE"


async def test_who_acts_for_a_unit_decides_nothing_that_it_applies_for(
    ask: Asking, two_hats: TwoHats
) -> None:
    own = Desk(ask, form())
    own.stands(await two_hats.says(two_hats.applicant, APPLY, {"it": own.given}))
    desk = Desk(ask, form())
    await desk.apply()  # a colleague's application
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    replies = {"step": desk.place(reason="理由")}
    refusing = step("decideGrant", "REFUSE")
    answer = await two_hats.says(two_hats.steward, refusing, replies)
    assert codes(answer) == ["GRANT_OWN"]
    # Who has nothing open there any more has left that unit's hat behind.
    await own.take("tax-officer", "withdrawGrant")
    assert codes(await two_hats.says(two_hats.steward, refusing, replies)) == []


async def test_an_owner_does_not_approve_his_own_application(
    two_hats: TwoHats, ask: Asking
) -> None:
    desk = Desk(ask, form())
    desk.stands(await two_hats.says(two_hats.applicant, APPLY, {"it": desk.given}))
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    assert desk.given["owner"] == MARKET == two_hats.steward.unit
    agrees = {"step": desk.place()}
    answer = await two_hats.says(two_hats.steward, step("decideGrant", "AGREE"), agrees)
    assert codes(answer) == ["GRANT_OWN"]
