"""The code lists of the graph, each value with its Chinese label first."""

from __future__ import annotations

from zhitong.rules.reconciliation import MEANINGS
from zhitong.schema.declare import closed, codes

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

CHANGE = codes(
    "Change",
    "版本性质",
    "What a version of a decision is",
    RECORDED=("登记", "Recorded"),
    CORRECTED=("更正", "Corrected"),
    WITHDRAWN=("撤销", "Withdrawn"),
    ANNOTATED=(
        "标注：没有新的版本，决定另有修复、异议、移出、删除（只见于推送）",
        "Annotated: no version, but what happened to it (of deliveries alone)",
    ),
)

DECISION_ORIGIN = codes(
    "DecisionOrigin",
    "决定来历",
    "Whether a decision came through the platform",
    PLATFORM=("经平台登记并推送", "Recorded and delivered by the platform"),
    HISTORY=("平台启用前已推送", "Delivered before the platform began"),
)

PROCEDURE = codes(
    "Procedure",
    "办案程序",
    "Procedure of a penalty",
    SIMPLE=("简易程序", "Simple"),
    ORDINARY=("普通程序", "Ordinary"),
    EXPEDITED=("快速办理", "Expedited"),
)

REVIEW_OPINION = codes(
    "ReviewOpinion",
    "法制审核意见",
    "Opinion of the legal review",
    AGREE=("同意", "Agrees"),
    NOT_TO_DECIDE=("建议不作决定", "Advises against deciding"),
    CORRECT=("要求纠正", "Asks for corrections"),
    RETURN=("退回补充", "Returns it for more"),
    TRANSFER=("移送", "Asks for a transfer"),
)

PROCEEDING_KIND = codes(
    "ProceedingKind",
    "复议或诉讼",
    "Before whom a case is disputed",
    RECONSIDERATION=("行政复议", "Administrative reconsideration"),
    LITIGATION=("行政诉讼", "Administrative litigation"),
)

GRANT_STATE = codes(
    "GrantState",
    "授权状态",
    "Where an application for a grant is",
    APPLIED=("已申请，待形式审查", "Applied for; the form is to be reviewed"),
    INCOMPLETE=("已一次性告知，待补正", "Told once what is missing"),
    REVIEWED=("形式审查通过，待数源部门答复", "The owner is to reply"),
    AGREED=("已同意，待提供", "Agreed; the data are to be provided"),
    IN_FORCE=("生效", "In force"),
    REFUSED=("不同意", "Refused, with a reason"),
    DISPUTED=("争议处理中", "Disputed; the data authority settles it"),
    WITHDRAWN=("申请方撤回", "Withdrawn by the applicant"),
    REVOKED=("已收回", "Revoked"),
    EXPIRED=("已到期", "Run out"),
)

GRANT_KIND = codes(
    "GrantKind",
    "授权类别",
    "What sort of grant it is",
    SHARING=("共享授权", "A sharing grant"),
    BREAK_GLASS=("紧急调阅", "Break-glass: an emergency"),
)

GRANT_MODE = codes(
    "GrantMode",
    "共享方式",
    "How the data are shared",
    INTERFACE=("服务接口", "By an interface"),
    BATCH=("批量交换", "In batches"),
    FILE=("文件下载", "As a file"),
)

GRANT_SHARING = codes(
    "GrantSharing",
    "共享属性",
    "Whether any of the items is shared on condition",
    UNCONDITIONAL=("均为无条件共享", "All unconditionally"),
    CONDITIONAL=("含有条件共享", "Some on condition"),
)

GRANT_GIVING = codes(
    "GrantGiving",
    "给出形式",
    "How the values are given",
    WHOLE=("原值", "Whole"),
    MASKED=("脱敏", "Masked"),
)

GRANT_EXTENT = codes(
    "GrantExtent",
    "行的范围",
    "Which rows it is for",
    ALL=("全部", "All"),
    OWN_CASE=("仅查阅事由所写的案件", "Those of the case that is asked for"),
)

GRANT_DUTY = codes(
    "GrantDuty",
    "待办环节",
    "What is due next",
    REVIEW=("数据主管部门形式审查", "The data authority reviews the form"),
    SUPPLEMENT=("申请单位补正", "The applicant adds what is missing"),
    REPLY=("数源部门答复", "The owner replies"),
    PROVIDE=("数源部门提供数据", "The owner provides the data"),
    SETTLE=("数据主管部门处理争议", "The data authority settles the dispute"),
    REVIEW_USE=("复核紧急调阅", "The emergency's use is reviewed"),
)

