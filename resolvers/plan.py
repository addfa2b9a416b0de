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
from typing import Any

from zhitong.resolvers.acts import below
from zhitong.resolvers.asking import Asking
from zhitong.resolvers.assemble import Assembling, Values
from zhitong.resolvers.levels import Level
from zhitong.resolvers.outcome import Outcome
from zhitong.resolvers.plan_generated import Assemble
from zhitong.resolvers.plane import Plane, PythonPlane
from zhitong.resolvers.selection import Bound, Selection
from zhitong.resolvers.steps import Step, steps_of

MOST_PLANS = 1_024


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
        return Assembling(run.values).outcome(self.selection.root)


ROOT = Level((None,), (1,))
"""The query itself: its fields stand below no object."""


@dataclass(frozen=True, slots=True)
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
        if not level.owners:
            return
        if len(steps) == 1:
            await self._take(steps[0], level)
            return
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(self._take(step, level))

    async def _take(self, step: Step, level: Level) -> None:
        """Find the values of a step for all of *level*, and go on from them."""
        values = await self._found(step, level)
        self.wrong.extend(one for one in values if isinstance(one, Exception))
        if not step.passes:
            found = dict(zip(map(id, level.owners), values, strict=True))
            self.values[step.part.tag] = found
        if not step.below:
            return
        standing = _standing(step, values, level.times)
        if len(standing) == 1:
            ((name, below),) = standing.items()
            await self.go(step.below[name], below)
            return
        async with asyncio.TaskGroup() as group:
            for name, below in standing.items():
                group.create_task(self.go(step.below[name], below))

    async def _found(self, step: Step, level: Level) -> Sequence[object]:
        """Find one value for each object, or the exception that stands for it."""
        part = step.part
        argument = None if part.bound is None else self.bound[part.bound]
        if isinstance(argument, Exception):
            return [argument] * len(level.owners)
        try:
            if step.passes:
                return [getattr(owner, step.passes) for owner in level.owners]
            places = step.asked(self.weigh)
            return await below(self.asking, part, places, argument, level)
        except Exception as error:  # noqa: BLE001 - it is told where the field stands
            return [error] * len(level.owners)


def _standing(
    step: Step, values: Sequence[Any], times: Sequence[int]
) -> Mapping[str, Level]:
    """Gather what was found, by type: each object once, with how often it stands."""
    counts: dict[int, int] = {}
    objects: dict[int, Any] = {}
    for value, repeated in zip(values, times, strict=True):
        if value is None or isinstance(value, Exception):
            continue
        for one in value if step.part.items else (value,):
            objects[id(one)] = one
            counts[id(one)] = counts.get(id(one), 0) + repeated
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

    def __init__(self, most: int = MOST_PLANS, plane: Plane | None = None) -> None:
        self._most = most
        self._plane = plane or PythonPlane()
        self._plans: OrderedDict[Selection, Plan] = OrderedDict()

    def plan(self, selection: Selection, asking: Asking) -> Plan:  # noqa: ARG002 - who asks decides what may be kept of the read
        """Give the plan of *selection*, made at its first question."""
        known = self._plans.get(selection)
        if known is None:
            known = Plan(
                selection=selection,
                steps=steps_of(selection),
                assemble=self._plane.compile(selection),
            )
            self._plans[selection] = known
            if len(self._plans) > self._most:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(selection)
        return known
