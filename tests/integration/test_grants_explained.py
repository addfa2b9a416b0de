"""`policyExplain` says which grant opens a field, and why another does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from grant_desk import MARKET, TAX, TODAY, Asking, Desk, codes, form

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

AUDIT = Occasion(purpose="audit", basis="审计法")
DOCUMENT = """
query ($field: String!, $kind: String, $source: String, $unit: CreditCode) {
  policyExplain(field: $field, kind: $kind, source: $source) {
    verdicts { verdict rule }
    grants(unit: $unit) {
      grantId state owner purpose validFrom validTo why whyZh whyEn rule sources
      verdicts { verdict rule rows mask }
    }
  }
}"""


class Explained:
    """What the query says, by grant."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    async def grants(
        self,
        field: str = "Counterparty.phone",
        who: str = "tax-officer",
        occasion: Occasion = AUDIT,
        **more: str,
    ) -> dict[str, dict[str, Any]] | None:
        variables = {"field": field, **more}
        answer = await self._ask(who, DOCUMENT, variables, occasion=occasion)
        body: Any = answer.body
        assert "errors" not in body, body
        found = body["data"]["policyExplain"]["grants"]
        return None if found is None else {one["grantId"]: one for one in found}

    async def why(self, desk: Desk, **more: Any) -> str:  # noqa: ANN401 - as it comes
        found = await self.grants(**more)
        assert found is not None
        return str(found[str(desk.given["grantId"])]["why"])


async def granted(ask: Asking, who: str = "tax-officer", **changed: object) -> Desk:
    """Put a grant in force for a purpose that no rule gives the applicant's kind."""
    desk = Desk(ask, form(purpose="audit", **changed))
    await desk.apply(who)
    await desk.take("data-authority", "reviewGrant", "COMPLETE")
    await desk.take("market-steward", "decideGrant", "AGREE")
    await desk.take("market-steward", "provideGrant")
    return desk


@pytest.fixture
def explained(ask: Asking) -> Explained:
    return Explained(ask)


async def test_a_grant_in_force_is_named_with_what_it_gives(
    ask: Asking, explained: Explained
) -> None:
    desk = await granted(ask)
    found = await explained.grants()
    assert found is not None
    told = found[str(desk.given["grantId"])]
    rule = f"grant:{desk.given['grantId']}"
    assert (told["state"], told["owner"], told["why"]) == ("IN_FORCE", MARKET, "OPENS")
    assert told["validFrom"] == f"{TODAY.isoformat()}T00:00:00+08:00"
    assert told["sources"] == ["market"]
    assert told["verdicts"] == [
        {"verdict": "ALLOW", "rule": rule, "rows": "", "mask": None}
    ]


async def test_why_a_grant_opens_nothing_is_said(
    ask: Asking, explained: Explained
) -> None:
    desk = Desk(ask, form(purpose="audit"))
    await desk.apply()
    assert await explained.why(desk) == "NOT_YET"
    desk = await granted(ask)
    other = Occasion(purpose="inspection", basis="法")
    assert await explained.why(desk, occasion=other) == "OTHER_PURPOSE"
    assert await explained.why(desk, source="justice") == "OTHER_SOURCE"
    await desk.take("market-steward", "revokeGrant")
    assert await explained.why(desk) == "ENDED"
    begins = (TODAY + timedelta(days=9)).isoformat()
    assert await explained.why(await granted(ask, validFrom=begins)) == "NOT_YET"
    searched = await granted(ask, items=[], lookups=["Counterparty.idNumber"])
    looked_up = "Counterparty.idNumber"
    assert await explained.why(searched, field=looked_up) == "LOOKUP_ONLY"
    listed = await granted(ask, documents=["0" * 64])
    assert await explained.why(listed) == "DOCUMENTS"
    named = await granted(ask, items=["Counterparty.name"])
    assert await explained.why(named, field="Counterparty.name") == "NOT_NEEDED"


async def test_the_rule_that_denies_is_named(ask: Asking, explained: Explained) -> None:
    field = "CaseRecord.contactPhone"
    desk = await granted(ask, items=[field])
    found = await explained.grants(field=field)
    assert found is not None
    told = found[str(desk.given["grantId"])]
    assert (told["why"], told["sources"], told["verdicts"]) == ("DENIED", [], [])
    assert told["rule"] == "own-officer-party-phone"


async def test_the_own_case_is_to_be_stated(ask: Asking, explained: Explained) -> None:
    field, who = "CaseRecord.facts", "supervisor"
    desk = await granted(ask, who, items=[field], ownCause=True)
    assert await explained.why(desk, field=field, who=who) == "NO_CAUSE"
    caused = Occasion(purpose="audit", basis="法", cause="安市监案〔2026〕1号")
    found = await explained.grants(field=field, who=who, occasion=caused)
    assert found is not None
    told = found[str(desk.given["grantId"])]
    assert told["why"] == "OPENS"
    assert told["verdicts"][0]["rows"] == "caseNo eq own"


async def test_those_who_see_the_register_ask_for_another_unit(
    ask: Asking, explained: Explained
) -> None:
    desk = await granted(ask)
    grant = str(desk.given["grantId"])
    for who in ("data-authority", "auditor"):
        found = await explained.grants(who=who, kind="own-officer", unit=TAX)
        assert found is not None
        assert found[grant]["why"] == "OTHER_PURPOSE"  # none is supposed
    owner = await explained.grants(who="market-steward", unit=TAX)
    assert owner is not None
    assert owner[grant]["why"] == "OPENS"


async def test_nobody_learns_of_the_grants_of_others(
    ask: Asking, explained: Explained
) -> None:
    desk = await granted(ask)
    for who in ("police", "justice-steward", "city-officer"):
        # Its own, which other tests may have left, and not this one.
        assert desk.given["grantId"] not in (await explained.grants(who=who) or {})
        assert await explained.grants(who=who, unit=TAX) == {}
    for who in ("operator", "public", "party", "dashboard"):
        assert await explained.grants(who=who, unit=TAX) is None
    asked = {"field": "Counterparty.phone", "kind": "own-officer", "unit": TAX}
    answer = await ask("police", DOCUMENT, asked)
    assert codes(answer) == ["FORBIDDEN"]
    assert str(desk.given["grantId"]) not in str(answer.body)


async def test_another_kind_without_a_unit_has_no_grants(explained: Explained) -> None:
    assert await explained.grants(who="data-authority", kind="police") is None


async def test_a_look_at_the_register_by_it_is_on_record(
    ask: Asking, explained: Explained
) -> None:
    await granted(ask)
    answer = await ask("tax-officer", DOCUMENT, {"field": "Counterparty.phone"})
    assert answer.record_id
    assert answer.proof is not None
    assert answer.proof.unit == DEMO_PRINCIPALS["tax-officer"].unit
    assert await explained.grants()
