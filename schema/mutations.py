"""What a department may do in the graph: check, record, withdraw, correct."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Annotated, Any

import strawberry
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from zhitong.decisions import Change, Finding, Severity, Signing
from zhitong.exceptions import UndeliveredError
from zhitong.resolvers.decisions import Recorded
from zhitong.schema.break_glass import break_glass_mutations
from zhitong.schema.catalogue_review import catalogue_mutations
from zhitong.schema.context import Context
from zhitong.schema.decision_inputs import (
    INPUTS,
    DecisionInput,
    correction,
    decision,
    withdrawal,
)
from zhitong.schema.grant_mutations import grant_mutations
from zhitong.schema.made import made_type
from zhitong.schema.objects import Info, field_with
from zhitong.schema.proceeding_inputs import ProceedingInput, proceeding
from zhitong.schema.publication_mutations import publication_mutations
from zhitong.schema.signature_inputs import ARGUMENT, signing
from zhitong.schema.standing import standing
from zhitong.types import Label

CHINA = timezone(timedelta(hours=8))
PROPAGATOR = TraceContextTextMapPropagator()
TAKEN = Label("部门作出的决定", "The decision as the department took it")
FINDINGS = Label("核验发现", "What the rules find")
ID = Label("决定编号（平台）", "The platform's id of it")
HASH = Label("内容摘要", "Digest of the content")


# The answers, under the graph's names.


@dataclass(frozen=True, slots=True)
class Found:
    """What one rule finds."""

    check: str
    severity: Severity
    messageZh: str
    messageEn: str
    ruleSource: str


@dataclass(frozen=True, slots=True)
class Queued:
    """An event that waits for its receiver."""

    receiver: str
    eventId: str


@dataclass(frozen=True, slots=True)
class Warned:
    """What is to be known of what was done all the same."""

    code: str
    receiver: str
    messageZh: str
    messageEn: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a decision that is not taken yet."""

    decisionId: str
    contentHash: str
    findings: list[Found]


@dataclass(frozen=True, slots=True)
class Entered:
    """What is in the ledger now, and what leaves."""

    decisionId: str
    version: int
    change: Change
    contentHash: str
    recordedAt: str
    replayed: bool
    findings: list[Found]
    events: list[Queued]
    warnings: list[Warned]


def _several(name: str, of: Any, label: Label) -> Any:  # noqa: ANN401 - a made type
    def resolve(self: object) -> object:
        return getattr(self, name)

    return field_with(resolve, {"return": list[of]}, label)


FINDING: Any = made_type(
    "RuleFinding",
    Label("一条规则的发现。", "What one rule finds."),
    {
        "check": ("str", Label("规则名称", "The rule's name")),
        "severity": ("Severity", Label("程度", "How it weighs")),
        "messageZh": ("str", Label("说明（中文）", "What is found, in Chinese")),
        "messageEn": ("str", Label("说明（英文）", "What is found, in English")),
        "ruleSource": ("str", Label("规则依据", "Text the rule rests on")),
    },
)
EVENT: Any = made_type(
    "QueuedEvent",
    Label("待推送的事件。", "An event that waits for its receiver."),
    {
        "receiver": ("str", Label("接收方", "Receiver's name")),
        "eventId": ("str", Label("事件编号", "Event id")),
    },
)
WARNING: Any = made_type(
    "DecisionWarning",
    Label(
        "决定已登记，但有需要知道的事。",
        "The decision is registered, and there is something to know.",
    ),
    {
        "code": ("str", Label("代码，见 docs/errors", "Code, as in docs/errors")),
        "receiver": ("str", Label("接收方", "Receiver's name")),
        "messageZh": ("str", Label("说明（中文）", "What it is, in Chinese")),
        "messageEn": ("str", Label("说明（英文）", "What it is, in English")),
    },
)
CHECKED: Any = made_type(
    "DecisionChecked",
    Label("作出决定之前的核验。", "The rules' word before a decision is taken."),
    {"decisionId": ("str", ID), "contentHash": ("str", HASH)},
    {"findings": _several("findings", FINDING, FINDINGS)},
)
RECORDED: Any = made_type(
    "DecisionRecorded",
    Label("登记、撤销或更正的结果。", "What was recorded, withdrawn or corrected."),
    {
        "decisionId": ("str", ID),
        "version": ("int", Label("版本号", "Version")),
        "change": ("Change", Label("版本性质", "What this version is")),
        "contentHash": ("str", HASH),
        "recordedAt": ("DateTime", Label("登记时间", "When it was recorded")),
        "replayed": (
            "bool",
            Label("此前已登记，本次没有改变", "It was there already; nothing changed"),
        ),
    },
    {
        "findings": _several("findings", FINDING, FINDINGS),
        "events": _several(
            "events", EVENT, Label("给各接收方的事件", "An event for each receiver")
        ),
        "warnings": _several(
            "warnings",
            WARNING,
            Label(
                "已登记而暂时送不到的接收方，没有则为空",
                "Receivers that will not have it for long yet; none: empty",
            ),
        ),
        "decision": standing(
            "Decision",
            "decisionId",
            Label("台账中的这件决定", "The decision as the ledger has it"),
        ),
    },
)


# What is done, and its fields.


