"""The graph as a subgraph of Apollo Federation 2: keys, entities, and its own SDL.

A router composes this graph with others and asks for rows by their keys. The published
schema has none of it: most who read that have no router, and their tools know no
directives of a federation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import strawberry
from graphql import (
    DefinitionNode,
    DirectiveNode,
    FieldDefinitionNode,
    GraphQLError,
    Node,
    SchemaDefinitionNode,
    Visitor,
    parse,
    visit,
)
from strawberry.federation.schema import FederationAny
from strawberry.types import ExecutionContext

from zhitong.resolvers.representations import represented
from zhitong.schema.objects import Info, placing

VERSION: Final = "2.9"
"""Of the federation's specification: what all composers take."""
DIRECTIVES = frozenset({"key", "link", "shareable"})


class Graph(strawberry.federation.Schema):
    """A schema that logs no document: its literals may be ID numbers."""

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,
    ) -> None:
        """Leave the logging to the engine, which knows what may be logged."""

    async def entities_resolver(  # type: ignore[override]
        self, info: Info, representations: list[FederationAny]
    ) -> list[FederationAny]:
        """Find what a router names by its keys, under the caller's policy."""
        rows: list[Any] = list(
            await represented(info.context, placing(info, ()), representations)
        )
        return rows


def without_federation(text: str) -> str:
    """Cut what only a federation needs out of a printed schema."""
    spans = list(_Federal.found(text))
    for start, end in sorted(spans, reverse=True):
        text = text[:start].rstrip(" ") + text[end:]
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\{\n\n+", "{\n", text)).strip("\n") + "\n"


class _Federal(Visitor):
    """Finds the places of a federation's words."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[tuple[int, int]] = []

    @classmethod
    def found(cls, text: str) -> Iterator[tuple[int, int]]:
        finder = cls()
        visit(parse(text), finder)
        yield from finder.spans

    def enter(self, node: Node, *_: object) -> object:
        named = getattr(getattr(node, "name", None), "value", "")
        federal = (
            isinstance(node, SchemaDefinitionNode)
            or (isinstance(node, DirectiveNode) and named in DIRECTIVES)
            or (
                isinstance(node, DefinitionNode | FieldDefinitionNode)
                and named.startswith("_")
            )
        )
        if not federal or node.loc is None:
            return None
        self.spans.append((node.loc.start, node.loc.end))
        return self.SKIP
