"""Documents chosen by hand: both executors answer them alike, whoever asks."""

from __future__ import annotations

import pytest
from chosen_documents import FOLDER, chosen
from executors import Pair
from pair_cases import compared
from pair_differences import reported
from pair_faults import NONE, PairFault

from zhitong.exceptions import SourceTimeoutError

LEAST = 300
FILES = sorted(file.stem for file in FOLDER.glob("*.graphql"))
CORNERS = [name for name in FILES if name not in {"tests", "pages", "types"}]
AWAY = PairFault(
    name="market and justice away",
    away={"market": SourceTimeoutError, "justice": SourceTimeoutError},
)


def test_there_are_as_many_as_we_say() -> None:
    assert len(list(chosen())) >= LEAST


@pytest.mark.parametrize("file", FILES)
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
