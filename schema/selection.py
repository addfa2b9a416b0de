"""Which of a type's fields and relations a part of the document asks for.

Both ways of running a document read it here, so that both read the same columns.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)
from graphql.pyutils import Path

from zhitong.resolvers.selection import Weighed
from zhitong.types import EntityType

ARGUMENT = 10
"""What a member of an input costs to translate, in fields."""
MATCH = "Match"
"""``counterpartyMatch`` says how the relation ``counterparty`` was found."""


Fragment = FragmentDefinitionNode | InlineFragmentNode
ResolveInfo = GraphQLResolveInfo[Any]
"""graphql-core's view of a field: its nodes, fragments and variables."""


def response_key(node: FieldNode) -> str:
    """Give the name that the answer has for *node*."""
    return node.alias.value if node.alias else node.name.value


def variables_of(info: ResolveInfo) -> Mapping[str, object]:
    """Give the document's variables, defaults filled in.

    graphql-core 3.3 wraps them in an object, strawberry hands on the bare ones.
    """
    values: Any = info.variable_values
    variables: Mapping[str, object] = getattr(values, "coerced", values)
    return variables


Step = str | tuple[str, str]
"""A response key; with the row's type before it where rows of several may stand."""


def response_path(info: ResolveInfo, entities: Container[str]) -> tuple[Step, ...]:
    """Give the response keys down to a field, without the places in lists."""
    steps: list[Step] = []
    path: Path | None = info.path
    while path is not None:
        owner, key = path.typename, path.key
        if isinstance(key, str):
            steps.append((owner, key) if owner and owner in entities else key)
        path = path.prev
    return tuple(reversed(steps))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names of fields to select and of relations to follow."""

    fields: frozenset[str]
    links: frozenset[str]
    beside: Mapping[tuple[Step, ...], tuple[FieldNode, ...]]
    """By the steps down to a ``…Match``: the nodes of its relation beside."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A look into one document under its variables."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, object]
    """Defaults filled in; those alone matter that ``@skip`` and ``@include`` have."""

    def wanted(
        self, nodes: Iterable[FieldNode], entity: EntityType, *paths: tuple[str, ...]
    ) -> Wanted:
        """Gather what is asked of *entity* at any of *paths* below *nodes*."""
        asked: dict[str, list[FieldNode]] = {}
        below: dict[str, list[tuple[Step, ...]]] = {}
        for path in paths:
            for keys, found in self._places(nodes, path).items():
                for child in self._children(found, entity.name):
                    name = child.name.value
                    asked.setdefault(name, []).append(child)
                    last = (entity.name, response_key(child))
                    below.setdefault(name, []).append((*keys, last))
        names = asked.keys()
        return Wanted(
            fields=frozenset(names & entity.fields.keys()),
            links=frozenset(
                name for name in entity.relations if names & {name, name + MATCH}
            ),
            beside={
                keys: tuple(asked.get(name, ()))
                for name in entity.relations
                for keys in below.get(name + MATCH, ())
            },
        )

    def weight(
        self, nodes: Iterable[FieldNode], *paths: tuple[str, ...]
    ) -> tuple[int, tuple[str, ...]]:
        """Weigh the fields at *paths* below *nodes*: aliases one by one, arguments.

        Arguments are translated anew for every row that the field stands in; variables
        are named one by one, for their values weigh.
        """
        size, variables = 0, list[str]()
        for path in paths:
            for found in self._places(nodes, path).values():
                for child in self._children(found, None):
                    size += 1
                    for each in child.arguments or ():
                        size += _weight(each.value, variables)
        return size, tuple(variables)

    def weighed(
        self, nodes: Iterable[FieldNode], wanted: Wanted, *paths: tuple[str, ...]
    ) -> Weighed:
        """Put together what is asked of the rows at *paths* below *nodes*."""
        size, variables = self.weight(nodes, *paths)
        return Weighed(
            fields=wanted.fields, links=wanted.links, size=size, variables=variables
        )

    def _places(
        self, nodes: Iterable[FieldNode], path: tuple[str, ...]
    ) -> dict[tuple[str, ...], list[FieldNode]]:
        """Follow field names: the nodes found, by the response keys down to them."""
        found: dict[tuple[str, ...], list[FieldNode]] = {(): list(nodes)}
        for step in path:
            under: dict[tuple[str, ...], list[FieldNode]] = {}
            for keys, parents in found.items():
                for child in self._children(parents, None):
                    if child.name.value == step:
                        place = (*keys, response_key(child))
                        under.setdefault(place, []).append(child)
            found = under
        return found

    def _children(
        self, nodes: Iterable[FieldNode], type_name: str | None
    ) -> Iterator[FieldNode]:
        spread: set[str] = set()
        for node in nodes:
            yield from self._selected(node.selection_set, type_name, spread)

    def _selected(
        self,
        selections: SelectionSetNode | None,
        type_name: str | None,
        spread: set[str],
    ) -> Iterator[FieldNode]:
        for selection in selections.selections if selections else ():
            if not self._included(selection):
                continue
            if isinstance(selection, FieldNode):
                yield selection
                continue
            fragment = self._fragment(selection, spread)
            if fragment is not None and _applies(fragment, type_name):
                yield from self._selected(fragment.selection_set, type_name, spread)

    def _fragment(self, selection: SelectionNode, spread: set[str]) -> Fragment | None:
        if isinstance(selection, InlineFragmentNode):
            return selection
        if not isinstance(selection, FragmentSpreadNode):
            return None
        name = selection.name.value
        if name in spread:  # or fragments that spread each other twice take 2^n steps
            return None
        spread.add(name)
        return self.fragments[name]

    def _included(self, selection: SelectionNode) -> bool:
        for directive in selection.directives or ():
            if directive.name.value not in {"skip", "include"}:
                continue
            (condition,) = (argument.value for argument in directive.arguments or ())
            if isinstance(condition, VariableNode):
                holds = bool(self.variables.get(condition.name.value))
            else:
                holds = isinstance(condition, BooleanValueNode) and condition.value
            if holds == (directive.name.value == "skip"):
                return False
        return True


def _weight(value: ValueNode, variables: list[str]) -> int:
    """Weigh an argument but for its variables, which are added to *variables*."""
    if isinstance(value, VariableNode):
        variables.append(value.name.value)
        return 0
    if isinstance(value, ListValueNode):
        return sum(_weight(part, variables) for part in value.values)
    if isinstance(value, ObjectValueNode):
        return sum(ARGUMENT + _weight(part.value, variables) for part in value.fields)
    return 1


def weight_of(value: object) -> int:
    """Weigh a variable's value."""
    if isinstance(value, Mapping):
        return sum(ARGUMENT + weight_of(part) for part in value.values())
    return sum(map(weight_of, value)) if isinstance(value, list) else 1


def _applies(fragment: Fragment, type_name: str | None) -> bool:
    condition = fragment.type_condition
    return (
        condition is None
        or type_name in {None, condition.name.value}
        or (condition.name.value == "Node")
    )
