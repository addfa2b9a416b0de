"""What is refused before any rule is asked, and that no refusal repeats a secret."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest

from zhitong.decisions import Act, Decision, Licence, Party, Penalty, Review
from zhitong.exceptions import DecisionFormatError, DecisionUnidentifiedError
from zhitong.infra.checks_file import read_checks
from zhitong.rules.admission import admit, stated
from zhitong.rules.identifiers import resident_id
from zhitong.rules.texts import SENT, leaves
from zhitong.schema.decision_inputs import DecisionInput

LIMITS = read_checks(Path("infra/rules/checks.toml")).limits
TODAY = date(2026, 11, 22)
ID_NUMBER = "11010519491231002X"
TEXTS = (
    "subject_name",
    "case_source",
    "case_no",
    "inspection_no",
    "matter_code",
    "document_title",
    "division",
    "title",
    "facts",
    "basis",
    "content",
)
PERSON = Party(
    kind="NATURAL_PERSON", name="李四", id_kind="RESIDENT_ID", id_number=ID_NUMBER
)
NOBODY = Party(kind="LEGAL_PERSON", name="安泽某公司")
DECISION = Decision(
    local_id="A-1",
    act=Act.PENALTY,
    subject_code="11619900MB0004001B",
    document_no="（安）应急罚〔2026〕1号",
    decided_on=TODAY,
    division="619900",
    party=PERSON,
    officers=("1900101",),
    review=Review(reference="FS-1", opinion="AGREE"),
    penalty=Penalty(kinds=("FINE",), fine=1, confiscated=0, procedure="SIMPLE"),
)


def decision(**changes: object) -> Decision:
    return msgspec.structs.replace(DECISION, **changes)


def of(**changes: object) -> Decision:
    return decision(party=msgspec.structs.replace(PERSON, **changes))


def test_what_is_in_order_is_admitted() -> None:
    admit(DECISION, LIMITS, TODAY)
    admit(of(id_number=None), LIMITS, TODAY)
    admit(of(id_kind="PASSPORT", id_number="E12345678"), LIMITS, TODAY)
    admit(decision(penalty=None, review=None, division=None), LIMITS, TODAY)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        pytest.param(decision(subject_code=""), "18", id="no subject"),
        pytest.param(
            decision(subject_code="11619900MB0004001C"), "check character", id="typo"
        ),
        pytest.param(
            decision(subject_code="00000000000000000X"), "no code", id="placeholder"
        ),
        pytest.param(decision(local_id=""), "localId", id="no local id"),
        pytest.param(decision(local_id=" \u3000"), "localId", id="a blank local id"),
        pytest.param(decision(local_id="x" * 101), "100", id="a long local id"),
        pytest.param(decision(document_no=""), "documentNo", id="no number"),
        pytest.param(
            decision(document_no="\u3000\u200b"), "documentNo", id="a blank number"
        ),
        pytest.param(of(name=""), "counterpartyName", id="no party"),
        pytest.param(of(name="\u3000 "), "counterpartyName", id="a blank party"),
    ],
)
def test_what_nobody_could_identify_is_refused(said: Decision, says: str) -> None:
    with pytest.raises(DecisionUnidentifiedError, match=says):
        admit(said, LIMITS, TODAY)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        pytest.param(
            decision(decided_on=date(2026, 11, 23)), "decidedOn", id="to come"
        ),
        pytest.param(decision(penalty=Penalty(fine=-1)), "fine", id="negative"),
        pytest.param(
            decision(penalty=Penalty(confiscated=-1)), "confiscated", id="gains"
        ),
        pytest.param(decision(penalty=Penalty(fine=10**18)), "fine", id="impossible"),
        pytest.param(decision(facts="事" * 1_000_000), "facts", id="1 MB of facts"),
        pytest.param(decision(facts="事" * 20_001), "facts", id="one too many"),
        pytest.param(decision(title="\x00"), "title", id="a null character"),
        pytest.param(decision(title="\ud800"), "title", id="half a character"),
        pytest.param(decision(division="61990"), "division", id="division"),
        pytest.param(
            decision(officers=("1",) * 51), "officerCertificates", id="51 officers"
        ),
        pytest.param(
            decision(officers=("1" * 201,)), "officerCertificates", id="a certificate"
        ),
        pytest.param(of(kind="FIRM"), "counterpartyKind", id="kind of party"),
        pytest.param(of(kind="UNRECOGNISED"), "counterpartyKind", id="not translated"),
        pytest.param(of(id_kind="CARD"), "idKind", id="kind of ID"),
        pytest.param(
            of(representative_id_kind="CARD"),
            "representativeIdKind",
            id="kind of the representative's ID",
        ),
        pytest.param(
            decision(penalty=Penalty(kinds=("FINE", "FEE"))),
            "penaltyKinds",
            id="kinds",
        ),
        pytest.param(
            decision(penalty=Penalty(procedure="USUAL")),
            "procedure",
            id="procedure",
        ),
        pytest.param(
            decision(review=Review(reference="1", opinion="YES")),
            "reviewOpinion",
            id="opinion",
        ),
        pytest.param(
            decision(licence=Licence(kind="USUAL")), "licenceKind", id="licence"
        ),
        pytest.param(
            of(code=ID_NUMBER), "counterpartyCode", id="an ID number as a code"
        ),
        pytest.param(
            of(registration_no=f" {ID_NUMBER.lower()}"),
            "registrationNo",
            id="an ID number as a registration",
        ),
        pytest.param(
            of(id_number=None, code="１１０１０５ 19491231 002x"),
            "counterpartyCode",
            id="an ID number with blanks as a code",
        ),
        *(
            pytest.param(
                decision(**{name: ID_NUMBER}, party=NOBODY),
                SENT[name],
                id=f"an ID number as {name}",
            )
            for name in ("matter_code", "case_no", "inspection_no", "document_no")
        ),
        pytest.param(
            decision(officers=(ID_NUMBER,), party=NOBODY),
            "officerCertificates",
            id="an ID number as a certificate",
        ),
        *(
            pytest.param(
                decision(**{name: f"第{ID_NUMBER}号"}),
                SENT[name],
                id=f"the party's own ID number in {name}",
            )
            for name in ("local_id", "document_no", "case_no", "inspection_no")
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(
    said: Decision, field: str
) -> None:
    with pytest.raises(DecisionFormatError) as caught:
        admit(said, LIMITS, TODAY)
    assert caught.value.details == {"field": field}
    assert len(str(caught.value)) < 1000
    assert ID_NUMBER not in str(caught.value).upper()


def test_a_misplaced_id_number_is_told_its_own_field() -> None:
    with pytest.raises(DecisionFormatError, match="填入 idNumber") as caught:
        admit(of(code=ID_NUMBER), LIMITS, TODAY)
    assert caught.value.label.zh == (
        "counterpartyCode 中是公民身份号码，请填入 idNumber（法定代表人的填入 "
        "representativeIdNumber），在那里加密保存；此处填写应有的编号，没有就留空"
    )
    assert "idNumber is where it is sealed" in caught.value.label.en


def test_a_number_of_division_day_and_serial_is_no_persons() -> None:
    # Its check character fits an ID number, as it does of one in eleven.
    chance = "619900202611200017"
    assert resident_id(chance[:17]) == chance
    admit(decision(case_no=chance, inspection_no=chance), LIMITS, TODAY)
    never = replace(LIMITS, person_years=0)
    with pytest.raises(DecisionFormatError):
        admit(decision(case_no=chance), never, TODAY)


def test_a_departments_own_key_may_pass_for_an_id_number() -> None:
    admit(decision(local_id="440524188001010014"), LIMITS, TODAY)


@pytest.mark.parametrize(
    "number",
    [
        "110105194912310021",
        "11010519491231002x",
        "110105194902300020",
        "1101051949123100",
        "440524188001010014 ",
        "",
    ],
)
@pytest.mark.parametrize("whose", ["id_number", "representative_id_number"])
def test_a_wrong_id_number_is_refused_and_not_repeated(whose: str, number: str) -> None:
    kinds = {"id_kind": "RESIDENT_ID", "representative_id_kind": "RESIDENT_ID"}
    with pytest.raises(DecisionFormatError) as caught:
        admit(of(**kinds, **{whose: number}), LIMITS, TODAY)
    assert caught.value.details == {"field": SENT[f"party.{whose}"]}
    assert not number or number not in str(caught.value)


def test_an_id_number_with_a_small_x_is_told_so() -> None:
    with pytest.raises(DecisionFormatError) as caught:
        admit(of(id_kind="RESIDENT_ID", id_number=ID_NUMBER.lower()), LIMITS, TODAY)
    assert caught.value.details == {"field": "idNumber"}
    assert caught.value.label.zh == (
        "公民身份号码末位的 x 应为大写 X，请改正（号码不在此显示）"
    )


def test_every_text_has_the_name_it_is_sent_under() -> None:
    sent = {field.name for field in dataclasses.fields(DecisionInput)}
    whole = decision(
        **dict.fromkeys(TEXTS, "1"),
        party=Party(**dict.fromkeys(Party.__struct_fields__, "1")),
        officers=("1",),
        review=Review(reference="1", opinion="AGREE"),
        penalty=Penalty(
            kinds=("FINE",), violation_type="1", licence_affected="1", procedure="1"
        ),
        licence=Licence(kind="1", certificate_name="1", certificate_no="1"),
    )
    names = {name for name, _ in leaves(whole)}
    others = {"decided_on", "penalty.fine", "penalty.confiscated"}
    assert SENT.keys() == names | others
    assert set(SENT.values()) <= sent
    assert len(set(SENT.values())) == len(SENT)


@pytest.mark.parametrize("text", ["", "  ", "\u3000\n"])
def test_a_reason_is_stated(text: str) -> None:
    with pytest.raises(DecisionFormatError) as caught:
        stated(text, "reason", LIMITS)
    assert caught.value.details == {"field": "reason"}


def test_a_reason_is_taken_without_blanks_and_has_a_limit() -> None:
    assert stated(" 笔误\n", "reason", LIMITS) == "笔误"
    with pytest.raises(DecisionFormatError, match="2000"):
        stated("理" * 2001, "reason", LIMITS)
