"""The checks of a decision: facts and dated rules in, findings out; no clock, no I/O.

- A check speaks of acts, procedures and days it is for; `Check.concerns` says so.
- Its test says what is wrong, as words for the check's text, or that the register
  that could tell is away; then the finding is UNVERIFIED, whatever the check weighs.
- What is not stated is not wrong, unless a check is there to say so.
- No check refuses: a decision that was taken is registered with its findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from zhitong.decisions import Decision, Finding, Severity
from zhitong.rules import (
    case_checks,
    content_checks,
    signature_checks,
    subject_checks,
)
from zhitong.rules.check import Away, Check, Limits, Outcome
from zhitong.rules.facts import Facts
from zhitong.types import Label

Run = Callable[[Check, Decision, Facts], Iterator[Outcome]]
_TERM = ("since", "until")
_STATUS = ("status_zh", "status_en")
_OTHERS = ("name", "others_zh", "others_en")


@dataclass(frozen=True, slots=True)
class Test:
    """What looks, and which words it fills into a check's text."""

    run: Run
    words: tuple[str, ...] = ()

    __test__ = False  # pytest takes every Test… for its own


_SUBJECT = {
    "subject-known": Test(subject_checks.subject_known, ("subject",)),
    "subject-qualified": Test(subject_checks.subject_qualified, (*_TERM, *_OTHERS)),
    "subject-status": Test(subject_checks.subject_status, (*_STATUS, *_OTHERS)),
    "matter-stated": Test(subject_checks.matter_stated),
    "matter-known": Test(subject_checks.matter_known, ("matter",)),
    "matter-subject": Test(subject_checks.matter_subject, ("matter", "holder")),
    "matter-in-force": Test(subject_checks.matter_in_force, ("matter", *_TERM)),
    "matter-status": Test(subject_checks.matter_status, ("matter", *_STATUS)),
    "matter-power": Test(subject_checks.matter_power, ("matter", "power", "act")),
    "officers-number": Test(subject_checks.officers_number, ("named", "needed")),
    "officers-known": Test(subject_checks.officers_known, ("certificate",)),
    "officers-kind": Test(subject_checks.officers_kind, ("certificate",)),
    "officers-valid": Test(subject_checks.officers_valid, ("certificate", *_TERM)),
    "officers-status": Test(subject_checks.officers_status, ("certificate", *_STATUS)),
    "officers-subject": Test(subject_checks.officers_subject, ("certificate", "unit")),
}
_CONTENT = {
    "review-stated": Test(content_checks.review_stated),
    "review-before": Test(content_checks.review_before, ("reviewed", "decided")),
    "review-opinion": Test(content_checks.review_opinion, ("opinion",)),
    "review-complete": Test(content_checks.review_complete),
    "kinds-stated": Test(content_checks.kinds_stated),
    "fine-amount": Test(content_checks.fine_amount),
    "fine-kind": Test(content_checks.fine_kind, ("fine",)),
    "confiscated-kind": Test(content_checks.confiscated_kind, ("confiscated",)),
    "procedure-stated": Test(content_checks.procedure_stated),
    "fine-within": Test(content_checks.fine_within, ("fine", "most")),
    "kinds-within": Test(content_checks.kinds_within, ("kinds", "procedure")),
    "licence-stated": Test(content_checks.licence_stated),
    "licence-term": Test(content_checks.licence_term, _TERM),
    "document-form": Test(content_checks.document_form),
    "id-of-person": Test(content_checks.id_of_person),
    "texts-without-ids": Test(content_checks.texts_without_ids, ("fields",)),
}
_CASE = {
    "case-source": Test(case_checks.case_source, ("source",)),
    "case-known": Test(case_checks.case_known, ("case",)),
    "case-subject": Test(case_checks.case_subject, ("case", "unit")),
    "case-party": Test(case_checks.case_party, ("case",)),
    "case-day": Test(case_checks.case_day, ("kept", "decided")),
    "party-code-form": Test(case_checks.party_code_form, ("fault_zh", "fault_en")),
    "party-known": Test(case_checks.party_known, ("code",)),
}
SIGNATURE = {
    "signature-stated": Test(signature_checks.signature_stated),
    "signature-form": Test(signature_checks.signature_form),
    "signature-key": Test(signature_checks.signature_key, ("key",)),
    "signature-retired": Test(signature_checks.signature_retired, ("key",)),
    "signature-holds": Test(signature_checks.signature_holds, ("key",)),
    "signature-content": Test(signature_checks.signature_content, ("items",)),
}
"""Looked at for a withdrawal too, which no other check is about."""
TESTS: Mapping[str, Test] = MappingProxyType(
    {**_SUBJECT, **_CONTENT, **_CASE, **SIGNATURE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """All checks and limits in force, and those that once were."""

    limits: Limits
    checks: tuple[Check, ...]


def findings(
    checks: Iterable[Check], decision: Decision, facts: Facts
) -> tuple[Finding, ...]:
    """Say what *checks* find; one that holds is silent."""
    return tuple(
        _finding(check, outcome)
        for check in checks
        if check.concerns(decision)
        for outcome in TESTS[check.test].run(check, decision, facts)
    )


def _finding(check: Check, outcome: Outcome) -> Finding:
    if isinstance(outcome, Away):
        register = outcome.register
        return Finding(
            check=check.name,
            severity=Severity.UNVERIFIED,
            detail=Label(
                f"{register.zh}暂时查不到，未能核验：{check.title.zh}",
                f"{register.en} did not answer, not verified: {check.title.en}",
            ),
            source=check.source,
        )
    return Finding(
        check=check.name,
        severity=check.severity,
        detail=Label(
            check.text.zh.format_map(outcome), check.text.en.format_map(outcome)
        ),
        source=check.source,
    )
