"""Plans: how a selection is answered, worked out once and run for each question.

Each step is taken for a whole level of objects at once and waits for the one above it
alone, so that a department that is slow holds up its own branch and no other. What was
found is put together when all of it is there.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from opentelemetry import metrics

from zhitong.resolvers.acts import below
from zhitong.resolvers.asking import Asking
from zhitong.resolvers.assemble import Assembling, Values
from zhitong.resolvers.kept_by_size import MOST_DOCUMENTS
from zhitong.resolvers.levels import Level
from zhitong.resolvers.outcome import Outcome
from zhitong.resolvers.plan_generated import Assemble
from zhitong.resolvers.plane import Plane, PythonPlane
from zhitong.resolvers.selection import Bound, PageBelow, Selection
from zhitong.resolvers.steps import Step, steps_of

_METER = metrics.get_meter("zhitong.resolvers")
_CACHE = _METER.create_counter(
    "zhitong.plan.cache",
    description="Plans of documents: kept (hit), made (miss), let go (evicted)",
)
_COMPILE = _METER.create_histogram(
    "zhitong.plan.compile", unit="s", description="Time to make a plan"
)
_STRICT = _METER.create_counter(
    "zhitong.plan.strict",
    description="Answers that had something unusual, put together value by value",
)
_HIT, _MISS, _EVICTED = ({"outcome": one} for one in ("hit", "miss", "evicted"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A selection with its steps: everything that no question's values change."""

    selection: Selection
    steps: tuple[Step, ...]
    assemble: Assemble

    async def run(
        self, asking: Asking, bound: Bound, weigh: Callable[[str], int]
    ) -> Outcome:
        """Find what is asked, and put the answer together.

        *bound* are the arguments, *weigh* gives the weight of a variable's value.
        """
        run = _Run(asking, bound, weigh)
        await run.go(self.steps, ROOT)
        if not run.wrong:
            with suppress(Exception):  # it is unusual: the strict assembler says how
                return Outcome(self.assemble(run.values))
        _STRICT.add(1)
        return Assembling(run.values).outcome(self.selection.root)


ROOT = Level((None,), (1,))
"""The query itself: its fields stand below no object."""


@dataclass(slots=True)  # not frozen, for speed: made for every question
class _Run:
    """One question on its way through the steps of a plan."""

    asking: Asking
    bound: Bound
    weigh: Callable[[str], int]
    values: Values = field(default_factory=dict)
    wrong: list[Exception] = field(default_factory=list)
    """What stands in the place of values that could not be found."""

    async def go(self, steps: Sequence[Step], level: Level) -> None:
        """Take *steps* from the objects of *level*; none waits for another."""
        if not level.owners or not steps:
            return
        if len(steps) == 1:
            await self._take(steps[0], level)
            return
        async with asyncio.TaskGroup() as group:
            for step in steps[1:]:
                group.create_task(self._take(step, level))
            await self._take(steps[0], level)  # begun first, and without a task

    async def _take(self, step: Step, level: Level) -> None:
        """Find the values of a step for all of *level*, and go on from them."""
        values = await self._found(step, level)
        if not step.passes:
            found = dict(zip(map(id, level.owners), values, strict=True))
            self.values[step.part.tag] = found
        if not step.below:
            return
        standing = _standing(step, values, level.times)
        if len(standing) <= 1:
            for name, below in standing.items():
                await self.go(step.below[name], below)
            return
        async with asyncio.TaskGroup() as group:
            for name, below in standing.items():
                group.create_task(self.go(step.below[name], below))

    async def _found(self, step: Step, level: Level) -> Sequence[object]:
        """Find one value for each object, or the exception that stands for it."""
        part = step.part
        argument = None if part.bound is None else self.bound[part.bound]
        try:
            if step.passes:
                return [getattr(owner, step.passes) for owner in level.owners]
            places = step.asked(self.weigh)
            values = await below(self.asking, part, places, argument, level)
        except Exception as error:  # noqa: BLE001 - it is told where the field stands
            values = [error] * len(level.owners)
            self.wrong.append(error)
        if isinstance(part.role, PageBelow):  # a cursor fits one row and not the next
            self.wrong.extend(one for one in values if isinstance(one, Exception))
        return values


def _standing(
    step: Step, values: Sequence[Any], times: Sequence[int]
) -> Mapping[str, Level]:
    """Gather what was found, by type: each object once, with how often it stands."""
    counts: dict[int, int] = {}
    objects: dict[int, Any] = {}
    several = bool(step.part.items)
    for value, repeated in zip(values, times, strict=True):
        if value is None or isinstance(value, Exception):
            continue
        for one in value if several else (value,):
            place = id(one)
            objects[place] = one
            counts[place] = counts.get(place, 0) + repeated
    if len(step.part.below) == 1:
        owners = {name: list(objects.values()) for name in step.below}
    else:
        owners = {name: [] for name in step.below}
        for one in objects.values():
            if one.type in owners:
                owners[one.type].append(one)
    return {
        name: Level(some, [counts[id(one)] for one in some])
        for name, some in owners.items()
        if some
    }


class Plans:
    """The plans of the selections that were asked of late."""

    def __init__(self, most: int = MOST_DOCUMENTS, plane: Plane | None = None) -> None:
        self._most = most
        self._plane = plane or PythonPlane()
        self._plans: OrderedDict[Selection, Plan] = OrderedDict()

    def plan(self, selection: Selection) -> Plan:
        """Give the plan of *selection*, made at its first question.

        Nothing is awaited: of many that ask at one time one makes it for all.
        """
        known = self._plans.get(selection)
        if known is not None:
            self._plans.move_to_end(selection)
            _CACHE.add(1, _HIT)
            return known
        made = self._plans[selection] = self._made(selection)
        _CACHE.add(1, _MISS)
        if len(self._plans) > self._most:
            self._plans.popitem(last=False)
            _CACHE.add(1, _EVICTED)
        return made

    def forget(self, selection: Selection) -> None:
        """Let go of what was made of *selection*, which nobody keeps any more."""
        if self._plans.pop(selection, None) is not None:
            _CACHE.add(1, _EVICTED)

    def _made(self, selection: Selection) -> Plan:
        began = perf_counter()
        made = Plan(
            selection=selection,
            steps=steps_of(selection),
            assemble=self._plane.compile(selection),
        )
        _COMPILE.record(perf_counter() - began)
        return made
