"""Counts of departments that may be a little old: exact, told, and of one scope."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import SourceTimeoutError
from zhitong.resolvers.policy import Effect, Policy, RowRule, Rule, Scope
from zhitong.resolvers.read import Ask, Counted, Reader
from zhitong.resolvers.recent_counts import RecentCounts
from zhitong.schema.access_report import ages
from zhitong.schema.declare import by, entity, item
from zhitong.types import (
    Compare,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Label,
    Occasion,
    Op,
    Predicate,
    Principal,
    Tally,
    TallyQuery,
)

CASE = entity(
    "Case",
    "cases",
    "案件",
    "A case",
    key="caseNo",
    orders=("caseNo",),
    fields=(
        item("caseNo", "编号", "Number"),
        item("division", "区划", "Division", Kind.DIVISION),
        item("party", "当事人", "Party"),
    ),
    groupings=(by("DIVISION", "division", "区划", "Division"),),
)
WHY = Label("因", "why")
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"department", "dashboard"}),
    fields=frozenset({"caseNo", "division", "party"}),
    reason=WHY,
    source="test",
)
HERE = RowRule(
    name="here",
    kinds=frozenset({"department"}),
    types=frozenset({"Case"}),
    scope=Scope(own_division="division"),
    source="test",
)
POLICY = Policy(rules=(OPEN,), rows=(HERE,))
DIVISIONS = (GroupBy("division"),)


class Department(MemorySource):
    """A source that can be held up, and that answers as it was when it was asked."""

    def __init__(self, name: str, *divisions: str) -> None:
        super().__init__(name, Label(name, name), [])
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.cancelled = 0
        self.set(*divisions)

    def set(self, *divisions: str, lost: str = "") -> None:
        rows = tuple(
            {"caseNo": str(no), "division": one, "party": "甲"}
            for no, one in enumerate(divisions)
        )
        table = Table(
            entity=CASE,
            key="caseNo",
            rows=rows,
            lost={lost: WHY} if lost else {},
        )
        self.tables = {"Case": table}

    async def tally(self, query: TallyQuery) -> Sequence[Tally]:
        tallies = await super().tally(query)
        self.asked.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return tallies


class Office:
    """A reader with a clock that is set by hand."""

    def __init__(self, *sources: MemorySource, most: int = 1_000) -> None:
        self.sources = {one.name: one for one in sources}
        self.now = 0.0
        self.counts = RecentCounts(
            60.0, frozenset({"platform"}), lambda: self.now, most
        )
        self.reader = Reader(lambda: self.sources, POLICY, self.counts)

    async def count(  # noqa: PLR0913 - what a count is asked with
        self,
        asking: Inquiry,
        groups: tuple[GroupBy, ...] = DIVISIONS,
        *,
        where: Predicate | None = None,
        keys: Keys | None = None,
        limit: int = 100,
        recent: bool = True,
    ) -> Counted:
        ask = Ask(entity=CASE, limit=limit, where=where, keys=keys)
        return await self.reader.tally(asking, ask, groups, recent=recent)


def inquiry(kind: str = "dashboard", division: str = "619921") -> Inquiry:
    return Inquiry(
        principal=Principal(
            kind=kind, unit="U", unit_name="局", person="王", division=division
        ),
        occasion=Occasion(purpose="search"),
        id="1",
    )


def told(counted: Counted) -> dict[str | None, int]:
    return {one.group[0]: one.count for one in counted.tallies}


@pytest.fixture
def market() -> Department:
    return Department("market", "619921", "619921", "619922")


async def test_within_the_time_a_table_is_counted_once(market: Department) -> None:
    office = Office(market)
    counted = await office.count(inquiry())
    market.set("619921")
    office.now = 59.9
    assert await office.count(inquiry()) == counted
    assert len(market.queries) == 1


async def test_after_the_time_the_table_is_counted_as_it_is(market: Department) -> None:
    office = Office(market)
    await office.count(inquiry())
    market.set("619921")
    office.now = 60.0
    asking = inquiry()
    assert told(await office.count(asking)) == {"619921": 1}
    assert asking.as_of == {}


async def test_a_count_that_was_kept_says_from_when_it_is(market: Department) -> None:
    office, first, second = Office(market), inquiry(), inquiry()
    before = datetime.now(UTC)
    await office.count(first)
    after = datetime.now(UTC)
    await office.count(second)
    assert ages(first) == {}
    entries = ages(second)["asOf"]
    assert isinstance(entries, list)
    (entry,) = entries
    assert (entry["source"], entry["type"]) == ("market", "Case")
    assert before <= datetime.fromisoformat(entry["at"]) <= after


async def test_of_several_counts_the_oldest_is_told(market: Department) -> None:
    office, asking = Office(market), inquiry()
    await office.count(inquiry(), ())
    middle = datetime.now(UTC)
    await office.count(inquiry(), DIVISIONS)
    await office.count(asking, DIVISIONS)
    assert asking.as_of["market", "Case"] >= middle
    await office.count(asking, ())
    assert asking.as_of["market", "Case"] <= middle


async def test_a_kept_count_leaves_the_record_that_one_asked_for_leaves(
    market: Department,
) -> None:
    office, first, second = Office(market), inquiry(), inquiry()
    for one in (first, second):
        await office.count(one)
    assert first.looks == second.looks != []
    assert (first.gaps, first.restrictions) == (second.gaps, second.restrictions)


async def test_different_scopes_never_share_a_count(market: Department) -> None:
    office = Office(market)
    here, there = inquiry("department"), inquiry("department", "619922")
    assert told(await office.count(here)) == {"619921": 2}
    assert told(await office.count(there)) == {"619922": 1}
    assert told(await office.count(inquiry())) == {"619921": 2, "619922": 1}
    assert there.as_of == {}
    assert len(market.queries) == 3


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"where": Compare("party", Op.EQ, "甲")}, id="of a party"),
        pytest.param({"where": Compare("caseNo", Op.IN, ("1",))}, id="of a row"),
        pytest.param({"keys": Keys("party", ("甲",)), "groups": ()}, id="by key"),
        pytest.param({"recent": False}, id="of a filter"),
    ],
)
async def test_other_counts_are_asked_for_each_time(
    market: Department, more: dict[str, object]
) -> None:
    office, second = Office(market), inquiry()
    for one in (inquiry(), second):
        await office.count(one, **more)  # type: ignore[arg-type]
    assert len(market.queries) == 2
    assert second.as_of == {}


async def test_a_condition_on_a_grouping_is_kept_with_its_value(
    market: Department,
) -> None:
    office = Office(market)
    for division, count in (("619921", 2), ("619922", 1), ("619921", 2)):
        where = Compare("division", Op.EQ, division)
        assert told(await office.count(inquiry(), where=where)) == {division: count}
    assert len(market.queries) == 2


async def test_the_platform_is_asked_each_time() -> None:
    own = Department("platform", "619921")
    office = Office(own)
    for _ in range(2):
        await office.count(inquiry())
    assert len(own.queries) == 2


async def test_with_no_time_set_each_question_asks(market: Department) -> None:
    reader = Reader(lambda: {"market": market}, POLICY, RecentCounts(0.0))
    for _ in range(2):
        await reader.tally(inquiry(), Ask(entity=CASE), (), recent=True)
    assert len(market.queries) == 2


async def test_tables_that_changed_are_counted_anew(market: Department) -> None:
    office, asking = Office(market), inquiry()
    await office.count(inquiry())
    market.set("619921", lost="party")
    assert told(await office.count(asking)) == {"619921": 1}
    assert asking.as_of == {}


async def test_a_source_that_was_bound_anew_is_counted_anew(market: Department) -> None:
    office, asking = Office(market), inquiry()
    await office.count(inquiry())
    office.sources["market"] = Department("market", "619921")
    assert told(await office.count(asking)) == {"619921": 1}
    assert asking.as_of == {}


async def test_a_failure_is_not_kept(market: Department) -> None:
    office, failed, asking = Office(market), inquiry(), inquiry()
    market.failure = SourceTimeoutError("慢", "slow")
    assert (await office.count(failed)).missing == ("market",)
    assert [gap.source for gap in failed.gaps] == ["market"]
    market.failure = None
    assert (await office.count(asking)).missing == ()
    assert asking.gaps == []


async def test_who_asks_at_one_time_waits_for_one_statement(
    market: Department,
) -> None:
    office = Office(market)
    market.open.clear()
    asking = [inquiry() for _ in range(5)]
    waiting = [asyncio.create_task(office.count(one)) for one in asking]
    await market.asked.wait()
    market.open.set()
    first, *others = await asyncio.gather(*waiting)
    assert all(one == first for one in others)
    assert len(market.queries) == 1
    assert [bool(one.as_of) for one in asking] == [False, True, True, True, True]
    assert all(len(one.looks) == 1 for one in asking)


async def test_who_waits_for_one_statement_has_its_failure_for_his_own(
    market: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(market)
    sent = []

    async def fail(query: TallyQuery) -> Sequence[Tally]:
        sent.append(query)
        market.asked.set()
        await market.open.wait()
        raise SourceTimeoutError("慢", "slow")

    monkeypatch.setattr(market, "tally", fail)
    market.open.clear()
    asking = [inquiry() for _ in range(3)]
    waiting = [asyncio.create_task(office.count(one)) for one in asking]
    await market.asked.wait()
    market.open.set()
    assert [one.missing for one in await asyncio.gather(*waiting)] == [("market",)] * 3
    assert [len(one.gaps) for one in asking] == [1, 1, 1]
    assert [one.as_of for one in asking] == [{}, {}, {}]
    assert len(sent) == 1


async def test_who_leaves_takes_the_statement_from_nobody(market: Department) -> None:
    office = Office(market)
    market.open.clear()
    first, second = (asyncio.create_task(office.count(inquiry())) for _ in range(2))
    await market.asked.wait()
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    market.open.set()
    assert told(await second) == {"619921": 2, "619922": 1}
    assert (len(market.queries), market.cancelled) == (1, 0)


async def test_a_statement_that_nobody_waits_for_is_given_up(
    market: Department,
) -> None:
    office = Office(market)
    market.open.clear()
    alone = asyncio.create_task(office.count(inquiry()))
    await market.asked.wait()
    alone.cancel()
    # Whoever asks now does not wait for the one that is being given up.
    market.asked.clear()
    again = asyncio.create_task(office.count(inquiry()))
    async with asyncio.timeout(60):
        await market.asked.wait()
    assert alone.cancelled()
    market.open.set()
    assert told(await again) == {"619921": 2, "619922": 1}
    assert market.cancelled == 1


async def test_no_more_groups_are_kept_than_may_be(market: Department) -> None:
    office = Office(market, most=7)  # two such tables, each of two groups and one
    for limit in (100, 101, 102):
        await office.count(inquiry(), limit=limit)
    for limit, asked in ((102, 3), (101, 3), (100, 4)):
        await office.count(inquiry(), limit=limit)
        assert len(market.queries) == asked


async def test_a_table_larger_than_all_that_is_kept_is_not_kept(
    market: Department,
) -> None:
    office = Office(market, most=2)
    for _ in range(2):
        await office.count(inquiry())
    assert len(market.queries) == 2
