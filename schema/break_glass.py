"""Break-glass in the graph: opened by who needs it, judged by the data authority."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol

from zhitong.exceptions import GrantFormError, LedgerUnavailableError
from zhitong.grants import Terms
from zhitong.resolvers.emergencies import Emergencies
from zhitong.schema import objects
from zhitong.schema.context import Context
from zhitong.schema.decision_inputs import made_input
from zhitong.schema.declare import UNRECOGNISED
from zhitong.schema.enums import enum_of
from zhitong.schema.grant_inputs import items
from zhitong.schema.grant_mutations import OUTCOME, TAKEN, Stands, argument, stands
from zhitong.schema.objects import Info, field_with
from zhitong.types import Label

BreakGlassInput: Any = made_input(
    "BreakGlassInput",
    Label("一次紧急调阅。", "One use of break-glass."),
    {
        "grantId": ("str", Label("编号，由本人自定", "Its id, by the caller")),
        "owner": ("CreditCode", Label("数源部门代码", "Code of the owner")),
        "items": (
            "list[str]",
            Label(
                "数据项，写作 类型.字段，如 Counterparty.phone",
                "Items as Type.field, such as Counterparty.phone",
            ),
        ),
        "incident": ("str", Label("事件的名称或编号", "The incident, by name or no.")),
        "reason": ("str", Label("为何来不及申请", "Why there is no time to apply")),
    },
    ("grantId", "owner", "items", "incident", "reason"),
    module=objects.__name__,
)
BreakGlassReview = enum_of(
    "BreakGlassReview",
    Label("紧急调阅复核结论", "What the review of an emergency's use found"),
    {
        "JUSTIFIED": Label("正当", "Justified"),
        "NOT_JUSTIFIED": Label(
            "不正当，未终止的即时终止", "Not justified; it ends if it has not ended"
        ),
    },
)
BreakGlassReviewInput: Any = made_input(
    "BreakGlassReviewInput",
    Label(
        "复核哪次紧急调阅，理由。", "Which use is reviewed, and why it is judged so."
    ),
    {
        "grantId": ("str", Label("紧急调阅的编号", "Its id")),
        "reason": ("str", Label("复核意见", "Reason, in words")),
    },
    ("grantId", "reason"),
    module=objects.__name__,
)


class _Opening(Protocol):
    grantId: str
    owner: str
    items: list[str]
    incident: str
    reason: str


class _Review(Protocol):
    grantId: str
    reason: str


def _emergencies(context: Context) -> Emergencies:
    if context.emergencies is None:
        raise LedgerUnavailableError(
            "本网关没有授权登记", "this gateway has no register of grants"
        )
    return context.emergencies


def _opened() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: _Opening) -> Stands:
        context: Context = info.context
        emergencies = _emergencies(context)
        at = context.inquiry.at
        terms = Terms(
            owner=str(given.owner),
            fields=items(given.items),
            lookups={},
            purpose=emergencies.rules.purpose,
            basis=emergencies.rules.source,
            scene=given.reason,
            valid_from=at,
            valid_to=at,
        )
        taken = await emergencies.break_glass(
            context.inquiry, given.grantId, given.incident, given.reason, terms
        )
        context.loaders.forget()
        return stands(taken)

    said = Label("打开什么，因何事件", "What is opened, for which incident")
    annotations = {
        "info": Info,
        "given": argument(BreakGlassInput, "emergency", said),
        "return": TAKEN | None,
    }
    label = Label(
        "紧急调阅：本人即时可用，数小时后终止，须经复核",
        "Break the glass: for the caller in person, at once, for hours; to be reviewed",
    )
    return field_with(resolve, annotations, label)


def _reviewed() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: _Review, outcome: Enum) -> Stands:
        context: Context = info.context
        if outcome.value == UNRECOGNISED:
            raise GrantFormError(
                f"outcome 不能是 {UNRECOGNISED}", f"outcome cannot be {UNRECOGNISED}"
            )
        taken = await _emergencies(context).judge(
            context.inquiry,
            given.grantId,
            justified=outcome.value == "JUSTIFIED",
            reason=given.reason,
        )
        context.loaders.forget()
        return stands(taken)

    said = Label("所复核的紧急调阅", "The use that is reviewed")
    annotations = {
        "info": Info,
        "given": argument(BreakGlassReviewInput, "review", said),
        "outcome": argument(BreakGlassReview, "outcome", OUTCOME),
        "return": TAKEN | None,
    }
    label = Label(
        "复核紧急调阅（数据主管部门）",
        "Say whether an emergency's use was justified (the data authority)",
    )
    return field_with(resolve, annotations, label)


def break_glass_mutations() -> Mapping[str, Any]:
    """Make the fields of the mutation root."""
    return {"breakGlass": _opened(), "reviewBreakGlass": _reviewed()}
