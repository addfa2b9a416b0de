"""What somebody has to see to because of what receivers answered, or did not."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import (
    CONDITIONAL,
    by,
    by_month,
    code,
    entity,
    item,
    one,
)
from zhitong.types import Kind

WORK_ITEM = entity(
    "WorkItem",
    "workItems",
    "待办：接收方拒收的、逾期未答复的、须由人告知的，各有期限，办到即了结。",
    "What a receiver rejects, has not acknowledged in time, or must be told by a "
    "person; each has its clock and ends when it is done.",
    key="itemId",
    orders=("openedAt", "itemId"),
    groupings=(
        by("RECEIVER", "receiver", "接收方", "Receiver"),
        by("KIND", "kind", "种类", "Kind"),
        by("STATE", "state", "状态", "How it stands"),
        by("OCCASION", "occasion", "起因", "What it is about"),
        by("CASE_SOURCE", "caseSource", "办案系统", "Source that keeps the case"),
        by_month("openedAt", "产生月份", "Month it began in"),
    ),
    fields=(
        item("itemId", "待办编号", "Item's id"),
        code("kind", "种类", "Why there is something to do", codes.WORK_KIND),
        code("state", "状态", "How it stands", codes.WORK_STATE),
        item("receiver", "接收方", "Receiver's name"),
        item("decisionId", "决定编号", "Decision's id"),
        item("version", "决定版本", "Version of the decision", Kind.INTEGER),
        code(
            "occasion",
            "起因",
            "What the version is, or what happened",
            codes.WORK_OCCASION,
        ),
        item(
            "eventId", "事件编号；待告知的没有", "Event id; none of what is to be told"
        ),
        item("deliveryId", "推送编号；待告知的没有", "Delivery id; likewise"),
        item(
            "blamedCodes",
            "拒收代码，接收方所写",
            "Codes that the receiver rejects by",
            Kind.TEXTS,
        ),
        item(
            "blamedFields",
            "拒收所指的列",
            "Columns that it names",
            Kind.TEXTS,
        ),
        item("openedAt", "产生时间", "Began at", Kind.DATETIME),
        item("dueAt", "期限：自此时起为逾期", "Late from then on", Kind.DATETIME),
        code(
            "dueCertainty",
            "期限是否确定",
            "Whether that day is certain",
            codes.DUE_CERTAINTY,
        ),
        item("endedAt", "了结时间", "Ended at", Kind.DATETIME),
        code("endedBy", "了结缘由", "What ended it", codes.WORK_END),
        item(
            "because",
            "怎样办的，操作员所写",
            "How it was done, in the operator's words",
            sharing=CONDITIONAL,
            free=True,
        ),
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
        one("delivery", "Delivery", "deliveryId", "deliveryId", "推送", "The delivery"),
        one("to", "Receiver", "receiver", "name", "接收方", "The receiver"),
    ),
)
