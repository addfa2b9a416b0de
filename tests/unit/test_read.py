"""The read: which columns leave a source, what is merged, what is missing, noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import FieldHiddenError, SourceTimeoutError
from zhitong.resolvers.looks import CHANGED
from zhitong.resolvers.policy import Effect, Policy, Rule, Scope
from zhitong.resolvers.read import LINK, Ask, Reader
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, pages
from zhitong.types import (
    SOURCE_KEY,
    Compare,
    GroupBy,
    Inquiry,
    Keys,
    Label,
    MaskKind,
    Occasion,
    Op,
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
    orders=("phone", "filedOn", "caseNo"),
    fields=(
        item("caseNo", "编号", "Number"),
        item("filedOn", "立案日期", "Filed on"),
        item("kind", "类别", "Kind"),
        item("name", "名称", "Name", mask=MaskKind.NAME),
        item("phone", "电话", "Phone", sharing=CONDITIONAL, mask=MaskKind.PHONE),
        item("idNumber", "证件", "ID", sharing=WITHHELD, mask=MaskKind.ID_NUMBER),
    ),
    relations=(pages("others", "Case", "caseNo", "caseNo", "同案", "Others"),),
)
WHY = Label("因", "why")
LEGAL = Compare("kind", Op.IN, ("LEGAL",))


def rule(name: str, effect: Effect, *fields: str, **more: object) -> Rule:
    made = Rule(
        name=name,
        effect=effect,
        kinds=frozenset({"police"}),
        types=frozenset({"Case"}),
        fields=frozenset(fields),
        reason=WHY,
        source="test",
    )
    return replace(made, **more)  # type: ignore[arg-type]


POLICY = Policy(
    rules=(
        rule("open", Effect.ALLOW, "caseNo", "filedOn", "kind", "others"),
        rule("firms", Effect.ALLOW, "name", under=Scope(where=LEGAL)),
        rule("people", Effect.MASK, "name"),
        rule("phones", Effect.MASK, "phone"),
    ),
    rows=(),
)


def row(no: str, filed: str, name: str, kind: str = "LEGAL") -> Mapping[str, str]:
    return {
        "caseNo": no,
        "filedOn": filed,
        "kind": kind,
        "name": name,
        "phone": "13812345678",
        "idNumber": "110101199003071234",
    }


MARKET = Table(
    entity=CASE,
    key="caseNo",
    rows=(row("1", "2026-01-01", "甲公司"), row("2", "2026-01-03", "王二", "NATURAL")),
)
COUNTY = Table(entity=CASE, key="caseNo", rows=(row("1", "2026-01-02", "乙公司"),))


@pytest.fixture
def sources() -> dict[str, MemorySource]:
    return {
        "market": MemorySource("market", Label("市监局", "Market"), [MARKET]),
        "county": MemorySource("county", Label("县", "County"), [COUNTY]),
    }


@pytest.fixture
def reader(sources: dict[str, MemorySource]) -> Reader:
    return Reader(lambda: sources, POLICY)


@pytest.fixture
def inquiry() -> Inquiry:
    return Inquiry(
        principal=Principal(kind="police", unit="U", unit_name="局", person="王"),
        occasion=Occasion(),
        id="1",
    )


def ask(*fields: str, **more: object) -> Ask:
    made = Ask(entity=CASE, fields=frozenset(fields), limit=10)
    return replace(made, **more)  # type: ignore[arg-type]


async def test_a_page_is_merged_over_all_sources(
    reader: Reader, inquiry: Inquiry
) -> None:
    order = Order("filedOn", descending=True)
    found = await reader.rows(inquiry, ask("caseNo", order=order))
    assert [(one.source, one.key) for one in found.rows] == [
        ("market", "2"),
        ("county", "1"),
        ("market", "1"),
    ]
    assert found.missing == ()


async def test_only_what_was_asked_for_is_selected(
    reader: Reader, inquiry: Inquiry, sources: dict[str, MemorySource]
) -> None:
    await reader.rows(inquiry, ask("name", links=frozenset({"others"})))
    (query,) = sources["market"].queries
    assert isinstance(query, RowQuery)
    assert [(one.name, one.field) for one in query.columns] == [
        ("name", "name"),
        (f"{LINK}others", "caseNo"),
    ]


async def test_values_come_as_allowed_masked_or_not_at_all(
    reader: Reader, inquiry: Inquiry
) -> None:
    order = Order("caseNo", descending=False)
    found = await reader.rows(
        inquiry,
        ask("name", "phone", "idNumber", order=order, sources=frozenset({"market"})),
    )
    assert [
        [one.values[name] for name in ("name", "phone", "idNumber")]
        for one in found.rows
    ] == [["甲公司", "138******78", None], ["王*", "138******78", None]]
    assert set(inquiry.restrictions) == {
        ("Case", "name"),
        ("Case", "phone"),
        ("Case", "idNumber"),
    }


async def test_a_look_notes_fields_rows_and_keys(
    reader: Reader, inquiry: Inquiry
) -> None:
    await reader.rows(
        inquiry, ask("caseNo", "name", "idNumber", sources=frozenset({"market"}))
    )
    (look,) = inquiry.looks
    assert look.fields == {"caseNo": "ALLOW", "idNumber": "DENY", "name": "ALLOW|MASK"}
    assert (look.type, look.source, look.rows) == ("Case", "market", 2)
    assert sorted(look.keys) == ["1", "2"]
    assert not look.protected  # the ID number was asked for and not given


async def test_a_masked_conditional_field_is_protected(
    reader: Reader, inquiry: Inquiry
) -> None:
    await reader.rows(inquiry, ask("phone"))
    assert [look.protected for look in inquiry.looks] == [True, True]


async def test_what_was_compared_is_on_record_and_may_be_protected(
    inquiry: Inquiry, sources: dict[str, MemorySource]
) -> None:
    seeing = Policy(
        rules=(rule("all", Effect.ALLOW, "caseNo", "phone"),),
        rows=(),
    )
    reader = Reader(lambda: sources, seeing)
    where = Compare("phone", Op.EQ, "13812345678")
    narrow = ask("caseNo", where=where, sources=frozenset({"market"}))
    await reader.rows(inquiry, narrow)
    await reader.tally(inquiry, narrow, (GroupBy("caseNo"),))
    assert [look.fields for look in inquiry.looks] == [
        {"caseNo": "ALLOW", "phone": "FILTER"},
        {"caseNo": "COUNT", "phone": "FILTER"},
    ]
    assert [look.protected for look in inquiry.looks] == [True, True]


async def test_a_source_that_fails_is_named_and_the_others_stand(
    reader: Reader, inquiry: Inquiry, sources: dict[str, MemorySource]
) -> None:
    sources["county"].failure = SourceTimeoutError("没有答复", "no answer")
    found = await reader.rows(inquiry, ask("caseNo"))
    assert [one.source for one in found.rows] == ["market", "market"]
    assert found.missing == ("county",)
    (gap,) = inquiry.gaps
    assert (gap.source, gap.type, gap.code) == ("county", "Case", "SOURCE_TIMEOUT")
    counted = await reader.tally(inquiry, ask(), ())
    assert [tally.count for tally in counted.tallies] == [2]
    assert counted.missing == ("county",)
    assert len(inquiry.gaps) == 1  # named once, however often it fails


async def test_a_fault_of_ours_is_not_a_missing_source(
    reader: Reader, inquiry: Inquiry, sources: dict[str, MemorySource]
) -> None:
    async def broken(_query: RowQuery) -> Answered:
        raise ZeroDivisionError

    sources["county"].table = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        await reader.rows(inquiry, ask("caseNo"))


async def test_what_a_filter_lacks_is_missing_from_the_answer(
    reader: Reader, inquiry: Inquiry
) -> None:
    found = await reader.rows(inquiry, ask("caseNo", lacking=("credit",)))
    assert found.missing == ("credit",)


async def test_a_lost_field_is_a_gap_only_where_it_was_needed(
    reader: Reader, inquiry: Inquiry, sources: dict[str, MemorySource]
) -> None:
    lost = {"filedOn": Label("没有列 lasj", "no column lasj")}
    table = replace(MARKET, lost=lost)
    sources["market"] = MemorySource("market", Label("市监局", "Market"), [table])
    by_key = Order(SOURCE_KEY, descending=False)
    found = await reader.rows(inquiry, ask("caseNo", order=by_key))
    assert (inquiry.gaps, found.missing) == ([], ())
    found = await reader.rows(inquiry, ask("filedOn", order=by_key))
    assert [(gap.fields, gap.detail) for gap in inquiry.gaps] == [
        (("filedOn",), CHANGED)  # which column it was is for operators
    ]
    assert found.missing == ()
    where = Compare("filedOn", Op.GTE, "2026-01-01")
    found = await reader.rows(inquiry, ask("caseNo", order=by_key, where=where))
    assert found.missing == ("market",)  # it compared with nothing


async def test_keys_come_back_as_the_match_of_their_rows(
    reader: Reader, inquiry: Inquiry
) -> None:
    found = await reader.rows(
        inquiry, ask("filedOn", keys=Keys("caseNo", ("1", "2", "9")))
    )
    assert sorted((one.match or "", one.source) for one in found.rows) == [
        ("1", "county"),
        ("1", "market"),
        ("2", "market"),
    ]


async def test_a_type_nobody_may_see_is_not_asked_for(
    inquiry: Inquiry, sources: dict[str, MemorySource]
) -> None:
    reader = Reader(lambda: sources, Policy(rules=(), rows=()))
    assert not reader.sees(inquiry, CASE)
    assert (await reader.rows(inquiry, ask("caseNo"))).rows == ()
    assert (await reader.tally(inquiry, ask(), ())).tallies == ()
    assert sources["market"].queries == []
    assert set(inquiry.restrictions) == {("Case", "*")}
    assert inquiry.looks == []


@pytest.mark.parametrize("name", ["phone", "idNumber"])
def test_a_masked_or_hidden_field_orders_nothing(
    reader: Reader, inquiry: Inquiry, name: str
) -> None:
    with pytest.raises(FieldHiddenError, match=f"Case.{name}"):
        reader.order(inquiry, CASE, Order(name))
    assert ("Case", name) in inquiry.restrictions


def test_a_field_visible_for_some_rows_orders_nothing(
    reader: Reader, inquiry: Inquiry
) -> None:
    with pytest.raises(FieldHiddenError, match="for some rows only"):
        reader.order(inquiry, CASE, Order("name"))


def test_the_default_order_is_the_first_wholly_visible_one(
    reader: Reader, inquiry: Inquiry
) -> None:
    assert reader.order(inquiry, CASE, None) == Order("filedOn", descending=False)
    assert inquiry.restrictions == {}
