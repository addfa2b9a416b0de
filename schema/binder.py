"""Arguments of a field in our own words, as its resolver would have them.

The very code that the resolvers' arguments pass: graphql-core's, strawberry's, ours.
So what it refuses, it refuses in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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

Converting = Callable[[Mapping[str, Any]], object]
"""From a field's arguments, as graphql-core gives them, to our own words."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One field's arguments, to be bound to a question's variables."""

    definition: GraphQLField
    node: FieldNode
    convert: Converting
    variable: str | None
    """The one whose value is the argument, where it has a value."""

    def bound(self, values: VariableValues) -> object:
        """Give what the resolver would have, or the exception it would raise."""
        if self.variable is not None:
            value = values.coerced.get(self.variable)
            if value is not None:
                return value
        try:
            return self.convert(get_argument_values(self.definition, self.node, values))
        except (GraphQLError, ZhitongError) as error:
            # It may be kept as long as the document is: not its frames.
            return error.with_traceback(None)


def varies(node: FieldNode) -> bool:
    """Say whether an argument of *node* has a variable in it."""
    return any(_varies(argument.value) for argument in node.arguments or ())


def _varies(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(map(_varies, value.values))
    if isinstance(value, ObjectValueNode):
        return any(_varies(part.value) for part in value.fields)
    return isinstance(value, VariableNode)


def alone(role: Role, node: FieldNode) -> str | None:
    """Name the variable that is the whole of what is bound, if one is."""
    if isinstance(role, Lookup | Exact | ByNode):
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                return argument.value.name.value
    return None


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
