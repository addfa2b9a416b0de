"""What documents are let in: within bounds, fitting the schema, at what price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_operation_ast,
    specified_rules,
    validate,
    visit,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from zhitong.exceptions import (
    CostExceededError,
    DocumentInvalidError,
    MethodNotAllowedError,
)
from zhitong.resolvers.kept_by_size import MOST_DOCUMENTS, MOST_LARGEST, KeptBySize
from zhitong.schema.cost import Price, prices
from zhitong.schema.engine import document_hash
from zhitong.schema.gate import Bounds, introspects, parsed
from zhitong.types import Allowance

MOST_ERRORS = 20
"""Faults of one document that are looked for; each costs, and nobody reads more."""
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A document that is within bounds, and what it would cost."""

    document: DocumentNode
    hash: str
    """By which it is registered, granted and recorded."""
    size: int
    """The characters of its text, or of a largest one's with as many tokens: short ones
    take as much memory."""
    introspects: bool
    prices: Mapping[int, Price]
    """By the identity of the operation: graphql-core compares nodes by all below."""
    conditions: tuple[str, ...] = ()
    """Variables in ``@skip`` and ``@include``: they change what is asked for."""

    def price(self, operation: OperationDefinitionNode) -> Price:
        """Give the price of *operation*."""
        return self.prices[id(operation)]


class Documents:
    """The documents that were let in, parsed and validated once."""

    def __init__(self, schema: GraphQLSchema, bounds: Bounds, page: int) -> None:
        self._schema = schema
        self._bounds = bounds
        self._page = page
        self._fitting: KeptBySize[str, Admitted] = KeptBySize(
            MOST_DOCUMENTS, MOST_LARGEST * bounds.size
        )
        """Documents that fit the schema; what was refused is not kept."""

    def hash_of(self, text: str) -> str:
        """Give the hash of *text*, known where it was let in before."""
        known = self._fitting.get(text)
        return known.hash if known else document_hash(text)

    def admitted(self, text: str) -> Admitted:
        """Parse *text* and price it, within bounds; raise outside of them."""
        known = self._fitting.get(text)
        if known is not None:
            return known
        bounds = self._bounds
        document = parsed(text, bounds)
        return Admitted(
            document=document,
            hash=document_hash(text),
            size=max(len(text), document.token_count * bounds.size // bounds.tokens),
            introspects=introspects(document),
            prices=prices(document, self._schema, self._page),
            conditions=tuple(sorted(conditions(document))) if "@" in text else (),
        )

    def unfit(self, text: str, admitted: Admitted) -> Sequence[GraphQLError]:
        """Find where a document does not fit the schema; keep it where it does."""
        if self._fitting.get(text) is not None:
            return ()
        errors = validate(self._schema, admitted.document, _RULES, MOST_ERRORS)
        if not errors:
            self._fitting.keep(text, admitted, admitted.size)
        return errors


def conditions(document: DocumentNode) -> set[str]:
    """Name the variables that any directive of *document* has."""
    found: set[str] = set()

    class Conditions(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found.add(argument.value.name.value)

    visit(document, Conditions())
    return found


def check_cost(cost: int, allowance: Allowance) -> None:
    """Raise where a document would cost more than its client may ask at once."""
    if cost > allowance.cost:
        raise CostExceededError(
            f"查询估计成本 {cost}，超过你的上限 {allowance.cost}（字段数乘以其上各层"
            "列表的条数，另加变量中的值）；请减小 first、减少列表中的列表、字段或值，"
            "分几次查询",
            f"the document would cost about {cost}, your budget is {allowance.cost} "
            "(fields times the sizes of the lists above them, and the values in "
            "variables); ask for smaller pages, fewer lists inside lists, fields or "
            "values, in several steps",
            estimate=str(cost),
            budget=str(allowance.cost),
        )


def chosen_operation(
    document: DocumentNode,
    name: str | None,
    *,
    read_only: bool = False,
    watched: bool = False,
) -> OperationDefinitionNode:
    """Find the operation that is meant by *name*, or by the document alone.

    Raise unless that is clear, and served.

    Strawberry would run the first of several. What changes the ledger is not asked
    for by a method that caches and prefetchers may repeat.
    """
    operation = get_operation_ast(document, name)
    if operation is None:
        raise DocumentInvalidError(
            "文档中没有这个操作，或有多个操作而未指明，请用 operationName 指明一个",
            "the document has no such operation, or several and none is named; "
            "name one in operationName",
        )
    if operation.operation is OperationType.SUBSCRIPTION and not watched:
        raise DocumentInvalidError(
            "订阅（subscription）须以 Accept: text/event-stream 发送，或通过 WebSocket",
            "a subscription is sent with Accept: text/event-stream, or by WebSocket",
        )
    if read_only and operation.operation is OperationType.MUTATION:
        raise MethodNotAllowedError(
            "变更（mutation）须用 POST 请求。", "A mutation is sent by POST."
        )
    return operation
