"""A selection says of a document what graphql-core makes of it, field by field."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import fuzz
import pytest
from graphql import (
    DocumentNode,
    OperationDefinitionNode,
    get_variable_values,
    parse,
    validate,
)
from graphql.execution.values import VariableValues
from memory_gateway import answer, asked, build

from zhitong.exceptions import ScalarError
from zhitong.resolvers.asking import Place
from zhitong.resolvers.pages import PageArguments
from zhitong.resolvers.selection import Column, Leaf, Part
from zhitong.schema.binder import Binding
from zhitong.schema.context import Context
from zhitong.schema.graph import graph
from zhitong.schema.running import GRAPHQL_CORE
from zhitong.schema.selection import (
    ResolveInfo,
    Step,
    response_path,
    variables_of,
    weight_of,
)
from zhitong.schema.selection_of import Selected, Selecting
from zhitong.types import All, Compare, EntityType, Op

OTHER = "91619921MA0000001H"
SELECTING = Selecting(graph())
Asked = Mapping[tuple[tuple[Step, ...], str], Place]
CORNERS = (
    """{ caseRecords(first: 3) { nodes { ...A subjectMatch } edges { node { title
      again: subject { code } subject { name } } cursor } } }
    fragment A on CaseRecord { caseNo subject { kind ...B } }
    fragment B on EnforcementSubject { name cases(first: 2, where: {status:
      {eq: FILED}, or: [{title: {contains: "a"}}, {title: {contains: "b"}}]}) {
        nodes { caseNo } } }""",
    """query($many: Int = 2, $where: CaseRecordFilter, $with: Boolean!) {
      counterparties(first: 5) { nodes { code cases(first: $many, where: $where)
        @include(if: $with) { totalCount { count } nodes { caseNo officers { name } } }
        ... @skip(if: $with) { name licences { nodes { licenceNo } } } } } }""",
    """{ search(name: "文字") { more nodes { id __typename
      ... on CaseRecord { x: subject { name } subjectMatch }
      ... on Officer { x: subject { code kind } subjectMatch subject { name } }
      ... on Counterparty { name cases(first: 1) { nodes { caseNo } } } } } }""",
    """{ a: caseRecords(first: 1) { c: nodes { caseNo } nodes { caseNo subject
      { name } } } a: caseRecords(first: 1) { edges { n: node { place } node
      { subjectMatch } } } }""",
    """{ caseStatistics(by: [SUBJECT, MONTH]) { groups { month subject { name code
      cases { nodes { caseNo } } } subjectCode count } missing } }""",
    """{ node(id: "CaseRecord:market:CaseRecord-001") { ... on Node { id source }
      ... on CaseRecord { title subject { name } subjectMatch } } }""",
    """{ node(id: "Y2FzZTptYXJrZXQ6Q2FzZVJlY29yZC0wMDE") { id } sources { name types }
      codeLists(names: ["KeyMatch"]) { name values { value zh } } }""",
)
VARIABLES: tuple[Mapping[str, object], ...] = (
    {"many": 3, "with": True, "where": {"title": {"contains": "文"}, "and": [{}, {}]}},
    {"with": False},
)


def parts_of(
    parts: tuple[Part, ...], here: tuple[Step, ...] = ()
) -> Iterator[tuple[tuple[Step, ...], Part]]:
    """Give every part with its path, as `Context` writes paths."""
    for part in parts:
        row = part.owner in SELECTING.rows
        path = (*here, (part.owner, part.key) if row else part.key)
        yield path, part
        for below in part.below.values():
            yield from parts_of(below, path)


def said(selected: Selected, variables: Mapping[str, object]) -> Asked:
    return {
        (path, name): weighed.place(lambda one: weight_of(variables.get(one)))
        for path, part in parts_of(selected.selection.root)
        for name, weighed in part.places.items()
    }


def selected(text: str, variables: Mapping[str, object] | None = None) -> Selected:
    document = parse(text)
    assert not validate(SELECTING.schema, document)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = values_of(text, variables or {})
    return SELECTING.selected(document, operation, values)


def values_of(text: str, variables: Mapping[str, object]) -> VariableValues:
    operation = parse(text).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(
        SELECTING.schema, operation.variable_definitions or (), dict(variables)
    )
    assert not isinstance(values, list), values
    return values


class Asking:
    """Compares each place that graphql-core asks for with what the selection says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places = 0
        self.wrong: list[object] = []
        self._said: tuple[DocumentNode, object, Asked] | None = None
        self._place = Context.place
        monkeypatch.setattr(Context, "place", self.compared())

    def compared(self) -> object:
        def place(
            context: Context,
            info: ResolveInfo,
            entity: EntityType,
            *paths: tuple[str, ...],
        ) -> Place:
            found = self._place(context, info, entity, *paths)
            due = self.asked(context.document, info)
            here = response_path(info, SELECTING.rows), entity.name
            self.places += 1
            if due is not None and due.get(here) != found:
                self.wrong.append((here, found, due.get(here)))
            return found

        return place

    def asked(self, document: DocumentNode, info: ResolveInfo) -> Asked | None:
        variables = variables_of(info)
        if not (
            self._said and self._said[0] is document and self._said[1] == variables
        ):
            values = VariableValues({}, dict(variables))
            made = SELECTING.selected(document, info.operation, values)
            if made.selection.unplanned:
                return None
            self._said = document, variables, said(made, variables)
        return self._said[2]


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(monkeypatch)


