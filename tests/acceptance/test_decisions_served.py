"""A department and its decisions over HTTP, at the process as people run it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.embedded import address
from zhitong.types import Principal

pytestmark = pytest.mark.integration

QUESTIONS = Path(__file__).parents[2] / "infra" / "demo" / "questions"
BUREAU = DEMO_PRINCIPALS["department"]
OTHER = replace(BUREAU, unit="11619900MB0005004U", unit_name="安泽市交通运输局")
CORRECT = """mutation($c: CorrectionInput!) { correctDecision(correction: $c) {
  version change replayed decision { fine } events { receiver } } }"""
LOOK = """query($id: String!) { decision(decisionId: $id) {
  documentNo counterpartyName facts change
  deliveries { totalCount { count } } findings { totalCount { count } } } }"""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Served:
    """A gateway and the state folder it runs on."""

    url: str
    state: Path

    def headers(self, who: Principal) -> dict[str, str]:
        return {
            "authorization": f"Bearer {DemoIssuer(self.state).issue(who)}",
            "zhitong-purpose": "case-handling",
            "zhitong-cause": "2026-12",
        }

    def post(
        self, who: Principal, document: str, **variables: object
    ) -> httpx.Response:
        return httpx.post(
            f"{self.url}/graphql",
            json={"query": document, "variables": variables},
            headers={**self.headers(who), "traceparent": TRACE},
            timeout=30,
        )

    def say(self, who: Principal, document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        answer = self.post(who, document, **variables)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def done(self, document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Have the bureau say something that succeeds; give the one field's value."""
        body = self.say(BUREAU, document, **variables)
        assert "errors" not in body, body
        (only,) = body["data"].values()
        return only

    def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Ask the platform's own database."""
        url = address(self.state, os.environ)("platform")

        async def fetched() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(url)
            try:
                return list(await connection.fetch(statement, *values))
            finally:
                await connection.close()

        return asyncio.run(fetched())


def question(name: str) -> str:
    return (QUESTIONS / f"{name}.graphql").read_text("utf-8")


