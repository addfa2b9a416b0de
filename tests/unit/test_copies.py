"""What receivers are given: the policy decides, field by field, and it is on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from receiver_files import changed as rewritten
from receiver_files import with_examples

from zhitong.decisions import (
    Act,
    Change,
    Copy,
    Decision,
    Entry,
    Event,
    Finding,
    Licence,
    Party,
    Penalty,
    Review,
    Severity,
)
from zhitong.exceptions import ReceiverError
from zhitong.infra.deciding import check_given, receivers_copies
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receivers_file import read_receivers
from zhitong.resolvers.copies import ALWAYS, Copies
from zhitong.resolvers.decision_fields import (
    FIELDS,
    INTERNAL,
    MAPPED,
    NESTED,
    kept,
    values,
)
from zhitong.resolvers.policy import Effect, Policy, RowRule, Rule, Scope
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.streams import examples
from zhitong.streams.cloud_events import parse
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.forms import form
from zhitong.streams.keys import ReceiverKeys, unseal
from zhitong.streams.receivers import IdNumber, Receivers
from zhitong.streams.schemas import faults
from zhitong.types import Allow, Compare, Label, MaskKind, Op

POLICY = read_policy(Path("infra/rules/policy.toml"), ENTITIES)
CONFIG = read_receivers()
KEYS = ReceiverKeys.generate("credit")
AT = datetime(2026, 11, 22, 1, 30, 5, tzinfo=UTC)
NUMBER = "11010519491231002X"
AGENCY = "11619900MB0004001B"
SEALED = {"CF_XDR_ZJHM", "XK_XDR_ZJHM"}

PENALTY = Decision(
    local_id="canary-local",
    act=Act.PENALTY,
    subject_code=AGENCY,
    subject_name="金丝雀机关",
    case_source="emergency",
    case_no="金丝雀案号",
    inspection_no="金丝雀检查",
    matter_code="canary-matter",
    document_no="金丝雀罚〔2026〕31号",
    document_title="金丝雀文书",
    decided_on=date(2026, 3, 7),
    division="619931",
    title="金丝雀案由",
    facts="金丝雀事实",
    basis="金丝雀依据",
    content="金丝雀内容",
    party=Party(
        kind="INDIVIDUAL_BUSINESS",
        name="金丝雀小吃店",
        registration_no="619900600123",
        representative="金丝雀负责人",
    ),
    officers=("61990001", "61990002"),
    review=Review(reference="canary-review", on=date(2026, 3, 6), opinion="RETURN"),
    collective=True,
    penalty=Penalty(
        kinds=("WARNING", "CLOSURE_ORDERED"),
        violation_type="金丝雀类型",
        fine=7_654_321,
        confiscated=9_876_543,
        licence_affected="金丝雀证照",
        procedure="EXPEDITED",
        valid_to=date(2027, 5, 9),
        publicity_to=date(2027, 6, 8),
        hearing=False,
    ),
)
FIRM = replace(
    PENALTY,
    party=replace(
        PENALTY.party,
        kind="LEGAL_PERSON",
        code="91110000600037341L",
        registration_no=None,
    ),
)
PERSON = replace(
    PENALTY,
    party=Party(
        kind="NATURAL_PERSON", name="金丝雀", id_kind="PASSPORT", id_number=NUMBER
    ),
)
LICENCE = replace(
    FIRM,
    act=Act.LICENCE,
    penalty=None,
    licence=Licence(
        kind="CONCESSION",
        certificate_name="金丝雀许可证",
        certificate_no="canary-certificate",
        valid_from=date(2026, 8, 5),
        valid_to=date(2031, 8, 4),
    ),
)
INSPECTION = replace(FIRM, act=Act.INSPECTION, penalty=None)
COLUMNS: Mapping[str, tuple[Decision, tuple[str, ...]]] = {
    "localId": (FIRM, ("act_no",)),
    "changeReason": (FIRM, ()),
    "changeBasis": (FIRM, ()),
    "recordedBy": (FIRM, ("CF_SJLYDM",)),
    "recordedByName": (FIRM, ("CF_SJLY",)),
    "recordedByPerson": (FIRM, ("submitted_by",)),
    "subjectCode": (FIRM, ("CF_CFJGDM", "agency_code")),
    "subjectName": (FIRM, ("CF_CFJG", "agency_name")),
    "inspectionNo": (FIRM, ("inspection_no",)),
    "matterCode": (FIRM, ("matter_code",)),
    "documentNo": (FIRM, ("CF_WSH", "document_no")),
    "documentTitle": (LICENCE, ("XK_XKWS", "document_title")),
    "decidedOn": (FIRM, ("CF_JDRQ", "decided_on")),
    "division": (FIRM, ("division_code",)),
    "title": (FIRM, ("act_name",)),
    "facts": (FIRM, ("CF_SY", "facts")),
    "legalBasis": (FIRM, ("CF_YJ", "basis")),
    "result": (FIRM, ("CF_NR", "result")),
    "counterpartyName": (FIRM, ("CF_XDR_MC", "object_name", "party_name")),
    "counterpartyCode": (FIRM, ("CF_XDR_SHXYM", "party_code")),
    "registrationNo": (PENALTY, ("CF_XDR_GSZC",)),
    "representative": (FIRM, ("CF_FRDB",)),
    "counterpartyIdKind": (PERSON, ("CF_XDR_ZJLX",)),
    "counterpartyIdNumber": (PERSON, ("CF_XDR_ZJHM",)),
    "officerCertificates": (INSPECTION, ("officer_certificates",)),
    "reviewedOn": (FIRM, ("review_date",)),
    "reviewOpinion": (FIRM, ("review_opinion",)),
    "collective": (FIRM, ("collective",)),
    "penaltyKinds": (FIRM, ("CF_CFLB", "penalty_kinds")),
    "violationType": (FIRM, ("CF_WFXW",)),
    "fine": (FIRM, ("CF_NR_FK", "fine")),
    "confiscated": (FIRM, ("CF_NR_WFFF",)),
    "licenceAffected": (FIRM, ("CF_NR_ZKDX",)),
    "procedure": (FIRM, ("procedure",)),
    "hearing": (FIRM, ("hearing",)),
    "publicityTo": (FIRM, ("CF_GSJZQ",)),
    "licenceKind": (LICENCE, ("XK_XKLB", "licence_kind")),
    "certificateName": (LICENCE, ("XK_XKZS", "certificate_name")),
    "certificateNo": (LICENCE, ("XK_XKBH", "certificate_no")),
    "validFrom": (LICENCE, ("XK_YXQZ", "valid_from")),
    "validTo": (LICENCE, ("XK_YXQZI", "valid_to")),
}
"""Field → a decision that states it, and the columns made of it alone."""


@cache
def envelopes() -> ReceiverEnvelopes:
    return ReceiverEnvelopes(CONFIG, {"credit": KEYS.public}, lambda: AT)


def copies(policy: Policy = POLICY) -> Copies:
    reader = Reader(dict, policy)
    return receivers_copies(reader, envelopes(), dict)


def entry(
    decision: Decision, change: Change = Change.RECORDED, version: int = 1
) -> Entry:
    again = change is not Change.RECORDED
    return Entry(
        decision=decision,
        version=version,
        change=change,
        at=AT,
        reason="金丝雀原因" if again else "",
        basis="金丝雀撤销依据" if again else "",
        unit="12619900MB200315XY",
        unit_name="金丝雀登记单位",
        person="周四",
    )


def events(*given: Copy) -> tuple[Event, ...]:
    return envelopes().events(given, follows_history=False)


def rows(*given: Copy) -> dict[str, dict[str, Any]]:
    return {one.receiver: parse(one.payload).row for one in events(*given)}


def other(effect: Effect, field: str, **said: Any) -> Policy:  # noqa: ANN401 - of `Rule`
    """Give the shipped policy with a rule of *effect* for receivers, in front."""
    rule = Rule(
        name="other",
        effect=effect,
        kinds=frozenset({"provincial-platform", "credit-system"}),
        types=frozenset({"Decision"}),
        fields=frozenset({field}),
        purposes=frozenset({"provincial-supervision", "double-publicity"}),
        reason=Label("", ""),
        source="",
        **said,
    )
    return changed(POLICY, rules=(rule, *POLICY.rules))


def silent(field: str) -> Policy:
    """Give the shipped policy where no rule names *field* of Decision any more."""
    rules = tuple(
        changed(rule, fields=rule.fields - {field})
        if rule.types == {"Decision"}
        else rule
        for rule in POLICY.rules
    )
    return changed(POLICY, rules=rules)


def narrowed(field: str, *values: str) -> Policy:
    rule = RowRule(
        name="narrowed",
        kinds=frozenset({"credit-system"}),
        types=frozenset({"Decision"}),
        scope=Scope(where=Compare(field, Op.IN, values)),
        source="",
    )
    return changed(POLICY, rows=(*POLICY.rows, rule))


# --- the table ---------------------------------------------------------------


@pytest.mark.parametrize("part", list(FIELDS), ids=lambda part: part.__name__)
def test_every_attribute_of_an_entry_is_a_field_or_said_to_be_internal(
    part: type[msgspec.Struct],
) -> None:
    named = {*FIELDS[part].values()}
    apart = INTERNAL.get(part, frozenset()) | NESTED.get(part, frozenset())
    assert not named & apart
    assert named | apart == {one.name for one in msgspec.structs.fields(part)}


def test_every_field_of_an_entry_is_declared() -> None:
    assert set(ENTITIES["Decision"].fields) >= MAPPED
    assert set(COLUMNS) | ALWAYS == MAPPED - {
        "caseSource",
        "caseNo",
        "counterpartyKind",
        "reviewNo",
        "representativeIdKind",
        "representativeIdNumber",
    }


@pytest.mark.parametrize("decision", [FIRM, PENALTY, PERSON, LICENCE])
def test_an_entry_of_which_all_is_shown_is_the_entry(decision: Decision) -> None:
    said = entry(decision, Change.WITHDRAWN, 2)
    written = values(said)
    as_read = {n: list(v) if isinstance(v, tuple) else v for n, v in written.items()}
    assert kept(said, written, as_read.get) == said


def test_an_entry_of_which_nothing_is_shown_says_nothing() -> None:
    said = entry(LICENCE, Change.WITHDRAWN, 2)
    left = kept(said, values(said), _nothing)
    assert left.decision.licence is None
    assert left.decision.review is None
    assert msgspec.json.decode(msgspec.json.encode(left.decision)) == {
        "local_id": "",
        "act": None,
        "subject_code": "",
        "document_no": "",
        "decided_on": None,
        "party": {"kind": "", "name": ""},
    }
    assert (left.reason, left.basis, left.unit, left.person) == ("", "", "", "")


def _nothing(_field: str) -> None:
    return None


# --- what leaves -------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "version"),
    [(Change.RECORDED, 1), (Change.CORRECTED, 2), (Change.WITHDRAWN, 3)],
)
async def test_the_shipped_policy_gives_each_form_all_it_has_a_place_for(
    change: Change, version: int
) -> None:
    decisions = [*examples.decisions(), FIRM, PENALTY, PERSON, LICENCE]
    for decision in decisions:
        said = entry(decision, change, version)
        receivers = envelopes().receivers(decision.act)
        given = await copies().of(said, receivers)
        uncut = [whole(said, name) for name in receivers]
        for one, before in zip(events(*given), events(*uncut), strict=True):
            ours, theirs = parse(one.payload), parse(before.payload)
            for column in SEALED & theirs.row.keys():
                number = unseal(str(ours.row.pop(column)), KEYS)
                assert number == unseal(str(theirs.row.pop(column)), KEYS)
            assert ours == theirs
            if not SEALED & parse(before.payload).row.keys():
                assert one.payload == before.payload


@pytest.mark.parametrize("field", list(COLUMNS))
async def test_a_field_that_is_denied_is_in_no_stream(field: str) -> None:
    decision, columns = COLUMNS[field]
    said = entry(decision, Change.CORRECTED, 2)
    receivers = envelopes().receivers(decision.act)
    before = rows(*await copies().of(said, receivers))
    after = rows(*await copies(silent(field)).of(said, receivers))
    stated = {c for row in before.values() for c in row} & set(columns)
    assert stated == set(columns)
    left = [c for row in after.values() for c in row if c in columns]
    assert left == []
    value = values(said)[field]
    if (isinstance(value, str) and "金丝雀" in value) or "canary" in str(value):
        assert str(value) in str(before)
        assert str(value) not in str(after)


async def test_a_receiver_is_given_what_its_own_rules_say() -> None:
    given = await copies().of(entry(PERSON), ["provincial", "credit"])
    provincial, credit = given
    assert provincial.entry.decision.party.id_number is None
    assert provincial.entry.decision.party.representative is None
    assert provincial.entry.decision.case_no is None
    assert credit.entry.decision.party.id_number == NUMBER
    assert credit.entry.decision.officers == ()
    assert credit.entry.decision.local_id == ""
    assert credit.entry.person == ""
    assert provincial.decision_id == credit.decision_id == PERSON.id


async def test_no_firm_has_an_id_number_for_the_credit_system() -> None:
    party = replace(FIRM.party, id_kind="RESIDENT_ID", id_number=NUMBER)
    (copy,) = await copies().of(entry(replace(FIRM, party=party)), ["credit"])
    assert copy.entry.decision.party.id_number is None


async def test_a_field_that_is_masked_leaves_masked() -> None:
    policy = other(Effect.MASK, "counterpartyName", mask=MaskKind.NAME)
    given = await copies(policy).of(entry(PERSON), ["provincial", "credit"])
    row = rows(*given)
    assert row["credit"]["CF_XDR_MC"] == row["provincial"]["party_name"] == "金**"
    assert "金丝雀" not in given[0].entry.decision.party.name


async def test_what_is_kept_back_is_not_written_as_if_there_were_none() -> None:
    said = entry(PENALTY)
    for field, column in (("counterpartyCode", "CF_XDR_SHXYM"), ("validTo", "CF_YXQ")):
        policy = other(Effect.DENY, field)
        (before,) = rows(*await copies().of(said, ["credit"])).values()
        (after,) = rows(*await copies(policy).of(said, ["credit"])).values()
        assert column in before
        assert column not in after


# --- which rows --------------------------------------------------------------


async def test_a_row_that_is_not_for_a_receiver_makes_no_event() -> None:
    given = await copies(narrowed("division", "610000")).of(
        entry(FIRM), ["provincial", "credit"]
    )
    assert [one.receiver for one in given] == ["provincial"]


async def test_who_had_a_decision_is_told_of_its_end_and_of_nothing_more() -> None:
    policy = narrowed("division", "610000")
    said = entry(FIRM, Change.WITHDRAWN, 2)
    (copy,) = await copies(policy).of(said, ["credit"])
    (row,) = rows(copy).values()
    assert row.keys() <= {
        "CF_XDR_MC",
        "CF_XDR_LB",
        "CF_WSH",
        "CF_CFJGDM",
        "CF_ZT",
        "BZ",
    }
    assert (row["CF_WSH"], row["CF_ZT"]) == (FIRM.document_no, "1")
    assert "金丝雀事实" not in str(copy.entry)
    # Only what it may still see.
    rule = other(Effect.DENY, "counterpartyName").rules[0]
    policy = changed(policy, rules=(rule, *policy.rules))
    (copy,) = await copies(policy).of(said, ["credit"])
    assert "CF_XDR_MC" not in next(iter(rows(copy).values()))


# --- what is on record -------------------------------------------------------


async def test_what_a_receiver_is_given_is_noted_with_who_why_and_which() -> None:
    given = await copies().of(entry(PERSON), ["provincial", "credit"])
    look = given[1].look
    assert look.id == f"{events(*given)[1].event_id}/credit"
    assert look.operation == "push:credit"
    assert look.at == AT
    assert (look.principal.kind, look.principal.unit) == (
        "credit-system",
        "11619900MB0003009W",
    )
    assert (look.occasion.purpose, look.occasion.basis) == (
        "double-publicity",
        "发改办财金〔2018〕424号",
    )
    (read,) = look.looks
    assert (read.type, read.source, read.rows) == ("Decision", "platform", 1)
    assert read.keys == (str(PERSON.id),)
    assert (read.fields["documentNo"], read.fields["facts"]) == ("ALLOW", "MASK")
    assert read.fields["counterpartyIdNumber"] == "ALLOW|DENY"
    assert read.fields.keys().isdisjoint({"caseNo", "officerCertificates"})
    assert NUMBER not in str(look)


# --- what the rules found ----------------------------------------------------

FINDINGS = [
    Finding(
        check=f"rule-{number}",
        severity=Severity.BREACH if number % 2 else Severity.DOUBT,
        detail=Label(f"发现 {number}", f"found {number}"),
        source="configured rule",
    )
    for number in range(1, 13)
]


async def supervised(
    folder: Path, policy: Policy, said: Entry, found: list[Finding]
) -> tuple[tuple[Copy, ...], dict[str, Any]]:
    """Give the copies of who supervises and of another, and the supervisor's row."""
    config = read_receivers(with_examples(folder, "supervision"))
    forms = ReceiverEnvelopes(config, {"credit": KEYS.public}, lambda: AT)
    made = receivers_copies(Reader(dict, policy), forms, dict)
    given = await made.of(said, ["credit", "supervision"])
    told = await made.with_findings(given, found)
    assert told[0] is given[0], "the credit system has no place for them"
    (event,) = forms.events(told[1:], follows_history=False)
    return told, parse(event.payload).row


