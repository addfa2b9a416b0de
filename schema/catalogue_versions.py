"""The versions of the catalogue that were given out, and how each differs."""

from __future__ import annotations

from typing import Any

import strawberry

from zhitong.exceptions import ForbiddenError
from zhitong.resolvers.catalogue_review import may_see_pending
from zhitong.rules.working_days import CHINA
from zhitong.schema.catalogue import catalogue_of
from zhitong.schema.catalogue_enums import ExchangeState
from zhitong.schema.context import Context
from zhitong.schema.objects import Info, described, field_with
from zhitong.schema.scalars import DateTime
from zhitong.types import Label

LISTED = 20
"""Versions that are given at a time; `zhitong.schema.cost` counts as many."""
BEFORE = Label("只要此序号之前的", "Those before this number alone")


@strawberry.type(description="一处变化。\n\nWhat changed in one place.")
class CatalogueChange:
    """A change, in words."""

    zh: str = strawberry.field(description="中文\n\nIn Chinese")
    en: str = strawberry.field(description="英文\n\nIn English")


@strawberry.type(
    description="导出过的目录版本。\n\nA version of the catalogue that was exported."
)
class CatalogueVersion:
    """A catalogue that differed from the one exported before it."""

    number: int = strawberry.field(description="序号\n\nIts number")
    digest: str = strawberry.field(
        description="内容的 SHA-256\n\nSHA-256 of its content"
    )
    madeAt: DateTime = strawberry.field(description="形成时间\n\nWhen it was made")
    resources: int = strawberry.field(description="资源数\n\nHow many resources")
    status: ExchangeState = strawberry.field(  # type: ignore[valid-type]
        description="在数据主管部门的审核状态\n\nHow it stands with the data authority"
    )
    reason: str | None = strawberry.field(
        description="审核意见\n\nWhat the data authority said"
    )
    reviewedAt: DateTime | None = strawberry.field(
        description="审核时间；空为待审核\n\nWhen it was reviewed; null: it waits"
    )
    changes: list[CatalogueChange] = strawberry.field(
        description="与上一版本的不同；第一版没有\n\n"
        "What differs from the version before; none of the first"
    )


def catalogue_versions_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root that lists the exported versions."""

    async def resolve(info: Info, before: int | None = None) -> list[CatalogueVersion]:
        context: Context = info.context
        catalogue = catalogue_of(context)
        if not catalogue.inside(context.inquiry.principal):
            raise ForbiddenError(
                "目录的版本只在政务部门之间公开",
                "versions of the catalogue are open inside government alone",
            )
        if catalogue.history is None:
            return []
        reviews = await catalogue.history.reviews()
        accepted = reviews.begun and not may_see_pending(context.inquiry.principal)
        versions = catalogue.history.versions(LISTED, before, accepted=accepted)
        return [
            CatalogueVersion(
                number=one.number,
                digest=one.digest,
                madeAt=DateTime(one.made_at.astimezone(CHINA).isoformat()),
                resources=one.resources,
                status=one.status.name,
                reason=one.reason or None,
                reviewedAt=None
                if one.reviewed_at is None
                else DateTime(one.reviewed_at.astimezone(CHINA).isoformat()),
                changes=[
                    CatalogueChange(zh=said.zh, en=said.en) for said in one.changes
                ],
            )
            for one in await versions
        ]

    annotations = {
        "info": Info,
        "before": described(int | None, BEFORE),
        "return": list[CatalogueVersion] | None,
    }
    label = Label(
        "导出过的目录版本，新的在前，一次二十个",
        "Versions of the catalogue, the newest first, twenty at a time",
    )
    return field_with(resolve, annotations, label)
