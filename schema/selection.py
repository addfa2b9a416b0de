"""Which of a type's fields and relations a part of the document asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def response_path(info: ResolveInfo) -> tuple[str, ...]:
    """Give the response keys down to a field, without the places in lists."""
    return tuple(key for key in info.path.as_list() if isinstance(key, str))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names of fields to select and of relations to follow."""

    fields: frozenset[str]
    links: frozenset[str]
    beside: Mapping[tuple[str, ...], tuple[FieldNode, ...]]
    """By the response keys down to a ``…Match``: the nodes of its relation beside."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A look into one document under its variables."""

    info: ResolveInfo

    @property
    def variables(self) -> Mapping[str, object]:
        """The document's variables, defaults filled in.

        graphql-core 3.3 wraps them in an object, strawberry hands on the bare ones.
        """
        values: Any = self.info.variable_values
        variables: Mapping[str, object] = getattr(values, "coerced", values)
        return variables

    def wanted(
        self, nodes: Iterable[FieldNode], entity: EntityType, *paths: tuple[str, ...]
    ) -> Wanted:
        """Gather what is asked of *entity* at any of *paths* below *nodes*."""
        asked: dict[str, list[FieldNode]] = {}
        below: dict[str, list[tuple[str, ...]]] = {}
        for path in paths:
            for keys, found in self._places(nodes, path).items():
                for child in self._children(found, entity.name):
                    name = child.name.value
                    asked.setdefault(name, []).append(child)
                    below.setdefault(name, []).append((*keys, response_key(child)))
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

    def size(self, nodes: Iterable[FieldNode], *paths: tuple[str, ...]) -> int:
        """Weigh the fields at *paths* below *nodes*: aliases one by one, arguments.

        Arguments are translated anew for every row that the field stands in.
        """
        return sum(
            1 + sum(self._weight(each.value) for each in child.arguments or ())
            for path in paths
            for found in self._places(nodes, path).values()
            for child in self._children(found, None)
        )

    def _weight(self, value: ValueNode) -> int:
        """Weigh an argument, with the values of its variables."""
        if isinstance(value, VariableNode):
            return _values(self.variables.get(value.name.value))
        if isinstance(value, ListValueNode):
            return sum(map(self._weight, value.values))
        if isinstance(value, ObjectValueNode):
            return sum(ARGUMENT + self._weight(part.value) for part in value.fields)
        return 1

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
        return self.info.fragments[name]

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


def _values(value: object) -> int:
    if isinstance(value, Mapping):
        return sum(ARGUMENT + _values(part) for part in value.values())
    return sum(map(_values, value)) if isinstance(value, list) else 1


def _applies(fragment: Fragment, type_name: str | None) -> bool:
    condition = fragment.type_condition
    return (
        condition is None
        or type_name in {None, condition.name.value}
        or (condition.name.value == "Node")
    )
