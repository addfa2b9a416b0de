"""What the checks in force find: a table per check, exact words where they matter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.decisions import (
    Act,
    Decision,
    Finding,
    Licence,
    Party,
    Penalty,
    Review,
    Severity,
)
from zhitong.infra.checks_file import read_checks
from zhitong.rules.checks import findings
from zhitong.rules.facts import (
    Answer,
    CaseEntry,
    Facts,
    MatterEntry,
    OfficerEntry,
    PartyEntry,
    SubjectEntry,
)

CHECKS = read_checks(Path("infra/rules/checks.toml")).checks
OWN, OTHER = "11619900MB0004001B", "11619900MB0001003U"
DELEGATE, OLD = "11619921MB21040067", "11619900MB00049061"
MATTER = f"{OWN}02001"
FIRM = "91110000600037341L"
DAY = date(2026, 11, 20)
BREACH, DOUBT, UNVERIFIED = Severity.BREACH, Severity.DOUBT, Severity.UNVERIFIED

DECISION = Decision(
    local_id="A-1",
    act=Act.PENALTY,
    subject_code=OWN,
    case_source="emergency",
    case_no="AZYJ-2026-00001",
    matter_code=MATTER,
    document_no="（安）应急罚〔2026〕1号",
    decided_on=DAY,
    party=Party(kind="LEGAL_PERSON", name="安泽市某某化工有限公司", code=FIRM),
    officers=("1900101", "1900102"),
    review=Review(reference="FS-1", on=DAY, opinion="AGREE"),
    penalty=Penalty(kinds=("FINE",), fine=2_000_000, procedure="ORDINARY"),
)


def free(changes: Mapping[str, object]) -> dict[str, Any]:
    """Let a test's values go where types are exact; a wrong one fails there."""
    return dict(changes)


def subject(**changes: object) -> SubjectEntry:
    return SubjectEntry(
        **{
            "code": OWN,
            "name": "安泽市应急管理局",
            "valid_from": date(2019, 1, 10),
            "status": "IN_FORCE",
            **free(changes),
        }
    )


def officer(certificate: str = "1900101", **changes: object) -> OfficerEntry:
    return OfficerEntry(
        **{
            "certificate": certificate,
            "kind": "OFFICER",
            "subject_code": OWN,
            "valid_from": date(2020, 1, 1),
            "valid_to": date(2027, 1, 1),
            "status": "IN_FORCE",
            **free(changes),
        }
    )


def matter(**changes: object) -> MatterEntry:
    return MatterEntry(
        **{
            "code": MATTER,
            "version": 1,
            "power_type": "PENALTY",
            "subject_code": OWN,
            "valid_from": date(2019, 1, 10),
            "status": "IN_FORCE",
            **free(changes),
        }
    )


def case(**changes: object) -> CaseEntry:
    return CaseEntry(
        **{
            "case_no": "AZYJ-2026-00001",
            "subject_code": OWN,
            "party_code": FIRM,
            "party_name": "安泽市某某化工有限公司",
            "decided_on": None,
            **free(changes),
        }
    )


SECOND = officer("1900102")
FACTS: dict[str, Any] = {
    "subjects": Answer((subject(),)),
    "officers": Answer((officer(), SECOND)),
    "matters": Answer((matter(),)),
    "cases": Answer((case(),)),
    "parties": Answer((PartyEntry(code=FIRM),)),
    "case_sources": frozenset({"emergency", "market"}),
}


def decision(**changes: object) -> Decision:
    return msgspec.structs.replace(DECISION, **changes)


def penalty(**changes: object) -> Decision:
    stated = DECISION.penalty
    assert stated is not None
    return decision(penalty=msgspec.structs.replace(stated, **changes))


def party(**changes: object) -> Decision:
    return decision(party=msgspec.structs.replace(DECISION.party, **changes))


