"""The pages of docs/errors on publication show what the gateway says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from entries import decision, entry, ledger_over
from msgspec.structs import replace

from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]

PAGES = Path(__file__).parents[2] / "docs" / "errors"
TAKE = """mutation Take($publication: PublicationStepInput!, $step: PublicationStep!) {
  takePublicationStep(publication: $publication, step: $step) { stage }
}"""
SAID = decision(
    local_id="publication-pages",
    document_no="（安）应急罚〔2026〕90号",
    case_no="AZYJ-2026-00090",
)
CASES: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "PUBLICATION_FORM": ("reviewer", "RETURN", {}),
    "PUBLICATION_STATE": ("releaser", "RELEASE", {}),
    "PUBLICATION_STALE": ("collector", "COLLECT", {"version": 2}),
    "PUBLICATION_UNKNOWN": ("collector", "COLLECT", {"decisionId": "1"}),
}


def page(code: str) -> object:
    """Give the body that the page of *code* shows."""
    text = (PAGES / f"{code.lower().replace('_', '-')}.md").read_text("utf-8")
    assert re.search(r"^HTTP 200$", text, flags=re.MULTILINE)
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    return json.loads(body)


@pytest.fixture
async def take(ask: Asking, addresses: Mapping[str, str]) -> Callable[..., Any]:
    """Give ``take("collector", "COLLECT")``, of a decision that is in the ledger."""
    async with ledger_over(addresses["platform"]) as (kept, _):
        made = entry(SAID, events=())
        await kept.commit(replace(made, at=datetime.now(UTC)))

    async def taken(who: str, step: str, **more: object) -> Any:  # noqa: ANN401 - JSON
        given = {"decisionId": str(SAID.id), "version": 1, **more}
        return (await ask(who, TAKE, {"publication": given, "step": step})).body

    return taken


@pytest.mark.parametrize("code", CASES)
async def test_a_step_that_is_not_taken(take: Callable[..., Any], code: str) -> None:
    who, step, more = CASES[code]
    assert await take(who, step, **more) == page(code)


async def test_a_review_of_what_one_has_collected(
    take: Callable[..., Any], sql: Callable[..., Awaitable[object]]
) -> None:
    await take("collector", "COLLECT")
    await take("transmitter", "TRANSMIT")
    await sql(
        "platform",
        "update publication set collector = '许文静' where decision_id = $1",
        str(SAID.id),
    )
    assert await take("reviewer", "PASS") == page("PUBLICATION_OWN")
