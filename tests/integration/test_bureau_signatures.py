"""Decisions signed by their bureau, through the graph and into the log."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from zhitong.connectors import key_ring
from zhitong.connectors.key_ring import Because
from zhitong.connectors.ledger_entry import opening_place
from zhitong.connectors.sealing import Sealing, unseal
from zhitong.connectors.signers import ECDSA, SM2, FileSigner, file_signer, generate
from zhitong.infra.bureau_signing import sign
from zhitong.infra.clients_file import read_clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.infra.secret import secret
from zhitong.rules.statements import keyed
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Any]]
Enrolled = Callable[..., Awaitable[FileSigner]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

BUREAU = DEMO_PRINCIPALS["department"]
SEALED = "11010519491231002X"
SIGNED = """decisionId version replayed findings { check severity messageZh }
  decision { signatures(first: 10, orderBy: {by: signatureId, direction: ASC}) { nodes {
    version state keyId algorithm signedAt statement differs recordedBy } } }"""
RECORD = f"""mutation($decision: DecisionInput!, $signature: SignatureInput) {{
  recordDecision(decision: $decision, signature: $signature) {{ {SIGNED} }} }}"""
CORRECT = f"""mutation($correction: CorrectionInput!, $signature: SignatureInput) {{
  correctDecision(correction: $correction, signature: $signature) {{ {SIGNED} }} }}"""
WITHDRAW = f"""mutation($withdrawal: WithdrawalInput!, $signature: SignatureInput) {{
  withdrawDecision(withdrawal: $withdrawal, signature: $signature) {{ {SIGNED} }} }}"""
CHECK = """query($decision: DecisionInput!, $signature: SignatureInput) {
  checkDecision(decision: $decision, signature: $signature) {
    findings { check severity messageZh } } }"""


BECAUSE = Because(who="tester", reason="试签")


def penalty(**more: object) -> dict[str, object]:
    number = uuid.uuid4().hex[:12]
    return {
        "localId": f"signed-{number}",
        "actType": "PENALTY",
        "subjectCode": BUREAU.unit,
        "documentNo": f"（安）应急罚〔2026〕{int(number, 16)}号",
        "decidedOn": "2026-06-01",
        "counterpartyKind": "NATURAL_PERSON",
        "counterpartyName": "金丝雀",
        "idKind": "RESIDENT_ID",
        "idNumber": SEALED,
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
        "procedure": "ORDINARY",
        **more,
    }


@pytest.fixture
def say(gateway: tuple[Gateway, Engine]) -> Asking:
    """Give ``say(document, **variables)``: the bureau's question, and its answer."""

    async def said(document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        answer: Answer = await gateway[1].answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=BUREAU,
                occasion=Occasion(),
                request_id=uuid.uuid4().hex,
                allowance=read_clients().allowance(BUREAU),
            )
        )
        assert "errors" not in answer.body, answer.body
        (only,) = dict(answer.body["data"]).values()  # type: ignore[call-overload]
        return only

    return said


@pytest.fixture
def enrolled(
    addresses: Mapping[str, str],
) -> Enrolled:
    """Give ``enrolled(algorithm)``: a key that is registered for the bureau."""

    async def made(algorithm: str = ECDSA, unit: str = BUREAU.unit) -> FileSigner:
        signer = file_signer(generate(algorithm))
        connection = await asyncpg.connect(addresses["platform"])
        try:
            await key_ring.register(
                connection, key_ring.BUREAU, signer.spki, None, BECAUSE, unit=unit
            )
        finally:
            await connection.close()
        return signer

    return made


def about_signature(answer: Mapping[str, Any]) -> list[str]:
    return [
        one["check"]
        for one in answer["findings"]
        if one["check"].startswith("signature-")
    ]


