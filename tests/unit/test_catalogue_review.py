"""The data authority's review: states as the exchange platforms have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from zhitong.catalogue import (
    ExchangeStatus,
    Review,
    Reviewed,
    ReviewOutcome,
    Reviews,
)
from zhitong.exceptions import CatalogueReviewError, ForbiddenError, ZhitongError
from zhitong.rules.catalogue_review import check

OWNER, AUTHORITY = "11619900MB0002006C", "11619900MB00020815"


def version(
    number: int = 1,
    status: ExchangeStatus = ExchangeStatus.WAITING,
    **resources: Mapping[str, object],
) -> Reviewed:
    return Reviewed(
        number=number,
        digest="d",
        status=status,
        reason="",
        at=None,
        resources={name.replace("_", "@"): one for name, one in resources.items()},
    )


def said(outcome: ReviewOutcome = ReviewOutcome.ACCEPT, **changed: object) -> Review:
    made = Review(version=1, outcome=outcome, reason="", who="p", unit=AUTHORITY)
    return replace(made, **changed)  # type: ignore[arg-type]


def refusal(
    one: Reviewed, word: Review, accepted: Reviewed | None = None, newest: int = 1
) -> type[ZhitongError] | None:
    latest = replace(one, number=newest)
    try:
        check(one, Reviews(begun=True, latest=latest, accepted=accepted), word)
    except ZhitongError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("outcome", "of"),
    [
        (
            ReviewOutcome.ACCEPT,
            {
                ExchangeStatus.WAITING,
                ExchangeStatus.REJECTED_BY_ADMIN,
                ExchangeStatus.REVOKED,
            },
        ),
        (ReviewOutcome.RETURN, {ExchangeStatus.WAITING}),
        (ReviewOutcome.REVOKE, {ExchangeStatus.PASSED}),
    ],
)
def test_each_outcome_is_said_of_its_states_alone(
    outcome: ReviewOutcome, of: set[ExchangeStatus]
) -> None:
    word = said(outcome, reason="r")
    assert {
        one for one in ExchangeStatus if refusal(version(status=one), word) is None
    } == of


def test_outcomes_lead_to_the_platforms_own_states() -> None:
    assert {one: said(one).to.value for one in ReviewOutcome} == {
        ReviewOutcome.ACCEPT: 5,
        ReviewOutcome.RETURN: 2,
        ReviewOutcome.REVOKE: 4,
    }


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (ReviewOutcome.RETURN, ExchangeStatus.WAITING),
        (ReviewOutcome.REVOKE, ExchangeStatus.PASSED),
    ],
)
def test_what_is_not_accepted_needs_a_reason(
    outcome: ReviewOutcome, status: ExchangeStatus
) -> None:
    word = said(outcome, reason=" ")
    assert refusal(version(status=status), word) is CatalogueReviewError


@pytest.mark.parametrize("outcome", [ReviewOutcome.ACCEPT, ReviewOutcome.RETURN])
def test_an_older_version_is_not_reviewed(outcome: ReviewOutcome) -> None:
    word = said(outcome, reason="r")
    assert refusal(version(), word, newest=2) is CatalogueReviewError


def test_an_older_version_may_be_revoked() -> None:
    word = said(ReviewOutcome.REVOKE, reason="r")
    assert refusal(version(status=ExchangeStatus.PASSED), word, newest=2) is None


def test_nobody_accepts_what_his_own_unit_has_changed() -> None:
    one = version(Licence_market={"org_code": OWNER})
    assert refusal(one, said(unit=OWNER)) is ForbiddenError
    assert refusal(one, said()) is None


def test_a_resource_that_was_taken_away_was_changed_by_its_owner() -> None:
    before = version(status=ExchangeStatus.PASSED, Licence_market={"org_code": OWNER})
    assert refusal(version(), said(unit=OWNER), before) is ForbiddenError


def test_what_the_platform_itself_declares_is_no_units_change() -> None:
    one = version(Decision_platform={"org_code": OWNER})
    assert refusal(one, said(unit=OWNER)) is None


def test_what_stands_as_it_was_accepted_is_nobodys_change() -> None:
    one = version(Licence_market={"org_code": OWNER})
    assert refusal(one, said(unit=OWNER), one) is None
