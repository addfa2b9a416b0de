"""The log checked in stretches: some thousands of leaves, their rows, their heads.

A stretch is checked by one process in one snapshot; what it was left with (rows whose
leaf lies in another stretch, the part of the tree) is put together by `whole_check`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from zhitong.connectors.evidence_rows import (
    LAST_PAGE,
    LEAST,
    MOST,
    EvidenceRows,
    Leaf,
    Pages,
)
from zhitong.connectors.signers import verify
from zhitong.evidence import LeafKind
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.head_checks import HeadChecks, KeyRow, Seen
from zhitong.rules.matching import Matching
from zhitong.rules.merkle import digest
from zhitong.rules.noted_keys import Keys
from zhitong.rules.tree_parts import WIDTH, Part, PartBuilder
from zhitong.rules.verification import (
    LOOKS,
    TABLES,
    Row,
    Table,
    check_rows,
)

STRETCH = 128 * WIDTH
"""Leaves of a stretch: 32,768, so that processes end at about the same time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which log is checked, and how thoroughly."""

    origin: str
    hash: str
    keys: Mapping[str, KeyRow]
    rows_from: int = 0
    """Bodies are read from this number on; before it, leaves and heads alone."""
    signed_from: int = 0
    """Signatures are looked at on heads of more leaves than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A run of numbers, with the pages where their rows should mostly lie."""

    first: int
    end: int
    """Behind the last; `MOST` of the last stretch."""
    pages: tuple[Pages, ...]
    present: tuple[int, int]
    """Pages of table ``decision``: its share of the present rows."""
    leaves: int
    """How many it should have."""
    sizes: tuple[int, ...]
    """Sizes that the witness has seen, where roots are wanted."""


@dataclass(slots=True)
class Found:
    """What the check of a stretch has found, and is left with."""

    part: Part
    faults: Faults = field(default_factory=Faults)
    matching: Matching = field(default_factory=Matching)
    keys: Keys = field(default_factory=Keys)
    heads: list[Seen] = field(default_factory=list)
    rows: int = 0
    next: int = 0
    """Behind the last number there is."""
    gap: int | None = None
    """The first number that is missing: no root beyond it can be had."""


async def stretches(
    rows: EvidenceRows, sizes: Sequence[int], width: int = STRETCH
) -> list[Stretch]:
    """Cut the log into stretches; each kind's pages by its share of their leaves."""
    counts = await rows.counts(width)
    many = max((place + 1 for place, _, _ in counts), default=1)
    shares: dict[str, list[int]] = {kind: [0] * many for kind in LeafKind}
    for place, kind, count in counts:
        if kind in shares:
            shares[kind][place] += count
    pages, present = await rows.pages(), await rows.decisions()
    cut = {kind: _cut(pages, kind, shares[kind]) for kind in LeafKind}
    found = []
    for place in range(many):
        first, end = place * width, (place + 1) * width
        last = place == many - 1
        found.append(
            Stretch(
                first=first,
                end=MOST if last else end,
                pages=tuple(each for kind in LeafKind for each in cut[kind][place]),
                present=(
                    present * place // many,
                    LAST_PAGE if last else present * (place + 1) // many,
                ),
                leaves=sum(counts[place] for counts in shares.values()),
                sizes=tuple(
                    size for size in sizes if size >= first and (last or size < end)
                ),
            )
        )
    return found


def _cut(
    pages: Iterable[Pages], kind: LeafKind, counts: Sequence[int]
) -> list[list[Pages]]:
    """Give each stretch its share of the pages of *kind*, no page left out."""
    mine = [each for each in pages if each.kind == kind]
    whole, leaves = sum(each.end for each in mine), sum(counts)
    edges, done = [0], 0
    for count in counts[:-1]:
        done += count
        edges.append(whole * done // leaves if leaves else 0)
    edges.append(whole)
    found: list[list[Pages]] = []
    for place, (low, high) in enumerate(pairwise(edges)):
        found.append([])
        start = 0
        for each in mine:
            first, end = max(low - start, 0), min(high - start, each.end)
            last = place == len(counts) - 1
            # What has come since the pages were counted lies behind the last.
            if last:
                first = min(first, each.end)
                found[-1].append(Pages(kind, each.relation, first, LAST_PAGE))
            elif first < end:
                found[-1].append(Pages(kind, each.relation, first, end))
            start += each.end
    return found


async def check_stretch(rows: EvidenceRows, plan: Plan, stretch: Stretch) -> Found:
    """Check the leaves, the rows and the heads of *stretch*."""
    of = digest(plan.hash)
    found = Found(Part(stretch.first))
    checks = HeadChecks(of, plan.origin, plan.hash, plan.keys, verify)
    bare = HeadChecks(of, plan.origin, plan.hash, plan.keys, verify, signed=False)
    low = stretch.first or LEAST
    # Heads of just as many leaves as the stretch begins with belong to the one before.
    async for heads in rows.heads(low, stretch.end):
        for head in heads:
            each = checks if head.size > plan.signed_from else bare
            seen = each.check(head, found.faults)
            if seen is not None:
                found.heads.append(seen)
    sizes = {*(seen.size for seen in found.heads), *stretch.sizes}
    builder = PartBuilder(of, stretch.first, sorted(sizes))
    expected = stretch.first
    async for leaves in rows.sealed(low, stretch.end):
        expected = _number(found, builder, expected, leaves)
        kept = leaves
        if leaves[0][0] < plan.rows_from:
            kept = [leaf for leaf in leaves if leaf[0] >= plan.rows_from]
        found.matching.sealed(kept, found.faults)
    if stretch.end not in {MOST, expected}:
        _missing(found, expected, stretch.end)
    found.next = expected
    found.part = builder.end()
    async for table, batch in _bodies(rows, plan, stretch):
        found.rows += len(batch)
        here = check_rows(of, table, batch, found.faults, found.keys)
        found.matching.stand(table.kind, here, found.faults)
        if table is LOOKS:
            found.faults.extend(await rows.untold(batch))
    if not plan.rows_from:
        found.faults.extend(await rows.present(*stretch.present))
    return found


def _number(
    found: Found, builder: PartBuilder, expected: int, leaves: Sequence[Leaf]
) -> int:
    numbers = [leaf[0] for leaf in leaves]
    if numbers != list(range(expected, expected + len(numbers))):
        for number in numbers:
            if number != expected:
                _missing(found, expected, number)
            expected = number + 1
    else:
        expected += len(numbers)
    if found.gap is None:
        builder.add([leaf[3] for leaf in leaves])
    return expected


def _missing(found: Found, expected: int, number: int) -> None:
    last = f"…{number - 1}" if number - 1 > expected else ""
    found.faults.add(
        Fault(
            kind=FaultKind.NUMBER_MISSING,
            table="sealed_leaf",
            id=f"{expected}{last}",
            number=expected,
        )
    )
    if found.gap is None:
        found.gap = expected


async def _bodies(
    rows: EvidenceRows, plan: Plan, stretch: Stretch
) -> AsyncIterator[tuple[Table, Sequence[Row]]]:
    if plan.rows_from:
        first = max(plan.rows_from, stretch.first)
        for table in TABLES.values():
            async for batch in rows.some(table, first, stretch.end):
                yield table, batch
        return
    for pages in stretch.pages:
        async for batch in rows.rows(pages):
            yield TABLES[pages.kind], batch
