"""The plain form: the decision as the policy gives it, by the graph's own names.

For receivers that have no form of their own. Codes stay codes, and what is kept back
is named, so that a blank can be told from none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from zhitong.decisions import Act, Copy, Party
from zhitong.rules.statements import NAMES
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import fill, masked, no_resident_id, yuan
from zhitong.streams.confidence import Confidence
from zhitong.streams.credit import sealed
from zhitong.streams.form import Form, Writing
from zhitong.streams.receivers import IdNumber
from zhitong.types import Label

TABLE = "decision"
_ENTRY: Mapping[str, str] = {
    "version": "version",
    "change": "change",
    "changeReason": "reason",
    "changeBasis": "basis",
    "recordedBy": "unit",
    "recordedByName": "unit_name",
}
"""Who did it by name is not for everybody: no column is made for it."""
_PARTY = {
    "counterpartyIdKind" if name == "idKind" else name: attribute
    for name, attribute in NAMES[Party].items()
}
_AMOUNTS = frozenset({"fine", "confiscated"})


def row(copy: Copy, writing: Writing) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry, decision = copy.entry, copy.entry.decision
    said: dict[str, object] = {
        "decisionId": str(copy.decision_id),
        "changedAt": entry.at.astimezone(SHANGHAI).isoformat(),
        **_values(entry, _ENTRY),
        **_values(decision, NAMES[type(decision)]),
        **_values(decision.party, _PARTY),
    }
    for part in (decision.review, decision.penalty, decision.licence):
        if part is not None:
            own = _values(part, NAMES[type(part)])
            said |= {name: value for name, value in own.items() if value is not None}
    said["registrationNo"] = no_resident_id(decision.party.registration_no)
    certificate = decision.licence.certificate_no if decision.licence else None
    said["certificateNo"] = masked(certificate)
    to = FORM.table(decision)
    known = sorted(copy.withheld & to.columns.keys())
    said |= _numbers(decision.party, writing) | {"withheld": known or None}
    return fill(to, {name: value for name, value in said.items() if name in to.columns})


def _values(part: msgspec.Struct, names: Mapping[str, str]) -> dict[str, object]:
    return {name: _value(name, getattr(part, own)) for name, own in names.items()}


def _value(name: str, value: object) -> object:
    if name in _AMOUNTS and isinstance(value, int):
        return yuan(value)
    return value.isoformat() if isinstance(value, date) else value


def _numbers(party: Party, writing: Writing) -> dict[str, object]:
    demanded, said = writing.receiver.id_numbers, dict[str, object]()
    if IdNumber.PARTY in demanded:
        said["counterpartyIdNumber"] = sealed(party.id_number, writing.seal)
    if IdNumber.REPRESENTATIVE in demanded:
        number = party.representative_id_number
        said["representativeIdNumber"] = sealed(number, writing.seal)
    return said


FORM = Form(
    name="cloudevent",
    version="1",
    title=Label("决定事件（本平台自己的格式）", "The decision, in our own form"),
    tables={TABLE: frozenset(Act)},
    table_of=lambda _decision: TABLE,
    row=row,
    id_numbers=frozenset(IdNumber),
    dictionaries={},
    source="本平台自己的格式 our own form",
    confidence=Confidence.READ,
)
"""Of our own form there is no text but ours, which we have read."""
