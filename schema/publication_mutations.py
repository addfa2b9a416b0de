"""What people do to have a decision shown: one step of one publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from zhitong.exceptions import LedgerUnavailableError, PublicationFormError
from zhitong.publishing import Step, Stood
from zhitong.schema import objects
from zhitong.schema.context import Context
from zhitong.schema.decision_inputs import made_input
from zhitong.schema.declare import UNRECOGNISED
from zhitong.schema.enums import enum_of
from zhitong.schema.grant_mutations import argument
from zhitong.schema.made import made_type
from zhitong.schema.objects import Info, field_with
from zhitong.schema.standing import standing
from zhitong.types import Label

OWN_SITE = "own-site"
"""The channel that is meant where none is named."""

PublicationStep = enum_of(
    "PublicationStep",
    Label("公示的一步", "What somebody does to a publication"),
    {
        Step.COLLECT: Label(
            "采集（collector）：withheld 写明不公示的项目",
            "Collect (collector); withheld names what is not to be shown",
        ),
        Step.TRANSMIT: Label("传递（transmitter）", "Hand on (transmitter)"),
        Step.PASS: Label("审核通过（reviewer）", "The review is passed (reviewer)"),
        Step.RETURN: Label(
            "退回重新采集，须写理由（reviewer）",
            "Return it to be collected anew, with a reason (reviewer)",
        ),
        Step.DECLINE: Label(
            "不予公示，须写理由（reviewer）",
            "It is not to be shown, with a reason (reviewer)",
        ),
        Step.RELEASE: Label("发布（releaser）", "Release (releaser)"),
        Step.PULL: Label(
            "公示有误，撤下，须写理由（reviewer、releaser）",
            "It was wrong: pull it, with a reason (reviewer, releaser)",
        ),
        Step.WITHDRAW: Label(
            "已从其他系统撤回，须写理由（releaser）",
            "It was withdrawn from a channel of others, with a reason (releaser)",
        ),
        Step.TAKE_DOWN: Label(
            "期满，已从其他系统撤下（releaser）",
            "It was taken down from a channel of others, its time over (releaser)",
        ),
    },
)
PublicationStepInput: Any = made_input(
    "PublicationStepInput",
    Label("办理哪件决定的哪一版的公示。", "Of which version of which decision."),
    {
        "decisionId": ("str", Label("决定编号（平台）", "The platform's id of it")),
        "version": ("int", Label("所办理的决定版本", "The version it is about")),
        "channel": (
            "str",
            Label("渠道，不写为 own-site", "Channel; own-site unless said"),
        ),
        "reason": ("str", Label("理由", "Reason, in words")),
        "withheld": (
            "list[str]",
            Label("不公示的项目，只随 COLLECT", "What is not shown; with COLLECT"),
        ),
        "reference": (
            "str",
            Label(
                "在其他系统公示的位置，只随 RELEASE",
                "Where others show it; with RELEASE",
            ),
        ),
    },
    ("decisionId", "version"),
    module=objects.__name__,
)


@dataclass(frozen=True, slots=True)
class Stands:
    """How a publication stands after a step, under the graph's names."""

    publicationId: str
    stage: str
    shownVersion: int | None
    downOn: str | None
    replayed: bool


TAKEN: Any = made_type(
    "PublicationTaken",
    Label("办理之后公示的状态。", "How the publication stands after the step."),
    {
        "publicationId": ("str", Label("公示编号", "Its id")),
        "stage": ("PublicationStage", Label("环节", "Where it is")),
        "shownVersion": (
            "int | None",
            Label("公示的决定版本", "Version that is shown"),
        ),
        "downOn": ("Date | None", Label("公示至（含）", "Last day it is shown")),
        "replayed": (
            "bool",
            Label("此前已办理，本次没有改变", "It was taken already; nothing changed"),
        ),
    },
    {
        "publication": standing(
            "Publication",
            "publicationId",
            Label("这件公示", "The publication as the register has it"),
        )
    },
)


class _Given(Protocol):
    decisionId: str
    version: int
    channel: object
    reason: object
    withheld: object
    reference: object


def _taken() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: _Given, step: Enum) -> Stands:
        context: Context = info.context
        if context.publications is None:
            raise LedgerUnavailableError(
                "本网关没有公示登记", "this gateway has no register of publications"
            )
        if step.value == UNRECOGNISED:
            raise PublicationFormError(
                f"step 不能是 {UNRECOGNISED}", f"step cannot be {UNRECOGNISED}"
            )
        withheld = given.withheld if isinstance(given.withheld, list) else []
        stood = await context.publications.take(
            context.inquiry.principal,
            given.decisionId,
            given.version,
            Step(step.value),
            channel=_text(given.channel) or OWN_SITE,
            reason=_text(given.reason),
            withheld=frozenset(withheld),
            reference=_text(given.reference),
        )
        # What was read before is of the step before.
        context.loaders.forget()
        return _stands(stood)

    said = Label("所办理的公示", "The publication")
    which = Label("办理的一步", "The step")
    annotations = {
        "info": Info,
        "given": argument(PublicationStepInput, "publication", said),
        "step": argument(PublicationStep, "step", which),
        "return": TAKEN | None,
    }
    label = Label(
        "办理公示的一步：采集、传递、审核、发布；登记决定的单位按角色办理",
        "Take a step of a publication: collect, hand on, review, release; each by its "
        "role, of the unit whose decision it is",
    )
    return field_with(resolve, annotations, label)


def publication_mutations() -> Mapping[str, Any]:
    """Make the fields of the mutation root."""
    return {"takePublicationStep": _taken()}


def _stands(stood: Stood) -> Stands:
    entry = stood.entry
    return Stands(
        publicationId=f"{entry.decision}:{entry.channel}",
        stage=entry.stage.value,
        shownVersion=entry.shown,
        downOn=None if entry.down_on is None else entry.down_on.isoformat(),
        replayed=stood.replayed,
    )


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""
