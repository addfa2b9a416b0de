"""What the credit system and the provincial platform told us, as it stands now."""

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
    stated_counterparty,
    to_counterparty,
    to_subject,
)
from zhitong.types import Kind

CREDIT_NOTICE = entity(
    "CreditNotice",
    "creditNotices",
    "信用来函：信用系统推来的列入、修复、异议，各以最近一次所说的为准。",
    "A listing, repair or objection that the credit system told us of, as told last.",
    key="noticeId",
    orders=("changedAt", "noticeId"),
    groupings=(
        by("KIND", "kind", "种类", "Kind"),
        by("STATUS", "status", "状态", "Status"),
        by_month("changedAt", "收到月份", "Month it came in"),
    ),
    fields=(
        item("noticeId", "来函编号", "Notice's id"),
        code("kind", "种类", "What it tells of", codes.CREDIT_NOTICE_KIND),
        code("status", "状态", "How it stands", codes.CREDIT_NOTICE_STATUS),
        item("number", "对方编号", "The sender's number of it"),
        item("version", "对方版本", "The sender's version of it", Kind.INTEGER),
        item("sender", "发送方", "Sender's name"),
        item("listingNo", "列入编号", "Number of the listing"),
        item("decisionId", "决定编号", "Decision's id"),
        *stated_counterparty("主体"),
        item("decidedBy", "决定机关", "Who decided it", named=True),
        item("documentNo", "文书号", "Number of the document"),
        item("reason", "事由", "Reason", free=True),
        item("basis", "依据", "Legal basis", named=True),
        item("occurredOn", "日期", "Day of it", Kind.DATE),
        item("endsOn", "应移出日期", "Ends by itself on", Kind.DATE),
        item("changedAt", "收到时间", "Came in at", Kind.DATETIME),
    ),
    relations=(
        one("decision", "Decision", "decisionId", "decisionId", "决定", "The decision"),
        to_counterparty(),
        one(
            "listing",
            "CreditListing",
            "listingNo",
            "listingNo",
            "信用办的列入记录",
            "The credit office's own entry",
        ),
    ),
)

SUPERVISION_NOTICE = entity(
    "SupervisionNotice",
    "supervisionNotices",
    "监督来函：省级行政执法监督平台推来的监督通知书、意见书、决定书。",
    "A notice, opinion or decision of supervision that the provincial platform sent.",
    key="noticeId",
    orders=("changedAt", "noticeId"),
    groupings=(
        by("SUBJECT", "subjectCode", "被监督机关", "Agency"),
        by("DOCUMENT", "document", "文书种类", "Kind of document"),
        by_month("changedAt", "收到月份", "Month it came in"),
    ),
    fields=(
        item("noticeId", "来函编号", "Notice's id"),
        item("number", "对方编号", "The sender's number of it"),
        item("version", "对方版本", "The sender's version of it", Kind.INTEGER),
        item("sender", "发送方", "Sender's name"),
        code("document", "文书种类", "Kind of document", codes.SUPERVISION_DOCUMENT),
        item("subjectCode", "被监督机关代码", "Agency's code", Kind.CREDIT_CODE),
        item("decisionId", "决定编号", "Decision's id"),
        item("documentNo", "文书号", "Number of the document"),
        item("issuedBy", "监督机构", "Supervision body", named=True),
        item(
            "content",
            "内容和要求",
            "What it says and demands",
            sharing=CONDITIONAL,
            free=True,
        ),
        item("basis", "依据", "Legal basis", named=True),
        item("issuedOn", "出具日期", "Issued on", Kind.DATE),
        item("dueOn", "要求完成日期", "Due on", Kind.DATE),
        item("changedAt", "收到时间", "Came in at", Kind.DATETIME),
    ),
    relations=(
        to_subject("被监督机关", "The agency"),
        one("decision", "Decision", "decisionId", "decisionId", "决定", "The decision"),
    ),
)