def found(said: Decision = DECISION, **facts: object) -> tuple[Finding, ...]:
    return findings(CHECKS, said, Facts(**{**FACTS, **free(facts)}))


def short(said: Decision = DECISION, **facts: object) -> list[tuple[str, Severity]]:
    return [(one.check, one.severity) for one in found(said, **facts)]


def test_a_decision_that_keeps_every_rule_has_no_findings() -> None:
    assert found() == ()


# --- subject, matter ---------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param((), [("subject-known", BREACH)], id="unknown"),
        pytest.param(
            (subject(valid_to=date(2026, 11, 19), status="CANCELLED"),),
            [("penalty-subject-qualified", BREACH)],
            id="ended the day before",
        ),
        pytest.param(
            (subject(valid_to=DAY, status="CANCELLED"),), [], id="its last day"
        ),
        pytest.param((subject(valid_from=DAY),), [], id="its first day"),
        pytest.param(
            (subject(valid_from=date(2026, 11, 21)),),
            [("penalty-subject-qualified", BREACH)],
            id="begins the day after",
        ),
        pytest.param(
            (subject(status="SUSPENDED"),), [("subject-status", DOUBT)], id="suspended"
        ),
        pytest.param((subject(status="UNRECOGNISED"),), [], id="a status nobody knows"),
        pytest.param((subject(status=None, valid_from=None),), [], id="nothing stated"),
    ],
)
def test_the_subject_is_known_and_qualified(
    entries: tuple[SubjectEntry, ...], expected: list[tuple[str, Severity]]
) -> None:
    assert short(subjects=Answer(entries)) == expected


def test_who_came_after_a_subject_that_ended_is_named() -> None:
    old = subject(
        code=OLD,
        name="安泽市安全生产监督管理局",
        valid_from=date(2010, 3, 1),
        valid_to=date(2019, 1, 9),
        status="CANCELLED",
    )
    successor = subject(predecessor=OLD)
    said = decision(
        subject_code=OLD, decided_on=date(2021, 8, 1), matter_code=None, officers=("1",)
    )
    one = next(
        one
        for one in found(
            said, subjects=Answer((old, successor)), officers=Answer(), cases=Answer()
        )
        if one.check == "penalty-subject-qualified"
    )
    assert one.detail.zh == (
        "安泽市安全生产监督管理局的主体资格为 2010-03-01 至 2019-01-09，不含决定之日"
        "；其后为安泽市应急管理局（11619900MB0004001B）"
    )
    assert one.detail.en == (
        "the qualification of 安泽市安全生产监督管理局 runs from 2010-03-01 to "
        "2019-01-09, which leaves the day out; succeeded by 安泽市应急管理局 "
        "(11619900MB0004001B)"
    )
    assert one.source == "行政处罚法（2021修订）第38条"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param((), [("matter-known", DOUBT)], id="unknown"),
        pytest.param(
            (matter(subject_code=OTHER),),
            [("matter-subject", BREACH)],
            id="another's",
        ),
        pytest.param(
            (matter(valid_to=date(2026, 11, 19)),),
            [("matter-in-force", BREACH)],
            id="expired",
        ),
        pytest.param(
            (matter(valid_from=date(2026, 11, 21)),),
            [("matter-in-force", BREACH)],
            id="its first version is later",
        ),
        pytest.param(
            (matter(version=3, valid_from=date(2026, 11, 21)),),
            [("matter-in-force", UNVERIFIED)],
            id="earlier versions are not shared",
        ),
        pytest.param(
            (
                matter(valid_to=DAY, status="CANCELLED"),
                matter(version=2, valid_from=date(2026, 11, 21)),
            ),
            [("matter-status", DOUBT)],
            id="an earlier version, repealed since",
        ),
        pytest.param(
            (matter(status="SUSPENDED"),), [("matter-status", DOUBT)], id="suspended"
        ),
        pytest.param(
            (matter(power_type="LICENCE"),), [("matter-power", DOUBT)], id="other power"
        ),
        pytest.param((matter(power_type=None),), [], id="power not stated"),
        pytest.param((matter(power_type="UNRECOGNISED"),), [], id="not translated"),
    ],
)
def test_the_subject_is_competent(
    entries: tuple[MatterEntry, ...], expected: list[tuple[str, Severity]]
) -> None:
    assert short(matters=Answer(entries)) == expected


