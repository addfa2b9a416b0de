"""Plans run behind the one engine: answers and errors as graphql-core gives them."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest
from graphql import OperationDefinitionNode, get_variable_values
from memory_gateway import Reply, answer, asked, build

from zhitong.resolvers.asking import Limits
from zhitong.schema import executor, planned
from zhitong.schema.admission import Admitted, Documents
from zhitong.schema.context import Context
from zhitong.schema.gate import Bounds
from zhitong.schema.graph import graph
from zhitong.schema.planned import PlannedRuns
from zhitong.schema.selection_of import MOST_PARTS, Selected
from zhitong.schema.variables import NOTHING

ERRING = (
    "{ caseRecords(where: {title: null}) { nodes { id } } sources { name } }",
    """{ counterparties(first: 2) { nodes { code a: cases(where: {title: null})
      { nodes { id } } cases(first: 1) { missing } } } }""",
    "{ caseRecords(first: 201) { nodes { id } } b: caseRecords(first: 1) { missing } }",
    '{ node(id: "x") { id } }',
    '{ search(name: "x") { more } }',
    """{ caseRecords(after: "x") { missing } ...A }
      fragment A on Query { caseRecords(after: "x") { pageInfo { endCursor } } }""",
    '{ counterpartyByIdNumber(idNumber: "1") { code } codeLists(names: []) { name } }',
    "{ caseStatistics(by: [MONTH], where: {not: null}) { missing } }",
    """{ accessStatistics(by: [KIND], since: "2026-01-02T00:00:00+08:00",
      until: "2026-01-01T00:00:00+08:00") { missing } }""",
)
"""Each has an error of a field."""
VARIABLES: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("query($n: Int!) { caseRecords(first: $n) { missing } }", {}),
    ("query($n: Int!) { caseRecords(first: $n) { missing } }", {"n": "x"}),
    ("query($n: Int!) { caseRecords(first: $n) { missing } }", {"n": 2**40}),
    ("query($c: CreditCode!) { counterparty(code: $c) { name } }", {"c": "123"}),
    (
        "query($w: CaseRecordFilter) { caseRecords(where: $w) { missing } }",
        {"w": {"x": 1}},
    ),
    (
        "query($w: CaseRecordFilter) { caseRecords(where: $w) { missing } }",
        {"w": {"title": None}},
    ),
    (
        "query($n: [String!]) { codeLists(names: $n) { name } }",
        {"n": [1] * 80},
    ),
    (
        "query($w: CaseRecordFilter) { a: caseRecords(where: $w) { missing } }",
        {"w": None},
    ),
)
PLANNED = (
    """{ caseRecords(first: 3) { totalCount { count suppressed } nodes { caseNo title
      status subjectMatch subject { name } officers { name } } edges { cursor node
      { id } } pageInfo { hasNextPage endCursor } missing } }""",
    """{ search(name: "文字", first: 2) { more nodes { __typename id
      ... on CaseRecord { x: subject { name } subjectMatch }
      ... on Officer { x: subject { code } } } } }""",
    "query($v: Boolean!) { sources { name state @skip(if: $v) } codeLists { name } }",
    """{ caseStatistics(by: [SUBJECT, STATUS]) { groups { subjectCode status count
      subject { name } } smallest } __typename }""",
)


def told(reply: Reply) -> tuple[int, object, object, object]:
    body = orjson.loads(reply.body)
    errors = sorted(map(orjson.dumps, body.get("errors", ())))
    return reply.status, body.get("data"), errors, body.get("extensions")


async def both(
    state: Path, text: str, variables: Mapping[str, object] | None = None
) -> tuple[Reply, Reply]:
    replies = []
    for name in ("graphql-core", "plan"):
        front, tokens = build(state / name, executor=name)
        sent = asked(text, tokens["police"], variables=variables)
        replies.append(await answer(front, sent))
    core, plan = replies
    return core, plan


def by(reply: Reply) -> bytes:
    return reply.headers.get(b"zhitong-executor", b"")


@pytest.mark.parametrize("text", ERRING)
async def test_errors_of_fields_are_told_alike(tmp_path: Path, text: str) -> None:
    core, plan = await both(tmp_path, text)

    assert by(plan) == b"plan"
    assert told(plan) == told(core)
    assert told(core)[2]


@pytest.mark.parametrize(("text", "variables"), VARIABLES)
async def test_errors_of_variables_are_told_alike(
    tmp_path: Path, text: str, variables: Mapping[str, object]
) -> None:
    core, plan = await both(tmp_path, text, variables)

    assert told(plan) == told(core)


@pytest.mark.parametrize("text", PLANNED)
async def test_answers_are_byte_for_byte_alike(tmp_path: Path, text: str) -> None:
    core, plan = await both(tmp_path, text, {"v": True})

    assert by(plan) == b"plan"
    assert by(core) == b"graphql-core"
    assert plan.body == core.body
    assert plan.status == 200


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{ catalogue(first: 1) { nodes { id } } }", b"catalogue"),
        (
            '{ sources { name } policyExplain(field: "CaseRecord.title") { field } }',
            b"explain",
        ),
        ("{ __schema { queryType { name } } }", b"introspection"),
    ],
)
async def test_what_has_no_plan_runs_on_graphql_core_and_says_why(
    tmp_path: Path, text: str, why: bytes
) -> None:
    core, plan = await both(tmp_path, text)

    assert by(plan) == b"graphql-core; why=" + why
    assert by(core) == b"graphql-core"
    assert told(plan) == told(core)


class Asked:
    """Documents as the engine lets them in, and what is kept of them."""

    def __init__(self, most: int) -> None:
        self.runs = PlannedRuns(graph(), Bounds(), most)
        schema = graph()._schema
        self._schema = schema
        self._documents = Documents(schema, Bounds(), Limits().page)

    def selected(self, text: str, **variables: object) -> Selected:
        admitted: Admitted = self._documents.admitted(text)
        operation = admitted.document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        values = get_variable_values(
            self._schema, operation.variable_definitions or (), variables
        )
        assert not isinstance(values, list)
        return self.runs.selected(admitted, operation, values)


def test_a_document_is_selected_once() -> None:
    kept = Asked(8)
    text = "query($n: Int) { caseRecords(first: $n) { missing } }"

    assert kept.selected(text, n=1) is kept.selected(text, n=2)


def test_values_of_conditions_make_selections_of_their_own() -> None:
    kept = Asked(8)
    text = "query($v: Boolean!) { sources { name state @skip(if: $v) } }"

    skipped, whole = kept.selected(text, v=True), kept.selected(text, v=False)
    assert (skipped.selection.parts, whole.selection.parts) == (2, 3)
    assert kept.selected(text, v=True) is skipped


def test_no_more_selections_are_kept_than_may_be() -> None:
    kept = Asked(2)
    first = kept.selected("{ a: sources { name } }")
    kept.selected("{ b: sources { name } }")
    assert kept.selected("{ a: sources { name } }") is first

    kept.selected("{ c: sources { name } }")
    assert kept.selected("{ a: sources { name } }") is first

    kept.selected("{ d: sources { name } }")
    kept.selected("{ e: sources { name } }")
    assert kept.selected("{ a: sources { name } }") is not first


async def test_a_variable_that_is_a_condition_elsewhere_may_be_a_list_here(
    tmp_path: Path,
) -> None:
    text = """query A($x: [String!]) { codeLists(names: $x) { name } }
      query B($x: Boolean!) { sources { name @skip(if: $x) state } }"""
    front, tokens = build(tmp_path, executor="plan")
    asks: tuple[tuple[str, object], ...] = (
        ("A", ["x"]),
        ("A", []),
        ("B", True),
        ("B", False),
    )
    replies = [
        await answer(
            front,
            asked(text, tokens["police"], variables={"x": one}, operationName=name),
        )
        for name, one in asks
    ]
    assert [reply.status for reply in replies] == [200] * 4
    shown = [set(orjson.loads(one.body)["data"]["sources"][0]) for one in replies[2:]]
    assert shown == [{"state"}, {"name", "state"}]


@pytest.mark.parametrize("text", ERRING)
async def test_no_question_outlives_its_answer_for_its_error_s_sake(
    tmp_path: Path, text: str
) -> None:
    front, tokens = build(tmp_path, executor="plan")
    for _ in range(3):
        await answer(front, asked(text, tokens["police"]))
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is Context]


def test_few_words_that_are_many_parts_count_as_so_much_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planned, "MOST_LARGEST", 10)
    schema, bounds = graph(), Bounds()
    runs = PlannedRuns(schema, bounds)
    documents = Documents(schema._schema, bounds, 20)
    for number in range(40):
        roots = [
            f'a{one}: node(id: "{number}") {{ id __typename }}' for one in range(20)
        ]
        admitted = documents.admitted(f"{{ {' '.join(roots)} }}")
        (operation,) = admitted.document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        made = runs.selected(admitted, operation, NOTHING)
        assert len(made.nodes) > 700
    assert 15 <= len(runs._kept) <= 10 * MOST_PARTS // 700


class Counted:
    """A counter that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, str]] = []

    def add(self, amount: int, attributes: Mapping[str, str]) -> None:
        assert amount == 1
        self.told.append(attributes)


async def test_questions_are_counted_by_what_ran_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, selections = Counted(), Counted()
    monkeypatch.setattr(executor, "QUESTIONS", questions)
    monkeypatch.setattr(planned, "SELECTIONS", selections)
    front, tokens = build(tmp_path, executor="plan")
    for text in ("{ sources { name } }", "{ sources { name } }", "{ __typename }"):
        await answer(front, asked(text, tokens["police"]))
    await answer(front, asked("{ catalogue { nodes { id } } }", tokens["police"]))

    assert questions.told == [
        *[{"executor": "plan", "why": ""}] * 3,
        {"executor": "graphql-core", "why": "catalogue"},
    ]
    assert [one["outcome"] for one in selections.told] == [
        "miss",
        "hit",
        "miss",
        "miss",
    ]
