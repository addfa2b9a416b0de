"""The engine over graphql-core: gate, execution, record, and only then the answer."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType as Allowed

from zhitong.exceptions import (
    CostExceededError,
    CreditCodeError,
    DocumentInvalidError,
    EvidenceStaleError,
    InternalError,
    MethodNotAllowedError,
    RateLimitedError,
    ScalarError,
    TooWideError,
    ZhitongError,
    outline,
)
from zhitong.ports import Lookers, Source
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.catalogue import Catalogue
from zhitong.resolvers.causes import Causes
from zhitong.resolvers.counting import Counting
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.emergencies import Emergencies
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.granted import HeldGrants
from zhitong.resolvers.grants import Grants
from zhitong.resolvers.loaders import Loaders
from zhitong.resolvers.narrowing import Narrowing
from zhitong.resolvers.parties import Parties
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.access_report import access, gaps
from zhitong.schema.context import Context, Limits
from zhitong.schema.cost import Price, cost_of_values, prices
from zhitong.schema.engine import (
    Answer,
    Proof,
    Question,
    document_hash,
    explained,
    problem,
)
from zhitong.schema.entities import ENTITIES
from zhitong.schema.gate import Bounds, introspection_denied, introspects, parsed
from zhitong.schema.graph import graph
from zhitong.schema.refusals import placed, refused, withheld
from zhitong.types import Allowance, Inquiry

LOGGER = logging.getLogger(__name__)
CACHED_DOCUMENTS = 128
"""A document of the largest size takes 1.2 MB here, and anybody may send many."""
MOST_ERRORS = 20
"""Faults of one document that are looked for; each costs, and nobody reads more."""
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A document that is within bounds, and what it would cost."""

    document: DocumentNode
    introspects: bool
    prices: tuple[Price, ...]
    """One for each operation, in their order."""

    def price(self, operation: OperationDefinitionNode) -> Price:
        """Give the price of *operation*."""
        operations = (
            one
            for one in self.document.definitions
            if isinstance(one, OperationDefinitionNode)
        )
        found = zip(operations, self.prices, strict=True)
        # By identity: graphql-core compares nodes with everything below them.
        return next(price for one, price in found if one is operation)


