"""A scripted month of sharing grants: `make grants-month`.

Applications of five units to three owners go through every state and clock in
simulated time, into a real PostgreSQL, by the same code that the gateway runs. Some
steps are sent twice, some by who may not, some cannot be. Then everything is counted
again in SQL from the steps alone, and against the script.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
from grants_recount import Recount, recount

from zhitong.connectors.grants import PlatformGrants
from zhitong.connectors.memory import MemorySource, Table
from zhitong.connectors.migrations import migrate
from zhitong.exceptions import ZhitongError
from zhitong.grants import GrantMode, GrantState, GrantStep, Terms
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.embedded import Cluster, clean
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.resolvers.grants import Grants
from zhitong.rules.working_days import CHINA
from zhitong.schema.entities import ENTITIES
from zhitong.types import MANAGER, OPERATOR, STEWARD, Label, Principal

SEED = 809
BEGIN = datetime(2026, 9, 15, 9, tzinfo=CHINA)
"""So that a holiday week and both its worked weekend days lie in the month."""
MONTH = timedelta(days=30)
END = datetime(2027, 6, 1, tzinfo=CHINA)
"""Long after: what is due in 2027 is provisional, what is open by then is late."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OWNERS = ("market", "justice", "transport")
UNITS = ("tax", "police", "audit", "court", "dongling")
ITEMS = {
    "conditional": {"Counterparty": frozenset({"phone", "address"})},
    "unconditional": {"Counterparty": frozenset({"industry", "status"})},
}
A = GrantStep
TO_REVIEW = (A.PASS,)
TO_REPLY = (*TO_REVIEW, A.AGREE)
TO_FORCE = (*TO_REPLY, A.PROVIDE)
SCRIPTS: tuple[tuple[GrantState, tuple[GrantStep, ...]], ...] = (
    (GrantState.IN_FORCE, TO_FORCE),
    (GrantState.REVOKED, (*TO_FORCE, A.REVOKE)),
    (GrantState.EXPIRED, (*TO_FORCE, A.EXPIRE)),
    (GrantState.WITHDRAWN, (*TO_FORCE, A.WITHDRAW)),
    (GrantState.IN_FORCE, (A.RETURN, A.SUPPLEMENT, *TO_FORCE)),
    (GrantState.REFUSED, (*TO_REVIEW, A.REFUSE)),
    (GrantState.REFUSED, (*TO_REVIEW, A.REFUSE, A.DISPUTE, A.UPHOLD)),
    (GrantState.IN_FORCE, (*TO_REVIEW, A.REFUSE, A.DISPUTE, A.OVERTURN, A.PROVIDE)),
    (GrantState.EXPIRED, (*TO_REPLY, A.EXPIRE)),
    (GrantState.REVOKED, (*TO_REPLY, A.REVOKE)),
    (GrantState.WITHDRAWN, (A.WITHDRAW,)),
    (GrantState.WITHDRAWN, (A.RETURN, A.WITHDRAW)),
    (GrantState.WITHDRAWN, (*TO_REVIEW, A.WITHDRAW)),
    (GrantState.WITHDRAWN, (*TO_REPLY, A.WITHDRAW)),
    (GrantState.APPLIED, ()),
    (GrantState.INCOMPLETE, (A.RETURN,)),
    (GrantState.REVIEWED, TO_REVIEW),
    (GrantState.AGREED, TO_REPLY),
    (GrantState.DISPUTED, (*TO_REVIEW, A.REFUSE, A.DISPUTE)),
    (GrantState.IN_FORCE, TO_FORCE),
)
"""Where an application ends, and by which steps: each way through the states."""
BY = {
    A.APPLY: "applicant",
    A.RETURN: "authority",
    A.SUPPLEMENT: "applicant",
    A.PASS: "authority",
    A.AGREE: "owner",
    A.REFUSE: "owner",
    A.PROVIDE: "owner",
    A.REVOKE: "owner",
    A.WITHDRAW: "applicant",
    A.DISPUTE: "applicant",
    A.UPHOLD: "authority",
    A.OVERTURN: "authority",
}
DELAYS = (2 * HOUR, 20 * HOUR, DAY, 3 * DAY, 8 * DAY, 15 * DAY, 33 * DAY)


def person(kind: str, unit: str, role: str = "user") -> Principal:
    """Make somebody of *unit*."""
    return Principal(
        kind=kind, unit=unit, unit_name=unit, person=f"{role} of {unit}", role=role
    )