def test_a_delegate_decides_on_its_delegator_s_matter() -> None:
    said = decision(subject_code=DELEGATE)
    entries = (subject(code=DELEGATE, delegated_by=OWN),)
    assert short(said, subjects=Answer(entries)) == []
    assert ("matter-subject", BREACH) in short(
        said, subjects=Answer((subject(code=DELEGATE),))
    )


def test_a_matter_that_is_not_stated_is_a_doubt() -> None:
    said = decision(matter_code=None)
    assert short(said, matters=Answer()) == [("matter-stated", DOUBT)]


@pytest.mark.parametrize(
    ("act", "power", "fits"),
    [
        (Act.REQUISITION, "OTHER", True),
        (Act.REQUISITION, "LEVY", False),
        (Act.LEVY, "LEVY", True),
        (Act.LEVY, "OTHER", False),
    ],
)
def test_the_kind_of_power_fits_the_act(act: Act, power: str, *, fits: bool) -> None:
    said = decision(act=act, penalty=None)
    doubts = short(said, matters=Answer((matter(power_type=power),)))
    assert doubts == ([] if fits else [("matter-power", DOUBT)])


# --- officers ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "procedure", "named", "enough"),
    [
        pytest.param(Act.PENALTY, "ORDINARY", 2, True, id="ordinary, two"),
        pytest.param(Act.PENALTY, "ORDINARY", 1, False, id="ordinary, one"),
        pytest.param(Act.PENALTY, "EXPEDITED", 1, False, id="expedited, one"),
        pytest.param(Act.PENALTY, None, 1, False, id="procedure not stated, one"),
        pytest.param(Act.PENALTY, "SIMPLE", 1, True, id="simple, one"),
        pytest.param(Act.PENALTY, "SIMPLE", 0, False, id="simple, none"),
        pytest.param(Act.COERCION, None, 1, False, id="coercion, one"),
        pytest.param(Act.INSPECTION, None, 2, True, id="inspection, two"),
        pytest.param(Act.LICENCE, None, 0, True, id="a licence needs none"),
        pytest.param(Act.CONFIRMATION, None, 0, True, id="a confirmation needs none"),
    ],
)
def test_officers_are_as_many_as_act_and_procedure_ask(
    act: Act, procedure: str | None, named: int, *, enough: bool
) -> None:
    said = decision(
        act=act,
        officers=("1900101", "1900102")[:named],
        penalty=Penalty(kinds=("WARNING",), procedure=procedure),
    )
    numbers = {"penalty-two-officers", "simple-one-officer"} | {
        "coercion-inspection-two-officers"
    }
    breaches = [name for name, _ in short(said) if name in numbers]
    assert len(breaches) == (0 if enough else 1)


def test_the_same_certificate_twice_is_one_officer() -> None:
    one = found(decision(officers=("1900101", "1900101")))[0]
    assert one.check == "penalty-two-officers"
    assert one.detail.zh == "执法人员不得少于 2 人，决定列明 1 人"
    assert one.detail.en == "2 officers at least are due, 1 are named"
    assert one.source == "行政处罚法（2021修订）第42条"


