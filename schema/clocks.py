"""What has to be done within a term, until when, and whether it was."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import by, by_month, code, entity, item, one
from zhitong.types import Kind

CLOCK = entity(
    "Clock",
    "clocks",
    "时钟：须在期限内做到的一件事，起算、末日、依据，做到了没有；更正、撤回各有时钟。",
    "A duty about one version of a decision: since when, until when, by which rule, "
    "and whether it was done; corrections and withdrawals have clocks of their own.",
    key="clockId",
    orders=("dueOn", "clockId"),
    groupings=(
        by("DUTY", "duty", "职责", "Duty"),
        by("DUTY_TITLE_ZH", "dutyTitleZh", "职责的中文名称", "Duty in Chinese"),
        by("DUTY_TITLE_EN", "dutyTitleEn", "职责的英文名称", "Duty in English"),
        by("STATE", "state", "状态", "How it stands"),
        by("SUBJECT", "subjectCode", "执法主体", "Subject"),
        by("RECEIVER", "receiver", "接收方", "Receiver"),
        by("DUE_CERTAINTY", "dueCertainty", "末日是否确定", "Whether it is certain"),
        by("CASE_SOURCE", "caseSource", "办案系统", "Source that keeps the case"),
        by_month("dueOn", "末日所在月份", "Month it is due in"),
    ),
    fields=(
        item("clockId", "时钟编号", "Clock's id"),
        item("duty", "职责", "Duty's name"),
        item("dutyTitleZh", "职责的中文名称", "Duty in Chinese"),
        item("dutyTitleEn", "职责的英文名称", "Duty in English"),
        code(
            "state",
            "状态，按今天（北京时间）",
            "How it stands today",
            codes.CLOCK_STATE,
        ),
        item("subjectCode", "执法主体", "Enforcement subject", Kind.CREDIT_CODE),
        item("receiver", "须由谁收存", "Receiver that has to hold it"),
        item("decisionId", "决定编号", "Decision's id"),
        item("version", "起算的决定版本", "Version that started it", Kind.INTEGER),
        item("startedOn", "起算事件之日", "Day of what started it", Kind.DATE),
        item("nearOn", "自此日起为将到期", "Due soon from this day on", Kind.DATE),
        item("dueOn", "末日（含）；次日起为逾期", "Last day, included", Kind.DATE),
        code(
            "dueCertainty",
            "末日是否确定",
            "Whether that day is certain",
            codes.DUE_CERTAINTY,
        ),
        item("rule", "所按的规则版本", "Version of the rule it goes by"),
        item("ruleSource", "规则的依据", "What that rule rests on"),
        item(
            "calendars",
            "末日所依据的放假文件",
            "Documents about working days that it rests on",
            Kind.TEXTS,
        ),
        item("movedFrom", "规则或日历改变前的末日", "Last day before", Kind.DATE),
        item("movedAt", "何时改变", "When it became another", Kind.DATETIME),
        item("movedBecauseZh", "为何改变（中文）", "Why, in Chinese"),
        item("movedBecauseEn", "为何改变（英文）", "Why, in English"),
        item("endedOn", "了结之日；没有即未了", "Day it ended; none: open", Kind.DATE),
        item("endedAt", "了结时间", "Ended at", Kind.DATETIME),
        code("endedBy", "了结缘由", "What ended it", codes.CLOCK_END),
        item("caseSource", "办案系统（来源标识）", "Source that keeps the case"),
        item(
            "recordedBy",
            "登记决定的单位代码",
            "Unit that recorded the decision",
            Kind.CREDIT_CODE,
        ),
    ),
    relations=(
        one("decision", "Decision", "decisionId", "decisionId", "决定", "The decision"),
        one("to", "Receiver", "receiver", "name", "接收方", "The receiver"),
    ),
)
