"""What comes back to who states something: nobody's data but their own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from leak_askers import askers
from leak_city import City, connected
from leak_decisions import written
from leak_matrix import Json, Matrix, listening
from leak_oracle import Asker, Oracle
from leak_probes import Room
from leak_rows import (
    CASES,
    CERTIFICATES,
    INSPECTIONS,
    MATTERS,
    PARTIES,
    canary,
    id_number,
    tokens,
)
from leak_spans import exporting

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.schema import executor
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration
OTHER = "11619900MB0005004U"
"""A department that has not recorded what is spoken of."""
FOUND = "findings { check severity messageZh messageEn ruleSource }"
WHOLE = " ".join(name for name in ENTITIES["Decision"].fields if name != "source")
ENTERED = f"""{{ decisionId version change contentHash recordedAt replayed {FOUND}
  events {{ receiver eventId }} decision {{ id {WHOLE} }} }}"""
DOCUMENTS = {
    "check": f"""query ($it: DecisionInput!) {{ done: checkDecision(decision: $it) {{
      decisionId contentHash {FOUND} }} }}""",
    "record": f"""mutation ($it: DecisionInput!) {{
      done: recordDecision(decision: $it) {ENTERED} }}""",
    "correct": f"""mutation ($it: CorrectionInput!) {{
      done: correctDecision(correction: $it) {ENTERED} }}""",
    "withdraw": f"""mutation ($it: WithdrawalInput!) {{
      done: withdrawDecision(withdrawal: $it) {ENTERED} }}""",
    "proceed": """mutation ($it: ProceedingInput!) {
      done: recordProceeding(proceeding: $it) { proceedingId version replayed } }""",
}
Said = tuple[str, dict[str, Any]]
"""What is stated, and in which way."""


def decision(unit: str) -> dict[str, Any]:
    """Make one that names, in every reference, what departments have of others."""
    return written("LEGAL_PERSON", canary()) | {
        "subjectCode": unit,
        "caseNo": CASES["market"][0],
        "inspectionNo": INSPECTIONS["market"][0],
        "matterCode": MATTERS[0],
        "officerCertificates": [*CERTIFICATES[:3]],
        "counterpartyCode": PARTIES[0],
    }


def statements(unit: str, taken: Mapping[str, Any], key: str) -> Iterator[Said]:
    """State what is new, twice, another's, of others' cases, and what is misspelt."""
    for numbers in CASES.values():
        for case in numbers:
            yield "check", decision(unit) | {"caseNo": case}
    for number, certificate in enumerate(CERTIFICATES):
        own = {"officerCertificates": [certificate], "matterCode": MATTERS[number]}
        yield "check", decision(unit) | own | {"counterpartyCode": PARTIES[number]}
    first = decision(unit)
    yield "record", first
    yield "record", first
    yield "record", {**first, "facts": canary()}
    yield "record", {**decision(unit), "documentNo": first["documentNo"]}
    for way in ("check", "record"):
        yield way, {**decision(unit), "documentNo": taken["documentNo"]}
        yield way, {**decision(unit), "localId": taken["localId"]}
        yield way, {**taken, "facts": canary()}
        yield way, decision(taken["subjectCode"])
    again = decision(unit)
    yield "correct", {"decisionId": key, "version": 1, "decision": again, "reason": "x"}
    yield "correct", {"decisionId": key, "version": 9, "decision": again, "reason": "x"}
    other = {**again, "decision": taken, "reason": canary()}
    yield "correct", {"decisionId": canary(), "version": 1, **_only(other)}
    yield "withdraw", {"decisionId": key, "reason": canary(), "basis": canary()}
    yield "withdraw", {"decisionId": canary(), "reason": canary(), "basis": canary()}
    for name, one in again.items():
        wrong = [canary(), id_number(), {name: canary()}]
        for way in ("check", "record"):
            yield way, {**again, name: wrong}
            if tokens(str(one)):
                yield way, {**again, f"{name}{canary()}": one}
    for numbers in CASES.values():
        for case in numbers:
            suit = {"kind": "LITIGATION", "number": canary(), "caseNo": case}
            yield "proceed", {**suit, "openedOn": "2026-06-01", "outcome": canary()}
            yield "proceed", {**suit, "openedOn": canary()}
            yield (
                "proceed",
                {**suit, "openedOn": "2026-06-02", "closedOn": "2026-06-01"},
            )


def _only(other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: other[name] for name in ("decision", "reason")}


async def taken_in(city: City, matrix: Matrix, asker: Asker) -> tuple[Any, str]:
    """Have the emergency bureau record a decision that others then speak of."""
    said = written("NATURAL_PERSON", canary())
    body = (await matrix.ask(asker, DOCUMENTS["record"], it=said)).body
    made: Json = body["data"]
    key: str = made["done"]["decisionId"]
    async with connected(city.addresses["platform"]) as connection:
        assert await connection.fetchval("select count(*) from decision") > 0
    return said, key


def visible(oracle: Oracle, asker: Asker) -> set[str]:
    """Give the canaries that the oracle shows the asker anywhere."""
    room = Room(oracle, asker)
    rows = [row for row in oracle.rows if oracle.visible(asker, row)]
    return {
        token for row in rows for token in room.shown([row], ENTITIES[row.type].fields)
    }


@dataclass(slots=True)
class Told:
    """What came of all statements of all askers."""

    faults: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    answered: int = 0


async def everybody(city: City, oracle: Oracle, engine: Engine) -> Told:
    """Have each kind, and another department, state everything."""
    matrix, told = Matrix(engine, oracle), Told()
    asking = list({one.principal.kind: one for one in with_papers(oracle)}.values())
    (bureau,) = (one for one in asking if one.principal.kind == "department")
    other = replace(bureau.principal, unit=OTHER, unit_name="安泽市交通运输局")
    asking.append(replace(bureau, principal=other))
    said, key = await taken_in(city, matrix, bureau)
    secret = {token for one in said.values() for token in tokens(str(one))}
    spoken = set(matrix.canaries | secret)
    with listening() as heard, exporting() as exported:
        for asker in asking:
            allowed = visible(oracle, asker) | tokens(str(asker))
            if asker == bureau:
                allowed |= secret
            for way, it in statements(asker.principal.unit or OTHER, said, key):
                own = tokens(str(it))
                spoken |= own
                body: Json = (await matrix.ask(asker, DOCUMENTS[way], it=it)).body
                errors = body.get("errors", ())
                refused = bool(errors)
                told.codes |= {one["extensions"]["code"] for one in errors}
                told.answered += not refused
                may = allowed if refused else allowed | own
                who = f"{asker.principal.kind} {way}"
                told.faults += [
                    f"{who}: {one} of {it}\n    {str(body)[:900]}"
                    for one in sorted(tokens(str(body)) & spoken - may)
                ]
    logged = tokens("\n".join(heard)) | exported.tokens
    known = {token for asker in asking for token in tokens(str(asker))}
    told.faults += [f"logged or traced: {one}" for one in logged & spoken - known]
    return told


async def test_no_answer_to_a_statement_tells_of_others(
    city: City, oracle: Oracle, engine: Engine
) -> None:
    told = await everybody(city, oracle, engine)
    assert told.faults[:5] == []
    assert told.answered > 50
    assert len(told.codes) > 5, told.codes


async def test_an_answer_that_was_anothers_is_found(
    city: City, oracle: Oracle, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Answer] = {}

    async def remembering(self: Any, question: Question) -> Answer:
        made = await answered(self, question)
        before = kept.get(question.document, made)
        if "errors" not in made.body:
            kept[question.document] = made
        return before

    answered = executor.GraphEngine.answer
    monkeypatch.setattr(executor.GraphEngine, "answer", remembering)
    assert (await everybody(city, oracle, engine)).faults


def with_papers(oracle: Oracle) -> Iterator[Asker]:
    """Give the demo's principal of each kind, all papers stated."""
    for asker in askers(oracle.policy):
        known = asker.principal in DEMO_PRINCIPALS.values()
        stated = asker.occasion.basis and asker.occasion.purpose != "idle-curiosity"
        if known and stated:
            yield asker
