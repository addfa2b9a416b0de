"""What reconciliations compared, found and were answered, as it is read."""

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
    pages,
)
from zhitong.types import Kind

RECONCILIATION = entity(
    "Reconciliation",
    "reconciliations",
    "对账区间：一个接收方主题上的一段，读过、比较、声明，并由接收方答复。",
    "A window of a receiver's topic: read, compared, stated to it, and answered.",
    key="statementId",
    orders=("closedAt", "statementId"),
    fields=(
        item("statementId", "声明编号", "Id of its statement"),
        item("receiver", "接收方", "Receiver's name"),
        item("topic", "主题", "Topic"),
        item("partition", "分区", "Partition of the topic", Kind.INTEGER),
        item("fromOffset", "起始位移", "First offset", Kind.INTEGER),
        item("toOffset", "终止位移，不含", "Offset it ends before", Kind.INTEGER),
        item(
            "records",
            "其中平台发出的记录，含重复",
            "Records of ours in it, doubles among them",
            Kind.INTEGER,
        ),
        item(
            "doubles",
            "重复的记录（合法）",
            "Doubles among them, which are lawful",
            Kind.INTEGER,
        ),
        item("logged", "已发日志的行数", "Rows of the sent log in it", Kind.INTEGER),
        item(
            "foreignOffsets",
            "不是平台发出的记录的位移",
            "Offsets of records that are none of ours",
            Kind.TEXTS,
        ),
        item("root", "事件编号的 Merkle 根", "Merkle root over its event ids"),
        item(
            "parts",
            "每 1,000 个位移的 Merkle 根",
            "Merkle roots of each 1,000 offsets",
            Kind.TEXTS,
        ),
        item("closedAt", "首次比较时间", "First compared at", Kind.DATETIME),
        item("checkedAt", "最近比较时间", "Last compared at", Kind.DATETIME),
        item("statedAt", "最近声明时间", "Last stated at", Kind.DATETIME),
        item(
            "signed",
            "声明原文（平台签名的 JWS）",
            "The statement, a JWS by the platform",
            sharing=CONDITIONAL,
        ),
        code(
            "outcome",
            "接收方是否相符",
            "Whether the receiver agrees",
            codes.RECONCILIATION_OUTCOME,
        ),
        item("answeredAt", "接收方最近答复时间", "Last answered at", Kind.DATETIME),
        item(
            "answerSigned",
            "最近答复原文（接收方签名的 JWS）",
            "The latest answer, a JWS by the receiver",
            sharing=CONDITIONAL,
        ),
        item(
            "voidAt",
            "何时起不再计入：主题已重建",
            "Since when it does not count: its topic was made again",
            Kind.DATETIME,
        ),
    ),
    relations=(
        one("to", "Receiver", "receiver", "name", "接收方", "The receiver"),
        pages(
            "differences",
            "ReconciliationDifference",
            "statementId",
            "statementId",
            "其中的不符",
            "What is wrong in it",
        ),
    ),
)

RECONCILIATION_DIFFERENCE = entity(
    "ReconciliationDifference",
    "reconciliationDifferences",
    "对账不符：一件事件在某处缺失、外来或被改动。",
    "An event that is missing, foreign or altered somewhere.",
    key="differenceId",
    orders=("foundAt", "differenceId"),
    groupings=(
        by("RECEIVER", "receiver", "接收方", "Receiver"),
        by("KIND", "kind", "种类", "Kind"),
        by("STATE", "state", "是否了结", "Whether it is settled"),
        by_month("foundAt", "发现月份", "Month it was found in"),
    ),
    fields=(
        item("differenceId", "不符编号", "Difference's id"),
        code("kind", "种类", "What is wrong, and where", codes.DIFFERENCE_KIND),
        code("state", "是否了结", "Whether it is settled", codes.DIFFERENCE_STATE),
        item("receiver", "接收方", "Receiver's name"),
        item("eventId", "事件编号", "Event id"),
        item("deliveryId", "推送编号", "Delivery id"),
        item("decisionId", "决定编号", "Decision's id"),
        item("version", "决定版本", "Version of the decision", Kind.INTEGER),
        item("topic", "主题", "Topic"),
        item("partition", "分区", "Partition of the topic", Kind.INTEGER),
        item("offset", "位移", "Offset in the partition", Kind.INTEGER),
        item("statementId", "所在区间的声明编号", "Statement of the window it is in"),
        item("foundAt", "发现时间", "Found at", Kind.DATETIME),
        item("seenAt", "最近看到的时间", "Seen last at", Kind.DATETIME),
        item("settledAt", "了结时间", "Settled at", Kind.DATETIME),
    ),
    relations=(
        one(
            "window",
            "Reconciliation",
            "statementId",
            "statementId",
            "所在区间",
            "The window it is in",
        ),
        one("delivery", "Delivery", "deliveryId", "deliveryId", "推送", "The delivery"),
        one("decision", "Decision", "decisionId", "decisionId", "决定", "The decision"),
    ),
)

RECONCILIATION_RUN = entity(
    "ReconciliationRun",
    "reconciliationRuns",
    "一次对账：何时，比较了多少，仍有多少不符。",
    "One reconciliation: when, how much it compared, how much stood open after it.",
    key="runId",
    orders=("endedAt", "runId"),
    fields=(
        item("runId", "对账编号", "Run's id"),
        code(
            "extent",
            "全部或新增",
            "Everything, or what is new",
            codes.RECONCILIATION_EXTENT,
        ),
        item(
            "since",
            "登记簿、已发日志、回执自何时起",
            "Register, sent log and receipts from then on",
            Kind.DATETIME,
        ),
        item("beganAt", "开始时间", "Began at", Kind.DATETIME),
        item("endedAt", "结束时间", "Ended at", Kind.DATETIME),
        item("records", "读到的记录", "Records read", Kind.INTEGER),
        item("windows", "比较的区间", "Windows compared", Kind.INTEGER),
        item(
            "differences",
            "结束时未了结的不符",
            "Differences that stood open when it ended",
            Kind.INTEGER,
        ),
    ),
)