GRANT_LATENESS = codes(
    "GrantLateness",
    "是否逾期",
    "Whether what is due is late",
    IN_TIME=("未到期限", "In time"),
    PROVISIONAL=("未到期限，期限暂定", "In time; the date is provisional"),
    LATE=("已逾期", "Late"),
)

GRANT_USE_REVIEW = codes(
    "GrantUseReview",
    "紧急调阅复核结论",
    "What the review of an emergency's use found",
    JUSTIFIED=("有正当理由", "Justified"),
    NOT_JUSTIFIED=("无正当理由", "Not justified"),
)

PENALTY_KIND = closed(
    "PenaltyKind",
    "行政处罚种类",
    "Kind of penalty, as in article 9 of the Law on Administrative Penalties",
    WARNING=("警告", "Warning"),
    CRITICISM=("通报批评", "Circulated criticism"),
    FINE=("罚款", "Fine"),
    CONFISCATED_GAINS=("没收违法所得", "Unlawful gains confiscated"),
    CONFISCATED_GOODS=("没收非法财物", "Unlawful goods confiscated"),
    LICENCE_SUSPENDED=("暂扣许可证件", "Licence suspended"),
    QUALIFICATION_LOWERED=("降低资质等级", "Grade of qualification lowered"),
    LICENCE_REVOKED=("吊销许可证件", "Licence revoked"),
    BUSINESS_RESTRICTED=("限制开展生产经营活动", "Business restricted"),
    PRODUCTION_SUSPENDED=("责令停产停业", "Production or business suspended"),
    CLOSURE_ORDERED=("责令关闭", "Closure ordered"),
    OCCUPATION_RESTRICTED=("限制从业", "Occupation restricted"),
    DETENTION=("行政拘留", "Administrative detention"),
    OTHER=("法律、行政法规规定的其他行政处罚", "Other, as a law provides"),
)

ID_KIND = closed(
    "IdKind",
    "证件类型",
    "Kind of a person's ID",
    RESIDENT_ID=("居民身份证", "Resident ID card"),
    PASSPORT=("护照", "Passport"),
    HK_MACAO_PERMIT=("港澳居民来往内地通行证", "Hong Kong and Macao permit"),
    TAIWAN_PERMIT=("台湾居民来往大陆通行证", "Taiwan permit"),
    FOREIGN_PERMANENT_RESIDENT=(
        "外国人永久居留身份证",
        "Permanent residence ID card of a foreigner",
    ),
    OTHER=("其他证件", "Other"),
)

SEVERITY = codes(
    "Severity",
    "发现的程度",
    "How a finding weighs; none refuses a decision that was taken",
    BREACH=("违反规则", "A rule was broken"),
    DOUBT=("存疑", "Something does not fit together"),
    UNVERIFIED=("无法核验", "The register that could tell did not answer"),
)

SIGNATURE_STATE = codes(
    "SignatureState",
    "签署是否成立",
    "What a bureau's signature was worth when its decision came",
    HOLDS=("成立", "It holds"),
    MALFORMED=("形式不对", "It is not of the form"),
    KEY_UNKNOWN=("密钥未为该机关登记", "Its key is not registered for the bureau"),
    KEY_RETIRED=("密钥已停用", "Its key was retired"),
    INVALID=("签名不成立", "It is not that of its key"),
    DIFFERS=("与决定不符", "It says other than the decision"),
)

DELIVERY_STATUS = codes(
    "DeliveryStatus",
    "推送状态",
    "Where a delivery stands",
    PENDING=("待发送", "Waits to be sent"),
    UNDELIVERED=(
        "久未送达：接收方积压过多，已报警",
        "Undelivered: too much waits for its receiver, and an alarm is on",
    ),
    SUSPENDED=("接收方暂停，待发送", "Its receiver is suspended; it waits"),
    PARKED=("同一案件有事件发不出去，待处理", "Waits behind one that cannot be sent"),
    SENT=("已发送，尚无回执", "Sent, no receipt yet"),
    HELD=("接收方已入库", "The receiver holds it"),
    REJECTED=("接收方拒收", "The receiver rejects it"),
    WAITING=("接收方在等前一版本", "The receiver waits for an earlier version"),
    BEFORE_PLATFORM=("平台启用前已推送", "Delivered before the platform began"),
)

