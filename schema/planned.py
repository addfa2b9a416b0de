"""Questions answered by plans: what may be kept between them, and what comes of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    located_error,
)
from graphql.execution.values import VariableValues
from opentelemetry import metrics

from zhitong.resolvers.kept_by_size import MOST_DOCUMENTS, MOST_LARGEST, KeptBySize
from zhitong.resolvers.outcome import Fault
from zhitong.resolvers.plan import Plans
from zhitong.schema.admission import Admitted
from zhitong.schema.context import Context
from zhitong.schema.federation import Graph
from zhitong.schema.gate import Bounds
from zhitong.schema.roles import MUTATION, SUBSCRIPTION
from zhitong.schema.running import PLAN, Ran
from zhitong.schema.selection import weight_of
from zhitong.schema.selection_of import MOST_PARTS, Selected, Selecting
from zhitong.schema.variables import Variables

SELECTIONS = metrics.get_meter("zhitong.schema").create_counter(
    "zhitong.plan.selections",
    description="Selections of documents: kept (hit), made (miss), let go (evicted)",
)
_LEFT = {
    OperationType.MUTATION: MUTATION,
    OperationType.SUBSCRIPTION: SUBSCRIPTION,
}
_HIT, _MISS, _EVICTED = ({"outcome": one} for one in ("hit", "miss", "evicted"))


class PlannedRuns:
    """Runs what has a plan, and says of the rest why it has none."""

    def __init__(
        self, graph: Graph, bounds: Bounds, most: int = MOST_DOCUMENTS
    ) -> None:
        self._selecting = Selecting(graph)
        self._variables = Variables(self._selecting.schema)
        self._plans = Plans()
        self._part = bounds.size // MOST_PARTS
        # Each has its document's nodes: more than documents would keep those let go.
        self._kept: KeptBySize[tuple[object, ...], Selected] = KeptBySize(
            most, MOST_LARGEST * bounds.size
        )

    async def run(
        self,
        admitted: Admitted,
        operation: OperationDefinitionNode,
        given: Mapping[str, object] | None,
        context: Context,
    ) -> Ran | str:
        """Run *operation* under the variables *given*; or say why it has no plan."""
        if operation.operation in _LEFT:  # its variables are coerced where it runs
            return _LEFT[operation.operation]
        name = operation.name.value if operation.name else None
        values = self._variables.values((admitted.hash, name), operation, given or {})
        if isinstance(values, list):
            return Ran(data=None, errors=values, refused=True, executor=PLAN)
        selected = self.selected(admitted, operation, values)
        selection = selected.selection
        if selection.unplanned:
            return selection.unplanned
        variables = values.coerced
        outcome = await self._plans.plan(selection).run(
            context,
            selected.bind(values),
            lambda name: weight_of(variables.get(name)),
        )
        return Ran(
            data=cast("Mapping[str, object] | None", outcome.data),
            errors=[_located(one, selected.nodes) for one in outcome.faults],
            executor=PLAN,
        )

    def selected(
        self,
        admitted: Admitted,
        operation: OperationDefinitionNode,
        values: VariableValues,
    ) -> Selected:
        """Say what *operation* selects, as it was said before where nothing differs.

        Nothing is awaited in between: of many that ask a document for the first time
        one says it for all.
        """
        coerced = values.coerced
        key = (
            admitted.hash,
            operation.name.value if operation.name else None,
            *[_told(coerced.get(name, Undefined)) for name in admitted.conditions],
        )
        known = self._kept.get(key)
        if known is not None:
            SELECTIONS.add(1, _HIT)
            return known
        made = self._selecting.selected(admitted.document, operation, values)
        SELECTIONS.add(1, _MISS)
        # Few words of an interface are parts for each of its types.
        size = max(admitted.size, len(made.nodes) * self._part)
        for oldest in self._kept.keep(key, made, size):
            self._plans.forget(oldest.selection)
            SELECTIONS.add(1, _EVICTED)
        return made


def _told(value: object) -> object:
    """Give what a condition may be; another operation's variable is none, as a list."""
    return value if value is None or isinstance(value, bool) else Undefined


def _located(fault: Fault, nodes: Sequence[Sequence[FieldNode]]) -> GraphQLError:
    """Say where a fault is, as graphql-core does of what a resolver raises."""
    return located_error(fault.error, nodes[fault.tag], list(fault.path))
