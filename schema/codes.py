"""The code lists of the graph, each value with its Chinese label first."""

from __future__ import annotations

from zhitong.schema.declare import codes

POWER_TYPE = codes(
    "PowerType",
    "权力类型（十类）",
    "Kind of power in the list of powers: ten kinds, wider than the act types",
    LICENCE=("行政许可", "Licence"),
    PENALTY=("行政处罚", "Penalty"),
    COERCION=("行政强制", "Coercion"),
    LEVY=("行政征收", "Levy"),
    PAYMENT=("行政给付", "Payment"),
    INSPECTION=("行政检查", "Inspection"),
    CONFIRMATION=("行政确认", "Confirmation"),
    REWARD=("行政奖励", "Reward"),
    RULING=("行政裁决", "Ruling"),
    OTHER=("其他权力", "Other power"),
)

ACT_TYPE = codes(
    "ActType",
    "行政执法行为类别（九类）",
    "Kind of enforcement act: the nine of the rule on yearly statistics",
    LICENCE=("行政许可", "Licence"),
    PENALTY=("行政处罚", "Penalty"),
    COERCION=("行政强制", "Coercion"),
    LEVY=("行政征收", "Levy"),
    REQUISITION=("行政征用", "Requisition"),
    PAYMENT=("行政给付", "Payment"),
    CONFIRMATION=("行政确认", "Confirmation"),
    RULING=("行政裁决", "Ruling"),
    INSPECTION=("行政检查", "Inspection"),
)

SUBJECT_KIND = codes(
    "SubjectKind",
    "执法主体类别",
    "How an enforcement subject has its power",
    STATUTORY=("法定行政机关", "Statutory agency"),
    AUTHORISED=("法律法规授权组织", "Organisation authorised by law"),
    ENTRUSTED=("受委托组织", "Entrusted organisation"),
)

LEVEL = codes(
    "Level",
    "层级",
    "Level of government",
    PROVINCE=("省级", "Province"),
    CITY=("市级", "City"),
    COUNTY=("县级", "County"),
    TOWNSHIP=("乡级", "Township"),
)

STAFF_KIND = codes(
    "StaffKind",
    "人员类别",
    "Whether a person may sign: officers may, auxiliaries may not",
    OFFICER=("行政执法人员", "Enforcement officer"),
    AUXILIARY=("行政执法辅助人员（协管员）", "Auxiliary"),
)

VALIDITY = codes(
    "Validity",
    "效力状态",
    "Whether a register entry is in force",
    IN_FORCE=("有效", "In force"),
    SUSPENDED=("暂停", "Suspended"),
    CANCELLED=("注销", "Cancelled"),
    REVOKED=("撤销或吊销", "Revoked"),
    EXPIRED=("过期", "Expired"),
)

COUNTERPARTY_KIND = codes(
    "CounterpartyKind",
    "行政相对人类别",
    "Kind of counterparty, the three of the double-publicity standard",
    LEGAL_PERSON=("法人及非法人组织", "Legal person or unincorporated organisation"),
    INDIVIDUAL_BUSINESS=("个体工商户", "Individual business"),
    NATURAL_PERSON=("自然人", "Natural person"),
)

BUSINESS_STATUS = codes(
    "BusinessStatus",
    "登记状态",
    "Status in the market regulator's register",
    OPERATING=("存续（在营、开业、在册）", "Operating"),
    SUSPENDED=("歇业", "Suspended"),
    REVOKED=("吊销", "Licence revoked"),
    DEREGISTERED=("注销", "Deregistered"),
    MOVED_OUT=("迁出", "Moved out"),
)

LICENCE_KIND = codes(
    "LicenceKind",
    "许可类别",
    "Kind of licence (XK_XKLB)",
    ORDINARY=("普通", "Ordinary"),
    CONCESSION=("特许", "Concession"),
    ACCREDITATION=("认可", "Accreditation"),
    APPROVAL=("核准", "Approval"),
    REGISTRATION=("登记", "Registration"),
    OTHER=("其他", "Other"),
)

LISTING_KIND = codes(
    "ListingKind",
    "名单类别",
    "Kind of credit list",
    SERIOUS_DISHONESTY=("严重失信主体名单", "Serious dishonesty list (the blacklist)"),
    ABNORMAL_OPERATION=("经营异常名录", "Abnormal operation list"),
    DISHONEST_JUDGMENT_DEBTOR=("失信被执行人", "Dishonest judgment debtor"),
    KEY_ATTENTION=("重点关注名单", "Key attention list"),
)

LISTING_STATUS = codes(
    "ListingStatus",
    "列入状态",
    "Whether a listing stands",
    LISTED=("在列", "Listed"),
    REMOVED=("已移出", "Removed"),
    UNDER_OBJECTION=("异议中", "Under objection"),
)

REPAIR_KIND = codes(
    "RepairKind",
    "申请类别",
    "What is asked of the credit office",
    REPAIR=("信用修复", "Credit repair"),
    OBJECTION=("异议", "Objection"),
)

REPAIR_STATUS = codes(
    "RepairStatus",
    "办理状态",
    "Where a repair or objection stands",
    APPLIED=("已申请", "Applied"),
    ACCEPTED=("已受理", "Accepted"),
    GRANTED=("准予", "Granted"),
    REFUSED=("不予", "Refused"),
    WITHDRAWN=("撤回", "Withdrawn"),
)

CASE_STATUS = codes(
    "CaseStatus",
    "案件状态",
    "Where a case stands",
    FILED=("已立案", "Filed"),
    INVESTIGATING=("调查取证", "Investigating"),
    UNDER_REVIEW=("法制审核", "Under legal review"),
    DECIDED=("已决定", "Decided"),
    CLOSED=("已结案", "Closed"),
    DISMISSED=("撤销案件", "Dismissed"),
    TRANSFERRED=("移送", "Transferred"),
)

CASE_ORIGIN = codes(
    "CaseOrigin",
    "案件来源",
    "What a case came from",
    INSPECTION=("监督检查", "Inspection"),
    COMPLAINT=("投诉举报", "Complaint or report"),
    ASSIGNED=("上级交办", "Assigned from above"),
    TRANSFERRED=("其他机关移送", "Transferred from another body"),
    MONITORING=("监测预警", "Monitoring alert"),
    OTHER=("其他", "Other"),
)

INSPECTION_KIND = codes(
    "InspectionKind",
    "检查方式",
    "How an inspection came about",
    RANDOM=("双随机抽查", "Double-random"),
    KEY=("重点检查", "Key supervision"),
    SPECIAL=("专项检查", "Special campaign"),
    DAILY=("日常检查", "Daily"),
    COMPLAINT=("投诉举报核查", "On a complaint"),
)

INSPECTION_RESULT = codes(
    "InspectionResult",
    "检查结果",
    "What an inspection found",
    NO_PROBLEM=("未发现问题", "No problem found"),
    CORRECTED=("责令改正后合格", "Corrected on order"),
    ORDERED=("责令限期改正", "Ordered to correct"),
    CASE_FILED=("立案查处", "Case filed"),
    NOT_FOUND=("查无下落", "Could not be found"),
)
