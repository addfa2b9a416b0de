"""The texts of a decision: which there are, and which are people's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from zhitong.decisions import Decision

FREE: Mapping[str, str] = MappingProxyType(
    {
        "subject_name": "subjectName",
        "document_title": "documentTitle",
        "title": "title",
        "facts": "facts",
        "basis": "legalBasis",
        "content": "result",
        "party.name": "counterpartyName",
        "party.representative": "representative",
        "penalty.violation_type": "violationType",
        "penalty.licence_affected": "licenceAffected",
        "licence.certificate_name": "certificateName",
        "licence.certificate_no": "certificateNo",
    }
)
"""Texts in which an ID number is masked on its way out, by the names they are sent
under. A certificate's number is often made of its holder's ID number."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no text has, and a database may not take."""

SENT: Mapping[str, str] = MappingProxyType(
    {
        **FREE,
        "local_id": "localId",
        "act": "actType",
        "subject_code": "subjectCode",
        "case_source": "caseSource",
        "case_no": "caseNo",
        "inspection_no": "inspectionNo",
        "matter_code": "matterCode",
        "document_no": "documentNo",
        "decided_on": "decidedOn",
        "division": "division",
        "party.kind": "counterpartyKind",
        "party.code": "counterpartyCode",
        "party.registration_no": "registrationNo",
        "party.id_kind": "idKind",
        "party.id_number": "idNumber",
        "party.representative_id_kind": "representativeIdKind",
        "party.representative_id_number": "representativeIdNumber",
        "officers": "officerCertificates",
        "review.reference": "reviewNo",
        "review.opinion": "reviewOpinion",
        "penalty.kinds": "penaltyKinds",
        "penalty.procedure": "procedure",
        "penalty.fine": "fine",
        "penalty.confiscated": "confiscated",
        "licence.kind": "licenceKind",
    }
)
"""What can be refused, by the names it is sent under."""


def leaves(value: msgspec.Struct, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give every text of a decision with its dotted name."""
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if isinstance(item, msgspec.Struct):
            yield from leaves(item, f"{prefix}{name}.")
        elif isinstance(item, tuple):
            yield from ((f"{prefix}{name}", one) for one in item)
        elif isinstance(item, str):
            yield f"{prefix}{name}", str(item)


def free_texts(decision: Decision) -> Iterator[tuple[str, str]]:
    """Give people's own words with the names they were sent under."""
    return ((FREE[name], text) for name, text in leaves(decision) if name in FREE)
