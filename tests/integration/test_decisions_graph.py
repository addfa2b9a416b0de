"""Departments at the ledger, through the graph: what they do, and who sees what."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from zhitong.connectors.pool import Pool
from zhitong.exceptions import RecordUnavailableError
from zhitong.infra.clients_file import read_clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.resolvers import budget
from zhitong.resolvers.records import Recorder
from zhitong.schema.decision_inputs import UNREAD
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.schema.entities import ENTITIES
from zhitong.types import Inquiry, Occasion, Principal

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

BUREAU = DEMO_PRINCIPALS["department"]
OTHER = replace(BUREAU, unit="11619900MB0005004U", unit_name="安泽市交通运输局")
SEALED = "11010519491231002X"
RECORDED = """{ decisionId version change contentHash recordedAt replayed
  findings { check severity messageZh messageEn ruleSource } events { receiver eventId }
  decision { documentNo fine change changeReason counterpartyName recordedBy
    findings(first: 100) { totalCount { count }
      nodes { check severity recordedBy version } }
    deliveries(first: 10, orderBy: {by: deliveryId, direction: ASC}) { nodes {
      receiver version change status attempts to { titleZh status } } } } }"""
RECORD = f"mutation($d: DecisionInput!) {{ recordDecision(decision: $d) {RECORDED} }}"
WITHDRAW = (
    f"mutation($w: WithdrawalInput!) {{ withdrawDecision(withdrawal: $w) {RECORDED} }}"
)
CORRECT = (
    f"mutation($c: CorrectionInput!) {{ correctDecision(correction: $c) {RECORDED} }}"
)
CHECK = """query($d: DecisionInput!) { checkDecision(decision: $d) {
  decisionId contentHash
  findings { check severity messageZh messageEn ruleSource } } }"""


def penalty(**more: object) -> dict[str, object]:
    number = uuid.uuid4().hex[:12]
    return {
        "localId": f"graph-{number}",
        "actType": "PENALTY",
        "subjectCode": BUREAU.unit,
        "documentNo": f"（安）应急罚〔2026〕{int(number, 16)}号",
        "decidedOn": "2026-06-01",
        "division": "619900",
        "title": "未按规定培训",
        "facts": "金丝雀事实",
        "result": "罚款人民币贰万元整",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "安泽金丝雀化工有限公司",
        "counterpartyCode": "91110000600037341L",
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
        "procedure": "ORDINARY",
        **more,
    }


@pytest.fixture
def say(gateway: tuple[Gateway, Engine]) -> Callable[..., Awaitable[Answer]]:
    """Give ``say(principal, document, variables)``."""

    async def said(principal: Principal, document: str, **variables: object) -> Answer:
        return await gateway[1].answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=principal,
                occasion=Occasion(),
                request_id=uuid.uuid4().hex,
                allowance=read_clients().allowance(principal),
            )
        )

    return said


def given(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    assert "errors" not in answer.body, answer.body
    (only,) = dict(answer.body["data"]).values()  # type: ignore[call-overload]
    return only


def codes(answer: Answer) -> list[str]:
    errors: Any = answer.body.get("errors", [])
    return [error["extensions"]["code"] for error in errors]


async def test_what_is_checked_before_is_what_is_found_when_it_is_recorded(
    say: Asking, sql: Sql
) -> None:
    stated = penalty()
    checked = given(await say(BUREAU, CHECK, d=stated))
    empty = '{ decisions(where: {decisionId: {eq: "%s"}}) { totalCount { count } } }'
    before = given(await say(BUREAU, empty % checked["decisionId"]))
    assert before == {"totalCount": {"count": 0}}  # it had no effect

    recorded = given(await say(BUREAU, RECORD, d=stated))
    assert (recorded["version"], recorded["change"]) == (1, "RECORDED")
    assert recorded["replayed"] is False
    for name in ("decisionId", "contentHash", "findings"):
        assert recorded[name] == checked[name]
    breaches = [
        one["check"] for one in recorded["findings"] if one["severity"] == "BREACH"
    ]
    assert breaches == ["penalty-two-officers"]

    read = recorded["decision"]
    assert read["fine"] == "20000.00"
    assert read["recordedBy"] == BUREAU.unit
    assert read["findings"]["totalCount"] == {"count": len(recorded["findings"])}
    assert [one["check"] for one in read["findings"]["nodes"]].count("party-known") == 1
    assert [
        (one["receiver"], one["status"]) for one in read["deliveries"]["nodes"]
    ] == [
        ("credit", "PENDING"),
        ("provincial", "PENDING"),
    ]
    events = await sql(
        "platform",
        "select receiver, event_id from outbox where decision_id = $1",
        recorded["decisionId"],
    )
    assert {(one["receiver"], one["eventId"]) for one in recorded["events"]} == {
        tuple(row) for row in events
    }
    assert len(events) == 2


async def test_the_same_once_more_changes_nothing_and_other_content_shows_the_hash(
    say: Asking, sql: Sql
) -> None:
    stated = penalty()
    first = given(await say(BUREAU, RECORD, d=stated))
    again = given(await say(BUREAU, RECORD, d=stated))
    assert again == {**first, "replayed": True}
    other = await say(BUREAU, RECORD, d={**stated, "fine": "30000"})
    assert codes(other) == ["DECISION_CONFLICT"]
    errors: Any = other.body["errors"]
    assert first["contentHash"] in errors[0]["extensions"]["details"].values()
    twice = await say(BUREAU, RECORD, d={**stated, "localId": "another"})
    assert codes(twice) == ["DECISION_DUPLICATE"]
    rows = await sql(
        "platform",
        "select count(*) from outbox where decision_id = $1",
        first["decisionId"],
    )
    assert rows[0][0] == 2


async def test_a_correction_and_a_withdrawal_are_versions_with_events_of_their_own(
    say: Asking,
) -> None:
    stated = penalty()
    first = given(await say(BUREAU, RECORD, d=stated))
    key = first["decisionId"]
    put_right = {
        "decisionId": key,
        "version": 1,
        "decision": {**stated, "fine": "15000"},
        "reason": "金额计算有误",
    }
    second = given(await say(BUREAU, CORRECT, c=put_right))
    assert (second["version"], second["change"]) == (2, "CORRECTED")
    assert second["decision"]["fine"] == "15000.00"
    assert second["decision"]["changeReason"] == "金额计算有误"
    assert second["contentHash"] != first["contentHash"]

    stale = {**put_right, "decision": {**stated, "fine": "1"}}
    assert codes(await say(BUREAU, CORRECT, c=stale)) == ["DECISION_STALE"]

    ended = {"decisionId": key, "reason": "证据不足", "basis": "复查决定"}
    third = given(await say(BUREAU, WITHDRAW, w=ended))
    assert (third["version"], third["change"]) == (3, "WITHDRAWN")
    deliveries = third["decision"]["deliveries"]["nodes"]
    assert sorted((one["receiver"], one["version"]) for one in deliveries) == [
        (receiver, version)
        for receiver in ("credit", "provincial")
        for version in (1, 2, 3)
    ]
    assert given(await say(BUREAU, WITHDRAW, w=ended))["replayed"] is True


async def test_fields_of_a_mutation_run_in_order_and_each_sees_what_it_changed(
    say: Asking,
) -> None:
    stated = penalty()
    first = given(await say(BUREAU, RECORD, d=penalty()))
    document = f"""mutation(
      $d: DecisionInput!, $bad: DecisionInput!, $w: WithdrawalInput!) {{
      one: recordDecision(decision: $d) {RECORDED}
      refused: recordDecision(decision: $bad) {RECORDED}
      two: withdrawDecision(withdrawal: $w) {RECORDED} }}"""
    answer = await say(
        BUREAU,
        document,
        d=stated,
        bad=penalty(fine="-1"),
        w={"decisionId": first["decisionId"], "reason": "因", "basis": "据"},
    )
    assert codes(answer) == ["DECISION_FORMAT"]
    data: Any = answer.body["data"]
    assert data["refused"] is None
    assert data["one"]["decision"]["change"] == "RECORDED"
    assert data["two"]["decision"]["change"] == "WITHDRAWN"

    key = data["one"]["decisionId"]
    both = f"""mutation($c: CorrectionInput!, $w: WithdrawalInput!) {{
      one: correctDecision(correction: $c) {RECORDED}
      two: withdrawDecision(withdrawal: $w) {RECORDED} }}"""
    answer = await say(
        BUREAU,
        both,
        c={
            "decisionId": key,
            "version": 1,
            "reason": "误",
            "decision": {**stated, "fine": "1"},
        },
        w={"decisionId": key, "reason": "因", "basis": "据"},
    )
    data = answer.body["data"]
    counts = [
        len(data[one]["decision"]["deliveries"]["nodes"]) for one in ("one", "two")
    ]
    assert counts == [4, 6]  # what was read for the first is not given to the second


REFUSED = [
    pytest.param({"decidedOn": "2999-01-01"}, "DECISION_FORMAT", id="a day to come"),
    pytest.param({"fine": "-0.01"}, "DECISION_FORMAT", id="a negative fine"),
    pytest.param({"fine": "1.005"}, "SCALAR", id="part of a fen"),
    pytest.param({"decidedOn": "2026-02-30"}, "SCALAR", id="no day"),
    pytest.param({"subjectCode": "119"}, "DECISION_UNIDENTIFIED", id="no subject"),
    pytest.param({"documentNo": " "}, "DECISION_UNIDENTIFIED", id="no number"),
    pytest.param({"counterpartyName": ""}, "DECISION_UNIDENTIFIED", id="no party"),
    pytest.param({"localId": ""}, "DECISION_UNIDENTIFIED", id="no id"),
    pytest.param({"localId": "x" * 4000}, "DECISION_UNIDENTIFIED", id="a long id"),
    pytest.param({"documentNo": "号" * 4000}, "DECISION_FORMAT", id="a long number"),
    pytest.param({"counterpartyName": "名" * 4000}, "DECISION_FORMAT", id="long name"),
    pytest.param({"facts": "实\0"}, "DECISION_FORMAT", id="U+0000"),
    pytest.param({"actType": "UNRECOGNISED"}, "DECISION_FORMAT", id="an unknown act"),
    pytest.param(
        {"licenceKind": "UNRECOGNISED"}, "DECISION_FORMAT", id="an unknown code"
    ),
    pytest.param({"validFrom": "2026-01-01"}, "DECISION_FORMAT", id="half a licence"),
    pytest.param({"penaltyKinds": ["FLOGGING"]}, "DOCUMENT_INVALID", id="no code"),
    pytest.param({"localId": None}, "DOCUMENT_INVALID", id="a null id"),
    pytest.param(
        {
            "counterpartyKind": "NATURAL_PERSON",
            "idKind": "RESIDENT_ID",
            "idNumber": "110105194912310021",
        },
        "DECISION_FORMAT",
        id="a wrong ID number",
    ),
]


@pytest.mark.parametrize(("changed", "code"), REFUSED)
@pytest.mark.parametrize("document", [CHECK, RECORD], ids=["checked", "recorded"])
async def test_what_cannot_be_a_decision_is_refused_before_and_when_recorded(
    say: Asking, sql: Sql, document: str, changed: Mapping[str, object], code: str
) -> None:
    stated = penalty(**changed)
    answer = await say(BUREAU, document, d=stated)
    assert codes(answer) == [code]
    assert "110105194912310021" not in str(answer.body)
    rows = await sql(
        "platform",
        "select count(*) from decision where document_no = $1",
        str(penalty()["documentNo"])
        if "documentNo" in changed
        else stated["documentNo"],
    )
    assert rows[0][0] == 0


@pytest.mark.parametrize(
    "principal",
    [
        pytest.param(OTHER, id="another department"),
        *(
            pytest.param(DEMO_PRINCIPALS[who], id=who)
            for who in ("police", "own-officer", "supervisor", "public", "operator")
        ),
    ],
)
async def test_nobody_decides_for_a_department(
    say: Asking, principal: Principal
) -> None:
    stated = penalty()
    assert codes(await say(principal, CHECK, d=stated)) == ["DECISION_FOREIGN"]
    assert codes(await say(principal, RECORD, d=stated)) == ["DECISION_FOREIGN"]
    first = given(await say(BUREAU, RECORD, d=stated))
    key = first["decisionId"]
    ended = {"decisionId": key, "reason": "因", "basis": "据"}
    assert codes(await say(principal, WITHDRAW, w=ended)) == ["DECISION_FOREIGN"]
    put_right = {"decisionId": key, "version": 1, "decision": stated, "reason": "因"}
    assert codes(await say(principal, CORRECT, c=put_right)) == ["DECISION_FOREIGN"]
    again = given(await say(BUREAU, RECORD, d=stated))
    assert (again["version"], again["replayed"]) == (1, True)


async def test_an_unknown_decision_is_said_to_be_unknown(say: Asking) -> None:
    for key in (str(uuid.uuid4()), "no id"):
        ended = {"decisionId": key, "reason": "因", "basis": "据"}
        assert codes(await say(BUREAU, WITHDRAW, w=ended)) == ["DECISION_UNKNOWN"]


async def test_who_records_none_is_not_told_whether_there_is_such_a_decision(
    say: Asking,
) -> None:
    kept = given(await say(BUREAU, RECORD, d=penalty()))["decisionId"]
    for key in (kept, str(uuid.uuid4())):
        ended = {"decisionId": key, "reason": "因", "basis": "据"}
        for who in ("public", "police"):
            answer = await say(DEMO_PRINCIPALS[who], WITHDRAW, w=ended)
            assert codes(answer) == ["DECISION_FOREIGN"]


LOOK = """query($id: String!) {
  decision(decisionId: $id) { documentNo title result facts counterpartyName
    representative contentHash change recordedBy
    findings(first: 50) { nodes { check } }
    deliveries { nodes { receiver
      to { name waiting } receipts { nodes { answer } } } } }
  findings(first: 200, where: {decisionId: {eq: $id}}) { nodes { check } }
  deliveries(where: {decisionId: {eq: $id}}) { nodes { receiver status } } }"""
LISTS = (
    """{ receivers { nodes { name topic waiting } } receipts { nodes { answer } } }"""
)


async def looked(say: Asking, who: Principal, key: str) -> Any:  # noqa: ANN401 - JSON
    answer = await say(who, LOOK, id=key)
    # Lists of what may not be seen cannot be narrowed down either.
    assert set(codes(answer)) <= {"FIELD_HIDDEN"}
    return answer.body["data"]


async def test_who_sees_what_of_a_decision_is_as_the_policy_says(say: Asking) -> None:
    stated = penalty(representative="金丝雀代表")
    first = given(await say(BUREAU, RECORD, d=stated))
    key, found = first["decisionId"], len(first["findings"])

    own = await looked(say, BUREAU, key)
    assert own["decision"]["facts"] == "金丝雀事实"
    assert len(own["decision"]["findings"]["nodes"]) == found
    assert len(own["findings"]["nodes"]) == found
    assert len(own["deliveries"]["nodes"]) == 2
    assert own["decision"]["deliveries"]["nodes"][0]["to"]["waiting"] is None

    other = await looked(say, OTHER, key)
    assert other == {
        "decision": None,
        "findings": {"nodes": []},
        "deliveries": {"nodes": []},
    }

    supervisor = await looked(say, DEMO_PRINCIPALS["supervisor"], key)
    assert supervisor["decision"]["representative"] == "金丝雀代表"
    assert len(supervisor["findings"]["nodes"]) == found
    assert supervisor["decision"]["deliveries"]["nodes"][0]["to"]["waiting"] >= 1

    public = await looked(say, DEMO_PRINCIPALS["public"], key)
    assert public["decision"]["counterpartyName"] == "安泽金丝雀化工有限公司"
    assert public["decision"]["result"] == "罚款人民币贰万元整"
    withheld = ("facts", "representative", "contentHash", "recordedBy")
    assert [public["decision"][name] for name in withheld] == [None] * 4
    assert (public["findings"], public["deliveries"]) == (None, None)
    assert public["decision"]["findings"] is None

    police = await looked(say, DEMO_PRINCIPALS["police"], key)
    assert police["decision"]["documentNo"] == stated["documentNo"]
    assert police["decision"]["facts"] is None  # no cause is stated
    assert (police["findings"], police["deliveries"]) == (None, None)

    operator = await looked(say, DEMO_PRINCIPALS["operator"], key)
    assert (operator["decision"], operator["findings"]) == (None, None)
    assert len(operator["deliveries"]["nodes"]) == 2

    auditor = await looked(say, DEMO_PRINCIPALS["auditor"], key)
    # Findings about a decision are its supervisor's; those about looks are here.
    assert (auditor["decision"], auditor["findings"]) == (None, {"nodes": []})
    assert len(auditor["deliveries"]["nodes"]) == 2


@pytest.mark.parametrize(
    ("who", "receivers", "receipts"),
    [
        ("supervisor", True, True),
        ("operator", True, False),
        ("auditor", False, True),
        ("police", False, False),
        ("public", False, False),
    ],
)
async def test_receivers_and_receipts_are_for_those_who_answer_for_them(
    say: Asking, who: str, *, receivers: bool, receipts: bool
) -> None:
    data: Any = (await say(DEMO_PRINCIPALS[who], LISTS)).body["data"]
    assert (data["receivers"] is not None) is receivers
    assert (data["receipts"] is not None) is receipts
    if receivers:
        shown = [(one["name"], one["topic"]) for one in data["receivers"]["nodes"]]
        assert shown == [
            ("credit", "zhitong.anze.credit.v1"),
            ("provincial", "zhitong.anze.provincial.v1"),
        ]


async def test_a_relation_to_what_is_wholly_hidden_is_listed_with_its_rule(
    say: Asking,
) -> None:
    entered = given(await say(BUREAU, RECORD, d=penalty()))
    below = """{ decision(decisionId: "%s") { decisionId
      findings(first: 1) { nodes { check } }
      deliveries(first: 1) { nodes { status } } } }"""
    answer = await say(DEMO_PRINCIPALS["police"], below % entered["decisionId"])
    assert given(answer) == {
        "decisionId": entered["decisionId"],
        "findings": None,
        "deliveries": None,
    }
    listed: Any = answer.body["extensions"]
    assert [
        (one["type"], one["field"], one["verdict"], one["rule"], one["reason"]["zh"])
        for one in listed["access"]
    ] == [
        (
            type_name,
            "*",
            "DENY",
            "streams-not-for-enquirers",
            "核验发现、签署和推送情况由登记部门、监督机构和运维人员查看",
        )
        for type_name in ("Delivery", "Finding")
    ]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"finne": "1"}, id="an unknown field"),
        pytest.param({"fine": SEALED}, id="an amount"),
        pytest.param({"fine": [SEALED]}, id="a list for an amount"),
        pytest.param({"decidedOn": SEALED}, id="a day"),
        pytest.param({"decidedOn": None}, id="no day"),
        pytest.param({"actType": SEALED}, id="a code"),
        pytest.param({"penaltyKinds": [SEALED]}, id="a code in a list"),
        pytest.param({"officerCertificates": [{"no": SEALED}]}, id="an object"),
        pytest.param({"idNumber": int(SEALED[:-1])}, id="a number"),
        pytest.param({"idNumber": [SEALED]}, id="a list"),
        pytest.param({"hearing": SEALED}, id="a truth"),
        pytest.param({SEALED: 1}, id="a name"),
        pytest.param({"idKind": "RESIDENT_ID", "idNumber": SEALED[:-2]}, id="cut"),
    ],
)
async def test_no_refusal_repeats_an_id_number_of_its_variables(
    say: Asking, caplog: pytest.LogCaptureFixture, more: Mapping[str, object]
) -> None:
    sent = {**penalty(representativeIdNumber=SEALED, idNumber=SEALED), **more}
    for document in (RECORD, CHECK):
        answer = await say(BUREAU, document, d=sent)
        assert codes(answer) != []
        assert SEALED[:-2] not in json.dumps(answer.body) + caplog.text


async def test_the_public_counts_standing_decisions_by_time(say: Asking) -> None:
    entered = given(await say(BUREAU, RECORD, d=penalty()))
    counted = """query($at: DateTime!) { decisions(first: 1, where: {
      origin: {eq: PLATFORM}, changedAt: {gte: $at}, recordedAt: {gte: $at} })
      { totalCount { count } nodes { decisionId origin recordedAt } } }"""
    at = entered["recordedAt"]
    public = DEMO_PRINCIPALS["public"]
    assert given(await say(public, counted, at=at)) == {
        "totalCount": {"count": 1},
        "nodes": [
            {
                "decisionId": entered["decisionId"],
                "origin": "PLATFORM",
                "recordedAt": at,
            }
        ],
    }
    gone = {"decisionId": entered["decisionId"], "reason": "误", "basis": "法"}
    given(await say(BUREAU, WITHDRAW, w=gone))
    assert given(await say(public, counted, at=at))["nodes"] == []


async def test_blank_amounts_and_days_are_nothing(say: Asking) -> None:
    blank = penalty(fine="", confiscated=" ", validTo="", penaltyKinds=["WARNING"])
    read = given(await say(BUREAU, RECORD, d=blank))["decision"]
    assert read["fine"] is None


async def test_what_is_withdrawn_is_no_longer_public(say: Asking) -> None:
    first = given(await say(BUREAU, RECORD, d=penalty()))
    key = first["decisionId"]
    ended = {"decisionId": key, "reason": "因", "basis": "据"}
    given(await say(BUREAU, WITHDRAW, w=ended))
    assert (await looked(say, DEMO_PRINCIPALS["public"], key))["decision"] is None
    police = await looked(say, DEMO_PRINCIPALS["police"], key)
    assert police["decision"]["change"] == "WITHDRAWN"


async def test_a_natural_person_is_masked_for_the_public_and_its_number_for_all(
    say: Asking,
) -> None:
    stated = penalty(
        counterpartyKind="NATURAL_PERSON",
        counterpartyName="金丝雀",
        counterpartyCode=None,
        idKind="RESIDENT_ID",
        idNumber=SEALED,
        title="关于金丝雀违法一案",
    )
    recorded = await say(BUREAU, RECORD, d=stated)
    key = given(recorded)["decisionId"]
    names = " ".join(ENTITIES["Decision"].fields)
    whole = f'{{ decision(decisionId: "{key}") {{ {names} }} }}'
    bodies = {
        who: str((await say(principal, whole)).body)
        for who, principal in DEMO_PRINCIPALS.items()
    }
    assert SEALED not in str(recorded.body)
    assert [who for who, body in bodies.items() if SEALED in body] == []
    public = await looked(say, DEMO_PRINCIPALS["public"], key)
    assert public["decision"]["counterpartyName"] == "金**"
    assert public["decision"]["title"] is None
    assert "金丝雀" not in bodies["public"]
    assert "金丝雀" in bodies["supervisor"]


async def test_an_answer_that_cannot_be_recorded_is_no_word_on_the_decision(
    say: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Recorder.record

    async def away(self: Recorder, inquiry: Inquiry) -> str | None:
        if inquiry.principal.kind == "department":
            raise RecordUnavailableError("登记簿", "the register")
        return await record(self, inquiry)

    stated = penalty()
    with monkeypatch.context() as patched:
        patched.setattr(Recorder, "record", away)
        answer = await say(BUREAU, RECORD, d=stated)
    assert (codes(answer), answer.status) == (["RECORD_UNAVAILABLE"], 503)
    errors: Any = answer.body["errors"]
    assert errors[0]["extensions"]["retriable"] is True
    again = given(await say(BUREAU, RECORD, d=stated))
    assert (again["version"], again["replayed"]) == (1, True)


async def test_a_mutation_whose_answer_is_too_wide_says_what_it_has_done(
    say: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = penalty()
    document = f"""mutation($d: DecisionInput!, $bad: DecisionInput!) {{
      done: recordDecision(decision: $d) {RECORDED}
      refused: recordDecision(decision: $bad) {RECORDED} }}"""
    with monkeypatch.context() as patched:
        patched.setattr(budget, "MOST_BUILT", 20)
        answer = await say(BUREAU, document, d=stated, bad=penalty(fine="-1"))
    assert (codes(answer), answer.status) == (["DECISION_FORMAT", "TOO_WIDE"], 200)
    assert answer.executed
    assert answer.record_id
    data: Any = answer.body["data"]
    assert data["refused"] is None
    done = data["done"]
    assert (done["version"], done["change"], done["replayed"]) == (1, "RECORDED", False)
    assert [one["receiver"] for one in done["events"]] == ["credit", "provincial"]
    assert done["findings"]
    assert done["decision"] is None  # what was read of it is cut: it is not shown
    again = given(await say(BUREAU, RECORD, d=stated))
    assert (again["decisionId"], again["replayed"]) == (done["decisionId"], True)
    assert again["events"] == done["events"]


async def test_the_callers_trace_goes_with_the_event(say: Asking, sql: Sql) -> None:
    context = SpanContext(
        trace_id=0x0AF7651916CD43DD8448EB211C80319C,
        span_id=0xB7AD6B7169203331,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    with use_span(NonRecordingSpan(context)):
        first = given(await say(BUREAU, RECORD, d=penalty()))
    rows = await sql(
        "platform",
        "select distinct traceparent from outbox where decision_id = $1",
        first["decisionId"],
    )
    assert [row[0] for row in rows] == [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ]


async def test_a_licence_is_read_as_it_was_sent(say: Asking) -> None:
    stated = penalty(
        actType="LICENCE",
        penaltyKinds=None,
        fine=None,
        procedure=None,
        licenceKind="ORDINARY",
        certificateName="危险化学品经营许可证",
        certificateNo="安危经字〔2026〕1号",
        validFrom="2026-06-01",
        validTo="2029-05-31",
        collective=True,
        reviewNo="审1号",
        reviewedOn="2026-05-30",
        reviewOpinion="AGREE",
    )
    first = given(await say(BUREAU, RECORD, d=stated))
    fields = ENTITIES["Decision"].fields.keys() - UNREAD.keys()
    names = [one for one in stated if one in fields]
    document = (
        f'{{ decision(decisionId: "{first["decisionId"]}") {{ {" ".join(names)} }} }}'
    )
    read = given(await say(BUREAU, document))
    assert read == {**{name: stated[name] for name in names}, "penaltyKinds": []}


async def test_the_decision_in_the_documents_is_recorded_as_it_stands_there(
    say: Asking,
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text("utf-8")
    check, record, _, _, *rest = re.findall(
        r"```graphql\n(.*?)```", page, flags=re.DOTALL
    )
    (proceeding,) = [one for one in rest if "recordProceeding" in one]
    (deliveries,) = [one for one in rest if "recordProceeding" not in one]
    (variables,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    stated = json.loads(variables)
    checked = given(await say(BUREAU, check, **stated))
    recorded = given(await say(BUREAU, record, **stated))
    assert len(recorded["findings"]) == len(checked["findings"])
    assert (recorded["version"], len(recorded["events"])) == (1, 2)
    shown = given(await say(BUREAU, deliveries, id=recorded["decisionId"]))
    assert (shown["version"], len(shown["deliveries"]["nodes"])) == (1, 2)
    opened = given(await say(DEMO_PRINCIPALS["supervisor"], proceeding))
    assert opened["version"] == 1


UNSENT = """query($id: String!, $not: Boolean!) {
  deliveries(where: {decisionId: {eq: $id}, sentAt: {present: $not}}) {
    nodes { receiver sentAt } } }"""


async def test_what_has_not_left_yet_is_found_by_the_absence_of_a_moment(
    say: Asking, sql: Sql
) -> None:
    key = given(await say(BUREAU, RECORD, d=penalty()))["decisionId"]
    await sql("platform", "select outbox_sent_month(current_date)")
    await sql(
        "platform",
        """with gone as (delete from outbox
            where decision_id = $1 and receiver = 'credit' returning *)
        insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version,
            change, topic, key, schema, payload, traceparent, created_at, attempts)
        select seq, bucket, event_id, receiver, decision_id, version,
            change, topic, key, schema, payload, traceparent, created_at, attempts
        from gone""",
        key,
    )
    waiting = given(await say(BUREAU, UNSENT, **{"id": key, "not": False}))["nodes"]
    assert waiting == [{"receiver": "provincial", "sentAt": None}]
    (sent,) = given(await say(BUREAU, UNSENT, **{"id": key, "not": True}))["nodes"]
    assert (sent["receiver"], sent["sentAt"] is None) == ("credit", False)


MANY = """{ decisions(first: 20) { nodes { documentNo
  findings(first: 5) { nodes { check } }
  deliveries(first: 5) { nodes { status to { name } receipts { nodes { answer } } } }
} } }"""


async def test_a_list_of_decisions_costs_a_statement_for_each_level(
    say: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        given(await say(BUREAU, RECORD, d=penalty()))
    sent: list[str] = []
    fetch = Pool.fetch

    async def counted(
        self: Pool, sql: str, parameters: Sequence[object], *, probe: bool = False
    ) -> list[asyncpg.Record]:
        sent.append(self._name)
        return await fetch(self, sql, parameters, probe=probe)

    monkeypatch.setattr(Pool, "fetch", counted)
    rows = given(await say(DEMO_PRINCIPALS["supervisor"], MANY))["nodes"]
    assert len(rows) >= 3
    assert {len(row["deliveries"]["nodes"]) for row in rows} >= {2}
    # Decisions, findings, deliveries, receivers, receipts.
    assert sent == ["platform"] * 5


async def test_the_public_reads_no_id_number_in_a_decisions_words(say: Asking) -> None:
    words = f"张三（{SEALED}）未按规定培训"
    recorded = given(await say(BUREAU, RECORD, d=penalty(title=words, result=words)))
    by_id = f'(where: {{decisionId: {{eq: "{recorded["decisionId"]}"}}}})'
    read = f"{{ decisions{by_id} {{ nodes {{ title result }} }} }}"
    public = DEMO_PRINCIPALS["public"]
    masked = f"张三（1{'*' * 16}X）未按规定培训"
    assert given(await say(public, read)) == {
        "nodes": [{"title": masked, "result": masked}]
    }
    assert given(await say(BUREAU, read)) == {
        "nodes": [{"title": words, "result": words}]
    }
    found = '{ decisions(where: {title: {contains: "张三"}}) { totalCount { count } } }'
    assert codes(await say(public, found)) == ["FIELD_HIDDEN"]


async def test_nobody_reads_or_finds_an_id_number_in_names_that_are_open_to_all(
    say: Asking,
) -> None:
    named = f"张三商店（{SEALED}）"
    stated = dict.fromkeys(
        ("subjectName", "counterpartyName", "legalBasis", "violationType"), named
    )
    kind = "INDIVIDUAL_BUSINESS"
    recorded = given(
        await say(BUREAU, RECORD, d=penalty(**stated, counterpartyKind=kind))
    )
    by_id = f'decisionId: {{eq: "{recorded["decisionId"]}"}}'
    read = f"{{ decisions(where: {{{by_id}}}) {{ nodes {{ {' '.join(stated)} }} }} }}"
    masked = dict.fromkeys(stated, f"张三商店（1{'*' * 16}X）")
    for who in (DEMO_PRINCIPALS["public"], BUREAU):
        assert given(await say(who, read)) == {"nodes": [masked]}
    for name in ("counterpartyName", "violationType"):
        found = (
            f'{{ decisions(where: {{{by_id}, {name}: {{contains: "{SEALED[:6]}"}}}}) '
            "{ nodes { decisionId } } }"
        )
        assert given(await say(DEMO_PRINCIPALS["public"], found)) == {"nodes": []}


async def test_what_receivers_are_given_is_on_record_with_the_entry_or_not_at_all(
    say: Asking, sql: Sql
) -> None:
    party = {
        "counterpartyKind": "NATURAL_PERSON",
        "counterpartyName": "金丝雀",
        "counterpartyCode": None,
        "idKind": "RESIDENT_ID",
        "idNumber": SEALED,
    }
    stated = penalty(**party)
    recorded = given(await say(BUREAU, RECORD, d=stated))
    given(await say(BUREAU, RECORD, d=stated))
    again = await say(BUREAU, RECORD, d={**stated, "title": "另一内容"})
    assert codes(again) == ["DECISION_CONFLICT"]
    looks = await sql(
        "platform",
        "select a.* from access_record a join outbox o "
        "on a.record_id = o.event_id::text || '/' || o.receiver "
        "where o.decision_id = $1 order by a.record_id",
        recorded["decisionId"],
    )
    assert [
        (one["requester_kind"], one["purpose"], one["operation"], one["tenant"])
        for one in looks
    ] == [
        ("credit-system", "double-publicity", "push:credit", "anze"),
        ("provincial-platform", "provincial-supervision", "push:provincial", "anze"),
    ]
    credit, provincial = (one["looks"][0] for one in looks)
    assert credit.startswith("Decision@platform 1 ")
    assert "counterpartyIdNumber=ALLOW" in credit
    assert "IdNumber" not in provincial
    assert [len(one["subjects"]) for one in looks] == [1, 1]
    assert SEALED not in str(looks)
    (count,) = await sql(
        "platform",
        "select count(*) from access_record where operation like 'push:%' "
        "and subjects = $1",
        looks[0]["subjects"],
    )
    assert count["count"] == 2
