"""Fifteen penalties as they were published: registered, or refused with a reason.

They come from other cities: no register here has their subjects, none names officers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from zhitong.decisions import Act, Decision, Party, Penalty
from zhitong.exceptions import (
    DecisionDuplicateError,
    DecisionError,
    DecisionUnidentifiedError,
)
from zhitong.infra.city_bodies import agency_code
from zhitong.resolvers.decisions import Decisions, Recorded
from zhitong.types import Principal

PUBLISHED = (
    Path(__file__).parents[3]
    / "shared/data/enterprise-risk-captures/administrative_penalties.json"
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not PUBLISHED.exists(), reason="../shared/data is not on this machine"
    ),
]
CHINA = timedelta(hours=8)
REGISTERED = (5, 6, 7, 10, 13, 14)
"""The rows that name agency, number and party, each once."""
AGAIN = 11
"""The row that is another's decision in another bracket style."""


class Published(msgspec.Struct, rename="camel"):
    """A row as its page had it."""

    content: str
    decision_date: str | int
    department_name: str
    punish_number: str
    type: str
    obligor_name: str | None = None

    @property
    def day(self) -> date:
        """The day; some pages have seconds since 1970."""
        if isinstance(self.decision_date, str):
            return date.fromisoformat(self.decision_date)
        return (datetime.fromtimestamp(self.decision_date, UTC) + CHINA).date()


def decided(place: int, row: Published, subjects: dict[str, str]) -> Decision:
    return Decision(
        local_id=f"published-{place}",
        act=Act.PENALTY,
        subject_code=subjects[row.department_name],
        subject_name=row.department_name,
        document_no=row.punish_number,
        decided_on=row.day,
        facts=row.type,
        content=row.content,
        party=Party(kind="LEGAL_PERSON", name=row.obligor_name or ""),
        penalty=Penalty(),
    )


async def test_each_is_registered_with_findings_or_refused_with_a_reason(
    decisions: Decisions,
) -> None:
    rows = msgspec.json.decode(PUBLISHED.read_bytes(), type=list[Published])
    names = sorted({row.department_name for row in rows})
    # The pages name no codes: each agency is given one, as it has one at home.
    subjects = {name: agency_code("110000", place) for place, name in enumerate(names)}
    outcomes: dict[int, Recorded | DecisionError] = {}
    for place, row in enumerate(rows):
        said = decided(place, row, subjects)
        principal = Principal(
            kind="department",
            unit=said.subject_code,
            unit_name=row.department_name,
            person="登记员",
        )
        try:
            outcomes[place] = await decisions.record(principal, said)
        except DecisionError as error:
            outcomes[place] = error

    recorded = {
        place: outcome
        for place, outcome in outcomes.items()
        if isinstance(outcome, Recorded)
    }
    assert tuple(recorded) == REGISTERED
    for outcome in recorded.values():
        found = {one.check for one in outcome.findings}
        assert {name for name in found if not name.startswith("form-")} == {
            "subject-known",
            "matter-stated",
            "penalty-two-officers-before-2021",
            "procedure-stated",
        }
        assert sorted(event.receiver for event in outcome.events) == [
            "credit",
            "provincial",
        ]
    again = outcomes[AGAIN]
    assert isinstance(again, DecisionDuplicateError)
    assert again.details["decision_id"] == str(recorded[10].decision_id)
    for place in set(outcomes) - {*REGISTERED, AGAIN}:
        refusal = outcomes[place]
        assert isinstance(refusal, DecisionUnidentifiedError)
        assert "counterpartyName" in refusal.label.en
        assert not (rows[place].obligor_name or "").strip()
