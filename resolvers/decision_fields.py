"""A decision's entry as fields of the graph's type Decision, and back again.

A receiver is given what the policy says of fields; its form is written from an entry.
One table says which attribute is which field, both ways. What it does not name is
listed as internal: a test compares both with the words of `zhitong.decisions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

import msgspec

from zhitong.decisions import Decision, Entry, Licence, Party, Penalty, Review
from zhitong.rules.statements import NAMES

FIELDS: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    Entry: {
        "version": "version",
        "change": "change",
        "changeReason": "reason",
        "changeBasis": "basis",
        "changedAt": "at",
        "recordedBy": "unit",
        "recordedByName": "unit_name",
        "recordedByPerson": "person",
    },
    Decision: NAMES[Decision],
    Party: {
        "counterpartyKind": "kind",
        "counterpartyName": "name",
        "counterpartyCode": "code",
        "registrationNo": "registration_no",
        "counterpartyIdKind": "id_kind",
        "counterpartyIdNumber": "id_number",
        "representative": "representative",
        "representativeIdKind": "representative_id_kind",
        "representativeIdNumber": "representative_id_number",
    },
    Review: NAMES[Review],
    Penalty: NAMES[Penalty],
    Licence: NAMES[Licence],
}
"""Part of an entry → field of the graph → attribute of the part. What a bureau signs is
named as it is sent, and so as it is read."""
INTERNAL: Mapping[type[msgspec.Struct], frozenset[str]] = {
    # What goes with a version and is no part of what was decided.
    Entry: frozenset(
        {"order", "findings", "events", "looks", "signature", "traceparent"}
    ),
}
NESTED: Mapping[type[msgspec.Struct], frozenset[str]] = {
    Entry: frozenset({"decision"}),
    Decision: frozenset({"party", "review", "penalty", "licence"}),
}
"""Attributes that are parts of their own."""
ID = "decisionId"
MAPPED = frozenset({ID}.union(*FIELDS.values()))
"""Every field that an entry has."""

_AMOUNTS = frozenset({"fine", "confiscated"})
_BLANKS: Mapping[type[msgspec.Struct], Mapping[str, object]] = {
    part: {
        field.name: {str: "", tuple[str, ...]: ()}.get(field.type)
        for field in msgspec.structs.fields(part)
    }
    for part in FIELDS
}
Value = str | int | tuple[str, ...] | None


def values(entry: Entry) -> dict[str, Value]:
    """Write *entry* as canonical values by field, as every source gives them."""
    written: dict[str, Value] = dict.fromkeys(MAPPED)
    written[ID] = str(entry.decision.id)
    for part in _parts(entry):
        for field, attribute in FIELDS[type(part)].items():
            value = _canonical(field, getattr(part, attribute))
            if value is not None:
                written[field] = value
    return written


def kept(
    entry: Entry, written: Mapping[str, Value], shown: Callable[[str], object]
) -> Entry:
    """Leave of *entry* what is *shown* of what was *written*; the rest is blank."""

    def part(said: msgspec.Struct) -> dict[str, object]:
        changed: dict[str, object] = {}
        for field, attribute in FIELDS[type(said)].items():
            own, given = getattr(said, attribute), shown(field)
            if _same(written[field], given):
                continue
            blank = _BLANKS[type(said)][attribute]
            changed[attribute] = blank if given is None else _read(own, given)
        return changed

    decision = entry.decision
    whole: dict[str, object] = {
        "party": msgspec.structs.replace(decision.party, **part(decision.party))
    }
    for name in ("review", "penalty", "licence"):
        said = getattr(decision, name)
        if said is not None:
            whole[name] = _unless_blank(msgspec.structs.replace(said, **part(said)))
    return msgspec.structs.replace(
        entry,
        decision=msgspec.structs.replace(decision, **part(decision), **whole),
        **part(entry),
    )


def _parts(entry: Entry) -> Iterator[msgspec.Struct]:
    decision = entry.decision
    yield entry
    yield decision
    yield decision.party
    for part in (decision.review, decision.penalty, decision.licence):
        if part is not None:
            yield part


def _unless_blank(part: msgspec.Struct) -> msgspec.Struct | None:
    """Give none for a part of which nothing is left: its being there says something."""
    blanks = _BLANKS[type(part)]
    return part if any(getattr(part, n) != blanks[n] for n in blanks) else None


def _canonical(field: str, value: object) -> Value:
    if value is None or value in {"", ()}:
        return None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return f"{Decimal(value).scaleb(-2):.2f}" if field in _AMOUNTS else value
    if isinstance(value, date):  # a moment too
        return value.isoformat()
    return value if isinstance(value, tuple) else str(value)


def _same(written: Value, given: object) -> bool:
    return given == (list(written) if isinstance(written, tuple) else written)


def _read(own: object, given: object) -> object:
    """Read a value that a mask has blurred, as the type it had; None: it is none."""
    if isinstance(own, tuple):
        return tuple(given) if isinstance(given, list) else ()
    if isinstance(own, datetime | bool):
        return None
    if isinstance(own, date):
        return date.fromisoformat(str(given))
    if isinstance(own, int):
        return int(Decimal(str(given)).scaleb(2))
    return str(given)
