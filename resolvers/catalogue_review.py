"""The catalogue under review: what is shown of it to whom, and who reviews it.

Once the data authority has accepted a version, consumers see what is served and stands
in the last one that is accepted. What is pending see those who oversee all data and the
owner's stewards, of their own. The review is of the catalogue: what a question is given
is the policy's word and the owner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from zhitong.catalogue import (
    Concluded,
    ExchangeStatus,
    Review,
    Reviewed,
    ReviewOutcome,
    Reviews,
)
from zhitong.exceptions import CatalogueReviewError, ForbiddenError
from zhitong.ports import CatalogueHistory
from zhitong.resolvers.catalogue import Catalogue, Resource
from zhitong.resolvers.catalogue_content import resource_content
from zhitong.resolvers.explanation import OVERSEERS
from zhitong.rules.catalogue_review import check
from zhitong.rules.texts import CONTROL
from zhitong.types import MANAGER, STEWARD, Principal

LONGEST = 2_000
"""Characters of a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a resource, as it is served now, stands with the data authority."""

    status: ExchangeStatus
    version: Reviewed | None
    """The version in which it stands as it is; None: in none that counts."""


async def shown(
    catalogue: Catalogue, principal: Principal
) -> tuple[tuple[Resource, ...], Reviews | None]:
    """List what *principal* may know of, and how the catalogue stands."""
    resources = catalogue.resources(principal)
    if catalogue.history is None:
        return resources, None
    reviews = await catalogue.history.reviews()
    if not reviews.begun:
        return resources, reviews
    accepted = {} if reviews.accepted is None else reviews.accepted.resources
    found = [
        one
        if catalogue.answers_for(principal, one)
        else _only(one, accepted.get(one.id))
        for one in resources
    ]
    return tuple(one for one in found if one.items), reviews


def standing(
    catalogue: Catalogue, reviews: Reviews, resource: Resource, principal: Principal
) -> Standing:
    """Say how *resource* stands: all of it, whoever is shown a part.

    A version that is pending, and what was said of it, is not told to consumers.
    """
    whole = catalogue.whole(resource)
    served = orjson.loads(orjson.dumps(resource_content(catalogue, whole)))
    pending = not reviews.begun or catalogue.answers_for(principal, resource)
    for version in (reviews.accepted, reviews.latest if pending else None):
        if version is not None and version.resources.get(resource.id) == served:
            return Standing(status=version.status, version=version)
    return Standing(status=ExchangeStatus.NOT_REPORTED, version=None)


def may_see_pending(principal: Principal) -> bool:
    """Say whether *principal* is shown versions that are not accepted."""
    return principal.role in OVERSEERS | {STEWARD}


async def review(
    history: CatalogueHistory,
    principal: Principal,
    version: int,
    outcome: ReviewOutcome,
    reason: str,
) -> Concluded:
    """Review a version as *principal*, who is of the data authority."""
    if principal.role != MANAGER:
        raise ForbiddenError(
            "目录由数据主管部门审核",
            "the data authority reviews the catalogue, nobody else",
        )
    if CONTROL.search(reason) or len(reason) > LONGEST:
        raise CatalogueReviewError(
            f"reason 最长 {LONGEST} 字，不能有控制字符",
            f"reason has at most {LONGEST} characters, no control characters",
        )
    said = Review(
        version=version,
        outcome=outcome,
        reason=reason,
        who=principal.person,
        unit=principal.unit,
    )
    return await history.review(said, check)


def _only(one: Resource, accepted: Mapping[str, object] | None) -> Resource:
    """Leave what stands in the accepted version; nothing where *one* does not."""
    items = [] if accepted is None else accepted["items"]
    assert isinstance(items, list)  # noqa: S101 - written by our own export
    names = {item["item_name"] for item in items}
    kept = tuple(item for item in one.items if item.field.name in names)
    return replace(one, items=kept)