def test_before_the_revision_no_article_is_cited() -> None:
    said = decision(
        decided_on=date(2021, 7, 14), officers=(), review=None, matter_code=None
    )
    sources = {one.check: one.source for one in found(said)}
    assert sources == {
        "matter-stated": "configured rule：权责清单制度",
        "penalty-two-officers-before-2021": "configured rule：行政处罚法2021年修订前",
    }


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param((), [("officers-known", BREACH)], id="not in the roster"),
        pytest.param(
            (officer(kind="AUXILIARY"),), [("officers-kind", BREACH)], id="an auxiliary"
        ),
        pytest.param(
            (officer(valid_to=date(2026, 11, 19)),),
            [("officers-valid", BREACH)],
            id="expired the day before",
        ),
        pytest.param((officer(valid_to=DAY),), [], id="its last day"),
        pytest.param(
            (officer(valid_from=date(2026, 11, 21)),),
            [("officers-valid", BREACH)],
            id="not yet valid",
        ),
        pytest.param(
            (officer(status="SUSPENDED"),), [("officers-status", DOUBT)], id="suspended"
        ),
        pytest.param(
            (officer(subject_code=OTHER),),
            [("officers-subject", DOUBT)],
            id="another unit's",
        ),
        pytest.param(
            (officer(subject_code=OTHER, status="CANCELLED"), officer()),
            [],
            id="moved here, in the roster twice",
        ),
        pytest.param((officer(kind=None, status=None),), [], id="nothing stated"),
        pytest.param(
            (officer(kind="UNRECOGNISED", status="UNRECOGNISED"),),
            [],
            id="codes nobody translates",
        ),
    ],
)
def test_each_certificate_holds(
    entries: tuple[OfficerEntry, ...], expected: list[tuple[str, Severity]]
) -> None:
    assert short(officers=Answer((*entries, SECOND))) == expected


def test_an_officer_of_a_delegate_may_act_for_the_subject() -> None:
    roster = Answer((officer(subject_code=DELEGATE), SECOND))
    subjects = Answer((subject(), subject(code=DELEGATE, delegated_by=OWN)))
    assert short(officers=roster, subjects=subjects) == []


# --- review ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(penalty(hearing=True), ["review-after-hearing"], id="hearing"),
        pytest.param(penalty(hearing=False), [], id="no hearing"),
        pytest.param(
            penalty(kinds=("PRODUCTION_SUSPENDED",), fine=None),
            ["review-by-kind"],
            id="production suspended",
        ),
        pytest.param(
            penalty(kinds=("FINE", "LICENCE_REVOKED")), ["review-by-kind"], id="revoked"
        ),
        pytest.param(
            penalty(kinds=("CLOSURE_ORDERED",), fine=None),
            ["review-by-kind-catalogue"],
            id="closure",
        ),
        pytest.param(penalty(fine=9_999_999), [], id="99,999.99 yuan, a firm"),
        pytest.param(
            penalty(fine=10_000_000), ["review-by-amount"], id="100,000 yuan, a firm"
        ),
    ],
)
def test_a_review_is_due_where_the_catalogue_asks(
    said: Decision, expected: list[str]
) -> None:
    without = msgspec.structs.replace(said, review=None)
    assert [one.check for one in found(without)] == expected
    assert found(said) == ()


@pytest.mark.parametrize(
    ("kind", "fine", "due"),
    [
        ("NATURAL_PERSON", 999_999, False),
        ("NATURAL_PERSON", 1_000_000, True),
        ("INDIVIDUAL_BUSINESS", 1_000_000, True),
    ],
)
def test_a_larger_fine_is_smaller_for_a_person(
    kind: str, fine: int, *, due: bool
) -> None:
    said = msgspec.structs.replace(
        penalty(fine=fine), review=None, party=Party(kind=kind, name="李四", code=None)
    )
    checks = [one.check for one in found(said, cases=Answer(), parties=Answer())]
    assert ("review-by-amount" in checks) is due


