"""Looks of the platform's own: under rules of its own, on record as everybody's."""

from __future__ import annotations

import uuid

from zhitong.types import Inquiry, Occasion, Principal, TypeVerdicts


def platform(task: str) -> Principal:
    """Give the platform as it asks for *task*."""
    return Principal(
        kind="platform", unit="", unit_name="执通平台", person=task, role="service"
    )


def opened(
    principal: Principal,
    purpose: str,
    cause: str,
    *,
    basis: str = "",
    verdicts: dict[str, TypeVerdicts] | None = None,
) -> Inquiry:
    """Open a look of the platform; *verdicts* are shared by looks that are alike."""
    occasion = Occasion(purpose=purpose, basis=basis, cause=cause)
    return beside(principal, occasion, purpose, {} if verdicts is None else verdicts)


def beside(
    principal: Principal,
    occasion: Occasion,
    operation: str,
    verdicts: dict[str, TypeVerdicts],
) -> Inquiry:
    """Open a look beside the question that is answered, on record apart from it."""
    return Inquiry(
        principal=principal,
        occasion=occasion,
        id=uuid.uuid4().hex,
        operation=operation,
        verdicts=verdicts,
    )


def caused(why: str, by: Principal) -> str:
    """Word the basis of a look that somebody causes, for the register to tell."""
    return f"{why}：{by.unit_name} {by.unit} {by.person}"
