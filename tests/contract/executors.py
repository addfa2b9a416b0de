"""Two executors, one question: what each answers, reads and leaves on record.

Both have the same sources, policy, secrets and request ids; each its own memory of what
it told. Sources answer after a random number of the loop's turns, for what depends on
who is first is to be found.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from imperfect_city import city
from memory_gateway import NoBook
from pair_askers import GrantsOfPair, PairAsker
from pair_faults import NONE, Late, PairFault
from wavering_sources import MOST_TURNS, Wavering

from zhitong.connectors.memory_ledger import MemoryLedger
from zhitong.exceptions import ended, unrecorded
from zhitong.infra.checks_file import read_checks
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.ports import Freshness
from zhitong.resolvers import budget, causes, records
from zhitong.resolvers.asking import Limits
from zhitong.resolvers.causes import Causes
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.facts import Registers
from zhitong.resolvers.granted import HeldGrants
from zhitong.resolvers.narrowing import Narrowing
from zhitong.resolvers.policy import Policy
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.rules.checks import Checks
from zhitong.schema.admission import Documents
from zhitong.schema.engine import Answer, Question
from zhitong.schema.entities import ENTITIES
from zhitong.schema.executor import GraphEngine
from zhitong.schema.gate import Bounds
from zhitong.schema.running import GRAPHQL_CORE, PLAN
from zhitong.types import Inquiry

SECRET = b"k" * 32
PATIENCE = 200
"""Turns of the loop within which all must end that a caller has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question of one caller while something may be wrong."""

    document: str
    asker: PairAsker
    variables: Mapping[str, object] | None = None
    operation: str | None = None
    fault: PairFault = NONE
    seed: int = 0
    """Of the order in which sources answer."""
    at_once: bool = False
    """Whether they answer without waiting for anything."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What one executor made of a case."""

    answer: Answer | None = None
    """None where the caller had gone."""
    inquiries: list[Inquiry] = field(default_factory=list)
    """What was handed to be recorded: the question's own first."""
    recorded: list[str] = field(default_factory=list)
    """Requests whose looks are on record."""
    statements: Counter[str] = field(default_factory=Counter)
    """By source."""
    left: int = 0
    """Tasks that went on when all should have ended."""


class Register:
    """A register of looks in memory; away, or past its grants, where a case has it."""

    def __init__(self) -> None:
        self.fault = NONE
        self.recorded: list[str] = []

    @property
    def away(self) -> bool:
        """Say whether nothing can be written."""
        return self.fault.unrecorded

    async def record(self, inquiry: Inquiry) -> str:
        """Note that *inquiry* is on record."""
        await asyncio.sleep(0)
        if self.fault.unrecorded:
            raise unrecorded()
        if self.fault.ended and inquiry.grants_used:
            raise ended()
        self.recorded.append(inquiry.id)
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        """Note that *inquiries* are on record, unless there is a fault."""
        await asyncio.sleep(0)
        fault = self.fault
        left = [
            one
            for one in inquiries
            if fault.unrecorded or (fault.ended and one.grants_used)
        ]
        self.recorded += [one.id for one in inquiries if one not in left]
        return left

    async def keep(self, inquiry: Inquiry) -> None:
        """Note it on our own disk, as it were."""
        self.recorded.append(f"kept {inquiry.id}")


class NotingRecorder(Recorder):
    """A recorder that shows what it was given."""

    def __init__(
        self, log: Register, freshness: Freshness | None, grants: HeldGrants | None
    ) -> None:
        super().__init__(log, freshness, grants)
        self.given: list[Inquiry] = []

    async def record(self, inquiry: Inquiry) -> str | None:
        """Show it, and record it as ever."""
        self.given.append(inquiry)
        return await super().record(inquiry)


