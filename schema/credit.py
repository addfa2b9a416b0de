"""What the credit office keeps: listings and the ways out of them."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import (
    CONDITIONAL,
    code,
    entity,
    item,
    one,
    pages,
    stated_counterparty,
    to_counterparty,
)
from zhitong.types import Kind, MaskKind

LISTING = entity(
    "CreditListing",
    "creditListings",
    "严重失信主体名单等列入记录。",
    "An entry in a credit list, the blacklist among them.",
    key="listingNo",
    lookup="listingNo",
    orders=("listedOn", "listingNo"),
    fields=(
        item("listingNo", "列入编号", "Number of the entry"),
        code("kind", "名单类别", "Kind of list", codes.LISTING_KIND),
        item("sector", "领域", "Sector", named=True),
        *stated_counterparty("主体"),
        item("decidedBy", "列入决定机关", "Who decided", named=True),
        item("subjectCode", "列入决定机关代码", "Its code", Kind.CREDIT_CODE),
        item("reason", "列入事由", "Reason", free=True),
        item("basis", "列入依据", "Legal basis", named=True),
        item("documentNo", "列入决定文书号", "Number of the decision"),
        item("listedOn", "列入日期", "Listed on", Kind.DATE),
        item("dueOn", "应移出日期", "Ends by itself on", Kind.DATE),
        item("removedOn", "实际移出日期", "Removed on", Kind.DATE),
        code("status", "列入状态", "Status", codes.LISTING_STATUS),
    ),
    relations=(
        to_counterparty(),
        pages(
            "repairs",
            "CreditRepair",
            "listingNo",
            "listingNo",
            "修复与异议申请",
            "Applications about it",
        ),
        pages(
            "creditNotices",
            "CreditNotice",
            "listingNo",
            "listingNo",
            "信用来函",
            "What the credit system told of it",
        ),
    ),
)

REPAIR = entity(
    "CreditRepair",
    "creditRepairs",
    "信用修复或异议申请。",
    "An application for credit repair, or an objection.",
    key="applicationNo",
    lookup="applicationNo",
    orders=("appliedOn", "applicationNo"),
    fields=(
        item("applicationNo", "申请编号", "Number of the application"),
        item("listingNo", "列入编号", "Number of the listing"),
        code("kind", "申请类别", "Repair or objection", codes.REPAIR_KIND),
        item(
            "counterpartyCode",
            "申请主体统一社会信用代码",
            "Counterparty's code as stated",
            Kind.CREDIT_CODE,
        ),
        item("appliedOn", "申请日期", "Applied on", Kind.DATE),
        item("acceptedOn", "受理日期", "Accepted on", Kind.DATE),
        item("decidedOn", "决定日期", "Decided on", Kind.DATE),
        code("status", "办理状态", "Status", codes.REPAIR_STATUS),
        item("applicant", "经办人", "Person", sharing=CONDITIONAL, mask=MaskKind.NAME),
        item(
            "phone",
            "经办人电话",
            "Person's telephone",
            sharing=CONDITIONAL,
            mask=MaskKind.PHONE,
        ),
    ),
    relations=(
        one(
            "listing",
            "CreditListing",
            "listingNo",
            "listingNo",
            "列入记录",
            "The listing",
        ),
        to_counterparty(),
    ),
)
