"""The pages of docs/errors on grants show what the gateway says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]

PAGES = Path(__file__).parents[2] / "docs" / "errors"
APPLY = """mutation Apply($application: GrantApplicationInput!) {
  applyForGrant(application: $application) { grantId version state }
}"""
REVIEW = """mutation Review($step: GrantStepInput!) {
  reviewGrant(step: $step, outcome: COMPLETE) { grantId version state }
}"""
PROVIDE = """mutation Provide($step: GrantStepInput!) {
  provideGrant(step: $step) { grantId version state }
}"""
FORM = {
    "owner": DEMO_PRINCIPALS["market-steward"].unit,
    "items": ["Counterparty.phone"],
    "purpose": "inspection",
    "basis": "税收征收管理法",
    "scene": "核实纳税人登记信息",
    "validFrom": "2026-01-01",
    "validTo": "2099-12-31",
}


def page(code: str) -> object:
    """Give the body that the page of *code* shows."""
    text = (PAGES / f"{code.lower().replace('_', '-')}.md").read_text("utf-8")
    assert re.search(r"^HTTP 200$", text, flags=re.MULTILINE)
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    return json.loads(body)


class Office:
    """Says things as one of the demo's people."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    async def applies(
        self, grant: str, who: str = "tax-officer", **changed: object
    ) -> Any:  # noqa: ANN401 - JSON
        form = {"grantId": grant, **FORM, **changed}
        return (await self._ask(who, APPLY, {"application": form})).body

    async def steps(self, document: str, who: str, grant: str, version: int = 1) -> Any:  # noqa: ANN401 - JSON
        step = {"grantId": grant, "version": version}
        return (await self._ask(who, document, {"step": step})).body


@pytest.fixture
def office(ask: Asking) -> Office:
    return Office(ask)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        pytest.param("GRANT_FORM", {"basis": " ", "scene": ""}, id="what lacks"),
        pytest.param("GRANT_PURPOSE", {"purpose": "curiosity"}, id="no purpose"),
        pytest.param(
            "GRANT_BEYOND",
            {"items": ["Counterparty.idNumber", "Officer.phone"]},
            id="what the owner has not to give",
        ),
        pytest.param("GRANT_EXPIRED", {"validTo": "2026-02-01"}, id="a past period"),
        pytest.param("GRANT_RECEIVER", {"receiver": "credit"}, id="another's stream"),
    ],
)
async def test_an_application_that_cannot_be(
    office: Office, code: str, changed: Mapping[str, object]
) -> None:
    assert await office.applies("page-1", "tax-officer", **changed) == page(code)


async def test_an_application_to_oneself(office: Office) -> None:
    assert await office.applies("page-2", "market-steward") == page("GRANT_OWN")


async def test_another_application_of_the_same_id(office: Office) -> None:
    await office.applies("page-3")
    again = await office.applies("page-3", scene="另一场景")
    assert again == page("GRANT_CONFLICT")


async def test_an_application_that_is_not_there(office: Office) -> None:
    body = await office.steps(PROVIDE, "market-steward", "page-0")
    assert body == page("GRANT_UNKNOWN")


async def test_a_step_from_a_state_that_has_it_not(office: Office) -> None:
    await office.applies("page-4")
    body = await office.steps(PROVIDE, "market-steward", "page-4")
    assert body == page("GRANT_STATE")


async def test_a_step_on_a_version_that_is_not_present(office: Office) -> None:
    await office.applies("page-5")
    await office.steps(REVIEW, "data-authority", "page-5")
    body = await office.steps(PROVIDE, "market-steward", "page-5")
    assert body == page("GRANT_STALE")