async def test_who_supervises_is_given_what_the_rules_found(tmp_path: Path) -> None:
    told, row = await supervised(tmp_path, POLICY, entry(PENALTY), FINDINGS)
    assert told[1].findings == tuple(FINDINGS)
    assert [one["check"] for one in row["findings"]] == [one.check for one in FINDINGS]
    assert row["findings"][0] == {
        "check": "rule-1",
        "severity": "BREACH",
        "zh": "发现 1",
        "en": "found 1",
        "source": "configured rule",
    }
    assert faults("supervised", row) == ()
    # It is a look at findings, on record as that at the decision is.
    decided, found = told[1].look.looks
    assert (decided.type, found.type, found.rows) == ("Decision", "Finding", 12)
    assert f"{PENALTY.id}/1/12" in found.keys
    assert set(found.fields) >= {"check", "severity", "messageZh"}


async def test_findings_that_the_policy_keeps_back_are_in_no_stream(
    tmp_path: Path,
) -> None:
    rule = changed(
        other(Effect.DENY, "check").rules[0],
        kinds=frozenset({"supervisor"}),
        types=frozenset({"Finding"}),
        purposes=frozenset({"supervision"}),
    )
    policy = changed(POLICY, rules=(rule, *POLICY.rules))
    told, row = await supervised(tmp_path, policy, entry(PENALTY), FINDINGS)
    assert told[1].findings == ()
    assert "findings" not in row


