"""The source in memory: what it notes, and how it fails on demand."""

from __future__ import annotations

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import SourceTimeoutError
from zhitong.ports import Source
from zhitong.schema.declare import entity, item
from zhitong.types import (
    SOURCE_KEY,
    Allow,
    Column,
    Compare,
    Keys,
    Label,
    Mask,
    MaskKind,
    Op,
    Order,
    RowQuery,
    Ruling,
    Tally,
    TallyQuery,
)

PARTY = entity(
    "Party",
    "parties",
    "当事人。",
    "A party.",
    key="id",
    orders=("id",),
    fields=(
        item("id", "编号", "Id"),
        item("kind", "种类", "Kind"),
        item("name", "名", "N"),
    ),
)
GONE = Label("表 dsr 没有列 lx", "table dsr has no column lx")
ROWS = [
    {"id": "1", "kind": "FIRM", "name": "东岭公司"},
    {"id": "2", "kind": "PERSON", "name": "王建国"},
]


def _source(**lost: Label) -> MemorySource:
    table = Table(entity=PARTY, key="id", rows=ROWS, lost=lost)
    return MemorySource("market", Label("市监局", "Market"), [table])


def _query(keys: Keys | None = None) -> RowQuery:
    persons = Compare("kind", Op.EQ, "PERSON")
    rulings = (Ruling(Mask("mask", MaskKind.NAME), persons), Ruling(Allow("all")))
    return RowQuery(
        type="Party",
        columns=(Column("name", "name", rulings),),
        order=Order(SOURCE_KEY, descending=False),
        limit=5,
        keys=keys,
    )


async def test_it_notes_every_question_so_that_batches_can_be_counted() -> None:
    source = _source()
    by_key = _query(Keys("id", ("2", "3")))
    rows = await source.rows(by_key)
    counting = TallyQuery(type="Party")
    counts = await source.tally(counting)
    assert [(row.match, row.values["name"]) for row in rows] == [("2", "王**")]
    assert counts == [Tally((), 2)]
    assert source.queries == [by_key, counting]


async def test_it_fails_while_it_is_told_to() -> None:
    source = _source()
    source.failure = SourceTimeoutError("没有答复", "no answer")
    with pytest.raises(SourceTimeoutError):
        await source.rows(_query())
    assert source.state == "away"
    source.failure = None
    assert len(await source.rows(_query())) == 2
    assert source.state == "ready"


async def test_a_field_that_is_lost_hides_what_depends_on_it() -> None:
    source = _source(kind=GONE)
    rows = await source.rows(_query())
    assert [row.values["name"] for row in rows] == [None, None]
    assert source.lost("Party") == {"kind": GONE}
    assert source.state == "drift"


def test_it_answers_the_port() -> None:
    source: Source = _source()
    assert source.feeds("Party") == {"id", "kind", "name"}
    assert source.feeds("Case") == frozenset()
    assert not source.may_hold("Case", None)