AUTHORITY = person("data-authority", "authority", MANAGER)
OPERATING = person("operator", "operations", OPERATOR)


@dataclass(slots=True)
class Clock:
    """The simulated time."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        """Give it."""
        return self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One application: whose, to whom, what, and when each step is taken."""

    id: str
    unit: str
    owner: str
    items: str
    end: GrantState
    steps: tuple[tuple[datetime, GrantStep], ...]
    valid_to: datetime

    def who(self, step: GrantStep) -> Principal:
        """Say who takes *step*."""
        if BY[step] == "authority":
            return AUTHORITY
        if BY[step] == "owner":
            return person("own-officer", self.owner, STEWARD)
        return person("own-officer", self.unit)

    @property
    def terms(self) -> Terms:
        """Say what is applied for."""
        return Terms(
            owner=self.owner,
            fields=ITEMS[self.items],
            lookups={},
            purpose="inspection",
            basis="依据",
            scene="场景",
            mode=GrantMode.INTERFACE,
            valid_from=BEGIN,
            valid_to=self.valid_to,
        )


@dataclass(slots=True)
class Tally:
    """What was done, and what was refused with which code."""

    done: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def scripts(count: int, seed: int = SEED) -> Iterator[Script]:
    """Write *count* applications, the same for the same *seed*."""
    random_ = random.Random(seed)  # noqa: S311 - a script, no secret
    for number in range(count):
        end, path = SCRIPTS[number % len(SCRIPTS)]
        at = BEGIN + MONTH * random_.random()
        steps = [(at, A.APPLY)]
        for step in path:
            at += random_.choice(DELAYS) + random_.random() * HOUR
            if step is not A.EXPIRE:
                steps.append((at, step))
        # What is to run out does so soon after its last step; the rest outlives us.
        over = steps[-1][0] + 5 * DAY if A.EXPIRE in path else END + MONTH
        yield Script(
            id=f"grant-{number:04d}",
            unit=random_.choice(UNITS),
            owner=random_.choice(OWNERS),
            items=random_.choice(list(ITEMS)),
            end=end,
            steps=tuple(steps),
            valid_to=over,
        )


class Month:
    """The month as it is played."""

    def __init__(self, grants: Grants, clock: Clock, wanted: list[Script]) -> None:
        self._grants = grants
        self._clock = clock
        self._wanted = wanted
        self.tally = Tally()

    async def play(self) -> None:
        """Take every step at its time, and note each midnight what has run out."""
        due: list[tuple[datetime, int, int]] = [
            (at, number, place)
            for number, one in enumerate(self._wanted)
            for place, (at, _) in enumerate(one.steps)
        ]
        heapq.heapify(due)
        midnight = BEGIN
        while due:
            at, number, place = heapq.heappop(due)
            while midnight <= at:
                await self._midnight(midnight)
                midnight += DAY
            self._clock.now = at
            await self._step(self._wanted[number], place)
        while midnight <= END:
            await self._midnight(midnight)
            midnight += DAY
        self._clock.now = END

    async def _midnight(self, at: datetime) -> None:
        self._clock.now = at
        self.tally.done[A.EXPIRE] += await self._grants.expire()

    async def _step(self, one: Script, place: int) -> None:
        step = one.steps[place][1]
        await self._wrongly(one, place)
        times = 2 if place % 3 == 0 else 1  # some are sent again: the line was bad
        for again in range(times):
            taken = await self._take(one, step, place)
            if taken != bool(again):
                self.tally.faults.append(f"{one.id} {step}: replayed is {taken}")

    async def _take(self, one: Script, step: GrantStep, place: int) -> bool:
        who = one.who(step)
        if step is A.APPLY:
            taken = await self._grants.apply(who, one.id, one.terms)
        else:
            terms = one.terms if step is A.SUPPLEMENT else None
            taken = await self._grants.step(
                who, one.id, place, step, reason=f"理由：{step}", terms=terms
            )
        if taken.replayed:
            self.tally.replayed += 1
        else:
            self.tally.done[step] += 1
        return taken.replayed

    async def _wrongly(self, one: Script, place: int) -> None:
        """Try before each step what may not be, and expect each by its code."""
        step = one.steps[place][1]
        if step is A.APPLY:
            await self._refused("FORBIDDEN", OPERATING, one, A.APPLY, place)
            return
        await self._refused("GRANT_UNKNOWN", OPERATING, one, step, place)
        if step is A.AGREE:
            own = person("own-officer", one.unit, STEWARD)
            await self._refused("FORBIDDEN", own, one, step, place)
        if step is A.PASS:
            own = Principal(
                kind="data-authority",
                unit="authority",
                unit_name="authority",
                person=one.who(A.APPLY).person,
                role=MANAGER,
            )
            await self._refused("GRANT_OWN", own, one, step, place)
        if step is A.PROVIDE:
            await self._refused("GRANT_STATE", AUTHORITY, one, A.UPHOLD, place)
            await self._refused("GRANT_STALE", one.who(step), one, step, place + 1)

    async def _refused(
        self, code: str, who: Principal, one: Script, step: GrantStep, version: int
    ) -> None:
        try:
            if step is A.APPLY:
                await self._grants.apply(who, one.id, one.terms)
            else:
                await self._grants.step(who, one.id, version, step, reason="理由")
        except ZhitongError as error:
            self.tally.refused[error.code] += 1
            if error.code == code:
                return
            self.tally.faults.append(f"{one.id} {step}: {error.code}, not {code}")
        else:
            self.tally.faults.append(f"{one.id} {step}: taken, not {code}")


