"""A text that is filled anew is, byte for byte, the text that would be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from golden_questions import BY_KEY, CASE, QUERIES, REFUSED, SHOWN, mapped
from hypothesis import given, settings
from hypothesis import strategies as st

from zhitong.connectors.mapping import MappedType
from zhitong.connectors.prepared import Forms, PreparedRows, Wanted, counted
from zhitong.connectors.sql import row_statement
from zhitong.connectors.tallies import tally_statement
from zhitong.exceptions import ScalarError
from zhitong.types import (
    SOURCE_KEY,
    All,
    Allow,
    AnyOf,
    Column,
    Compare,
    GroupBy,
    Keys,
    Mask,
    MaskKind,
    Not,
    Op,
    Order,
    Position,
    Predicate,
    RowQuery,
    Ruling,
    TallyQuery,
    Verdict,
)

MAPPED = mapped()
COLLATE = ' collate "C"'
TEXT = ("A", "B", "x", "安泽", "110105194912310021", "", " A")
VALUES: Mapping[str, Sequence[str]] = {
    "id": ("7", "8", "seven"),
    "kind": ("FIRM", "PERSON", "OTHER"),
    "name": TEXT,
    "filed": ("2024-03-11", "1999-01-01", "9999-12-31"),
    "fine": ("10.00", "0.05", "x"),
    "officers": ("14010001", "14010002", ""),
    "inspectors": ("14010001", "14010002"),
    "division": ("619921", "6199"),
    "party": TEXT,
    "place": TEXT,
    SOURCE_KEY: ("7", "8", "seven"),
}
LISTS = {"officers", "inspectors"}
DAYS = {"filed"}


def prepared(query: RowQuery, forms: Forms) -> PreparedRows:
    async def ask(*_: object) -> Sequence[tuple[object, ...]]:
        raise NotImplementedError

    wanted = Wanted(query.type, query.columns, query.order)
    return PreparedRows("dept", wanted, forms, ask, None)


def written(
    made: PreparedRows, query: RowQuery, structure: MappedType = MAPPED
) -> tuple[str, list[object]]:
    asked = (query.limit, query.where, query.keys, query.after)
    return made.statement(structure, COLLATE, asked)


# --- questions of one shape, with any values ---------------------------------


def _compared(name: str) -> st.SearchStrategy[Compare]:
    values = st.sampled_from(VALUES[name])
    several = st.lists(values, max_size=3).map(tuple)
    found = [
        st.builds(Compare, st.just(name), st.just(Op.EQ), values),
        st.builds(Compare, st.just(name), st.just(Op.IN), several),
        st.builds(Compare, st.just(name), st.just(Op.PRESENT), st.booleans()),
    ]
    if name == "filed":
        ranged = st.sampled_from([Op.GTE, Op.LTE])
        found.append(st.builds(Compare, st.just(name), ranged, values))
    if name in {"name", "party", "place", "division"}:
        like = st.sampled_from([Op.PREFIX, Op.CONTAINS])
        found.append(st.builds(Compare, st.just(name), like, values))
    return st.one_of(found) if name not in DAYS else st.one_of(found[2:])


COMPARED = st.sampled_from(sorted(VALUES)).flatmap(_compared)
VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(
    [
        Allow("all"),
        Allow("all", numberless=True),
        Mask("masked", MaskKind.NAME),
        Mask("masked", MaskKind.HASH, audience="anze U"),
        REFUSED,
    ]
)


@st.composite
def columns(draw: st.DrawFn) -> tuple[Column, ...]:
    names = draw(st.lists(st.sampled_from(sorted(CASE.fields)), max_size=3))
    under = st.builds(Ruling, VERDICTS, COMPARED)
    return tuple(
        Column(name, name, (*draw(st.lists(under, max_size=1)), Ruling(draw(VERDICTS))))
        for name in dict.fromkeys(names)
    )


@st.composite
def positions(draw: st.DrawFn, order: str) -> Position:
    pool = [value for value in VALUES[order] if value not in {"x", "seven", ""}]
    if order in DAYS:
        pool.append("2024-03-11T09:30:00.000000")
    value = draw(st.none() | st.sampled_from(pool))
    key = draw(st.none() | st.sampled_from(["7", "8"]))
    inclusive = draw(st.booleans()) if key is None and value is not None else False
    return Position(value, key, inclusive)


@st.composite
def wheres(draw: st.DrawFn) -> st.SearchStrategy[Predicate | None]:
    """Give questions about the same fields, values and what joins them apart."""
    names = st.lists(st.sampled_from(sorted(VALUES)), max_size=2)
    parts = st.tuples(*(_compared(name) for name in draw(names)))

    def joined(how: str, parts: tuple[Compare, ...]) -> Predicate | None:
        if how == "any":
            return AnyOf(parts)
        return Not(All(parts)) if how == "not" else All(parts)

    return st.builds(joined, st.sampled_from(["any", "not", "all"]), parts)


@st.composite
def questions(draw: st.DrawFn) -> list[RowQuery]:
    names = ["filed", "filed", *sorted(VALUES.keys() - LISTS - {"place"})]
    order = Order(draw(st.sampled_from(names)), draw(st.booleans()))
    query = RowQuery(
        type="Case", columns=draw(st.just(()) | columns()), order=order, limit=1
    )
    where = draw(st.just(st.none()) | wheres())
    after = draw(st.sampled_from([st.none(), positions(order.field)]))
    keyed = draw(st.none() | st.sampled_from(sorted(VALUES)))
    asked: list[RowQuery] = []
    for _ in range(6):
        keys = None
        if keyed is not None:
            pool = st.lists(st.sampled_from(VALUES[keyed]), max_size=3)
            keys = Keys(keyed, tuple(draw(pool)))
        asked.append(
            replace(
                query,
                limit=draw(st.integers(1, 50)),
                where=draw(where),
                keys=keys,
                after=draw(after),
            )
        )
    return asked


@settings(max_examples=200)
@given(asked=questions())
def test_any_question_of_a_known_shape_is_filled_as_it_would_be_written(
    asked: list[RowQuery],
) -> None:
    forms = Forms()
    made = prepared(asked[0], forms)
    for query in [*asked, *asked]:
        assert written(made, query) == row_statement(MAPPED, query, COLLATE)


@settings(max_examples=100)
@given(asked=questions(), by=st.lists(st.sampled_from(sorted(CASE.fields)), max_size=2))
def test_any_count_of_a_known_shape_is_filled_as_it_would_be_written(
    asked: list[RowQuery], by: list[str]
) -> None:
    forms = Forms()
    for query in [*asked, *asked]:
        groups = () if query.keys else tuple(GroupBy(name) for name in by)
        count = TallyQuery(
            type="Case", by=groups, where=query.where, keys=query.keys, limit=9
        )
        expected = tally_statement(MAPPED, count, COLLATE)
        assert counted(forms, MAPPED, COLLATE, count) == expected


def test_the_same_count_is_one_text_whatever_is_compared() -> None:
    forms = Forms()
    texts = {
        id(counted(forms, MAPPED, COLLATE, count)[0])
        for where in (of_party("A", "B").where, of_party("C", "D", "E").where)
        for count in [TallyQuery(type="Case", by=(GroupBy("kind"),), where=where)]
    }
    assert len(texts) == len(forms) == 1


ROWS = {name: query for name, (query, _) in QUERIES.items()}


@pytest.mark.parametrize("name", [n for n in ROWS if isinstance(ROWS[n], RowQuery)])
def test_the_golden_statements_are_filled_as_they_are_written(name: str) -> None:
    query = ROWS[name]
    assert isinstance(query, RowQuery)
    made = prepared(query, Forms())
    for limit in (query.limit, 7):
        asked = replace(query, limit=limit)
        assert written(made, asked) == row_statement(MAPPED, asked, COLLATE)


# --- what is remembered ------------------------------------------------------


def of_party(*parties: str) -> RowQuery:
    where = All(
        (Compare("kind", Op.EQ, "FIRM"), Compare("party", Op.IN, tuple(parties)))
    )
    id_column = (Column("id", "id", SHOWN),)
    return RowQuery(type="Case", columns=id_column, order=BY_KEY, limit=1, where=where)


def test_the_same_text_is_one_object_whatever_is_compared() -> None:
    made = prepared(of_party(), Forms())
    first, parameters = written(made, of_party("A", "B"))
    second, others = written(made, of_party("C", "D", "E"))
    assert first is second
    assert parameters != others


def test_few_limits_are_texts_of_their_own() -> None:
    made = prepared(of_party(), Forms())
    asked = [replace(of_party("A"), limit=limit) for limit in range(1, 1_001)]
    texts, given = zip(*(written(made, query) for query in asked), strict=True)
    assert len(set(texts)) == 11
    assert [parameters[-1] for parameters in given[2:]] == [*range(3, 1_001)]
    assert all(f"limit {rung}" in texts[rung - 1] for rung in (1, 2, 64, 512))
    assert f"limit {1 << 10}" in texts[-1]


def test_another_structure_of_the_database_is_another_text() -> None:
    made = prepared(of_party(), Forms())
    first, _ = written(made, of_party("A", "B"))
    changed = replace(MAPPED, table='"d"."elsewhere"')
    second, _ = written(made, of_party("A", "B"), changed)
    assert (second, first) == (first.replace('"d"."aj"', '"d"."elsewhere"'), first)
    assert written(made, of_party("A", "B"))[0] == first


def test_what_is_not_asked_for_any_more_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zhitong.connectors.prepared.REMEMBERED", 2)
    forms = Forms()
    made = prepared(of_party(), forms)
    for letter in "abcdef":
        like = replace(of_party(), where=Compare("party", Op.PREFIX, letter))
        written(made, like)
    assert len(forms) == 2


@pytest.mark.parametrize("text", ["\0", "A\0", "安\0", "\ud800", "安\udfff"])
def test_a_text_that_cannot_be_sent_fills_nothing(text: str) -> None:
    made = prepared(of_party(), Forms())
    written(made, of_party("A", "B"))
    with pytest.raises(ScalarError):
        written(made, of_party("A", text))
    with pytest.raises(ScalarError):
        written(made, replace(of_party(), keys=Keys("party", (text,))))
