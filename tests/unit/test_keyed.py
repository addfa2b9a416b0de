"""Look-ups by key: each key is asked for once in a question, whoever asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import FieldHiddenError, SourceTimeoutError
from zhitong.resolvers import budget as budgets
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.keyed import Keyed
from zhitong.resolvers.loaders import Loaders
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Ask, Reader
from zhitong.schema.declare import WITHHELD, entity, item
from zhitong.types import (
    SOURCE_KEY,
    Inquiry,
    Keys,
    Label,
    Occasion,
    Order,
    Principal,
    RowQuery,
)
from zhitong.types import Table as Answered

PHONE = item("phone", "电话", "Phone", sharing=WITHHELD)
FIRM = entity(
    "Firm",
    "firms",
    "企业",
    "A firm",
    key="code",
    orders=("code",),
    fields=(item("code", "代码", "Code"), item("name", "名称", "Name"), PHONE),
)
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"department"}),
    fields=frozenset({"code", "name"}),
    reason=Label("因", "why"),
    source="test",
)
ASK = Ask(
    entity=FIRM,
    fields=frozenset({"name"}),
    order=Order(SOURCE_KEY, descending=False),
    limit=1,
    peek=True,
)
ROWS = ({"code": "1", "name": "甲"}, {"code": "2", "name": "乙"})


@pytest.fixture
def source() -> MemorySource:
    table = Table(entity=FIRM, key="code", rows=ROWS)
    return MemorySource("market", Label("市监", "market"), [table])


@pytest.fixture
def reader(source: MemorySource) -> Reader:
    return Reader(lambda: {"market": source}, Policy(rules=(OPEN,), rows=()))


@pytest.fixture
def inquiry() -> Inquiry:
    return Inquiry(
        principal=Principal(kind="department", unit="U", unit_name="局", person="王"),
        occasion=Occasion(),
        id="1",
    )


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def keyed(reader: Reader, inquiry: Inquiry, budget: Budget) -> Keyed:
    return Keyed(reader, inquiry, budget)


def asked(source: MemorySource) -> list[tuple[str, ...]]:
    return [query.keys.values for query in source.queries if query.keys is not None]


class Waiting:
    """Lets a source answer when it is told to."""

    def __init__(self, source: MemorySource) -> None:
        self.go = asyncio.Event()
        self._answer = source.table
        source.table = self.table  # type: ignore[method-assign]

    async def table(self, query: RowQuery) -> Answered:
        """Answer, once it may."""
        await self.go.wait()
        return await self._answer(query)


async def until_all_wait() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_rows_come_by_key_and_a_key_of_none_comes_empty(keyed: Keyed) -> None:
    found = await keyed.load(ASK, "code", ["2", "9", "1"])
    assert list(found) == ["2", "9", "1"]
    assert [[row.key for row in one.rows] for one in found.values()] == [
        ["2"],
        [],
        ["1"],
    ]


async def test_a_key_that_has_more_rows_than_are_given_says_so(
    keyed: Keyed, source: MemorySource
) -> None:
    double = Table(entity=FIRM, key="code", rows=(*ROWS, {"code": "3", "name": "甲"}))
    source.tables = {"Firm": double}
    found = await keyed.load(ASK, "name", ["甲", "乙"])
    assert [bool(one.more) for one in found.values()] == [True, False]
    assert [len(one.rows) for one in found.values()] == [1, 1]


async def test_a_key_is_asked_once_in_a_question(
    keyed: Keyed, source: MemorySource, budget: Budget
) -> None:
    await keyed.load(ASK, "code", ["1", "1", "2"])
    await keyed.load(ASK, "code", ["2", "3", "1"])
    await keyed.load(ASK, "code", ["3"])
    assert asked(source) == [("1", "2"), ("3",)]
    assert budget.read == 3 * 2


async def test_another_ask_asks_for_itself(keyed: Keyed, source: MemorySource) -> None:
    await keyed.load(ASK, "code", ["1"])
    await keyed.load(replace(ASK, fields=frozenset({"code"})), "code", ["1"])
    await keyed.load(ASK, "name", ["1"])
    assert len(source.queries) == 3


async def test_a_key_that_is_under_way_is_waited_for(
    keyed: Keyed, source: MemorySource
) -> None:
    waiting = Waiting(source)
    first = asyncio.create_task(keyed.load(ASK, "code", ["1"]))
    await until_all_wait()
    second = asyncio.create_task(keyed.load(ASK, "code", ["1", "2"]))
    await until_all_wait()
    waiting.go.set()
    found = await asyncio.gather(first, second)
    assert found[0]["1"] is found[1]["1"]
    assert sorted(asked(source)) == [("1",), ("2",)]


async def test_who_stops_waiting_takes_nothing_from_the_others(
    keyed: Keyed, source: MemorySource
) -> None:
    waiting = Waiting(source)
    first = asyncio.create_task(keyed.load(ASK, "code", ["1"]))
    await until_all_wait()
    leaving = asyncio.create_task(keyed.load(ASK, "code", ["1"]))
    await until_all_wait()
    leaving.cancel()
    await until_all_wait()
    waiting.go.set()
    assert (await first)["1"].rows
    assert leaving.cancelled()


async def test_what_a_cancelled_asker_left_is_asked_by_who_waits(
    keyed: Keyed, source: MemorySource
) -> None:
    waiting = Waiting(source)
    first = asyncio.create_task(keyed.load(ASK, "code", ["1"]))
    await until_all_wait()
    second = asyncio.create_task(keyed.load(ASK, "code", ["1"]))
    await until_all_wait()
    first.cancel()
    await until_all_wait()
    waiting.go.set()
    assert (await second)["1"].rows
    assert first.cancelled()


async def test_a_refusal_is_told_to_all_who_ask_for_the_key_and_comes_once(
    keyed: Keyed, budget: Budget
) -> None:
    hidden = replace(ASK, order=Order("phone"))
    for _ in range(2):
        with pytest.raises(FieldHiddenError):
            await keyed.load(hidden, "code", ["1"])
    assert budget.read == 2


async def test_a_fault_of_ours_is_raised_and_leaves_nobody_waiting(
    keyed: Keyed, source: MemorySource
) -> None:
    async def broken(_query: RowQuery) -> Answered:
        raise ZeroDivisionError

    answering = source.table
    source.table = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        await keyed.load(ASK, "code", ["1"])
    source.table = answering  # type: ignore[method-assign]
    assert (await keyed.load(ASK, "code", ["1"]))["1"].rows


async def test_a_source_that_is_away_leaves_every_key_without_its_part(
    keyed: Keyed, source: MemorySource
) -> None:
    source.failure = SourceTimeoutError("没有答复", "no answer")
    found = await keyed.load(ASK, "code", ["1", "2"])
    assert [(one.rows, one.missing) for one in found.values()] == [
        ((), ("market",))
    ] * 2


async def test_beyond_the_budget_nothing_is_read(
    keyed: Keyed,
    source: MemorySource,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budgets, "MOST_READ", 3)
    found = await keyed.load(ASK, "code", ["1", "2"])
    assert [one.rows for one in found.values()] == [(), ()]
    assert budget.exceeded
    assert source.queries == []


async def test_counts_come_by_key(keyed: Keyed, source: MemorySource) -> None:
    for _ in range(2):
        found = await keyed.count(ASK, "name", ["甲", "丙"])
        assert found == {"甲": (1, ()), "丙": (0, ())}
    assert len(source.queries) == 1


async def test_what_was_read_is_let_go_of_where_something_changed_it(
    keyed: Keyed, source: MemorySource
) -> None:
    for _ in range(2):
        await keyed.load(ASK, "code", ["1"])
        await keyed.count(ASK, "code", ["1"])
        keyed.forget()
    assert len(source.queries) == 4


async def test_a_reading_that_was_kept_is_read(
    keyed: Keyed, reader: Reader, inquiry: Inquiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_code = replace(ASK, keys=Keys("code", ()))
    reading = reader.reading(inquiry, by_code)
    counting = reader.counting(inquiry, by_code, ())
    monkeypatch.setattr(Reader, "reading", None)
    monkeypatch.setattr(Reader, "counting", None)
    assert (await keyed.load(ASK, "code", ["1"], reading))["1"].rows
    assert await keyed.count(ASK, "code", ["1"], counting) == {"1": (1, ())}


async def test_loaders_and_levels_know_the_same(
    reader: Reader, inquiry: Inquiry, budget: Budget, source: MemorySource
) -> None:
    loaders = Loaders(reader, inquiry, budget)
    rows, counts = loaders.rows_by_key(ASK, "code"), loaders.count_by_key(ASK, "code")
    found = await asyncio.gather(rows.load("1"), rows.load("2"), counts.load("1"))
    assert (found[0].rows[0].key, found[1].rows[0].key, found[2]) == ("1", "2", (1, ()))
    known = await loaders.keyed.load(ASK, "code", ["1", "2"])
    assert [*known.values()] == [found[0], found[1]]
    assert asked(source) == [("1", "2"), ("1",)]
