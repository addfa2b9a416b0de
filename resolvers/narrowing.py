"""Narrowing: what may have counts alone is not to find a person by many of them.

Of each unit and type it is remembered which counts were told for which spans of time.
Two counts of one cell whose spans differ by a part tell the part: were that a small
count, the second is not told. All that can be had by adding and subtracting spans is
found that way, for told spans are edges between moments and what they give is every
path. A unit whose conditions were cut short so too often, or that asks more different
ones than anybody needs, raises the alarm: new conditions are then refused to it.

The memory is of persons of one unit together, for they can talk. It is of one process;
of several that share a `ToldCounts` it is common: each turn takes up what the others
have noted, decides, and notes, while they wait.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import msgspec
from opentelemetry import metrics

from zhitong.exceptions import NarrowingError, RecordUnavailableError
from zhitong.ports import ToldCounts
from zhitong.rules.cells import Cell
from zhitong.types import AccessFinding, Inquiry, Label

LOGGER = logging.getLogger(__name__)
ALARMS = metrics.get_meter("zhitong.resolvers").create_counter(
    "zhitong.narrowing.alarms", description="Units that narrowed counts repeatedly"
)
MOST_UNITS = 500
MOST_TOLD = 50_000
"""Counts remembered of one unit and type; the oldest are forgotten beyond."""
AGAIN = 1 / 24
"""Part of the window in which what is told again is not noted again among several."""
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


class _Noted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is remembered, as processes tell each other of it."""

    at: float
    condition: str = ""
    cut: str = ""
    alarm: bool = False
    span: Span = ("", "")
    variant: Variant = (False, ())
    cells: tuple[tuple[Groups, Cell, int], ...] = ()


_READ = msgspec.json.Decoder(_Noted)


@dataclass(slots=True)
class _Told:
    """What one unit was told of one type."""

    place: object = None
    """How far what others have noted is taken up."""
    noted: list[_Noted] = field(default_factory=list)
    """What others are to be told of."""
    conditions: dict[str, float] = field(default_factory=dict)
    cut: dict[str, float] = field(default_factory=dict)
    spans: dict[tuple[Groups, Cell], dict[tuple[Span, Variant], tuple[int, float]]] = (
        field(default_factory=dict)
    )
    """Count and time by group, cell, span and variant."""
    count: int = 0
    alarmed: float | None = None

    def take(self, noted: _Noted) -> None:
        """Remember one thing."""
        if noted.condition:
            self.conditions[noted.condition] = noted.at
        if noted.cut:
            self.cut[noted.cut] = noted.at
        if noted.alarm:
            self.alarmed = noted.at
        place = (noted.span, noted.variant)
        for groups, cell, count in noted.cells:
            spans = self.spans.setdefault((groups, cell), {})
            self.count += place not in spans
            spans[place] = (count, noted.at)
        while self.count > MOST_TOLD:
            self.count -= len(self.spans.pop(next(iter(self.spans))))

    def whole(self) -> Iterator[_Noted]:
        """Give all that is remembered, to be taken by who knows nothing of it."""
        for name, at in self.conditions.items():
            yield _Noted(at=at, condition=name)
        for name, at in self.cut.items():
            yield _Noted(at=at, cut=name)
        if self.alarmed is not None:
            yield _Noted(at=self.alarmed, alarm=True)
        for (groups, cell), spans in self.spans.items():
            for (span, variant), (count, at) in spans.items():
                cells = ((groups, cell, count),)
                yield _Noted(at=at, span=span, variant=variant, cells=cells)


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
        self,
        patience: Patience,
        clock: Callable[[], float] = monotonic,
        shared: ToldCounts | None = None,
    ) -> None:
        self._patience = patience
        # Of one machine all processes have the same monotonic clock.
        self._clock = clock
        self._shared = shared
        window = patience.hours * 3600
        self._again = window * AGAIN if shared else 0.0
        self._window = window + self._again
        self._units: OrderedDict[tuple[str, str], _Told] = OrderedDict()

    @contextmanager
    def turn(self, inquiry: Inquiry, type_name: str) -> Iterator[None]:
        """Let no other process decide on the unit and type meanwhile.

        Raises `RecordUnavailableError` where what it was told cannot be looked up.
        """
        if self._shared is None:
            yield
            return
        told = self._told(inquiry, type_name)
        with self._shared.turn(f"{inquiry.principal.unit} {type_name}") as turn:
            lines, place = turn.since(told.place)
            # All of them or none: what is passed over is never read again.
            for one in _read(lines):
                told.take(one)
            told.place = place
            try:
                yield
            finally:
                turn.add(map(msgspec.json.encode, told.noted))
                told.noted.clear()
            if turn.large:
                turn.replace(map(msgspec.json.encode, told.whole()))

    def admit(self, inquiry: Inquiry, type_name: str, condition: Hashable) -> None:
        """Note that *condition* is asked; raise `NarrowingError` where it is too much.

        A condition that was answered before is answered again.
        """
        told, name = self._told(inquiry, type_name), repr(condition)
        if name not in told.conditions:
            asked = len(told.conditions)
            if told.alarmed is None and asked >= self._patience.conditions:
                self._alarm(inquiry, type_name, told)
            if told.alarmed is not None:
                inquiry.findings.append(self._finding())
                raise self._refused(type_name)
        now = self._clock()
        if not self._lately(told.conditions.get(name), now):
            self._take(told, _Noted(at=now, condition=name))

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

        def known(groups: Groups, cell: Cell, count: int) -> bool:
            before = told.spans.get((groups, cell), {}).get(place)
            return (
                before is not None
                and before[0] == count
                and self._lately(before[1], now)
            )

        new = tuple(one for one in cells if not known(*one))
        if new:
            one = _Noted(at=now, span=asked.span, variant=asked.variant, cells=new)
            self._take(told, one)

    def cut(self, inquiry: Inquiry, type_name: str, condition: Hashable) -> None:
        """Note that the answer to *condition* was cut; often enough is an alarm."""
        told, name, now = self._told(inquiry, type_name), repr(condition), self._clock()
        if not self._lately(told.cut.get(name), now):
            self._take(told, _Noted(at=now, cut=name))
        if len(told.cut) >= self._patience.cut and told.alarmed is None:
            self._alarm(inquiry, type_name, told)
            inquiry.findings.append(self._finding())

    def _lately(self, at: float | None, now: float) -> bool:
        """Say whether what was noted then, if ever, need not be noted again."""
        return at is not None and at > now - self._again

    def _take(self, told: _Told, noted: _Noted) -> None:
        told.take(noted)
        if self._shared is not None:
            told.noted.append(noted)

    def _refused(self, type_name: str) -> NarrowingError:
        return NarrowingError(
            f"对 {type_name} 反复缩小统计条件，已报警；"
            f"{self._patience.hours:g} 小时内只回答此前问过的条件",
            f"counts of {type_name} were narrowed repeatedly and an alarm was "
            f"raised; for {self._patience.hours:g} hours only conditions asked "
            "before are answered",
        )

    def _alarm(self, inquiry: Inquiry, type_name: str, told: _Told) -> None:
        self._take(told, _Noted(at=self._clock(), alarm=True))
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
        oldest = self._clock() - self._window
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


def _read(lines: Iterable[bytes]) -> Iterable[_Noted]:
    """Read all *lines*; raise `RecordUnavailableError` if one cannot be read."""
    try:
        return [_READ.decode(line) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordUnavailableError(
            "此前给出过哪些统计数的记录已损坏，因此现在不给，请联系运维人员",
            "the notes of what counts were told before are damaged, so none are given; "
            "ask the operator",
        ) from error


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