@pytest.mark.parametrize(
    ("review", "expected"),
    [
        pytest.param(
            Review(reference="F", on=date(2026, 11, 21), opinion="AGREE"),
            [("review-before-decision", BREACH)],
            id="after the decision",
        ),
        pytest.param(Review(reference="F", on=DAY, opinion="AGREE"), [], id="same day"),
        pytest.param(
            Review(reference="F", on=DAY, opinion="RETURN"),
            [("review-agrees", BREACH)],
            id="returned",
        ),
        pytest.param(
            Review(reference="F", opinion="AGREE"),
            [("review-complete", DOUBT)],
            id="no day",
        ),
        pytest.param(
            Review(reference="F", on=DAY), [("review-complete", DOUBT)], id="no opinion"
        ),
    ],
)
def test_a_review_agrees_before_the_decision(
    review: Review, expected: list[tuple[str, Severity]]
) -> None:
    assert short(decision(review=review)) == expected


# --- kinds, amounts, procedure -----------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(penalty(fine=None), [("fine-amount", BREACH)], id="no amount"),
        pytest.param(penalty(fine=0), [("fine-amount", BREACH)], id="nothing"),
        pytest.param(
            penalty(kinds=("WARNING",)), [("fine-kind", DOUBT)], id="no such kind"
        ),
        pytest.param(
            penalty(kinds=("WARNING",), fine=0), [], id="no fine, said as nothing"
        ),
        pytest.param(
            penalty(confiscated=1), [("confiscated-kind", DOUBT)], id="confiscated"
        ),
        pytest.param(
            penalty(kinds=("FINE", "CONFISCATED_GOODS"), confiscated=1), [], id="goods"
        ),
        pytest.param(
            penalty(kinds=(), fine=None), [("kinds-stated", DOUBT)], id="no kind"
        ),
        pytest.param(
            penalty(procedure=None), [("procedure-stated", DOUBT)], id="no procedure"
        ),
        pytest.param(
            decision(penalty=None),
            [("kinds-stated", DOUBT), ("procedure-stated", DOUBT)],
            id="nothing of a penalty",
        ),
    ],
)
def test_kinds_and_amounts_fit(
    said: Decision, expected: list[tuple[str, Severity]]
) -> None:
    assert short(said) == expected


@pytest.mark.parametrize(
    ("kind", "fine", "day", "expected"),
    [
        ("NATURAL_PERSON", 20_000, DAY, []),
        ("NATURAL_PERSON", 20_001, DAY, ["simple-fine"]),
        ("LEGAL_PERSON", 300_000, DAY, []),
        ("LEGAL_PERSON", 300_001, DAY, ["simple-fine"]),
        ("INDIVIDUAL_BUSINESS", 300_000, DAY, []),
        ("INDIVIDUAL_BUSINESS", 300_001, DAY, ["simple-fine-individual-business"]),
        ("NATURAL_PERSON", 20_000, date(2021, 7, 15), []),
        ("NATURAL_PERSON", 20_000, date(2021, 7, 14), ["simple-fine-before-2021"]),
        ("NATURAL_PERSON", 5_000, date(2021, 7, 14), []),
        ("LEGAL_PERSON", 100_001, date(2021, 7, 14), ["simple-fine-before-2021"]),
    ],
)
def test_a_fine_on_the_spot_has_the_limit_of_its_day(
    kind: str, fine: int, day: date, expected: list[str]
) -> None:
    said = decision(
        decided_on=day,
        party=Party(kind=kind, name="安泽市某某化工有限公司"),
        penalty=Penalty(kinds=("FINE",), fine=fine, procedure="SIMPLE"),
        review=None,
    )
    assert [one.check for one in found(said, parties=Answer())] == expected


def test_a_limit_that_was_passed_is_named_with_its_article() -> None:
    one = found(penalty(procedure="SIMPLE", fine=300_001))[0]
    assert (one.check, one.severity) == ("simple-fine", BREACH)
    assert one.detail.zh == "简易程序罚款 3000.01 元，超过限额 3000.00 元"
    assert one.source == "行政处罚法（2021修订）第51条"


