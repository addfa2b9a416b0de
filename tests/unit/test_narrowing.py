"""Counts alone: attackers who may count, and must not learn a small count by it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from pathlib import Path

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.connectors.told_counts import FileToldCounts
from zhitong.exceptions import (
    FieldHiddenError,
    NarrowingError,
    SourceTimeoutError,
    TooWideError,
)
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.ports import ToldCounts
from zhitong.resolvers.counting import Cells, Counting
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.narrowing import Narrowing, Patience
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    GroupBy,
    Inquiry,
    Label,
    Not,
    Occasion,
    Op,
    Predicate,
    Principal,
    Related,
)

CASE = ENTITIES["CaseRecord"]
POLICY = read_policy(Settings().policy, ENTITIES)
A, B, C = "11619900MB0004001B", "11619921MB21040067", "11619900MB0001003U"
SUBJECT, STATUS, MONTH = (
    GroupBy("subjectCode"),
    GroupBy("status"),
    GroupBy("filedOn", month=True),
)
CANARY = 2
"""Cases of unit A that were transferred, both filed in June."""


def rows() -> Iterable[Mapping[str, str]]:
    """Give a city: large cells, and one that nobody is to find."""
    counts = {
        (A, "FILED"): 20,
        (A, "CLOSED"): 30,
        (B, "FILED"): 15,
        (B, "CLOSED"): 25,
        (B, "TRANSFERRED"): 9,
        (C, "FILED"): 11,
        (C, "CLOSED"): 12,
        (C, "TRANSFERRED"): 8,
    }
    number = 0
    for (unit, status), count in counts.items():
        for _ in range(count):
            number += 1
            yield _row(number, unit, status, f"2026-{1 + number % 9:02}-11")
    for _ in range(CANARY):
        number += 1
        yield _row(number, A, "TRANSFERRED", "2026-06-11")


def _row(number: int, unit: str, status: str, filed: str) -> Mapping[str, str]:
    return {
        "caseId": str(number),
        "caseNo": f"立{number}",
        "subjectCode": unit,
        "status": status,
        "filedOn": filed,
        "counterpartyCode": A,
        "division": "619900",
        "actType": "PENALTY",
    }


class Attacker:
    """Someone who may have counts alone, in one question after another."""

    def __init__(
        self,
        patience: Patience,
        city: Iterable[Mapping[str, str]] | None = None,
        shared: Sequence[ToldCounts | None] = (None,),
    ) -> None:
        found = tuple(rows() if city is None else city)
        table = Table(entity=CASE, key="caseId", rows=found)
        source = MemorySource("emergency", Label("应急", "Emergency"), [table])
        self.source = source
        self.reader = Reader(lambda: {"emergency": source}, POLICY)
        self.now = 0.0
        # Of several processes each answers one question in turn.
        self.processes = cycle(
            [Narrowing(patience, lambda: self.now, each) for each in shared]
        )
        self.inquiry = self._inquiry("甲")

    def _inquiry(self, person: str) -> Inquiry:
        return Inquiry(
            principal=Principal(
                kind="dashboard", unit="U", unit_name="大屏", person=person
            ),
            occasion=Occasion(),
            id="1",
        )

    async def cells(
        self, where: Predicate | None = None, by: tuple[GroupBy, ...] = ()
    ) -> Cells:
        filters = Filters(self.reader, ENTITIES, self.inquiry)
        answering = next(self.processes)
        counting = Counting(self.reader, filters, self.inquiry, answering)
        return await counting.cells(CASE, where, by)

    async def count(self, *parts: Predicate) -> int | None:
        return (await self.cells(All(parts))).counts[()]


@pytest.fixture(params=[0, 2, 3], ids=["alone", "two processes", "three"])
def shared(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Sequence[ToldCounts | None]:
    """Give what as many processes share, each with files opened by itself."""
    return [FileToldCounts(tmp_path) for _ in range(request.param)] or [None]


@pytest.fixture
def attacker(shared: Sequence[ToldCounts | None]) -> Attacker:
    return Attacker(Patience(conditions=1_000, cut=1_000), shared=shared)


def eq(field: str, value: str) -> Compare:
    return Compare(field, Op.EQ, value)


def span(first: str, last: str) -> tuple[Compare, Compare]:
    return Compare("filedOn", Op.GTE, first), Compare("filedOn", Op.LTE, last)


CELL = (eq("subjectCode", A), eq("status", "TRANSFERRED"))


async def test_a_small_count_is_not_told_however_it_is_asked_for(
    attacker: Attacker,
) -> None:
    assert await attacker.count(*CELL) is None
    table = (await attacker.cells(by=(SUBJECT, STATUS))).counts
    assert table[A, "TRANSFERRED"] is None
    column = (await attacker.cells(CELL[0], (STATUS,))).counts
    assert column == {key[1:]: n for key, n in table.items() if key[0] == A}


async def test_counts_that_are_large_are_told_as_they_are(attacker: Attacker) -> None:
    whole = await attacker.count()
    assert whole == 132
    units = (await attacker.cells(by=(SUBJECT,))).counts
    assert units == {(A,): 52, (B,): 49, (C,): 31}


async def test_differencing_does_not_give_the_canary(attacker: Attacker) -> None:
    unit = await attacker.count(eq("subjectCode", A))
    others = [
        await attacker.count(eq("subjectCode", A), eq("status", status))
        for status in ("FILED", "CLOSED")
    ]
    assert unit == 52
    assert None in others  # or the rest of the unit's cases were the canary
    status = await attacker.count(eq("status", "TRANSFERRED"))
    units = [
        await attacker.count(eq("subjectCode", unit), eq("status", "TRANSFERRED"))
        for unit in (B, C)
    ]
    assert status is None or None in units


async def test_the_division_less_its_other_agencies_is_not_the_canary() -> None:
    # By agency alone the smallest other one was hidden, which lies elsewhere.
    units = [(A, "619921", 3), (B, "619921", 40), (C, "619922", 30)]
    city = [
        {**_row(100 * place + n, unit, "FILED", "2026-06-11"), "division": division}
        for place, (unit, division, count) in enumerate(units)
        for n in range(count)
    ]
    attacker = Attacker(Patience(), city)
    divisions = (await attacker.cells(by=(GroupBy("division"),))).counts
    assert divisions == {("619921",): 43, ("619922",): 30}
    agencies = (await attacker.cells(by=(SUBJECT,))).counts
    assert agencies == {(A,): None, (B,): None, (C,): 30}
    assert await attacker.count(eq("subjectCode", B)) is None
    assert await attacker.count(eq("subjectCode", C)) == 30


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(AnyOf(CELL), id="a tracker: or"),
        pytest.param(All((CELL[0], Not(CELL[1]))), id="a tracker: not"),
        pytest.param(Compare("status", Op.IN, ("FILED", "CLOSED")), id="a list"),
        pytest.param(eq("counterpartyCode", A), id="one party"),
        pytest.param(Compare("division", Op.PREFIX, "6199"), id="a prefix"),
        pytest.param(Compare("status", Op.PRESENT, value=True), id="presence"),
        pytest.param(Related("subject", eq("code", A)), id="across sources"),
        pytest.param(All((CELL[1], CELL[1])), id="twice"),
        pytest.param(Compare("filedOn", Op.GTE, "2026-06-11"), id="a day"),
        pytest.param(Compare("filedOn", Op.LTE, "2026-06-11"), id="to a day"),
        pytest.param(eq("filedOn", "2026-06-11"), id="one day"),
        pytest.param(Compare("decidedOn", Op.GTE, "2026-06-01"), id="another day"),
    ],
)
async def test_what_trackers_are_made_of_is_refused_before_anything_is_read(
    attacker: Attacker, where: Predicate
) -> None:
    with pytest.raises(FieldHiddenError):
        await attacker.cells(where)
    assert attacker.source.queries == []


async def test_more_than_three_fields_are_too_many(attacker: Attacker) -> None:
    with pytest.raises(TooWideError):
        await attacker.cells(eq("actType", "PENALTY"), (SUBJECT, STATUS, MONTH))


async def test_bisecting_by_months_does_not_give_the_canary(
    attacker: Attacker,
) -> None:
    """Every pair of spans of one cell differs by nothing that is small."""
    months = [f"2026-{month:02}" for month in range(1, 10)]
    told: dict[tuple[int, int], int] = {}
    for start in range(len(months)):
        for end in range(start, len(months)):
            last = {"02": "28", "04": "30", "06": "30", "09": "30"}.get(
                months[end][5:], "31"
            )
            bounds = span(f"{months[start]}-01", f"{months[end]}-{last}")
            count = await attacker.count(eq("status", "TRANSFERRED"), *bounds)
            if count is not None:
                told[start, end + 1] = count
    assert told  # some spans are large
    beyond = _differences(told)
    assert all(count == 0 or count >= 5 for count in beyond), Counter(beyond)


def _differences(told: Mapping[tuple[int, int], int]) -> list[int]:
    """List every count between two moments that told spans tie together."""
    ties: dict[int, dict[int, int]] = {}
    for (start, end), count in told.items():
        ties.setdefault(start, {})[end] = count
        ties.setdefault(end, {})[start] = -count
    found: list[int] = []
    for start in ties:
        reached, waiting = {start: 0}, [start]
        while waiting:
            here = waiting.pop()
            for there, count in ties[here].items():
                if there not in reached:
                    reached[there] = reached[here] + count
                    waiting.append(there)
        found += [abs(count) for count in reached.values()]
    return found


UNTIL = Compare("filedOn", Op.LTE, "2026-08-31")
"""After it unit C has a few cases only."""


async def test_a_span_that_would_tell_a_small_part_is_cut(attacker: Attacker) -> None:
    late = [row for row in rows() if row["filedOn"] > "2026-08-31"]
    assert 0 < sum(row["subjectCode"] == C for row in late) < 5
    assert await attacker.count(eq("subjectCode", C)) == 31
    assert await attacker.count(eq("subjectCode", C), UNTIL) is None


async def test_the_same_span_alone_is_told(attacker: Attacker) -> None:
    assert await attacker.count(eq("subjectCode", C), UNTIL) in range(27, 31)


async def test_persons_of_one_unit_are_one_attacker(attacker: Attacker) -> None:
    assert await attacker.count(eq("subjectCode", C)) == 31
    attacker.inquiry = attacker._inquiry("乙")
    assert await attacker.count(eq("subjectCode", C), UNTIL) is None


async def test_what_a_source_has_that_was_away_is_no_small_count(
    attacker: Attacker,
) -> None:
    few = Table(
        entity=CASE,
        key="caseId",
        rows=[_row(n, C, "FILED", "2026-05-11") for n in range(3)],
    )
    extra = MemorySource("xihe", Label("西河", "Xihe"), [few])
    made = {"emergency": attacker.source, "xihe": extra}
    attacker.reader = Reader(lambda: made, POLICY)
    extra.failure = SourceTimeoutError("没有答复", "no answer")
    assert await attacker.count(eq("subjectCode", C)) == 31
    extra.failure = None
    attacker.inquiry = attacker._inquiry("甲")
    assert await attacker.count(eq("subjectCode", C)) is None


async def test_narrowing_that_is_repeated_raises_the_alarm(
    caplog: pytest.LogCaptureFixture, shared: Sequence[ToldCounts | None]
) -> None:
    patience = Patience(conditions=1_000, cut=1, source="本市规定")
    attacker = Attacker(patience, shared=shared)
    await attacker.count(eq("subjectCode", C))
    with caplog.at_level(logging.WARNING):
        await attacker.count(eq("subjectCode", C), UNTIL)
    (finding,) = attacker.inquiry.findings
    assert (finding.check, finding.source) == ("narrowing", "本市规定")
    (line,) = caplog.messages
    assert line == "NARROWING CaseRecord by dashboard of unit U, request 1"
    # What was answered is answered again; nothing new is, until the window ends.
    assert await attacker.count(eq("subjectCode", C)) == 31
    with pytest.raises(NarrowingError):
        await attacker.count(eq("subjectCode", B))
    assert len(attacker.inquiry.findings) == 2
    attacker.now += 26 * 3600
    assert await attacker.count(eq("subjectCode", B)) == 49


async def test_too_many_different_conditions_raise_the_alarm(
    shared: Sequence[ToldCounts | None],
) -> None:
    attacker = Attacker(Patience(conditions=2, cut=1_000), shared=shared)
    for unit in (A, B, A):
        assert await attacker.count(eq("subjectCode", unit)) is not None
    with pytest.raises(NarrowingError):
        await attacker.count(eq("subjectCode", C))
    assert [one.check for one in attacker.inquiry.findings] == ["narrowing"]


async def test_what_is_told_is_forgotten_after_the_window(attacker: Attacker) -> None:
    assert await attacker.count(eq("subjectCode", C)) == 31
    attacker.now += 26 * 3600
    assert await attacker.count(eq("subjectCode", C), UNTIL) is not None


async def test_who_may_list_the_rows_is_told_every_count(attacker: Attacker) -> None:
    attacker.inquiry.principal = Principal(
        kind="supervisor", unit="S", unit_name="司法局", person="周"
    )
    assert await attacker.count(*CELL) == CANARY
    assert await attacker.cells(AnyOf(CELL)) is not None