async def test_places_are_those_that_resolvers_ask_for_in_any_document(
    tmp_path: Path, asking: Asking
) -> None:
    front, tokens = build(tmp_path, executor=GRAPHQL_CORE)
    rng = random.Random("places")  # noqa: S311 - to be made again, not secret
    for _ in range(500):
        text = fuzz.walked(rng).encode("utf-8", "replace").decode()
        await answer(front, asked(text, tokens["police"]))

    assert asking.wrong == []
    assert asking.places > 300


@pytest.mark.parametrize("text", CORNERS)
@pytest.mark.parametrize("variables", VARIABLES)
async def test_places_are_those_that_resolvers_ask_for_in_corners(
    tmp_path: Path, asking: Asking, text: str, variables: Mapping[str, object]
) -> None:
    front, tokens = build(tmp_path, executor=GRAPHQL_CORE)
    reply = await answer(front, asked(text, tokens["police"], variables=variables))

    assert reply.status == 200, reply.body
    assert b"INTERNAL" not in reply.body
    assert asking.wrong == []


def test_fields_are_merged_in_the_order_of_the_answer() -> None:
    made = selected(CORNERS[3])

    (page,) = made.selection.root
    (below,) = page.below.values()
    assert [part.key for part in below] == ["c", "nodes", "edges"]
    assert len(made.nodes[page.tag]) == 2
    assert [part.tag for _, part in parts_of(made.selection.root)] == list(
        range(made.selection.parts)
    )


def test_a_part_says_what_completes_its_value() -> None:
    made = selected(
        "{ caseRecord: caseRecords { nodes { status tags: officers { name } } } }"
    )

    parts = {part.key: part for _, part in parts_of(made.selection.root)}
    assert parts["status"].leaf is Leaf.CODE
    assert "FILED" in parts["status"].codes
    assert isinstance(parts["status"].role, Column)
    assert (parts["nodes"].nullable, parts["nodes"].items) == (False, (False,))
    assert parts["tags"].nullable


def test_an_interface_has_parts_for_each_type_that_may_stand_there() -> None:
    made = selected(
        '{ search(name: "aa") { nodes { id ... on Counterparty { name } } } }'
    )

    ((hits,),) = (part.below.values() for part in made.selection.root)
    below = {
        name: [part.key for part in parts] for name, parts in hits[0].below.items()
    }
    assert below["Counterparty"] == ["id", "name"]
    assert below["CaseRecord"] == ["id"]
    assert "AccessLook" not in below


