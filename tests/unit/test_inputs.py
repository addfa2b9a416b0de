"""Filters and orders as they are given, and the predicates they become."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLInputObjectType

from zhitong.exceptions import ScalarError
from zhitong.schema import objects
from zhitong.schema.entities import ENTITIES
from zhitong.schema.graph import graph
from zhitong.schema.inputs import order, predicate
from zhitong.types import (
    All,
    AnyOf,
    Compare,
    EntityType,
    Kind,
    Not,
    Op,
    Order,
    Predicate,
    Related,
)

CASE = ENTITIES["CaseRecord"]
SCHEMA = graph()._schema


def made(kind: str, /, **given: Any) -> Any:  # noqa: ANN401 - a generated input
    return getattr(objects, kind)(**given)


def member(enum: str, name: str) -> Any:  # noqa: ANN401 - a generated enum
    return getattr(objects, enum)[name]


def parts(given: Any) -> tuple[Predicate, ...]:  # noqa: ANN401 - a generated input
    found = predicate(CASE, given, ENTITIES)
    assert isinstance(found, All)
    return found.parts


def test_nothing_given_is_no_condition() -> None:
    assert predicate(CASE, None, ENTITIES) is None


def test_an_empty_filter_holds_for_every_row() -> None:
    assert parts(made("CaseRecordFilter")) == ()


def test_conditions_side_by_side_all_hold() -> None:
    given = made(
        "CaseRecordFilter",
        caseNo=made("TextFilter", contains="2026", present=True),
        fine=made("MoneyFilter", gte="100", lte="200"),
    )
    assert parts(given) == (
        Compare("caseNo", Op.CONTAINS, "2026"),
        Compare("caseNo", Op.PRESENT, value=True),
        Compare("fine", Op.GTE, "100"),
        Compare("fine", Op.LTE, "200"),
    )


def test_codes_become_their_names() -> None:
    given = made(
        "CaseRecordFilter",
        status=made(
            "CaseStatusFilter",
            in_=[member("CaseStatus", "FILED"), member("CaseStatus", "CLOSED")],
        ),
    )
    assert parts(given) == (Compare("status", Op.IN, ("FILED", "CLOSED")),)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"caseNo": {"eq": None}}, "eq", id="an operator"),
        pytest.param({"status": None}, "status", id="a field"),
        pytest.param({"counterparty": None}, "counterparty", id="a relation"),
        pytest.param({"and_": None}, "and", id="and"),
        pytest.param({"not_": None}, "not", id="not"),
    ],
)
def test_a_null_never_widens_a_question(given: dict[str, Any], named: str) -> None:
    inner = {
        name: made("TextFilter", **value) if isinstance(value, dict) else value
        for name, value in given.items()
    }
    with pytest.raises(ScalarError, match=f"the condition {named} cannot be null"):
        parts(made("CaseRecordFilter", **inner))


def test_what_is_left_out_says_nothing() -> None:
    assert parts(made("CaseRecordFilter", caseNo=made("TextFilter"))) == ()


def test_and_or_not_nest() -> None:
    one = made("CaseRecordFilter", caseNo=made("TextFilter", eq="1"))
    two = made("CaseRecordFilter", caseNo=made("TextFilter", eq="2"))
    given = made("CaseRecordFilter", and_=[one], or_=[one, two], not_=two)
    first, second = Compare("caseNo", Op.EQ, "1"), Compare("caseNo", Op.EQ, "2")
    assert parts(given) == (
        All((first,)),
        AnyOf((All((first,)), All((second,)))),
        Not(All((second,))),
    )


def test_or_of_nothing_holds_nowhere() -> None:
    assert parts(made("CaseRecordFilter", or_=[])) == (AnyOf(()),)


def test_a_filter_on_a_relation_is_settled_later() -> None:
    given = made(
        "CaseRecordFilter",
        counterparty=made(
            "CounterpartyFilter", name=made("TextFilter", contains="化工")
        ),
    )
    inner = All((Compare("name", Op.CONTAINS, "化工"),))
    assert parts(given) == (Related("counterparty", inner),)


def test_an_order_is_descending_unless_it_says_otherwise() -> None:
    by = member("CaseRecordOrderField", "fine")
    assert order(made("CaseRecordOrder", by=by)) == Order("fine", descending=True)
    upwards = made("CaseRecordOrder", by=by, direction=member("Direction", "ASC"))
    assert order(upwards) == Order("fine", descending=False)
    assert order(None) is None


def taken(entity: EntityType) -> set[str]:
    declared = SCHEMA.type_map[f"{entity.name}Filter"]
    assert isinstance(declared, GraphQLInputObjectType)
    return set(declared.fields)


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda one: one.name)
def test_every_field_and_relation_can_be_filtered_by(entity: EntityType) -> None:
    names = {*entity.fields, *entity.relations, "and", "or", "not"}
    assert taken(entity) == names


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda one: one.name)
def test_a_type_is_ordered_by_plain_values_only(entity: EntityType) -> None:
    kinds = {entity.fields[name].kind for name in entity.orders}
    assert kinds <= {
        Kind.TEXT,
        Kind.CREDIT_CODE,
        Kind.DATE,
        Kind.DATETIME,
        Kind.MONEY,
    }
