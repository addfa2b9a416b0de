"""Where the rows lie that were seen: on record, and not in the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.resolvers.looks import PLACE
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Ask, Found, Reader
from zhitong.schema.declare import entity, item
from zhitong.types import (
    SOURCE_KEY,
    EntityType,
    Inquiry,
    Kind,
    Label,
    Look,
    Occasion,
    Order,
    Principal,
    Sharing,
)

SUIT = entity(
    "Suit",
    "suits",
    "诉讼",
    "A suit",
    key="suitNo",
    orders=("suitNo",),
    fields=(
        item("suitNo", "编号", "Number"),
        item("division", "区划", "Division", Kind.DIVISION),
    ),
    place="division",
)
ROWS = (
    {"suitNo": "1", "division": "619921"},
    {"suitNo": "2", "division": "619921"},
    {"suitNo": "3", "division": "619902"},
    {"suitNo": "4", "division": None},
)
NUMBERS = Rule(
    name="numbers",
    effect=Effect.ALLOW,
    kinds=frozenset({"court"}),
    fields=frozenset({"suitNo"}),
    sharing=frozenset({Sharing.UNCONDITIONAL}),
    reason=Label("因", "why"),
    source="test",
)
"""The division is nobody's to see, and noted all the same."""


def held(suit: EntityType = SUIT) -> MemorySource:
    table = Table(entity=suit, key="suitNo", rows=ROWS)
    made = MemorySource("court", Label("法院", "Court"), [table])
    made.owner = "OWNER"
    return made


async def looked(
    source: MemorySource, *, own: str, suit: EntityType = SUIT
) -> tuple[Look, Found]:
    principal = Principal(
        kind="court", unit="U", unit_name="法院", person="", division=own
    )
    inquiry = Inquiry(principal=principal, occasion=Occasion(), id="1")
    reader = Reader(lambda: {"court": source}, Policy(rules=(NUMBERS,), rows=()))
    order = Order(SOURCE_KEY, descending=False)
    ask = Ask(entity=suit, fields=frozenset({"suitNo"}), order=order, limit=10)
    found = await reader.rows(inquiry, ask)
    (look,) = inquiry.looks
    return look, found


async def test_a_look_notes_whose_rows_it_saw_and_where_they_lie() -> None:
    look, _ = await looked(held(), own="619900")
    assert look.places == {"619921": 2, "619902": 1}
    assert look.owner == "OWNER"
    assert "division" not in look.fields


@pytest.mark.parametrize(
    ("own", "suit"),
    [("", SUIT), ("619900", replace(SUIT, place=None))],
    ids=["a caller without a place", "a type without a place"],
)
async def test_no_place_is_read_where_there_is_none_to_compare(
    own: str, suit: EntityType
) -> None:
    source = held(suit)
    look, _ = await looked(source, own=own, suit=suit)
    assert look.places == {}
    (query,) = source.queries
    assert PLACE not in {column.name for column in query.columns}  # type: ignore[union-attr]


async def test_a_source_without_the_field_is_asked_all_the_same() -> None:
    table = Table(entity=SUIT, key="suitNo", rows=({"suitNo": "1"},))
    look, found = await looked(
        MemorySource("court", Label("法院", "Court"), [table]), own="619900"
    )
    assert look.places == {}
    assert len(found.rows) == 1
