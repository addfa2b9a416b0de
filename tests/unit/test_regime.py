"""The regime row by row: no name in the table is made up, and no row is left out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import mutants
import pytest
import regime
from graphql import GraphQLObjectType, build_schema

from zhitong.infra.checks_file import read_checks
from zhitong.infra.duties_file import read_duties
from zhitong.infra.figures_file import read_figures
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.schema.graph import sdl
from zhitong.streams.clock_stream import CLOCK_TYPE
from zhitong.streams.cloud_events import TYPES

ROOT = Path(__file__).parents[2]
FACTS = ROOT.parent / "shared" / "domain.md"
SETTINGS = Settings()
DECLARED = regime.declared()
FAULTS = {each.name: each for each in mutants.declared()}
ROWS = [pytest.param(one, id=one.id) for one in DECLARED.rows]


@cache
def types() -> frozenset[str]:
    every = build_schema(sdl()).type_map.items()
    return frozenset(
        name for name, kind in every if isinstance(kind, GraphQLObjectType)
    )


@cache
def rules() -> frozenset[str]:
    checks = {one.name for one in read_checks(SETTINGS.checks).checks}
    return frozenset({*checks, *read_figures(SETTINGS.figures), SETTINGS.policy.name})


@cache
def duties() -> frozenset[str]:
    receivers = {one.name for one in receivers_of(SETTINGS).receivers}
    figures = read_figures(SETTINGS.figures)
    every = read_duties(SETTINGS.duties, figures, receivers)
    return frozenset(one.name for one in every)


@cache
def events() -> frozenset[str]:
    files = [*(ROOT / "streams").glob("*schemas/*.json")]
    return frozenset({*TYPES.values(), CLOCK_TYPE, *(path.stem for path in files)})


@cache
def functions(file: str) -> frozenset[str]:
    module = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in module.body if isinstance(each, kinds))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_carried_or_says_what_it_waits_for(row: regime.Row) -> None:
    assert row.tests or row.waits
    assert not row.waits or row.waits in DECLARED.parts
    assert not (row.types or row.clocks or row.events) or row.tests or row.waits
    assert not row.faults or row.tests


@pytest.mark.parametrize("row", ROWS)
def test_every_name_of_a_row_is_one_of_the_code(row: regime.Row) -> None:
    assert set(row.types) <= types()
    assert set(row.rules) <= rules()
    assert set(row.clocks) <= duties()
    assert set(row.events) <= events()
    for node in row.tests:
        file, _, name = node.partition("::")
        assert (ROOT / "tests" / file).is_file()
        assert not name or name in functions(file), node


@pytest.mark.parametrize("row", ROWS)
def test_the_fault_that_switches_a_rule_off_is_found_by_a_test_of_its_row(
    row: regime.Row,
) -> None:
    tests = {f"tests/{node}" for node in row.tests}
    for name in row.faults:
        assert FAULTS[name].test in tests, name


def test_every_clock_has_a_row_and_a_fault() -> None:
    timed = [row for row in DECLARED.rows if row.clocks]
    assert {clock for row in timed for clock in row.clocks} == duties()
    assert all(row.faults for row in timed)


def test_no_row_stands_there_twice_and_every_part_is_waited_for() -> None:
    assert len({one.id for one in DECLARED.rows}) == len(DECLARED.rows)
    assert {one.waits for one in DECLARED.rows} - {""} == DECLARED.parts.keys()


@pytest.mark.skipif(not FACTS.is_file(), reason="the shared facts are not here")
def test_the_rows_are_those_of_the_fact_sheet() -> None:
    text = FACTS.read_text("utf-8").partition("\n## 2.")[0]
    stated = re.findall(r"^\| ([A-E][0-9]+) \|", text, flags=re.MULTILINE)
    assert [one.id for one in DECLARED.rows] == stated


def test_the_page_lists_them() -> None:
    page = (ROOT / "docs/regime.md").read_text("utf-8")
    assert regime.page(DECLARED) in page, "python bench/regime.py"
