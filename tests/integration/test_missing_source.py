"""Departments that do not answer, come back, or lose a column while we run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import pytest

from zhitong.connectors.prepared import PreparedRows
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer, Question
from zhitong.types import Occasion, Table

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
Frozen = Callable[[str], AbstractContextManager[None]]
PATIENCE = 1.2 + 1.0
"""A binding's timeout, and what a busy machine takes besides."""


def gaps(answer: Answer) -> dict[str, str]:
    extensions: Any = answer.body.get("extensions", {})
    return {one["source"]: one["code"] for one in extensions.get("sources", [])}


def codes(answer: Answer) -> list[str]:
    errors: Any = answer.body.get("errors", [])
    return [one["extensions"]["code"] for one in errors]


LATEST = """{ caseRecords(first: 100) { nodes { source caseNo } missing
  totalCount { count partial missing } } }"""


async def test_the_others_part_stands_and_the_missing_one_is_named(
    ask: Asking, frozen: Frozen, cases: list[Any]
) -> None:
    whole: Any = (await ask("police", LATEST)).body["data"]
    assert "transport" in {one["source"] for one in whole["caseRecords"]["nodes"]}
    with frozen("transport"):
        began = perf_counter()
        answer = await ask("police", LATEST)
        # Far from the half minute of nine sources that wait in turn.
        assert perf_counter() - began < 8 * PATIENCE
    assert codes(answer) == []
    body: Any = answer.body["data"]
    found = body["caseRecords"]
    assert {one["source"] for one in found["nodes"]} == {
        "market",
        "emergency",
        "dongling",
        "xihe",
    }
    assert len(found["nodes"]) == 100
    assert found["missing"] == ["transport"]
    assert found["totalCount"] == {
        "count": sum(one.source != "transport" for one in cases),
        "partial": True,
        "missing": ["transport"],
    }
    assert gaps(answer) == {"transport": "SOURCE_TIMEOUT"}


async def test_a_source_left_alone_costs_no_time_and_comes_back_by_itself(
    ask: Asking, frozen: Frozen
) -> None:
    query = "{ inspections(first: 5) { nodes { source } missing } }"
    with frozen("transport"):
        for _ in range(3):
            await ask("police", query)
        answer = await ask("police", query)
        # Resting: nobody waited for it.
        assert gaps(answer) == {"transport": "SOURCE_RESTING"}
        states: Any = (await ask("public", "{ sources { name state } }")).body["data"]
        assert {"name": "transport", "state": "away"} in states["sources"]
    for _ in range(50):  # the breaker lets a first question through after 5 s
        if not gaps(await ask("police", query)):
            break
        await asyncio.sleep(0.2)
    whole: Any = (await ask("police", query)).body["data"]
    assert whole["inspections"]["missing"] == []


async def test_whose_counterparty_cannot_be_looked_up_is_unavailable(
    ask: Asking, frozen: Frozen
) -> None:
    query = """{ caseRecords(first: 30, where: {division: {within: "619922"}}) {
      nodes { source counterpartyCode counterpartyMatch counterparty { name } } } }"""
    with frozen("market"):
        answer = await ask("police", query)
    body: Any = answer.body["data"]
    nodes = [one for one in body["caseRecords"]["nodes"] if one["source"] == "xihe"]
    assert len(nodes) > 10
    for one in nodes:
        stated = one["counterpartyCode"] is not None
        assert one["counterpartyMatch"] == ("UNAVAILABLE" if stated else "NOT_STATED")
        assert one["counterparty"] is None
    assert gaps(answer) == {"market": "SOURCE_TIMEOUT"}


LISTED = "{listings: {kind: {eq: SERIOUS_DISHONESTY}}}"


async def test_what_a_filter_needed_is_missing_from_page_count_and_statistics(
    ask: Asking, frozen: Frozen
) -> None:
    query = f"""{{ caseRecords(where: {{counterparty: {LISTED}}}) {{
        nodes {{ caseNo }} missing totalCount {{ count partial missing }} }}
      caseStatistics(by: [STATUS], where: {{counterparty: {LISTED}}}) {{
        missing groups {{ count }} }} }}"""
    with frozen("credit"):
        answer = await ask("police", query)
    body: Any = answer.body["data"]
    assert body["caseRecords"] == {
        "nodes": [],
        "missing": ["credit"],
        "totalCount": {"count": 0, "partial": True, "missing": ["credit"]},
    }
    assert body["caseStatistics"] == {"missing": ["credit"], "groups": []}
    assert gaps(answer) == {"credit": "SOURCE_TIMEOUT"}


async def test_a_negation_that_cannot_be_answered_is_refused(
    ask: Asking, frozen: Frozen
) -> None:
    query = f"""{{ caseRecords(where: {{not: {{counterparty: {LISTED}}}}}) {{
      nodes {{ caseNo }} }} sources {{ name }} }}"""
    with frozen("credit"):
        answer = await ask("police", query)
    assert codes(answer) == ["SOURCE_UNAVAILABLE"]
    body: Any = answer.body["data"]
    assert body["caseRecords"] is None
    assert len(body["sources"]) == 8
    assert gaps(answer) == {"credit": "SOURCE_TIMEOUT"}


