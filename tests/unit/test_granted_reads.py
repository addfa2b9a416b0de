"""Reads with grants: a grant opens its owner's sources, and no others are asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import FieldHiddenError
from zhitong.grants import Grant
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Ask, Reader
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, pages
from zhitong.types import (
    Compare,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Label,
    MaskKind,
    Not,
    Occasion,
    Op,
    Order,
    Principal,
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
        item("phone", "电话", "Phone", sharing=CONDITIONAL, mask=MaskKind.PHONE),
        item(
            "number",
            "证件",
            "ID",
            sharing=WITHHELD,
            mask=MaskKind.ID_NUMBER,
            exact=True,
        ),
    ),
    relations=(pages("alike", "Case", "phone", "phone", "同一电话", "Alike"),),
)
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"department"}),
    fields=frozenset({"caseNo", "division"}),
    reason=Label("因", "why"),
    source="test",
)
GRANT = Grant(
    id="G1",
    unit="U",
    owner="market-owner",
    fields={"Case": frozenset({"phone"})},
    lookups={},
    purpose="tax",
    basis="法",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)
BY_NUMBER = Order("caseNo", descending=False)
PHONE = Compare("phone", Op.EQ, "139")


def source(name: str, *numbers: str) -> MemorySource:
    rows = tuple(
        {"caseNo": no, "division": f"61992{no}", "phone": "139", "number": "6101"}
        for no in numbers
    )
    made = MemorySource(
        name, Label(name, name), [Table(entity=CASE, key="caseNo", rows=rows)]
    )
    made.owner = f"{name}-owner"
    return made


@pytest.fixture
def sources() -> dict[str, MemorySource]:
    return {"market": source("market", "1", "2"), "county": source("county", "3")}


def inquiry(*grants: Grant, purpose: str = "tax", document: str = "") -> Inquiry:
    return Inquiry(
        principal=Principal(kind="department", unit="U", unit_name="局", person="王"),
        occasion=Occasion(purpose=purpose),
        id="1",
        document_hash=document,
        grants=grants,
    )


def reader(sources: dict[str, MemorySource], *rules: Rule) -> Reader:
    return Reader(lambda: sources, Policy(rules=rules or (OPEN,), rows=()))


def ask(*fields: str, **more: object) -> Ask:
    made = Ask(entity=CASE, fields=frozenset(fields), limit=10, order=BY_NUMBER)
    return replace(made, **more)  # type: ignore[arg-type]


async def test_a_grant_opens_the_sources_of_its_owner_alone(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry(GRANT)
    found = await reader(sources).rows(asking, ask("caseNo", "phone"))
    assert [(one.key, one.values["phone"]) for one in found.rows] == [
        ("1", "139"),
        ("2", "139"),
        ("3", None),
    ]
    assert asking.grants_used == {"G1"}
    assert {look.source: look.fields["phone"] for look in asking.looks} == {
        "market": "ALLOW",
        "county": "DENY",
    }


async def test_a_grant_that_gave_nothing_was_not_used(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry(GRANT)
    await reader(sources).rows(asking, ask("caseNo"))
    assert asking.grants_used == set()
    assert not any(look.protected for look in asking.looks)


async def test_what_rests_on_a_grant_is_protected_whatever_its_sharing(
    sources: dict[str, MemorySource],
) -> None:
    opened = replace(GRANT, fields={"Case": frozenset({"division"})})
    narrow = replace(OPEN, fields=frozenset({"caseNo"}))
    asking = inquiry(opened)
    await reader(sources, narrow).rows(asking, ask("caseNo", "division"))
    assert asking.grants_used == {"G1"}
    assert any(look.protected for look in asking.looks)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"where": PHONE}, id="filter"),
        pytest.param({"where": Not(Compare("phone", Op.EQ, "0"))}, id="not"),
        pytest.param({"order": Order("phone")}, id="order"),
        pytest.param({"keys": Keys("phone", ("139",))}, id="key of a relation"),
    ],
)
async def test_what_is_granted_is_compared_there_and_the_others_keep_back(
    sources: dict[str, MemorySource], more: dict[str, object]
) -> None:
    asking = inquiry(GRANT)
    reading = reader(sources)
    assert reading.restriction(asking, CASE, "phone") is None
    found = await reading.rows(asking, ask("caseNo", **more))
    assert {one.source for one in found.rows} == {"market"}
    assert found.missing == ("county",)
    assert sources["county"].queries == []
    assert asking.grants_used == {"G1"}
    (gap,) = asking.gaps
    assert (gap.source, gap.code, gap.fields) == ("county", "FIELD_HIDDEN", ("phone",))
    assert "no sharing grant" in gap.detail.en


async def test_groups_are_of_the_sources_that_are_granted(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry(GRANT)
    counted = await reader(sources).tally(asking, ask(), (GroupBy("phone"),))
    assert [(one.group, one.count) for one in counted.tallies] == [(("139",), 2)]
    assert counted.missing == ("county",)


async def test_a_list_in_no_order_loses_no_source_for_a_grant(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry(GRANT)
    found = await reader(sources).rows(asking, ask("caseNo", order=None))
    assert [one.key for one in found.rows] == ["1", "2", "3"]
    assert found.missing == ()


async def test_a_grant_for_a_place_is_compared_for_its_rows_alone(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry(replace(GRANT, division="619922"))
    reading = reader(sources)
    found = await reading.rows(asking, ask("caseNo", "phone"))
    assert [one.values["phone"] for one in found.rows] == [None, "139", None]
    found = await reading.rows(asking, ask("caseNo", where=PHONE))
    assert [one.key for one in found.rows] == ["2"]
    with pytest.raises(FieldHiddenError):
        reading.order(asking, CASE, Order("phone"))


async def test_a_place_that_a_source_does_not_know_is_no_place_of_its(
    sources: dict[str, MemorySource],
) -> None:
    rows = ({"caseNo": "9", "phone": "139"},)
    table = Table(entity=CASE, key="caseNo", rows=rows)
    sources["market"].tables = {"Case": table}
    masked = replace(OPEN, effect=Effect.MASK, fields=frozenset({"phone"}))
    reading = reader(sources, OPEN, masked)
    asking = inquiry(replace(GRANT, division="619922"))
    found = await reading.rows(asking, ask("caseNo", "phone"))
    shown = {one.source: one.values["phone"] for one in found.rows}
    assert shown["market"] == "***"
    assert asking.grants_used == set()


async def test_of_a_type_that_is_hidden_only_what_is_granted_is_asked(
    sources: dict[str, MemorySource],
) -> None:
    nothing = replace(OPEN, kinds=frozenset({"court"}))
    hidden = inquiry()
    assert not reader(sources, nothing).sees(hidden, CASE)
    asking = inquiry(GRANT)
    reading = reader(sources, nothing)
    assert reading.sees(asking, CASE)
    by_key = ask("phone", order=Order("~key", descending=False))
    found = await reading.rows(asking, by_key)
    assert {one.source for one in found.rows} == {"market"}
    counted = await reading.tally(asking, ask(), ())
    assert sum(one.count for one in counted.tallies) == 2
    assert sources["county"].queries == []
    assert ("Case", "*") in asking.restrictions


async def test_without_its_purpose_a_grant_is_named_and_gives_nothing(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry(GRANT, purpose="audit")
    reading = reader(sources)
    await reading.rows(asking, ask("caseNo", "phone"))
    ((told,),) = asking.restrictions["Case", "phone@market"]
    assert "grant G1: state its purpose tax" in str(told.verdict)
    with pytest.raises(FieldHiddenError):
        reading.restriction(asking, CASE, "phone")
    assert asking.grants_used == set()


async def test_a_grant_for_some_documents_serves_no_other(
    sources: dict[str, MemorySource],
) -> None:
    grant = replace(GRANT, documents=frozenset({"abc"}))
    for document, given in (("abc", "139"), ("def", None)):
        asking = inquiry(grant, document=document)
        found = await reader(sources).rows(asking, ask("phone"))
        assert found.rows[0].values["phone"] == given


async def test_an_exact_look_up_is_opened_for_the_owners_rows(
    sources: dict[str, MemorySource],
) -> None:
    grant = replace(
        GRANT, lookups={"Case": frozenset({"number", "phone"})}, division="619921"
    )
    asking = inquiry(grant)
    found = await reader(sources).look_up(asking, ask("number"), "number", "6101")
    assert [(one.key, one.values["number"]) for one in found.rows] == [("1", None)]
    assert asking.grants_used == {"G1"}
    assert sources["county"].queries == []
    # Only what the type says may be looked up so.
    with pytest.raises(FieldHiddenError):
        await reader(sources).look_up(inquiry(grant), ask("number"), "phone", "139")


async def test_a_look_up_without_the_grants_purpose_names_the_grant(
    sources: dict[str, MemorySource],
) -> None:
    grant = replace(GRANT, lookups={"Case": frozenset({"number"})})
    asking = inquiry(grant, purpose="audit")
    with pytest.raises(FieldHiddenError, match="state its purpose tax"):
        await reader(sources).look_up(asking, ask("number"), "number", "6101")


@pytest.mark.parametrize("incident", ["", "火灾1号"])
async def test_only_what_rests_on_an_emergency_alone_may_go_without_the_register(
    sources: dict[str, MemorySource], incident: str
) -> None:
    emergency = replace(GRANT, id="B", person="王", incident="火灾1号")
    both = replace(GRANT, id="G2", owner="county-owner", incident=incident)
    asking = inquiry(emergency, both)
    await reader(sources).rows(asking, ask("phone"))
    assert asking.grants_used == {"B", "G2"}
    assert asking.break_glass is bool(incident)


async def test_of_a_type_that_is_hidden_rows_outside_the_grant_are_not_even_counted(
    sources: dict[str, MemorySource],
) -> None:
    nothing = replace(OPEN, kinds=frozenset({"court"}))
    reading = reader(sources, nothing)
    asking = inquiry(replace(GRANT, division="619922"))
    by_key = ask("phone", order=Order("~key", descending=False))
    found = await reading.rows(asking, by_key)
    assert [one.key for one in found.rows] == ["2"]
    counted = await reading.tally(asking, ask(), ())
    assert sum(one.count for one in counted.tallies) == 1


async def test_that_there_are_rows_of_a_hidden_type_rests_on_the_grant(
    sources: dict[str, MemorySource],
) -> None:
    nothing = replace(OPEN, kinds=frozenset({"court"}))
    by_key = ask(order=Order("~key", descending=False))
    for count in (False, True):
        asking = inquiry(GRANT)
        reading = reader(sources, nothing)
        if count:
            await reading.tally(asking, ask(), ())
        else:
            await reading.rows(asking, by_key)
        assert asking.grants_used == {"G1"}
        assert all(look.protected for look in asking.looks)
