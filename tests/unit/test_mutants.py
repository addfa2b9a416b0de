"""The seeded faults: the list fits the code, and what judges them tells them apart."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import mutants
import pytest
from mutants import Copy, Mutant, Ran, Verdict

ROOT = Path(__file__).parents[2]
Small = tuple[Copy, Mapping[str, Ran]]
DECLARED = mutants.declared()
FILE = "src/zhitong/thing.py"
TESTS = "tests/test_thing.py"
SMALL = {
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "src/zhitong/__init__.py": "",
    FILE: "def double(number):\n    return number + number\n",
    TESTS: """import pytest
from zhitong.thing import double

def test_double():
    assert double(3) == 6

def test_fails():
    assert double(3) == 7

@pytest.mark.skip
def test_is_skipped():
    assert double(3) == 6

@pytest.mark.parametrize("number", [0, 3])
def test_several(number):
    assert double(number) == 2 * number
""",
}


@pytest.mark.parametrize("mutant", [pytest.param(one, id=one.name) for one in DECLARED])
def test_a_fault_fits_the_code_and_its_test_is_there(mutant: Mutant) -> None:
    assert mutants.changed(mutant) is not None, "what it replaces is not there once"
    assert mutant.why.strip()
    file, _, name = mutant.test.partition("::")
    module = ast.parse((ROOT / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {each.name for each in module.body if isinstance(each, functions)}


def test_twenty_faults_are_asked_for_and_no_two_are_one() -> None:
    assert len({each.name for each in DECLARED}) == len(DECLARED) >= 20
    assert len({(each.file, each.old, each.new) for each in DECLARED}) == len(DECLARED)


def test_the_page_lists_them() -> None:
    page = (ROOT / "docs/mutants.md").read_text()
    assert mutants.page(DECLARED) in page, "python bench/mutants.py --page"


def fault(new: str, test: str) -> Mutant:
    """Put *new* in the place of the sum."""
    node, old = f"{TESTS}::{test}", "number + number"
    return Mutant(name="one", why="", file=FILE, old=old, new=new, test=node)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Give a copy of a small repository, and its tests as they are without a fault."""
    root = tmp_path_factory.mktemp("small")
    for name, text in SMALL.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    made = Copy(root, tmp_path_factory.mktemp("copies") / "0")
    return made, made.run([TESTS])


@pytest.mark.parametrize(
    ("new", "test", "verdict"),
    [
        ("number * 3", "test_double", Verdict.CAUGHT),
        ("number * 3", "test_several", Verdict.CAUGHT),
        ("number * 2", "test_double", Verdict.SURVIVED),
        ("number * 3", "test_fails", Verdict.BROKEN),
        ("number * 3", "test_is_skipped", Verdict.BROKEN),
        ("number * 3", "test_that_is_not_there", Verdict.BROKEN),
        ("number *", "test_double", Verdict.BROKEN),
        ("nobody", "test_double", Verdict.BROKEN),
        ("number + number", "test_double", Verdict.STALE),
    ],
)
def test_a_fault_is_caught_by_a_test_that_finds_it_and_by_nothing_else(
    small: Small, new: str, test: str, verdict: Verdict
) -> None:
    assert mutants.judge(fault(new, test), *small).verdict is verdict


def test_an_error_that_is_let_through_counts_where_it_is_declared(
    small: Small,
) -> None:
    mutant = replace(fault("nobody", "test_double"), shows="NameError")
    assert mutants.judge(mutant, *small).verdict is Verdict.CAUGHT
