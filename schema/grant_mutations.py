"""What is done to an application for a grant: applied for, reviewed, decided, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import strawberry

from zhitong.exceptions import GrantFormError, LedgerUnavailableError
from zhitong.grants import GrantStep, Taken
from zhitong.resolvers.grants import Grants
from zhitong.rules.working_days import CHINA
from zhitong.schema.context import Context
from zhitong.schema.grant_inputs import (
    Application,
    GrantApplicationInput,
    GrantReply,
    GrantReview,
    GrantSettlement,
    GrantStepInput,
    Step,
    terms,
)
from zhitong.schema.made import made_type
from zhitong.schema.objects import Info, field_with
from zhitong.schema.standing import standing
from zhitong.types import Label

STEP = Label("所办理的申请和版本", "The application and the version")
OUTCOME = Label("结论", "The outcome")


@dataclass(frozen=True, slots=True)
class Stands:
    """How an application stands after a step, under the graph's names."""

    grantId: str
    version: int
    state: str
    dueStep: str | None
    dueAt: str | None
    replayed: bool


TAKEN: Any = made_type(
    "GrantTaken",
    Label("申请或办理的结果。", "How the application stands after the step."),
    {
        "grantId": ("str", Label("申请编号", "The application's id")),
        "version": ("int", Label("现行版本", "The present version")),
        "state": ("GrantState", Label("状态", "State")),
        "dueStep": ("GrantDuty | None", Label("待办环节", "What is due next")),
        "dueAt": (
            "DateTime | None",
            Label("到此时未办即为逾期", "Late from this moment on"),
        ),
        "replayed": (
            "bool",
            Label("此前已办理，本次没有改变", "It was taken already; nothing changed"),
        ),
    },
    {
        "grant": standing(
            "AccessGrant",
            "grantId",
            Label("授权登记中的这件申请", "The application as the register has it"),
        )
    },
)


def stands(taken: Taken) -> Stands:
    """Say how the application stands, under the graph's names."""
    said = taken.application
    at = None if said.due is None else said.due.at.astimezone(CHINA)
    return Stands(
        grantId=said.id,
        version=said.version,
        state=said.state.value,
        dueStep=None if said.due is None else said.due.duty.value,
        dueAt=None if at is None else at.isoformat(),
        replayed=taken.replayed,
    )


def _register(context: Context) -> Grants:
    if context.applications is None:
        raise LedgerUnavailableError(
            "本网关没有授权登记", "this gateway has no register of grants"
        )
    return context.applications


async def _step(
    context: Context, given: Step, step: GrantStep, application: object = None
) -> Stands:
    reason = given.reason if isinstance(given.reason, str) else ""
    asked = None if application is None else terms(application)
    if getattr(application, "grantId", given.grantId) != given.grantId:
        raise GrantFormError(
            "step 与 application 的 grantId 不同，请核对",
            "step and application name different grantIds; check them",
        )
    taken = await _register(context).step(
        context.inquiry.principal,
        given.grantId,
        given.version,
        step,
        reason=reason,
        terms=asked,
    )
    # What was read before is of the version before.
    context.loaders.forget()
    return stands(taken)


def argument(kind: Any, name: str, label: Label) -> Any:  # noqa: ANN401 - made types
    """Name and describe an argument."""
    return Annotated[kind, strawberry.argument(name=name, description=str(label))]


def _applied() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: Application) -> Stands:
        context: Context = info.context
        taken = await _register(context).apply(
            context.inquiry.principal, given.grantId, terms(given)
        )
        context.loaders.forget()
        return stands(taken)

    said = Label("申请的内容", "What is applied for")
    annotations = {
        "info": Info,
        "given": argument(GrantApplicationInput, "application", said),
        "return": TAKEN | None,
    }
    label = Label("申请共享授权", "Apply for a sharing grant")
    return field_with(resolve, annotations, label)


def _supplemented() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: Step, application: object) -> Stands:
        return await _step(info.context, given, GrantStep.SUPPLEMENT, application)

    said = Label("补正后的整件申请", "The application as it is now, whole")
    annotations = {
        "info": Info,
        "given": argument(GrantStepInput, "step", STEP),
        "application": argument(GrantApplicationInput, "application", said),
        "return": TAKEN | None,
    }
    label = Label(
        "补正申请（申请单位）", "Add what was told to be missing (the applying unit)"
    )
    return field_with(resolve, annotations, label)


def _stepped(step: GrantStep, label: Label) -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: Step) -> Stands:
        return await _step(info.context, given, step)

    annotations = {
        "info": Info,
        "given": argument(GrantStepInput, "step", STEP),
        "return": TAKEN | None,
    }
    return field_with(resolve, annotations, label)


def _decided(outcomes: Any, steps: Mapping[str, GrantStep], label: Label) -> Any:  # noqa: ANN401 - made types
    async def resolve(info: Info, given: Step, outcome: Enum) -> Stands:
        return await _step(info.context, given, steps[outcome.value])

    annotations = {
        "info": Info,
        "given": argument(GrantStepInput, "step", STEP),
        "outcome": argument(outcomes, "outcome", OUTCOME),
        "return": TAKEN | None,
    }
    return field_with(resolve, annotations, label)


def grant_mutations() -> Mapping[str, Any]:
    """Make the fields of the mutation root, in the order of a grant's life."""
    return {
        "applyForGrant": _applied(),
        "reviewGrant": _decided(
            GrantReview,
            {"COMPLETE": GrantStep.PASS, "INCOMPLETE": GrantStep.RETURN},
            Label(
                "形式审查（数据主管部门）；缺少的材料只一次性告知",
                "Review the form (the data authority); what is missing is told once",
            ),
        ),
        "supplementGrant": _supplemented(),
        "decideGrant": _decided(
            GrantReply,
            {"AGREE": GrantStep.AGREE, "REFUSE": GrantStep.REFUSE},
            Label("答复（数源部门数据专员）", "Reply (a steward of the owner)"),
        ),
        "provideGrant": _stepped(
            GrantStep.PROVIDE,
            Label(
                "提供数据，授权生效（数源部门数据专员）",
                "Provide the data: the grant is in force (a steward of the owner)",
            ),
        ),
        "revokeGrant": _stepped(
            GrantStep.REVOKE,
            Label(
                "收回授权（数源部门数据专员或数据主管部门），须写理由",
                "Revoke the grant (a steward of the owner, or the data authority)",
            ),
        ),
        "withdrawGrant": _stepped(
            GrantStep.WITHDRAW,
            Label("撤回申请或放弃授权（申请单位）", "Withdraw it (the applying unit)"),
        ),
        "disputeGrant": _stepped(
            GrantStep.DISPUTE,
            Label(
                "对不同意提出争议（申请单位），须写理由",
                "Dispute a refusal (the applying unit), with reasons",
            ),
        ),
        "settleDispute": _decided(
            GrantSettlement,
            {"UPHELD": GrantStep.UPHOLD, "OVERTURNED": GrantStep.OVERTURN},
            Label(
                "处理争议（数据主管部门），须写意见",
                "Settle the dispute (the data authority), with reasons",
            ),
        ),
    }