@dataclass
class Side:
    """One executor, with all that only it knows."""

    number: int
    executor: str
    policy: Policy
    checks: Checks
    sources: Mapping[str, Wavering]
    grants: HeldGrants
    documents: list[Documents]
    """Those that both have let in: at most one, for it is what comes before."""
    reader: Reader = field(init=False)
    most: int = 1
    """Times that a small budget is given; not one where a difference is planted."""

    def __post_init__(self) -> None:
        self.reader = Reader(lambda: self.sources, self.policy)

    def engine(self, fault: PairFault) -> tuple[GraphEngine, NotingRecorder, Register]:
        """Make an engine that has told nobody anything yet."""
        register = Register()
        late: Freshness | None = Late() if fault.stale else None
        recorder = NotingRecorder(register, late, self.grants)
        reader, policy = self.reader, self.policy
        engine = GraphEngine(
            reader=reader,
            recorder=recorder,
            cursors=Cursors(SECRET),
            decisions=Decisions(
                registers=Registers(reader, recorder, ENTITIES, lambda: self.sources),
                ledger=MemoryLedger(),
                envelopes=None,  # type: ignore[arg-type] # nothing is decided here
                copies=None,  # type: ignore[arg-type] # as above
                checks=self.checks,
                sources=lambda: self.sources,
                recorders=policy.recorders,
            ),
            proceedings=Proceedings(
                book=NoBook(),
                reader=reader,
                recorder=recorder,
                sources=lambda: self.sources,
                entities=ENTITIES,
                recorders=policy.proceeding_recorders,
            ),
            narrowing=Narrowing(policy.patience, clock=lambda: 0.0),
            causes=Causes(reader, recorder, ENTITIES, policy.causes_checked),
            sources=lambda: self.sources,
            limits=Limits(Settings().page_size, Settings().page_limit),
            bounds=Bounds(),
            grants=self.grants,
            executor=self.executor,
        )
        # To parse and validate is not the executor's, and takes as long as it does.
        self.documents[:] = self.documents or [engine._documents]
        engine._documents = self.documents[0]
        return engine, recorder, register

    async def answer(self, cases: Sequence[Case]) -> list[Seen]:
        """Put *cases* to one engine, one after the other."""
        fault = cases[0].fault
        engine, recorder, register = self.engine(fault)
        with _budget(fault.budget * self.most):
            return [await self._one(engine, recorder, register, case) for case in cases]

    async def _one(
        self,
        engine: GraphEngine,
        recorder: NotingRecorder,
        register: Register,
        case: Case,
    ) -> Seen:
        for name, source in self.sources.items():
            seed = f"{case.seed}:{self.number}:{name}"
            source.rng = random.Random(seed)  # noqa: S311 - to be made again
            source.fault = case.fault
            source.turns = 1 if case.at_once else MOST_TURNS
            source.statements = 0
        register.fault = case.fault
        before, asked = len(register.recorded), len(recorder.given)
        question = Question(
            document=case.document,
            variables=case.variables,
            operation=case.operation,
            principal=case.asker.principal,
            occasion=case.asker.occasion,
            request_id="the-request",
            allowance=case.asker.allowance,
            priced=True,
        )
        answer, left = await _given(engine.answer(question), case.fault.cancel)
        # A cause is looked up beside the question, whose answer may not wait for it.
        checks = [task for _, task in engine._causes._known.values()]
        await asyncio.gather(*checks, return_exceptions=True)
        await recorder.settled()
        given = recorder.given[asked:]
        return Seen(
            answer=answer,
            inquiries=sorted(given, key=lambda one: one.id != "the-request"),
            recorded=register.recorded[before:],
            statements=Counter(
                {name: one.statements for name, one in self.sources.items()}
            ),
            left=left,
        )


async def _given(question: Awaitable[Answer], turns: int) -> tuple[Answer | None, int]:
    """Wait for the answer, or leave after so many turns; count what goes on then."""
    if not turns:
        return await question, 0
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(question)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(done, Exception):
        raise done
    for _ in range(PATIENCE):
        if asyncio.all_tasks() <= before:
            break
        await asyncio.sleep(0)
    left = len(asyncio.all_tasks() - before)
    return (done if isinstance(done, Answer) else None), left


class Pair:
    """Two executors over one city."""

    def __init__(
        self, one: str = GRAPHQL_CORE, other: str = PLAN, city_seed: int = 1
    ) -> None:
        self.policy = read_policy(Settings().policy, ENTITIES)
        self.checks = read_checks(Settings().checks)
        self.city = city(city_seed)
        self._names = (one, other)
        self._sides: list[Side] = []
        self._documents: list[Documents] = []

    async def sides(self) -> list[Side]:
        """Give both, made once in the loop that they run in."""
        for name in self._names[len(self._sides) :]:
            grants = HeldGrants(GrantsOfPair(), clock=lambda: 0.0)
            await grants.refresh()
            sources = {one: Wavering(source) for one, source in self.city.items()}
            self._sides.append(
                Side(
                    len(self._sides),
                    name,
                    self.policy,
                    self.checks,
                    sources,
                    grants,
                    self._documents,
                )
            )
        return self._sides

    async def answers(self, cases: Sequence[Case]) -> list[tuple[Seen, Seen]]:
        """Put *cases*, all under one fault, to both; each begins with no memory."""
        with _patience():
            found = [await side.answer(cases) for side in await self.sides()]
        return list(zip(*found, strict=True))


@contextmanager
def _patience() -> Iterator[None]:
    """Give up on nothing for being slow: a busy machine is no difference."""
    kept = causes.PATIENCE, records.FOLLOW_SECONDS, records.TOGETHER_SECONDS
    causes.PATIENCE = records.FOLLOW_SECONDS = 3_600.0
    records.TOGETHER_SECONDS = 0.0  # questions come one by one
    try:
        yield
    finally:
        causes.PATIENCE, records.FOLLOW_SECONDS, records.TOGETHER_SECONDS = kept


@contextmanager
def _budget(most: int) -> Iterator[None]:
    """Let a question have *most* and no more; 0: as much as ever."""
    kept = budget.MOST_READ, budget.MOST_BUILT
    if most:
        budget.MOST_READ = budget.MOST_BUILT = most
    try:
        yield
    finally:
        budget.MOST_READ, budget.MOST_BUILT = kept
