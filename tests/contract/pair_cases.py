"""Cases by number: a document, who asks it, and what goes wrong meanwhile.

Those of one number are asked one after the other: by two who see differently, by the
first once more, and where the document takes a cursor, for its second page.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from executors import Case, Pair, Seen
from pair_askers import ASKERS
from pair_differences import differences, overstepped
from pair_faults import NONE, fault
from walked_documents import AFTER, Walked, walked

Json = Any
WEIGHTS = {
    "police": 4,
    "own-officer": 4,
    "department": 4,
    "granted": 4,
    "emergency": 3,
    "supervisor": 3,
    "party": 3,
    "public": 3,
}
"""Those who see more, or differently row by row, ask more often."""


def made(seed: str, number: int) -> list[Case]:
    """Make the cases of *number* of *seed*."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - to be made again, not secret
    return cases(rng, walked(rng))


def cases(rng: random.Random, asked: Walked) -> list[Case]:
    """Have two ask *asked*, and the first once more."""
    names = list(ASKERS)
    weights = [WEIGHTS.get(name, 1) for name in names]
    first, second = rng.choices(names, weights, k=2)
    wrong = fault(rng)
    return [
        Case(
            document=asked.document,
            variables=asked.variables,
            operation=asked.operation,
            asker=ASKERS[name],
            fault=wrong,
            seed=rng.randrange(10**9),
        )
        for name in (first, second, first)
    ]


@dataclass(frozen=True, slots=True)
class Compared:
    """A case with what both made of it, and where they differ."""

    case: Case
    one: Seen
    other: Seen
    found: list[str]


async def compared(pair: Pair, asked: Sequence[Case]) -> list[Compared]:
    """Ask all of *asked*, and second pages; say of each where the two differ."""
    told = await _asked(pair, asked)
    again = [*_again(told)]
    return told + (await _asked(pair, again) if again else [])


async def _asked(pair: Pair, asked: Sequence[Case]) -> list[Compared]:
    told = []
    seen = await pair.answers(asked)
    for case, (one, other) in zip(asked, seen, strict=True):
        found = differences(case, one, other)
        if case.fault.budget:
            found += await _within(pair, case, one, other)
        told.append(Compared(case, one, other, found))
    return told


async def _within(pair: Pair, case: Case, *seen: Seen) -> list[str]:
    """Hold that a question which was cut short looked at nothing else."""
    ((whole, _),) = await pair.answers([replace(case, fault=NONE)])
    return [fault for one in seen for fault in overstepped(whole, one)]


def _again(told: Sequence[Compared]) -> Iterator[Case]:
    """Ask for the page after one of the cursors that came, where there are some."""
    for each in told:
        case, answer = each.case, each.one.answer
        if f"${AFTER}" not in case.document or answer is None:
            continue
        cursors = [*_cursors(answer.body)]
        if cursors:
            cursor = random.Random(case.seed).choice(cursors)  # noqa: S311 - as above
            yield replace(case, variables={**(case.variables or {}), AFTER: cursor})


def _cursors(value: Json) -> Iterator[str]:
    """Find the cursors in an answer."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name in {"endCursor", "cursor"} and isinstance(inside, str):
                yield inside
            yield from _cursors(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _cursors(inside)
