"""The registers: who enforces, by which power, against whom, who is licensed."""

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
    to_subject,
)
from zhitong.types import Kind, MaskKind

SUBJECT = entity(
    "EnforcementSubject",
    "enforcementSubjects",
    "执法主体：依法行使行政执法权的机关或组织。",
    "An agency or organisation with enforcement power, under its dated names.",
    key="code",
    lookup="code",
    orders=("code", "validFrom"),
    search="name",
    fields=(
        item("code", "统一社会信用代码", "Credit code", Kind.CREDIT_CODE),
        item("name", "主体名称", "Present name", named=True),
        item(
            "formerNames",
            "曾用名（机构改革前）",
            "Former names",
            Kind.TEXTS,
            named=True,
        ),
        code("kind", "主体类别", "How it has its power", codes.SUBJECT_KIND),
        code("level", "层级", "Level of government", codes.LEVEL),
        item("division", "行政区划代码", "Division code", Kind.DIVISION),
        item("parentCode", "主管机关代码", "Superior's code", Kind.CREDIT_CODE),
        item(
            "predecessorCode",
            "前身机关代码",
            "Code of the body it succeeded",
            Kind.CREDIT_CODE,
        ),
        item("delegatedBy", "委托机关代码", "Who delegated to it", Kind.CREDIT_CODE),
        item("validFrom", "主体资格起始", "Qualified since", Kind.DATE),
        item("validTo", "主体资格终止", "Qualified until", Kind.DATE),
        code("status", "资格状态", "Status of the qualification", codes.VALIDITY),
        item("complaintPhone", "监督电话", "Telephone for complaints", named=True),
    ),
    relations=(
        one(
            "parent", "EnforcementSubject", "parentCode", "code", "主管机关", "Superior"
        ),
        pages(
            "officers", "Officer", "code", "subjectCode", "执法人员名册", "Its roster"
        ),
        pages("matters", "Matter", "code", "subjectCode", "权责清单", "Its powers"),
        pages("cases", "CaseRecord", "code", "subjectCode", "案件", "Its cases"),
        pages(
            "inspections",
            "Inspection",
            "code",
            "subjectCode",
            "行政检查",
            "Its inspections",
        ),
        pages("licences", "Licence", "code", "subjectCode", "许可", "Its licences"),
        pages(
            "decisions", "Decision", "code", "subjectCode", "行政决定", "Its decisions"
        ),
        pages(
            "supervisionNotices",
            "SupervisionNotice",
            "code",
            "subjectCode",
            "监督来函",
            "What the supervision body sent about it",
        ),
    ),
)

OFFICER = entity(
    "Officer",
    "officers",
    "执法人员：持行政执法证件的人员；协管员单列，不得署名执法。",
    "A person with an enforcement certificate; auxiliaries are apart and cannot sign.",
    key="certificateNo",
    lookup="certificateNo",
    orders=("certificateNo", "validTo"),
    search="name",
    fields=(
        item("certificateNo", "执法证号", "Certificate number, opaque"),
        item("issuer", "发证机关", "Issuer of the certificate", named=True),
        item("name", "姓名", "Name", mask=MaskKind.NAME),
        code("kind", "人员类别", "Officer or auxiliary", codes.STAFF_KIND),
        item("subjectCode", "所属执法主体代码", "Code of the unit", Kind.CREDIT_CODE),
        item(
            "unitName", "所在单位", "Name of the unit as the roster has it", named=True
        ),
        item("category", "执法类别", "Enforcement category", named=True),
        item("area", "执法区域", "Enforcement area", named=True),
        item("division", "行政区划代码", "Division code", Kind.DIVISION),
        item("validFrom", "证件有效期起", "Valid from", Kind.DATE),
        item("validTo", "证件有效期止", "Valid to", Kind.DATE),
        code("status", "证件状态", "Status of the certificate", codes.VALIDITY),
        item(
            "phone",
            "联系电话",
            "Telephone",
            sharing=CONDITIONAL,
            mask=MaskKind.PHONE,
        ),
        item(
            "idNumber",
            "公民身份号码",
            "Resident ID number",
            sharing=WITHHELD,
            mask=MaskKind.ID_NUMBER,
            exact=True,
        ),
    ),
    relations=(
        to_subject("所属执法主体", "Enforcement subject"),
        pages(
            "cases",
            "CaseRecord",
            "certificateNo",
            "officerCertificates",
            "承办案件",
            "Cases handled",
        ),
        pages(
            "inspections",
            "Inspection",
            "certificateNo",
            "officerCertificates",
            "参加的检查",
            "Inspections taken part in",
        ),
    ),
)

