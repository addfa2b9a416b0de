"""What the platform itself keeps of looks: the access record."""

from __future__ import annotations

from zhitong.schema.declare import CONDITIONAL, entity, item, pages
from zhitong.types import Kind

ACCESS_RECORD = entity(
    "AccessRecord",
    "accessRecords",
    "调阅登记：谁、何时、为何、看了什么。",
    "One entry of the access register: who looked, when, why, at what.",
    key="recordId",
    orders=("at", "recordId"),
    fields=(
        item("recordId", "登记编号", "Record id", sharing=CONDITIONAL),
        item("at", "时间", "When", Kind.DATETIME, CONDITIONAL),
        item("requesterKind", "调阅主体类别", "Requester kind", sharing=CONDITIONAL),
        item("unit", "单位代码", "Unit's code", Kind.CREDIT_CODE, CONDITIONAL),
        item("unitName", "单位名称", "Unit's name", sharing=CONDITIONAL, named=True),
        item("role", "角色", "Role", sharing=CONDITIONAL),
        item("client", "所用程序", "Program that asked", sharing=CONDITIONAL),
        item("tenant", "所属一方", "Tenant", sharing=CONDITIONAL),
        item("person", "经办人", "Person", sharing=CONDITIONAL),
        item("purpose", "目的", "Purpose", sharing=CONDITIONAL),
        item("basis", "依据", "Legal basis", sharing=CONDITIONAL, named=True),
        item("cause", "事由（案件）", "The case that caused it", sharing=CONDITIONAL),
        item(
            "papers",
            "凭据（种类与编号）",
            "Papers shown, by kind and number",
            Kind.TEXTS,
            CONDITIONAL,
        ),
        item("operation", "操作名", "Operation name", sharing=CONDITIONAL),
        item(
            "documentHash", "查询文档摘要", "Hash of the document", sharing=CONDITIONAL
        ),
        item("looks", "所看内容", "What was looked at", Kind.TEXTS, CONDITIONAL),
        item("rows", "记录条数", "Rows seen", Kind.INTEGER, CONDITIONAL),
        item(
            "restrictions",
            "未给出或脱敏的内容",
            "What was asked for and withheld or masked",
            Kind.TEXTS,
            CONDITIONAL,
        ),
        item("gaps", "缺失来源", "Sources that were missing", Kind.TEXTS, CONDITIONAL),
    ),
    relations=(
        pages(
            "findings",
            "Finding",
            "recordId",
            "recordId",
            "核验发现",
            "What rules say about the look",
        ),
    ),
)
