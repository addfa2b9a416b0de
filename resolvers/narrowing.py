"""Narrowing: what may have counts alone is not to find a person by many of them.

Of each unit and type it is remembered which counts were told for which spans of time.
Two counts of one cell whose spans differ by a part tell the part: were that a small
count, the second is not told. All that can be had by adding and subtracting spans is
found that way, for told spans are edges between moments and what they give is every
path. A unit whose conditions were cut short so too often, or that asks more different
ones than anybody needs, raises the alarm: new conditions are then refused to it.

The memory is of one process and of persons of one unit together: they can talk.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from time import monotonic

from opentelemetry import metrics

from zhitong.exceptions import NarrowingError
from zhitong.rules.cells import Cell
from zhitong.types import AccessFinding, Inquiry, Label

LOGGER = logging.getLogger(__name__)
ALARMS = metrics.get_meter("zhitong.resolvers").create_counter(
    "zhitong.narrowing.alarms", description="Units that narrowed counts repeatedly"
)
MOST_UNITS = 500
MOST_TOLD = 50_000
"""Counts remembered of one unit and type; the oldest are forgotten beyond."""
EARLIEST, LATEST = "earliest", "latest"

Span = tuple[str, str]
Groups = tuple[str, ...]
Variant = tuple[bool, tuple[str, ...]]
"""Whether rows without a day are counted, and which sources did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much narrowing is borne; by configuration."""

    hours: float = 24.0
    conditions: int = 60
    """Different conditions on one type, within so many hours."""
    cut: int = 10
    """Conditions whose answer had to be cut, before the alarm is raised."""
    source: str = "configured rule"


@dataclass(slots=True)
class _Told:
    """What one unit was told of one type."""

    conditions: dict[Hashable, float] = field(default_factory=dict)
    cut: dict[Hashable, float] = field(default_factory=dict)
    spans: dict[tuple[Groups, Cell], dict[tuple[Span, Variant], tuple[int, float]]] = (
        field(default_factory=dict)
    )
    """Count and time by group, cell, span and variant."""
    count: int = 0
    alarmed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one table of counts is of, besides its groups."""

    inquiry: Inquiry
    type: str
    span: Span
    variant: Variant
    smallest: int


class Narrowing:
    """Remembers what was told, and says what must not be told besides."""

    def __init__(
        self, patience: Patience, clock: Callable[[], float] = monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._units: OrderedDict[tuple[str, str], _Told] = OrderedDict()

    def admit(self, inquiry: Inquiry, type_name: str, condition: Hashable) -> None:
        """Note that *condition* is asked; raise `NarrowingError` where it is too much.

        A condition that was answered before is answered again.
        """
        told, now = self._told(inquiry, type_name), self._clock()
        if condition in told.conditions:
            told.conditions[condition] = now
            return
        if told.alarmed is None and len(told.conditions) >= self._patience.conditions:
            self._alarm(inquiry, type_name, told)
        if told.alarmed is not None:
            inquiry.findings.append(self._finding())
            raise NarrowingError(
                f"对 {type_name} 反复缩小统计条件，已报警；"
                f"{self._patience.hours:g} 小时内只回答此前问过的条件",
                f"counts of {type_name} were narrowed repeatedly and an alarm was "
                f"raised; for {self._patience.hours:g} hours only conditions asked "
                "before are answered",
            )
        told.conditions[condition] = now

    def narrows(self, asked: Asked, groups: Groups, cell: Cell, count: int) -> bool:
        """Say whether *count* would, with what was told, tell a small count."""
        known = self._told(asked.inquiry, asked.type).spans.get((groups, cell), {})
        edges: list[tuple[str, str, int]] = []
        for (span, variant), (told, _) in known.items():
            if span == asked.span:
                # What is without a day in this cell, or in a source that was away.
                differs = variant != asked.variant
                if differs and 0 < abs(told - count) < asked.smallest:
                    return True
            elif variant[1] == asked.variant[1]:
                edges.append((*span, told))
        return _derives((*asked.span, count), edges, asked.smallest)

    def note(self, asked: Asked, cells: Iterable[tuple[Groups, Cell, int]]) -> None:
        """Remember the counts that are told now."""
        told, now = self._told(asked.inquiry, asked.type), self._clock()
        place = (asked.span, asked.variant)
        for groups, cell, count in cells:
            spans = told.spans.setdefault((groups, cell), {})
            told.count += place not in spans
            spans[place] = (count, now)
        while told.count > MOST_TOLD:
            told.count -= len(told.spans.pop(next(iter(told.spans))))

    def cut(self, inquiry: Inquiry, type_name: str, condition: Hashable) -> None:
        """Note that the answer to *condition* was cut; often enough is an alarm."""
        told = self._told(inquiry, type_name)
        told.cut[condition] = self._clock()
        if len(told.cut) >= self._patience.cut and told.alarmed is None:
            self._alarm(inquiry, type_name, told)
            inquiry.findings.append(self._finding())

    def _alarm(self, inquiry: Inquiry, type_name: str, told: _Told) -> None:
        told.alarmed = self._clock()
        ALARMS.add(1, {"kind": inquiry.principal.kind, "type": type_name})
        LOGGER.warning(
            "NARROWING %s by %s of unit %s, request %s",
            type_name,
            inquiry.principal.kind,
            inquiry.principal.unit,
            inquiry.id,
        )

    def _finding(self) -> AccessFinding:
        return AccessFinding(
            check="narrowing",
            message=Label(
                "反复缩小统计条件，相减可得出过小的数",
                "counts were narrowed repeatedly: their differences would be small",
            ),
            source=self._patience.source,
        )

    def _told(self, inquiry: Inquiry, type_name: str) -> _Told:
        key = (inquiry.principal.unit, type_name)
        told = self._units.setdefault(key, _Told())
        self._units.move_to_end(key)
        while len(self._units) > MOST_UNITS:
            self._units.popitem(last=False)
        self._forget(told)
        return told

    def _forget(self, told: _Told) -> None:
        """Let go of what is older than the window."""
        oldest = self._clock() - self._patience.hours * 3600
        if told.alarmed is not None and told.alarmed < oldest:
            told.alarmed = None
        if not any(at < oldest for at in told.conditions.values()):
            return
        for dated in (told.conditions, told.cut):
            for name in [name for name, at in dated.items() if at < oldest]:
                del dated[name]
        told.spans = {
            place: kept
            for place, spans in told.spans.items()
            if (kept := {key: one for key, one in spans.items() if one[1] >= oldest})
        }
        told.count = sum(map(len, told.spans.values()))


def _derives(
    new: tuple[str, str, int], edges: Iterable[tuple[str, str, int]], smallest: int
) -> bool:
    """Say whether *new* ties two moments with a small count between them."""
    beyond: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for start, end, count in edges:
        beyond[start].append((end, count))
        beyond[end].append((start, -count))
    left = _reached(new[0], beyond)
    right = _reached(new[1], beyond)
    # From any moment tied to the start, over the new span, to any tied to its end.
    return any(
        0 < abs(new[2] + there - here) < smallest
        for here in left.values()
        for there in right.values()
    )


def _reached(
    start: str, beyond: defaultdict[str, list[tuple[str, int]]]
) -> dict[str, int]:
    """Say how many rows lie between *start* and each moment tied to it."""
    reached = {start: 0}
    waiting = [start]
    while waiting:
        moment = waiting.pop()
        for other, count in beyond.get(moment, ()):
            if other not in reached:
                reached[other] = reached[moment] + count
                waiting.append(other)
    return reached
