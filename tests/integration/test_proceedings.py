"""Reconsiderations and lawsuits: their versions, and what they open to a party."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Occasion, Principal

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
RECORD = """mutation ($it: ProceedingInput!) {
  recordProceeding(proceeding: $it) { proceedingId version replayed }
}"""
CASE = """{ caseRecords(first: 5, where: {caseNo: {eq: "%s"}}) {
  nodes { caseNo documentNo place counterpartyCode } } }"""


def said(case_no: str, **more: object) -> dict[str, object]:
    number = f"安政复〔2026〕{uuid.uuid4().hex[:8]}号"
    return {
        "kind": "RECONSIDERATION",
        "number": number,
        "caseNo": case_no,
        "openedOn": "2026-03-02",
        **more,
    }


async def recorded(ask: Asking, who: str, it: dict[str, object]) -> dict[str, Any]:
    body: Any = (await ask(who, RECORD, {"it": it})).body
    assert "errors" not in body
    made: dict[str, Any] = body["data"]["recordProceeding"]
    return made


async def refused(ask: Asking, who: str, it: dict[str, object]) -> str:
    body: Any = (await ask(who, RECORD, {"it": it})).body
    (error,) = body["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_how_a_proceeding_goes_on_is_its_next_version(
    ask: Asking, sql: Fetch
) -> None:
    it = said("案甲")
    assert await recorded(ask, "supervisor", it) == {
        "proceedingId": f"RECONSIDERATION {it['number']}",
        "version": 1,
        "replayed": False,
    }
    assert (await recorded(ask, "supervisor", it))["replayed"]
    closed = {**it, "closedOn": "2026-05-06", "outcome": "维持"}
    assert (await recorded(ask, "supervisor", closed))["version"] == 2
    rows = await sql(
        "platform",
        "select version, closed_on from proceeding where number = $1 order by version",
        it["number"],
    )
    assert [(row["version"], str(row["closed_on"])) for row in rows] == [
        (1, "None"),
        (2, "2026-05-06"),
    ]


async def test_a_proceeding_is_its_units_own_and_the_supervisors(
    ask: Asking, sql: Fetch
) -> None:
    case_no, _ = await own_case(sql)
    it = said(case_no)
    await recorded(ask, "supervisor", it)
    assert await refused(ask, "department", {**it, "outcome": "改"}) == "PROCEEDING"
    own = said(case_no)
    await recorded(ask, "department", own)
    closed = {"closedOn": "2026-06-01", "outcome": "撤销"}
    assert (await recorded(ask, "supervisor", {**own, **closed}))["version"] == 2
    await recorded(ask, "supervisor", {**it, **closed})


async def test_a_department_opens_no_case_of_anothers_and_none_that_is_not_there(
    ask: Asking, sql: Fetch
) -> None:
    (another,) = await sql(
        "transport",
        """select ajh from jtys.zfaj where ajh is not null order by id limit 1""",
    )
    assert await refused(ask, "department", said(another[0])) == "PROCEEDING"
    assert await refused(ask, "department", said("案己")) == "PROCEEDING"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"closedOn": "2026-03-01"}, "PROCEEDING"),
        ({"number": " "}, "PROCEEDING"),
        ({"caseNo": ""}, "PROCEEDING"),
        ({"kind": "UNRECOGNISED"}, "PROCEEDING"),
        ({"openedOn": "2026-02-30"}, "SCALAR"),
    ],
)
async def test_what_cannot_be_is_refused(
    ask: Asking, wrong: dict[str, object], code: str
) -> None:
    assert await refused(ask, "supervisor", {**said("案丙"), **wrong}) == code


async def test_nobody_else_records_one(ask: Asking) -> None:
    assert await refused(ask, "police", said("案丁")) == "FORBIDDEN"


async def own_case(sql: Fetch) -> tuple[str, str]:
    """Find a closed case of an enterprise: its number, and the party's code."""
    (row,) = await sql(
        "emergency",
        """select ajbh, dsr_shxydm from yjj.aj_jbxx
        where ajzt = '5' and dsrlx = '法人' and length(dsr_shxydm) = 18
        and gdrq is not null
        and ajbh in (select ajbh from yjj.aj_jbxx group by ajbh having count(*) = 1)
        order by ajbh limit 1""",
    )
    return row[0], row[1]


def party(code: str) -> Principal:
    return replace(DEMO_PRINCIPALS["party"], party_code=code, party_number="")


async def test_an_open_proceeding_shows_its_party_more_of_that_case_until_it_ends(
    ask: Asking, sql: Fetch, gateway: tuple[Gateway, Engine]
) -> None:
    case_no, code = await own_case(sql)

    async def seen(cause: str) -> list[dict[str, Any]]:
        occasion = Occasion(
            purpose="own-case", basis="行政复议法", cause=cause, letter="某〔2026〕1号"
        )
        question = Question(
            document=CASE % case_no,
            variables=None,
            operation=None,
            principal=party(code),
            occasion=occasion,
            request_id=uuid.uuid4().hex,
        )
        body: Any = (await gateway[1].answer(question)).body
        nodes: list[dict[str, Any]] = body["data"]["caseRecords"]["nodes"]
        return nodes

    (before,) = await seen(case_no)
    assert before["documentNo"]
    assert before["place"] is None
    it = said(case_no)
    await recorded(ask, "supervisor", it)
    (during,) = await seen(case_no)
    assert during["place"]
    (another,) = await seen("别的案件")
    assert another["place"] is None
    await recorded(ask, "supervisor", {**it, "closedOn": "2026-06-01"})
    (after,) = await seen(case_no)
    assert after["place"] is None


async def test_a_party_that_states_anothers_case_sees_nothing_of_its_dispute(
    ask: Asking, sql: Fetch, gateway: tuple[Gateway, Engine]
) -> None:
    case_no, code = await own_case(sql)
    it = said(case_no)
    await recorded(ask, "supervisor", it)

    async def proceedings(of: str) -> list[str]:
        question = Question(
            document="""query ($no: String!) {
              proceedings(where: {caseNo: {eq: $no}}) { nodes { number } } }""",
            variables={"no": case_no},
            operation=None,
            principal=party(of),
            occasion=Occasion(cause=case_no, letter="某〔2026〕1号"),
            request_id=uuid.uuid4().hex,
        )
        body: Any = (await gateway[1].answer(question)).body
        page = (body.get("data") or {}).get("proceedings") or {"nodes": []}
        return [node["number"] for node in page["nodes"]]

    assert it["number"] in await proceedings(code)
    assert await proceedings("91619900MA00000015") == []
    await recorded(ask, "supervisor", {**it, "closedOn": "2026-06-01"})