async def test_a_number_in_a_finding_leaves_masked(tmp_path: Path) -> None:
    detail = Label(f"证件 {NUMBER} 不符", f"the ID {NUMBER} does not fit")
    said = replace(FINDINGS[0], detail=detail)
    _, row = await supervised(tmp_path, POLICY, entry(PENALTY), [said])
    assert NUMBER not in str(row)
    assert "不符" in row["findings"][0]["zh"]


async def test_who_is_told_of_an_end_alone_is_told_of_no_finding(
    tmp_path: Path,
) -> None:
    rule = changed(
        narrowed("division", "000000").rows[-1], kinds=frozenset({"supervisor"})
    )
    policy = changed(POLICY, rows=(*POLICY.rows, rule))
    gone = entry(PENALTY, Change.WITHDRAWN, 2)
    told, row = await supervised(tmp_path, policy, gone, FINDINGS)
    assert told[1].findings == ()
    assert row["status"] == "1"


# --- at start ----------------------------------------------------------------


def test_the_shipped_policy_gives_every_form_what_it_needs() -> None:
    check_given(copies(), CONFIG)
    fields = copies()._reader.verdicts(
        copies()._opened(*envelopes().asker("credit", AT)), ENTITIES["Decision"]
    )
    assert all(
        isinstance(fields.fields[name][0].verdict, Allow)
        for name in form("credit@2018").needed
    )


