"""One application for a grant, as its people handle it over the graph."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.schema.engine import Answer

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
        return self.stands(await self.ask(who, APPLY, {"it": self.given}))

    async def take(
        self, who: str, name: str, outcome: str = "", reason: str = "理由"
    ) -> dict[str, Any]:
        answer = await self.ask(
            who, step(name, outcome), {"step": self.place(reason=reason)}
        )
        return self.stands(answer)

    def place(self, **more: object) -> dict[str, object]:
        return {"grantId": self.given["grantId"], "version": self.version, **more}

    def stands(self, answer: Answer) -> dict[str, Any]:
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
