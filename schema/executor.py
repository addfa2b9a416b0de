"""The engine: gate, execution, record, and only then the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import orjson
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType
from opentelemetry import metrics

from zhitong.exceptions import (
    EvidenceStaleError,
    RateLimitedError,
    TooWideError,
    ZhitongError,
)
from zhitong.ports import Lookers, Source
from zhitong.resolvers.asking import Limits
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
from zhitong.resolvers.publications import Publications
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.access_report import access, ages, gaps
from zhitong.schema.admission import (
    Admitted,
    Documents,
    check_cost,
    chosen_operation,
)
from zhitong.schema.context import Context
from zhitong.schema.cost import cost_of_values
from zhitong.schema.engine import Answer, Proof, Question, problem
from zhitong.schema.entities import ENTITIES
from zhitong.schema.federated_trace import NAME as TRACE
from zhitong.schema.federated_trace import Trace
from zhitong.schema.federation import Graph
from zhitong.schema.gate import Bounds, introspection_denied
from zhitong.schema.graph import graph
from zhitong.schema.planned import PlannedRuns
from zhitong.schema.refusals import withheld
from zhitong.schema.running import PLAN, Ran, run_core
from zhitong.schema.telling import asked_wrongly, rendered
from zhitong.types import Inquiry

QUESTIONS = metrics.get_meter("zhitong.schema").create_counter(
    "zhitong.plan.questions",
    description="Questions, by what ran them, and why it was not a plan",
)


@dataclass(slots=True)  # a frozen one takes thrice as long to make
class Running:
    """A question that was let in, on its way to its answer."""

    question: Question
    inquiry: Inquiry
    admitted: Admitted
    operation: OperationDefinitionNode
    cost: int


class GraphEngine:
    """Answers questions over the graph."""

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
        publications: Publications | None = None,
        catalogue: Catalogue | None = None,
        lookers: Lookers | None = None,
        schema: Graph | None = None,
        executor: str = PLAN,
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._cursors = cursors
        self._decisions = decisions
        self._proceedings = proceedings
        self._narrowing = narrowing
        self._causes = causes
        self._sources = sources
        self._schema = schema or graph()
        # What a plan does is said of our own types: another schema has none.
        planning = executor == PLAN and schema is None
        self._planned = PlannedRuns(self._schema, bounds) if planning else None
        self._documents = Documents(self._schema._schema, bounds, limits.page)  # noqa: SLF001 - strawberry offers its graphql-core schema nowhere else
        self._grants = grants
        self._applications = applications
        self._emergencies = emergencies
        self._publications = publications
        self._catalogue = catalogue
        self._lookers = lookers
        self._parties = Parties(reader, recorder, ENTITIES)
        self._limited = cache(partial(Limits, limits.page))
        """How much may be asked for, by the largest page."""

    async def answer(self, question: Question) -> Answer:
        """Answer *question* after its looks are recorded."""
        inquiry = Inquiry(
            principal=question.principal,
            occasion=question.occasion,
            id=question.request_id,
            operation=question.operation or "",
            document_hash=question.digest or self._documents.hash_of(question.document),
            allowance=question.allowance,
        )
        if self._grants is not None:
            inquiry.grants = self._grants.of(inquiry.principal, inquiry.at)
        try:
            admitted = self._documents.admitted(question.document)
            if admitted.introspects and not question.allowance.introspection:
                raise introspection_denied()
            operation = chosen_operation(
                admitted.document,
                question.operation,
                read_only=question.read_only,
                watched=question.watch is not None,
            )
            variables = question.variables or {}
            cost = admitted.price(operation).cost(variables) + cost_of_values(variables)
            check_cost(cost, question.allowance)
            if question.spend:
                question.spend(cost)
            errors = self._documents.unfit(question.document, admitted)
            if errors:
                return self._refusal(errors, inquiry, admitted.document)
            if operation.operation is OperationType.MUTATION and question.once:
                await question.once()
            running = Running(question, inquiry, admitted, operation, cost)
            return await self._execute(running)
        except RateLimitedError:
            raise
        except ZhitongError as error:
            return Answer(
                body={"errors": [problem(error)]}, executed=False, status=error.status
            )

    def _refusal(
        self, errors: Sequence[GraphQLError], inquiry: Inquiry, document: DocumentNode
    ) -> Answer:
        """Say why nothing of *document* was run, as far as its writer may know."""
        if inquiry.allowance.introspection:
            told = [rendered(error, inquiry, document) for error in errors]
        else:
            told = [problem(error) for error in withheld(errors, document)]
        return Answer(body={"errors": told}, executed=False, status=400)

    async def _execute(self, running: Running) -> Answer:
        question, inquiry = running.question, running.inquiry
        document = running.admitted.document
        trace = Trace() if question.traced else None
        checking = self._causes.checking(inquiry)
        inquiry.disputed = await self._proceedings.disputed(inquiry)
        context = self._context(inquiry, document)
        ran = await self._run(running, context)
        reading = running.operation.operation is not OperationType.MUTATION
        if context.budget.exceeded and reading:
            await self._causes.add(inquiry, checking)
            await self._recorder.record(inquiry)
            context.budget.check()
        if ran.refused:
            return self._refusal(ran.errors, inquiry, document)
        errors = [rendered(error, inquiry, document) for error in ran.errors]
        data = ran.data
        try:
            context.budget.check()
        except TooWideError as error:
            data = _done(data)
            errors.append(asked_wrongly(error))
        body: dict[str, object] = {"data": data}
        if errors:
            body["errors"] = errors
        extensions = _beside(inquiry)
        if trace is not None:
            extensions[TRACE] = trace.told(errors)
        if question.priced and question.allowance.introspection:
            extensions["cost"] = {
                "estimate": running.cost,
                "budget": question.allowance.cost,
            }
        if extensions:
            body["extensions"] = extensions
        await self._causes.add(inquiry, checking)
        try:
            return await self._recorded(inquiry, body, ran)
        except EvidenceStaleError as error:
            if reading:
                raise
            # It is done, and no decision waits for a witness; what was read waits.
            held = {"data": _done(data), "errors": [*errors, problem(error)]}
            return Answer(body={**body, **held}, executed=True, executor=ran.by)

    async def _run(self, running: Running, context: Context) -> Ran:
        """Run the operation by the executor that is configured, where it can."""
        ran: Ran | str = ""
        if self._planned is not None:
            ran = await self._planned.run(
                running.admitted, running.operation, running.question.variables, context
            )
        if isinstance(ran, str):
            core = await run_core(self._schema, running.question, context)
            ran = replace(core, why=ran)
        QUESTIONS.add(1, {"executor": ran.executor, "why": ran.why})
        return ran

    async def _recorded(
        self, inquiry: Inquiry, body: dict[str, object], ran: Ran
    ) -> Answer:
        """Write *body* as it leaves, and put on record that it does."""
        payload = orjson.dumps(body)
        inquiry.answer_digest = hashlib.sha256(payload).digest()
        inquiry.answer_size = len(payload)
        record_id = await self._recorder.record(inquiry)
        if record_id is None:
            return Answer(body=body, executed=True, executor=ran.by)
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
            executor=ran.by,
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
            publications=self._publications,
            catalogue=self._catalogue,
            lookers=self._lookers,
            parties=self._parties,
            entities=ENTITIES,
            sources=self._sources,
            limits=self._limited(inquiry.allowance.page),
        )


def _beside(inquiry: Inquiry) -> dict[str, object]:
    """Say what stands beside the data: most answers have nothing there."""
    if not (inquiry.restrictions or inquiry.gaps or inquiry.as_of):
        return {}
    return {**access(inquiry), **gaps(inquiry), **ages(inquiry)}


def _done(data: Mapping[str, object] | None) -> dict[str, object]:
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