async def test_a_lost_column_is_named_and_the_rest_of_the_row_stands(
    ask: Asking, sql: Sql
) -> None:
    query = """{ caseRecords(first: 5, where: {division: {within: "619922"},
      fine: {present: true}}) { nodes { source caseNo result fine } missing } }"""
    before: Any = (await ask("police", query)).body["data"]
    await sql("xihe", "alter table xhx.aj_xx rename cf_jg to cf_jg_new")
    try:
        answer = await ask("police", query)
        body: Any = answer.body["data"]
        stripped = [
            {**one, "result": None} if one["source"] == "xihe" else one
            for one in before["caseRecords"]["nodes"]
        ]
        assert body["caseRecords"]["nodes"] == stripped
        assert body["caseRecords"]["missing"] == []
        extensions: Any = answer.body["extensions"]
        (gap,) = extensions["sources"]
        assert (gap["source"], gap["code"], gap["fields"]) == (
            "xihe",
            "SOURCE_DRIFT",
            ["result"],
        )
        compared = """{ caseRecords(where: {result: {contains: "罚款"}}) {
          nodes { id } missing } }"""
        body = (await ask("police", compared)).body["data"]
        assert body["caseRecords"]["missing"] == ["xihe"]
    finally:
        await sql("xihe", "alter table xhx.aj_xx rename cf_jg_new to cf_jg")


async def test_without_its_kind_no_natural_persons_name_is_shown(
    ask: Asking, sql: Sql, cases: list[Any]
) -> None:
    query = """{ caseRecords(first: 200, where: {division: {within: "619922"}}) {
      nodes { source caseId counterpartyName } } }"""

    async def names() -> dict[str, str | None]:
        body: Any = (await ask("public", query)).body["data"]
        return {
            one["caseId"]: one["counterpartyName"]
            for one in body["caseRecords"]["nodes"]
            if one["source"] == "xihe"
        }

    natural = {one.key for one in cases if one.source == "xihe" and one.natural}
    before = await names()
    assert natural & before.keys()
    assert all("*" in (before[key] or "") for key in natural & before.keys())
    assert any("*" not in (name or "*") for name in before.values())
    await sql("xihe", "alter table xhx.aj_xx rename xdr_lx to xdr_lx_new")
    try:
        after = await names()
        assert after.keys() == before.keys()
        assert all(name is None or "*" in name for name in after.values())
    finally:
        await sql("xihe", "alter table xhx.aj_xx rename xdr_lx_new to xdr_lx")


@pytest.fixture
async def changed(
    addresses: Mapping[str, str], tmp_path: Path
) -> Callable[..., Awaitable[Any]]:
    """Give ``changed(document, (old, new), …)``: an answer under other rules."""

    async def answered(document: str, *changes: tuple[str, str]) -> Any:  # noqa: ANN401
        rules = Settings().policy.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in rules
            rules = rules.replace(old, new)
        path = tmp_path / "policy.toml"
        path.write_text(rules, encoding="utf-8")
        make_demo_keys(tmp_path, ["provincial", "credit"])
        settings = Settings(state=tmp_path, bindings=BINDINGS, policy=path)
        async with Gateway(settings, addresses.get).running() as engine:
            answer = await engine.answer(
                Question(
                    document=document,
                    variables=None,
                    operation=None,
                    principal=DEMO_PRINCIPALS["public"],
                    occasion=Occasion(),
                    request_id=f"changed-{tmp_path}",
                )
            )
        return answer.body["data"]

    return answered


MATCH = (
    "{ caseRecords(first: 50) { nodes { counterpartyMatch counterparty { code } } } }"
)
HIDDEN = {"counterpartyMatch": "HIDDEN", "counterparty": None}


async def test_a_hidden_relation_says_so(changed: Callable[..., Any]) -> None:
    found = await changed(MATCH, ('"counterparty", "filedOn"', '"filedOn"'))
    assert found["caseRecords"]["nodes"] == [HIDDEN] * 50


async def test_a_relation_to_a_hidden_type_says_so(changed: Callable[..., Any]) -> None:
    rule = 'kinds = [{}"party", "attorney", "other-place"]\neffect = "{}"'
    rule += '\ntypes = ["Counterparty"]'
    found = await changed(
        MATCH,
        *(
            (rule.format('"public", ', effect), rule.format("", effect))
            for effect in ("allow", "mask")
        ),
    )
    assert found["caseRecords"]["nodes"] == [HIDDEN] * 50


async def test_a_fault_of_ours_is_masked_and_logged_without_what_was_asked(
    ask: Asking, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    literal = "110101199003071234"

    async def broken(_self: PreparedRows, **_question: object) -> Table:
        raise ValueError(literal)

    monkeypatch.setattr(PreparedRows, "table", broken)
    query = f"""{{ officers(where: {{name: {{eq: "{literal}"}}}}) {{ nodes {{ id }} }}
      sources {{ name }} }}"""
    answer = await ask("police", query)
    assert codes(answer) == ["INTERNAL"]
    body: Any = answer.body["data"]
    assert body["officers"] is None
    assert len(body["sources"]) == 8
    assert literal not in str(answer.body)
    assert "ValueError" in caplog.text
    assert literal not in caplog.text


async def test_an_empty_page_keeps_its_place(ask: Asking, frozen: Frozen) -> None:
    page = """query ($after: String) { creditListings(first: 2, after: $after) {
      nodes { listingNo } missing pageInfo { hasNextPage endCursor } } }"""
    first: Any = (await ask("police", page)).body["data"]
    cursor = first["creditListings"]["pageInfo"]["endCursor"]
    with frozen("credit"):
        away: Any = (await ask("police", page, {"after": cursor})).body["data"]
    empty = away["creditListings"]
    assert (empty["nodes"], empty["missing"]) == ([], ["credit"])
    assert empty["pageInfo"]["endCursor"] == cursor
