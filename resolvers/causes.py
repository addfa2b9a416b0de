"""The cause of a look: whether it is an open case of the caller's own unit.

For the kinds whose cases are in the graph the stated cause is looked up while the
question is answered. A cause that is none refuses nothing, for case systems lag behind;
it stands beside the look as a finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from zhitong.exceptions import ZhitongError
from zhitong.resolvers.own import caused, opened, platform
from zhitong.resolvers.read import Ask, Reader
from zhitong.resolvers.records import Recorder
from zhitong.types import (
    SOURCE_KEY,
    AccessFinding,
    EntityType,
    Inquiry,
    Keys,
    Label,
    Order,
    Principal,
)

PLATFORM = platform("事由核对")
PURPOSE = "cause-check"
CASE = "CaseRecord"
FIELDS = frozenset({"caseNo", "subjectCode", "status"})
"""What is read; the policy's rule for the platform names the same."""
CLOSED = frozenset({"CLOSED", "DISMISSED", "TRANSFERRED"})
KNOWN_SECONDS = 60.0
PATIENCE = 2.0
"""Seconds that an answer waits for its cause at most, beyond its own time."""
MOST_KNOWN = 10_000
MOST_CASES = 20
"""Cases of one number, over all systems, that are looked at."""
CONFIGURED = "configured rule：事由须是本单位在办案件"
NOT_OPEN = AccessFinding(
    check="cause-not-open-case",
    message=Label(
        "所写事由不是本单位的在办案件",
        "the stated cause is no open case of the caller's unit",
    ),
    source=CONFIGURED,
)
UNVERIFIED = AccessFinding(
    check="cause-unverified",
    message=Label(
        "事由未能核对：办案系统暂缺",
        "the cause could not be checked: a case system did not answer",
    ),
    source=CONFIGURED,
)


class Causes:
    """Looks causes up, each at most once a minute for one unit."""

    def __init__(
        self,
        reader: Reader,
        recorder: Recorder,
        entities: Mapping[str, EntityType],
        kinds: frozenset[str],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._entities = entities
        self._kinds = kinds
        self._clock = clock
        self._known: dict[
            tuple[str, str], tuple[float, asyncio.Task[AccessFinding | None]]
        ] = {}

    def checking(self, inquiry: Inquiry) -> asyncio.Task[AccessFinding | None] | None:
        """Begin to check the cause of *inquiry*; None where nothing is checked."""
        cause, unit = inquiry.occasion.cause, inquiry.principal.unit
        if not cause or inquiry.principal.kind not in self._kinds:
            return None
        began, task = self._known.get((unit, cause), (0.0, None))
        if task is not None and self._clock() - began < KNOWN_SECONDS:
            return task
        while len(self._known) >= MOST_KNOWN:
            self._known.pop(next(iter(self._known)))
        task = asyncio.create_task(self._check(inquiry.principal, cause))
        self._known.pop((unit, cause), None)
        self._known[unit, cause] = (self._clock(), task)
        task.add_done_callback(lambda done: self._keep((unit, cause), done))
        return task

    def _keep(
        self, name: tuple[str, str], done: asyncio.Task[AccessFinding | None]
    ) -> None:
        """Forget at once what says nothing: the next question asks again."""
        failed = done.cancelled() or done.exception() is not None
        if (failed or done.result() is UNVERIFIED) and self._known[name][1] is done:
            del self._known[name]

    async def add(
        self, inquiry: Inquiry, checking: asyncio.Task[AccessFinding | None] | None
    ) -> None:
        """Add to *inquiry* what a check that began has found; not for long."""
        if checking is None or not (inquiry.looks or inquiry.restrictions):
            return  # nothing was looked at, whatever the cause
        try:
            # Shielded: others may wait for the same, and the next finds it done.
            found = await asyncio.wait_for(asyncio.shield(checking), PATIENCE)
        except TimeoutError:
            found = UNVERIFIED
        if found is not None:
            inquiry.findings.append(found)

    async def _check(self, asking: Principal, cause: str) -> AccessFinding | None:
        basis = caused("核对其查阅事由", asking)
        inquiry = opened(PLATFORM, PURPOSE, cause, basis=basis)
        ask = Ask(
            entity=self._entities[CASE],
            fields=FIELDS,
            order=Order(SOURCE_KEY, descending=False),
            limit=MOST_CASES,
            keys=Keys("caseNo", (cause,)),
        )
        try:
            found = await self._reader.rows(inquiry, ask)
            await self._recorder.record(inquiry)
        except ZhitongError:
            return UNVERIFIED
        for row in found.rows:
            own = row.values["subjectCode"] == asking.unit
            if own and row.values["status"] not in {None, *CLOSED}:
                return None
        away = bool(found.missing or inquiry.gaps or inquiry.restrictions)
        return UNVERIFIED if away else NOT_OPEN
