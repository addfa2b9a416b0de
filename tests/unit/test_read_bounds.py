"""What the read does not ask: of who shares less, by hidden keys, of counts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import FieldHiddenError
from zhitong.resolvers.policy import CountRule, Effect, LookupRule, Policy, Rule
from zhitong.resolvers.read import Ask, Reader
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, pages
from zhitong.types import (
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
    Sharing,
    Tightening,
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
        item("code", "代码", "Code"),
        item("phone", "电话", "Phone", sharing=CONDITIONAL, mask=MaskKind.PHONE),
        item("number", "证件", "ID", sharing=WITHHELD, mask=MaskKind.ID_NUMBER),
    ),
    relations=(pages("alike", "Case", "code", "code", "同一相对人", "Of one party"),),
)
GIVE = Rule(
    name="give",
    effect=Effect.ALLOW,
    kinds=frozenset({"police"}),
    fields=frozenset({"caseNo", "code", "alike"}),
    sharing=frozenset({Sharing.UNCONDITIONAL}),
    reason=Label("因", "why"),
    source="test",
)
FIND = LookupRule(
    name="by number",
    kinds=frozenset({"police"}),
    units=frozenset({"U"}),
    type="Case",
    field="number",
    purposes=frozenset({"search"}),
    requires=(),
    source="test",
)
COUNTS = CountRule(
    name="counts",
    kinds=frozenset({"police"}),
    types=frozenset({"Case"}),
    smallest=5,
    only=True,
    source="test",
)
BY_NUMBER = Order("caseNo", descending=False)
STRICT = {"code": Tightening(Sharing.CONDITIONAL, "某法第1条")}


def table(no: str, **more: object) -> Table:
    cells = {"caseNo": no, "code": "9161", "phone": "13812345678", "number": "6101"}
    made = Table(entity=CASE, key="caseNo", rows=(cells,))
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.fixture
def sources() -> dict[str, MemorySource]:
    return {
        "market": MemorySource("market", Label("市监", "M"), [table("1")]),
        "strict": MemorySource(
            "strict", Label("严", "S"), [table("2", tightened=STRICT)]
        ),
    }


@pytest.fixture
def inquiry() -> Inquiry:
    return Inquiry(
        principal=Principal(kind="police", unit="U", unit_name="局", person="王"),
        occasion=Occasion(purpose="search"),
        id="1",
    )


def reader(sources: dict[str, MemorySource], **more: object) -> Reader:
    policy = replace(Policy(rules=(GIVE,), rows=()), **more)  # type: ignore[arg-type]
    return Reader(lambda: sources, policy)


def ask(*fields: str, **more: object) -> Ask:
    made = Ask(entity=CASE, fields=frozenset(fields), limit=10, order=BY_NUMBER)
    return replace(made, **more)  # type: ignore[arg-type]


async def test_what_one_source_keeps_back_is_null_there_and_given_elsewhere(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    found = await reader(sources).rows(inquiry, ask("caseNo", "code"))
    assert [(one.source, one.values["code"]) for one in found.rows] == [
        ("market", "9161"),
        ("strict", None),
    ]
    assert list(inquiry.restrictions) == [("Case", "code@strict")]
    looks = {look.source: look.fields["code"] for look in inquiry.looks}
    assert looks == {"market": "ALLOW", "strict": "DENY"}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"where": Compare("code", Op.EQ, "9161")}, id="filter"),
        pytest.param({"order": Order("code")}, id="order"),
        pytest.param({"keys": Keys("code", ("9161",))}, id="key of a relation"),
    ],
)
async def test_a_source_is_not_asked_to_compare_what_it_keeps_back(
    sources: dict[str, MemorySource], inquiry: Inquiry, more: dict[str, object]
) -> None:
    found = await reader(sources).rows(inquiry, ask("caseNo", **more))
    assert [one.source for one in found.rows] == ["market"]
    assert found.missing == ("strict",)
    assert sources["strict"].queries == []
    (gap,) = inquiry.gaps
    assert (gap.source, gap.code, gap.fields) == ("strict", "FIELD_HIDDEN", ("code",))


async def test_a_list_that_names_no_order_is_not_ordered_by_what_one_source_keeps_back(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    kept = {"caseNo": Tightening(Sharing.CONDITIONAL, "某法第1条")}
    sources["strict"] = MemorySource(
        "strict", Label("严", "S"), [table("2", tightened=kept)]
    )
    found = await reader(sources).rows(inquiry, ask("code", order=None))
    assert [one.source for one in found.rows] == ["market", "strict"]
    assert found.missing == ()


async def test_a_source_does_not_count_by_what_it_keeps_back(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    counted = await reader(sources).tally(inquiry, ask(), (GroupBy("code"),))
    assert [(one.group, one.count) for one in counted.tallies] == [(("9161",), 1)]
    assert counted.missing == ("strict",)


async def test_a_relation_leads_nowhere_by_a_key_that_is_hidden(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    hiding = reader(sources, rules=(replace(GIVE, fields=frozenset({"caseNo"})),))
    found = await hiding.rows(inquiry, ask("caseNo", keys=Keys("code", ("9161",))))
    assert found.rows == ()
    assert [source.queries for source in sources.values()] == [[], []]
    assert ("Case", "code") in inquiry.restrictions


async def test_of_counts_alone_no_row_is_asked_for(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    counting = reader(sources, counts=(COUNTS,))
    assert (await counting.rows(inquiry, ask("caseNo"))).rows == ()
    assert [source.queries for source in sources.values()] == [[], []]
    assert ("Case", "*") in inquiry.restrictions
    counted = await counting.tally(inquiry, ask(), ())
    assert sum(one.count for one in counted.tallies) == 2


async def test_a_protected_key_finds_rows_only_by_the_operation_that_is_granted(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    granted = reader(sources, lookups=(FIND,))
    found = await granted.look_up(inquiry, ask("caseNo", "number"), "number", "6101")
    assert [(one.key, one.values["number"]) for one in found.rows] == [
        ("1", None),
        ("2", None),
    ]
    assert all(look.fields["number"] == "DENY|LOOKUP" for look in inquiry.looks)
    assert all(look.protected for look in inquiry.looks)
    with pytest.raises(FieldHiddenError):
        granted.restriction(inquiry, CASE, "number")


async def test_without_a_grant_a_look_up_reads_nothing_and_repeats_no_value(
    sources: dict[str, MemorySource], inquiry: Inquiry
) -> None:
    with pytest.raises(FieldHiddenError) as refused:
        await reader(sources).look_up(inquiry, ask("caseNo"), "number", "6101")
    assert "6101" not in str(refused.value)
    assert [source.queries for source in sources.values()] == [[], []]
    assert ("Case", "number") in inquiry.restrictions
