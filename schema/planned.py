"""Questions answered by plans: what may be kept between them, and what comes of one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import cast

from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    Undefined,
    located_error,
)
from graphql.execution.values import VariableValues
from opentelemetry import metrics

from zhitong.resolvers.outcome import Fault
from zhitong.resolvers.plan import Plans
from zhitong.schema.admission import CACHED_DOCUMENTS, Admitted
from zhitong.schema.context import Context
from zhitong.schema.federation import Graph
from zhitong.schema.running import PLAN, Ran
from zhitong.schema.selection import weight_of
from zhitong.schema.selection_of import Selected, Selecting
from zhitong.schema.variables import Variables

MOST_SELECTIONS = CACHED_DOCUMENTS
"""Each has its document's nodes: more of them would keep documents that were let go."""
SELECTIONS = metrics.get_meter("zhitong.schema").create_counter(
    "zhitong.plan.selections",
    description="Selections of documents: kept (hit), made (miss), let go (evicted)",
)
_HIT, _MISS, _EVICTED = ({"outcome": one} for one in ("hit", "miss", "evicted"))


class PlannedRuns:
    """Runs what has a plan, and says of the rest why it has none."""

    def __init__(self, graph: Graph, most: int = MOST_SELECTIONS) -> None:
        self._selecting = Selecting(graph)
        self._variables = Variables(self._selecting.schema)
        self._plans = Plans(most)
        self._most = most
        self._kept: OrderedDict[tuple[object, ...], Selected] = OrderedDict()

    async def run(
        self,
        admitted: Admitted,
        operation: OperationDefinitionNode,
        given: Mapping[str, object] | None,
        context: Context,
    ) -> Ran | str:
        """Run *operation* under the variables *given*; or say why it has no plan."""
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
            *(coerced.get(name, Undefined) for name in admitted.conditions),
        )
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            SELECTIONS.add(1, _HIT)
            return known
        made = self._selecting.selected(admitted.document, operation, values)
        self._kept[key] = made
        SELECTIONS.add(1, _MISS)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
            SELECTIONS.add(1, _EVICTED)
        return made


def _located(fault: Fault, nodes: Sequence[Sequence[FieldNode]]) -> GraphQLError:
    """Say where a fault is, as graphql-core does of what a resolver raises."""
    return located_error(fault.error, nodes[fault.tag], list(fault.path))
