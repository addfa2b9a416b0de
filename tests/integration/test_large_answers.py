"""A question whose answer would be too large, however it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from zhitong.infra.city_load import BINDINGS
from zhitong.schema.engine import Answer
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allowance

pytestmark = pytest.mark.integration

RING = "subject { cases(first: 200) { nodes { caseId %s } } }"
FIELDS = " ".join(list(ENTITIES["CaseRecord"].fields)[:18])
BESIDE = "subject { name } matter { name } counterparty { name }"
PAGE = f"caseRecords(first: 200) {{ nodes {{ {FIELDS} {BESIDE} }} }}"
GENEROUS = Allowance(cost=10**12, introspection=True)


@pytest.fixture
def bindings(tmp_path: Path) -> Path:
    """Give the demo's with time enough: a source that is late has nothing to refuse."""
    folder = tmp_path / "bindings"
    folder.mkdir()
    for path in BINDINGS.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(f"timeout = 20.0\n{text}", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "document",
    [
        "{ enforcementSubjects(first: 200) { nodes { code cases(first: 200) { nodes { "
        + RING % (RING % "")
        + " } } } } }",
        "{ " + " ".join(f"p{number}: {PAGE}" for number in range(18)) + " }",
    ],
    ids=["lists inside lists", "pages beside pages"],
)
async def test_too_large_an_answer_is_refused_whole_and_on_record(
    ask: Callable[..., Awaitable[Answer]], document: str
) -> None:
    answer = await ask("police", document, allowance=GENEROUS)
    body: Any = answer.body
    codes = [one["extensions"]["code"] for one in body["errors"]]
    assert (codes, body.get("data"), answer.executed) == (["TOO_WIDE"], None, False)
    records: Any = await ask(
        "auditor", "{ accessRecords(first: 1) { nodes { requesterKind looks } } }"
    )
    [record] = records.body["data"]["accessRecords"]["nodes"]
    assert record["requesterKind"] == "police"
    assert any(look.startswith("CaseRecord@market") for look in record["looks"])


async def test_what_a_page_of_everything_needs_is_given(
    ask: Callable[..., Awaitable[Answer]],
) -> None:
    document = """{ caseRecords(first: 200) { nodes { caseId title status fine
      subject { name } officers { name } counterparty { name
        listings { nodes { reason } } } } } }"""
    body: Any = (await ask("police", document)).body
    assert "errors" not in body
    assert len(body["data"]["caseRecords"]["nodes"]) == 200


async def test_a_long_filter_is_not_translated_for_hundreds_of_rows(
    ask: Callable[..., Awaitable[Answer]],
) -> None:
    where: Any = {"or": [{"caseNo": {"eq": str(number)}} for number in range(300)]}
    document = """query ($w: CaseRecordFilter) { counterparties(first: 200) {
      nodes { cases(where: $w) { nodes { id } } } } }"""
    body: Any = (await ask("police", document, {"w": where})).body
    assert [one["extensions"]["code"] for one in body["errors"]] == ["TOO_WIDE"]
    where = {"caseNo": {"in": [str(number) for number in range(50)]}}
    body = (await ask("police", document, {"w": where})).body
    assert len(body["data"]["counterparties"]["nodes"]) == 200
