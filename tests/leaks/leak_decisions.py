"""Decisions as departments tell them, a canary in every attribute."""

from __future__ import annotations

from typing import Any

from leak_rows import canary, credit_code, id_number

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS

BUREAU = DEMO_PRINCIPALS["department"]


def written(kind: str, local: str) -> dict[str, Any]:
    """Make a decision with a canary in every attribute that takes a text or day."""
    texts = (
        *("title", "facts", "result", "documentTitle", "legalBasis", "licenceAffected"),
    )
    plain = (
        *("subjectName", "caseSource", "caseNo", "inspectionNo", "documentNo"),
        *("counterpartyName", "registrationNo", "representative"),
        *("reviewNo", "violationType"),
    )
    return {
        "localId": local,
        "actType": "PENALTY",
        "subjectCode": BUREAU.unit,
        "decidedOn": "2026-06-01",
        "division": "619900",
        "counterpartyKind": kind,
        "idKind": "RESIDENT_ID",
        "idNumber": id_number(),
        "representativeIdKind": "RESIDENT_ID",
        "representativeIdNumber": id_number(),
        "officerCertificates": [canary(), canary()],
        "penaltyKinds": ["FINE"],
        "fine": "70001.00",
        "confiscated": "70002.00",
        "procedure": "ORDINARY",
        "reviewOpinion": "AGREE",
        **{name: f"{canary()}证件{id_number()}。" for name in texts},
        **{name: canary() for name in plain},
        **({} if kind == "NATURAL_PERSON" else {"counterpartyCode": credit_code()}),
    }
