"""A captured row as the decision a department would have registered.

The same words, the same refusals: what `recordDecision` would not take is not taken
here, and says so by the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from zhitong.decisions import Act, Decision, Licence, Party, Penalty, Review
from zhitong.exceptions import DecisionFormatError, DecisionUnidentifiedError
from zhitong.resolvers.decision_fields import FIELDS
from zhitong.rules.money import fen
from zhitong.rules.resident_ids import born

Value = str | list[str] | None
UNRECOGNISED = "UNRECOGNISED"
MISSING = ("actType", "decidedOn", "counterpartyKind")
"""Without these nothing can be put together; what else lacks the ledger says."""
PARTS: Sequence[tuple[str, type[msgspec.Struct]]] = (
    ("", Decision),
    ("party", Party),
    ("review", Review),
    ("penalty", Penalty),
    ("licence", Licence),
)
"""A decision and its parts, by the names they have in it."""
_AMOUNTS = frozenset({"fine", "confiscated"})
_DAYS = frozenset({"decidedOn", "reviewedOn", "publicityTo", "validFrom", "validTo"})
_TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("是", "1", "Y", "y", "true"), True),
    **dict.fromkeys(("否", "0", "N", "n", "false"), False),
}
_TOLD = frozenset({"collective", "hearing"})


def captured(
    values: Mapping[str, Value], local_id: str, source: str, *, keeps_cases: bool
) -> Decision:
    """Put a decision together from canonical *values* by field.

    Raises `DecisionFormatError` and `DecisionUnidentifiedError`.
    """
    _check(values)
    act = Act(_text(values, "actType") or "")
    code, party_fields = _text(values, "counterpartyCode"), _part(Party, values)
    if code and "*" in code:
        # An ID number in the place of a code was blurred where it was read.
        if not party_fields.get("id_number"):
            raise DecisionFormatError(
                "counterpartyCode 中是公民身份号码，请该部门填入证件号码一栏",
                "counterpartyCode holds a resident ID number; the department should "
                "have it where ID numbers are",
                field="counterpartyCode",
            )
        party_fields["code"] = None
    party_fields |= _kind_of_id(party_fields)
    party_fields.setdefault("kind", "")
    party_fields.setdefault("name", "")
    own = _part(Decision, values)
    own["local_id"] = local_id
    own["act"] = act
    own.setdefault("subject_code", "")
    own.setdefault("document_no", "")
    if keeps_cases:
        own["case_source"] = source
    penalty, licence = _part(Penalty, values), _part(Licence, values)
    valid_to = penalty.pop("valid_to", None)
    licence.pop("valid_to", None)
    return Decision(
        **own,
        party=Party(**party_fields),
        review=_review(_part(Review, values)),
        penalty=_penalty(act, penalty, valid_to),
        licence=_licence(act, licence, valid_to),
    )


def _check(values: Mapping[str, Value]) -> None:
    for field in MISSING:
        if not values.get(field):
            raise DecisionUnidentifiedError(
                f"{field} 没有值，或者读不成：请该部门核对这一行",
                f"{field} has no value, or none that can be read: look at the row",
                field=field,
            )
    for field, value in values.items():
        if value == UNRECOGNISED:
            raise DecisionFormatError(
                f"{field} 的代码不在绑定的代码表内，请补充代码表",
                f"the code of {field} is not in the binding's list; add it there",
                field=field,
            )


def _part(part: type[msgspec.Struct], values: Mapping[str, Value]) -> dict[str, Any]:
    """Read what *values* has of a part, by its own names; blanks are left out."""
    read = {
        attribute: _read(field, values[field])
        for field, attribute in FIELDS[part].items()
        if values.get(field)
    }
    return {name: value for name, value in read.items() if value is not None}


def _read(field: str, value: Value) -> object:
    if isinstance(value, list):
        return tuple(value)
    text = str(value)
    try:
        if field in _DAYS:
            return date.fromisoformat(text)
        if field in _AMOUNTS:
            return fen(text)
    except ValueError as error:
        raise DecisionFormatError(
            f"{field} 的值读不成：请该部门核对这一行",
            f"{field} cannot be read: look at the row",
            field=field,
        ) from error
    return _TRUTHS.get(text) if field in _TOLD else text


def _kind_of_id(party: Mapping[str, object]) -> dict[str, Any]:
    """Say of what kind an ID number is that stands there without its kind."""
    found: dict[str, Any] = {}
    for number, kind in (
        ("id_number", "id_kind"),
        ("representative_id_number", "representative_id_kind"),
    ):
        stated = party.get(number)
        if stated is None:
            found[kind] = None
        elif party.get(kind) is None:
            found[kind] = "RESIDENT_ID" if born(str(stated)) else "OTHER"
    return found


def _review(said: dict[str, Any]) -> Review | None:
    said.setdefault("reference", "")
    return Review(**said) if len(said) > 1 or said["reference"] else None


def _penalty(act: Act, said: dict[str, Any], valid_to: date | None) -> Penalty | None:
    if act is not Act.PENALTY:
        return Penalty(**said) if said else None
    if not said.get("kinds") and said.get("fine"):
        said["kinds"] = ("FINE",)  # what has an amount is one
    return Penalty(**said, valid_to=valid_to)


def _licence(act: Act, said: dict[str, Any], valid_to: date | None) -> Licence | None:
    dated = act is not Act.PENALTY and valid_to is not None
    if not said and not dated:
        return None
    if not said.get("kind"):
        raise DecisionFormatError(
            "写了许可证书或有效期，却没有许可类别（licenceKind），请补充",
            "a certificate or its validity is stated without licenceKind; add it",
            field="licenceKind",
        )
    return Licence(**said, valid_to=valid_to if dated else None)


def _text(values: Mapping[str, Value], field: str) -> str | None:
    value = values.get(field)
    return value if isinstance(value, str) and value.strip() else None


def changed(before: Decision, after: Decision) -> Iterable[str]:
    """Name the fields that *after* states otherwise than *before*."""
    for name, part in PARTS:
        old, new = (getattr(one, name) if name else one for one in (before, after))
        for field, attribute in FIELDS[part].items():
            if getattr(old, attribute, None) != getattr(new, attribute, None):
                yield field
