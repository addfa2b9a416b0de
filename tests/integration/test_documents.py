"""What the documents show is what one gets."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.schema.engine import Answer
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in (ROOT / "docs" / "asking.md", ROOT / "README.md")
    for number, text in enumerate(
        re.findall(r"```graphql\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
    )
]


def shown(language: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return found[0]


async def test_the_readmes_question_has_the_readmes_answer(
    ask: Callable[..., Awaitable[Answer]],
) -> None:
    occasion = Occasion(
        purpose="criminal-investigation",
        basis="刑事诉讼法",
        cause="安公刑立字〔2026〕12号",
        letter="安公介字〔2026〕88号",
    )
    answer = await ask("police", shown("graphql"), occasion=occasion)
    assert answer.body == json.loads(shown("json"))


async def test_the_public_gets_the_same_case_and_less_of_it(
    ask: Callable[..., Awaitable[Answer]],
) -> None:
    answer = json.loads(json.dumps((await ask("public", shown("graphql"))).body))
    case = answer["data"]["caseRecords"]["nodes"][0]
    police = json.loads(shown("json"))["data"]["caseRecords"]["nodes"][0]
    assert case["filedOn"] == police["filedOn"]
    assert case["counterparty"]["name"] == police["counterparty"]["name"]
    assert (case["caseNo"], case["officers"]) == (None, None)
    assert case["counterparty"]["phone"] is None
    assert case["counterparty"]["idNumber"] is None
    withheld = {entry["field"] for entry in answer["extensions"]["access"]}
    assert withheld >= {"caseNo", "officers", "phone", "idNumber"}


@pytest.mark.parametrize("document", EXAMPLES)
async def test_every_question_in_the_documents_is_answered(
    ask: Callable[..., Awaitable[Answer]], document: str
) -> None:
    number = DEMO_PRINCIPALS["natural-party"].party_number
    answer = await ask(
        "department" if document.startswith("mutation") else "police",
        document,
        {"number": number} if "$number" in document else None,
    )
    assert "errors" not in answer.body
    assert None not in dict(answer.body["data"]).values()  # type: ignore[call-overload]


async def test_the_readmes_decision_is_taken_with_the_finding_it_speaks_of(
    ask: Callable[..., Awaitable[Answer]],
) -> None:
    (document,) = re.findall(r"```graphql\n(mutation.*?)```", README, flags=re.DOTALL)
    answer = json.loads(json.dumps((await ask("department", document)).body))
    recorded = answer["data"]["recordDecision"]
    assert recorded["version"] == 1
    assert "2 officers at least are due, 1 are named" in {
        finding["messageEn"] for finding in recorded["findings"]
    }
    assert {
        delivery["receiver"] for delivery in recorded["decision"]["deliveries"]["nodes"]
    } == {"provincial", "credit"}
