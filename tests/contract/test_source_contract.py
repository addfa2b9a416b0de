"""One sense for every source: PostgreSQL in nine shapes against rows in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapes import NUMBERS, SAMPLE, SHAPES, TAGS, Cell, Shape

from zhitong.connectors.memory import MemorySource, Table
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.pseudonyms import Pseudonyms
from zhitong.connectors.sql import row_statement
from zhitong.ports import Source
from zhitong.resolvers.merge import mark_of, merge, position
from zhitong.types import (
    SOURCE_KEY,
    All,
    Allow,
    AnyOf,
    Column,
    Compare,
    Deny,
    GroupBy,
    Keys,
    Kind,
    Label,
    Mask,
    MaskKind,
    Not,
    Op,
    Order,
    Position,
    Predicate,
    Row,
    RowQuery,
    Ruling,
    Rulings,
    TallyQuery,
)
from zhitong.types import Table as Answered

pytestmark = pytest.mark.integration

Written = Sequence[Mapping[str, Cell]]
Drawn = TypeVar("Drawn")
TITLE = Label("样本", "Sample")
PSEUDONYMS = Pseudonyms(b"k" * 32)
SLOW = settings(
    max_examples=25,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Departments:
    """Every shape in one database, and its twin in memory."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.Runner()
        self._url = url
        self.sources = {
            shape.name: PostgreSQLSource(
                shape.binding, {"Sample": SAMPLE}, url, PSEUDONYMS
            )
            for shape in SHAPES
        }

    def run(self, question: Coroutine[object, object, Drawn]) -> Drawn:
        return self._loop.run(question)

    async def _create(self) -> None:
        self._writer = await asyncpg.connect(self._url)
        for shape in SHAPES:
            await self._writer.execute(shape.tables)

    def open(self, collate: str) -> None:
        self.run(self._create())
        for source in self.sources.values():
            inspection = self.run(source.inspect())
            assert inspection.drifts == ()
            source._inspection = replace(inspection, collate=collate)

    def close(self) -> None:
        for source in self.sources.values():
            self.run(source.close())
        self.run(self._writer.close())
        self._loop.close()

    def fill(self, shape: Shape, rows: Written) -> tuple[Source, MemorySource]:
        """Write *rows* into the shape's tables, and what they mean into memory."""
        self.run(self._fill(shape, rows))
        meant = [{name: meaning for name, (_, meaning) in row.items()} for row in rows]
        fed = self.sources[shape.name].feeds("Sample")
        table = Table(
            entity=SAMPLE,
            key="id",
            rows=[{**row, "constant": "fixed"} for row in meant],
            feeds=fed,
        )
        memory = MemorySource(shape.name, TITLE, [table], PSEUDONYMS)
        return self.sources[shape.name], memory

    async def _fill(self, shape: Shape, rows: Written) -> None:
        name, key = shape.name, shape.key_type
        statements = [f"truncate {name}, {name}_tags, {name}_other"]
        columns = {"id": key, **shape.columns}
        for row in rows:
            values = ", ".join(f"{_text(row[c][0])}::{t}" for c, t in columns.items())
            statements.append(f"insert into {name} values ({values})")
            own = f"{_text(row['id'][0])}::{key}"
            if row["joined"][0] is not None:
                word = _text(row["joined"][0])
                statements.append(f"insert into {name}_other values ({own}, {word})")
            if "tags" not in shape.columns:
                for place, tag in enumerate((row["tags"][0] or "").split("\n")):
                    link = f"({own}, {_text(tag)}, {place})"
                    statements.append(f"insert into {name}_tags values {link}")
        await self._writer.execute(";".join(statements))


def _text(text: str | None) -> str:
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


