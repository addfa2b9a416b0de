"""The pages of docs/errors on decisions show what the gateway says of them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Engine, Question
from zhitong.types import Occasion, Principal

pytestmark = pytest.mark.integration

PAGES = Path(__file__).parents[2] / "docs" / "errors"
BUREAU = DEMO_PRINCIPALS["department"]
OTHER = replace(BUREAU, unit="11619900MB0005004U", unit_name="安泽市交通运输局")
RECORD = """mutation Record($decision: DecisionInput!) {
  recordDecision(decision: $decision) { decisionId version }
}"""
CORRECT = """mutation Correct($correction: CorrectionInput!) {
  correctDecision(correction: $correction) { decisionId version }
}"""
WITHDRAW = """mutation Withdraw($withdrawal: WithdrawalInput!) {
  withdrawDecision(withdrawal: $withdrawal) { decisionId version }
}"""
DECISION = {
    "localId": "pages-1",
    "actType": "PENALTY",
    "subjectCode": BUREAU.unit,
    "subjectName": BUREAU.unit_name,
    "documentNo": "（安）应急罚〔2026〕页1号",
    "decidedOn": "2026-06-01",
    "counterpartyKind": "LEGAL_PERSON",
    "counterpartyName": "安泽某某化工有限公司",
    "counterpartyCode": "91110000600037341L",
    "penaltyKinds": ["FINE"],
    "fine": "20000.00",
}


def page(code: str) -> object:
    """Give the body that the page of *code* shows."""
    text = (PAGES / f"{code.lower().replace('_', '-')}.md").read_text("utf-8")
    assert re.search(r"^HTTP 200$", text, flags=re.MULTILINE)
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    return json.loads(body)


class Department:
    """Says things to an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def says(
        self, document: str, variables: dict[str, object], who: Principal = BUREAU
    ) -> Any:  # noqa: ANN401 - JSON
        answer = await self._engine.answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=who,
                occasion=Occasion(),
                request_id=uuid.uuid4().hex,
            )
        )
        assert answer.status == 200
        return answer.body

    async def records(self, who: Principal = BUREAU, **changed: object) -> Any:  # noqa: ANN401 - JSON
        return await self.says(RECORD, {"decision": {**DECISION, **changed}}, who)

    async def corrects(self, version: int, **changed: object) -> Any:  # noqa: ANN401 - JSON
        recorded = (await self.records())["data"]["recordDecision"]
        correction = {
            "decisionId": recorded["decisionId"],
            "version": version,
            "decision": {**DECISION, **changed},
            "reason": "金额计算有误",
        }
        return await self.says(CORRECT, {"correction": correction})

    async def withdraws(self, key: str) -> Any:  # noqa: ANN401 - JSON
        withdrawal = {"decisionId": key, "reason": "证据不足", "basis": "复查决定"}
        return await self.says(WITHDRAW, {"withdrawal": withdrawal})


@pytest.fixture
def department(gateway: tuple[Gateway, Engine]) -> Department:
    return Department(gateway[1])


async def test_a_decision_nobody_could_identify(department: Department) -> None:
    body = await department.records(subjectCode="11619900MB0004001C")
    assert body == page("DECISION_UNIDENTIFIED")


async def test_a_value_that_cannot_be(department: Department) -> None:
    assert await department.records(fine="-1") == page("DECISION_FORMAT")


async def test_a_decision_of_another_department(department: Department) -> None:
    assert await department.records(OTHER) == page("DECISION_FOREIGN")


async def test_the_same_id_with_other_content(department: Department) -> None:
    await department.records()
    assert await department.records(fine="30000") == page("DECISION_CONFLICT")


async def test_the_same_number_and_party_under_another_id(
    department: Department,
) -> None:
    await department.records()
    again = await department.records(
        localId="pages-2", documentNo="(安)应急罚[2026]页1号"
    )
    assert again == page("DECISION_DUPLICATE")


async def test_a_correction_of_a_version_that_is_not_present(
    department: Department,
) -> None:
    assert await department.corrects(7, fine="1") == page("DECISION_STALE")


async def test_a_decision_that_is_not_there(department: Department) -> None:
    body = await department.withdraws("7f1f6a4e-3f49-5a4e-9a57-0a2a5d0b7c11")
    assert body == page("DECISION_UNKNOWN")


async def test_a_ledger_that_does_not_answer(
    department: Department, frozen: Callable[[str], AbstractContextManager[None]]
) -> None:
    key = (await department.records())["data"]["recordDecision"]["decisionId"]
    with frozen("platform"):
        body = await department.withdraws(key)
    assert body == page("LEDGER_UNAVAILABLE")
    again = await department.withdraws(key)
    assert again["data"]["withdrawDecision"]["version"] == 2