DELIVERY_STANDING = codes(
    "DeliveryStanding",
    "推送效力",
    "Whether a delivery still counts",
    CURRENT=("接收方尚未入库更晚的版本", "Its receiver holds no later version"),
    SUPERSEDED=("接收方已入库更晚的版本", "Its receiver holds a later version"),
)

ANSWER = codes(
    "Answer",
    "回执结论",
    "What a receiver says of an event",
    HELD=("已入库", "Holds it"),
    REJECTED=("拒收", "Rejects it"),
    WAITING=("等待前一版本", "Waits for an earlier version"),
)

RECEIVER_STATUS = codes(
    "ReceiverStatus",
    "接收方状态",
    "Whether a receiver is being sent to",
    ACTIVE=("正常推送", "Is sent to"),
    SUSPENDED=("暂停推送", "Suspended: held, not sent"),
)

PRESSURE = codes(
    "Pressure",
    "积压程度",
    "How hard what waits for a receiver presses",
    NONE=("没有积压", "Nothing presses"),
    ALARM=("积压，已报警", "An alarm is on"),
    SLOWED=("积压，不急的工作已放缓", "What is not urgent waits"),
    UNDELIVERED=(
        "积压过多，新登记的决定标为未送达",
        "New decisions are marked undelivered",
    ),
)

RECONCILIATION_OUTCOME = codes(
    "ReconciliationOutcome",
    "对账答复",
    "What a receiver says of a window",
    UNSTATED=("尚未声明", "Not stated to it yet"),
    AWAITED=("已声明，等待答复", "Stated, not answered yet"),
    AGREES=("相符", "It has the same"),
    DIFFERS=("不符", "It has other events"),
    BEHIND=("尚未读到", "It has not read so far yet"),
    VOID=("主题已重建，不再计入", "Its topic was made again: it does not count"),
)

DIFFERENCE_KIND = codes(
    "DifferenceKind",
    "对账不符的种类",
    "What a reconciliation found wrong",
    **{kind: (said.zh, said.en) for kind, said in MEANINGS.items()},
)

DIFFERENCE_STATE = codes(
    "DifferenceState",
    "对账不符是否了结",
    "Whether a difference is settled",
    OPEN=("未了结", "It stands open"),
    SETTLED=("已了结：后来看到已补上", "Settled: it was seen to be put right"),
)

RECONCILIATION_EXTENT = codes(
    "ReconciliationExtent",
    "对账范围",
    "How much a reconciliation compared",
    WHOLE=("全部", "Everything"),
    FRESH=("新增和有变化的", "What is new or has changed"),
)

WORK_KIND = codes(
    "WorkKind",
    "待办的种类",
    "Why there is something to do",
    REJECTED=("接收方拒收，待更正", "A receiver rejects it: to be mended"),
    UNACKNOWLEDGED=(
        "更正、撤销或标注逾期没有答复，待催办",
        "A correction, withdrawal or annotation was not answered in time",
    ),
    UNTOLD=("标注送不到，待告知", "No event can tell the receiver: somebody is to"),
)

WORK_STATE = codes(
    "WorkState",
    "待办的状态",
    "How an item of work stands",
    OPEN=("待办", "To be done"),
    LATE=("逾期", "Its time is over"),
    DONE=("已了结", "Done"),
)

WORK_OCCASION = codes(
    "WorkOccasion",
    "待办的起因",
    "What an item of work is about",
    RECORDED=("登记", "A decision recorded"),
    CORRECTED=("更正", "A correction"),
    WITHDRAWN=("撤销", "A withdrawal"),
    UNLISTED=("移出名单", "Removed from a list"),
    REPAIRED=("信用修复", "Credit repaired"),
    REPAIR_REVOKED=("撤销修复", "A repair revoked"),
    OBJECTED=("提出异议", "An objection raised"),
    OBJECTION_UPHELD=("异议成立", "An objection upheld"),
    OBJECTION_REJECTED=("异议不成立", "An objection rejected"),
    ERASED=("依法删除", "A person erased by law"),
)

WORK_END = codes(
    "WorkEnd",
    "待办因何了结",
    "What ended an item of work",
    RECEIPT=("该事件的回执", "The event's own receipt"),
    VERSION=("接收方已入库更晚的版本", "The receiver holds a later version"),
    DEED=("操作员写明", "An operator's word"),
)

