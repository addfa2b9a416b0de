"""A captured row as a decision: what is read, what is refused, by which field."""

from __future__ import annotations

from datetime import date

import pytest

from zhitong.decisions import Act, Licence, Penalty, Review
from zhitong.exceptions import DecisionFormatError, DecisionUnidentifiedError
from zhitong.resolvers.captured import Value, captured, changed
from zhitong.resolvers.decision_fields import FIELDS

ROW: dict[str, Value] = {
    "actType": "PENALTY",
    "subjectCode": "11619900MB0004001B",
    "documentNo": "（安）罚〔2026〕1号",
    "decidedOn": "2026-06-12",
    "counterpartyKind": "LEGAL_PERSON",
    "counterpartyName": "某公司",
    "fine": "199.50",
    "officerCertificates": ["1", "2"],
    "facts": None,
}


def of(**values: Value) -> object:
    return captured(ROW | values, "7", "market", keeps_cases=True)


def test_a_row_becomes_the_decision_a_department_would_have_sent() -> None:
    made = captured(
        ROW | {"reviewNo": "审1", "reviewedOn": "2026-06-10", "collective": "是"},
        "7",
        "market",
        keeps_cases=True,
    )
    assert (made.local_id, made.case_source, made.act) == ("7", "market", Act.PENALTY)
    assert made.decided_on == date(2026, 6, 12)
    assert made.penalty == Penalty(kinds=("FINE",), fine=19_950)
    assert made.officers == ("1", "2")
    assert made.review == Review(reference="审1", on=date(2026, 6, 10))
    assert (made.collective, made.facts, made.licence) == (True, None, None)


def test_the_end_of_validity_is_the_penaltys_or_the_licences() -> None:
    penal = captured(ROW | {"validTo": "2027-06-12"}, "7", "market", keeps_cases=False)
    assert penal.penalty is not None
    assert penal.penalty.valid_to == date(2027, 6, 12)
    assert (penal.licence, penal.case_source) == (None, None)
    given = ROW | {"actType": "LICENCE", "fine": None, "validTo": "2027-06-12"}
    with pytest.raises(DecisionFormatError, match="licenceKind"):
        captured(given, "7", "market", keeps_cases=False)
    granted = captured(
        given | {"licenceKind": "ORDINARY"}, "7", "market", keeps_cases=False
    )
    assert granted.penalty is None
    assert granted.licence == Licence(kind="ORDINARY", valid_to=date(2027, 6, 12))


@pytest.mark.parametrize("field", ["actType", "decidedOn", "counterpartyKind"])
def test_a_row_without_what_makes_a_decision_is_refused_by_its_field(
    field: str,
) -> None:
    with pytest.raises(DecisionUnidentifiedError) as refused:
        of(**{field: None})
    assert refused.value.details["field"] == field


def test_a_code_that_the_binding_does_not_know_is_refused_by_its_field() -> None:
    with pytest.raises(DecisionFormatError) as refused:
        of(counterpartyKind="UNRECOGNISED")
    assert refused.value.details["field"] == "counterpartyKind"


def test_an_id_number_in_the_place_of_a_code_needs_its_own_place() -> None:
    blurred = "1****************X"
    with pytest.raises(DecisionFormatError):
        of(counterpartyCode=blurred)
    number = "11010519491231002X"
    made = captured(
        ROW | {"counterpartyCode": blurred, "counterpartyIdNumber": number},
        "7",
        "market",
        keeps_cases=True,
    )
    assert (made.party.code, made.party.id_number) == (None, number)
    assert made.party.id_kind == "RESIDENT_ID"


def test_a_number_that_is_no_resident_id_is_of_another_kind() -> None:
    made = captured(
        ROW | {"counterpartyIdNumber": "E12345678"}, "7", "market", keeps_cases=True
    )
    assert made.party.id_kind == "OTHER"


def test_what_changed_is_named_as_it_is_sent() -> None:
    before = captured(ROW, "7", "market", keeps_cases=True)
    after = captured(
        ROW | {"facts": "改", "fine": "200.00", "counterpartyName": "另一公司"},
        "7",
        "market",
        keeps_cases=True,
    )
    assert set(changed(before, after)) == {"facts", "fine", "counterpartyName"}
    assert list(changed(before, before)) == []


def test_a_row_may_have_every_field_that_a_department_states() -> None:
    every: dict[str, Value] = {
        field: "2026-01-01" if field.endswith(("On", "To", "From")) else "1"
        for part in FIELDS
        if part.__name__ != "Entry"
        for field in FIELDS[part]
    }
    made = captured(
        every
        | {"actType": "PENALTY", "penaltyKinds": ["FINE"], "licenceKind": "OTHER"},
        "7",
        "market",
        keeps_cases=False,
    )
    assert made.penalty is not None
    assert made.penalty.hearing is True
    assert made.licence is not None
