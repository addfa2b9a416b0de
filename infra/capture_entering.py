"""Captured rows entered: each as its department would have, whatever became of it.

Decisions of one case are entered one after the other, by day; cases beside each other.
What the ledger would refuse becomes work on the row, and no other row waits for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

import msgspec

from zhitong.connectors.binding import VoidMap
from zhitong.connectors.capture_book import (
    CaptureBook,
    Item,
    Known,
    Noted,
    Stands,
    Waiting,
)
from zhitong.connectors.capture_table import CapturedRow
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import Decision
from zhitong.exceptions import (
    CaptureBackwardsError,
    CaptureDiffersError,
    CaptureKeyReusedError,
    CaptureKeyTwiceError,
    CaptureManyError,
    CaptureRevivedError,
    CaptureRowError,
    DecisionConflictError,
    DecisionError,
    DecisionFormatError,
    DecisionStaleError,
    ZhitongError,
)
from zhitong.resolvers.captured import captured, changed
from zhitong.resolvers.decisions import Correction, Decisions, Withdrawal
from zhitong.rules.placeholders import without_placeholders
from zhitong.rules.resident_ids import without_resident_ids
from zhitong.types import Principal

There = Callable[[Sequence[str]], Awaitable[frozenset[str]]]
"""Says which keys are decisions in the table now."""

AT_ONCE = 4
"""Cases entered beside each other."""
NAMED = 20
"""Fields named in the reason of a correction."""


class Step(StrEnum):
    """What becomes of a row; those that are not done are work."""

    RECORDED = "recorded"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    FOUND = "found"
    """It stands in the ledger as it is."""
    HISTORY = "history"
    """It stands there otherwise, from before the platform or the binding's change; what
    receivers had is left alone."""
    PASSED = "passed"
    """It was void before it was ever registered."""
    REUSED = "reused"
    SHARED = "shared"
    BACKWARDS = "backwards"
    REVIVED = "revived"
    DIFFERS = "differs"
    MANY = "many"
    REFUSED = "refused"
    AGAIN = "again"
    """Somebody else was at it in this moment."""


CHANGES = frozenset({Step.CORRECTED, Step.WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row put together, with what is known of it."""

    row: CapturedRow
    decision: Decision
    content_hash: str
    known: Known | None
    settled: str
    adopting: bool = False
    rivals: Sequence[str] = ()
    """Other rows that are of the same decision, by their local id."""


