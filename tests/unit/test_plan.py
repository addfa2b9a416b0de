"""Plans: levels read at once, each branch by itself, errors where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from plan_city import (
    AGENCIES,
    AGENCY,
    CASE,
    OFFICER,
    POLICY,
    Parts,
    asking,
    city,
    first,
    source,
    weighed,
)

from zhitong.connectors.memory import MemorySource
from zhitong.exceptions import PageSizeError, SourceTimeoutError
from zhitong.grants import Grant
from zhitong.resolvers.asking import Asking
from zhitong.resolvers.nodes import NodeId, node_id
from zhitong.resolvers.outcome import Outcome
from zhitong.resolvers.plan import Plans
from zhitong.resolvers.policy import Policy
from zhitong.resolvers.read import Reader
from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Computed,
    Identity,
    Leaf,
    Match,
    One,
    PageBelow,
    Part,
    Selection,
    Several,
    SourceName,
    Total,
)
from zhitong.types import Compare, Op, Row, RowQuery, Sharing, Table, Tightening

LONG = 60
LESS = Policy(
    rules=tuple(replace(rule, fields=frozenset({"no"})) for rule in POLICY.rules),
    rows=(),
)
GRANT = Grant(
    id="G1",
    unit="U",
    owner="agencies-owner",
    fields={"Agency": frozenset({"name"})},
    lookups={},
    purpose="tax",
    basis="法",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)


async def run(asked: Asking, root: Sequence[Part], *bound: object) -> Outcome:
    selection = Selection(root=tuple(root), parts=100)
    plan = Plans().plan(selection)
    return await asyncio.wait_for(plan.run(asked, bound or (first(),), len), LONG)


def agency(parts: Parts, *below: Part, **more: object) -> Part:
    return parts.part(
        "agency",
        "Case",
        One(CASE.relations["agency"]),
        below={"Agency": below},
        places={"Agency": weighed(AGENCY, *below)},
        **more,
    )


def officers(parts: Parts, *below: Part) -> Part:
    return parts.part(
        "officers",
        "Case",
        Several(CASE.relations["officers"]),
        items=(False,),
        below={"Officer": below},
        places={"Officer": weighed(OFFICER, *below)},
    )


def cases(parts: Parts, *below: Part, bound: int = 1) -> Part:
    rows = [part for one in below for part in one.below.get("Case", ())]
    return parts.part(
        "cases",
        "Agency",
        PageBelow(AGENCY.relations["cases"]),
        bound=bound,
        below={"CaseConnection": below},
        places={"Case": weighed(CASE, *rows)},
    )


def total(parts: Parts) -> Part:
    count = parts.part("count", "TotalCount", Attribute("count"), leaf=Leaf.INTEGER)
    return parts.part(
        "totalCount",
        "CaseConnection",
        Total(),
        nullable=False,
        below={"TotalCount": (count,)},
    )


async def test_a_page_is_answered_with_what_its_rows_lead_to() -> None:
    parts = Parts()
    matched = parts.part(
        "agencyMatch",
        "Case",
        Match(CASE.relations["agency"]),
        leaf=Leaf.CODE,
        codes=frozenset({"EXACT", "NOT_STATED"}),
        places={"Agency": weighed(AGENCY)},
    )
    page = parts.page(
        CASE,
        parts.nodes(
            "Case",
            *parts.columns("Case", "no"),
            agency(parts, *parts.columns("Agency", "name")),
            matched,
            officers(parts, *parts.columns("Officer", "no")),
        ),
    )
    outcome = await run(asking(city()), [page])
    assert outcome == Outcome(
        {
            "cases": {
                "nodes": [
                    {
                        "no": "c1",
                        "agency": {"name": "甲局"},
                        "agencyMatch": "EXACT",
                        "officers": [{"no": "o1"}, {"no": "o2"}],
                    },
                    {
                        "no": "c2",
                        "agency": {"name": "甲局"},
                        "agencyMatch": "EXACT",
                        "officers": [{"no": "o2"}],
                    },
                    {
                        "no": "c3",
                        "agency": {"name": "乙局"},
                        "agencyMatch": "EXACT",
                        "officers": [],
                    },
                    {
                        "no": "c4",
                        "agency": None,
                        "agencyMatch": "NOT_STATED",
                        "officers": [],
                    },
                ]
            }
        }
    )


async def test_a_level_is_one_statement_to_each_source_and_repeats_are_none() -> None:
    sources = city()
    parts = Parts()
    below = cases(
        parts,
        parts.nodes("Case", agency(parts, *parts.columns("Agency", "name"))),
        total(parts),
    )
    above = agency(parts, below)
    outcome = await run(
        asking(sources),
        [parts.page(CASE, parts.nodes("Case", above))],
        first(),
        first(),
    )
    data: Any = outcome.data
    inner = data["cases"]["nodes"][0]["agency"]["cases"]
    assert inner["totalCount"] == {"count": 2}
    assert inner["nodes"] == [{"agency": {"name": "甲局"}}] * 2
    # The cases, those below agencies, and their count; agencies for their keys alone,
    # then with their names.
    assert len(sources["courts"].queries) == 3
    assert len(sources["agencies"].queries) == 2


async def test_what_many_share_counts_wherever_it_stands() -> None:
    parts = Parts()
    inner = cases(parts, parts.nodes("Case", *parts.columns("Case", "no")))
    page = parts.page(CASE, parts.nodes("Case", agency(parts, inner)))
    asked = asking(city())
    await run(asked, [page], first(), first())
    # Four cases of one field; three agencies given, of one; their cases: 2 + 2 + 1.
    assert asked.budget.built == 4 * 6 + 3 * 6 + 5 * 6


async def test_a_level_of_no_rows_asks_nothing() -> None:
    sources = city()
    none = first(where=Compare("no", Op.EQ, "c9"))
    parts = Parts()
    page = parts.page(
        CASE, parts.nodes("Case", agency(parts, *parts.columns("Agency", "name")))
    )
    asked = asking(sources)
    assert await run(asked, [page], none) == Outcome({"cases": {"nodes": []}})
    assert sources["agencies"].queries == []
    assert [look.type for look in asked.inquiry.looks] == ["Case"]


async def test_an_argument_that_does_not_fit_is_told_at_every_row() -> None:
    parts = Parts()
    below = cases(parts, parts.nodes("Case", *parts.columns("Case", "no")))
    page = parts.page(AGENCY, parts.nodes("Agency", below))
    outcome = await run(asking(city()), [page], first(), first(0))
    assert outcome.data == {"agencies": {"nodes": [{"cases": None}, {"cases": None}]}}
    assert [fault.path for fault in outcome.faults] == [
        ("agencies", "nodes", 0, "cases"),
        ("agencies", "nodes", 1, "cases"),
    ]
    assert all(isinstance(fault.error, PageSizeError) for fault in outcome.faults)


async def test_a_cursor_of_one_list_is_refused_below_the_other_rows_alone() -> None:
    parts = Parts()
    cursor = parts.part("cursor", "CaseEdge", Attribute("cursor"), leaf=Leaf.TEXT)
    edges = parts.part(
        "edges",
        "CaseConnection",
        Attribute("edges"),
        items=(False,),
        below={"CaseEdge": (cursor,)},
    )
    page = parts.page(AGENCY, parts.nodes("Agency", cases(parts, edges)))
    outcome = await run(asking(city()), [page], first(), first(1))
    data: Any = outcome.data
    after = data["agencies"]["nodes"][0]["cases"]["edges"][0]["cursor"]

    parts = Parts()
    nodes = parts.nodes("Case", *parts.columns("Case", "no"))
    page = parts.page(AGENCY, parts.nodes("Agency", cases(parts, nodes)))
    outcome = await run(asking(city()), [page], first(), first(1, after=after))
    data = outcome.data
    assert data["agencies"]["nodes"] == [
        {"cases": {"nodes": [{"no": "c2"}]}},
        {"cases": None},
    ]
    (fault,) = outcome.faults
    assert fault.path == ("agencies", "nodes", 1, "cases")


async def test_an_error_below_what_may_not_be_null_takes_its_siblings_along() -> None:
    parts = Parts()
    days = parts.part("days", "Case", Column(), leaf=Leaf.CODE, codes=frozenset("a"))
    sure = parts.part("agencyNo", "Case", Column(), leaf=Leaf.TEXT, nullable=False)
    nodes = replace(parts.nodes("Case", days, sure), nullable=True)
    outcome = await run(asking(city()), [parts.page(CASE, nodes)])
    assert outcome.data == {"cases": {"nodes": None}}
    (fault,) = outcome.faults
    assert fault.path == ("cases", "nodes", 3, "agencyNo")
    assert str(fault.error) == (
        "Cannot return null for non-nullable field Case.agencyNo."
    )


class Waiting(MemorySource):
    """A department that answers when it is let."""

    def __init__(self, made: MemorySource, gate: asyncio.Event) -> None:
        super().__init__(made.name, made.title, made.tables.values())
        self.gate = gate
        self.asked = asyncio.Event()

    async def table(self, query: RowQuery) -> Table:
        self.asked.set()
        await self.gate.wait()
        return await super().table(query)


async def test_a_slow_department_holds_up_its_branch_alone() -> None:
    gate = asyncio.Event()
    roster = Waiting(city()["roster"], gate)

    class Opening(MemorySource):
        async def table(self, query: RowQuery) -> Table:
            if query.keys is not None:  # two levels down the other branch
                gate.set()
            return await super().table(query)

    made = city()["courts"]
    courts = Opening(made.name, made.title, made.tables.values())
    parts = Parts()
    inner = cases(parts, parts.nodes("Case", *parts.columns("Case", "no")))
    page = parts.page(
        CASE,
        parts.nodes(
            "Case",
            officers(parts, *parts.columns("Officer", "no")),
            agency(parts, inner),
        ),
    )
    sources = city(roster=roster, courts=courts)
    outcome = await run(asking(sources), [page], first(), first())
    data: Any = outcome.data
    assert data["cases"]["nodes"][0]["officers"] == [{"no": "o1"}, {"no": "o2"}]
    assert not outcome.faults


async def test_who_cancels_a_question_leaves_nothing_behind() -> None:
    roster = Waiting(city()["roster"], asyncio.Event())
    agencies = Waiting(city()["agencies"], asyncio.Event())
    parts = Parts()
    page = parts.page(
        CASE,
        parts.nodes(
            "Case",
            officers(parts, *parts.columns("Officer", "no")),
            agency(parts, *parts.columns("Agency", "name")),
        ),
    )
    before = asyncio.all_tasks()
    sources = city(roster=roster, agencies=agencies)
    running = asyncio.create_task(run(asking(sources), [page]))
    await asyncio.wait_for(roster.asked.wait(), LONG)
    await asyncio.wait_for(agencies.asked.wait(), LONG)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before


async def test_a_department_that_is_away_is_missing_and_no_error() -> None:
    sources = city()
    sources["agencies"].failure = SourceTimeoutError("超时", "timed out")
    parts = Parts()
    page = parts.page(
        CASE, parts.nodes("Case", agency(parts, *parts.columns("Agency", "name")))
    )
    asked = asking(sources)
    outcome = await run(asked, [page])
    assert outcome == Outcome({"cases": {"nodes": [{"agency": None}] * 4}})
    assert [gap.source for gap in asked.inquiry.gaps] == ["agencies"]


async def test_a_fault_of_ours_stands_at_the_fields_it_was_met_for() -> None:
    class Broken(MemorySource):
        async def table(self, query: RowQuery) -> Table:
            raise ZeroDivisionError(query.type)

    made = city()["agencies"]
    broken = Broken(made.name, made.title, made.tables.values())
    parts = Parts()
    page = parts.page(
        CASE,
        parts.nodes(
            "Case",
            *parts.columns("Case", "no"),
            agency(parts, *parts.columns("Agency", "name")),
        ),
    )
    outcome = await run(asking(city(agencies=broken)), [page])
    data: Any = outcome.data
    assert [row["no"] for row in data["cases"]["nodes"]] == ["c1", "c2", "c3", "c4"]
    assert {type(fault.error) for fault in outcome.faults} == {ZeroDivisionError}
    assert [fault.path[2] for fault in outcome.faults] == [0, 1, 2, 3]


async def test_fields_of_the_query_are_found_beside_each_other() -> None:
    parts = Parts()
    name = parts.part("name", "Source", Attribute("name"), leaf=Leaf.TEXT)

    def names(asked: Asking, _: object) -> list[object]:
        return list(asked.sources().values())

    listed = parts.part(
        "sources",
        "Query",
        Computed(names),
        nullable=False,
        items=(False,),
        below={"Source": (name,)},
    )
    page = parts.page(CASE, total(parts), key="mine")
    outcome = await run(asking(city()), [listed, page])
    assert outcome.data == {
        "sources": [{"name": "courts"}, {"name": "agencies"}, {"name": "roster"}],
        "mine": {"totalCount": {"count": 4}},
    }


async def test_a_plan_is_made_once_and_the_oldest_is_let_go() -> None:
    plans = Plans(most=2)
    one, two, three = Selection(), Selection(), Selection()
    made = plans.plan(one)
    plans.plan(two)
    assert plans.plan(one) is made
    plans.plan(three)
    assert plans.plan(one) is made
    again: Mapping[Selection, object] = plans._plans
    assert list(again) == [three, one]


async def test_equal_questions_are_answered_under_what_holds_at_each() -> None:
    """A plan is kept; what verdicts and sources come to is settled anew."""
    sources = city()
    reader = Reader(lambda: sources, LESS)
    parts = Parts()
    asks = parts.columns("Agency", "no", "name")
    root = (parts.page(AGENCY, parts.nodes("Agency", *asks)),)
    plan = Plans().plan(Selection(root=root, parts=parts.count))

    async def names(*grants: Grant) -> list[str | None]:
        asked = asking(sources, LESS, reader=reader, grants=grants)
        data: Any = (await plan.run(asked, (first(),), len)).data
        return [node["name"] for node in data["agencies"]["nodes"]]

    assert await names() == [None, None]
    assert await names(GRANT) == ["甲局", "乙局"]
    assert await names() == [None, None]  # it was revoked

    tightened = {"name": Tightening(Sharing.WITHHELD, "某法第1条")}
    sources["agencies"] = source("agencies", AGENCY, AGENCIES, tightened=tightened)
    assert await names(GRANT) == [None, None]

    sources["agencies"] = source("agencies", AGENCY, AGENCIES[:1])
    assert await names(GRANT) == ["甲局"]


async def test_rows_that_lead_nowhere_are_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def row(_: Table, record: object) -> Row:
        raise AssertionError(record)

    monkeypatch.setattr(Table, "row", row)
    parts = Parts()
    identity = parts.part("id", "Case", Identity(), leaf=Leaf.TEXT)
    where = parts.part("source", "Case", SourceName(), leaf=Leaf.TEXT)
    end = parts.part("endCursor", "PageInfo", Attribute("endCursor"), leaf=Leaf.TEXT)
    info = parts.part(
        "pageInfo", "CaseConnection", Attribute("pageInfo"), below={"PageInfo": (end,)}
    )
    asks = (*parts.columns("Case", "no"), where, identity)
    page = parts.page(CASE, parts.nodes("Case", *asks), info)
    outcome = await run(asking(city()), [page], first(1))
    data: Any = outcome.data
    (node,) = data["cases"]["nodes"]
    assert (node["no"], node["source"]) == ("c1", "courts")
    assert node_id(node["id"]) == NodeId("Case", "courts", "c1")
    assert data["cases"]["pageInfo"]["endCursor"]
    assert not outcome.faults