@pytest.fixture(scope="module", params=["C", "C.UTF-8"])
def departments(request: pytest.FixtureRequest, postgres: str) -> Iterator[Departments]:
    """Give the departments in a database of this locale.

    The embedded server knows no locale that sorts otherwise than by code point; the
    second database is treated as one, so that the statements for such are run too.
    """
    name = f"contract_{len(request.param)}"
    create = f"create database {name} template template0 locale '{request.param}'"
    asyncio.run(_execute(postgres, create))
    made = Departments(f"{postgres.rpartition('/')[0]}/{name}")
    made.open(' collate "C"' if request.param == "C.UTF-8" else "")
    yield made
    made.close()
    asyncio.run(_execute(postgres, f"drop database {name} with (force)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


# --- questions ---------------------------------------------------------------

SIZES = st.integers(1, 5)
FIELDS = sorted(SAMPLE.fields)
# Text with blanks around is compared as it is stored (zhitong.connectors.codecs).
ORDERS = [*sorted(SAMPLE.fields.keys() - {"tags", "note"}), SOURCE_KEY]
# Positions between cells arise where days meet moments, and seconds their fractions.
ORDERS += ["day"] * 6 + ["moment"] * 6
TIMES = ["00:00:00.000000", "00:00:00.000001", "07:00:00.000000", "07:00:00.500000"]
KEYS = [*sorted(SAMPLE.fields.keys() - {"note"}), SOURCE_KEY]
POOL: Mapping[str, Sequence[str]] = {
    "name": [
        *("a", "A", "B", "b", "王", "_", "%", "50%", "\\", "甲 乙", "7", "10", "/"),
        *("1", "甲1", "0105", "21", "x", f"甲{NUMBERS[0]}", *NUMBERS),
    ],
    "note": ["注", "x"],
    "joined": ["w", "/"],
    "absent": ["x"],
    "kind": ["GOOD", "BAD", "UNRECOGNISED"],
    "day": ["1999-12-31", "2024-02-29", "2024-03-01", "9999-12-31", "1900-01-01"],
    "moment": [
        "2024-02-29T07:00:00.000000+08:00",
        "2024-02-28T16:00:00.500000+00:00",
        "2024-02-29T00:00:00.750000+08:00",
        "2023-02-28T23:59:59.999999+08:00",
    ],
    "amount": ["9.50", "10.00", "-3.01", "12345.68", "0.05", "100000.00"],
    "count": ["2", "10", "-1", "99999999999"],
    "tags": [*TAGS, "/", "none"],
    "division": ["619921", "6199", "61", "62"],
    "constant": ["fixed", "other"],
}
WORDS = {"name", "note", "joined", "absent", "division", "constant"}
RANGED = {"day", "moment", "amount", "count", "name", "division", "constant"}


def _operators(name: str) -> list[Op]:
    chosen = [Op.EQ, Op.IN, Op.PRESENT]
    if name in RANGED:
        chosen += [Op.GTE, Op.LTE]
    if name in WORDS:
        chosen += [Op.PREFIX, Op.CONTAINS]
    return [Op.PRESENT, Op.CONTAINS] if name == "note" else chosen


@st.composite
def comparisons(draw: st.DrawFn, keys: Sequence[str]) -> Compare:
    name = draw(st.sampled_from([*FIELDS, SOURCE_KEY]))
    pool = [*keys, "other"] if name in {"id", SOURCE_KEY} else POOL[name]
    op = draw(st.sampled_from(_operators(name)))
    if op is Op.PRESENT:
        return Compare(name, op, draw(st.booleans()))
    if op is Op.IN:
        several = st.lists(st.sampled_from(pool), max_size=3, unique=True)
        return Compare(name, op, tuple(draw(several)))
    return Compare(name, op, draw(st.sampled_from(pool)))


def predicates(keys: Sequence[str]) -> st.SearchStrategy[Predicate]:
    return st.recursive(
        comparisons(keys),
        lambda part: (
            st.lists(part, max_size=3).map(lambda parts: All(tuple(parts)))
            | st.lists(part, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
            | part.map(Not)
        ),
        max_leaves=4,
    )


def rulings(keys: Sequence[str]) -> st.SearchStrategy[Rulings]:
    verdict = st.sampled_from(
        [
            Allow("allowed"),
            Allow("allowed", numberless=True),
            *(
                Mask("masked", kind, edges=(0, 10, 10_000), audience="anze U")
                for kind in MaskKind
            ),
            Deny("denied", TITLE, TITLE),
        ]
    )
    conditional = st.builds(Ruling, verdict, comparisons(keys))
    return st.builds(
        lambda some, last: (*some, Ruling(last)),
        st.lists(conditional, max_size=2),
        verdict,
    )


@st.composite
def columns(draw: st.DrawFn, keys: Sequence[str]) -> tuple[Column, ...]:
    named = draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True))
    return tuple(Column(name, name, draw(rulings(keys))) for name in named)


@st.composite
def row_queries(draw: st.DrawFn, rows: Written) -> RowQuery:
    keys = [str(row["id"][1]) for row in rows]
    order = Order(draw(st.sampled_from(ORDERS)), draw(st.booleans()))
    return RowQuery(
        type="Sample",
        columns=draw(columns(keys)),
        order=order,
        limit=draw(SIZES),
        where=draw(st.none() | predicates(keys)),
        after=draw(st.none() | positions(order.field, keys)),
        keys=draw(st.none() | wanted(rows)),
    )


@st.composite
def positions(draw: st.DrawFn, name: str, keys: Sequence[str]) -> Position:
    pool = [*keys, "k5"] if name in {"id", SOURCE_KEY} else POOL[name]
    if name == "moment":
        pool = [
            *(text[:26] for text in pool),
            *(f"2024-02-29T{time}" for time in TIMES),
        ]
    if name == "day":
        pool = [*pool, *(f"2024-02-29T{time}" for time in TIMES)]
    value = draw(st.none() | st.sampled_from(pool))
    key = draw(st.none() | st.sampled_from([*keys, "k5"]))
    inclusive = draw(st.booleans()) if key is None and value is not None else False
    return Position(value, key, inclusive)


@st.composite
def wanted(draw: st.DrawFn, rows: Written) -> Keys:
    name = draw(st.sampled_from(["tags"] * 6 + KEYS))
    stands = "id" if name == SOURCE_KEY else name
    held = [str(row[stands][1])[:10] for row in rows if stands in row]
    pool = [*held, *POOL.get(name, ["k1"])]
    values = draw(st.lists(st.sampled_from(pool), max_size=4, unique=True))
    return Keys(name, tuple(values))


# --- the contract ------------------------------------------------------------


async def _table(source: Source, query: RowQuery) -> Answered:
    """Ask as the read does."""
    prepared = source.prepare(query.type, query.columns, query.order)
    return await prepared.table(
        limit=query.limit, where=query.where, keys=query.keys, after=query.after
    )


def _written_as_filled(source: Source, query: RowQuery) -> None:
    """Hold a text that was filled to the one that would be written."""
    assert isinstance(source, PostgreSQLSource)
    seen = source._inspection
    prepared = source.prepare(query.type, query.columns, query.order)
    asked = (query.limit, query.where, query.keys, query.after)
    mapped = seen.types[query.type]
    filled = prepared.statement(mapped, seen.collate, asked)
    assert filled == row_statement(mapped, query, seen.collate)


def _answer(rows: Sequence[Row], query: RowQuery) -> list[object]:
    """Put rows into merge order by key, as the read does."""
    kind = _kind(query.order)
    names = [column.name for column in query.columns]
    return [
        (row.match, row.key, row.order, {name: row.values[name] for name in names})
        for row in sorted(
            merge(rows, query.order, kind), key=lambda row: row.match or ""
        )
    ]


def _kind(order: Order) -> Kind:
    declared = SAMPLE.fields.get(order.field)
    return declared.kind if declared else Kind.TEXT


@SLOW
@given(data=st.data())
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_every_shape_answers_as_rows_in_memory_do(
    departments: Departments, number: int, data: st.DataObject
) -> None:
    shape = SHAPES[number]
    rows = data.draw(shape.rows())
    live, memory = departments.fill(shape, rows)
    for _ in range(3):
        query = data.draw(row_queries(rows))
        expected = departments.run(_table(memory, query)).rows()
        table = departments.run(_table(live, query))
        given = table.rows()
        for record, row in zip(table.records, given, strict=True):
            cells = {name: record[place] for name, place in table.at.items()}
            assert cells == {one.name: row.values[one.name] for one in query.columns}
            assert (record[table.key], record[table.order]) == (row.key, row.order)
        _written_as_filled(live, query)
        assert _answer(given, query) == _answer(expected, query)
        if query.keys is None:
            # The read takes a page of one source as it comes.
            assert given == merge(given, query.order, _kind(query.order))
            assert expected == merge(expected, query.order, _kind(query.order))
        assert not expected or live.may_hold("Sample", query.where)


@SLOW
@given(data=st.data())
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_every_shape_counts_as_rows_in_memory_do(
    departments: Departments, number: int, data: st.DataObject
) -> None:
    shape = SHAPES[number]
    rows = data.draw(shape.rows())
    live, memory = departments.fill(shape, rows)
    keys = [str(row["id"][1]) for row in rows]
    for _ in range(3):
        groups = st.builds(GroupBy, st.sampled_from([*FIELDS, SOURCE_KEY]))
        months = st.just(GroupBy("day", month=True))
        asked = data.draw(st.none() | wanted(rows))
        query = TallyQuery(
            type="Sample",
            by=()
            if asked
            else tuple(data.draw(st.lists(groups | months, max_size=2, unique=True))),
            where=data.draw(st.none() | predicates(keys)),
            keys=asked,
        )
        counted = (
            Counter(map(astuple, departments.run(source.tally(query))))
            for source in (live, memory)
        )
        assert next(counted) == next(counted)


@settings(SLOW, max_examples=150)
@given(data=st.data())
def test_walking_pages_over_sources_gives_every_row_once_and_in_order(
    departments: Departments, data: st.DataObject
) -> None:
    numbers = st.integers(0, len(SHAPES) - 1)
    chosen = data.draw(st.lists(numbers, min_size=2, max_size=3, unique=True))
    sources: list[Source] = []
    for shape in (SHAPES[number] for number in sorted(chosen)):
        live, memory = departments.fill(shape, data.draw(shape.rows()))
        sources.append(data.draw(st.sampled_from([live, memory])))
    order = Order(data.draw(st.sampled_from(ORDERS)), data.draw(st.booleans()))
    size = data.draw(SIZES)
    walked = departments.run(_walk(sources, order, size))
    whole = departments.run(_walk(sources, order, 100))
    assert [(row.source, row.key) for row in walked] == [
        (row.source, row.key) for row in whole
    ]
    assert len(set(map(mark_of, walked))) == len(walked)
    counts = [departments.run(s.tally(TallyQuery(type="Sample"))) for s in sources]
    assert len(walked) == sum(count[0].count for count in counts)


async def _walk(sources: Sequence[Source], order: Order, size: int) -> list[Row]:
    walked: list[Row] = []
    more = True
    while more:
        found: list[Row] = []
        for source in sources:
            start = position(mark_of(walked[-1]) if walked else None, source.name)
            if not isinstance(start, bool):
                query = RowQuery(
                    type="Sample", columns=(), order=order, limit=size + 1, after=start
                )
                found += await source.rows(query)
        merged = merge(found, order, _kind(order))
        walked += merged[:size]
        more = len(merged) > size
    return walked