def signatures(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = answer["decision"]["signatures"]["nodes"]
    return nodes


@pytest.mark.parametrize("algorithm", [ECDSA, SM2])
async def test_a_signed_decision_is_kept_with_its_signature(
    say: Asking, enrolled: Enrolled, sql: Sql, algorithm: str
) -> None:
    signer, stated = await enrolled(algorithm), penalty()
    signature = sign(signer, {"decision": stated})
    checked = await say(CHECK, decision=stated, signature=signature)
    assert about_signature(checked) == []
    came = await say(RECORD, decision=stated, signature=signature)
    assert about_signature(came) == []
    (kept,) = signatures(came)
    assert (kept["state"], kept["keyId"]) == ("HOLDS", signer.key_id)
    assert (kept["algorithm"], kept["statement"]) == (algorithm, signature["statement"])
    (leaf,) = await sql(
        "platform",
        "select body from audit_leaf where decision_id = $1",
        came["decisionId"],
    )
    assert orjson.loads(leaf["body"])["signature"]["statement"] == kept["statement"]
    assert SEALED.encode() not in leaf["body"]


async def test_an_unsigned_decision_is_registered_and_has_none(
    say: Asking, sql: Sql
) -> None:
    came = await say(RECORD, decision=penalty())
    assert signatures(came) == []
    assert about_signature(came) == []
    (leaf,) = await sql(
        "platform",
        "select body from audit_leaf where decision_id = $1",
        came["decisionId"],
    )
    assert orjson.loads(leaf["body"])["signature"] is None


@pytest.mark.parametrize(
    ("state", "check"),
    [
        ("MALFORMED", "signature-form"),
        ("KEY_UNKNOWN", "signature-key"),
        ("KEY_RETIRED", "signature-retired"),
        ("INVALID", "signature-holds"),
        ("DIFFERS", "signature-content"),
    ],
)
async def test_a_bad_signature_is_a_finding_and_keeps_no_decision_out(
    say: Asking, enrolled: Enrolled, sql: Sql, state: str, check: str
) -> None:
    signer, stated = await enrolled(), penalty()
    if state == "KEY_UNKNOWN":
        signer = await enrolled(unit="11619900MB0005004U")
    signature = sign(signer, {"decision": stated})
    if state == "MALFORMED":
        signature["statement"] = "签署"
    if state == "KEY_RETIRED":
        await sql(
            "platform",
            "update evidence_key set retired = now() where key_id = $1",
            signer.key_id,
        )
    if state == "INVALID":
        statement, last = signature["statement"][:-2], signature["statement"][-2:]
        signature["statement"] = statement + ("AA" if last != "AA" else "BA")
    if state == "DIFFERS":
        stated = {**stated, "fine": "1.00"}
    came = await say(RECORD, decision=stated, signature=signature)
    assert (came["version"], came["replayed"]) == (1, False)
    assert about_signature(came) == [check]
    assert [one["state"] for one in signatures(came)] == [state]


async def test_each_version_has_a_signature_of_its_own(
    say: Asking, enrolled: Enrolled
) -> None:
    signer, stated = await enrolled(), penalty()
    came = await say(
        RECORD, decision=stated, signature=sign(signer, {"decision": stated})
    )
    correction = {
        "decisionId": came["decisionId"],
        "version": 1,
        "reason": "笔误",
        "decision": {n: v for n, v in stated.items() if n not in {"idNumber", "idKind"}}
        | {"fine": "1.00"},
    }
    # What another version was signed with does not serve.
    first = sign(signer, {"decision": stated})
    signature = sign(signer, {"correction": correction})
    came = await say(CORRECT, correction=correction, signature=signature)
    assert about_signature(came) == []
    withdrawal = {
        "decisionId": came["decisionId"],
        "reason": "撤销",
        "basis": "复查意见",
    }
    came = await say(WITHDRAW, withdrawal=withdrawal, signature=first)
    assert about_signature(came) == ["signature-content"]
    states = [(one["version"], one["state"]) for one in signatures(came)]
    assert states == [(1, "HOLDS"), (2, "HOLDS"), (3, "DIFFERS")]


async def test_what_opens_a_signed_id_number_is_sealed_under_its_person_s_key(
    say: Asking, enrolled: Enrolled, sql: Sql, tmp_path: Path
) -> None:
    signer, stated = await enrolled(), penalty()
    signature = sign(signer, {"decision": stated})
    came = await say(RECORD, decision=stated, signature=signature)
    (row,) = await sql(
        "platform",
        "select o.key_id, o.sealed, k.person, k.wrapped, s.numbers::text,"
        " n.key_id = o.key_id as same from sealed_opening o"
        " join person_key k using (key_id) join decision_signature s"
        " using (decision_id, version) join sealed_number n"
        " using (decision_id, version, field) where decision_id = $1",
        came["decisionId"],
    )
    assert row["same"]  # one erasure destroys both
    sealing = Sealing(secret(tmp_path / "subject.key"), secret(tmp_path / "person.key"))
    key = sealing.unwrapped(row["key_id"], row["person"], row["wrapped"])
    place = opening_place(UUID(came["decisionId"]), 1, "party")
    opening = unseal(key, row["sealed"], place)
    digests = orjson.loads(row["numbers"])
    assert digests == {"idNumber": keyed("sha256", opening, SEALED)}
