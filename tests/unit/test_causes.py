"""Causes: a finding where the stated one is no open case of the caller's unit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import SourceTimeoutError
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.resolvers.causes import KNOWN_SECONDS, Causes
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.entities import ENTITIES
from zhitong.types import Inquiry, Label, Look, Occasion, Principal

UNIT, OTHER = "11619921MB21040067", "11619900MB0004001B"
POLICY = read_policy(Settings().policy, ENTITIES)


class Register:
    """Keeps the looks that were recorded."""

    away = False

    def __init__(self) -> None:
        self.kept: list[Inquiry] = []

    async def record(self, inquiry: Inquiry) -> str:
        self.kept.append(inquiry)
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        self.kept.extend(inquiries)
        return ()

    async def keep(self, inquiry: Inquiry) -> None:
        self.kept.append(inquiry)


class Clock:
    """Stands still until it is told otherwise."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _case(number: str, unit: str, status: str) -> dict[str, str]:
    return {"caseId": number + unit, "caseNo": number, "subjectCode": unit} | {
        "status": status
    }


@pytest.fixture
def source() -> MemorySource:
    rows = [
        _case("立1", UNIT, "INVESTIGATING"),
        _case("立2", UNIT, "CLOSED"),
        _case("立3", OTHER, "FILED"),
        _case("立4", UNIT, "DISMISSED"),
        _case("立4", OTHER, "FILED"),
    ]
    table = Table(entity=ENTITIES["CaseRecord"], key="caseId", rows=rows)
    return MemorySource("emergency", Label("应急", "Emergency"), [table])


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(register: Register) -> Recorder:
    return Recorder(register)


@pytest.fixture
def causes(source: MemorySource, recorder: Recorder, clock: Clock) -> Causes:
    reader = Reader(lambda: {"emergency": source}, POLICY)
    checked = POLICY.causes_checked
    return Causes(reader, recorder, ENTITIES, checked, clock)


def inquiry(cause: str, kind: str = "own-officer") -> Inquiry:
    return Inquiry(
        principal=Principal(kind=kind, unit=UNIT, unit_name="局", person="李"),
        occasion=Occasion(purpose="case-handling", cause=cause),
        id="1",
        looks=[Look(type="X", source="s", fields={}, rows=0, keys=(), protected=False)],
    )


async def found(causes: Causes, asked: Inquiry) -> list[str]:
    await causes.add(asked, causes.checking(asked))
    return [finding.check for finding in asked.findings]


@pytest.mark.parametrize(
    ("cause", "checks"),
    [
        pytest.param("立1", [], id="open and one's own"),
        pytest.param("立2", ["cause-not-open-case"], id="closed"),
        pytest.param("立3", ["cause-not-open-case"], id="another unit's"),
        pytest.param("立4", ["cause-not-open-case"], id="dismissed, another's is open"),
        pytest.param("立9", ["cause-not-open-case"], id="no case"),
        pytest.param("", [], id="none stated"),
    ],
)
async def test_a_cause_is_an_open_case_of_ones_own_unit(
    causes: Causes, cause: str, checks: list[str]
) -> None:
    assert await found(causes, inquiry(cause)) == checks


async def test_who_looked_at_nothing_has_no_cause_to_answer_for(
    causes: Causes,
) -> None:
    asked = inquiry("立9")
    asked.looks.clear()
    assert await found(causes, asked) == []


async def test_a_kind_whose_cases_are_not_here_is_not_checked(
    causes: Causes, source: MemorySource
) -> None:
    assert await found(causes, inquiry("安公立1", "police")) == []
    assert source.queries == []


async def test_a_source_that_is_away_leaves_the_cause_unverified_until_it_is_back(
    causes: Causes, source: MemorySource
) -> None:
    source.failure = SourceTimeoutError("没有答复", "no answer")
    assert await found(causes, inquiry("立1")) == ["cause-unverified"]
    source.failure = None
    assert await found(causes, inquiry("立1")) == []


async def test_a_cause_is_looked_up_once_a_minute_and_the_look_is_on_record(
    causes: Causes,
    source: MemorySource,
    recorder: Recorder,
    register: Register,
    clock: Clock,
) -> None:
    for _ in range(3):
        assert await found(causes, inquiry("立2")) == ["cause-not-open-case"]
    assert len(source.queries) == 1
    await recorder.settled()
    (kept,) = register.kept
    assert (kept.principal.kind, kept.occasion.cause) == ("platform", "立2")
    assert kept.looks[0].fields == dict.fromkeys(
        ("caseNo", "status", "subjectCode"), "ALLOW"
    )
    clock.now += KNOWN_SECONDS
    assert await found(causes, inquiry("立2")) == ["cause-not-open-case"]
    assert len(source.queries) == 2
