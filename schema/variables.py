"""Variables' values as graphql-core coerces them; what types they have is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    get_nullable_type,
    get_variable_values,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities import coerce_input_value

MOST_ERRORS = 50
"""As many as graphql-core tells where nothing else is said."""
MOST_KEPT = 256
NOTHING = VariableValues({}, {})


class Variables:
    """Coerces variables; of plain ones the signatures are read once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[object, Sequence[GraphQLVariableSignature]] = (
            OrderedDict()
        )

    def values(
        self,
        key: object,
        operation: OperationDefinitionNode,
        given: Mapping[str, object],
    ) -> VariableValues | list[GraphQLError]:
        """Coerce *given* for *operation*, which has *key*; or say what is wrong."""
        if not operation.variable_definitions:
            return NOTHING
        signatures = self._known.get(key)
        if signatures is None:
            signatures = self._learnt(key, operation)
        return _coerced(signatures, given) or get_variable_values(
            self._schema,
            operation.variable_definitions,
            dict(given),
            max_errors=MOST_ERRORS,
        )

    def _learnt(
        self, key: object, operation: OperationDefinitionNode
    ) -> Sequence[GraphQLVariableSignature]:
        """Keep the signatures of *operation*; none unless all are of plain values."""
        found: list[GraphQLVariableSignature] = []
        for node in operation.variable_definitions or ():
            one = get_variable_signature(self._schema, node)
            if isinstance(one, GraphQLError) or not is_leaf_type(
                get_nullable_type(one.type)
            ):
                found = []
                break
            found.append(one)
        self._known[key] = found
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return found


def _coerced(
    signatures: Sequence[GraphQLVariableSignature], given: Mapping[str, object]
) -> VariableValues | None:
    """Coerce plain values; None where there is a default to fill in, or an error."""
    if not signatures:
        return None
    sources: dict[str, VariableValueSource] = {}
    coerced: dict[str, object] = {}
    for one in signatures:
        value = given.get(one.name, Undefined)
        if value is Undefined:
            if one.default is not None or is_non_null_type(one.type):
                return None
            sources[one.name] = VariableValueSource(one)
            continue
        found = coerce_input_value(value, one.type)
        if found is Undefined:
            return None
        sources[one.name] = VariableValueSource(one, value)
        coerced[one.name] = found
    return VariableValues(sources, coerced)
