"""The enums of the catalogue: attributes, grades, cycles, access, statuses."""

from __future__ import annotations

from zhitong.catalogue import ExchangeStatus
from zhitong.resolvers.catalogue import Access, Standing
from zhitong.schema.enums import enum_of
from zhitong.schema.protection import GRADES, SHARINGS
from zhitong.types import Cycle, Grade, Label, Sharing

SharingAttribute = enum_of(
    "SharingAttribute",
    Label("共享属性（国令第809号）", "Sharing attribute (Decree 809)"),
    {one.name: SHARINGS[one] for one in Sharing},
)
DataGrade = enum_of(
    "DataGrade",
    Label("分级（GB/T 43697-2024）", "Grade (GB/T 43697-2024)"),
    {one.name: GRADES[one] for one in Grade},
)
CYCLES = {
    Cycle.REALTIME: Label("实时", "As it happens"),
    Cycle.DAILY: Label("每日", "Daily"),
    Cycle.WEEKLY: Label("每周", "Weekly"),
    Cycle.MONTHLY: Label("每月", "Monthly"),
    Cycle.YEARLY: Label("每年", "Yearly"),
    Cycle.IRREGULAR: Label("不定期", "At no fixed time"),
}
UpdateCycle = enum_of(
    "UpdateCycle",
    Label("更新周期", "How often data are renewed"),
    {one.name: label for one, label in CYCLES.items()},
)
CatalogueStanding = enum_of(
    "CatalogueStanding",
    Label("是否主数源", "Whether it is its owner's lead source"),
    {
        Standing.LEAD: Label("主数源", "The lead source"),
        Standing.SECOND: Label(
            "同一数源部门另有主数源", "Another source of this owner leads"
        ),
        Standing.UNSETTLED: Label(
            "同一数源部门有几个来源，尚未指明主数源",
            "The owner has several sources and has named no single lead",
        ),
    },
)
CatalogueAccess = enum_of(
    "CatalogueAccess",
    Label("本次提问的调用方能看到什么", "What whoever asks is given"),
    {
        Access.ALLOW: Label("允许", "Whole"),
        Access.MASK: Label("脱敏", "Masked"),
        Access.ON_CONDITION: Label(
            "有条件：部分记录，或另须说明目的、出示凭据",
            "Some rows, or with a purpose or papers that were not stated",
        ),
        Access.BY_GRANT: Label("按生效的共享授权", "By a sharing grant in force"),
        Access.COUNTS: Label("只作统计", "For counting alone"),
        Access.DENY: Label("不给", "Nothing"),
    },
)
ExchangeState = enum_of(
    "ExchangeState",
    Label("在城市交换平台上的状态", "Status on the city's exchange platform"),
    {
        ExchangeStatus.NOT_REPORTED.name: Label("未上报", "Not reported"),
        ExchangeStatus.WAITING.name: Label("待审核", "Waiting"),
        ExchangeStatus.REJECTED_BY_ADMIN.name: Label(
            "管理员驳回", "Rejected by the administrator"
        ),
        ExchangeStatus.REJECTED_BY_STATE.name: Label(
            "国家平台驳回", "Rejected by the national platform"
        ),
        ExchangeStatus.REVOKED.name: Label("已撤销", "Revoked"),
        ExchangeStatus.PASSED.name: Label("审核通过", "Passed"),
        ExchangeStatus.REJECTED.name: Label("驳回", "Rejected"),
    },
)
