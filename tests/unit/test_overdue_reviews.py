"""Who may break the glass again while his earlier uses wait for their review."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from zhitong.exceptions import GrantUnreviewedError
from zhitong.grants import Person, Unreviewed
from zhitong.rules.emergencies import EmergencyRules, OverdueBound, check_reviewed

WANG = Person(issuer="police", subject="王")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES = EmergencyRules(
    overdue=(
        OverdueBound(since=date(2026, 1, 1), most=1, source="一"),
        OverdueBound(since=date(2026, 7, 1), most=0, source="二"),
    )
)


def late(*people: Person) -> list[Unreviewed]:
    return [
        Unreviewed(grant=f"G{number}", who=who, due_at=NOW)
        for number, who in enumerate(people)
    ]


def test_so_many_as_are_borne_keep_nobody_from_another() -> None:
    check_reviewed(late(WANG), WANG, NOW, RULES)
    with pytest.raises(GrantUnreviewedError) as refused:
        check_reviewed(late(WANG, WANG), WANG, NOW, RULES)
    assert refused.value.details["grant"] == "G0"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Person(issuer="police", subject="李"), id="a colleague"),
        pytest.param(Person(issuer="market", subject="王"), id="a namesake elsewhere"),
    ],
)
def test_others_reviews_keep_nobody_from_one(other: Person) -> None:
    check_reviewed(late(WANG, WANG), other, NOW, RULES)


def test_the_bound_is_that_of_the_day_in_china() -> None:
    before = datetime(2026, 6, 30, 15, 59, tzinfo=UTC)
    check_reviewed(late(WANG), WANG, before, RULES)
    with pytest.raises(GrantUnreviewedError):
        check_reviewed(late(WANG), WANG, before.replace(hour=16, minute=0), RULES)


def test_without_a_bound_nothing_is_refused() -> None:
    many = late(*[WANG] * 9)
    check_reviewed(many, WANG, NOW, EmergencyRules())
    check_reviewed(many, WANG, datetime(2025, 1, 1, tzinfo=UTC), RULES)
