"""The engine over graphql-core: gate, execution, record, and only then the answer."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, OperationType, get_operation_ast
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType as Allowed

from zhitong.exceptions import (
    CreditCodeError,
    DocumentInvalidError,
    InternalError,
    MethodNotAllowedError,
    ScalarError,
    TooWideError,
    ZhitongError,
    outline,
)
from zhitong.ports import Source
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.loaders import Loaders
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.access_report import access, gaps
from zhitong.schema.context import Context, Limits
from zhitong.schema.engine import Answer, Question, problem
from zhitong.schema.entities import ENTITIES
from zhitong.schema.gate import Bounds, parsed
from zhitong.schema.graph import CACHED_DOCUMENTS, graph
from zhitong.schema.refusals import placed, refused
from zhitong.types import Inquiry

LOGGER = logging.getLogger(__name__)


class GraphEngine:
    """Answers questions on graphql-core with DataLoaders."""

    def __init__(  # noqa: PLR0913 - everything a question needs, put together once
        self,
        *,
        reader: Reader,
        recorder: Recorder,
        cursors: Cursors,
        decisions: Decisions,
        sources: Callable[[], Mapping[str, Source]],
        limits: Limits,
        bounds: Bounds,
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._cursors = cursors
        self._decisions = decisions
        self._sources = sources
        self._limits = limits
        self._schema = graph()
        self._parsed: Callable[[str], DocumentNode] = lru_cache(CACHED_DOCUMENTS)(
            lambda text: parsed(text, bounds)
        )

    async def answer(self, question: Question) -> Answer:
        """Answer *question* after its looks are recorded."""
        # A lone surrogate is no text, but its refusal is the parser's.
        document = question.document.encode(errors="surrogatepass")
        inquiry = Inquiry(
            principal=question.principal,
            occasion=question.occasion,
            id=question.request_id,
            operation=question.operation or "",
            document_hash=hashlib.sha256(document).hexdigest(),
        )
        try:
            kind = check_operation(
                self._parsed(question.document),
                question.operation,
                read_only=question.read_only,
            )
            return await self._execute(question, inquiry, kind)
        except ZhitongError as error:
            return Answer(
                body={"errors": [problem(error)]}, executed=False, status=error.status
            )

    async def _execute(
        self, question: Question, inquiry: Inquiry, kind: OperationType
    ) -> Answer:
        context = self._context(inquiry)
        result = await self._schema.execute(
            question.document,
            variable_values=dict(question.variables or {}),
            context_value=context,
            operation_name=question.operation,
            allowed_operation_types=(Allowed.QUERY, Allowed.MUTATION),
        )
        if context.budget.exceeded and kind is OperationType.QUERY:
            await self._recorder.record(inquiry)
            context.budget.check()
        document = self._parsed(question.document)
        errors = [
            self._problem(error, inquiry, document) for error in result.errors or ()
        ]
        if isinstance(result, PreExecutionError) or _refused(result):
            return Answer(body={"errors": errors}, executed=False, status=400)
        record_id = await self._recorder.record(inquiry)
        data = result.data
        try:
            context.budget.check()
        except TooWideError as error:
            data = _done(data)
            errors.append(problem(error))
        body: dict[str, object] = {"data": data}
        if errors:
            body["errors"] = errors
        extensions = {**access(inquiry), **gaps(inquiry)}
        if extensions:
            body["extensions"] = extensions
        return Answer(body=body, executed=True, record_id=record_id)

    def _context(self, inquiry: Inquiry) -> Context:
        budget = Budget()
        return Context(
            inquiry=inquiry,
            reader=self._reader,
            budget=budget,
            loaders=Loaders(self._reader, inquiry, budget),
            filters=Filters(self._reader, ENTITIES, inquiry),
            cursors=self._cursors,
            decisions=self._decisions,
            entities=ENTITIES,
            sources=self._sources,
            limits=self._limits,
        )

    def _problem(
        self, error: GraphQLError, inquiry: Inquiry, document: DocumentNode
    ) -> dict[str, object]:
        """Render an error of graphql-core; what is not ours to tell is masked."""
        told = problem(_cause(error, inquiry, document))
        if error.path is not None:
            told["path"] = error.path
        if error.locations:
            told["locations"] = [
                {"line": place.line, "column": place.column}
                for place in error.locations
            ]
        return told


def check_operation(
    document: DocumentNode, name: str | None, *, read_only: bool = False
) -> OperationType:
    """Say what kind of operation is meant by *name*, or by the document alone.

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
    return operation.operation


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
    if original is None and error.path is None:
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