def codes(body: Mapping[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


@pytest.fixture(scope="module")
def process(zhitong: Zhitong) -> Iterator[subprocess.Popen[str]]:
    code, said = zhitong.run("up")
    assert code == 0, said
    with zhitong.start("serve", "--port", "0") as running:
        deadline = time.monotonic() + 60
        while zhitong.gateway() is None and running.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        try:
            yield running
        finally:
            running.terminate()


@pytest.fixture
def served(process: subprocess.Popen[str], zhitong: Zhitong) -> Served:
    note = zhitong.gateway()
    assert note is not None
    assert note.pid == process.pid
    return Served(note.url, zhitong.state)


@pytest.fixture
def case(served: Served) -> dict[str, Any]:
    """Give a case of the bureau that the registers know all about."""
    for one in served.done(question("open-case"))["nodes"]:
        officers = [
            officer
            for officer in one["officers"] or ()
            if (officer["kind"], officer["status"]) == ("OFFICER", "IN_FORCE")
            and officer["subjectCode"] == one["subjectCode"]
            and (officer["validTo"] or "9999") > "2026-12-31"
        ]
        known = one["counterpartyMatch"] == one["matterMatch"] == "EXACT"
        if known and one["matter"]["status"] == "IN_FORCE" and len(officers) > 1:
            return {**one, "officers": officers}
    raise AssertionError


def penalty(case: Mapping[str, Any], **more: object) -> dict[str, object]:
    number = next(numbers)
    return {
        "localId": f"served-{number}",
        "actType": "PENALTY",
        "subjectCode": case["subjectCode"],
        "subjectName": case["subjectName"],
        "caseSource": "emergency",
        "caseNo": case["caseNo"],
        "matterCode": case["matterCode"],
        "documentNo": f"（安）应急罚〔2026〕9{number:03d}号",
        "decidedOn": "2026-11-20",
        "division": case["division"],
        "title": case["title"],
        "facts": case["facts"] or "违法事实",
        "legalBasis": case["legalBasis"],
        "result": "罚款人民币贰万元整",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": case["counterpartyName"],
        "counterpartyCode": case["counterpartyCode"],
        "representative": case["counterparty"]["representative"] or "王某",
        "officerCertificates": [one["certificateNo"] for one in case["officers"][:2]],
        "reviewNo": "审1号",
        "reviewedOn": "2026-11-19",
        "reviewOpinion": "AGREE",
        "penaltyKinds": ["FINE"],
        "violationType": case["title"],
        "fine": "20000.00",
        "procedure": "ORDINARY",
        **more,
    }


def test_it_asks_before_records_repeats_corrects_and_withdraws(
    served: Served, case: dict[str, Any]
) -> None:
    stated = penalty(case)
    (officer, *_) = case["officers"]
    alone = {**stated, "officerCertificates": [officer["certificateNo"]]}
    found = served.done(question("check-decision"), decision=alone)["findings"]
    assert "penalty-two-officers" in {one["check"] for one in found}
    found = served.done(question("check-decision"), decision=stated)["findings"]
    assert [one for one in found if one["severity"] == "BREACH"] == []
    assert not served.rows(
        "select from decision where document_no = $1", stated["documentNo"]
    )

    first = served.done(question("record-decision"), decision=stated)
    assert (first["version"], first["replayed"]) == (1, False)
    assert first["findings"] == found
    again = served.done(question("record-decision"), decision=stated)
    assert again == {**first, "replayed": True}

    key = first["decisionId"]
    put_right = {
        "decisionId": key,
        "version": 1,
        "decision": {**stated, "fine": "15000.00"},
        "reason": "金额计算有误",
    }
    corrected = served.done(CORRECT, c=put_right)
    assert (corrected["version"], corrected["change"]) == (2, "CORRECTED")
    assert corrected["decision"] == {"fine": "15000.00"}
    ended = {"decisionId": key, "reason": "证据不足", "basis": "复查决定"}
    withdrawn = served.done(question("withdraw-decision"), withdrawal=ended)
    assert (withdrawn["version"], withdrawn["replayed"]) == (3, False)

    shown = served.done(question("deliveries"), id=key)
    assert shown["change"] == "WITHDRAWN"
    assert sorted(
        (one["receiver"], one["version"]) for one in shown["deliveries"]["nodes"]
    ) == [(name, n) for name in ("credit", "provincial") for n in (1, 2, 3)]
    traces = served.rows(
        "select distinct traceparent from outbox where decision_id = $1", key
    )
    assert len(traces) == 1
    assert traces[0][0].split("-")[1] == TRACE.split("-")[1]


def test_others_see_what_the_policy_says_and_change_nothing(
    served: Served, case: dict[str, Any]
) -> None:
    stated = penalty(case)
    refused = served.say(OTHER, question("record-decision"), decision=stated)
    assert codes(refused) == ["DECISION_FOREIGN"]
    key = served.done(question("record-decision"), decision=stated)["decisionId"]
    ended = {"decisionId": key, "reason": "因", "basis": "据"}
    refused = served.say(OTHER, question("withdraw-decision"), withdrawal=ended)
    assert codes(refused) == ["DECISION_FOREIGN"]
    assert served.say(OTHER, LOOK, id=key)["data"]["decision"] is None

    public = served.say(DEMO_PRINCIPALS["public"], LOOK, id=key)["data"]["decision"]
    assert public == {
        "documentNo": stated["documentNo"],
        "counterpartyName": stated["counterpartyName"],
        "facts": None,
        "change": "RECORDED",
        "deliveries": None,
        "findings": None,
    }
    police = served.say(DEMO_PRINCIPALS["police"], LOOK, id=key)["data"]["decision"]
    assert (police["facts"], police["findings"]) == (None, None)
    looked = served.say(DEMO_PRINCIPALS["supervisor"], LOOK, id=key)
    assert looked["data"]["decision"]["facts"] == stated["facts"]
    assert looked["data"]["decision"]["deliveries"] == {"totalCount": {"count": 2}}


def test_a_mutation_by_get_is_refused_and_changes_nothing(
    served: Served, case: dict[str, Any]
) -> None:
    stated = penalty(case, facts="短")
    answer = httpx.get(
        f"{served.url}/graphql",
        params={
            "query": question("record-decision"),
            "variables": json.dumps({"decision": stated}, ensure_ascii=False),
        },
        headers=served.headers(BUREAU),
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert codes(answer.json()) == ["METHOD_NOT_ALLOWED"]
    assert not served.rows(
        "select from decision where document_no = $1", stated["documentNo"]
    )


@pytest.mark.parametrize(
    ("characters", "status", "told"),
    [
        pytest.param(20_000, 200, [], id="as long as they may be"),
        pytest.param(20_001, 200, ["DECISION_FORMAT"], id="one longer"),
        pytest.param(350_000, 413, ["BODY_TOO_LARGE"], id="a megabyte"),
    ],
)
def test_facts_may_be_long_and_not_endless(
    served: Served, case: dict[str, Any], characters: int, status: int, told: list[str]
) -> None:
    stated = penalty(case, facts="实" * characters)
    body = json.dumps(
        {"query": question("record-decision"), "variables": {"decision": stated}},
        ensure_ascii=False,
    ).encode()
    headers = {**served.headers(BUREAU), "content-type": "application/json"}
    answer = httpx.post(f"{served.url}/graphql", content=body, headers=headers)
    assert answer.status_code == status
    found = answer.json()
    assert [one["extensions"]["code"] for one in found.get("errors", [])] == told
    kept = served.rows(
        "select length(facts) from decision where document_no = $1",
        stated["documentNo"],
    )
    assert [row[0] for row in kept] == ([] if told else [characters])
