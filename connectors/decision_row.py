"""A decision as the ledger keeps it: its content, its digest, its columns.

- The *content* is canonical JSON (keys sorted, what is not stated left out) without
  ID numbers.
- The *content hash* is SHA-256 over the same JSON with each ID number replaced by its
  keyed digest: other numbers, another hash, and none can be guessed from it.
- The *columns* are what is read and searched: names, bases and types of violation have
  no ID number there, for they are shared openly. What was sent stays in the content.
- A *leaf* of the audit log is SHA-256 over a zero byte and a body that names the leaf
  of the version before; the zero byte tells leaves from the tree's inner nodes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from zhitong.decisions import (
    Change,
    Decision,
    Entry,
    Licence,
    Party,
    Penalty,
    Review,
)
from zhitong.evidence import stamp
from zhitong.rules.document_numbers import normalised
from zhitong.rules.identifiers import credit_code_fault
from zhitong.rules.resident_ids import without_resident_ids
from zhitong.rules.verification import FORM

FIELDS: Mapping[str, str] = {
    "party": "id_number",
    "representative": "representative_id_number",
}
"""Where a decision has ID numbers: our name of the place, the field of `Party`."""

Numbers: TypeAlias = Mapping[str, str]
"""ID numbers by place, those that are stated."""
Digest: TypeAlias = Callable[[str], bytes]

PLATFORM, HISTORY = "PLATFORM", "HISTORY"
"""Whence a decision came: ``decision.origin``."""

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Decision)


def numbers_of(decision: Decision) -> Numbers:
    """Give the ID numbers of *decision*, by place."""
    stated = ((place, getattr(decision.party, name)) for place, name in FIELDS.items())
    return {place: number for place, number in stated if number}


def with_numbers(decision: Decision, numbers: Numbers) -> Decision:
    """Put ID numbers, or none, in their places."""
    fields = {name: numbers.get(place) for place, name in FIELDS.items()}
    party = msgspec.structs.replace(decision.party, **fields)
    return msgspec.structs.replace(decision, party=party)


def content(decision: Decision) -> bytes:
    """Write *decision* as canonical JSON without ID numbers."""
    return _ENCODER.encode(with_numbers(decision, {}))


def read(text: bytes) -> Decision:
    """Read what `content` has written."""
    return _DECODER.decode(text)


def content_hash(decision: Decision, digest: Digest) -> str:
    """Digest *decision*, in hexadecimal."""
    digests = {
        place: digest(number).hex() for place, number in numbers_of(decision).items()
    }
    text = _ENCODER.encode(with_numbers(decision, digests))
    return hashlib.sha256(text).hexdigest()


def hashed(text: bytes, digests: Numbers) -> bytes:
    """Give what a content hash is computed over, from what `content` has written.

    *digests* of the ID numbers (hexadecimal) are known after the numbers are erased.
    Raises `ValueError` for a text that is not the one form of what it says.
    """
    decision = read(text)
    if content(decision) != text:
        raise ValueError("not canonical")
    return _ENCODER.encode(with_numbers(decision, digests))


def party_key(party: Party, digest: Digest) -> str:
    """Name a party for comparing: by code, by ID number's digest, else by name."""
    if party.code and credit_code_fault(party.code) is None:
        return party.code
    if party.id_number:
        return f"id:{digest(party.id_number).hex()}"
    # Names come with blanks and brackets of either width.
    return f"name:{''.join(unicodedata.normalize('NFKC', party.name).split())}"


def leaf_body(
    entry: Entry,
    hashed: str,
    previous: bytes | None,
    tenant: str,
    origin: str = PLATFORM,
) -> bytes:
    """Write what a leaf of the audit log says of *entry*, as canonical JSON."""
    return _ENCODER.encode(
        {
            "at": entry.at,
            "basis": entry.basis,
            "change": entry.change,
            "contentHash": hashed,
            "decision": entry.decision.id,
            "findings": [finding_digest(row) for row in findings(entry)],
            "form": FORM,
            "origin": origin,
            "previous": previous.hex() if previous else None,
            "reason": entry.reason,
            "signature": signature(entry),
            "tenant": tenant,
            "unit": entry.unit,
            "version": entry.version,
            "who": entry.person,
        }
    )


def signature(entry: Entry) -> dict[str, object] | None:
    """Give what a leaf says of the bureau's signature: all but what opens digests."""
    signed = entry.signature
    if signed is None:
        return None
    return {
        "algorithm": signed.algorithm,
        "at": None if signed.at is None else stamp(signed.at),
        "differs": signed.differs,
        "key": signed.key_id,
        "numbers": signed.numbers,
        "salt": signed.salt,
        "state": signed.state,
        "statement": signed.statement,
    }


