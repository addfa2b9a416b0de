"""A case that differs, cut down to the least that still does."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from executors import Case, Pair
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    VariableNode,
    parse,
    print_ast,
)
from pair_differences import differences

TRIES = 600
"""Documents that are tried at most."""
LISTS = ("selections", "arguments", "directives", "fields", "values", "definitions")
"""What may be left out of a node, one by one."""


async def least(
    pair: Pair, case: Case, found: Sequence[str]
) -> tuple[Case, Sequence[str]]:
    """Leave out of *case* what makes no difference to there being one."""
    tries, smaller = 0, True
    while smaller and tries < TRIES:
        smaller = False
        for text in _shorter(case.document):
            tries += 1
            tried = replace(case, document=text)
            told = await _told(pair, tried)
            if told:
                case, found, smaller = tried, told, True
                break
            if tries >= TRIES:
                break
    return case, found


async def _told(pair: Pair, case: Case) -> Sequence[str]:
    ((one, other),) = await pair.answers([case])
    return differences(case, one, other)


def _shorter(text: str) -> Iterator[str]:
    """Give *text* with one thing left out, the largest first."""
    document = parse(text)
    for place, _ in enumerate(_removable(document)):
        made = copy.deepcopy(document)
        owner, name, index = list(_removable(made))[place]
        kept = [
            one for number, one in enumerate(getattr(owner, name)) if number != index
        ]
        _write(owner, name, kept)
        _tidied(made)
        text = print_ast(made)
        with suppress(GraphQLSyntaxError):  # nothing may be left of it
            parse(text)
            yield text


def _removable(node: Node) -> Iterator[tuple[Any, str, int]]:
    """List what may be left out of *node* and of what is below it."""
    for name in LISTS:
        inside = getattr(node, name, None) or ()
        # A selection cannot be empty.
        if name != "selections" or len(inside) > 1:
            for index in range(len(inside)):
                yield node, name, index
    for name in node.keys:
        inside = getattr(node, name, None)
        for one in inside if isinstance(inside, Sequence) else (inside,):
            if isinstance(one, Node):
                yield from _removable(one)


def _write(node: Node, name: str, value: Sequence[Node]) -> None:
    """Write into a node that is our own copy; others may not be written to."""
    object.__setattr__(node, name, tuple(value))


def _tidied(document: DocumentNode) -> None:
    """Leave out the fragments and variables that nothing uses any more."""
    for _ in document.definitions:
        spread = {
            one.name.value
            for one in _all(document)
            if isinstance(one, FragmentSpreadNode)
        }
        kept = [
            one
            for one in document.definitions
            if not isinstance(one, FragmentDefinitionNode) or one.name.value in spread
        ]
        _write(document, "definitions", kept)
    used = {one.name.value for each in document.definitions for one in _used(each)}
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            declared = [
                each
                for each in one.variable_definitions or ()
                if each.variable.name.value in used
            ]
            _write(one, "variable_definitions", declared)


def _used(node: Node) -> Iterator[VariableNode]:
    """List the variables of a definition, but for where they are declared."""
    inside = getattr(node, "selection_set", None)
    return (one for one in _all(inside) if isinstance(one, VariableNode))


def _all(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield node
    for name in node.keys:
        inside = getattr(node, name, None)
        for one in inside if isinstance(inside, Sequence) else (inside,):
            if isinstance(one, Node):
                yield from _all(one)
