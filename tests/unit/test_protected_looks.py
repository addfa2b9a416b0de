"""What waits for its record: all that tells of protected fields, shown or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Ask, Reader
from zhitong.schema.declare import CONDITIONAL, entity, item, pages
from zhitong.types import (
    SOURCE_KEY,
    EntityType,
    Inquiry,
    Keys,
    Label,
    Occasion,
    Order,
    Principal,
    Sharing,
    Tightening,
)

BY_KEY = Order(SOURCE_KEY, descending=False)
SUIT = entity(
    "Suit",
    "suits",
    "诉讼",
    "A suit",
    key="suitNo",
    orders=("suitNo",),
    fields=(
        item("suitNo", "编号", "Number"),
        item("court", "法院", "Court"),
        item("party", "当事人", "Party", sharing=CONDITIONAL),
    ),
    relations=(pages("alike", "Suit", "party", "suitNo", "同一人", "Alike"),),
)
FIELDS = {**SUIT.fields, "suitNo": replace(SUIT.fields["suitNo"], sharing=CONDITIONAL)}
SECRET = replace(SUIT, fields=FIELDS)
"""The same, where that there is a suit is protected."""
ALL = Rule(
    name="all",
    effect=Effect.ALLOW,
    kinds=frozenset({"court"}),
    sharing=frozenset({Sharing.UNCONDITIONAL, Sharing.CONDITIONAL}),
    reason=Label("因", "why"),
    source="test",
)


def source(kind: EntityType, **tightened: Tightening) -> MemorySource:
    row = {"suitNo": "1", "court": "一", "party": "甲"}
    table = Table(entity=kind, key="suitNo", rows=(row,), tightened=tightened)
    return MemorySource("court", Label("法院", "Court"), [table])


def asking() -> Inquiry:
    principal = Principal(kind="court", unit="U", unit_name="法院", person="")
    return Inquiry(principal=principal, occasion=Occasion(), id="1")


async def protected(held: MemorySource, ask: Ask, *, count: bool = False) -> bool:
    inquiry = asking()
    reader = Reader(lambda: {"court": held}, Policy(rules=(ALL,), rows=()))
    if count:
        await reader.tally(inquiry, ask, ())
    else:
        await reader.rows(inquiry, ask)
    (look,) = inquiry.looks
    return look.protected


OPEN = Ask(entity=SUIT, fields=frozenset({"court"}), order=BY_KEY)


async def test_public_fields_of_public_rows_wait_for_nothing() -> None:
    assert not await protected(source(SUIT), OPEN)
    assert not await protected(source(SUIT), OPEN, count=True)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"links": frozenset({"alike"})}, id="a relation followed"),
        pytest.param({"order": Order("party", descending=False)}, id="order"),
        pytest.param({"keys": Keys("party", ("甲",))}, id="found by its key"),
    ],
)
async def test_a_protected_field_is_used_where_it_is_not_shown(
    more: dict[str, object],
) -> None:
    assert await protected(source(SUIT), replace(OPEN, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [False, True])
async def test_that_there_is_a_row_is_protected_as_its_key_is(*, count: bool) -> None:
    hidden = replace(OPEN, entity=SECRET, fields=frozenset())
    assert await protected(source(SECRET), hidden, count=count)


async def test_what_its_department_shares_on_condition_is_protected() -> None:
    on_condition = Tightening(sharing=Sharing.CONDITIONAL, basis="test")
    assert await protected(source(SUIT, court=on_condition), OPEN)


async def test_a_relation_that_was_followed_is_on_record_as_a_field_is() -> None:
    inquiry = asking()
    reader = Reader(lambda: {"court": source(SUIT)}, Policy(rules=(ALL,), rows=()))
    await reader.rows(inquiry, replace(OPEN, links=frozenset({"alike"})))
    (look,) = inquiry.looks
    assert look.fields == {"alike": "ALLOW", "court": "ALLOW"}
