"""What a case system sends: inputs whose names are those a decision is read under.

Codes and texts come as text where the ledger's own refusal says more than a type
error: a wrong credit code is DECISION_UNIDENTIFIED, not a failed variable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, cast
from uuid import UUID

import strawberry
from strawberry.types.arguments import InputContext, convert_argument
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition

from zhitong.decisions import Act, Decision, Licence, Party, Penalty, Review
from zhitong.exceptions import DecisionFormatError, DecisionUnknownError
from zhitong.resolvers.decisions import Correction, Withdrawal
from zhitong.rules.money import fen
from zhitong.schema import codes, objects
from zhitong.schema.decisions import DECISION
from zhitong.schema.declare import UNRECOGNISED
from zhitong.schema.enums import code_enum
from zhitong.schema.scalars import (  # noqa: F401 - named in annotations
    Date,
    DateOrBlank,
    MoneyOrBlank,
)
from zhitong.types import Kind, Label

REQUIRED = (
    "localId",
    "actType",
    "subjectCode",
    "documentNo",
    "decidedOn",
    "counterpartyKind",
    "counterpartyName",
)
KEPT_BY_US = frozenset(
    {
        "changeBasis",
        "counterpartyIdKind",
        "counterpartyIdNumber",
        "recordedByName",
        "recordedByPerson",
        "decisionId",
        "version",
        "change",
        "changeReason",
        "contentHash",
        "origin",
        "recordedBy",
        "recordedAt",
        "changedAt",
    }
)
"""Fields of a decision that the ledger fills."""
ANNOTATIONS: Mapping[Kind, str] = {
    Kind.DATE: "DateOrBlank",
    Kind.MONEY: "MoneyOrBlank",
    Kind.TEXTS: "list[str]",
}
UNREAD: dict[str, tuple[str, Label]] = {
    "idKind": ("IdKind", Label("自然人证件类型", "Kind of a natural person's ID")),
    "idNumber": (
        "str",
        Label(
            "自然人证件号码：加密保存，查询中没有",
            "A natural person's ID number: kept sealed, never to be read in the graph",
        ),
    ),
    "representativeIdKind": (
        "IdKind",
        Label("法定代表人证件类型", "Kind of the representative's ID"),
    ),
    "representativeIdNumber": (
        "str",
        Label(
            "法定代表人证件号码：加密保存，查询中没有",
            "The representative's ID number: kept sealed, never to be read",
        ),
    ),
    "collective": (
        "bool",
        Label("是否经集体讨论", "Whether it was discussed collectively"),
    ),
    "hearing": ("bool", Label("是否经听证", "Whether there was a hearing")),
}
"""What is sent and never fed to the graph, by this name or another."""
CHANGES: Mapping[str, tuple[Label, Mapping[str, tuple[str, Label]]]] = {
    "WithdrawalInput": (
        Label("要撤销的决定。", "A decision to withdraw."),
        {
            "decisionId": ("str", Label("决定编号", "The platform's id of it")),
            "reason": ("str", Label("撤销原因", "Why it is withdrawn")),
            "basis": ("str", Label("撤销依据", "On what basis it is withdrawn")),
        },
    ),
    "CorrectionInput": (
        Label("要更正的决定。", "A decision to correct."),
        {
            "decisionId": ("str", Label("决定编号", "The platform's id of it")),
            "version": (
                "int",
                Label(
                    "所更正的版本，应为现行版本", "The version it corrects, the present"
                ),
            ),
            "decision": (
                "DecisionInput",
                Label("更正后的整件决定", "The decision as it should be, whole"),
            ),
            "reason": ("str", Label("更正原因", "Why it is corrected")),
        },
    ),
}
PENALTY_FIELDS = (
    "procedure",
    "penaltyKinds",
    "violationType",
    "fine",
    "confiscated",
    "licenceAffected",
    "publicityTo",
    "hearing",
)
LICENCE_FIELDS = ("licenceKind", "certificateName", "certificateNo", "validFrom")


def _taken() -> dict[str, tuple[str, Label]]:
    """List what a department states of a decision: name, type and label."""
    taken: dict[str, tuple[str, Label]] = {}
    for field in DECISION.fields.values():
        if field.name in KEPT_BY_US:
            continue
        annotation = field.codes.name if field.codes else ANNOTATIONS.get(field.kind)
        if field.name in REQUIRED and field.kind is Kind.DATE:
            annotation = "Date"
        taken[field.name] = (annotation or "str", field.label)
    taken["penaltyKinds"] = (
        "list[PenaltyKind]",
        Label("处罚种类", "Kinds of penalty"),
    )
    return taken | UNREAD


def made_input(
    name: str,
    label: Label,
    fields: Mapping[str, tuple[str, Label]],
    required: Collection[str],
    module: str = __name__,
) -> type:
    """Make an input; its annotations name what *module* has."""
    annotations: dict[str, str] = {}
    body: dict[str, object] = {"__annotations__": annotations, "__module__": module}
    for field, (annotation, said) in fields.items():
        if field in required:
            annotations[field] = annotation
            body[field] = strawberry.field(name=field, description=str(said))
        else:
            annotations[field] = f"{annotation} | None"
            body[field] = strawberry.field(
                name=field, description=str(said), default=strawberry.UNSET
            )
    made: Any = strawberry.input(type(name, (), body), description=str(label))
    made.__strawberry_definition__.from_input = filled
    return cast("type", made)


def filled(made: type, value: Mapping[str, Any], context: InputContext) -> object:
    """Make the input *made*, as strawberry does, which finds out each type anew."""
    given = {}
    for name, type_, bare in _shape(made):
        said = value.get(name, strawberry.UNSET)
        if not bare:
            path = (*context.path, name)
            said = convert_argument(
                said,
                type_,
                context.scalar_registry,
                context.config,
                context.info,
                path=path,
            )
        given[name] = said
    return made(**given)


@cache
def _shape(made: Any) -> Sequence[tuple[str, Any, bool]]:  # noqa: ANN401 - a made type
    """Name its fields, with their types, and whether a value is given as it came."""
    definition = made.__strawberry_definition__
    shape = []
    for field in definition.fields:
        type_ = field.resolve_type(type_definition=definition)
        whole = type_.of_type if isinstance(type_, StrawberryOptional) else type_
        made_of = isinstance(whole, StrawberryList | StrawberryEnumDefinition)
        made_of = made_of or hasattr(whole, "__strawberry_definition__")
        shape.append((field.python_name, type_, not made_of))
    return shape


OWN = {one.name: code_enum(one) for one in (codes.PENALTY_KIND, codes.ID_KIND)}
SHARED = ("ActType", "CounterpartyKind", "LicenceKind", "Procedure", "ReviewOpinion")
# Strawberry looks the names of annotations up in the module of the class.
globals().update(OWN | {name: getattr(objects, name) for name in SHARED})
DecisionInput: Any = made_input(
    "DecisionInput",
    Label(
        "部门作出的一件决定；字段名与查询时相同。",
        "A decision as the department took it; named as it is read again.",
    ),
    _taken(),
    REQUIRED,
)
INPUTS: Mapping[str, Any] = {
    name: made_input(name, label, fields, fields)
    for name, (label, fields) in CHANGES.items()
}


def decision(given: object) -> Decision:
    """Translate a `DecisionInput`; raise `DecisionFormatError` if it cannot be."""
    act = Act(_code(given, "actType") or "")
    return Decision(
        local_id=_stated(given, "localId"),
        act=act,
        subject_code=_stated(given, "subjectCode"),
        subject_name=_text(given, "subjectName"),
        case_source=_text(given, "caseSource"),
        case_no=_text(given, "caseNo"),
        inspection_no=_text(given, "inspectionNo"),
        matter_code=_text(given, "matterCode"),
        document_no=_stated(given, "documentNo"),
        document_title=_text(given, "documentTitle"),
        decided_on=date.fromisoformat(_stated(given, "decidedOn")),
        division=_text(given, "division"),
        title=_text(given, "title"),
        facts=_text(given, "facts"),
        basis=_text(given, "legalBasis"),
        content=_text(given, "result"),
        party=_party(given),
        officers=tuple(_given(given, "officerCertificates") or ()),
        review=_review(given),
        collective=_given(given, "collective"),
        penalty=_penalty(given, act),
        licence=_licence(given, act),
    )


def withdrawal(given: object) -> Withdrawal:
    """Translate a `WithdrawalInput`."""
    return Withdrawal(
        decision_id=_id(given),
        reason=_stated(given, "reason"),
        basis=_stated(given, "basis"),
    )


def correction(given: object) -> Correction:
    """Translate a `CorrectionInput`."""
    return Correction(
        decision_id=_id(given),
        version=int(_stated(given, "version")),
        decision=decision(_given(given, "decision")),
        reason=_stated(given, "reason"),
    )


def _party(given: object) -> Party:
    return Party(
        kind=_code(given, "counterpartyKind") or "",
        name=_stated(given, "counterpartyName"),
        code=_text(given, "counterpartyCode"),
        registration_no=_text(given, "registrationNo"),
        id_kind=_code(given, "idKind"),
        id_number=_text(given, "idNumber"),
        representative=_text(given, "representative"),
        representative_id_kind=_code(given, "representativeIdKind"),
        representative_id_number=_text(given, "representativeIdNumber"),
    )


def _review(given: object) -> Review | None:
    named = ("reviewNo", "reviewedOn", "reviewOpinion")
    if not _any(given, named):
        return None
    return Review(
        reference=_text(given, "reviewNo") or "",
        on=_day(given, "reviewedOn"),
        opinion=_code(given, "reviewOpinion"),
    )


def _penalty(given: object, act: Act) -> Penalty | None:
    if act is not Act.PENALTY and not _any(given, PENALTY_FIELDS):
        return None
    return Penalty(
        kinds=tuple(one.value for one in _given(given, "penaltyKinds") or ()),
        violation_type=_text(given, "violationType"),
        fine=_fen(given, "fine"),
        confiscated=_fen(given, "confiscated"),
        licence_affected=_text(given, "licenceAffected"),
        procedure=_code(given, "procedure"),
        valid_to=_day(given, "validTo") if act is Act.PENALTY else None,
        publicity_to=_day(given, "publicityTo"),
        hearing=_given(given, "hearing"),
    )


def _licence(given: object, act: Act) -> Licence | None:
    dated = act is not Act.PENALTY and bool(_given(given, "validTo"))
    if not dated and not _any(given, LICENCE_FIELDS):
        return None
    kind = _code(given, "licenceKind")
    if kind is None:
        raise DecisionFormatError(
            "写了许可证书或有效期，却没有许可类别（licenceKind），请补充",
            "a certificate or its validity is stated without licenceKind; add it",
            field="licenceKind",
        )
    return Licence(
        kind=kind,
        certificate_name=_text(given, "certificateName"),
        certificate_no=_text(given, "certificateNo"),
        valid_from=_day(given, "validFrom"),
        valid_to=_day(given, "validTo") if dated else None,
    )


def _given(given: object, name: str) -> Any:  # noqa: ANN401 - as the input has it
    value = getattr(given, name)
    return None if value is strawberry.UNSET else value


def _any(given: object, names: Iterable[str]) -> bool:
    return any(_given(given, name) not in (None, "") for name in names)


def _stated(given: object, name: str) -> str:
    return str(_given(given, name))


def _text(given: object, name: str) -> str | None:
    """Give a text; case systems send an empty one where they have none."""
    value: str | None = _given(given, name)
    return value if value and value.strip() else None


def _day(given: object, name: str) -> date | None:
    value = _given(given, name)
    return date.fromisoformat(value) if value else None


def _fen(given: object, name: str) -> int | None:
    value = _given(given, name)
    return fen(value) if value else None


def _code(given: object, name: str) -> str | None:
    value = _given(given, name)
    if value is None:
        return None
    if value.value == UNRECOGNISED:
        raise DecisionFormatError(
            f"{name} 不能是 {UNRECOGNISED}，请按代码表填写（查询 codeLists）",
            f"{name} cannot be {UNRECOGNISED}; codeLists has the values",
            field=name,
        )
    return str(value.value)


def _id(given: object) -> UUID:
    try:
        return UUID(_stated(given, "decisionId"))
    except ValueError as error:
        raise DecisionUnknownError(
            "decisionId 不是平台给出的决定编号，请核对",
            "decisionId is no id that the platform gives; check it",
        ) from error
