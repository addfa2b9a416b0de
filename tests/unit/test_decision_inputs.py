"""What a case system sends, as the ledger's own words have it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest

from zhitong.decisions import Act, Decision, Licence, Party, Penalty, Review
from zhitong.exceptions import (
    DecisionFormatError,
    DecisionUnknownError,
    ScalarError,
)
from zhitong.schema import objects
from zhitong.schema.codes import ID_KIND, PENALTY_KIND
from zhitong.schema.decision_inputs import (
    INPUTS,
    OWN,
    REQUIRED,
    DecisionInput,
    correction,
    decision,
    withdrawal,
)
from zhitong.schema.scalars import SCALARS, DateOrBlank, MoneyOrBlank

KINDS: Any = OWN["PenaltyKind"]
IDS: Any = OWN["IdKind"]
CODES: Mapping[str, str] = {
    "actType": "ActType",
    "counterpartyKind": "CounterpartyKind",
    "licenceKind": "LicenceKind",
    "procedure": "Procedure",
    "reviewOpinion": "ReviewOpinion",
}


def code(name: str, value: str) -> Enum:
    """Give a member of an enum of the schema."""
    member: Enum = getattr(objects, CODES[name])[value]
    return member


def given(**more: object) -> object:
    """Make the least a decision may state, and *more*."""
    stated: dict[str, object] = {
        "localId": "1",
        "actType": "PENALTY",
        "subjectCode": "11619900MB0004001B",
        "documentNo": "罚1号",
        "decidedOn": "2026-06-01",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "公司",
        **more,
    }
    for name in CODES:
        if name in stated:
            stated[name] = code(name, str(stated[name]))
    return DecisionInput(**stated)


LEAST = Decision(
    local_id="1",
    act=Act.PENALTY,
    subject_code="11619900MB0004001B",
    document_no="罚1号",
    decided_on=date(2026, 6, 1),
    party=Party(kind="LEGAL_PERSON", name="公司"),
    penalty=Penalty(),
)


def test_the_least_that_is_asked_for_is_a_decision() -> None:
    assert decision(given()) == LEAST
    assert set(REQUIRED) <= set(DecisionInput.__annotations__)


def test_an_empty_text_and_a_null_are_nothing() -> None:
    nothing = given(
        subjectName="", caseNo="  ", facts=None, penaltyKinds=None, reviewNo=""
    )
    assert decision(nothing) == LEAST


@pytest.mark.parametrize("blank", ["", "  ", "\u3000"])
@pytest.mark.parametrize("scalar", [DateOrBlank, MoneyOrBlank])
def test_a_blank_amount_or_day_is_nothing(scalar: object, blank: str) -> None:
    parse = SCALARS[scalar].parse_value
    assert parse is not None
    read = parse(blank)
    nothing = given(
        actType="LICENCE",
        fine=read,
        confiscated=read,
        validTo=read,
        validFrom=read,
        publicityTo=read,
        reviewedOn=read,
    )
    assert decision(nothing) == msgspec.structs.replace(
        LEAST, act=Act.LICENCE, penalty=None
    )
    with pytest.raises(ScalarError):
        parse("2万")


def test_the_day_of_a_decision_is_no_blank() -> None:
    annotations = DecisionInput.__annotations__
    assert annotations["decidedOn"] == "Date"
    assert annotations["fine"] == "MoneyOrBlank | None"
    assert annotations["validTo"] == "DateOrBlank | None"


def test_everything_of_a_penalty_has_its_place() -> None:
    found = decision(
        given(
            subjectName="局",
            caseSource="emergency",
            caseNo="案1",
            inspectionNo="检1",
            matterCode="事1",
            documentTitle="决定书",
            division="619900",
            title="案由",
            facts="事实",
            legalBasis="法",
            result="罚款",
            counterpartyCode="91110000600037341L",
            registrationNo="注1",
            representative="王某",
            officerCertificates=["1", "2"],
            reviewNo="审1",
            reviewedOn="2026-05-30",
            reviewOpinion="AGREE",
            procedure="ORDINARY",
            penaltyKinds=[KINDS.FINE, KINDS.WARNING],
            violationType="类型",
            fine="20000.5",
            confiscated="0.01",
            licenceAffected="证1",
            publicityTo="2027-06-01",
            validTo="2028-06-01",
            hearing=False,
            collective=True,
            idKind=IDS.PASSPORT,
            idNumber="E1",
            representativeIdKind=IDS.OTHER,
            representativeIdNumber="X1",
        )
    )
    assert found == Decision(
        local_id="1",
        act=Act.PENALTY,
        subject_code="11619900MB0004001B",
        subject_name="局",
        case_source="emergency",
        case_no="案1",
        inspection_no="检1",
        matter_code="事1",
        document_no="罚1号",
        document_title="决定书",
        decided_on=date(2026, 6, 1),
        division="619900",
        title="案由",
        facts="事实",
        basis="法",
        content="罚款",
        party=Party(
            kind="LEGAL_PERSON",
            name="公司",
            code="91110000600037341L",
            registration_no="注1",
            id_kind="PASSPORT",
            id_number="E1",
            representative="王某",
            representative_id_kind="OTHER",
            representative_id_number="X1",
        ),
        officers=("1", "2"),
        review=Review(reference="审1", on=date(2026, 5, 30), opinion="AGREE"),
        collective=True,
        penalty=Penalty(
            kinds=("FINE", "WARNING"),
            violation_type="类型",
            fine=2_000_050,
            confiscated=1,
            licence_affected="证1",
            procedure="ORDINARY",
            valid_to=date(2028, 6, 1),
            publicity_to=date(2027, 6, 1),
            hearing=False,
        ),
    )


def test_a_licences_end_is_the_licences() -> None:
    found = decision(
        given(
            actType="LICENCE",
            licenceKind="ORDINARY",
            certificateName="许可证",
            certificateNo="证1",
            validFrom="2026-06-01",
            validTo="2029-05-31",
        )
    )
    assert found.penalty is None
    assert found.licence == Licence(
        kind="ORDINARY",
        certificate_name="许可证",
        certificate_no="证1",
        valid_from=date(2026, 6, 1),
        valid_to=date(2029, 5, 31),
    )


def test_a_licence_for_long_has_no_end_and_another_act_neither_part() -> None:
    long = decision(given(actType="LICENCE", licenceKind="OTHER"))
    assert long.licence == Licence(kind="OTHER")
    other = decision(given(actType="COERCION"))
    assert (other.penalty, other.licence) == (None, None)


def test_an_opinion_without_its_reference_is_kept_for_the_rules_to_find() -> None:
    found = decision(given(reviewOpinion="RETURN"))
    assert found.review == Review(reference="", opinion="RETURN")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"validFrom": "2026-06-01"}, "licenceKind"),
        ({"actType": "COERCION", "validTo": "2026-06-01"}, "licenceKind"),
        ({"actType": "UNRECOGNISED"}, "actType"),
        ({"counterpartyKind": "UNRECOGNISED"}, "counterpartyKind"),
        ({"procedure": "UNRECOGNISED"}, "procedure"),
        ({"reviewOpinion": "UNRECOGNISED"}, "reviewOpinion"),
        ({"licenceKind": "UNRECOGNISED"}, "licenceKind"),
    ],
)
def test_what_has_no_place_is_refused_by_name(
    more: Mapping[str, object], field: str
) -> None:
    with pytest.raises(DecisionFormatError) as refused:
        decision(given(**more))
    assert refused.value.details == {"field": field}


def test_lists_of_inputs_alone_have_no_unknown_value() -> None:
    for codes in (PENALTY_KIND, ID_KIND):
        assert "UNRECOGNISED" not in codes.values


def test_a_withdrawal_and_a_correction_name_the_decision() -> None:
    key = "6f2c4f0e-5a53-4f0e-9d7c-2b8d3e619900"
    ended = withdrawal(
        INPUTS["WithdrawalInput"](decisionId=key, reason="因", basis="据")
    )
    assert (ended.decision_id, ended.reason, ended.basis) == (UUID(key), "因", "据")
    put_right = correction(
        INPUTS["CorrectionInput"](
            decisionId=key, version=3, decision=given(), reason="误"
        )
    )
    assert (put_right.decision_id, put_right.version) == (UUID(key), 3)
    assert (put_right.decision, put_right.reason) == (LEAST, "误")


def test_an_id_that_is_none_of_ours_names_no_decision() -> None:
    with pytest.raises(DecisionUnknownError):
        withdrawal(INPUTS["WithdrawalInput"](decisionId="12", reason="", basis=""))
