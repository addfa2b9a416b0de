"""What `compare` found: medians, the table of performance.md, and which targets hold.

A ratio is taken round by round, both sides in the same round, and its median printed.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from access_questions import WORKLOADS
from peer_builds import LIMITS, PEERS

QUESTIONS = tuple(work.name[:2] for work in WORKLOADS)
NODE = tuple(peer.name for peer in PEERS if peer.folder == "node")
STOCK = "strawberry"
OURS = "zhitong"
DUTY = ", full duty"
MOST_CALLERS = 32
"""Ratios are those of this many callers, where it was among those asked for."""
AT_LEAST: Mapping[str, Sequence[float]] = {
    STOCK: (35, 25, 30, 40, 15),
    "best Node peer": (1.0, 2.5, 2.5, 3, 2),
}
LIMIT_AT_MOST: Sequence[float] = (1.3, 1.4, 1.6, 1.1, 1.3)
Cell: TypeAlias = Callable[[Mapping[str, float]], str]
Target: TypeAlias = tuple[str, Sequence[float], Sequence[float], Sequence[bool]]
"""A ratio's name, its values by question, what is asked of each, whether it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one visit took: CPU milliseconds per question, and each one's seconds."""

    row: str
    question: str
    callers: int
    round: int
    own: float
    databases: float
    rate: float
    seconds: Sequence[float]


class Measured:
    """The visits, by row, question and number of callers."""

    def __init__(self, visits: Sequence[Visit]) -> None:
        self.visits = visits
        self._cells: dict[tuple[str, str, int], list[Visit]] = defaultdict(list)
        for visit in visits:
            self._cells[visit.row, visit.question, visit.callers].append(visit)
        named = {visit.row for visit in visits}
        peers = [peer.name for peer in PEERS if peer.name in named]
        self.rows = [*peers, *sorted(named.difference(peers))]
        self.callers = sorted({visit.callers for visit in visits})

    def cell(self, row: str, question: str, callers: int) -> Sequence[Visit]:
        """Give the visits of one cell, in the order of their rounds."""
        return self._cells.get((row, question, callers), ())

    def ratio(self, question: str, callers: int, above: Sum, below: Sum) -> float:
        """Give the median over the rounds of one sum by another; 0 for none."""
        ones = {one.round: above.of(one) for one in self._of(above, question, callers)}
        ratios = [
            ones[two.round] / below.of(two)
            for two in self._of(below, question, callers)
            if two.round in ones and below.of(two) > 0
        ]
        return statistics.median(ratios) if ratios else 0.0

    def _of(self, one: Sum, question: str, callers: int) -> Sequence[Visit]:
        return self.cell(one.row, question, callers)

    def median(self, row: str, question: str, callers: int) -> Mapping[str, float]:
        """Give the medians of a cell, and its latencies in milliseconds."""
        visits = self.cell(row, question, callers)
        if not visits:
            return {}
        seconds = sorted(second for visit in visits for second in visit.seconds)
        return {
            "own": statistics.median(one.own for one in visits),
            "databases": statistics.median(one.databases for one in visits),
            "rate": statistics.median(one.rate for one in visits),
            "p50": _quantile(seconds, 0.5) * 1000,
            "p99": _quantile(seconds, 0.99) * 1000,
        }


@dataclass(frozen=True, slots=True)
class Sum:
    """What of a row's visit is weighed: its own CPU, less what is taken off."""

    row: str
    databases: bool = False
    taken_off: Mapping[str, float] = field(default_factory=dict)

    def of(self, visit: Visit) -> float:
        """Give the milliseconds of *visit*."""
        databases = visit.databases if self.databases else 0.0
        return visit.own - self.taken_off.get(visit.question, 0.0) + databases


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of a run."""

    scale: str
    """The city's name."""
    cases: Mapping[str, int]
    """How many each department keeps."""
    rounds: int
    began: float
    absent: Mapping[str, str]
    taken_off: Mapping[str, float]
    """CPU milliseconds of token and receipt, by question: naked ones have neither."""
    elsewhere: float
    """Cores that others kept busy meanwhile."""
    memory: Mapping[str, float]
    found: Measured

    @property
    def callers(self) -> int:
        """Say how many callers the ratios are of."""
        some = self.found.callers
        return MOST_CALLERS if MOST_CALLERS in some else max(some, default=0)

    def lines(self) -> Iterator[str]:
        """Write all for people."""
        kept = ", ".join(f"{name} {count:,}" for name, count in self.cases.items())
        yield f"{self.scale} city, {self.rounds} rounds; cases: {kept}"
        yield f"others kept {self.elsewhere:.2f} cores busy meanwhile"
        for callers in self.found.callers:
            yield ""
            yield f"{callers} callers: questions/s (server CPU ms + PostgreSQL CPU ms)"
            yield from self._table(callers, _cost)
            yield ""
            yield f"{callers} callers: p50 / p99 ms"
            yield from self._table(callers, _latency)
        yield ""
        yield "most memory, MiB"
        for row, most in self.memory.items():
            yield f"{row:<36} {most:8.0f}"
        yield ""
        off = ", ".join(f"{name} {ms:.3f}" for name, ms in self.taken_off.items())
        yield f"{self.scale} city, CPU per question, {self.callers} callers"
        yield f"token and receipt, taken off what is naked, ms: {off}"
        for title, values, asked, holds in self.targets():
            cells = [
                f"{value:8.2f} {'✓' if good else '✗'} {wanted:<5g}"
                if value
                else f"{'-':>8}   {wanted:<5g}"  # not measured, in time or at all
                for value, wanted, good in zip(values, asked, holds, strict=True)
            ]
            yield f"{title:<68} {'  '.join(cells)}"

    def _table(self, callers: int, cell: Cell) -> Iterator[str]:
        yield f"{'':<36} {''.join(f'{name:<24}' for name in QUESTIONS)}".rstrip()
        for row in self.found.rows:
            medians = (self.found.median(row, name, callers) for name in QUESTIONS)
            cells = (f"{cell(one) if one else '-':<24}" for one in medians)
            yield f"{row:<36} {''.join(cells)}".rstrip()

    def targets(self) -> Iterator[Target]:
        """Give each ratio of performance.md: its name, values, what is asked, if so."""
        for row in self.found.rows:
            if row.startswith(OURS) and not row.endswith(DUTY):
                yield from self._targets(row)

    def _targets(self, row: str) -> Iterator[Target]:
        ours = Sum(row, taken_off=self.taken_off)
        for name, asked in AT_LEAST.items():
            values = [
                self._ratio(one, Sum(STOCK if name == STOCK else self._best(one)), ours)
                for one in QUESTIONS
            ]
            holds = [a >= b for a, b in zip(values, asked, strict=True)]
            yield f"{name} ÷ {row}, at least", values, asked, holds
        total = Sum(row, databases=True, taken_off=self.taken_off)
        for limit in LIMITS:
            values = [
                self._ratio(one, total, Sum(limit, databases=True)) for one in QUESTIONS
            ]
            yield _at_most(f"{row} ÷ {limit}, all CPU, at most", values, LIMIT_AT_MOST)
        duty = Sum(f"{row}{DUTY}", databases=True)
        values = [self._ratio(one, duty, total) for one in QUESTIONS]
        most = [work.most for work in WORKLOADS]
        yield _at_most(f"{row}, full duty ÷ naked, at most", values, most)

    def _ratio(self, question: str, above: Sum, below: Sum) -> float:
        return self.found.ratio(question, self.callers, above, below)

    def _best(self, question: str) -> str:
        """Name the Node peer that needs least for a question."""
        medians = {
            peer: self.found.median(peer, question, self.callers) for peer in NODE
        }
        known = {peer: one["own"] for peer, one in medians.items() if one}
        return min(known, key=known.__getitem__, default="")

    def figures(self) -> Mapping[str, object]:
        """Give all for machines."""
        return {
            "scale": self.scale,
            "cases": self.cases,
            "rounds": self.rounds,
            "began": datetime.fromtimestamp(self.began, UTC).isoformat(),
            "absent": self.absent,
            "taken_off": self.taken_off,
            "elsewhere": self.elsewhere,
            "memory": self.memory,
            "medians": [
                {"row": row, "question": question, "callers": callers, **median}
                for row in self.found.rows
                for question in QUESTIONS
                for callers in self.found.callers
                if (median := self.found.median(row, question, callers))
            ],
            "targets": [
                {"name": name, "values": values, "asked": asked, "holds": holds}
                for name, values, asked, holds in self.targets()
            ],
            "visits": [
                {**asdict(visit), "seconds": len(visit.seconds)}
                for visit in self.found.visits
            ],
        }


def _cost(median: Mapping[str, float]) -> str:
    return f"{median['rate']:,.0f} ({median['own']:.3g}+{median['databases']:.2g})"


def _latency(median: Mapping[str, float]) -> str:
    return f"{median['p50']:.1f} / {median['p99']:.1f}"


def _at_most(title: str, values: Sequence[float], asked: Sequence[float]) -> Target:
    holds = [0 < a <= b for a, b in zip(values, asked, strict=True)]
    return title, values, asked, holds
