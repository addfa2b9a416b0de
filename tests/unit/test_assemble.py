"""Putting answers together: what fits a type, and how far an error goes."""

from __future__ import annotations

from typing import ClassVar

import pytest
from graphql import GraphQLError, GraphQLInt, GraphQLString
from hypothesis import given
from hypothesis import strategies as st
from plan_city import Parts

from zhitong.exceptions import DocumentInvalidError
from zhitong.resolvers.assemble import Assembling, Values, leaf
from zhitong.resolvers.outcome import Fault, Outcome
from zhitong.resolvers.selection import Column, Computed, Leaf, Part, TypeName

HERE = Computed(lambda *_: None)
ROOT = id(None)


def completed(part: Part, value: object) -> Outcome:
    return Assembling({part.tag: {ROOT: value}}).outcome([part])


def part(**more: object) -> Part:
    return Parts().part("x", "Query", HERE, **{"leaf": Leaf.TEXT, **more})


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["00", "+1", " 7 ", "1_0", "１", "-0", "", "9" * 5_000])
    | st.binary()
    | st.lists(st.text())
)


@given(VALUES.filter(lambda value: value is not None))
def test_a_number_fits_where_graphql_core_says_so(value: object) -> None:
    try:
        said: object = GraphQLInt.serialize(value)
    except GraphQLError:
        said = None
    try:
        found: object = leaf(part(leaf=Leaf.INTEGER), value)
    except DocumentInvalidError:
        found = None
    assert (found, type(found)) == (said, type(said))


@given(VALUES.filter(lambda value: not isinstance(value, float | None)))
def test_a_text_fits_where_graphql_core_says_so(value: object) -> None:
    try:
        said: object = GraphQLString.serialize(value)
    except GraphQLError:
        said = None
    try:
        found: object = leaf(part(), value)
    except DocumentInvalidError:
        found = None
    assert found == said


def test_a_code_that_its_list_does_not_have_is_null_and_an_error() -> None:
    asked = part(leaf=Leaf.CODE, codes=frozenset({"A"}))
    assert completed(asked, "A") == Outcome({"x": "A"})
    outcome = completed(asked, "B")
    assert outcome.data == {"x": None}
    (fault,) = outcome.faults
    assert isinstance(fault.error, DocumentInvalidError)
    assert (fault.path, fault.tag) == (("x",), asked.tag)


def test_an_item_that_may_not_be_null_nulls_its_list() -> None:
    outcome = completed(part(items=(False,)), ["a", None])
    assert outcome.data == {"x": None}
    assert [fault.path for fault in outcome.faults] == [("x", 1)]


def test_an_item_that_may_be_null_leaves_the_others() -> None:
    outcome = completed(part(items=(True,)), ["a", [], None])
    assert outcome.data == {"x": ["a", None, None]}
    assert [fault.path for fault in outcome.faults] == [("x", 1)]


def test_an_error_where_nothing_may_be_null_leaves_no_data() -> None:
    asked, error = part(nullable=False), ValueError("x")
    told = Fault(error, ("x",), asked.tag)
    assert completed(asked, error) == Outcome(None, (told,))


def test_what_an_error_has_nulled_tells_of_no_other() -> None:
    parts = Parts()
    some = parts.part("a", "T", HERE, leaf=Leaf.TEXT)
    sure = parts.part("b", "T", HERE, leaf=Leaf.TEXT, nullable=False)
    above = parts.part("x", "Query", HERE, below={"T": (some, sure)})
    beside = parts.part("y", "Query", HERE, leaf=Leaf.TEXT)
    owner = object()
    values: Values = {
        above.tag: {ROOT: owner},
        beside.tag: {ROOT: ValueError("beside")},
        some.tag: {id(owner): ValueError("told no more")},
        sure.tag: {id(owner): ValueError("goes up")},
    }
    outcome = Assembling(values).outcome([above, beside])
    assert outcome.data == {"x": None, "y": None}
    assert [str(fault.error) for fault in outcome.faults] == ["goes up", "beside"]
    assert [fault.path for fault in outcome.faults] == [("x", "b"), ("y",)]


def test_the_name_of_a_type_is_that_of_what_stands_there() -> None:
    parts = Parts()
    name = parts.part("__typename", "T", TypeName(), leaf=Leaf.TEXT)
    above = parts.part("x", "Query", HERE, below={"T": (name,)})
    outcome = Assembling({above.tag: {ROOT: object()}}).outcome([above])
    assert outcome.data == {"x": {"__typename": "T"}}


@pytest.mark.parametrize("value", ["text", b"bytes", 7])
def test_what_is_no_list_does_not_stand_for_one(value: object) -> None:
    outcome = completed(part(items=(True,)), value)
    assert outcome.data == {"x": None}
    assert isinstance(outcome.faults[0].error, DocumentInvalidError)


def test_a_column_that_the_read_did_not_bring_is_a_fault_of_ours() -> None:
    class Bare:
        values: ClassVar[dict[str, object]] = {}

    parts = Parts()
    column = parts.part("no", "T", Column(), leaf=Leaf.TEXT)
    above = parts.part("x", "Query", HERE, below={"T": (column,)})
    outcome = Assembling({above.tag: {ROOT: Bare()}}).outcome([above])
    assert outcome.data == {"x": {"no": None}}
    assert isinstance(outcome.faults[0].error, KeyError)