def grants(pool: asyncpg.Pool[asyncpg.Record], clock: Clock) -> Grants:
    """Put together what the gateway runs, over owners in memory."""
    settings = Settings()
    policy = read_policy(settings.policy, ENTITIES)
    entity = ENTITIES["Counterparty"]
    sources: dict[str, MemorySource] = {}
    for owner in OWNERS:
        table = Table(
            entity=entity, key=entity.key, rows=[], feeds=frozenset(entity.fields)
        )
        sources[owner] = MemorySource(owner, Label(owner, owner), [table])
        sources[owner].owner = owner
    return Grants(
        book=PlatformGrants(pool),
        entities=ENTITIES,
        sources=lambda: sources,
        clocks=read_clocks(settings.calendar),
        applicants=policy.grant_applicants,
        purposes=policy.purposes,
        receivers=dict,
        clock=clock,
    )


async def run(url: str, count: int, seed: int = SEED) -> tuple[Tally, Recount]:
    """Play *count* applications into the empty database at *url*, and count again."""
    await migrate(url, MIGRATIONS, "anze")
    clock, wanted = Clock(), list(scripts(count, seed))
    as_gateway = {"role": "zhitong_gateway"}
    async with asyncpg.create_pool(
        url, min_size=1, max_size=4, server_settings=as_gateway
    ) as pool:
        month = Month(grants(pool, clock), clock, wanted)
        await month.play()
    found = await recount(url, Settings().calendar, END)
    _against_script(wanted, month.tally, found)
    return month.tally, found


def _against_script(wanted: list[Script], tally: Tally, found: Recount) -> None:
    """Compare the recount with what the script was to come to."""
    ends: Mapping[str, int] = Counter(one.end.value for one in wanted)
    if ends != found.states:
        found.faults.append(f"states {dict(found.states)}, the script has {ends}")
    steps = sum(tally.done.values())
    if steps != found.steps:
        found.faults.append(f"{found.steps} steps stand there, {steps} were taken")


async def main(count: int, seed: int, *, named: bool) -> int:
    """Play the month on a server of its own; print what was counted; 1: it differs."""
    state = Path(tempfile.mkdtemp(prefix="grants-", dir=_folder()))
    try:
        url = await asyncio.to_thread(lambda: Cluster(state, ("month",)).start())
        tally, found = await run(url["month"], count, seed)
    finally:
        clean(state)
    faults = [*tally.faults, *found.faults]
    print(
        "\n".join(found.named) if named else "（--late 逐件列出 names each late duty）"
    )
    print(f"申请 applications {count}，步骤 steps {found.steps}")
    for label, counted in (
        ("办理 taken", tally.done),
        ("状态 states", found.states),
        ("逾期办理 done late", found.late),
        ("逾期未办 late and open", found.overdue),
        ("拒绝 refused", tally.refused),
    ):
        said = "，".join(f"{name} {number}" for name, number in sorted(counted.items()))
        print(f"{label}：{said}")
    print(
        f"重复提交 replayed {tally.replayed}，暂定期限 provisional {found.provisional}"
    )
    print(f"与另行计算的不符 differs from the recount: {len(faults)}")
    for fault in faults:
        print(f"  {fault}")
    return 1 if faults else 0


def _folder() -> Path:
    folder = Path(__file__).parents[1] / ".zhitong" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=SEED)
    arguments.add_argument("--late", action="store_true")
    given = arguments.parse_args()
    sys.exit(asyncio.run(main(given.count, given.seed, named=given.late)))
