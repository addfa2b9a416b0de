"""The schema put together, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from zhitong.schema.context import Context
from zhitong.schema.federation import VERSION, Graph, without_federation
from zhitong.schema.mutations import mutation_type
from zhitong.schema.objects import OBJECTS
from zhitong.schema.roots import query_type
from zhitong.schema.scalars import SCALARS
from zhitong.schema.subscriptions import subscription_type
from zhitong.types import Row


class Admitted(SchemaExtension):
    """Takes the document from the engine, which has parsed and validated it.

    strawberry's caches keep what was refused as well; whoever sends much of that would
    fill them with megabytes that the collector of garbage looks through.
    """

    def on_parse(self) -> Iterator[None]:
        """Give the document that the question brings."""
        if isinstance(self.execution_context.context, Context):
            document = self.execution_context.context.document
            self.execution_context.graphql_document = document
        yield

    def on_validate(self) -> Iterator[None]:
        """Say that it has no errors; what comes by another way is validated here."""
        if isinstance(self.execution_context.context, Context):
            self.execution_context.pre_execution_errors = []
        yield


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
        subscription=subscription_type(),
        types=list(OBJECTS.values()),
        extensions=[Admitted],
        federation_version=VERSION,
        config=StrawberryConfig(
            default_resolver=_attribute,
            disable_field_suggestions=True,
            scalar_map=SCALARS,
        ),
    )


def sdl() -> str:
    """Print the schema in its definition language."""
    return without_federation(federated_sdl())


def federated_sdl() -> str:
    """Print it as a router composes it: with keys, and the fields that it asks."""
    return graph().as_str() + "\n"