def traceparent() -> str:
    """Write the present trace as W3C has it; empty outside any."""
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def check_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the question that a case system asks before it decides."""

    async def resolve(info: Info, given: object, signature: object = None) -> Verdict:
        context: Context = info.context
        checked = await context.decisions.check(
            context.inquiry.principal, decision(given), signing(signature)
        )
        return Verdict(
            str(checked.decision_id), checked.content_hash, _found(checked.findings)
        )

    label = Label(
        "作出决定之前按同样的规则核验，不产生任何效果",
        "The same rules before the decision is taken, without effect",
    )
    taken = Annotated[
        DecisionInput, strawberry.argument(name="decision", description=str(TAKEN))
    ]
    annotations = {"info": Info, "given": taken, "signature": ARGUMENT}
    return field_with(resolve, {**annotations, "return": CHECKED | None}, label)


Act = Callable[[Context, object, Signing | None], Awaitable[Recorded]]


async def _record(
    context: Context, given: object, signature: Signing | None
) -> Recorded:
    return await context.decisions.record(
        context.inquiry.principal,
        decision(given),
        signature,
        traceparent=traceparent(),
    )


async def _withdraw(
    context: Context, given: object, signature: Signing | None
) -> Recorded:
    return await context.decisions.withdraw(
        context.inquiry.principal,
        withdrawal(given),
        signature,
        traceparent=traceparent(),
    )


async def _correct(
    context: Context, given: object, signature: Signing | None
) -> Recorded:
    return await context.decisions.correct(
        context.inquiry.principal,
        correction(given),
        signature,
        traceparent=traceparent(),
    )


def _mutation(act: Act, taken: Any, name: str, said: Label, label: Label) -> Any:  # noqa: ANN401 - made types
    async def resolve(info: Info, given: object, signature: object = None) -> Entered:
        recorded = await act(info.context, given, signing(signature))
        # What was read before is of the version before.
        info.context.loaders.forget()
        return _entered(recorded)

    annotations = {
        "info": Info,
        "given": Annotated[
            taken, strawberry.argument(name=name, description=str(said))
        ],
        "signature": ARGUMENT,
        "return": RECORDED | None,
    }
    return field_with(resolve, annotations, label)


PROCEEDING_RECORDED: Any = made_type(
    "ProceedingRecorded",
    Label("登记的复议或诉讼。", "What was recorded of a proceeding."),
    {
        "proceedingId": ("str", Label("复议、诉讼标识", "Its kind and number")),
        "version": ("int", Label("版本号", "Version")),
        "replayed": (
            "bool",
            Label(
                "此前已如此登记，本次没有改变", "It stood so already; nothing changed"
            ),
        ),
    },
)


@dataclass(frozen=True, slots=True)
class _EnteredProceeding:
    proceedingId: str
    version: int
    replayed: bool


def _proceeding() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: object) -> _EnteredProceeding:
        context: Context = info.context
        entered = await context.proceedings.record(
            context.inquiry.principal, proceeding(given)
        )
        context.loaders.forget()
        said = entered.proceeding
        return _EnteredProceeding(
            f"{said.kind} {said.number}", entered.version, entered.replayed
        )

    label = Label(
        "登记一件复议或诉讼及其进展；审理期间当事人可查看本案更多材料",
        "Record a reconsideration or lawsuit and how it goes on; while it is open the "
        "party sees more of its case",
    )
    said = Label("复议或诉讼", "The reconsideration or lawsuit")
    taken = Annotated[
        ProceedingInput, strawberry.argument(name="proceeding", description=str(said))
    ]
    returned = PROCEEDING_RECORDED | None
    return field_with(
        resolve, {"info": Info, "given": taken, "return": returned}, label
    )


def mutation_type() -> type:
    """Make the mutation root; its fields run one after the other."""
    return made_type(
        "Mutation",
        Label(
            "登记。决定一经登记即推送各接收方；共享授权的申请和办理；数据目录的审核；"
            "公示的采集、传递、审核、发布。",
            "What changes the ledger, the register of grants, the catalogue's review, "
            "what is shown.",
        ),
        {},
        {
            "recordDecision": _mutation(
                _record,
                DecisionInput,
                "decision",
                TAKEN,
                Label(
                    "登记一件已作出的决定；违反规则的照样登记，列出核验发现",
                    "Register a decision that was taken; a broken rule is found, never "
                    "a reason to refuse",
                ),
            ),
            "withdrawDecision": _mutation(
                _withdraw,
                INPUTS["WithdrawalInput"],
                "withdrawal",
                Label("要撤销的决定", "The decision to withdraw"),
                Label("撤销一件决定", "Withdraw a decision"),
            ),
            "correctDecision": _mutation(
                _correct,
                INPUTS["CorrectionInput"],
                "correction",
                Label("要更正的决定", "The decision to correct"),
                Label("更正一件决定", "Correct a decision"),
            ),
            "recordProceeding": _proceeding(),
            **grant_mutations(),
            **break_glass_mutations(),
            **catalogue_mutations(),
            **publication_mutations(),
        },
    )


def _found(findings: Iterable[Finding]) -> list[Found]:
    return [
        Found(one.check, one.severity, one.detail.zh, one.detail.en, one.source)
        for one in findings
    ]


def _entered(recorded: Recorded) -> Entered:
    return Entered(
        decisionId=str(recorded.decision_id),
        version=recorded.version,
        change=recorded.change,
        contentHash=recorded.content_hash,
        recordedAt=recorded.at.astimezone(CHINA).isoformat(timespec="microseconds"),
        replayed=recorded.replayed,
        findings=_found(recorded.findings),
        events=[Queued(one.receiver, str(one.event_id)) for one in recorded.events],
        warnings=[_undelivered(one) for one in recorded.undelivered],
    )


def _undelivered(receiver: str) -> Warned:
    return Warned(
        UndeliveredError.code,
        receiver,
        "决定已登记，事件已在待发箱中；该接收方积压过多，尚未送达，恢复后自动补发，不需重报",
        "the decision is registered and its event waits; too much waits for this "
        "receiver, which does not have it yet. It is sent by itself: do not send again",
    )