def test_on_the_spot_nothing_is_confiscated() -> None:
    said = penalty(
        kinds=("FINE", "CONFISCATED_GAINS"), fine=100, confiscated=1, procedure="SIMPLE"
    )
    (one,) = found(said)
    assert (one.check, one.severity) == ("simple-kinds", BREACH)
    assert one.detail.zh == "简易程序不能作出这样的处罚：CONFISCATED_GAINS"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (None, [("licence-stated", DOUBT)]),
        (Licence(kind="ORDINARY"), []),
        (Licence(kind="ORDINARY", valid_from=DAY, valid_to=DAY), []),
        (
            Licence(kind="ORDINARY", valid_from=DAY, valid_to=date(2026, 11, 19)),
            [("licence-term", DOUBT)],
        ),
    ],
)
def test_a_licence_is_stated_and_ends_after_it_begins(
    licence: Licence | None, expected: list[tuple[str, Severity]]
) -> None:
    said = decision(
        act=Act.LICENCE, penalty=None, officers=(), review=None, licence=licence
    )
    assert short(said, matters=Answer((matter(power_type="LICENCE"),))) == expected


@pytest.mark.parametrize(
    ("fine", "expected"),
    [(10_000_000_000, []), (10_000_000_001, [("fine-plausible", DOUBT)])],
)
def test_a_fine_beyond_what_is_usual_is_a_doubt(
    fine: int, expected: list[tuple[str, Severity]]
) -> None:
    assert DECISION.penalty is not None
    penalty = msgspec.structs.replace(DECISION.penalty, fine=fine)
    assert short(decision(penalty=penalty)) == expected


def test_a_legal_person_with_an_id_number_is_a_doubt() -> None:
    party = msgspec.structs.replace(
        DECISION.party, id_kind="RESIDENT_ID", id_number="11010519491231002X"
    )
    (one,) = found(decision(party=party))
    assert (one.check, one.severity) == ("id-of-person", DOUBT)
    assert "11010519491231002X" not in str(one)


def test_an_id_number_in_a_text_is_a_doubt_that_names_the_texts() -> None:
    said = decision(
        facts="查明张三（11010519491231002X）无证",
        party=Party(
            kind="LEGAL_PERSON",
            name="安泽市某某化工有限公司",
            code=FIRM,
            representative="１１０１０５１９４９１２３１００２Ｘ",
        ),
    )
    (one,) = found(said)
    assert (one.check, one.severity) == ("texts-without-ids", DOUBT)
    assert one.detail.zh.startswith("这些文字中有公民身份号码：facts, representative；")
    assert "11010519491231002X" not in str(one)
    assert one.source == "个人信息保护法第28条：敏感个人信息，最小必要"


def test_an_unusual_document_number_is_a_doubt() -> None:
    assert short(decision(document_no="罚字第12号")) == [("document-form", DOUBT)]


# --- case and party ----------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "entries", "expected"),
    [
        pytest.param(DECISION, (), [("case-known", DOUBT)], id="unknown"),
        pytest.param(
            decision(case_source="harbour"), (), [("case-source", DOUBT)], id="source"
        ),
        pytest.param(
            DECISION,
            (case(party_code="91320105780688132K"),),
            [("case-party", DOUBT)],
            id="another's code",
        ),
        pytest.param(
            DECISION,
            (case(party_code=None, party_name="安泽市 某某化工有限公司"),),
            [],
            id="the same name, no code",
        ),
        pytest.param(
            DECISION,
            (case(party_code=None, party_name="另一公司"),),
            [("case-party", DOUBT)],
            id="another name, no code",
        ),
        pytest.param(
            DECISION, (case(party_code=None, party_name=None),), [], id="no party yet"
        ),
        pytest.param(
            DECISION,
            (case(party_code="91320105780688132K"), case()),
            [],
            id="entered twice",
        ),
        pytest.param(
            DECISION,
            (case(decided_on=date(2026, 11, 18)),),
            [("case-day", DOUBT)],
            id="another day",
        ),
        pytest.param(DECISION, (case(decided_on=DAY),), [], id="the same day"),
        pytest.param(
            DECISION,
            (case(subject_code=OTHER),),
            [("case-subject", DOUBT)],
            id="another subject's",
        ),
    ],
)
def test_the_decision_fits_its_case(
    said: Decision,
    entries: tuple[CaseEntry, ...],
    expected: list[tuple[str, Severity]],
) -> None:
    assert short(said, cases=Answer(entries)) == expected


