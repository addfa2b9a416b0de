"""The form of the provincial supervision platform: "Internet + supervision".

A table per kind of act, with common fields and those of the act, and the transport
columns of a front-end database 前置库. A withdrawal is an update (``u``) that sets the
status: a deletion (``d``) would take the fact away that there was such a decision,
and with it the duty to say in public why it was withdrawn. ID numbers never go here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from zhitong.decisions import Act, Copy, Licence, Penalty
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import day_as, fill, masked, yes_no, yuan
from zhitong.streams.confidence import Confidence
from zhitong.streams.credit import licence_end, remark
from zhitong.streams.form import Form, Options, Stated, Status, Writing
from zhitong.types import Label


class ProvincialOptions(Options, frozen=True, kw_only=True):
    """What is particular to "Internet + supervision"."""

    status: Status


def row(copy: Copy, writing: Writing) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    to = FORM.table(copy.entry.decision)
    said = _transport(copy, writing) | _common(copy, writing)
    said |= _particular(copy, writing)
    return fill(to, {name: value for name, value in said.items() if name in to.columns})


def _transport(copy: Copy, writing: Writing) -> dict[str, object]:
    entry, decision_id = copy.entry, copy.decision_id
    at, decision = entry.at.astimezone(SHANGHAI), entry.decision
    first = entry.version == 1 and not writing.follows_history
    second = at.hour * 3600 + at.minute * 60 + at.second
    return {
        "cd_id": f"{decision.subject_code[:30]}{decision_id.hex}",
        "cd_time": f"{at:%Y-%m-%d %H:%M:%S}",
        "cd_source": f"{writing.config.division[:2]}0000{decision.subject_code[:30]}",
        "cd_batch": f"{at:%Y%m%d}{second:05d}",
        "cd_operation": "i" if first else "u",
        "record_unique_identity": str(decision_id),
        "data_version": entry.version,
        "status": writing.options(ProvincialOptions).status.of(entry),
        "change_reason": remark(entry),
    }


def _common(copy: Copy, writing: Writing) -> dict[str, object]:
    entry = copy.entry
    decision = entry.decision
    kind = writing.word("party_kinds", decision.party.kind)
    return {
        "act_type": writing.word("acts", decision.act),
        "matter_code": decision.matter_code,
        "agency_name": decision.subject_name,
        "agency_code": decision.subject_code,
        "object_kind": kind,
        "object_name": decision.party.name,
        "party_name": decision.party.name,
        "party_kind": kind,
        "party_code": decision.party.code,
        "division_code": decision.division,
        "submitted_at": f"{entry.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "submitted_by": entry.person,
        "act_name": decision.title,
        "act_no": decision.local_id,
        "inspection_no": decision.inspection_no,
        "document_title": decision.document_title,
        "document_no": decision.document_no,
        "decided_on": day_as(decision.decided_on),
        "officer_certificates": decision.officers,
        "facts": decision.facts,
        "basis": decision.basis,
        "result": decision.content,
    }


def _particular(copy: Copy, writing: Writing) -> dict[str, object]:
    decision = copy.entry.decision
    if decision.act is Act.PENALTY:
        return _penalty(copy, writing)
    return _licence(copy, writing) if decision.act is Act.LICENCE else {}


def _penalty(copy: Copy, writing: Writing) -> dict[str, object]:
    decision = copy.entry.decision
    penalty, review = decision.penalty or Penalty(), decision.review
    kinds = (writing.word("penalty_kinds", kind) for kind in penalty.kinds)
    return {
        "procedure": writing.word("procedures", penalty.procedure),
        "hearing": yes_no(penalty.hearing),
        "legal_review": yes_no(True if review else None),
        "review_date": day_as(review.on if review else None),
        "review_opinion": writing.word(
            "review_opinions", review.opinion if review else None
        ),
        "collective": yes_no(decision.collective),
        "penalty_kinds": tuple(filter(None, kinds)),
        "fine": yuan(penalty.fine),
    }


def _licence(copy: Copy, writing: Writing) -> dict[str, object]:
    licence = copy.entry.decision.licence or Licence(kind="")
    valid_to = licence.valid_to or licence_end(copy, writing.config)
    return {
        "licence_kind": writing.word("licence_kinds", licence.kind),
        "certificate_name": licence.certificate_name,
        "certificate_no": masked(licence.certificate_no),
        "valid_from": day_as(licence.valid_from),
        "valid_to": day_as(valid_to),
    }


def _stated(options: Options, _day: date) -> Iterator[Stated]:
    assert isinstance(options, ProvincialOptions)  # noqa: S101 - as the form names them
    yield from options.status.at("penalty", "status")


FORM = Form(
    name="provincial",
    version="2019",
    title=Label("“互联网+监管”监管行为数据", "“Internet + supervision”: acts"),
    tables={act.lower(): frozenset({act}) for act in Act},
    table_of=lambda decision: decision.act.lower(),
    row=row,
    dictionaries={
        "acts": [("penalty", "act_type")],
        "party_kinds": [("penalty", "party_kind")],
        "penalty_kinds": [("penalty", "penalty_kinds")],
        "procedures": [("penalty", "procedure")],
        "review_opinions": [("penalty", "review_opinion")],
        "licence_kinds": [("licence", "licence_kind")],
    },
    options=ProvincialOptions,
    stated=_stated,
    reading=Label(
        "标准 C 5102-2019（原文和字典未读到）",
        "the standard C 5102-2019, whose text and dictionaries were not seen",
    ),
    source="“互联网+监管”已部署系统的字段 / fields of deployed systems",
    confidence=Confidence.DEPLOYED,
)
