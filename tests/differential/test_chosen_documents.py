"""Documents chosen by hand: both executors answer them alike, whoever asks."""

from __future__ import annotations

import json

import pytest
from chosen_documents import DEMONSTRATION, FOLDER, NAMES, ROOT, chosen
from executors import Pair
from pair_cases import compared
from pair_differences import reported
from pair_faults import NONE, PairFault

from zhitong.exceptions import SourceTimeoutError

LEAST = 300
CORNERS = [name for name in NAMES if name not in {"tests", "pages", "types"}]
AWAY = PairFault(
    name="market and justice away",
    away={"market": SourceTimeoutError, "justice": SourceTimeoutError},
)


def test_there_are_as_many_as_we_say() -> None:
    assert len(list(chosen())) >= LEAST


def test_all_that_the_demonstration_asks_is_among_them() -> None:
    asked = json.loads((FOLDER / f"{DEMONSTRATION}.json").read_text("utf-8"))
    folder = ROOT / "infra" / "demo" / "questions"
    questions = {
        str(file.relative_to(ROOT))
        for file in folder.glob("*.graphql")
        if "\nquery " in f"\n{file.read_text('utf-8')}"
    }
    assert questions <= asked.keys()


@pytest.mark.parametrize("file", NAMES)
async def test_both_executors_answer_alike(file: str) -> None:
    await _alike(file)


@pytest.mark.parametrize("file", CORNERS)
async def test_no_source_is_asked_more_often_by_a_plan(file: str) -> None:
    await _alike(file, at_once=True)


@pytest.mark.parametrize("file", CORNERS)
async def test_both_name_what_is_missing_alike(file: str) -> None:
    await _alike(file, AWAY)


async def _alike(file: str, fault: PairFault = NONE, *, at_once: bool = False) -> None:
    pair, differing = Pair(), []
    for document in chosen(file):
        cases = document.cases(fault, at_once=at_once)
        differing += [
            f"{document.name}: {reported(each.case, each.found)}"
            for each in await compared(pair, cases)
            if each.found
        ]
    assert not differing, "\n\n".join(differing)
