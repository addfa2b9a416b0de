"""Arguments of a field in our own words, as its resolver would have them.

The very code that the resolvers' arguments pass: graphql-core's, strawberry's, ours.
So what it refuses, it refuses in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_argument_values,
)
from graphql.execution.values import VariableValues
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from zhitong.exceptions import ZhitongError
from zhitong.resolvers.pages import PageArguments
from zhitong.resolvers.selection import (
    ByNode,
    Computed,
    Counts,
    Exact,
    Lookup,
    PageBelow,
    Role,
    RootPage,
    Search,
)
from zhitong.schema.arguments import counted, named
from zhitong.schema.entities import ENTITIES
from zhitong.schema.federation import Graph
from zhitong.schema.objects import page_arguments
from zhitong.schema.variables import NOTHING

Converting = Callable[[Mapping[str, Any]], object]
"""From a field's arguments, as graphql-core gives them, to our own words."""
_PAGING = frozenset({"first", "after"})


class Binds(Protocol):
    """What binds one field's arguments to a question's variables."""

    def bound(self, values: VariableValues) -> object:
        """Give what the resolver would have, or the exception it would raise."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One field's arguments, whatever variables they have."""

    definition: GraphQLField
    node: FieldNode
    convert: Converting

    def bound(self, values: VariableValues) -> object:
        """Convert the arguments as for the resolver."""
        try:
            return self.convert(get_argument_values(self.definition, self.node, values))
        except (GraphQLError, ZhitongError) as error:
            # It may be kept as long as the document is: not its frames.
            return error.with_traceback(None)


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number that is a variable: bound to its value as it is."""

    variable: str
    binding: Binding
    """What says the rest, where it has no value."""

    def bound(self, values: VariableValues) -> object:
        """Give the value."""
        value = values.coerced.get(self.variable)
        return self.binding.bound(values) if value is None else value


@dataclass(frozen=True, slots=True, eq=False)
class Paging:
    """A page whose size and beginning alone are variables: the rest is converted."""

    page: PageArguments
    first: str | None
    after: str | None

    def bound(self, values: VariableValues) -> object:
        """Give the page with both, as far as they have values."""
        page, coerced = self.page, values.coerced
        return PageArguments(
            first=coerced.get(self.first) if self.first else page.first,
            after=coerced.get(self.after) if self.after else page.after,
            where=page.where,
            order=page.order,
            sources=page.sources,
        )


def binds(role: Role, binding: Binding) -> Binds:
    """Choose what binds the arguments of a field that have variables in them."""
    varying = {
        one.name.value: one.value.name.value
        if isinstance(one.value, VariableNode)
        else None
        for one in binding.node.arguments or ()
        if _varies(one.value)
    }
    if isinstance(role, Lookup | Exact | ByNode):
        ((_, variable),) = varying.items()
        return Number(variable, binding) if variable else binding
    if varying.keys() <= _PAGING and all(varying.values()):
        # Neither is refused before the resolver runs: both may be null.
        page = binding.bound(NOTHING)
        if isinstance(page, PageArguments):
            return Paging(page, varying.get("first"), varying.get("after"))
    return binding


def varies(node: FieldNode) -> bool:
    """Say whether an argument of *node* has a variable in it."""
    return any(_varies(argument.value) for argument in node.arguments or ())


def _varies(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(map(_varies, value.values))
    if isinstance(value, ObjectValueNode):
        return any(_varies(part.value) for part in value.fields)
    return isinstance(value, VariableNode)


def converting(graph: Graph, role: Role, field: StrawberryField) -> Converting | None:
    """Say how the arguments of *field* are converted; None: it has none of ours."""
    translate = _translating(role)
    if translate is None or not field.arguments:
        return None
    registry, config = graph.schema_converter.scalar_registry, graph.config

    def convert(values: Mapping[str, Any]) -> object:
        given = convert_arguments(
            dict(values), field.arguments, scalar_registry=registry, config=config
        )
        return translate(given)

    return convert


def _translating(role: Role) -> Converting | None:
    match role:
        case RootPage(entity):
            return lambda given: page_arguments(entity, **given)
        case PageBelow(relation):
            target = ENTITIES[relation.target]
            return lambda given: page_arguments(target, **given)
        case Lookup() | Exact():
            return lambda given: given["number"]
        case ByNode():
            return lambda given: given["node_id"]
        case Search():
            return _searched
        case Counts(entity):
            return lambda given: counted(entity, **given)
        case Computed():
            return lambda given: given["names"]
        case _:
            return None


def _searched(given: Mapping[str, Any]) -> object:
    return given["name"], named(given["types"]), given["first"]
