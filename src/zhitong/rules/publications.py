"""Publications: how the publication of one decision in one channel stands.

- It is a value of what happened, whatever order that came in, once or twice: of each
  event about a version the first moment told counts.
- A correction is shown as a new version, and begins no new time.
- What is undone is withdrawn, with a reason; a change may be shown in its place.
- It is taken down after its time, or when it is repaired before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from zhitong.rules.due_days import DueDay, DueDays
from zhitong.rules.figures import Trigger
from zhitong.rules.publicity import (
    Channel,
    Facts,
    Reason,
    Verdict,
    about,
    publishable,
)
from zhitong.rules.working_days import day_of
from zhitong.types import Label


class What(StrEnum):
    """What can happen to a decision or its publication."""

    FILED = "FILED"
    DECIDED = "DECIDED"
    CHANGED = "CHANGED"
    """Its new version stands in the place of those before it."""
    REVOKED = "REVOKED"
    """It was revoked, or found illegal or void: nothing is to be shown."""
    REPAIRED = "REPAIRED"
    """The credit of its party is repaired 信用修复."""
    PUBLISHED = "PUBLISHED"
    """The channel shows the version."""
    WITHDRAWN = "WITHDRAWN"
    """The channel has withdrawn what came before the version."""
    TAKEN_DOWN = "TAKEN_DOWN"
    """The channel shows it no more: its time is over."""


OF_CHANNEL = frozenset({What.PUBLISHED, What.WITHDRAWN, What.TAKEN_DOWN})
"""What one channel says; the rest is true for each."""


class State(StrEnum):
    """How a publication stands."""

    NOT_SHOWN = "NOT_SHOWN"
    """It is not to be shown, and is not."""
    NOT_YET = "NOT_YET"
    LATE = "LATE"
    """It should be shown by now, and is not."""
    PUBLISHED = "PUBLISHED"
    CORRECTED = "CORRECTED"
    """A later version is shown than the first."""
    TO_WITHDRAW = "TO_WITHDRAW"
    WITHDRAWN = "WITHDRAWN"
    TO_TAKE_DOWN = "TO_TAKE_DOWN"
    """Its time is over, and it is still shown."""
    TAKEN_DOWN = "TAKEN_DOWN"


class Fault(StrEnum):
    """What does not fit together."""

    NEVER_PUBLISHED = "NEVER_PUBLISHED"
    NO_RULE = "NO_RULE"
    DECIDED_UNFILED = "DECIDED_UNFILED"
    NOT_TO_BE_SHOWN = "NOT_TO_BE_SHOWN"
    NO_REASON = "NO_REASON"
    REPAIRED_EARLY = "REPAIRED_EARLY"


FAULTS = {
    Fault.NEVER_PUBLISHED: Label(
        "撤回了从未公示的决定", "what was never published was withdrawn"
    ),
    Fault.NO_RULE: Label(
        "该渠道在决定之日没有公示规则",
        "the channel had no rule on the day of the decision",
    ),
    Fault.DECIDED_UNFILED: Label(
        "决定早于立案", "it was decided before its case was opened"
    ),
    Fault.NOT_TO_BE_SHOWN: Label(
        "公示了不应公示的决定", "what is not to be shown was published"
    ),
    Fault.NO_REASON: Label("撤回没有写明理由", "it was withdrawn without a reason"),
    Fault.REPAIRED_EARLY: Label(
        "最短公示期未满即修复", "it was repaired before it may be"
    ),
}

Moment: TypeAlias = datetime | date
"""A date is a day in China: of some events no more is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened."""

    what: What
    at: Moment
    version: int
    """Of the decision."""
    channel: str = ""
    """Whose word it is; empty: the ledger's."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """How a decision's publication in one channel stands, with all it rests on."""

    channel: str
    verdict: Verdict | None
    """None: it is not known to be decided."""
    version: int = 0
    """The latest that was shown; 0: none."""
    first: int = 0
    published: Moment | None = None
    """When it was shown first."""
    revoked: bool = False
    to_withdraw: DueDay | None = None
    """By when what was undone is to be away; None: no term, or nothing is to do."""
    pending: bool = False
    """What was undone is still shown."""
    withdrawn: Moment | None = None
    down_on: date | None = None
    """The last day it is shown; None: no end is set."""
    lasts: DueDay | None = None
    repaired: Moment | None = None
    taken_down: Moment | None = None
    site: bool = False
    """Whether the platform shows it itself: it ends with its last day."""
    faults: frozenset[Fault] = frozenset()

    @property
    def due(self) -> DueDay | None:
        """By when it was to be shown."""
        return self.verdict.due if self.verdict else None

    def late(self, now: datetime) -> bool:
        """Say whether it was, or is *now*, published too late."""
        if self.due is None or (self.published is None and self.revoked):
            return False
        return _day(now if self.published is None else self.published) > self.due.day

    def state(self, now: datetime) -> State:
        """Say how it stands *now*, which is after all that has happened."""
        if self.published is None:
            return self._unpublished(now)
        if self.taken_down is not None:
            return State.TAKEN_DOWN
        if self.pending:
            return State.TO_WITHDRAW
        if self.withdrawn is not None:
            return State.WITHDRAWN
        if self.down_on is not None and day_of(now) > self.down_on:
            return State.TAKEN_DOWN if self.site else State.TO_TAKE_DOWN
        return State.CORRECTED if self.version > self.first else State.PUBLISHED

    def _unpublished(self, now: datetime) -> State:
        if self.due is None or self.revoked:
            return State.NOT_SHOWN
        return State.LATE if self.late(now) else State.NOT_YET


def publication(
    channel: Channel, facts: Facts, happenings: Iterable[Happening], due_days: DueDays
) -> Publication:
    """Say how the publication of a decision in *channel* stands."""
    told = _Told(channel.name, happenings)
    decided = told.first(What.DECIDED)
    verdict = publishable(channel, facts, _day(decided), due_days) if decided else None
    shown = told.of(What.PUBLISHED)
    published = told.first(What.PUBLISHED)
    repaired = told.first(What.REPAIRED)
    lasts = _lasts(channel, facts, decided, published, due_days)
    waiting = [
        (version, at)
        for what, version, at in told.undone()
        if not told.away(what, version)
    ]
    figure = about(channel.withdrawn, facts)
    ends = [
        due
        for version, at in waiting
        if figure and (due := due_days.of(figure, told.since(version, at)))
    ]
    return Publication(
        channel=channel.name,
        verdict=verdict,
        version=max(shown, default=0),
        first=min(shown, default=0),
        published=published,
        revoked=bool(told.of(What.REVOKED)),
        to_withdraw=min(ends, key=lambda due: due.day, default=None),
        pending=bool(waiting),
        withdrawn=told.withdrawn(),
        down_on=_down(lasts, repaired, published),
        lasts=lasts,
        repaired=repaired,
        taken_down=told.first(What.TAKEN_DOWN),
        site=channel.site,
        faults=frozenset(_faults(channel, facts, told, verdict, due_days)),
    )


class _Told:
    """What was told of one channel and the ledger: the first moment of each."""

    def __init__(self, channel: str, happenings: Iterable[Happening]) -> None:
        self._at: dict[What, dict[int, Moment]] = {what: {} for what in What}
        self.reasons: set[int] = set()
        """The versions whose withdrawal says why."""
        for one in happenings:
            if one.what in OF_CHANNEL and one.channel != channel:
                continue
            if one.what is What.WITHDRAWN and one.reason.strip():
                self.reasons.add(one.version)
            before = self._at[one.what].get(one.version)
            if before is None or _moment(one.at) < _moment(before):
                self._at[one.what][one.version] = one.at

    def of(self, what: What) -> Mapping[int, Moment]:
        """Give when *what* happened to each version."""
        return self._at[what]

    def first(self, what: What) -> Moment | None:
        """Give when *what* happened first."""
        return min(self._at[what].values(), key=_moment, default=None)

    def undone(self) -> Iterator[tuple[What, int, Moment]]:
        """Give what undid a version that is shown, by its own version."""
        for what in (What.CHANGED, What.REVOKED):
            for version, at in self._at[what].items():
                if self._shown_before(version):
                    yield what, version, at

    def since(self, version: int, at: Moment) -> Moment:
        """Give from when what *version* undid is to go: not before it was shown."""
        return max(at, min(self._shown_before(version), key=_moment), key=_moment)

    def away(self, what: What, version: int) -> bool:
        """Say whether nothing is shown that *version* undid."""
        ends = list(self._at[What.TAKEN_DOWN].values())
        ends += self._from(What.WITHDRAWN, version)
        if what is What.CHANGED:
            ends += self._from(What.PUBLISHED, version)
        return any(
            all(not _before(end, shown) for shown in self._shown_before(version))
            for end in ends
        )

    def withdrawn(self) -> Moment | None:
        """Give when the channel withdrew it, unless it has shown a version since."""
        ends = self._at[What.WITHDRAWN]
        shown = self._at[What.PUBLISHED]
        if not ends or max(shown, default=0) >= max(ends):
            return None
        return ends[max(ends)]

    def _from(self, what: What, version: int) -> list[Moment]:
        return [at for one, at in self._at[what].items() if one >= version]

    def _shown_before(self, version: int) -> list[Moment]:
        shown = self._at[What.PUBLISHED]
        return [at for one, at in shown.items() if one < version]


def _lasts(
    channel: Channel,
    facts: Facts,
    decided: Moment | None,
    published: Moment | None,
    due_days: DueDays,
) -> DueDay | None:
    """Say how long it is shown, from the event that its figure runs from."""
    if decided is None or published is None:
        return None
    figure = channel.lasts(facts, _day(decided))
    if figure is None:
        return None
    start = decided if figure.starts is Trigger.DECIDED else published
    return due_days.of(figure, start)


def _down(
    lasts: DueDay | None, repaired: Moment | None, published: Moment | None
) -> date | None:
    if published is None:
        return None
    ends = [lasts.day] if lasts else []
    ends += [_day(repaired)] if repaired else []
    return min(ends, default=None)


def _faults(
    channel: Channel,
    facts: Facts,
    told: _Told,
    verdict: Verdict | None,
    due_days: DueDays,
) -> Iterator[Fault]:
    published = told.of(What.PUBLISHED)
    withdrawn = told.of(What.WITHDRAWN)
    if withdrawn and not published:
        yield Fault.NEVER_PUBLISHED
    if withdrawn.keys() - told.reasons:
        yield Fault.NO_REASON
    if verdict is not None and verdict.reason is Reason.NO_RULE:
        yield Fault.NO_RULE
    elif verdict is not None and published and not verdict.shown:
        yield Fault.NOT_TO_BE_SHOWN
    decided, filed = told.first(What.DECIDED), told.first(What.FILED)
    if decided and filed and _before(decided, filed):
        yield Fault.DECIDED_UNFILED
    repaired = told.first(What.REPAIRED)
    if decided and repaired:
        grade = channel.grade(facts, _day(decided))
        least = grade.least if grade else None
        due = due_days.of(least, decided) if least else None
        if due is not None and _day(repaired) < due.day:
            yield Fault.REPAIRED_EARLY


def _before(one: Moment, other: Moment) -> bool:
    """Say whether *one* was before *other*; of a day, the day alone tells."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one < other
    return _day(one) < _day(other)


def _day(at: Moment) -> date:
    return day_of(at) if isinstance(at, datetime) else at


def _moment(at: Moment) -> tuple[date, float]:
    """Order moments and days: a day of which no more is known is its beginning."""
    return _day(at), at.timestamp() if isinstance(at, datetime) else 0.0
