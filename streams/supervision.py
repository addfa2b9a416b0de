"""The form for the body that supervises enforcement: a decision, and what was found.

Decree 825's text was not read. What leaves here are clues: the decision and what the
rules found of it. Supervision's own documents (notice, opinion, decision) are made by
that body and come to the platform the other way. Findings stand in a row as the policy
gives them to that receiver.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from zhitong.decisions import Act, Copy, Decision, Finding, Penalty
from zhitong.rules.identifiers import credit_code_fault
from zhitong.rules.resident_ids import without_resident_ids
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import clean, day_as, fill, yes_no, yuan
from zhitong.streams.confidence import Confidence
from zhitong.streams.credit import remark
from zhitong.streams.form import Form, Options, Stated, Status, Writing
from zhitong.types import Label

TABLE = "supervised"
MOST = 100
"""Findings of one version; a decision with more is no better for the rest."""
_WIDTHS = {"check": 100, "zh": 2_000, "en": 2_000, "source": 1_000}
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
"""Cities that are provinces (GB/T 2260): their districts are of one city."""


class SupervisionOptions(Options, frozen=True, kw_only=True):
    """What is particular to the form for supervision."""

    status: Status


def row(copy: Copy, writing: Writing) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry, decision = copy.entry, copy.entry.decision
    said: dict[str, object] = {
        "record_id": str(copy.decision_id),
        "data_version": entry.version,
        "status": writing.options(SupervisionOptions).status.of(entry),
        "change_reason": remark(entry),
        "recorded_at": f"{entry.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "recorded_by": entry.unit_name,
        "act_type": writing.word("acts", decision.act),
        "agency_name": decision.subject_name,
        "agency_code": decision.subject_code,
        "division_code": decision.division,
        "party_name": decision.party.name,
        "party_kind": writing.word("party_kinds", decision.party.kind),
        "party_code": decision.party.code,
        "off_site": yes_no(_off_site(decision)),
        "matter_code": decision.matter_code,
        "title": decision.title,
        "document_title": decision.document_title,
        "document_no": decision.document_no,
        "decided_on": day_as(decision.decided_on),
        "basis": decision.basis,
        "result": decision.content,
        "legal_review": yes_no(True if decision.review else None),
        "collective": yes_no(decision.collective),
        "findings": [_finding(one) for one in copy.findings[:MOST]] or None,
    }
    return fill(FORM.table(decision), said | _penalty(decision, writing))


def _penalty(decision: Decision, writing: Writing) -> dict[str, object]:
    penalty = decision.penalty or Penalty()
    kinds = (writing.word("penalty_kinds", kind) for kind in penalty.kinds)
    return {
        "procedure": writing.word("procedures", penalty.procedure),
        "hearing": yes_no(penalty.hearing),
        "penalty_kinds": tuple(filter(None, kinds)),
        "fine": yuan(penalty.fine),
    }


def _off_site(decision: Decision) -> bool | None:
    """Say whether agency and party are of different cities; None where none can tell.

    A code has the place of its first registration: a doubt, never a proof.
    """
    here, there = _city(decision.subject_code), _city(decision.party.code)
    return None if here is None or there is None else here != there


def _city(code: str | None) -> str | None:
    """Give the city that registered *code*; None where a province or the state did."""
    if not code or credit_code_fault(code):
        return None
    province, city = code[2:4], code[2:6]
    if province in _MUNICIPALITIES:
        return province
    return None if city.endswith("00") else city


def _finding(found: Finding) -> dict[str, str]:
    said = {
        "check": found.check,
        "zh": found.detail.zh,
        "en": found.detail.en,
        "source": found.source,
    }
    fitted = {
        name: without_resident_ids(clean(text))[: _WIDTHS[name]]
        for name, text in said.items()
    }
    kept = {name: text for name, text in fitted.items() if text}
    return {**kept, "severity": found.severity.value}


def _stated(options: Options, _day: date) -> Iterator[Stated]:
    assert isinstance(options, SupervisionOptions)  # noqa: S101 - as the form names them
    yield from options.status.at(TABLE, "status")


FORM = Form(
    name="supervision",
    version="1",
    title=Label("行政执法监督线索", "Clues for the supervision of enforcement"),
    tables={TABLE: frozenset(Act)},
    table_of=lambda _decision: TABLE,
    row=row,
    findings=True,
    dictionaries={
        "acts": [(TABLE, "act_type")],
        "party_kinds": [(TABLE, "party_kind")],
        "penalty_kinds": [(TABLE, "penalty_kinds")],
        "procedures": [(TABLE, "procedure")],
    },
    options=SupervisionOptions,
    stated=_stated,
    reading=Label(
        "行政执法监督条例（国令第825号，条文未读到；字段为配置规则）",
        "the regulation on the supervision of enforcement (Decree 825), whose text was "
        "not read; the columns are a configured rule",
    ),
    source="行政执法监督条例（国令第825号）公开摘要；字段为配置规则 / public "
    "summaries; columns are a configured rule",
    confidence=Confidence.CONFIGURED,
)
