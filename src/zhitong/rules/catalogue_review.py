"""The data authority's review of the catalogue: from which state to which, by whom.

States are those of the exchange platforms (domain.md section 5.1): a version that was
made waits (1); it is accepted (5), returned with what is to be mended (2), or revoked
after it was accepted (4). One that was returned or revoked may be accepted after all:
the same content stays the same version. The newest alone is accepted or returned, for
an older one is not what is bound. Nobody accepts what his own unit has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from zhitong.catalogue import (
    ExchangeStatus,
    Review,
    Reviewed,
    ReviewOutcome,
    Reviews,
)
from zhitong.exceptions import CatalogueReviewError, ForbiddenError

S = ExchangeStatus
FROM: Mapping[ReviewOutcome, frozenset[S]] = MappingProxyType(
    {
        ReviewOutcome.ACCEPT: frozenset({S.WAITING, S.REJECTED_BY_ADMIN, S.REVOKED}),
        ReviewOutcome.RETURN: frozenset({S.WAITING}),
        ReviewOutcome.REVOKE: frozenset({S.PASSED}),
    }
)
PLATFORM = "platform"
"""The platform's own source: declared by the program, no unit's word."""


def check(stands: Reviewed, reviews: Reviews, said: Review) -> None:
    """Raise where *said* cannot be said of the version that *stands*."""
    if said.outcome is not ReviewOutcome.ACCEPT and not said.reason.strip():
        raise CatalogueReviewError(
            "退回和撤销须在 reason 中写明理由",
            "to return or revoke a version, say why in reason",
        )
    if stands.status not in FROM[said.outcome]:
        raise CatalogueReviewError(
            f"第 {stands.number} 版的状态是 {stands.status.name}，不能这样办理",
            f"version {stands.number} is {stands.status.name}; this cannot be done",
            state=stands.status.name,
        )
    latest = reviews.latest
    newer = latest is not None and latest.number > stands.number
    if newer and said.outcome is not ReviewOutcome.REVOKE:
        raise CatalogueReviewError(
            f"第 {stands.number} 版之后已有新版本，请审核最新的版本",
            f"version {stands.number} is not the newest; review the newest",
        )
    if said.outcome is ReviewOutcome.ACCEPT and said.unit in set(
        _changed(stands, reviews)
    ):
        raise ForbiddenError(
            "这一版改动了本单位的资源，由数据主管部门中与此无关的单位审核",
            "this version changes resources of your own unit; another is to accept it",
        )


def _changed(stands: Reviewed, reviews: Reviews) -> Iterator[str]:
    """Name the owners of what differs from the version that is accepted."""
    before = {} if reviews.accepted is None else reviews.accepted.resources
    for name in {*before, *stands.resources}:
        old, new = before.get(name), stands.resources.get(name)
        if old != new and name.rpartition("@")[2] != PLATFORM:
            yield from (str(one["org_code"]) for one in (old, new) if one)
