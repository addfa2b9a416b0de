"""The schema put together, and its text."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from zhitong.schema.mutations import mutation_type
from zhitong.schema.objects import OBJECTS
from zhitong.schema.roots import query_type
from zhitong.schema.scalars import SCALARS
from zhitong.types import Row

CACHED_DOCUMENTS = 128
"""A document of the largest size takes 1.2 MB here, and anybody may send many."""


class Graph(strawberry.Schema):
    """A schema that logs no document: its literals may be ID numbers."""

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,
    ) -> None:
        """Leave the logging to the engine, which knows what may be logged."""


def _attribute(owner: object, name: str) -> object:
    """Resolve a plain field: a row's column, anything else's attribute."""
    if isinstance(owner, Row):
        return owner.values[name]
    return getattr(owner, name)


@cache
def graph() -> Graph:
    """Build the schema; once, for it takes a second."""
    return Graph(
        query=query_type(),
        mutation=mutation_type(),
        types=list(OBJECTS.values()),
        extensions=[
            lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
            lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        ],
        config=StrawberryConfig(
            default_resolver=_attribute,
            disable_field_suggestions=True,
            scalar_map=SCALARS,
        ),
    )


def sdl() -> str:
    """Print the schema in its definition language."""
    return graph().as_str() + "\n"
