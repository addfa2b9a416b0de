"""What is sent of an application for a grant, and with each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

import strawberry

from zhitong.exceptions import GrantFormError
from zhitong.grants import GrantMode, Terms
from zhitong.rules.working_days import CHINA
from zhitong.schema import objects
from zhitong.schema.decision_inputs import made_input
from zhitong.schema.declare import UNRECOGNISED
from zhitong.schema.enums import enum_of
from zhitong.types import Label

MOST_ITEMS = 500
"""Items of one application; more are another's."""
LONGEST = 2_000
FIELDS = {
    "grantId": ("str", Label("申请编号，由申请方自定", "Its id, by the applicant")),
    "owner": ("CreditCode", Label("数源部门代码", "Code of the owner")),
    "items": (
        "list[str]",
        Label(
            "数据项，写作 类型.字段，如 CaseRecord.facts",
            "Items as Type.field, such as CaseRecord.facts",
        ),
    ),
    "lookups": (
        "list[str]",
        Label("可精确查找的字段", "Fields to look rows up by exactly"),
    ),
    "purpose": ("str", Label("目的，规则中定义的", "Purpose, as the policy has it")),
    "basis": ("str", Label("依据", "Legal basis")),
    "scene": ("str", Label("应用场景", "What happens with the data")),
    "mode": ("GrantMode", Label("共享方式", "Mode; an interface unless said")),
    "masked": ("bool", Label("只要脱敏的值", "Masked values are enough")),
    "division": ("DivisionCode", Label("限于行政区划", "Only rows of this place")),
    "ownCause": (
        "bool",
        Label("限于查阅事由所写的案件", "Only rows of the case that is asked for"),
    ),
    "documents": (
        "list[str]",
        Label("限用的可信查询（摘要）", "Documents it may be used by, by hash"),
    ),
    "page": ("int", Label("每页条数", "Rows of a page")),
    "cost": ("int", Label("查询成本", "Cost of a document")),
    "rate": ("float", Label("每秒提问数", "Questions per second")),
    "receiver": ("str", Label("所支撑的推送接收方", "Receiver of a stream")),
    "validFrom": ("Date", Label("使用期限起，含当日", "First day")),
    "validTo": ("Date", Label("使用期限止，含当日", "Last day")),
}
REQUIRED = (
    *("grantId", "owner", "items", "purpose", "basis", "scene"),
    *("validFrom", "validTo"),
)
GrantApplicationInput: Any = made_input(
    "GrantApplicationInput",
    Label("一件共享申请。", "An application for a sharing grant."),
    FIELDS,
    REQUIRED,
    module=objects.__name__,
)
GrantStepInput: Any = made_input(
    "GrantStepInput",
    Label("办理一步：针对哪件申请的哪一版。", "One step: on which version of which."),
    {
        "grantId": ("str", Label("申请编号", "The application's id")),
        "version": ("int", Label("所办理的版本", "The version it is about")),
        "reason": ("str", Label("理由或内容", "Reason, in words")),
    },
    ("grantId", "version"),
    module=objects.__name__,
)


class Step(Protocol):
    """A `GrantStepInput`."""

    grantId: str
    version: int
    reason: object


class Application(Protocol):
    """A `GrantApplicationInput`, as far as it is read by name."""

    grantId: str


GrantReview = enum_of(
    "GrantReview",
    Label("形式审查结论", "What the review of form found"),
    {
        "COMPLETE": Label("完整，转数源部门", "Complete: on to the owner"),
        "INCOMPLETE": Label(
            "不完整，一次性告知（reason 写缺什么）",
            "Incomplete: reason says what lacks",
        ),
    },
)
GrantReply = enum_of(
    "GrantReply",
    Label("数源部门答复", "What the owner replies"),
    {
        "AGREE": Label("同意", "Agreed"),
        "REFUSE": Label("不同意，须写理由", "Refused: reason says why"),
    },
)
GrantSettlement = enum_of(
    "GrantSettlement",
    Label("争议处理结论", "How a dispute is settled"),
    {
        "UPHELD": Label("维持不同意", "The refusal stands"),
        "OVERTURNED": Label("应予共享", "The data are to be shared"),
    },
)


def terms(given: Any) -> Terms:  # noqa: ANN401 - a made input
    """Translate a `GrantApplicationInput`; raise `GrantFormError` if it cannot be."""
    mode = _said(given.mode)
    if mode is not None and mode.value == UNRECOGNISED:
        raise GrantFormError(
            f"mode 不能是 {UNRECOGNISED}", f"mode cannot be {UNRECOGNISED}"
        )
    texts = (given.basis, given.scene)
    if any(len(text) > LONGEST for text in texts):
        raise GrantFormError(
            f"依据和应用场景各最长 {LONGEST} 字",
            f"basis and scene have at most {LONGEST} characters each",
        )
    budget = {name: _said(getattr(given, name)) for name in ("page", "cost", "rate")}
    if any(value is not None and value <= 0 for value in budget.values()):
        raise GrantFormError(
            "page、cost、rate 应大于 0", "page, cost and rate are more than 0"
        )
    return Terms(
        owner=str(given.owner),
        fields=items(given.items),
        lookups=items(_said(given.lookups) or ()),
        purpose=given.purpose.strip(),
        basis=given.basis.strip(),
        scene=given.scene.strip(),
        mode=GrantMode.INTERFACE if mode is None else GrantMode(mode.value),
        masked=bool(_said(given.masked)),
        division=str(_said(given.division) or ""),
        own_cause=bool(_said(given.ownCause)),
        documents=tuple(_said(given.documents) or ()),
        receiver=_said(given.receiver) or None,
        valid_from=_midnight(given.validFrom),
        valid_to=_midnight(given.validTo) + timedelta(days=1),
        **budget,
    )


def items(given: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Read items by type; raise `GrantFormError` where one is none."""
    listed = list(given)
    found: dict[str, set[str]] = {}
    for one in listed:
        type_name, dot, field = one.strip().partition(".")
        if not (type_name and dot and field):
            raise GrantFormError(
                f"数据项应写作 类型.字段，写的是 {one[:60]}",
                f"an item is written as Type.field; this is {one[:60]}",
            )
        found.setdefault(type_name, set()).add(field)
    if len(listed) > MOST_ITEMS:
        raise GrantFormError(
            f"一件申请最多 {MOST_ITEMS} 项", f"at most {MOST_ITEMS} items apply at once"
        )
    return {name: frozenset(fields) for name, fields in found.items()}


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), CHINA)


def _said(given: Any) -> Any:  # noqa: ANN401 - a value of a made input
    return None if given is strawberry.UNSET else given
