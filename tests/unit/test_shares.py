"""A page over several sources: what is given is what asking all for all would give."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import SourceTimeoutError
from zhitong.resolvers import shares
from zhitong.resolvers.merge import mark_of
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Ask, Found, Reader
from zhitong.schema.declare import entity, item
from zhitong.types import (
    Inquiry,
    Kind,
    Label,
    Occasion,
    Order,
    Principal,
    RowQuery,
)
from zhitong.types import Table as Answered

CASE = entity(
    "Case",
    "cases",
    "案件",
    "A case",
    key="caseNo",
    orders=("caseNo", "fine"),
    fields=(item("caseNo", "编号", "Number"), item("fine", "罚款", "Fine", Kind.MONEY)),
)
NAMES = ("a", "b", "c")
TITLE = Label("部门", "Department")
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"police"}),
    types=frozenset({"Case"}),
    fields=frozenset({"caseNo", "fine"}),
    reason=TITLE,
    source="test",
)
Fines = Sequence[str | None]
STEADY = 120
"""Pages after which one that was off is forgotten."""


class Departments:
    """Sources with these fines, and a reader over them."""

    def __init__(self, fines: Sequence[Fines]) -> None:
        self.sources = {
            name: MemorySource(
                name,
                TITLE,
                [
                    Table(
                        entity=CASE,
                        key="caseNo",
                        rows=[
                            {"caseNo": f"{number:03}", "fine": fine}
                            for number, fine in enumerate(some)
                        ],
                        feeds=frozenset({"caseNo", "fine"}),
                    )
                ],
            )
            for name, some in zip(NAMES, fines, strict=False)
        }
        policy = Policy(rules=(OPEN,), rows=())
        self.reader = Reader(lambda: self.sources, policy)

    def read(self, ask: Ask) -> tuple[Found, Inquiry]:
        inquiry = Inquiry(
            principal=Principal(kind="police", unit="U", unit_name="局", person="王"),
            occasion=Occasion(),
            id="1",
        )
        return asyncio.run(self.reader.rows(inquiry, ask)), inquiry

    def asked(self) -> list[int]:
        """Say for how many rows each statement was, and forget them."""
        limits = [
            query.limit or 0
            for source in self.sources.values()
            for query in source.queries
        ]
        for source in self.sources.values():
            source.queries.clear()
        return limits


def ask(limit: int, *, descending: bool = True, peek: bool = True) -> Ask:
    order = Order("fine", descending=descending)
    fields = frozenset({"caseNo", "fine"})
    return Ask(entity=CASE, fields=fields, order=order, limit=limit, peek=peek)


def seen(found: Found, inquiry: Inquiry) -> tuple[object, ...]:
    looks = {(look.source, look.rows, look.keys) for look in inquiry.looks}
    rows = [(row.source, row.key, row.order) for row in found.rows]
    return rows, found.more, found.missing, looks


FINES = st.lists(st.none() | st.sampled_from(["9.00", "10.00", "100.00"]), max_size=30)


@settings(max_examples=200)
@given(
    fines=st.lists(FINES, min_size=2, max_size=3),
    limit=st.integers(1, 30),
    descending=st.booleans(),
    peek=st.booleans(),
)
def test_fair_shares_give_what_whole_pages_give(
    fines: list[Fines], limit: int, *, descending: bool, peek: bool
) -> None:
    asked = ask(limit, descending=descending, peek=peek)
    fair, whole = Departments(fines), Departments(fines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shares, "SPARE", 1)
        for _ in range(3):  # what was learnt of the first page serves the others
            patch.setattr(shares, "SMALLEST", 1)
            shared = seen(*fair.read(asked))
            patch.setattr(shares, "SMALLEST", 1_000)
            assert shared == seen(*whole.read(asked))


def test_pages_go_on_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "SMALLEST", 1)
    monkeypatch.setattr(shares, "SPARE", 1)
    city = Departments([["1.00", "3.00", None] * 5, ["2.00", "3.00"] * 4, [None] * 9])
    whole, _ = city.read(ask(100))
    walked: list[tuple[str, str]] = []
    asked = ask(4)
    while (found := city.read(asked)[0]).rows:
        walked += [(row.source, row.key) for row in found.rows]
        after = mark_of(found.rows[-1])
        asked = Ask(
            entity=CASE,
            fields=asked.fields,
            order=asked.order,
            limit=4,
            peek=True,
            after=after,
        )
    assert walked == [(row.source, row.key) for row in whole.rows]


def test_sources_that_give_alike_are_asked_for_little_more_than_is_given() -> None:
    alike = [f"{number}.00" for number in range(400)]
    city = Departments([alike, alike, alike])
    found, _ = city.read(ask(300))
    assert len(found.rows) == 300
    assert city.asked() == [119, 119, 119]


def test_one_that_has_nearly_all_is_asked_on_once_and_known_for_it_later() -> None:
    few = [f"{number}.00" for number in range(2)]
    many = [f"{1000 + number}.00" for number in range(400)]
    city = Departments([few, many, few])
    city.read(ask(300))
    assert city.asked() == [119, 119, 301 - 119, 119]
    city.read(ask(300))
    assert city.asked() == [2, 301, 2]


def test_the_more_alike_pages_are_the_fewer_rows_are_to_spare() -> None:
    alike = [f"{number}.00" for number in range(400)]
    city = Departments([alike, alike, alike])
    for _ in range(STEADY):
        city.read(ask(300))
    asked = city.asked()
    assert len(asked) == STEADY * 3  # none was asked on
    assert (max(asked), min(asked)) == (119, 101 + shares.SPARE)


def test_sources_that_gave_otherwise_of_late_are_asked_for_more() -> None:
    city = Departments([[f"{number}.00" for number in range(400)]] * 3)
    for _ in range(STEADY):
        city.read(ask(300))
    before = max(city.asked()[-3:])
    table = city.sources["a"].tables["Case"]
    city.sources["a"].tables["Case"] = replace(table, rows=table.rows[:-30])
    city.read(ask(300))
    city.asked()
    city.read(ask(300))
    assert min(city.asked()[1:3]) > before + 10


def test_sources_that_took_turns_are_asked_for_less_once_they_do_not() -> None:
    city = Departments([[f"{number}.00" for number in range(400)]] * 2)
    high, low = city.sources["a"].tables["Case"], city.sources["b"].tables["Case"]
    low = replace(low, rows=[{**row, "fine": "0.00"} for row in low.rows])
    for turn in range(8):
        tables = (high, low) if turn % 2 else (low, high)
        for source, table in zip(city.sources.values(), tables, strict=True):
            source.tables["Case"] = table
        city.read(ask(300))
    assert city.asked()[-2:] == [301, 301]
    for _ in range(STEADY):
        city.read(ask(300))
    assert sum(city.asked()[-2:]) < 301 + 20


def test_a_small_page_is_one_statement_of_each_source() -> None:
    city = Departments([["1.00"] * 60, ["2.00"] * 60])
    city.read(ask(14))
    assert city.asked() == [15, 15]


def test_of_a_page_as_people_read_it_each_source_gives_about_its_share() -> None:
    alike = [f"{number}.00" for number in range(STEADY)]
    city = Departments([alike, alike, alike])
    found, _ = city.read(ask(20))
    assert len(found.rows) == 20
    assert city.asked() == [14, 14, 14]


def test_a_source_that_fails_when_asked_on_is_missing_whole() -> None:
    city = Departments([["9.00"] * 400, ["1.00"] * 400])
    first = city.sources["a"]
    answer = first.table

    async def once(query: RowQuery) -> Answered:
        if first.queries:
            raise SourceTimeoutError("迟", "late")
        return await answer(query)

    first.table = once  # type: ignore[method-assign]
    found, inquiry = city.read(ask(300))
    assert found.missing == ("a",)
    assert {row.source for row in found.rows} == {"b"}
    assert [gap.source for gap in inquiry.gaps] == ["a"]
    assert {look.source for look in inquiry.looks} == {"b"}