def test_a_decision_without_a_case_is_not_asked_for_one() -> None:
    said = decision(case_no=None, case_source=None)
    assert short(said, cases=Answer()) == []


@pytest.mark.parametrize(
    ("code", "entries", "expected"),
    [
        pytest.param(FIRM, (), [("party-known", DOUBT)], id="unknown"),
        pytest.param(
            "91110000600037341M", (), [("party-code-form", DOUBT)], id="malformed"
        ),
        pytest.param(None, (), [], id="none"),
    ],
)
def test_the_party_s_code_is_one_and_known(
    code: str | None,
    entries: tuple[PartyEntry, ...],
    expected: list[tuple[str, Severity]],
) -> None:
    said = party(code=code)
    facts = {"cases": Answer((case(party_code=None),)), "parties": Answer(entries)}
    assert short(said, **facts) == expected


# --- registers that are away -------------------------------------------------

AWAY: Answer[Any] = Answer(away=True)
ALL_AWAY: Mapping[str, Any] = dict.fromkeys(
    ("subjects", "officers", "matters", "cases", "parties"), AWAY
)


@pytest.mark.parametrize(
    ("register", "checks"),
    [
        (
            "subjects",
            ["subject-known", "penalty-subject-qualified", "subject-status"],
        ),
        (
            "matters",
            [
                "matter-known",
                "matter-subject",
                "matter-in-force",
                "matter-status",
                "matter-power",
            ],
        ),
        (
            "officers",
            [
                "officers-known",
                "officers-kind",
                "officers-valid",
                "officers-status",
                "officers-subject",
            ],
        ),
        ("cases", ["case-known", "case-subject", "case-party", "case-day"]),
        ("parties", ["party-known"]),
    ],
)
def test_a_register_that_is_away_leaves_its_checks_unverified(
    register: str, checks: list[str]
) -> None:
    facts: dict[str, Any] = {register: AWAY}
    assert short(**facts) == [(check, UNVERIFIED) for check in checks]


def test_with_every_register_away_nothing_is_a_breach() -> None:
    assert {severity for _, severity in short(**ALL_AWAY)} == {UNVERIFIED}


def test_what_the_law_asks_of_the_decision_itself_is_found_without_registers() -> None:
    assert ("penalty-two-officers", BREACH) in short(decision(officers=()), **ALL_AWAY)


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        ({"matters": Answer((matter(subject_code=OTHER),))}, "matter-subject"),
        (
            {"officers": Answer((officer(subject_code=OTHER), SECOND))},
            "officers-subject",
        ),
        ({"cases": Answer((case(subject_code=OTHER),))}, "case-subject"),
    ],
)
def test_who_delegates_to_whom_is_unverified_without_the_register_of_subjects(
    facts: dict[str, Any], check: str
) -> None:
    assert (check, UNVERIFIED) in short(**facts, subjects=AWAY)


def test_an_unverified_finding_says_which_register_and_what_was_to_be_seen() -> None:
    one = found(parties=AWAY)[0]
    assert one.detail.zh == "市场主体登记暂时查不到，未能核验：当事人在市场主体登记内"
    assert one.detail.en == (
        "the register of enterprises did not answer, not verified: "
        "the party is in the register"
    )


# --- whatever is stated ------------------------------------------------------

