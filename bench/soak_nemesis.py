"""Who does the faults: which, on whom, when and for how long, all drawn from the seed.

Each pass takes every kind once, in a new order; several are under way at a time, on
different places on purpose, never two on one. A fault is undone and seen to be healed
before the next strikes the same place.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from soak_kind import Kind
from soak_ledger import Ledger
from soak_world import BrokenError, World

HEALING_SECONDS = 300.0
"""What is not healed by then counts as a violation."""
_LOOK = 0.5
_STUCK_SECONDS = 60.0
"""After which it is noted how the groups of consumers are: the broker's log says
nothing of members that it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A fault as the seed has it."""

    kind: Kind
    place: str
    seconds: float
    pause: float
    """Before it strikes, after its place is free."""
    turn: int
    """Of which pass it is, from 0."""


@dataclass(slots=True, kw_only=True)
class Done:
    """A fault as it was: times by the wall's clock."""

    name: str
    place: str
    began: float
    undone: float = 0.0
    healed: float = 0.0
    shared: bool = False
    """Whether another one was there before it was healed: its time is not its own."""
    broken: str = ""
    """What it must not have broken, and has."""
    trouble: str = ""
    """What the nemesis itself could not do."""


def plan(kinds: Sequence[Kind], seed: int) -> Iterator[Planned]:
    """Draw faults from *seed* without an end, each kind once in every pass."""
    drawn = random.Random(f"faults {seed}")  # noqa: S311 - to be drawn again, not secret
    for turn in itertools.count() if kinds else ():
        for kind in drawn.sample(kinds, len(kinds)):
            yield Planned(
                kind=kind,
                place=drawn.choice(kind.places),
                seconds=drawn.uniform(*kind.lasts),
                pause=drawn.uniform(0.0, 1.5),
                turn=turn,
            )


class Nemesis:
    """Does what is planned, *lanes* of them at a time."""

    def __init__(
        self, world: World, planned: Iterator[Planned], lanes: int, ledger: Ledger
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._planned = planned
        self._lanes = lanes
        self._struck: set[str] = set()
        self._free = asyncio.Condition()
        self._on = 0
        self._enough = asyncio.Event()
        self.done: list[Done] = []

    async def run(self, until: float, passes: int) -> None:
        """Strike until that time of the wall's clock, and *passes* times each kind."""
        async with asyncio.TaskGroup() as group:
            for planned in self._planned:
                await self._room(planned)
                if self._enough.is_set():
                    break
                if time.time() >= until and planned.turn >= passes:
                    break
                self._struck.add(planned.place)
                group.create_task(self._strike(planned))
        await self.rest(until - time.time())

    async def rest(self, seconds: float) -> None:
        """Do nothing for so long, or until it was enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._enough.wait()

    def enough(self) -> None:
        """Strike no more; what is struck is healed, and all is compared."""
        self._enough.set()

    async def _room(self, planned: Planned) -> None:
        def there_is() -> bool:
            if planned.kind.alone:
                return not self._struck
            return planned.place not in self._struck and len(self._struck) < self._lanes

        async with self._free:
            await self._free.wait_for(there_is)
        if planned.kind.alone:
            self._struck |= {f"alone {lane}" for lane in range(self._lanes)}

    async def _strike(self, planned: Planned) -> None:
        await asyncio.sleep(planned.pause)
        done = Done(name=planned.kind.name, place=planned.place, began=time.time())
        self.done.append(done)
        self._ledger.note(strikes=asdict(done))
        self._on += 1
        try:
            try:
                async with planned.kind.enter(self._world, planned.place):
                    await asyncio.sleep(planned.seconds)
            except BrokenError as error:
                done.broken = str(error)
            except Exception as error:  # noqa: BLE001 - said in the report, and counted
                done.trouble = f"{type(error).__name__}: {error}"
            done.undone = time.time()
            await self._healed(done)
            self._ledger.note(fault=asdict(done))
        finally:
            self._on -= 1
            async with self._free:
                self._struck.discard(planned.place)
                if planned.kind.alone:
                    self._struck -= {s for s in self._struck if s.startswith("alone ")}
                self._free.notify_all()

    async def _healed(self, done: Done) -> None:
        looked = False
        while (waited := time.time() - done.undone) < HEALING_SECONDS:
            if waited > _STUCK_SECONDS and not looked:
                looked = True
                await self._world.note_groups(done.name)
            done.shared |= self._on > 1
            if await self._world.flows(done.undone):
                done.healed = time.time()
                return
            await asyncio.sleep(_LOOK)
