"""Reconsideration and litigation, as the platform keeps them beside the cases."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import CONDITIONAL, code, entity, item, pages
from zhitong.types import Kind

PROCEEDING = entity(
    "Proceeding",
    "proceedings",
    "行政复议或行政诉讼：针对一件案件，现行版本。",
    "A reconsideration or a lawsuit about a case, as it stands now.",
    key="proceedingId",
    orders=("openedOn", "proceedingId"),
    fields=(
        item(
            "proceedingId", "复议、诉讼标识", "Its kind and number", sharing=CONDITIONAL
        ),
        code("kind", "类别", "Before whom", codes.PROCEEDING_KIND, CONDITIONAL),
        item("number", "文号", "Number it was given", sharing=CONDITIONAL),
        item("version", "版本号", "Version", Kind.INTEGER, CONDITIONAL),
        item("caseNo", "案件编号（立案号）", "Number of the case", sharing=CONDITIONAL),
        item("openedOn", "受理日期", "Opened on", Kind.DATE, CONDITIONAL),
        item("closedOn", "终结日期", "Closed on", Kind.DATE, CONDITIONAL),
        item("outcome", "结果", "Outcome in words", sharing=CONDITIONAL, named=True),
        item(
            "recordedBy",
            "登记单位代码",
            "Unit that recorded it",
            Kind.CREDIT_CODE,
            CONDITIONAL,
        ),
        item("recordedAt", "登记时间", "Recorded at", Kind.DATETIME, CONDITIONAL),
    ),
    relations=(
        pages(
            "cases", "CaseRecord", "caseNo", "caseNo", "案件", "The case, in any system"
        ),
        pages(
            "decisions", "Decision", "caseNo", "caseNo", "决定", "Decisions in the case"
        ),
    ),
)
