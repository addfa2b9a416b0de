"""What is sent of a reconsideration or a lawsuit."""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from zhitong.exceptions import ProceedingError
from zhitong.proceedings import Proceeding, ProceedingKind
from zhitong.schema import objects
from zhitong.schema.decision_inputs import made_input
from zhitong.schema.declare import UNRECOGNISED
from zhitong.schema.scalars import Date  # noqa: F401 - named in annotations
from zhitong.types import Label

FIELDS = {
    "kind": ("ProceedingKind", Label("类别", "Before whom")),
    "number": ("str", Label("受理机关或法院给出的文号", "The number it was given")),
    "caseNo": ("str", Label("案件编号（立案号）", "Number of the case")),
    "openedOn": ("Date", Label("受理日期", "Opened on")),
    "closedOn": ("Date", Label("终结日期，没有即仍在审理", "Closed on; open without")),
    "outcome": ("str", Label("结果", "Outcome in words")),
}
REQUIRED = ("kind", "number", "caseNo", "openedOn")
ProceedingInput: Any = made_input(
    "ProceedingInput",
    Label("一件复议或诉讼。", "A reconsideration or a lawsuit."),
    FIELDS,
    REQUIRED,
    module=objects.__name__,
)


def proceeding(given: Any) -> Proceeding:  # noqa: ANN401 - a made input
    """Translate a `ProceedingInput`; raise `ProceedingError` if it cannot be."""
    if given.kind.value == UNRECOGNISED:
        raise ProceedingError(
            f"kind 不能是 {UNRECOGNISED}，请写明复议或诉讼",
            f"kind cannot be {UNRECOGNISED}; say which it is",
        )
    closed = _given(given.closedOn)
    return Proceeding(
        kind=ProceedingKind(given.kind.value),
        number=given.number.strip(),
        case_no=given.caseNo.strip(),
        opened_on=date.fromisoformat(given.openedOn),
        closed_on=date.fromisoformat(closed) if closed else None,
        outcome=_given(given.outcome) or None,
    )


def _given(value: object) -> str | None:
    return None if value is None or value is strawberry.UNSET else str(value)
