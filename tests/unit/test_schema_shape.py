"""The schema's shape: what may be null, what is described, what cannot be asked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
)

from zhitong.schema.decision_inputs import KEPT_BY_US, UNREAD
from zhitong.schema.decisions import DECISION, DELIVERY, FINDING, RECEIPT, RECEIVER
from zhitong.schema.entities import ENTITIES
from zhitong.schema.graph import sdl
from zhitong.schema.tables import counted_name
from zhitong.types import EntityType, Kind, Shape

SCHEMA = build_schema(sdl())
"""As published, without what a federated router asks."""
OWN = {
    name: declared
    for name, declared in SCHEMA.type_map.items()
    if not name.startswith("__")
    and name not in {"Int", "Float", "String", "Boolean", "ID"}
}
PLATFORM = Path(__file__).parents[2] / "infra" / "platform" / "platform.toml"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{2}")
EACH = pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda one: one.name)


def members(declared: GraphQLNamedType) -> dict[str, str | None]:
    if isinstance(declared, GraphQLEnumType):
        return {name: one.description for name, one in declared.values.items()}
    if isinstance(
        declared, GraphQLObjectType | GraphQLInputObjectType | GraphQLInterfaceType
    ):
        return {name: one.description for name, one in declared.fields.items()}
    return {}


def described(text: str | None) -> bool:
    """Say whether *text* is Chinese first, and has its English."""
    zh, _, en = (text or "").partition("\n\n")
    return bool(CHINESE.search(zh) and LATIN.search(en))


def test_every_type_is_described_in_both_languages() -> None:
    assert [name for name, one in OWN.items() if not described(one.description)] == []


def test_every_member_is_described_in_both_languages() -> None:
    bare = [
        f"{name}.{member}"
        for name, declared in OWN.items()
        for member, text in members(declared).items()
        if not described(text)
    ]
    assert bare == []


def test_every_argument_is_described_in_both_languages() -> None:
    bare = [
        f"{name}.{field}({argument})"
        for name, declared in OWN.items()
        if isinstance(declared, GraphQLObjectType)
        for field, one in declared.fields.items()
        for argument, taken in one.args.items()
        if not described(taken.description)
    ]
    assert bare == []


def object_of(entity: EntityType) -> GraphQLObjectType:
    declared = SCHEMA.type_map[entity.name]
    assert isinstance(declared, GraphQLObjectType)
    return declared


@EACH
def test_every_field_of_a_row_may_be_withheld(entity: EntityType) -> None:
    fields = object_of(entity).fields
    solid = [
        name for name in entity.fields if isinstance(fields[name].type, GraphQLNonNull)
    ]
    assert solid == []


@EACH
def test_a_row_has_its_id_fields_and_relations_and_nothing_else(
    entity: EntityType,
) -> None:
    matches = {
        f"{name}Match"
        for name, relation in entity.relations.items()
        if relation.shape is Shape.ONE
    }
    names = {"id", "source", *entity.fields, *entity.relations, *matches}
    assert set(object_of(entity).fields) == names


@EACH
def test_a_relations_keys_are_fields_on_both_sides(entity: EntityType) -> None:
    for relation in entity.relations.values():
        assert relation.local in entity.fields
        assert relation.remote in ENTITIES[relation.target].fields


@EACH
def test_declared_names_are_fields(entity: EntityType) -> None:
    named = {entity.key, entity.lookup, entity.search, *entity.orders} - {None}
    assert named <= entity.fields.keys()


def test_decisions_disputes_and_grants_can_be_changed() -> None:
    mutation = SCHEMA.mutation_type
    assert mutation is not None
    assert list(mutation.fields) == [
        "recordDecision",
        "withdrawDecision",
        "correctDecision",
        "recordProceeding",
        "applyForGrant",
        "reviewGrant",
        "supplementGrant",
        "decideGrant",
        "provideGrant",
        "revokeGrant",
        "withdrawGrant",
        "disputeGrant",
        "settleDispute",
        "breakGlass",
        "reviewBreakGlass",
        "reviewCatalogue",
        "takePublicationStep",
    ]
    solid = [isinstance(one.type, GraphQLNonNull) for one in mutation.fields.values()]
    assert not any(solid)  # one that is refused leaves the others


def test_decisions_findings_and_sources_can_be_subscribed_to() -> None:
    subscription = SCHEMA.subscription_type
    assert subscription is not None
    assert list(subscription.fields) == ["decisions", "findings", "sourceHealth"]


def test_what_is_sent_of_a_decision_is_read_again_under_the_same_name() -> None:
    sent, kept = set(members(SCHEMA.type_map["DecisionInput"])), DECISION.fields.keys()
    assert sent - kept == set(UNREAD) - kept == {"idKind", "idNumber"}
    assert kept - sent == KEPT_BY_US


def test_no_id_number_is_read_in_the_graph() -> None:
    """They have names, for the policy to say which receiver has them sealed."""
    binding = tomllib.loads(PLATFORM.read_text("utf-8"))["types"]
    fed = {
        f"{entity.name}.{name}"
        for entity in (DECISION, FINDING, DELIVERY, RECEIPT, RECEIVER)
        for name in binding[entity.name]["fields"]
    }
    assert {one for one in fed if re.search("id(number|kind)", one.lower())} == set()
    streamed = {
        name for name, one in DECISION.fields.items() if "stream" in one.label.en
    }
    assert len(streamed) == 9
    assert {f"Decision.{name}" for name in streamed}.isdisjoint(fed)


def test_a_failing_root_field_leaves_its_siblings() -> None:
    query = SCHEMA.query_type
    assert query is not None
    solid = {
        name
        for name, field in query.fields.items()
        if isinstance(field.type, GraphQLNonNull)
    }
    assert solid == {"sources", "codeLists"}  # they read no department


COUNTED = [one for one in ENTITIES.values() if one.groupings]


@pytest.mark.parametrize("entity", COUNTED, ids=lambda one: one.name)
def test_statistics_hold_no_amounts_and_cannot_be_ordered(entity: EntityType) -> None:
    query, name = SCHEMA.query_type, counted_name(entity)
    assert query is not None
    field = f"{name[0].lower()}{name[1:]}Statistics"
    times = {"since", "until"} if entity.dated else set()
    assert set(query.fields[field].args) == {"by", "where", *times}
    grouped = [one.by for one in entity.groupings]
    assert {entity.fields[one.field].kind for one in grouped} <= {
        Kind.TEXT,
        Kind.CODE,
        Kind.CREDIT_CODE,
        Kind.DIVISION,
        Kind.DATE,
        Kind.DATETIME,
    }
    named = {"month" if one.month else one.field for one in grouped}
    group = set(members(SCHEMA.type_map[f"{name}Group"]))
    assert group - {"subject"} == {*named, "count", "suppressed"}
    grouping = SCHEMA.type_map[f"{name}Grouping"]
    assert set(members(grouping)) == {one.name for one in entity.groupings}


@pytest.mark.parametrize("entity", COUNTED, ids=lambda one: one.name)
def test_no_grouping_names_a_person_or_one_row(entity: EntityType) -> None:
    grouped = {one.by.field for one in entity.groupings}
    named = {entity.key, entity.search, entity.lookup, "caseNo", "counterpartyCode"}
    assert not grouped & named
    assert all(entity.fields[name].mask is None for name in grouped)
    assert sum(one.by.month for one in entity.groupings) == 1


def test_what_may_be_looked_up_exactly_has_a_field_of_its_own() -> None:
    query = SCHEMA.query_type
    assert query is not None
    assert {name for name in query.fields if "By" in name} == {
        "officerByIdNumber",
        "counterpartyByIdNumber",
        "caseRecordByCounterpartyIdNumber",
    }


def test_power_types_are_ten_and_act_types_nine() -> None:
    kinds = {
        name: set(members(SCHEMA.type_map[name])) - {"UNRECOGNISED"}
        for name in ("PowerType", "ActType")
    }
    assert (len(kinds["PowerType"]), len(kinds["ActType"])) == (10, 9)
    assert kinds["PowerType"] - kinds["ActType"] == {"REWARD", "OTHER"}
    assert kinds["ActType"] - kinds["PowerType"] == {"REQUISITION"}
