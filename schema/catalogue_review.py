"""The data authority's review of the catalogue: how a resource stands, and its word."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol

import strawberry

from zhitong.catalogue import Concluded, ReviewOutcome
from zhitong.exceptions import CatalogueReviewError, LedgerUnavailableError
from zhitong.resolvers.catalogue_review import Standing, review
from zhitong.rules.working_days import CHINA
from zhitong.schema import objects
from zhitong.schema.catalogue_enums import ExchangeState
from zhitong.schema.context import Context
from zhitong.schema.decision_inputs import made_input
from zhitong.schema.declare import UNRECOGNISED
from zhitong.schema.enums import enum_of
from zhitong.schema.grant_mutations import OUTCOME, argument
from zhitong.schema.objects import Info, field_with
from zhitong.schema.scalars import DateTime
from zhitong.types import Label


@strawberry.type(
    description="一个资源的审核状态。\n\nHow a resource stands with the data authority."
)
class CatalogueReview:
    """The version that a resource stands in as it is served, and its review."""

    status: ExchangeState = strawberry.field(  # type: ignore[valid-type]
        description="NOT_REPORTED 为此刻的内容不在最近的版本中\n\n"
        "NOT_REPORTED: as it is now, it stands in no version that counts"
    )
    version: int | None = strawberry.field(description="版本序号\n\nThe version")
    reason: str | None = strawberry.field(
        description="审核意见\n\nWhat the data authority said of it"
    )
    at: DateTime | None = strawberry.field(
        description="审核时间；空为待审核\n\nWhen; null: it waits"
    )


def review_of(stands: Standing) -> CatalogueReview:
    """Give *stands* as the graph has it."""
    version = stands.version
    at = None if version is None else version.at
    return CatalogueReview(
        status=stands.status.name,
        version=None if version is None else version.number,
        reason=None if version is None else version.reason or None,
        at=None if at is None else DateTime(at.astimezone(CHINA).isoformat()),
    )


CatalogueReviewOutcome = enum_of(
    "CatalogueReviewOutcome",
    Label("目录审核结论", "What the review of the catalogue found"),
    {
        ReviewOutcome.ACCEPT: Label("审核通过", "Accepted"),
        ReviewOutcome.RETURN: Label(
            "退回，须写理由", "Returned: reason says what is to be mended"
        ),
        ReviewOutcome.REVOKE: Label(
            "撤销已通过的版本，须写理由", "An accepted version is revoked, with reasons"
        ),
    },
)
CatalogueReviewInput: Any = made_input(
    "CatalogueReviewInput",
    Label("审核哪一版目录。", "Which version is reviewed."),
    {
        "version": (
            "int",
            Label(
                "版本序号，见 catalogueVersions", "Its number, as in catalogueVersions"
            ),
        ),
        "reason": ("str", Label("意见或理由", "Reason, in words")),
    },
    ("version",),
    module=objects.__name__,
)


@strawberry.type(
    description="审核之后这一版的状态。\n\nHow the version stands after the review."
)
class CatalogueReviewed:
    """What a review came to."""

    version: int = strawberry.field(description="版本序号\n\nThe version")
    status: ExchangeState = strawberry.field(  # type: ignore[valid-type]
        description="状态\n\nStatus"
    )
    replayed: bool = strawberry.field(
        description="此前已如此审核，本次没有改变\n\n"
        "It stood so already; nothing changed"
    )


class _Given(Protocol):
    version: int
    reason: object


def _reviewed() -> Any:  # noqa: ANN401 - a strawberry field
    async def resolve(info: Info, given: _Given, outcome: Enum) -> CatalogueReviewed:
        context: Context = info.context
        if context.catalogue is None or context.catalogue.history is None:
            raise LedgerUnavailableError(
                "本网关没有数据目录", "this gateway has no catalogue"
            )
        if outcome.value == UNRECOGNISED:
            raise CatalogueReviewError(
                f"outcome 不能是 {UNRECOGNISED}", f"outcome cannot be {UNRECOGNISED}"
            )
        made: Concluded = await review(
            context.catalogue.history,
            context.inquiry.principal,
            given.version,
            ReviewOutcome(outcome.value),
            given.reason if isinstance(given.reason, str) else "",
        )
        return CatalogueReviewed(
            version=made.version, status=made.status.name, replayed=made.replayed
        )

    said = Label("所审核的版本", "The version that is reviewed")
    annotations = {
        "info": Info,
        "given": argument(CatalogueReviewInput, "review", said),
        "outcome": argument(CatalogueReviewOutcome, "outcome", OUTCOME),
        "return": CatalogueReviewed | None,
    }
    label = Label(
        "审核数据目录的一个版本（数据主管部门）",
        "Review a version of the catalogue (the data authority)",
    )
    return field_with(resolve, annotations, label)


def catalogue_mutations() -> Mapping[str, Any]:
    """Make the fields of the mutation root."""
    return {"reviewCatalogue": _reviewed()}
