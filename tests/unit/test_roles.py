"""What resolves each field: no field of the schema is without a role or a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Lookup,
    Match,
    One,
    PageBelow,
    RootPage,
)
from zhitong.schema.entities import ENTITIES
from zhitong.schema.graph import graph
from zhitong.schema.roles import UNPLANNED, WHY, role_of, rows_of

ASKING = Path(__file__).parents[2] / "docs" / "asking.md"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return graph()._schema


def fields(schema: GraphQLSchema) -> list[tuple[str, str]]:
    return [
        (name, field)
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for field in kind.fields
    ]


def test_every_field_has_a_role_or_a_reason(schema: GraphQLSchema) -> None:
    reasons = {
        found
        for owner, name in fields(schema)
        if isinstance(found := role_of(owner, name), str)
    }

    assert reasons <= WHY.keys()


def test_what_the_root_leaves_out_is_there_to_be_left_out(
    schema: GraphQLSchema,
) -> None:
    there = {*fields(schema), ("Query", "__schema"), ("Query", "__type")}

    assert UNPLANNED.keys() <= there


def test_no_planned_field_leads_to_a_type_without_roles(schema: GraphQLSchema) -> None:
    for owner, name in fields(schema):
        kind = schema.type_map[owner]
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        below = get_named_type(kind.fields[name].type)
        if isinstance(role_of(owner, name), str) or not isinstance(
            below, GraphQLObjectType | GraphQLInterfaceType
        ):
            continue
        lacking = [
            one for one in below.fields if isinstance(role_of(below.name, one), str)
        ]
        assert not lacking, (owner, name)


def test_roles_say_what_the_declarations_say() -> None:
    case, party = ENTITIES["CaseRecord"], ENTITIES["Counterparty"]
    subject = case.relations["subject"]

    assert role_of("CaseRecord", "title") == Column()
    assert role_of("CaseRecord", "subject") == One(subject)
    assert role_of("CaseRecord", "subjectMatch") == Match(subject)
    assert role_of("Counterparty", "cases") == PageBelow(party.relations["cases"])
    assert role_of("Query", "caseRecords") == RootPage(case)
    assert role_of("Query", "counterparty") == Lookup(party)
    assert role_of("PageInfo", "endCursor") == Attribute("endCursor")


def test_rows_are_of_the_type_that_a_relation_leads_to() -> None:
    role = role_of("CaseRecord", "subject")
    assert not isinstance(role, str)

    assert rows_of(role) == ((ENTITIES["EnforcementSubject"],), ((),))


def test_an_enum_means_what_it_is_called(schema: GraphQLSchema) -> None:
    """A plan completes a code by its name: no name may stand for another value."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLEnumType) and not kind.name.startswith("__"):
            assert {one: one for one in kind.values} == {
                name: getattr(value.value, "value", value.value)
                for name, value in kind.values.items()
            }, kind.name


@pytest.mark.parametrize("word", sorted(WHY))
def test_the_page_lists_why_a_document_is_left_to_graphql_core(word: str) -> None:
    assert f"| `{word}` | {WHY[word]} |" in ASKING.read_text("utf-8")
