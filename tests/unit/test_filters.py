"""Filters: what may be compared, and what a filter across sources becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import FieldHiddenError, SourceError, TooWideError
from zhitong.resolvers import filters
from zhitong.resolvers.filters import Filters, Settled
from zhitong.resolvers.policy import Effect, Policy, Rule, Scope
from zhitong.resolvers.read import Reader
from zhitong.schema.declare import entity, item, one, pages
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    EntityType,
    Inquiry,
    Label,
    Not,
    Occasion,
    Op,
    Predicate,
    Principal,
    Related,
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
        item("firmCode", "代码", "Code"),
        item("kind", "类别", "Kind"),
        item("name", "名称", "Name"),
        item("secret", "秘密", "Secret"),
    ),
    relations=(
        one("firm", "Firm", "firmCode", "code", "企业", "Firm"),
        one("closed", "Firm", "firmCode", "code", "不可见", "Hidden way"),
        one("listing", "Firm", "firmCode", "secret", "秘密键", "By a hidden key"),
    ),
)
FIRM = entity(
    "Firm",
    "firms",
    "企业",
    "A firm",
    key="code",
    orders=("code",),
    fields=(
        item("code", "代码", "Code"),
        item("status", "状态", "Status"),
        item("secret", "秘密", "Secret"),
    ),
    relations=(pages("cases", "Case", "code", "firmCode", "案件", "Cases"),),
)
ENTITIES = {"Case": CASE, "Firm": FIRM}
LEGAL = Compare("kind", Op.IN, ("LEGAL",))
LISTED = Compare("status", Op.EQ, "LISTED")
NAMED = Compare("name", Op.CONTAINS, "甲")
NUMBERED = Compare("caseNo", Op.EQ, "1")


def rule(name: str, *fields: str, under: Scope | None = None) -> Rule:
    return Rule(
        name=name,
        effect=Effect.ALLOW,
        kinds=frozenset({"police"}),
        fields=frozenset(fields),
        under=under,
        reason=Label("因", "why"),
        source="test",
    )


POLICY = Policy(
    rules=(
        rule("open", "caseNo", "firmCode", "kind", "code", "status", "firm", "cases"),
        rule("way", "listing"),
        rule("names", "name", under=Scope(where=LEGAL)),
    ),
    rows=(),
)
FIRMS = [
    {"code": "A", "status": "LISTED", "secret": "x"},
    {"code": "B", "status": "LISTED", "secret": "y"},
    {"code": "C", "status": "FREE", "secret": "z"},
]


@pytest.fixture
def register() -> MemorySource:
    table = Table(entity=FIRM, key="code", rows=FIRMS)
    return MemorySource("register", Label("登记", "Register"), [table])


@pytest.fixture
def away() -> MemorySource:
    table = Table(entity=FIRM, key="code", rows=FIRMS[:1])
    return MemorySource("away", Label("外", "Away"), [table])


@pytest.fixture
def inquiry() -> Inquiry:
    return Inquiry(
        principal=Principal(kind="police", unit="U", unit_name="局", person="王"),
        occasion=Occasion(),
        id="1",
    )


@pytest.fixture
def settling(register: MemorySource, away: MemorySource, inquiry: Inquiry) -> Filters:
    sources = {"register": register, "away": away}
    return Filters(Reader(lambda: sources, POLICY), ENTITIES, inquiry)


async def settled(
    settling: Filters, where: Predicate, entity: EntityType = CASE
) -> Predicate | None:
    return (await settling.settle(entity, where)).where


async def test_no_filter_is_no_filter(settling: Filters) -> None:
    assert await settling.settle(CASE, None) == Settled()


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(Compare("secret", Op.EQ, "x"), id="plain"),
        pytest.param(Not(Compare("secret", Op.EQ, "x")), id="negated"),
        pytest.param(
            AnyOf((NUMBERED, All((Compare("secret", Op.PRESENT, value=True),)))),
            id="deep in an or",
        ),
        pytest.param(Related("closed", LISTED), id="a hidden relation"),
        pytest.param(
            Related("firm", Compare("secret", Op.EQ, "x")), id="on the far side"
        ),
        pytest.param(Related("listing", LISTED), id="the far side's key"),
    ],
)
async def test_what_is_hidden_cannot_be_compared(
    settling: Filters, inquiry: Inquiry, register: MemorySource, where: Predicate
) -> None:
    with pytest.raises(FieldHiddenError):
        await settling.settle(CASE, where)
    assert len(inquiry.restrictions) == 1
    assert register.queries == []


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(NAMED, id="plain"),
        pytest.param(Not(NAMED), id="negated"),
        pytest.param(AnyOf((NUMBERED, NAMED)), id="in an or"),
        pytest.param(Not(AnyOf((NUMBERED, Not(NAMED)))), id="deep"),
    ],
)
async def test_what_is_seen_of_some_rows_is_compared_on_those_alone(
    settling: Filters, inquiry: Inquiry, where: Predicate
) -> None:
    assert await settled(settling, where) == All((where, LEGAL))
    assert set(inquiry.restrictions) == {("Case", "name")}


async def test_a_guard_stands_once(settling: Filters) -> None:
    where = All((NAMED, Not(NAMED)))
    assert await settled(settling, where) == All((where, LEGAL))


async def test_a_semi_join_becomes_the_keys_of_the_far_side(
    settling: Filters,
) -> None:
    where = await settled(settling, All((NUMBERED, Related("firm", LISTED))))
    assert where == All((NUMBERED, Compare("firmCode", Op.IN, ("A", "B"))))


async def test_the_far_sides_guard_stays_on_the_far_side(
    settling: Filters, register: MemorySource
) -> None:
    register.tables["Case"] = Table(
        entity=CASE,
        key="caseNo",
        rows=[
            {"caseNo": "1", "firmCode": "A", "kind": "LEGAL", "name": "甲公司"},
            {"caseNo": "2", "firmCode": "B", "kind": "NATURAL", "name": "甲某"},
        ],
    )
    where = await settled(settling, Not(Related("cases", NAMED)), FIRM)
    assert where == Not(Compare("code", Op.IN, ("A",)))


async def test_an_equal_filter_is_settled_once(
    settling: Filters, register: MemorySource
) -> None:
    first = await settling.settle(CASE, Related("firm", LISTED))
    again = await settling.settle(CASE, Related("firm", replace(LISTED)))
    assert first == again
    assert len(register.queries) == 1


async def test_the_bound_is_asked_for_and_kept(
    settling: Filters, register: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "WIDEST", 2)
    assert await settled(settling, Related("firm", LISTED)) is not None
    (query,) = register.queries
    assert isinstance(query, TallyQuery)
    assert query.limit == 3
    with pytest.raises(TooWideError, match="more than 2 keys"):
        await settling.settle(CASE, Related("firm", All(())))


async def test_a_filter_of_too_many_conditions_reads_nothing(
    settling: Filters, register: MemorySource
) -> None:
    numbers = tuple(Compare("caseNo", Op.EQ, str(n)) for n in range(501))
    with pytest.raises(TooWideError, match="may have 500"):
        await settling.settle(CASE, All((AnyOf(numbers), Related("firm", LISTED))))
    assert await settled(settling, AnyOf(numbers[:500])) == AnyOf(numbers[:500])
    assert register.queries == []


async def test_a_question_follows_so_many_relations_in_its_filters(
    settling: Filters, register: MemorySource
) -> None:
    ways = [Related("firm", Compare("code", Op.EQ, str(n))) for n in range(21)]
    with pytest.raises(TooWideError, match="20 across sources"):
        await settling.settle(CASE, AnyOf(tuple(ways)))
    assert register.queries == []


async def test_a_missing_far_side_makes_the_answer_a_part(
    settling: Filters, away: MemorySource, inquiry: Inquiry
) -> None:
    away.failure = SourceError("不能访问", "away")
    found = await settling.settle(CASE, Related("firm", LISTED))
    assert found.lacking == ("away",)
    assert [gap.source for gap in inquiry.gaps] == ["away"]


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(Not(Related("firm", LISTED)), id="not"),
        pytest.param(Not(AnyOf((NUMBERED, Related("firm", LISTED)))), id="not or"),
        pytest.param(
            Related("firm", Not(Related("cases", Related("firm", LISTED)))),
            id="deep",
        ),
    ],
)
async def test_under_a_negation_a_missing_far_side_refuses_the_question(
    settling: Filters, away: MemorySource, where: Predicate
) -> None:
    away.failure = SourceError("不能访问", "away")
    with pytest.raises(SourceError, match="would give too much"):
        await settling.settle(CASE, where)


async def test_two_negations_are_none(settling: Filters, away: MemorySource) -> None:
    away.failure = SourceError("不能访问", "away")
    found = await settling.settle(CASE, Not(Not(Related("firm", LISTED))))
    assert found.lacking == ("away",)


async def test_a_far_side_that_lost_the_compared_column_is_missing(
    settling: Filters, register: MemorySource
) -> None:
    lost = {"status": Label("没有列", "no column")}
    register.tables["Firm"] = Table(entity=FIRM, key="code", rows=FIRMS, lost=lost)
    found = await settling.settle(CASE, Related("firm", LISTED))
    assert found.lacking == ("register",)
    with pytest.raises(SourceError, match="register did not answer"):
        await settling.settle(CASE, Not(Related("firm", LISTED)))
