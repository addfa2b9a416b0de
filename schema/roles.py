"""What resolves each field of the schema, said of the declared types alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import cast

from zhitong.resolvers.selection import (
    Attribute,
    ByNode,
    Column,
    Computed,
    Counts,
    Exact,
    Grouped,
    Identity,
    Lookup,
    Match,
    One,
    PageBelow,
    Role,
    RootPage,
    Search,
    Several,
    SourceName,
    SubjectOf,
    Total,
    TypeName,
)
from zhitong.resolvers.statistics import SUBJECT
from zhitong.schema.entities import ENTITIES
from zhitong.schema.objects import NODES
from zhitong.schema.roots import (
    GROUPS,
    HITS,
    exact_name,
    lower,
    statistics_name,
)
from zhitong.schema.selection import MATCH
from zhitong.schema.served import code_lists, source_states
from zhitong.schema.tables import counted_name
from zhitong.types import EntityType, Relation, Shape

MUTATION, INTROSPECTION, CATALOGUE = "mutation", "introspection", "catalogue"
CHECK, EXPLAIN, LOOKERS, ENTITY = "check", "explain", "lookers", "entities"
SUBSCRIPTION, DIRECTIVE, LARGE = "subscription", "directive", "large"
WHY = {
    MUTATION: "变更 a mutation",
    SUBSCRIPTION: "订阅 a subscription",
    INTROSPECTION: "查询模式本身 the schema itself is asked for",
    CATALOGUE: "资源目录 the catalogue of resources",
    CHECK: "校验决定（checkDecision）checks of a decision",
    EXPLAIN: "解释规则（policyExplain）what the policy says",
    LOOKERS: "查谁看过（whoLooked、whoLookedAtMe）who looked",
    ENTITY: "联邦路由按键取的实体 entities that a federated router names",
    DIRECTIVE: "有别的指令，或 @skip、@include 的值不是布尔值 "
    "another directive than @skip and @include, or no boolean for them",
    LARGE: "过大：按类型展开后字段过多 too many fields, spread for each type",
}
"""Why a document is left to graphql-core: all of the words, and what they mean."""
UNPLANNED: Mapping[tuple[str, str], str] = {
    ("Query", "__schema"): INTROSPECTION,
    ("Query", "__type"): INTROSPECTION,
    ("Query", "_service"): INTROSPECTION,
    ("Query", "_entities"): ENTITY,
    ("Query", "checkDecision"): CHECK,
    ("Query", "catalogue"): CATALOGUE,
    ("Query", "catalogueItem"): CATALOGUE,
    ("Query", "catalogueVersions"): CATALOGUE,
    ("Query", "policyExplain"): EXPLAIN,
    ("Query", "whoLooked"): LOOKERS,
    ("Query", "whoLookedAtMe"): LOOKERS,
}
"""Fields that no plan has: what they do is no read of rows, or is seldom asked."""
_BEGINNINGS = {
    "_": INTROSPECTION,
    "Mutation": MUTATION,
    "DecisionRecorded": MUTATION,
    "DecisionWarning": MUTATION,
    "QueuedEvent": MUTATION,
    "ProceedingRecorded": MUTATION,
    "GrantTaken": MUTATION,
    "CatalogueReviewed": MUTATION,
    "PublicationTaken": MUTATION,
    "DecisionChecked": CHECK,
    "RuleFinding": CHECK,
    "Catalogue": CATALOGUE,
    "Policy": EXPLAIN,
    "Subscription": SUBSCRIPTION,
    "DecisionChange": SUBSCRIPTION,
    "FindingChange": SUBSCRIPTION,
}
"""Types that stand below such fields alone, by what their names begin with."""
TYPE_NAME = TypeName()


def role_of(type_name: str, field_name: str) -> Role | str:
    """Say what resolves a field, or in a word why it is left to graphql-core."""
    if field_name == "__typename":
        return TYPE_NAME
    known = _roles().get((type_name, field_name))
    if known is not None:
        return known
    reason = UNPLANNED.get((type_name, field_name))
    if reason is not None:
        return reason
    return next(
        why for begun, why in _BEGINNINGS.items() if type_name.startswith(begun)
    )


def rows_of(
    role: Role,
) -> tuple[tuple[EntityType, ...], tuple[tuple[str, ...], ...]]:
    """Say of which types rows are read for *role*, and at which paths they stand."""
    match role:
        case RootPage(entity):
            return (entity,), NODES
        case PageBelow(relation):
            return (ENTITIES[relation.target],), NODES
        case One(relation) | Match(relation) | Several(relation):
            return (ENTITIES[relation.target],), ((),)
        case Lookup(entity) | Exact(entity):
            return (entity,), ((),)
        case ByNode():
            return tuple(ENTITIES.values()), ((),)
        case Search():
            return _searched(), (HITS,)
        case Counts(entity):
            return (entity,), (GROUPS,)
        case SubjectOf():
            return (ENTITIES["EnforcementSubject"],), ((),)
        case _:
            return (), ()


@cache
def _searched() -> tuple[EntityType, ...]:
    return tuple(one for one in ENTITIES.values() if one.search is not None)


@cache
def _roles() -> Mapping[tuple[str, str], Role]:
    made: dict[tuple[str, str], Role] = {}
    for entity in ENTITIES.values():
        made |= {(entity.name, name): role for name, role in _row(entity)}
        made |= {("Query", name): role for name, role in _roots(entity)}
        made |= _pages(entity)
        made |= _tables(entity)
    made |= {
        ("Query", "node"): ByNode(),
        ("Query", "search"): Search(),
        ("Query", "sources"): Computed(lambda asking, _: source_states(asking)),
        ("Query", "codeLists"): Computed(lambda _, names: code_lists(_names(names))),
        ("Node", "id"): Identity(),
        ("Node", "source"): SourceName(),
    }
    return made | _plain(
        PageInfo="hasNextPage endCursor",
        TotalCount="count suppressed partial missing",
        SearchResult="nodes more missing",
        SourceState="name titleZh titleEn state types drifts",
        CodeListType="name values",
        CodeLabel="value zh en",
    )


def _names(bound: object) -> list[str] | None:
    return cast("list[str] | None", bound)


def _row(entity: EntityType) -> Iterator[tuple[str, Role]]:
    yield "id", Identity()
    yield "source", SourceName()
    for name in entity.fields:
        yield name, Column()
    for relation in entity.relations.values():
        yield relation.name, _followed(relation)
        if relation.shape is Shape.ONE:
            yield relation.name + MATCH, Match(relation)


def _followed(relation: Relation) -> Role:
    match relation.shape:
        case Shape.PAGE:
            return PageBelow(relation)
        case Shape.LIST:
            return Several(relation)
        case Shape.ONE:
            return One(relation)


def _roots(entity: EntityType) -> Iterator[tuple[str, Role]]:
    yield entity.plural, RootPage(entity)
    if entity.lookup is not None:
        yield lower(entity.name), Lookup(entity)
    for name, field in entity.fields.items():
        if field.exact:
            yield exact_name(entity, name), Exact(entity, name)
    if entity.groupings:
        yield statistics_name(entity), Counts(entity)


def _pages(entity: EntityType) -> Mapping[tuple[str, str], Role]:
    connection = f"{entity.name}Connection"
    return _plain(
        **{
            connection: "nodes edges pageInfo missing",
            f"{entity.name}Edge": "node cursor",
        }
    ) | {(connection, "totalCount"): Total()}


def _tables(entity: EntityType) -> Mapping[tuple[str, str], Role]:
    if not entity.groupings:
        return {}
    name = counted_name(entity)
    group = f"{name}Group"
    made: dict[tuple[str, str], Role] = {}
    for one in entity.groupings:
        made[group, "month" if one.by.month else one.by.field] = Grouped(one.name)
        if one.name == SUBJECT:
            made[group, "subject"] = SubjectOf()
    return made | _plain(
        **{f"{name}Statistics": "groups missing smallest", group: "count suppressed"}
    )


def _plain(**attributes: str) -> dict[tuple[str, str], Role]:
    return {
        (type_name, name): Attribute(name)
        for type_name, names in attributes.items()
        for name in names.split()
    }
