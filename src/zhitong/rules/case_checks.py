"""Whether the decision fits its case and its party, as their registers have them."""

from __future__ import annotations

from collections.abc import Iterator

from zhitong.decisions import Decision
from zhitong.rules.check import Away, Check, Outcome
from zhitong.rules.facts import CaseEntry, Facts
from zhitong.rules.identifiers import credit_code_fault
from zhitong.types import Label

CASES = Away(Label("办案系统", "the case system"))
PARTIES = Away(Label("市场主体登记", "the register of enterprises"))


def case_source(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the case system that is named is one that is bound here."""
    if decision.case_source and decision.case_source not in facts.case_sources:
        yield {"source": decision.case_source}


def case_known(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the case is in its case system."""
    if facts.cases.away:
        yield CASES
    elif (
        decision.case_no
        and not facts.cases.entries
        and (decision.case_source is None or decision.case_source in facts.case_sources)
    ):
        yield {"case": decision.case_no}


def case_subject(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the case is the subject's, or that of who acts for it."""
    if facts.cases.away:
        yield CASES
        return
    units = {one.subject_code for one in facts.cases.entries if one.subject_code}
    if not units or decision.subject_code in units:
        return
    if facts.subjects.away:
        yield Away(Label("执法主体名录", "the register of subjects"))
    elif not any(facts.one_house(decision.subject_code, unit) for unit in units):
        named = ", ".join(sorted(units))
        yield {"case": decision.case_no or "", "unit": named}


def case_party(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the case is about the same party, by code, or else by name."""
    if facts.cases.away:
        yield CASES
    elif facts.cases.entries and not any(
        _same_party(decision, entry) for entry in facts.cases.entries
    ):
        yield {"case": decision.case_no or ""}


def _same_party(decision: Decision, entry: CaseEntry) -> bool:
    party = decision.party
    if party.code and entry.party_code:
        return party.code == entry.party_code
    if not entry.party_name:
        return True
    return _bare(party.name) == _bare(entry.party_name)


def _bare(name: str) -> str:
    """Write a name without blanks, its brackets in one width."""
    return "".join(name.split()).translate({0xFF08: "(", 0xFF09: ")"})


def case_day(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the case system has the same day; an open case has none yet."""
    if facts.cases.away:
        yield CASES
        return
    days = {entry.decided_on for entry in facts.cases.entries}
    if days and None not in days and decision.decided_on not in days:
        kept = ", ".join(sorted(str(day) for day in days))
        yield {"kept": kept, "decided": str(decision.decided_on)}


def party_code_form(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that the party's credit code is one."""
    code = decision.party.code
    fault = credit_code_fault(code) if code else None
    if fault:
        yield {"fault_zh": fault.zh, "fault_en": fault.en}


def party_known(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the register of enterprises has the party's code."""
    code = decision.party.code
    if not code or credit_code_fault(code):
        return
    if facts.parties.away:
        yield PARTIES
    elif not facts.parties.entries:
        yield {"code": code}