def test_what_no_variable_is_in_is_bound_once() -> None:
    made = selected(
        '{ caseRecords(first: 3, where: {title: {contains: "x"}}) { nodes { id } } }'
    )

    assert made.binding == []
    (bound,) = made.bound
    assert bound == PageArguments(
        first=3,
        after=None,
        where=All((Compare("title", Op.CONTAINS, "x"),)),
        order=None,
    )


def test_variables_are_bound_for_each_question() -> None:
    text = "query($first: Int) { caseRecords(first: $first) { nodes { id } } }"
    made = selected(text)
    for first in (1, 2):
        (bound,) = made.bind(values_of(text, {"first": first}))
        assert isinstance(bound, PageArguments)
        assert bound.first == first


PAGED = """query($n: Int, $a: String = "x") {
  caseRecords(first: $n, after: $a, where: {title: {contains: "y"}},
    orderBy: {by: fine}, sources: ["market"]) { nodes { id } }
  b: caseRecords(first: 7, after: $a) { nodes { id } }
  c: caseRecords(first: $n, where: {title: null}) { nodes { id } } }"""


@pytest.mark.parametrize("given", [{}, {"n": 3}, {"n": None, "a": None}, {"a": "z"}])
def test_a_page_by_variables_is_bound_as_its_resolver_has_it(
    given: Mapping[str, object],
) -> None:
    made, values = selected(PAGED), values_of(PAGED, given)
    query, due = SELECTING.schema.query_type, []
    assert query is not None
    for part in made.selection.root:
        known = SELECTING.known(query, part.name)
        assert known.converting
        one = Binding(known.definition, made.nodes[part.tag][0], known.converting)
        due.append(one.bound(values))

    *pages, refused = made.bind(values)
    assert pages == due[:2]
    assert isinstance(refused, ScalarError)
    assert str(refused) == str(due[2])


def test_an_argument_that_is_refused_is_bound_as_its_error() -> None:
    made = selected("{ caseRecords(where: {title: null}) { nodes { id } } }")

    (error,) = made.bound
    assert isinstance(error, ScalarError)
    assert error.__traceback__ is None


def test_a_number_is_its_variable_s_value_or_default() -> None:
    text = """query($code: CreditCode! = "11619900001481213H") {
      counterparty(code: $code) { id } }"""
    made = selected(text)

    assert made.bind(values_of(text, {})) == ["11619900001481213H"]
    assert made.bind(values_of(text, {"code": OTHER})) == [OTHER]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{ __schema { types { name } } }", "introspection"),
        ("{ sources { name } catalogue { nodes { id } } }", "catalogue"),
        ('{ policyExplain(field: "CaseRecord.title") { field } }', "explain"),
    ],
)
def test_what_has_no_plan_says_why(text: str, why: str) -> None:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    made = SELECTING.selected(document, operation, values_of("{ __typename }", {}))

    assert made.selection.unplanned == why
    assert made.selection.root == ()


def test_a_document_of_too_many_parts_has_no_plan() -> None:
    fields = " ".join(f"a{number}: id" for number in range(120))
    document = f'{{ node(id: "x") {{ {fields} }} }}'

    assert selected(document).selection.unplanned == "large"


def test_a_condition_that_is_null_is_left_to_graphql_core() -> None:
    text = "query($v: Boolean = true) { __typename sources @include(if: $v) { name } }"

    assert selected(text, {"v": None}).selection.unplanned == "directive"


def test_what_is_left_out_has_no_part() -> None:
    text = "query($v: Boolean!) { sources { name state @skip(if: $v) } }"

    for held, keys in ((True, ["name"]), (False, ["name", "state"])):
        (sources,) = selected(text, {"v": held}).selection.root
        (below,) = sources.below.values()
        assert [part.key for part in below] == keys