@pytest.mark.parametrize("field", sorted(ALWAYS | {"counterpartyKind"}))
def test_a_policy_that_keeps_back_what_an_event_is_made_of_is_refused_at_start(
    field: str,
) -> None:
    with pytest.raises(ReceiverError, match=field):
        check_given(copies(other(Effect.DENY, field)), CONFIG)


def test_a_form_takes_no_id_number_that_the_policy_does_not_give() -> None:
    with pytest.raises(ReceiverError, match="counterpartyIdNumber"):
        check_given(copies(silent("counterpartyIdNumber")), CONFIG)
    demanding = changed(
        CONFIG,
        receivers=tuple(
            changed(one, id_numbers=frozenset({IdNumber.REPRESENTATIVE}))
            if one.name == "credit"
            else one
            for one in CONFIG.receivers
        ),
    )
    with pytest.raises(ReceiverError, match="representativeIdNumber"):
        check_given(copies(), demanding)


def test_a_condition_on_what_an_entry_does_not_have_is_refused_at_start() -> None:
    """Otherwise it would hold for no row, and nothing would leave, in silence."""
    with pytest.raises(ReceiverError, match="contentHash"):
        check_given(copies(narrowed("contentHash", "ab")), CONFIG)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "credit-system"', 'kind = "credit-office"'),
        ('unit = "11619900MB0003009W"', 'unit = "11619900MB0003009X"'),
    ],
)
def test_a_receiver_that_is_no_requester_is_refused_at_start(
    old: str, new: str, tmp_path: Path
) -> None:
    folder = rewritten(tmp_path, "credit", old, new)
    with pytest.raises(ReceiverError, match="credit: kind is no requester kind"):
        read_receivers(folder)


def test_of_another_purpose_a_receiver_is_given_nothing() -> None:
    others: Receivers = changed(
        CONFIG,
        receivers=tuple(changed(one, purpose="statistics") for one in CONFIG.receivers),
    )
    strange = ReceiverEnvelopes(others, {"credit": KEYS.public}, lambda: AT)
    made = receivers_copies(Reader(dict, POLICY), strange, dict)
    with pytest.raises(ReceiverError, match="decisionId"):
        check_given(made, others)
