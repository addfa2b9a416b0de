"""What is written for a document equals the strict assembler, and holds no text."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    get_variable_values,
    is_required_argument,
    parse,
    validate,
)
from hypothesis import given
from hypothesis import strategies as st
from memory_gateway import sources
from plan_city import Parts, asking

from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.resolvers.asking import Asking
from zhitong.resolvers.assemble import Assembling, Values
from zhitong.resolvers.outcome import Outcome
from zhitong.resolvers.plan import Plans
from zhitong.resolvers.plan_generated import Assemble, generated, written
from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Computed,
    Counts,
    Grouped,
    Leaf,
    Part,
    Role,
    Selection,
    TypeName,
)
from zhitong.resolvers.statistics import Statistics
from zhitong.schema.entities import ENTITIES
from zhitong.schema.graph import graph
from zhitong.schema.selection_of import Selecting
from zhitong.types import Row

SELECTING = Selecting(graph())
ARGUMENTS = {
    "search": '(name: "文字")',
    "node": '(id: "Q2FzZVJlY29yZDptYXJrZXQ6Q2FzZVJlY29yZC0wMDE")',
    "caseRecord": '(caseNo: "CaseRecord-003")',
    "officer": '(certificateNo: "文字003")',
    "caseStatistics": "(by: [SUBJECT, MONTH])",
    "decisionStatistics": "(by: [MONTH])",
}
ROOTS = (
    *(one.plural for one in ENTITIES.values()),
    *ARGUMENTS,
    "sources",
    "codeLists",
)


@dataclass
class Both:
    """A plane that puts each answer together both ways."""

    seen: list[tuple[object, Outcome]] = field(default_factory=list)

    def compile(self, selection: Selection) -> Assemble:
        make = generated(selection)

        def both(values: Values) -> object:
            data = make(values)
            self.seen.append((data, Assembling(values).outcome(selection.root)))
            return data

        return both


def document(rng: random.Random) -> str:
    """Write a document whose arguments fit."""
    query = SELECTING.schema.query_type
    assert query is not None
    roots = rng.sample([name for name in ROOTS if name in query.fields], 2)
    return f"{{ {' '.join(member(rng, query, name, 3) for name in roots)} }}"


def member(
    rng: random.Random,
    kind: Any,  # noqa: ANN401 - an object or an interface
    name: str,
    depth: int,
) -> str:
    below = get_named_type(kind.fields[name].type)
    alias = f"x{rng.randint(0, 999)}: " if rng.random() < 0.2 else ""
    written = alias + name
    if kind.name == "Query":
        written += ARGUMENTS.get(name, "")
    if "first" in kind.fields[name].args and not written.endswith(")"):
        written += f"(first: {rng.randint(1, 6)})"
    if isinstance(below, GraphQLObjectType | GraphQLInterfaceType):
        return f"{written} {selected(rng, below, depth - 1)}"
    return written


def selected(
    rng: random.Random,
    kind: Any,  # noqa: ANN401 - as above
    depth: int,
) -> str:
    names = [
        name
        for name, one in kind.fields.items()
        if not any(map(is_required_argument, one.args.values()))
        and (depth or get_nullable_type(one.type) == get_named_type(one.type))
        and (depth or not hasattr(get_named_type(one.type), "fields"))
    ]
    some = rng.sample(names, min(len(names), rng.randint(1, 5)))
    parts = [member(rng, kind, name, depth) for name in some]
    if isinstance(kind, GraphQLInterfaceType):
        parts += [
            f"... on {name} {selected(rng, SELECTING.schema.get_type(name), depth)}"
            for name in ("CaseRecord", "Counterparty")
        ]
    return "{ " + " ".join([*parts, "__typename"]) + " }"


SOURCES = sources()
POLICY = read_policy(Settings().policy, ENTITIES)


def whole_city() -> Asking:
    return asking(SOURCES, POLICY, ENTITIES)


def test_what_is_written_for_a_document_equals_the_strict_assembler() -> None:
    plane = Both()
    plans, rng = Plans(plane=plane), random.Random(7)  # noqa: S311 - for repetition
    planned = 0
    for _ in range(80):
        text = document(rng)
        parsed = parse(text)
        if validate(SELECTING.schema, parsed):
            continue  # one key for two fields
        (operation,) = parsed.definitions
        assert isinstance(operation, OperationDefinitionNode)
        values = get_variable_values(SELECTING.schema, (), {})
        assert not isinstance(values, list)
        found = SELECTING.selected(parsed, operation, values)
        assert not found.selection.unplanned, text
        asked = whole_city()
        plan = plans.plan(found.selection)
        outcome = asyncio.run(plan.run(asked, found.bind(values), len))
        planned += not outcome.faults
    assert planned > 40
    # Nothing in this city is unusual: whatever had no fault was put together so.
    assert len(plane.seen) == planned
    for data, strict in plane.seen:
        assert not strict.faults
        assert orjson.dumps(data) == orjson.dumps(strict.data)


def row(values: Mapping[str, object]) -> Row:
    return Row("Case", "market", "1", values)


LEAVES: tuple[Mapping[str, object], ...] = (
    {"leaf": Leaf.INTEGER},
    {"leaf": Leaf.CODE, "codes": frozenset({"A", "B"})},
    {"leaf": Leaf.TEXT, "items": (False,)},
    {"leaf": Leaf.TEXT, "items": (True,)},
    {"leaf": Leaf.TEXT, "nullable": False},
    {"leaf": Leaf.CODE, "codes": frozenset({"A", "B"}), "nullable": False},
)
VALUES = (
    st.sampled_from(("A", "B", "C", None, True))
    | st.integers()
    | st.lists(st.sampled_from(("A", None)), max_size=2)
)


@given(st.sampled_from(LEAVES), st.lists(VALUES, max_size=4))
def test_what_does_not_fit_is_left_to_the_strict_assembler(
    leaf: Mapping[str, object], values: list[object]
) -> None:
    parts = Parts()
    if leaf["leaf"] is Leaf.TEXT and "items" not in leaf:
        # Sources give canonical text: nothing else stands in such a column.
        values = [one for one in values if one is None or isinstance(one, str)]
    column = parts.part("a", "Case", Column(), **leaf)
    listed = parts.part(
        "x",
        "Query",
        Computed(lambda *_: None),
        items=(True,),
        below={"Case": (column,)},
    )
    rows = [row({"a": value}) for value in values]
    found: Values = {listed.tag: {id(None): rows}}
    strict = Assembling(found).outcome([listed])
    try:
        data = generated(Selection(root=(listed,), parts=2))(found)
    except Exception:  # noqa: BLE001 - as a plan takes it
        data = None
    if strict.faults:
        assert data is None
    elif data is not None:
        assert orjson.dumps(data) == orjson.dumps(strict.data)


@pytest.mark.parametrize("value", ["A", None])
def test_what_fits_is_not_left_to_it(value: object) -> None:
    parts = Parts()
    column = parts.part("a", "Case", Column(), **LEAVES[1])
    above = parts.part(
        "x", "Query", Computed(lambda *_: None), below={"Case": (column,)}
    )
    found: Values = {above.tag: {id(None): row({"a": value})}}
    make = generated(Selection(root=(above,), parts=2))
    assert make(found) == {"x": {"a": value}}


SAID: Sequence[tuple[str, Role, Mapping[str, Any]]] = (
    ("count", Attribute("count"), {"leaf": Leaf.INTEGER}),
    ("suppressed", Attribute("suppressed"), {"leaf": Leaf.BOOLEAN, "nullable": False}),
    ("__typename", TypeName(), {"leaf": Leaf.TEXT, "nullable": False}),
    ("month", Grouped("MONTH"), {"leaf": Leaf.TEXT}),
    ("status", Grouped("STATUS"), {"leaf": Leaf.CODE, "codes": frozenset("AB")}),
    ("division", Grouped("DIVISION"), {"leaf": Leaf.TEXT}),
)
"""What a group can be asked; the last is none of what was counted by."""
TABLES = (
    Statistics((), [((), 30)]),
    Statistics(("MONTH", "STATUS"), [(("2026-01", "A"), 3), (("2026-02", None), None)]),
    Statistics(("STATUS",), []),
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.names))
@pytest.mark.parametrize("many", [1, 2, len(SAID)])
def test_groups_are_what_the_strict_assembler_says(
    table: Statistics, many: int
) -> None:
    for some in combinations(SAID, many):
        parts = Parts()
        members = tuple(
            parts.part(name, "CaseGroup", role, **more) for name, role, more in some
        )
        groups = parts.part(
            "groups",
            "CaseStatistics",
            Attribute("groups"),
            items=(False,),
            nullable=False,
            below={"CaseGroup": members},
        )
        counts = Counts(ENTITIES["CaseRecord"])
        above = parts.part("x", "Query", counts, below={"CaseStatistics": (groups,)})
        values: Values = {above.tag: {id(None): table}}
        made = generated(Selection(root=(above,), parts=many + 2))(values)
        assert Outcome(made) == Assembling(values).outcome([above])


def test_what_several_parents_share_is_made_once() -> None:
    parts = Parts()
    column = parts.part("a", "Case", Column(), leaf=Leaf.TEXT)
    inner = parts.part(
        "inner", "Case", Computed(lambda *_: None), below={"Case": (column,)}
    )
    above = parts.part(
        "x",
        "Query",
        Computed(lambda *_: None),
        items=(True,),
        below={"Case": (inner,)},
    )
    shared, rows = row({"a": "v"}), [row({}), row({})]
    found: Values = {
        above.tag: {id(None): rows},
        inner.tag: {id(one): shared for one in rows},
    }
    data: Any = generated(Selection(root=(above,), parts=3))(found)
    assert data["x"][0]["inner"] is data["x"][1]["inner"]


HOSTILE = 'x": __import__("os"), "'


def test_nothing_of_a_document_stands_in_what_is_written_for_it() -> None:
    parts = Parts()
    column = parts.part(
        HOSTILE,
        "Case",
        Column(),
        leaf=Leaf.CODE,
        name="amount",
        codes=frozenset({"SECRET", HOSTILE}),
    )
    above = parts.part("alias", "Query", Attribute("nodes"), below={"Case": (column,)})
    source, constants = written(Selection(root=(above,), parts=2))
    for text in ("alias", HOSTILE, "amount", "SECRET", "Case", '"', "'"):
        assert text not in source
    assert {"alias", HOSTILE, "amount"} <= {*constants} - {None}


def test_an_attribute_that_is_no_name_is_not_written() -> None:
    part: Part = Parts().part("x", "T", Attribute("a.b"), leaf=Leaf.TEXT)
    with pytest.raises(ValueError, match=r"a\.b"):
        written(Selection(root=(part,), parts=1))
