"""What case systems keep: cases and inspections, from many departments."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import (
    CONDITIONAL,
    WITHHELD,
    code,
    entity,
    item,
    one,
    pages,
    stated_counterparty,
    to_counterparty,
    to_officers,
    to_subject,
)
from zhitong.types import Kind, MaskKind

CASE = entity(
    "CaseRecord",
    "caseRecords",
    "行政执法案件，来自各部门、各区县的办案系统。",
    "An enforcement case, from any department's or county's case system.",
    key="caseId",
    orders=("filedOn", "decidedOn", "fine", "caseId"),
    search="counterpartyName",
    fields=(
        item("caseId", "来源系统内编号", "Number within its system"),
        item("caseNo", "案件编号（立案号）", "Case number"),
        item("title", "案由", "What the case is about"),
        code("actType", "执法行为类别", "Kind of act", codes.ACT_TYPE),
        code("status", "案件状态", "Status", codes.CASE_STATUS),
        code("origin", "案件来源", "What it came from", codes.CASE_ORIGIN),
        item("subjectCode", "执法主体代码", "Subject's code", Kind.CREDIT_CODE),
        item("subjectName", "执法主体名称", "Subject's name as stated"),
        item("matterCode", "权责事项编码", "Matter code"),
        item("division", "案发地行政区划代码", "Division code", Kind.DIVISION),
        *stated_counterparty("相对人"),
        code("counterpartyKind", "相对人类别", "Its kind", codes.COUNTERPARTY_KIND),
        item(
            "counterpartyIdNumber",
            "相对人证件号码",
            "ID number of a natural person",
            sharing=WITHHELD,
            mask=MaskKind.ID_NUMBER,
        ),
        item(
            "contactPhone",
            "当事人联系电话",
            "Party's telephone",
            sharing=CONDITIONAL,
            mask=MaskKind.PHONE,
        ),
        item(
            "place",
            "案发地点",
            "Where it happened",
            sharing=CONDITIONAL,
            mask=MaskKind.ADDRESS,
        ),
        item("filedOn", "立案日期", "Filed on", Kind.DATE),
        item("decidedOn", "决定日期", "Decided on", Kind.DATE),
        item("closedOn", "结案日期", "Closed on", Kind.DATE),
        item("documentNo", "决定书文号", "Number of the decision, as written"),
        item("facts", "违法事实", "Facts", sharing=CONDITIONAL),
        item("legalBasis", "处罚依据", "Legal basis"),
        item("result", "决定内容", "What was decided"),
        item("fine", "罚款金额（元）", "Fine in yuan", Kind.MONEY),
        item(
            "officerCertificates",
            "承办人员执法证号",
            "Certificates of the officers",
            Kind.TEXTS,
        ),
    ),
    relations=(
        to_subject(),
        one("matter", "Matter", "matterCode", "code", "权责事项", "Matter"),
        to_counterparty(),
        to_officers("承办执法人员", "Officers on the case"),
        pages(
            "inspections",
            "Inspection",
            "caseNo",
            "caseNo",
            "来源检查",
            "Inspections it came from",
        ),
    ),
)

INSPECTION = entity(
    "Inspection",
    "inspections",
    "行政检查。",
    "An inspection.",
    key="inspectionNo",
    orders=("inspectedOn", "inspectionNo"),
    fields=(
        item("inspectionNo", "检查编号", "Number"),
        code("kind", "检查方式", "How it came about", codes.INSPECTION_KIND),
        item("planNo", "检查计划编号", "Number of the plan"),
        item("subjectCode", "检查机关代码", "Subject's code", Kind.CREDIT_CODE),
        item("division", "检查地行政区划代码", "Division code", Kind.DIVISION),
        *stated_counterparty("检查对象"),
        item("inspectedOn", "检查日期", "Inspected on", Kind.DATE),
        code("result", "检查结果", "Result", codes.INSPECTION_RESULT),
        item("problems", "发现的问题", "Problems found", sharing=CONDITIONAL),
        item("caseNo", "关联案件编号", "Number of the case it led to"),
        item(
            "officerCertificates",
            "检查人员执法证号",
            "Certificates of the officers",
            Kind.TEXTS,
        ),
    ),
    relations=(
        to_subject("检查机关", "Enforcement subject"),
        to_counterparty("检查对象"),
        to_officers("检查人员", "Officers"),
    ),
)