class GraphEngine:
    """Answers questions on graphql-core with DataLoaders."""

    def __init__(  # noqa: PLR0913 - everything a question needs, put together once
        self,
        *,
        reader: Reader,
        recorder: Recorder,
        cursors: Cursors,
        decisions: Decisions,
        proceedings: Proceedings,
        narrowing: Narrowing,
        causes: Causes,
        sources: Callable[[], Mapping[str, Source]],
        limits: Limits,
        bounds: Bounds,
        grants: HeldGrants | None = None,
        applications: Grants | None = None,
        emergencies: Emergencies | None = None,
        catalogue: Catalogue | None = None,
        lookers: Lookers | None = None,
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._cursors = cursors
        self._decisions = decisions
        self._proceedings = proceedings
        self._narrowing = narrowing
        self._causes = causes
        self._sources = sources
        self._limits = limits
        self._schema = graph()
        self._bounds = bounds
        self._grants = grants
        self._applications = applications
        self._emergencies = emergencies
        self._catalogue = catalogue
        self._lookers = lookers
        self._fitting: OrderedDict[str, Admitted] = OrderedDict()
        """Documents that fit the schema; what was refused is not kept."""

    async def answer(self, question: Question) -> Answer:
        """Answer *question* after its looks are recorded."""
        inquiry = Inquiry(
            principal=question.principal,
            occasion=question.occasion,
            id=question.request_id,
            operation=question.operation or "",
            document_hash=document_hash(question.document),
            allowance=question.allowance,
        )
        if self._grants is not None:
            inquiry.grants = self._grants.of(inquiry.principal, inquiry.at)
        try:
            admitted = self._admitted(question.document)
            if admitted.introspects and not question.allowance.introspection:
                raise introspection_denied()
            operation = chosen_operation(
                admitted.document, question.operation, read_only=question.read_only
            )
            variables = question.variables or {}
            cost = admitted.price(operation).cost(variables) + cost_of_values(variables)
            check_cost(cost, question.allowance)
            if question.spend:
                question.spend(cost)
            errors = self._unfit(question.document, admitted)
            if errors:
                return self._refusal(errors, inquiry, admitted.document)
            if operation.operation is OperationType.MUTATION and question.once:
                await question.once()
            return await self._execute(question, inquiry, admitted.document, cost)
        except RateLimitedError:
            raise
        except ZhitongError as error:
            return Answer(
                body={"errors": [problem(error)]}, executed=False, status=error.status
            )

    def _admitted(self, text: str) -> Admitted:
        if text in self._fitting:
            self._fitting.move_to_end(text)
            return self._fitting[text]
        document = parsed(text, self._bounds)
        found = prices(document, self._schema._schema, self._limits.page)  # noqa: SLF001 - strawberry offers its graphql-core schema nowhere else
        return Admitted(document, introspects(document), tuple(found))

    def _unfit(self, text: str, admitted: Admitted) -> Sequence[GraphQLError]:
        """Find where a document does not fit the schema; keep it where it does."""
        if text in self._fitting:
            return ()
        schema = self._schema._schema  # noqa: SLF001 - as above
        errors = validate(schema, admitted.document, _RULES, MOST_ERRORS)
        if not errors:
            self._fitting[text] = admitted
            if len(self._fitting) > CACHED_DOCUMENTS:
                self._fitting.popitem(last=False)
        return errors

    def _refusal(
        self, errors: Sequence[GraphQLError], inquiry: Inquiry, document: DocumentNode
    ) -> Answer:
        """Say why nothing of *document* was run, as far as its writer may know."""
        if inquiry.allowance.introspection:
            told = [self._problem(error, inquiry, document) for error in errors]
        else:
            told = [problem(error) for error in withheld(errors, document)]
        return Answer(body={"errors": told}, executed=False, status=400)

    async def _execute(
        self, question: Question, inquiry: Inquiry, document: DocumentNode, cost: int
    ) -> Answer:
        checking = self._causes.checking(inquiry)
        inquiry.disputed = await self._proceedings.disputed(inquiry)
        context = self._context(inquiry, document)
        result = await self._schema.execute(
            question.document,
            variable_values=dict(question.variables or {}),
            context_value=context,
            operation_name=question.operation,
            allowed_operation_types=(Allowed.QUERY, Allowed.MUTATION),
        )
        chosen = get_operation_ast(document, question.operation)
        reading = chosen is not None and chosen.operation is OperationType.QUERY
        if context.budget.exceeded and reading:
            await self._causes.add(inquiry, checking)
            await self._recorder.record(inquiry)
            context.budget.check()
        if isinstance(result, PreExecutionError) or _refused(result):
            return self._refusal(result.errors or (), inquiry, document)
        errors = [
            self._problem(error, inquiry, document) for error in result.errors or ()
        ]
        data = result.data
        try:
            context.budget.check()
        except TooWideError as error:
            data = _done(data)
            errors.append(_asked_wrongly(error))
        body: dict[str, object] = {"data": data}
        if errors:
            body["errors"] = errors
        extensions = {**access(inquiry), **gaps(inquiry)}
        if question.priced and question.allowance.introspection:
            extensions["cost"] = {"estimate": cost, "budget": question.allowance.cost}
        if extensions:
            body["extensions"] = extensions
        await self._causes.add(inquiry, checking)
        try:
            return await self._recorded(inquiry, body)
        except EvidenceStaleError as error:
            if reading:
                raise
            # It is done, and no decision waits for a witness; what was read waits.
            held = {"data": _done(data), "errors": [*errors, problem(error)]}
            return Answer(body={**body, **held}, executed=True)

    async def _recorded(self, inquiry: Inquiry, body: dict[str, object]) -> Answer:
        """Write *body* as it leaves, and put on record that it does."""
        payload = orjson.dumps(body)
        inquiry.answer_digest = hashlib.sha256(payload).digest()
        inquiry.answer_size = len(payload)
        record_id = await self._recorder.record(inquiry)
        if record_id is None:
            return Answer(body=body, executed=True)
        proof = Proof(
            record=record_id,
            digest=inquiry.answer_digest,
            at=inquiry.at,
            unit=inquiry.principal.unit,
            document=inquiry.document_hash,
        )
        return Answer(
            body=body,
            executed=True,
            record_id=record_id,
            payload=payload,
            proof=proof,
        )

    def _context(self, inquiry: Inquiry, document: DocumentNode) -> Context:
        budget = Budget()
        filters = Filters(self._reader, ENTITIES, inquiry)
        return Context(
            inquiry=inquiry,
            document=document,
            reader=self._reader,
            budget=budget,
            loaders=Loaders(self._reader, inquiry, budget),
            filters=filters,
            counting=Counting(self._reader, filters, inquiry, self._narrowing),
            cursors=self._cursors,
            decisions=self._decisions,
            proceedings=self._proceedings,
            applications=self._applications,
            emergencies=self._emergencies,
            catalogue=self._catalogue,
            lookers=self._lookers,
            parties=Parties(self._reader, self._recorder, ENTITIES),
            entities=ENTITIES,
            sources=self._sources,
            limits=Limits(self._limits.page, inquiry.allowance.page),
        )

    def _problem(
        self, error: GraphQLError, inquiry: Inquiry, document: DocumentNode
    ) -> dict[str, object]:
        """Render an error of graphql-core; what is not ours to tell is masked."""
        cause = _cause(error, inquiry, document)
        told = problem(cause) if error.path is None else _asked_wrongly(cause)
        if error.path is not None:
            told["path"] = error.path
        if error.locations:
            told["locations"] = [
                {"line": place.line, "column": place.column}
                for place in error.locations
            ]
        return told


def _asked_wrongly(error: ZhitongError) -> dict[str, object]:
    """Render an error of one field; the rest of the answer stands beside it.

    Programs that know none of our codes take any such error for a fault of the
    server: the classification is the word of graphql-java and Spring for its opposite.
    """
    told = problem(error)
    if error.status < InternalError.status:
        told["extensions"] = {**explained(error), "classification": "BAD_REQUEST"}
    return told


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
    document: DocumentNode, name: str | None, *, read_only: bool = False
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
    if operation.operation is OperationType.SUBSCRIPTION:
        raise DocumentInvalidError(
            "本服务接受查询（query）和变更（mutation），不接受订阅（subscription）",
            "queries and mutations are answered here, no subscription",
        )
    if read_only and operation.operation is not OperationType.QUERY:
        raise MethodNotAllowedError(
            "变更（mutation）须用 POST 请求。", "A mutation is sent by POST."
        )
    return operation


def _done(data: dict[str, object] | None) -> dict[str, object]:
    """Keep what each field of a mutation has done, and nothing read beside it.

    It is done, however large the answer would be; but what was read is cut, and a cut
    answer looks whole.
    """
    return {
        field: {
            name: None if isinstance(value, Mapping) else value
            for name, value in done.items()
        }
        if isinstance(done, Mapping)
        else done
        for field, done in (data or {}).items()
    }


def _refused(result: ExecutionResult) -> bool:
    """Say whether no field was run, as when a variable does not fit its type."""
    errors = result.errors or ()
    return result.data is None and all(error.path is None for error in errors)


def _cause(
    error: GraphQLError, inquiry: Inquiry, document: DocumentNode
) -> ZhitongError:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if isinstance(original, ScalarError | CreditCodeError):
        return placed(original, error, document)
    if isinstance(original, ZhitongError):
        return original
    # A number of ten thousand digits is an error of int() to graphql-core's Int.
    if error.path is None and (original is None or isinstance(original, ValueError)):
        return refused(error, document)
    if original is None:
        return DocumentInvalidError(
            "此处有参数或值不符合类型", "an argument or a value here is not of its type"
        )
    LOGGER.error(
        "request %s failed at %s\n%s", inquiry.id, error.path, outline(original)
    )
    return InternalError(
        f"内部错误，编号 {inquiry.id}", f"internal error, reference {inquiry.id}"
    )