@dataclass(slots=True)
class Outcome:
    """What became of rows, to be noted."""

    allowed: int
    """How many decisions may be changed without asking anybody."""
    changed: int = 0
    noted: list[Noted] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    steps: Counter[Step] = field(default_factory=Counter)

    def may_change(self) -> bool:
        """Count one that is to be changed; False: it would be one too many."""
        may = self.changed < self.allowed
        self.changed += may
        return may


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """Enters rows of one source as its department's own system."""

    decisions: Decisions
    book: CaptureBook
    sealing: Sealing
    principal: Principal
    source: str
    keeps_cases: bool
    there: There
    void: VoidMap | None
    overlap: int = 0
    """By how much a version may be less than it was: see `VersionMap`."""

    async def enter(
        self,
        rows: Sequence[CapturedRow],
        known: Mapping[str, Known],
        waiting: Mapping[str, Waiting],
        *,
        allowed: int,
        adopting: bool = False,
    ) -> Outcome:
        """Enter *rows*; raise what keeps all of them from being entered.

        What was entered before that is found standing the next time. *Adopting*, known
        rows that differ are taken as they are: they are read otherwise than before. No
        more than *allowed* decisions are changed; what is more is work.
        """
        outcome = Outcome(allowed=allowed)
        read: list[_Row] = []
        for row in rows:
            settled = self._settled(row, waiting.get(row.key))
            try:
                one = self._read(row, known.get(row.key), settled)
            except DecisionError as error:
                self._refused(outcome, row, error)
            else:
                read.append(replace(one, adopting=adopting))
        standing = await self.book.standing(str(one.decision.id) for one in read)
        rows_of = await self._rows_of(read)
        cases: dict[str, list[_Row]] = defaultdict(list)
        for one in sorted(read, key=lambda each: each.decision.decided_on):
            rivals = sorted(rows_of[str(one.decision.id)] - {one.row.key})
            cases[one.decision.case_key].append(replace(one, rivals=rivals))
        turns = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for case in cases.values():
                group.create_task(self._case(turns, case, standing, outcome))
        return outcome

    def _settled(self, row: CapturedRow, item: Waiting | None) -> str:
        """Give what somebody has said that a row is: as it is, he has seen no other."""
        if item is None or item.fingerprint != self.book.sealed(row.fingerprint):
            return ""
        return item.settled

    async def _rows_of(self, read: Sequence[_Row]) -> Mapping[str, set[str]]:
        """Name the rows of each decision: of one local id there may be several."""
        rows_of: dict[str, set[str]] = defaultdict(set)
        for one in read:
            rows_of[str(one.decision.id)].add(one.row.key)
        holders = await self.book.holders(list(rows_of))
        # What is read here is of the decision that it says now.
        elsewhere = holders.keys() - {one.row.key for one in read}
        standing = await self.there(sorted(elsewhere)) if elsewhere else frozenset()
        for key in standing:
            rows_of[holders[key]].add(key)
        return rows_of

    def _read(self, row: CapturedRow, known: Known | None, settled: str) -> _Row:
        values = row.values
        for name in row.unread:
            raise DecisionFormatError(
                f"{name} 写了值，但读不成：请该部门核对这一行",
                f"{name} has a value that cannot be read: look at the row",
                field=name,
            )
        local = known.local_id if known else str(values.get("localId") or row.key)
        if settled == "another":
            # A number may be anything there, a person's ID number too.
            number = without_resident_ids(str(values.get("documentNo") or ""))
            local = f"{row.key}#{number}"
            if known and known.local_id.startswith(local):  # taken anew once more
                local = f"{known.local_id}#"
        said = captured(values, local, self.source, keeps_cases=self.keeps_cases)
        limits = self.decisions.checks.limits
        decision = without_placeholders(said, limits.placeholders)
        hashed = self.decisions.ledger.content_hash(decision)
        return _Row(
            row=row,
            decision=decision,
            content_hash=hashed,
            known=known,
            settled=settled,
        )

    async def _case(
        self,
        turns: asyncio.Semaphore,
        case: Sequence[_Row],
        standing: Mapping[str, Stands],
        outcome: Outcome,
    ) -> None:
        async with turns:
            for one in case:
                stands = standing.get(str(one.decision.id))
                try:
                    step, version = await self._do(one, stands, outcome)
                except (DecisionConflictError, DecisionStaleError):
                    outcome.steps[Step.AGAIN] += 1
                    continue
                except (DecisionError, CaptureRowError) as error:
                    self._refused(outcome, one.row, error, one.decision.id)
                    continue
                outcome.steps[step] += 1
                outcome.noted.append(
                    Noted(
                        key=one.row.key,
                        local_id=one.decision.local_id,
                        decision_id=(
                            None if step is Step.PASSED else str(one.decision.id)
                        ),
                        fingerprint=self.book.sealed(one.row.fingerprint),
                        agrees=step is not Step.HISTORY,
                        row_version=one.row.version,
                        version=version,
                    )
                )

    async def _do(
        self, one: _Row, stands: Stands | None, outcome: Outcome
    ) -> tuple[Step, int | None]:
        """Do what is to be done with a row; say which version of it stands then."""
        step = self.judge(one, stands)
        asked = one.settled == "correction"
        if step in CHANGES and not asked and not outcome.may_change():
            step = Step.MANY
        match step:
            case Step.RECORDED:
                made = await self.decisions.record(self.principal, one.decision)
                return (Step.FOUND if made.replayed else step), made.version
            case Step.CORRECTED:
                assert stands is not None  # noqa: S101 - judged so
                return step, await self._correct(one, stands)
            case Step.WITHDRAWN:
                return step, await self._withdraw(one)
            case Step.FOUND | Step.HISTORY | Step.PASSED:
                return step, stands.version if stands else None
            case _:
                raise _work(step, one, stands)

    def judge(self, one: _Row, stands: Stands | None) -> Step:
        """Say what becomes of a row, by what stands in the ledger under its id."""
        known, void = one.known, one.row.void
        moved = (
            known is not None
            and known.decision_id not in {None, str(one.decision.id)}
            and one.settled != "another"
        )
        if moved:
            return Step.REUSED
        meant = one.settled == "correction"
        if stands is None:
            alone = meant or not one.rivals
            return Step.PASSED if void else Step.RECORDED if alone else Step.SHARED
        if stands.withdrawn:
            return Step.FOUND if void else Step.REVIVED
        same = stands.content_hash == one.content_hash
        if same and not void:
            return Step.FOUND
        odd = None if meant else self._odd(one, stands, same=same)
        if odd is not None:
            return odd
        if void:
            return Step.WITHDRAWN
        if one.adopting if known else stands.history:
            return Step.HISTORY
        theirs = not meant and self._theirs(one, stands)
        return Step.DIFFERS if theirs else Step.CORRECTED

    def _odd(self, one: _Row, stands: Stands, *, same: bool) -> Step | None:
        """Say what keeps a row from changing what stands, unless somebody says so."""
        if one.rivals:
            return Step.SHARED
        if not same and self._another(one, stands):
            return Step.REUSED
        return Step.BACKWARDS if self._backwards(one) else None

    def _theirs(self, one: _Row, stands: Stands) -> bool:
        """Say whether a call has said what stands, and a row knows nothing of it."""
        known = one.known
        # What the capture made and could not note is its own to correct; what a call
        # has said since the row was noted is not undone by what the row says of old.
        since = known is None or stands.version > (known.version or 0)
        return since and stands.who != self.principal.person

    def _another(self, one: _Row, stands: Stands) -> bool:
        """Say whether a row is another decision than the one that stands.

        One that was corrected has kept its number, or everything but its number.
        """
        decision = one.decision
        if stands.same_number(decision):
            day = decision.decided_on == stands.decided_on
            return not day and not stands.same_party(decision, self.sealing.person)
        numbered = msgspec.structs.replace(decision, document_no=stands.document_no)
        hashed = self.decisions.ledger.content_hash(numbered)
        return hashed != stands.content_hash

    def _backwards(self, one: _Row) -> bool:
        """Say whether a row is older than it was, by more than clocks may differ."""
        seen, now = one.known.row_version if one.known else None, one.row.version
        return seen is not None and now is not None and now < seen - self.overlap

    async def _correct(self, one: _Row, stands: Stands) -> int:
        held = await self.decisions.ledger.held(one.decision.id)
        names = list(changed(held.decision, one.decision)) if held else []
        told = "、".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
        made = await self.decisions.correct(
            self.principal,
            Correction(
                decision_id=one.decision.id,
                version=stands.version,
                decision=one.decision,
                reason=f"来源系统中的记录已变动（采集）：{told}",
            ),
        )
        return made.version

    async def _withdraw(self, one: _Row) -> int:
        assert self.void is not None  # noqa: S101 - no row is void without
        made = await self.decisions.withdraw(
            self.principal,
            Withdrawal(
                decision_id=one.decision.id,
                reason=self.void.reason,
                basis=self.void.basis,
            ),
        )
        return made.version

    def _refused(
        self,
        outcome: Outcome,
        row: CapturedRow,
        error: ZhitongError,
        decision_id: UUID | None = None,
    ) -> None:
        outcome.steps[Step.REFUSED] += 1
        outcome.items.append(
            Item(
                key=row.key,
                code=error.code,
                zh=error.label.zh,
                en=error.label.en,
                fingerprint=self.book.sealed(row.fingerprint),
                decision_id=str(decision_id) if decision_id else None,
            )
        )


