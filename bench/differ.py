"""Documents by the thousand through both executors: answers and records are compared.

Each process takes cases of its own; a case is made again from seed and number alone.
What differs is cut down to the least that still does, and printed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import multiprocessing
import os
import secrets
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from executors import Pair
from pair_cases import Compared, compared, made
from pair_differences import reported
from shrinking import least

from zhitong.schema.running import GRAPHQL_CORE, PLAN

SHOWN = 10
"""Differences that a process cuts down and shows."""
Part = tuple[str, range, str]


@dataclass(slots=True)
class Told:
    """What one process has seen."""

    documents: int = 0
    questions: int = 0
    executors: Counter[str] = field(default_factory=Counter)
    """Answers by what gave them."""
    faults: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    """Looked at, by one of the two."""
    differing: dict[int, str] = field(default_factory=dict)

    def note(self, each: Compared) -> None:
        """Count one question."""
        self.questions += 1
        answer = each.other.answer
        by = "gone before the answer" if answer is None else answer.executor
        self.executors[by or "refused"] += 1
        self.faults[each.case.fault.name] += 1
        self.rows += sum(
            len(look.keys) for inquiry in each.one.inquiries for look in inquiry.looks
        )

    def add(self, other: Told) -> None:
        """Take in what another process has seen."""
        self.documents += other.documents
        self.questions += other.questions
        self.executors += other.executors
        self.faults += other.faults
        self.rows += other.rows
        self.differing |= other.differing


async def run(seed: str, numbers: range, other: str) -> Told:
    """Compare the cases of *numbers*."""
    pair, told = Pair(GRAPHQL_CORE, other), Told()
    await pair.sides()
    # As the gateway does: what lives as long as the process is not looked through.
    gc.unfreeze()  # the part before has ended, and its pair with it
    gc.collect()
    gc.freeze()
    for number in numbers:
        told.documents += 1
        for each in await compared(pair, made(seed, number)):
            told.note(each)
            if each.found and len(told.differing) < SHOWN:
                smaller = await least(pair, each.case, each.found)
                told.differing[number] = reported(*smaller)
            elif each.found:
                told.differing.setdefault(number, each.found[0])
    return told


def _part(given: Part) -> Told:
    # What the graph logs of faults is the case's; who leaves has things unawaited.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore", RuntimeWarning)
    return asyncio.run(run(*given))


def _parts(seed: str, first: int, count: int, other: str) -> Iterator[Part]:
    """Give numbers in parts that take a minute or so."""
    step = 250
    for start in range(first, first + count, step):
        yield seed, range(start, min(start + step, first + count)), other


def main() -> None:
    """Compare, and say what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", default=secrets.token_hex(4))
    options.add_argument("--first", type=int, default=0, help="the first case")
    options.add_argument("--case", type=int, help="this case alone")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--other", default=PLAN, choices=(PLAN, GRAPHQL_CORE))
    given = options.parse_args()
    if given.case is not None:
        given.first, given.count, given.jobs = given.case, 1, 1
    print(f"seed {given.seed}, {given.count:,} documents, {given.jobs} processes")
    began, told = time.perf_counter(), Told()
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        parts = _parts(given.seed, given.first, given.count, given.other)
        for one in pool.imap_unordered(_part, parts):
            told.add(one)
            took = time.perf_counter() - began
            print(
                f"{told.documents:,} documents, {told.questions:,} questions in "
                f"{took:,.0f} s, {len(told.differing)} differ",
                flush=True,
            )
    print("answered by", dict(told.executors.most_common()))
    print("faults", dict(told.faults.most_common()))
    print(f"rows looked at {told.rows:,}; documents that differ: {len(told.differing)}")
    for number, text in sorted(told.differing.items())[:SHOWN]:
        print(f"\n--seed {given.seed} --case {number}: {text}")
    sys.exit(bool(told.differing))


if __name__ == "__main__":
    main()