DUE_CERTAINTY = codes(
    "DueCertainty",
    "期限是否确定",
    "Whether a due day is certain",
    KNOWN=("确定", "Certain"),
    PROVISIONAL=(
        "暂定：放假安排尚未公布",
        "Provisional: days off are not published yet",
    ),
)

CLOCK_STATE = codes(
    "ClockState",
    "时钟的状态",
    "How a clock stands",
    RUNNING=("未到期", "Running"),
    SOON=("将到期", "Due soon"),
    LATE=("逾期，还没有做到", "Late, and not done"),
    DONE=("按期做到", "Done in time"),
    DONE_LATE=("逾期做到", "Done late"),
    LAPSED=("不再需要", "Nothing is left to do"),
    LAPSED_LATE=("不再需要时已经逾期", "Nothing is left to do; it was late by then"),
)

CLOCK_END = codes(
    "ClockEnd",
    "时钟因何了结",
    "What ended a clock",
    HELD=("接收方已收存", "The receiver holds it"),
    WITHDRAWN=("决定已撤回", "The decision was withdrawn"),
    SHOWN=("已公示", "It was shown"),
    DECLINED=("审核认定不予公示", "The review found that it is not to be shown"),
)

PUBLICATION_STAGE = codes(
    "PublicationStage",
    "公示的环节",
    "Where a publication is",
    COLLECTED=("已采集，待传递", "Collected, to be handed on"),
    TRANSMITTED=("已传递，待审核", "Handed on, to be reviewed"),
    RETURNED=("已退回，待重新采集", "Returned, to be collected anew"),
    REVIEWED=("已审核，待发布", "Reviewed, to be released"),
    DECLINED=("不予公示", "Not to be shown"),
    RELEASED=("已发布", "Released"),
    PULLED=("公示有误，已撤下", "Pulled: it was wrong"),
    WITHDRAWN=("已从其他系统撤回", "Withdrawn from a channel of others"),
    TAKEN_DOWN=("期满，已从其他系统撤下", "Taken down from a channel of others"),
)

PUBLICATION_STANDING = codes(
    "PublicationStanding",
    "公示状态",
    "How a publication stands",
    NOT_SHOWN=("未公示", "Not shown"),
    PUBLISHED=("公示中", "Shown"),
    CORRECTING=(
        "已更正，更正后的正在办理公示",
        "Corrected; the new version is on its way",
    ),
    WITHDRAWN=(
        "决定已撤销，已撤回公示",
        "The decision was withdrawn, and this with it",
    ),
    TAKEN_DOWN=("公示期满或已修复，已撤下", "Its time is over, or it was repaired"),
    TO_WITHDRAW=("应从其他系统撤回", "To be withdrawn from a channel of others"),
    TO_TAKE_DOWN=("应从其他系统撤下", "To be taken down from a channel of others"),
)

CREDIT_NOTICE_KIND = codes(
    "CreditNoticeKind",
    "信用来函的种类",
    "What a credit notice tells of",
    LISTING=("列入、移出名单", "Entered in a list, or removed from it"),
    REPAIR=("信用修复", "Credit repair"),
    OBJECTION=("异议", "An objection"),
)

CREDIT_NOTICE_STATUS = codes(
    "CreditNoticeStatus",
    "信用来函的状态",
    "How what a credit notice tells of stands",
    ENTERED=("已列入", "Entered"),
    REMOVED=("已移出", "Removed"),
    GRANTED=("已修复", "Repair granted"),
    REVOKED=("修复已撤销", "Repair revoked"),
    RAISED=("异议办理中", "Objection raised"),
    UPHELD=("异议成立", "Objection upheld"),
    REJECTED=("异议不成立", "Objection rejected"),
)

SUPERVISION_DOCUMENT = codes(
    "SupervisionDocument",
    "监督文书的种类",
    "Kind of a document of supervision",
    NOTICE=("通知书", "Notice"),
    OPINION=("意见书", "Opinion"),
    DECISION=("决定书", "Decision"),
)

LOOK_PROTECTION = codes(
    "LookProtection",
    "查阅是否受保护",
    "Whether a look waited for its record",
    PROTECTED=("含受保护的数据", "Protected data"),
    PUBLIC=("只有无条件共享的数据", "Unconditional data alone"),
)