def _work(step: Step, one: _Row, stands: Stands | None) -> CaptureRowError:
    key = one.row.key
    if step is Step.REVIVED:
        return CaptureRevivedError(
            f"{key}：台账中已撤销，来源表中仍是有效的；重新作出的请以 another 处理",
            f"{key}: is withdrawn in the ledger and stands in the table; settle it as "
            "another where it was taken anew",
        )
    if step is Step.BACKWARDS:
        return CaptureBackwardsError(
            f"{key}：内容变了，版本却比上次看到的旧，可能是恢复了备份或读到了滞后的副本；"
            "确是更正的请以 correction 处理",
            f"{key}: has changed, and its version is older than it was: a restored "
            "backup or a replica that lags; settle it as a correction where it is one",
        )
    if step is Step.DIFFERS:
        return CaptureDiffersError(
            f"{key}：该部门自己登记或更正过这件决定，内容与表中不同；以表为准的请以 "
            "correction 处理",
            f"{key}: was registered or corrected by a call, otherwise than the table "
            "has it; settle it as a correction where the table is right",
        )
    if step is Step.MANY:
        return CaptureManyError(
            f"{key}：一次变动的决定太多，未更正：可能恢复了备份，或整列改写；确是更正的"
            "请以 settle … '*' correction 处理",
            f"{key}: too many decisions changed at once, this one was left alone: a "
            "restored backup, or a column filled anew; settle '*' as a correction "
            "where they are corrections",
        )
    if step is Step.SHARED:
        others = "、".join(one.rivals[:NAMED])
        return CaptureKeyTwiceError(
            f"{key}：与另一行（{others}）是同一件决定（localId 相同），未登记；以这一"
            "行为准的请以 correction 处理",
            f"{key}: another row ({others}) is of the same decision, by its local id; "
            "settle it as a correction where this row is right",
        )
    # A number may be anything there, a person's ID number too.
    before = without_resident_ids(stands.document_no) if stands else ""
    after = without_resident_ids(one.decision.document_no)
    return CaptureKeyReusedError(
        f"{key}：同一主键下是另一件决定（原文号 {before}，现为 "
        f"{after}）；没有改动原决定，请以 correction 或 another "
        "处理",
        f"{key}: another decision stands under a known key (it was number {before}, is "
        f"{after}); the first was left alone: settle it as a "
        "correction or as another",
    )
