"""The differential test itself: silent where nothing differs, finds what does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from executors import Case, Pair
from pair_askers import ASKERS
from pair_cases import compared, made
from pair_differences import differences, reported
from planted_differences import PLANTED, Planted
from shrinking import least

from zhitong.schema.running import GRAPHQL_CORE, PLAN

SEED = "planted"
DOCUMENTS = 80
"""Few: `make differ` asks a hundred thousand."""
MOST = 2_000
"""Documents within which a planted difference is found."""


async def test_an_executor_does_not_differ_from_itself() -> None:
    pair = Pair(GRAPHQL_CORE, GRAPHQL_CORE)
    for number in range(30):
        for each in await compared(pair, made(SEED, number)):
            assert not each.found, f"{number}: {reported(each.case, each.found)}"


async def test_a_plan_does_not_differ_from_graphql_core() -> None:
    pair = Pair()
    for number in range(DOCUMENTS):
        for each in await compared(pair, made(SEED, number)):
            assert not each.found, f"{number}: {reported(each.case, each.found)}"


@pytest.mark.parametrize("executor", [GRAPHQL_CORE, PLAN])
@pytest.mark.parametrize("planted", PLANTED, ids=lambda one: one.name)
async def test_a_planted_difference_is_found(planted: Planted, executor: str) -> None:
    pair = Pair(GRAPHQL_CORE, executor)
    planted.plant((await pair.sides())[1])
    for number in range(MOST):
        cases = [_where(planted, case) for case in made(SEED, number)]
        told = await compared(pair, cases)
        if any(each.found for each in told):
            return
    pytest.fail(f"{planted.name} is not found in {MOST} documents")


def _where(planted: Planted, case: Case) -> Case:
    """Ask where the difference shows: of who is told counts alone, of small budgets."""
    return replace(
        case,
        asker=ASKERS.get(planted.asker, case.asker),
        fault=planted.fault or case.fault,
    )


async def test_a_difference_is_cut_down_to_the_least_that_has_it() -> None:
    pair = Pair(GRAPHQL_CORE, GRAPHQL_CORE)
    PLANTED[0].plant((await pair.sides())[1])
    case = Case(
        document="query($n: Int) { caseRecords(first: $n) { nodes { ...F } missing } } "
        "fragment F on CaseRecord { caseNo title status }",
        asker=ASKERS["police"],
    )
    ((one, other),) = await pair.answers([case])
    smaller, found = await least(pair, case, differences(case, one, other))
    assert found
    assert len(smaller.document) < len(case.document)
