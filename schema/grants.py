"""Sharing grants, as the platform keeps them: who asked for what, and how it stands."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import CONDITIONAL, by, by_month, code, entity, item
from zhitong.types import Field, Kind


def _text(name: str, zh: str, en: str) -> Field:
    return item(name, zh, en, sharing=CONDITIONAL)


def _words(name: str, zh: str, en: str) -> Field:
    return item(name, zh, en, sharing=CONDITIONAL, free=True)


def _moment(name: str, zh: str, en: str) -> Field:
    return item(name, zh, en, Kind.DATETIME, CONDITIONAL)


def _number(name: str, zh: str, en: str) -> Field:
    return item(name, zh, en, Kind.INTEGER, CONDITIONAL)


def _unit(name: str, zh: str, en: str) -> Field:
    return item(name, zh, en, Kind.CREDIT_CODE, CONDITIONAL)


def _list(name: str, zh: str, en: str) -> Field:
    return item(name, zh, en, Kind.TEXTS, CONDITIONAL)


ACCESS_GRANT = entity(
    "AccessGrant",
    "accessGrants",
    "共享授权：一件申请及其办理，从申请到收回或到期。",
    "A sharing grant: an application and how it stands, from applying to its end.",
    key="grantId",
    lookup="grantId",
    orders=("appliedAt", "dueAt", "validTo", "grantId"),
    groupings=(
        by("STATE", "state", "状态", "State"),
        by("UNIT", "unit", "申请单位", "Applying unit"),
        by("OWNER", "owner", "数源部门", "Owner"),
        by("DUE_UNIT", "dueUnit", "待办单位", "Whose turn it is"),
        by("DUE_STEP", "dueStep", "待办环节", "What is due"),
        by("LATENESS", "lateness", "是否逾期", "Whether it is late"),
        by_month("appliedAt", "申请月份", "Month of the application"),
    ),
    fields=(
        _text("grantId", "申请编号", "Its id"),
        _number("version", "版本号，每办一步加一", "Version: one more with each step"),
        code("state", "状态", "State", codes.GRANT_STATE, CONDITIONAL),
        code("kind", "类别", "Kind", codes.GRANT_KIND, CONDITIONAL),
        _unit("unit", "申请单位代码", "Code of the applying unit"),
        item("unitName", "申请单位", "Applying unit", sharing=CONDITIONAL, named=True),
        _unit("owner", "数源部门代码", "Code of the agency whose data they are"),
        _list("parties", "双方单位代码", "Codes of both units"),
        _text("person", "紧急调阅的人员", "Break-glass: who may use it"),
        _words("incident", "紧急事件", "Break-glass: the incident"),
        _text("purpose", "目的", "Purpose"),
        item("basis", "依据", "Legal basis", sharing=CONDITIONAL, named=True),
        _words("scene", "应用场景", "What happens with the data"),
        _list("items", "数据项（类型.字段）", "Items, as Type.field"),
        _list("lookups", "可精确查找的字段", "Fields to look rows up by exactly"),
        code("sharing", "共享属性", "Sharing", codes.GRANT_SHARING, CONDITIONAL),
        code("giving", "给出形式", "Whole or masked", codes.GRANT_GIVING, CONDITIONAL),
        item("division", "限于行政区划", "Only this place", Kind.DIVISION, CONDITIONAL),
        code("extent", "行的范围", "Which rows", codes.GRANT_EXTENT, CONDITIONAL),
        code("mode", "共享方式", "Mode", codes.GRANT_MODE, CONDITIONAL),
        _list("documents", "限用的可信查询", "Documents it may be used by, by hash"),
        _number("page", "每页条数上限", "Rows of a page it allows"),
        _number("cost", "查询成本上限", "Cost of a document it allows"),
        _text("rate", "每秒提问数", "Questions per second it allows"),
        _text("receiver", "所支撑的推送接收方", "A receiver whose stream rests on it"),
        _moment("validFrom", "使用期限起", "Valid from"),
        _moment("validTo", "使用期限止", "Valid to; not itself in it"),
        _text("appliedBy", "申请人", "Who applied"),
        _moment("appliedAt", "申请时间", "Applied for at"),
        _moment("reviewedAt", "形式审查通过时间", "Form passed at"),
        _moment("decidedAt", "答复时间", "Replied to at"),
        _moment("providedAt", "提供时间", "Provided at"),
        _moment("endedAt", "终止时间", "Ended at"),
        _words("missing", "一次性告知的内容", "What was told to be missing"),
        _words("refusal", "不同意的理由", "Why it was refused"),
        _words("dispute", "争议理由", "Why the refusal is disputed"),
        _words("settlement", "争议处理意见", "How the dispute was settled"),
        _words("ending", "收回、撤回的原因", "Why it ended"),
        code(
            "useReview",
            "紧急调阅复核结论",
            "Whether an emergency's use was justified",
            codes.GRANT_USE_REVIEW,
            CONDITIONAL,
        ),
        code("dueStep", "待办环节", "What is due", codes.GRANT_DUTY, CONDITIONAL),
        _unit(
            "dueUnit", "待办单位代码，空为数据主管部门", "Whose turn; none: authority"
        ),
        _moment("dueAt", "到此时未办即为逾期", "Late from this moment on"),
        code("lateness", "是否逾期", "Late or not", codes.GRANT_LATENESS, CONDITIONAL),
        _list("lateSteps", "已逾期办理的环节", "Duties that were done late"),
        _moment("changedAt", "最近办理时间", "Changed at"),
    ),
)
