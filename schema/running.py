"""Running an operation that is admitted: what comes of it, by whatever executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType as Allowed

from zhitong.schema.context import Context
from zhitong.schema.engine import Question
from zhitong.schema.federation import Graph

GRAPHQL_CORE = "graphql-core"
PLAN = "plan"


@dataclass(slots=True, kw_only=True)  # a frozen one takes thrice as long to make
class Ran:
    """What running an operation came to."""

    data: Mapping[str, object] | None
    errors: Sequence[GraphQLError] = ()
    refused: bool = False
    """No field was run, as when a variable does not fit its type."""
    executor: str = GRAPHQL_CORE
    why: str = ""
    """In a word why no plan was made; empty where one was, or none was wanted."""

    @property
    def by(self) -> str:
        """Say what ran it, as a header of the answer does."""
        return f"{self.executor}; why={self.why}" if self.why else self.executor


async def run_core(schema: Graph, question: Question, context: Context) -> Ran:
    """Run *question* field by field, on graphql-core."""
    result = await schema.execute(
        question.document,
        variable_values=dict(question.variables or {}),
        context_value=context,
        root_value=question.watch,
        operation_name=question.operation,
        allowed_operation_types=Allowed,
    )
    return Ran(
        data=result.data,
        errors=result.errors or (),
        refused=isinstance(result, PreExecutionError) or _refused(result),
    )


def _refused(result: ExecutionResult) -> bool:
    errors = result.errors or ()
    return result.data is None and all(error.path is None for error in errors)
