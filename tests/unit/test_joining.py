"""Look-ups sent together: each question has what it would have alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider  # noqa: TID251 - it looks on
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: TID251
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: TID251
    InMemorySpanExporter,
)

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import (
    ScalarError,
    SourceDriftError,
    SourceTimeoutError,
    ZhitongError,
)
from zhitong.resolvers import joining
from zhitong.resolvers.joining import MOST, Joining
from zhitong.resolvers.policy import Effect, Policy, RowRule, Rule, Scope
from zhitong.resolvers.read import Ask, Found, Reader
from zhitong.resolvers.readings import Asked
from zhitong.schema.declare import entity, item
from zhitong.types import (
    Compare,
    Inquiry,
    Kind,
    Label,
    MaskKind,
    Occasion,
    Op,
    Principal,
    RowQuery,
)
from zhitong.types import Table as Answered

LONG = 60
FIELDS = frozenset({"caseNo", "division", "filedOn", "name"})
CASE = entity(
    "Case",
    "cases",
    "案件",
    "A case",
    key="caseNo",
    orders=("caseNo",),
    fields=(
        item("caseNo", "编号", "Number"),
        item("division", "区划", "Division", Kind.DIVISION),
        item("filedOn", "立案日期", "Filed on", Kind.DATE),
        item("name", "名称", "Name", mask=MaskKind.NAME),
    ),
    place="division",
)
WHY = Label("因", "why")
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"police", "court", "bank"}),
    fields=FIELDS - {"name"},
    reason=WHY,
    source="test",
)
NAMED = replace(
    OPEN, name="named", kinds=frozenset({"court"}), fields=frozenset({"name"})
)
BLUR = replace(
    NAMED, name="blur", effect=Effect.MASK, kinds=frozenset({"police", "bank"})
)
HERE = RowRule(
    name="here",
    kinds=frozenset({"police"}),
    types=frozenset({"Case"}),
    scope=Scope(own_division="division"),
    source="test",
)
POLICY = Policy(rules=(OPEN, NAMED, BLUR), rows=(HERE,))
HERE_CODES = ("619921", "619922")
NUMBERS = ("1", "2", "3", "案4")
Asking = tuple[str, str, str, str]
"""Kind, division, field and value of one look-up."""


class Slow(MemorySource):
    """Answers after some turns of the loop, as what is far away does."""

    bad = ""
    """A value whose row the source cannot tell."""

    async def table(self, query: RowQuery) -> Answered:
        for _ in range(3):
            await asyncio.sleep(0)
        told = await super().table(query)
        if self.bad and self.bad in wanted(query):
            raise SourceDriftError("坏行", "a bad row")
        return told


def wanted(query: RowQuery) -> tuple[str, ...]:
    if query.keys is not None:
        return query.keys.values
    return tuple(NUMBERS) if query.where is None else _values(query.where)


def _values(where: object) -> tuple[str, ...]:
    if isinstance(where, Compare):
        return (str(where.value),)
    parts = getattr(where, "parts", ())
    return tuple(value for part in parts for value in _values(part))


class Sealed(Slow):
    """Waits until it is let go."""

    def __init__(self, made: MemorySource) -> None:
        super().__init__(made.name, made.title, made.tables.values())
        self.gate = asyncio.Event()
        self.twice = asyncio.Event()
        """Two statements have come: the first look-up, and the rest together."""

    async def table(self, query: RowQuery) -> Answered:
        told = await MemorySource.table(self, query)
        if len(self.queries) == 2:
            self.twice.set()
        await self.gate.wait()
        return told


def source(name: str, numbers: Sequence[str]) -> Slow:
    rows = [
        {
            "caseNo": no,
            "division": HERE_CODES[at % 2],
            "filedOn": f"2026-01-0{at + 1}",
            "name": f"王{name}",
        }
        for at, no in enumerate(numbers)
    ]
    return Slow(name, WHY, [Table(entity=CASE, key="caseNo", rows=rows)])


def city() -> dict[str, MemorySource]:
    return {"a": source("a", NUMBERS), "b": source("b", NUMBERS[:2])}


def reader_of(sources: dict[str, MemorySource]) -> Reader:
    return Reader(lambda: sources, POLICY)


def inquiry_of(kind: str, division: str, name: str) -> Inquiry:
    return Inquiry(
        principal=Principal(
            kind=kind, unit="U", unit_name="局", person=name, division=division
        ),
        occasion=Occasion(),
        id=name,
    )


def ask(field: str, value: str, limit: int = 1) -> Ask:
    where = Compare(field, Op.EQ, value)
    return Ask(entity=CASE, fields=FIELDS, where=where, limit=limit)


def seen(found: Found | BaseException, inquiry: Inquiry) -> tuple[object, ...]:
    """Give all that a read answers and leaves in its question."""
    told: object
    if isinstance(found, Found):
        rows = found.rows
        told = (
            [(row.source, row.key, row.order, row.match) for row in rows],
            [{name: row.values[name] for name in sorted(FIELDS)} for row in rows],
            [dict(table.at) for table in found.tables],
            found.more,
            found.missing,
        )
    else:
        told = (type(found), str(found))
    return (
        told,
        inquiry.looks,
        inquiry.gaps,
        inquiry.restrictions,
        inquiry.grants_used,
        inquiry.findings,
        inquiry.verdicts.keys(),
        {name: str(error) for name, error in inquiry.away.items()},
    )


async def answered(reader: Reader, one: Asking, name: str) -> tuple[object, ...]:
    kind, division, field, value = one
    inquiry = inquiry_of(kind, division, name)
    try:
        found: Found | BaseException = await reader.rows(inquiry, ask(field, value))
    except ZhitongError as error:
        found = error
    return seen(found, inquiry)


async def alone(reader: Reader, asked: Sequence[Asking]) -> list[tuple[object, ...]]:
    return [await answered(reader, one, str(at)) for at, one in enumerate(asked)]


async def at_once(reader: Reader, asked: Sequence[Asking]) -> list[tuple[object, ...]]:
    questions = (answered(reader, one, str(at)) for at, one in enumerate(asked))
    return await asyncio.wait_for(asyncio.gather(*questions), LONG)


ASKING = st.tuples(
    st.sampled_from(["police", "court", "bank", "nobody"]),
    st.sampled_from(HERE_CODES),
    st.sampled_from(["caseNo", "caseNo", "division", "filedOn"]),
    st.sampled_from([*NUMBERS, " 1", "none", "2026-01-01", *HERE_CODES]),
).filter(lambda one: one[2] != "filedOn" or one[3].startswith("2026"))


@settings(max_examples=150, deadline=None)
@given(
    asked=st.lists(ASKING, min_size=2, max_size=14),
    away=st.sampled_from([None, "a", "b"]),
    bad=st.sampled_from(["", "", "2"]),
)
def test_what_is_sent_together_is_told_as_if_sent_alone(
    asked: list[Asking], away: str | None, bad: str
) -> None:
    def sources() -> dict[str, MemorySource]:
        made = city()
        made["a"].bad = bad  # type: ignore[attr-defined]
        if away is not None:
            made[away].failure = SourceTimeoutError("超时", "timed out")
        return made

    one_by_one = asyncio.run(alone(reader_of(sources()), asked))
    assert asyncio.run(at_once(reader_of(sources()), asked)) == one_by_one


SAME: list[Asking] = [("court", "", "caseNo", NUMBERS[at % 4]) for at in range(9)]


def test_look_ups_of_one_tick_are_one_statement_beside_the_one_under_way() -> None:
    sources = city()
    asyncio.run(at_once(reader_of(sources), SAME))
    assert [len(one.queries) for one in sources.values()] == [2, 2]


def test_one_statement_has_a_bounded_number_of_look_ups() -> None:
    sources = city()
    asyncio.run(at_once(reader_of(sources), SAME[:1] * (1 + 2 * MOST)))
    assert [len(one.queries) for one in sources.values()] == [3, 3]


class Traced(Slow):
    """Notes in whose span it was asked for many."""

    def __init__(self, made: MemorySource) -> None:
        super().__init__(made.name, made.title, made.tables.values())
        self.within: list[trace.Span] = []

    async def table(self, query: RowQuery) -> Answered:
        if query.keys is not None:
            self.within.append(trace.get_current_span())
        return await super().table(query)


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    made, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    monkeypatch.setattr(joining, "TRACER", provider.get_tracer("test"))
    return made


async def in_spans(reader: Reader, spans: Sequence[trace.Span]) -> None:
    """Ask the same at once, in each of *spans*, which end when it is answered."""

    async def asked(at: int, span: trace.Span) -> None:
        with trace.use_span(span, end_on_exit=True):
            await answered(reader, SAME[at % 4], str(at))

    questions = (asked(at, span) for at, span in enumerate(spans))
    await asyncio.wait_for(asyncio.gather(*questions), LONG)


def test_each_question_is_linked_to_the_statement_that_it_shares(
    exporter: InMemorySpanExporter,
) -> None:
    spans = [joining.TRACER.start_span(str(at), Context()) for at in range(4)]
    # The last question looks up twice, in one span.
    traced = Traced(source("a", NUMBERS))
    asyncio.run(in_spans(reader_of({"a": traced}), [*spans, spans[-1]]))
    done = {one.name: one for one in exporter.get_finished_spans()}
    assert set(done) == {"0", "1", "2", "3", "lookups.joined"}
    statement = done.pop("lookups.joined")
    (within,) = traced.within
    assert within.get_span_context() == statement.get_span_context()
    assert statement.parent == done["1"].get_span_context()
    assert dict(statement.attributes or {}) == {"lookups": 4}
    assert [link.context for link in statement.links] == [
        done["2"].get_span_context(),
        done["3"].get_span_context(),
    ]
    assert {
        name: [link.context for link in one.links] for name, one in done.items()
    } == {
        "0": [],  # which went alone
        "1": [],
        "2": [statement.get_span_context()],
        "3": [statement.get_span_context()],
    }


def test_a_statement_of_questions_that_nobody_traces_begins_no_trace(
    exporter: InMemorySpanExporter,
) -> None:
    unsampled = trace.SpanContext(7, 7, is_remote=True)
    traced = Traced(source("a", NUMBERS))
    spans = [trace.NonRecordingSpan(unsampled) for _ in range(4)]
    asyncio.run(in_spans(reader_of({"a": traced}), spans))
    assert [one.get_span_context() for one in traced.within] == [unsampled]
    assert exporter.get_finished_spans() == ()


def test_a_look_up_by_a_day_is_sent_alone() -> None:
    sources = city()
    days: list[Asking] = [("court", "", "filedOn", "2026-01-01")] * 5
    asyncio.run(at_once(reader_of(sources), days))
    assert [len(one.queries) for one in sources.values()] == [5, 5]


def test_who_has_another_profile_is_never_asked_for_together() -> None:
    asked: list[Asking] = [
        (kind, division, "caseNo", "1")
        for kind in ("police", "court", "bank")
        for division in HERE_CODES
    ]
    sources = city()
    asyncio.run(at_once(reader_of(sources), asked))
    assert all(
        query.keys is None
        for one in sources.values()
        for query in one.queries
        if isinstance(query, RowQuery)
    )


def test_sharing_by_too_coarse_a_key_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asking] = [
        (kind, division, "caseNo", no)
        for no in NUMBERS
        for kind in ("court", "police", "bank")
        for division in HERE_CODES
    ]
    right = asyncio.run(alone(reader_of(city()), asked))
    common: dict[str, Joining] = {}
    made = Asked.__init__

    def coarse(self: Asked, **given: object) -> None:
        made(self, **given)  # type: ignore[arg-type]
        joining = common.setdefault(self.source.name, Joining())
        object.__setattr__(self, "joining", joining)

    monkeypatch.setattr(Asked, "__init__", coarse)
    assert asyncio.run(at_once(reader_of(city()), asked)) != right


def test_an_answer_to_another_question_is_given_to_nobody() -> None:
    class Strange(Slow):
        async def table(self, query: RowQuery) -> Answered:
            told = await super().table(query)
            if query.keys is None:
                return told
            return replace(told, records=[("?", *one[1:]) for one in told.records])

    strange = Strange("a", WHY, source("a", NUMBERS).tables.values())
    right = asyncio.run(alone(reader_of({"a": source("a", NUMBERS)}), SAME))
    assert asyncio.run(at_once(reader_of({"a": strange}), SAME)) == right


def test_a_field_that_was_lost_is_looked_up_alone() -> None:
    sources = city()
    table = sources["b"].tables["Case"]
    sources["b"].tables["Case"] = replace(table, lost={"caseNo": WHY}, key="name")
    asyncio.run(at_once(reader_of(sources), SAME))
    assert [len(one.queries) for one in sources.values()] == [2, len(SAME)]


async def _under_way(count: int) -> tuple[Sealed, list[asyncio.Task[Found]]]:
    """Start look-ups in a source that answers none of them yet."""
    sealed = Sealed(source("a", NUMBERS))
    reader = reader_of({"a": sealed})
    tasks = [
        asyncio.create_task(
            reader.rows(inquiry_of("court", "", str(at)), ask("caseNo", NUMBERS[at]))
        )
        for at in range(count)
    ]
    await asyncio.wait_for(sealed.twice.wait(), LONG)
    return sealed, tasks


async def test_who_cancels_leaves_the_others_their_answer() -> None:
    sealed, tasks = await _under_way(4)
    tasks[2].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[2]
    sealed.gate.set()
    found = await asyncio.wait_for(asyncio.gather(tasks[0], tasks[1], tasks[3]), LONG)
    assert [one.rows[0].key for one in found] == ["1", "2", "案4"]


async def test_the_last_who_cancels_cancels_the_statement() -> None:
    before = asyncio.all_tasks()
    _, tasks = await _under_way(4)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=LONG))[1]


async def test_who_cancels_before_the_statement_is_sent_is_not_in_it() -> None:
    sealed = Sealed(source("a", NUMBERS))
    sealed.gate.set()
    reader = reader_of({"a": sealed})
    tasks = [
        asyncio.create_task(
            reader.rows(inquiry_of("court", "", str(at)), ask("caseNo", NUMBERS[at]))
        )
        for at in range(4)
    ]
    tasks[1].cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LONG)
    asked = [query for query in sealed.queries if isinstance(query, RowQuery)]
    assert "2" not in [value for query in asked for value in wanted(query)]


async def test_what_no_database_can_take_is_refused_to_its_own_question() -> None:
    class Strict(Slow):
        async def table(self, query: RowQuery) -> Answered:
            if any("\0" in value for value in wanted(query)):
                raise ScalarError("空字符", "a null character")
            return await super().table(query)

    made = source("a", NUMBERS)
    reader = reader_of({"a": Strict("a", WHY, made.tables.values())})
    asked: list[Asking] = [*SAME[:4], ("court", "", "caseNo", "\0"), *SAME[:4]]
    told = await at_once(reader, asked)
    assert "ScalarError" in str(told[4][0])
    assert told[:4] == told[5:]
