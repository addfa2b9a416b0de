"""Which of a type's fields and relations a part of the document asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import get_directive_values

from zhitong.types import EntityType

MATCH = "Match"
"""``counterpartyMatch`` says how the relation ``counterparty`` was found."""


Fragment = FragmentDefinitionNode | InlineFragmentNode
ResolveInfo = GraphQLResolveInfo[Any]
"""graphql-core's view of a field: its nodes, fragments and variables."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names of fields to select and of relations to follow."""

    fields: frozenset[str]
    links: frozenset[str]


@dataclass(frozen=True, slots=True)
class Walk:
    """A look into one document under its variables."""

    info: ResolveInfo

    def wanted(
        self, nodes: Iterable[FieldNode], entity: EntityType, *paths: tuple[str, ...]
    ) -> Wanted:
        """Gather what is asked of *entity* at any of *paths* below *nodes*."""
        names: set[str] = set()
        for path in paths:
            found = list(nodes)
            for step in path:
                found = [
                    child
                    for child in self._children(found, None)
                    if child.name.value == step
                ]
            names |= {child.name.value for child in self._children(found, entity.name)}
        links = {name for name in entity.relations if names & {name, name + MATCH}}
        return Wanted(frozenset(names & entity.fields.keys()), frozenset(links))

    def asks(self, nodes: Iterable[FieldNode], name: str) -> bool:
        """Say whether *name* is asked for directly below *nodes*."""
        return any(child.name.value == name for child in self._children(nodes, None))

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
        variables = self.info.variable_values
        skip = get_directive_values(GraphQLSkipDirective, selection, variables)
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, selection, variables)
        return not include or bool(include["if"])


def _applies(fragment: Fragment, type_name: str | None) -> bool:
    condition = fragment.type_condition
    return (
        condition is None
        or type_name in {None, condition.name.value}
        or (condition.name.value == "Node")
    )