def entry_of(said: Mapping[str, Any], content: bytes) -> Entry:
    """Give the entry that a leaf's body is of, as far as body and content have it."""
    return Entry(
        decision=read(content),
        version=said["version"],
        change=Change(said["change"]),
        at=datetime.fromisoformat(said["at"]),
        reason=said["reason"],
        basis=said["basis"],
        unit=said["unit"],
        person=said["who"],
    )


def signature_rows(entry: Entry) -> list[dict[str, object]]:
    """Give the row of table ``decision_signature`` that *entry* makes, if any."""
    said = signature(entry)
    if said is None:
        return []
    said |= {"key_id": said.pop("key"), "signed_at": said.pop("at")}
    return [
        {
            **said,
            "decision_id": str(entry.decision.id),
            "version": entry.version,
            "recorded_by": entry.unit,
            "recorded_at": entry.at,
        }
    ]


def findings(entry: Entry) -> list[dict[str, str]]:
    """Give the rows of table ``finding`` that *entry* makes."""
    return [
        {
            "finding_id": f"{entry.decision.id}/{entry.version}/{number}",
            "check_name": finding.check,
            "severity": finding.severity,
            "zh": finding.detail.zh,
            "en": finding.detail.en,
            "source": finding.source,
        }
        for number, finding in enumerate(entry.findings, 1)
    ]


def finding_digest(row: Mapping[str, str]) -> str:
    """Digest a row of `findings`: a leaf has that alone, for it is shown to strangers.

    It is made of all six columns, whatever their order in *row*.
    """
    return hashlib.sha256(_ENCODER.encode(dict(row))).hexdigest()


def columns(entry: Entry, hashed: str, digest: Digest) -> dict[str, object]:
    """Give the row of table ``decision`` that *entry* makes, but its case's order."""
    decision = entry.decision
    return {
        "decision_id": str(decision.id),
        "local_id": decision.local_id,
        "act_type": decision.act,
        "subject_code": decision.subject_code,
        "subject_name": _open(decision.subject_name),
        "case_source": decision.case_source,
        "case_no": decision.case_no,
        "inspection_no": decision.inspection_no,
        "matter_code": decision.matter_code,
        "document_no": decision.document_no,
        "document_key": normalised(decision.document_no),
        "document_title": decision.document_title,
        "decided_on": decision.decided_on,
        "division": decision.division,
        "title": decision.title,
        "facts": decision.facts,
        "legal_basis": _open(decision.basis),
        "content": decision.content,
        "party_key": party_key(decision.party, digest),
        "party_kind": decision.party.kind,
        "party_name": _open(decision.party.name),
        "party_code": decision.party.code,
        "registration_no": decision.party.registration_no,
        "representative": _open(decision.party.representative),
        "officers": decision.officers,
        "collective": decision.collective,
        "version": entry.version,
        "change": entry.change,
        "reason": entry.reason,
        "content_hash": hashed,
        "recorded_by": entry.unit,
        "recorded_at": entry.at,
        "changed_at": entry.at,
        **_review(decision.review),
        **_particular(decision),
    }


def _open(text: str | None) -> str | None:
    return None if text is None else without_resident_ids(text)


def _review(review: Review | None) -> dict[str, object]:
    if review is None:
        return {}
    return {
        "review_no": review.reference,
        "reviewed_on": review.on,
        "review_opinion": review.opinion,
    }


_NO_PENALTY = Penalty()


def _particular(decision: Decision) -> dict[str, object]:
    penalty = decision.penalty or _NO_PENALTY
    return {
        "procedure": penalty.procedure,
        "penalty_kinds": penalty.kinds,
        "violation_type": _open(penalty.violation_type),
        "fine": penalty.fine,
        "confiscated": penalty.confiscated,
        "licence_affected": penalty.licence_affected,
        "publicity_to": penalty.publicity_to,
        "valid_to": penalty.valid_to,
        **_licence(decision.licence),
    }


def _licence(licence: Licence | None) -> dict[str, object]:
    if licence is None:
        return {}
    return {
        "licence_kind": licence.kind,
        "certificate_name": _open(licence.certificate_name),
        "certificate_no": licence.certificate_no,
        "valid_from": licence.valid_from,
        "valid_to": licence.valid_to,
    }