texts = st.none() | st.sampled_from(
    ["", "{0}", "{subject}", OWN, OTHER, FIRM, "1900101"]
)
days = st.none() | st.dates(date(2000, 1, 1), date(2030, 1, 1))
statuses = st.sampled_from([None, "IN_FORCE", "SUSPENDED", "EXPIRED", "UNRECOGNISED"])
dated: dict[str, Any] = {"valid_from": days, "valid_to": days, "status": statuses}


def answers(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[Answer[Any]]:
    return st.builds(
        Answer, st.lists(entries, max_size=3).map(tuple), away=st.booleans()
    )


facts_of_any_kind = st.builds(
    Facts,
    subjects=answers(
        st.builds(
            SubjectEntry,
            code=st.sampled_from([OWN, OTHER]),
            delegated_by=texts,
            predecessor=texts,
            **dated,
        )
    ),
    officers=answers(
        st.builds(
            OfficerEntry,
            certificate=st.sampled_from(["1900101", "1900102"]),
            kind=st.sampled_from([None, "OFFICER", "AUXILIARY"]),
            subject_code=texts,
            **dated,
        )
    ),
    matters=answers(
        st.builds(
            MatterEntry,
            code=st.just(MATTER),
            version=st.none() | st.integers(1, 3),
            power_type=texts,
            subject_code=texts,
            **dated,
        )
    ),
    cases=answers(
        st.builds(
            CaseEntry,
            case_no=st.just("1"),
            subject_code=texts,
            party_code=texts,
            party_name=texts,
            decided_on=days,
        )
    ),
    parties=answers(st.builds(PartyEntry, code=st.just(FIRM))),
    case_sources=st.sampled_from([frozenset(), frozenset({"emergency"})]),
)
penalties = st.none() | st.builds(
    Penalty,
    kinds=st.lists(st.sampled_from(["FINE", "WARNING", "OTHER"])).map(tuple),
    fine=st.none() | st.integers(0, 10**10),
    confiscated=st.none() | st.integers(0, 10**10),
    procedure=st.sampled_from([None, "SIMPLE", "ORDINARY", "EXPEDITED"]),
    hearing=st.none() | st.booleans(),
)
decisions_of_any_kind = st.builds(
    Decision,
    local_id=st.just("1"),
    act=st.sampled_from(Act),
    subject_code=st.sampled_from([OWN, OTHER]),
    case_source=st.sampled_from([None, "emergency", "harbour"]),
    case_no=texts,
    matter_code=texts,
    document_no=st.sampled_from(["{x}", "（安）应急罚〔2026〕1号"]),
    decided_on=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    party=st.builds(
        Party,
        kind=st.sampled_from(["LEGAL_PERSON", "INDIVIDUAL_BUSINESS", "NATURAL_PERSON"]),
        name=st.just("{party}"),
        code=texts,
    ),
    officers=st.lists(st.sampled_from(["1900101", "1900102", "3"])).map(tuple),
    review=st.none()
    | st.builds(
        Review,
        reference=st.just("1"),
        on=days,
        opinion=st.sampled_from([None, "AGREE", "RETURN"]),
    ),
    penalty=penalties,
)


@given(decisions_of_any_kind, facts_of_any_kind)
def test_checks_answer_whatever_is_stated(said: Decision, facts: Facts) -> None:
    names = {check.name: check for check in CHECKS}
    for one in findings(CHECKS, said, facts):
        check = names[one.check]
        assert check.concerns(said)
        assert one.severity in {check.severity, UNVERIFIED}
        assert one.source == check.source
        assert one.detail.zh
        assert one.detail.en


@given(decisions_of_any_kind, facts_of_any_kind)
def test_registers_that_are_away_never_make_a_breach(
    said: Decision, facts: Facts
) -> None:
    """What is found without registers is found of the decision alone."""
    alone = findings(CHECKS, said, Facts(case_sources=facts.case_sources, **ALL_AWAY))
    told = {one for one in findings(CHECKS, said, facts) if one.severity is BREACH}
    assert {one for one in alone if one.severity is BREACH} <= told
