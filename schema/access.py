"""What the platform itself keeps of looks: the access record."""

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
        pages(
            "accessLooks",
            "AccessLook",
            "recordId",
            "recordId",
            "逐个来源的查阅",
            "What it looked at, source by source",
        ),
    ),
)

ACCESS_LOOK = entity(
    "AccessLook",
    "accessLooks",
    "查阅明细：一次调阅对一个来源的一类数据看了什么。",
    "What one entry of the access register looked at of one type of one source.",
    key="lookId",
    orders=("at", "lookId"),
    dated="at",
    groupings=(
        by("UNIT", "unit", "查阅单位", "Unit that looked"),
        by("PERSON", "person", "经办人", "Person"),
        by("PURPOSE", "purpose", "目的", "Purpose"),
        by("CAUSE", "cause", "事由", "Cause"),
        by("DAY", "day", "日期", "Day"),
        by_month("at", "月份", "Month"),
        by("TYPE", "dataType", "数据类型", "Type of data"),
        by("OWNER", "owner", "数源单位", "Whose data"),
        by("KIND", "requesterKind", "调阅主体类别", "Requester kind"),
        by("PROTECTION", "protection", "是否受保护", "Whether protected"),
    ),
    fields=(
        item("lookId", "明细编号", "Id of the look", sharing=CONDITIONAL),
        item("recordId", "登记编号", "Record id", sharing=CONDITIONAL),
        item("at", "时间", "When", Kind.DATETIME, CONDITIONAL),
        item(
            "day",
            "日期（城市时间）",
            "Day, by the city's clock",
            Kind.DATE,
            CONDITIONAL,
        ),
        item("requesterKind", "调阅主体类别", "Requester kind", sharing=CONDITIONAL),
        item("unit", "单位代码", "Unit's code", Kind.CREDIT_CODE, CONDITIONAL),
        item("unitName", "单位名称", "Unit's name", sharing=CONDITIONAL, named=True),
        item("person", "经办人", "Person", sharing=CONDITIONAL),
        item("purpose", "目的", "Purpose", sharing=CONDITIONAL),
        item("basis", "依据", "Legal basis", sharing=CONDITIONAL, named=True),
        item("cause", "事由（案件）", "The case that caused it", sharing=CONDITIONAL),
        item("dataType", "数据类型", "Type of data", sharing=CONDITIONAL),
        item("dataSource", "来源系统", "Source", sharing=CONDITIONAL),
        item("owner", "数源单位代码", "Whose data", Kind.CREDIT_CODE, CONDITIONAL),
        item(
            "concerned",
            "相关单位：查阅单位和数源单位",
            "Units concerned: who looked, and whose data",
            Kind.TEXTS,
            CONDITIONAL,
        ),
        item(
            "fields",
            "所看数据项及裁定",
            "Fields looked at, and under which verdict",
            Kind.TEXTS,
            CONDITIONAL,
        ),
        item("rows", "记录条数", "Rows seen", Kind.INTEGER, CONDITIONAL),
        code(
            "protection",
            "该次调阅是否看了受保护的数据",
            "Whether that question looked at protected data",
            codes.LOOK_PROTECTION,
            CONDITIONAL,
        ),
    ),
    relations=(
        one("record", "AccessRecord", "recordId", "recordId", "调阅登记", "The record"),
    ),
)