MATTER = entity(
    "Matter",
    "matters",
    "权责清单事项：一个编码，按版本生效，列明依据和裁量基准。",
    "An item of the list of powers: one code, dated versions, legal basis.",
    key="code",
    lookup="code",
    orders=("code", "validFrom"),
    search="name",
    fields=(
        item("code", "事项编码", "Matter code"),
        item("version", "版本号", "Version", Kind.INTEGER),
        item("name", "事项名称", "Name", named=True),
        code("powerType", "权力类型", "Kind of power", codes.POWER_TYPE),
        item("parentCode", "主项编码", "Code of the main item"),
        item("subjectCode", "实施主体代码", "Code of the subject", Kind.CREDIT_CODE),
        item("implementingBody", "承办机构", "Implementing body", named=True),
        code("level", "行使层级", "Level that exercises it", codes.LEVEL),
        item("legalBasis", "设定依据", "Legal basis", named=True),
        item("duties", "责任事项", "Duties", named=True),
        item("discretionBenchmark", "裁量基准", "Discretion benchmark", named=True),
        item("complaintPhone", "监督电话", "Telephone for complaints", named=True),
        item("validFrom", "生效日期", "In force from", Kind.DATE),
        item("validTo", "失效日期", "In force to", Kind.DATE),
        code("status", "状态", "Status", codes.VALIDITY),
    ),
    relations=(
        to_subject("实施主体", "Enforcement subject"),
        pages(
            "cases", "CaseRecord", "code", "matterCode", "相关案件", "Cases under it"
        ),
    ),
)

COUNTERPARTY = entity(
    "Counterparty",
    "counterparties",
    "行政相对人：法人及非法人组织、个体工商户、自然人。",
    "Whom the law is enforced on: enterprise, individual business, natural person.",
    key="registerId",
    lookup="code",
    orders=("establishedOn", "registerId"),
    search="name",
    place="division",
    fields=(
        item("registerId", "登记系统内编号", "Number within its register"),
        item("code", "统一社会信用代码", "Credit code", Kind.CREDIT_CODE),
        item("registrationNo", "工商注册号（旧）", "Old registration number"),
        item("name", "名称或姓名", "Name", mask=MaskKind.NAME),
        item("formerNames", "曾用名称", "Former names", Kind.TEXTS, named=True),
        code("kind", "相对人类别", "Kind", codes.COUNTERPARTY_KIND),
        item("industry", "行业代码（GB/T 4754）", "Industry code"),
        item("division", "行政区划代码", "Division code", Kind.DIVISION),
        item("establishedOn", "成立日期", "Established on", Kind.DATE),
        code("status", "登记状态", "Status in the register", codes.BUSINESS_STATUS),
        item(
            "representative",
            "法定代表人（负责人）",
            "Legal representative",
            sharing=CONDITIONAL,
            mask=MaskKind.NAME,
        ),
        item(
            "phone", "联系电话", "Telephone", sharing=CONDITIONAL, mask=MaskKind.PHONE
        ),
        item("address", "住所", "Address", sharing=CONDITIONAL, mask=MaskKind.ADDRESS),
        item(
            "idNumber",
            "证件号码（自然人、经营者）",
            "ID number of a natural person or operator",
            sharing=WITHHELD,
            mask=MaskKind.ID_NUMBER,
            exact=True,
        ),
    ),
    relations=(
        pages(
            "cases",
            "CaseRecord",
            "code",
            "counterpartyCode",
            "案件",
            "Cases against it",
        ),
        pages(
            "inspections",
            "Inspection",
            "code",
            "counterpartyCode",
            "接受的检查",
            "Inspections of it",
        ),
        pages(
            "licences",
            "Licence",
            "code",
            "counterpartyCode",
            "许可",
            "Licences it holds",
        ),
        pages(
            "listings",
            "CreditListing",
            "code",
            "counterpartyCode",
            "失信列入",
            "Credit listings",
        ),
        pages(
            "repairs",
            "CreditRepair",
            "code",
            "counterpartyCode",
            "信用修复与异议",
            "Repairs and objections",
        ),
        pages(
            "decisions",
            "Decision",
            "code",
            "counterpartyCode",
            "行政决定",
            "Decisions about it",
        ),
        pages(
            "creditNotices",
            "CreditNotice",
            "code",
            "counterpartyCode",
            "信用来函",
            "What the credit system told of it",
        ),
    ),
)

LICENCE = entity(
    "Licence",
    "licences",
    "行政许可：一份许可证件及其决定。",
    "A licence and the decision it rests on.",
    key="licenceNo",
    lookup="licenceNo",
    orders=("issuedOn", "validTo", "licenceNo"),
    fields=(
        item("licenceNo", "许可证编号", "Certificate number"),
        item("name", "许可证书名称", "Name of the certificate", named=True),
        item("documentNo", "许可决定文书号", "Number of the decision"),
        code("kind", "许可类别", "Kind", codes.LICENCE_KIND),
        item("content", "许可内容", "What is licensed", free=True),
        *stated_counterparty("相对人"),
        item("subjectCode", "许可机关代码", "Licensing body's code", Kind.CREDIT_CODE),
        item("subjectName", "许可机关", "Licensing body as stated", named=True),
        item("issuedOn", "许可决定日期", "Decided on", Kind.DATE),
        item("validFrom", "有效期自", "Valid from", Kind.DATE),
        item("validTo", "有效期至", "Valid to", Kind.DATE),
        code("status", "当前状态", "Status", codes.VALIDITY),
    ),
    relations=(
        to_counterparty(),
        to_subject("许可机关", "Licensing body"),
    ),
)
