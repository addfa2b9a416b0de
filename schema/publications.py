"""What is shown of decisions by people: on the bureau's own site, and elsewhere."""

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
    to_subject,
)
from zhitong.types import Kind

PUBLICATION = entity(
    "Publication",
    "publications",
    "公示：一件决定在一个由人员公示的渠道怎样公示；内容只在公示期间给出，"
    "撤回、更正中的只给出文号和说明，审核认定不宜公开的项目不给。",
    "How a decision is shown in a channel that people publish in. Its content is given "
    "while it is shown; of what was withdrawn or is being corrected, number and "
    "explanation; what the collector withheld, never.",
    key="publicationId",
    orders=("steppedAt", "publicationId"),
    place="division",
    groupings=(
        by("CHANNEL", "channel", "渠道", "Channel"),
        by("STAGE", "stage", "环节", "Where it is"),
        by("STANDING", "standing", "公示状态", "How it stands"),
        by("ACT_TYPE", "actType", "行为类别", "Kind of act"),
        by("SUBJECT", "subjectCode", "执法主体", "Enforcement subject"),
        by_month("shownAt", "公示月份", "Month it was shown in"),
    ),
    fields=(
        item("publicationId", "公示编号", "Its id"),
        item("channel", "渠道", "Channel"),
        item("decisionId", "决定编号", "Decision's id"),
        code(
            "standing",
            "公示状态，按今天（北京时间）",
            "How it stands today",
            codes.PUBLICATION_STANDING,
        ),
        item("shownVersion", "公示的决定版本", "Version that is shown", Kind.INTEGER),
        item("shownAt", "本版本公示时间", "This version shown since", Kind.DATETIME),
        item("firstAt", "首次公示时间", "First shown at", Kind.DATETIME),
        item("downOn", "公示至（含）", "Last day it is shown", Kind.DATE),
        item("reference", "在其他系统公示的位置", "Where others show it", free=True),
        code("stage", "环节", "Where it is", codes.PUBLICATION_STAGE, CONDITIONAL),
        item(
            "version",
            "办理中的决定版本",
            "Version that goes through",
            Kind.INTEGER,
            CONDITIONAL,
        ),
        item("steppedAt", "最近一步的时间", "Last step taken at", Kind.DATETIME),
        item(
            "withheld",
            "不公示的项目",
            "Fields that are not shown",
            Kind.TEXTS,
            CONDITIONAL,
        ),
        item(
            "stepReason",
            "最近一步的理由",
            "Reason of the last step",
            sharing=CONDITIONAL,
            free=True,
        ),
        item("decisionVersion", "决定的现行版本", "Present version", Kind.INTEGER),
        code("change", "决定现行版本的性质", "What that version is", codes.CHANGE),
        item(
            "undoneBecause",
            "撤回、更正的说明",
            "Why it was withdrawn or corrected",
            free=True,
        ),
        item("subjectCode", "执法主体代码", "Subject's code", Kind.CREDIT_CODE),
        item("subjectName", "执法主体名称", "Subject's name as stated", named=True),
        code("actType", "执法行为类别", "Kind of act", codes.ACT_TYPE),
        item("documentNo", "决定书文号", "Number of the decision, as written"),
        item("documentTitle", "决定书名称", "Title of the document", free=True),
        item("decidedOn", "决定日期", "Decided on", Kind.DATE),
        item("division", "案发地行政区划代码", "Division code", Kind.DIVISION),
        item("matterCode", "权责事项编码", "Matter code"),
        item("title", "案由或项目名称", "What it is about", free=True),
        item("legalBasis", "依据", "Legal basis", named=True),
        item("result", "决定内容", "What was decided, in words", free=True),
        code("counterpartyKind", "相对人类别", "Its kind", codes.COUNTERPARTY_KIND),
        *stated_counterparty("相对人"),
        code("procedure", "办案程序", "Procedure of a penalty", codes.PROCEDURE),
        item(
            "penaltyKinds",
            "处罚种类，PenaltyKind 的值",
            "Kinds of penalty, values of PenaltyKind",
            Kind.TEXTS,
        ),
        item("violationType", "违法行为类型", "Type of violation", named=True),
        item("fine", "罚款金额（元）", "Fine in yuan", Kind.MONEY),
        item("confiscated", "没收金额（元）", "Confiscated, in yuan", Kind.MONEY),
        code("licenceKind", "许可类别", "Kind of licence", codes.LICENCE_KIND),
        item("certificateName", "许可证书名称", "Name of the certificate", named=True),
        item("validFrom", "有效期自", "Valid from", Kind.DATE),
        item("validTo", "有效期至，空为长期", "Valid to; for long without", Kind.DATE),
        item("caseSource", "办案系统（来源标识）", "Source that keeps the case"),
        item(
            "recordedBy",
            "登记决定的单位代码",
            "Unit that recorded the decision",
            Kind.CREDIT_CODE,
        ),
    ),
    relations=(
        to_subject(),
        one("decision", "Decision", "decisionId", "decisionId", "决定", "The decision"),
    ),
)
