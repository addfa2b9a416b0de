"""The form of the provincial supervision platform: "Internet + supervision".

A table per kind of act, with common fields and those of the act, and the transport
columns of a front-end database 前置库. A withdrawal is an update (``u``) that sets the
status: a deletion (``d``) would take the fact away that there was such a decision,
and with it the duty to say in public why it was withdrawn. ID numbers never go here.
"""

from __future__ import annotations

from datetime import date

from zhitong.decisions import Act, Change, Copy, Decision, Entry, Licence, Penalty
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import fill, masked, yes_no, yuan
from zhitong.streams.credit import licence_end, remark
from zhitong.streams.receivers import Receivers
from zhitong.streams.schemas import Table, tables


def table(decision: Decision) -> Table:
    """Say which table a decision belongs in."""
    return tables()[decision.act.lower()]


def row(copy: Copy, config: Receivers, *, follows_history: bool) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry = copy.entry
    to = table(entry.decision)
    said = _transport(copy, config, first=entry.version == 1 and not follows_history)
    said |= _common(entry, config) | _particular(copy, config)
    return fill(to, {name: value for name, value in said.items() if name in to.columns})


def _transport(copy: Copy, config: Receivers, *, first: bool) -> dict[str, object]:
    entry, decision_id = copy.entry, copy.decision_id
    at, decision = entry.at.astimezone(SHANGHAI), entry.decision
    status, withdrawn = config.provincial.status, entry.change is Change.WITHDRAWN
    second = at.hour * 3600 + at.minute * 60 + at.second
    return {
        "cd_id": f"{decision.subject_code[:30]}{decision_id.hex}",
        "cd_time": f"{at:%Y-%m-%d %H:%M:%S}",
        "cd_source": f"{config.division[:2]}0000{decision.subject_code[:30]}",
        "cd_batch": f"{at:%Y%m%d}{second:05d}",
        "cd_operation": "i" if first else "u",
        "record_unique_identity": str(decision_id),
        "data_version": entry.version,
        "status": status.withdrawn if withdrawn else status.stands,
        "change_reason": remark(entry),
    }


def _common(entry: Entry, config: Receivers) -> dict[str, object]:
    decision, words = entry.decision, config.words
    kind = words.party_kinds.get(decision.party.kind)
    return {
        "act_type": words.acts[decision.act],
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
        "decided_on": _day(decision.decided_on),
        "officer_certificates": decision.officers,
        "facts": decision.facts,
        "basis": decision.basis,
        "result": decision.content,
    }


def _particular(copy: Copy, config: Receivers) -> dict[str, object]:
    decision = copy.entry.decision
    if decision.act is Act.PENALTY:
        return _penalty(decision, config)
    return _licence(copy, config) if decision.act is Act.LICENCE else {}


def _penalty(decision: Decision, config: Receivers) -> dict[str, object]:
    penalty, words = decision.penalty or Penalty(), config.words
    review = decision.review
    kinds = (words.penalty_kinds.get(kind, "") for kind in penalty.kinds)
    return {
        "procedure": words.procedures.get(penalty.procedure or ""),
        "hearing": yes_no(penalty.hearing),
        "legal_review": yes_no(True if review else None),
        "review_date": _day(review.on if review else None),
        "review_opinion": words.review_opinions.get((review and review.opinion) or ""),
        "collective": yes_no(decision.collective),
        "penalty_kinds": tuple(kinds),
        "fine": yuan(penalty.fine),
    }


def _licence(copy: Copy, config: Receivers) -> dict[str, object]:
    licence = copy.entry.decision.licence or Licence(kind="")
    valid_to = licence.valid_to or licence_end(copy, config)
    return {
        "licence_kind": config.words.licence_kinds.get(licence.kind),
        "certificate_name": licence.certificate_name,
        "certificate_no": masked(licence.certificate_no),
        "valid_from": _day(licence.valid_from),
        "valid_to": _day(valid_to),
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
